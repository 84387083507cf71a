import { json, query, request, ROOT } from "../api/client";

export const OUTCOMES = ["created", "changed", "unchanged", "duplicate", "refused", "skipped"] as const;
export type Outcome = (typeof OUTCOMES)[number];
export type ImportState =
  | "open"
  | "planning"
  | "planned"
  | "applying"
  | "applied"
  | "undoing"
  | "undone"
  | "failed";

export interface Heading {
  column: string;
  text: string;
  field: string | null;
  sample: string[];
}

export interface Sheet {
  sheet: string;
  header_rows: [number, number];
  headings: Heading[];
  agency: string | null;
  encoding: string;
  rows: number;
  mapping_name: string | null;
}

export interface ImportRecord {
  id: string;
  name: string;
  agency: string;
  state: ImportState;
  /** 0 to 1 of what it does now. */
  progress: number;
  counts: Record<Outcome | "read" | "lost", number>;
  by_reason: { outcome: string; code: string; count: number; vi: string; en: string }[];
  error: string;
  actor: string;
  kept: { camera: string; number: number; name: string; field: string | null; why: string }[];
  created: string;
  applied: string | null;
  undone: string | null;
}

export interface ImportFull extends ImportRecord {
  files: { name: string; bytes: number; sheets: Sheet[] }[];
}

interface Said {
  code: string;
  field: string;
  column?: string;
  vi: string;
  en: string;
}

export interface ImportRow {
  file: string;
  sheet: string;
  row: number;
  outcome: Outcome;
  camera: string | null;
  duplicate_of: { file: string; sheet: string; row: number } | null;
  values: Record<string, unknown>;
  problems: Said[];
  notes: Said[];
  changes: { field: string; before: unknown; after: unknown }[];
}

const at = (id: string): string => `/imports/${encodeURIComponent(id)}`;

/** What a whole fleet brings in is asked of, and told. */
export const imports = {
  list: () => json<{ items: ImportRecord[] }>("/imports"),
  open: (name: string) => json<ImportFull>("/imports", "POST", { name }),
  read: (id: string, signal?: AbortSignal) => json<ImportFull>(at(id), "GET", undefined, signal),
  abandon: (id: string) => json<void>(at(id), "DELETE"),
  addFile: (id: string, file: File) =>
    request(`${at(id)}/files/${encodeURIComponent(file.name)}`, {
      method: "PUT",
      body: file,
      headers: { "Content-Type": "application/octet-stream" },
    }),
  map: (id: string, file: string, sheet: Sheet, save_as: string) =>
    json<Sheet>(`${at(id)}/mapping`, "PUT", {
      file,
      sheet: sheet.sheet,
      columns: Object.fromEntries(sheet.headings.map((heading) => [heading.text, heading.field ?? ""])),
      agency: sheet.agency ?? "",
      save_as,
    }),
  plan: (id: string) => json<void>(`${at(id)}/plan`, "POST"),
  apply: (id: string) => json<void>(`${at(id)}/apply`, "POST"),
  undo: (id: string) => json<void>(`${at(id)}/undo`, "POST"),
  rows: (id: string, outcome: string, reason: string, after: number, signal: AbortSignal) =>
    json<{ items: ImportRow[]; next: number | null }>(
      `${at(id)}/rows${query({ outcome, reason, after, limit: 100 })}`,
      "GET",
      undefined,
      signal,
    ),
  corrected: (id: string): string => `${ROOT}${at(id)}/corrected.xlsx`,
};

/** A file the centre would not take, and its words. */
export interface Refusal {
  file: string;
  words: string;
}

/** Whether it works on something and will be in another state by itself. */
export const isBusy = (state: ImportState): boolean => ["planning", "applying", "undoing"].includes(state);

/** Fields a column may be mapped to, in the order of the camera's page. */
export const FIELDS = [
  ...["name", "code", "vendor", "model", "kind", "megapixels", "serial", "mac", "host"],
  ...["purpose", "owner", "manager", "disclosure", "sign_present", "contact_point"],
  ...["unit", "address", "lat", "lon", "mounting", "height_m", "bearing", "view_angle", "range_m"],
  ...["link", "upload_kbps", "quiet_from", "quiet_to", "site", "retention_class", "enabled"],
  ...["life", "life_since", "declared_working", "installed_on", "contract", "supplier", "warranty_until", "note"],
  ...["rtsp_main", "rtsp_sub", "username", "password"],
  ...["consent_name", "consent_phone", "consent_given_on", "consent_expires_on"],
] as const;
