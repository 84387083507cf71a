import { DISCLOSURES, KINDS, LINKS, MOUNTINGS, PURPOSES } from "./types";

/** How a field is typed in. */
export type FieldShape =
  | { kind: "words"; of: readonly string[]; vocabulary: string }
  | { kind: "unit" | "agency" | "vendor" | "answer" | "date" | "time" | "text" | "flag" }
  | { kind: "number"; least: number; most: number };

/**
 * Fields that may be given one value for many cameras, in the order an office thinks of them. What is a device's own
 * (name, code, serial number, position) is not among them. `empty`: the field may also be emptied.
 */
export const EDITABLE: readonly { field: string; shape: FieldShape; empty: boolean }[] = [
  { field: "purpose", shape: { kind: "words", of: PURPOSES, vocabulary: "purpose" }, empty: false },
  { field: "owner", shape: { kind: "agency" }, empty: true },
  { field: "manager", shape: { kind: "agency" }, empty: true },
  { field: "unit", shape: { kind: "unit" }, empty: true },
  { field: "declared_working", shape: { kind: "answer" }, empty: true },
  { field: "link", shape: { kind: "words", of: LINKS, vocabulary: "link" }, empty: true },
  { field: "upload_kbps", shape: { kind: "number", least: 1, most: 1_000_000 }, empty: true },
  { field: "disclosure", shape: { kind: "words", of: DISCLOSURES, vocabulary: "disclosure" }, empty: false },
  { field: "sign_present", shape: { kind: "answer" }, empty: true },
  { field: "contact_point", shape: { kind: "text" }, empty: true },
  { field: "contract", shape: { kind: "text" }, empty: true },
  { field: "supplier", shape: { kind: "text" }, empty: true },
  { field: "warranty_until", shape: { kind: "date" }, empty: true },
  { field: "installed_on", shape: { kind: "date" }, empty: true },
  { field: "vendor", shape: { kind: "vendor" }, empty: true },
  { field: "model", shape: { kind: "text" }, empty: true },
  { field: "kind", shape: { kind: "words", of: KINDS, vocabulary: "kind" }, empty: true },
  { field: "megapixels", shape: { kind: "number", least: 0.1, most: 500 }, empty: true },
  { field: "mounting", shape: { kind: "words", of: MOUNTINGS, vocabulary: "mounting" }, empty: true },
  { field: "height_m", shape: { kind: "number", least: 0, most: 200 }, empty: true },
  { field: "site", shape: { kind: "text" }, empty: true },
  { field: "retention_class", shape: { kind: "text" }, empty: false },
  { field: "enabled", shape: { kind: "flag" }, empty: false },
  { field: "note", shape: { kind: "text" }, empty: true },
];


/** What a field holds when it is emptied: a text is never null. */
export const emptied = (shape: FieldShape): null | "" =>
  shape.kind === "text" || shape.kind === "vendor" ? "" : null;
