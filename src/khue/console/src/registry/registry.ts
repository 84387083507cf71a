import { json, query, ROOT } from "../api/client";
import { filterParams, type Filter } from "./filter";
import type { Agency, CameraType, FleetRow, Unit } from "./types";

export type ExportFormat = "xlsx" | "csv" | "geojson" | "ngsi-ld";

export interface SavedFilter {
  id: string;
  name: string;
  query: Record<string, string>;
  shared: boolean;
  owner: string;
  own: boolean;
}

export interface EditSample {
  number: number;
  name: string;
  field: string;
  before: unknown;
  after: unknown;
}

export interface EditRefusal {
  number: number;
  name: string;
  why: string;
}

export interface EditPreview {
  count: number;
  changed: number;
  unchanged: number;
  refused: EditRefusal[];
  sample: EditSample[];
}

export interface EditRequest {
  query?: Record<string, string>;
  numbers?: number[];
  set: Record<string, unknown>;
  reason: string;
}

export interface EditRecord {
  id: string;
  actor: string;
  reason: string;
  set: Record<string, unknown>;
  changed: number;
  applied: string;
  undone: string | null;
}

const search = (filter: Filter, more: Record<string, string> = {}): string => {
  const params = filterParams(filter);
  for (const [name, value] of Object.entries(more)) params.set(name, value);
  return query(Object.fromEntries(params));
};

/** What the registry of the fleet is asked, beside single cameras. */
export const registry = {
  index: (filter: Filter, signal: AbortSignal) =>
    json<{ total: number; numbers: string }>(`/inventory/index${search(filter, { sort: filter.sort })}`, "GET", undefined, signal),
  rows: (numbers: readonly number[], asof: string, signal: AbortSignal) =>
    json<{ items: FleetRow[] }>(
      "/inventory/rows",
      "POST",
      { numbers, ...(asof ? { asof } : {}) },
      signal,
    ),
  exportUrl: (filter: Filter, format: ExportFormat): string =>
    `${ROOT}/inventory/export${search(filter, { format })}`,

  units: () => json<{ items: Unit[] }>("/registry/units"),
  agencies: () => json<{ items: Agency[] }>("/registry/agencies"),
  types: () => json<{ items: CameraType[] }>("/registry/types"),

  filters: () => json<{ items: SavedFilter[] }>("/registry/filters"),
  saveFilter: (name: string, filter: Filter, shared: boolean) =>
    json<SavedFilter>("/registry/filters", "POST", {
      name,
      query: Object.fromEntries(filterParams(filter)),
      shared,
    }),
  removeFilter: (id: string) => json<void>(`/registry/filters/${encodeURIComponent(id)}`, "DELETE"),

  previewEdit: (edit: EditRequest, signal: AbortSignal) =>
    json<EditPreview>("/registry/edits", "POST", { ...edit, preview: true }, signal),
  applyEdit: (edit: EditRequest) =>
    json<{ id: string; changed: number }>("/registry/edits", "POST", { ...edit, preview: false }),
  undoEdit: (id: string) =>
    json<{ restored: number; kept: { number: number | null; why: string }[] }>(
      `/registry/edits/${encodeURIComponent(id)}/undo`,
      "POST",
      {},
    ),
  edits: () => json<{ items: EditRecord[] }>("/registry/edits"),
};

/** Numbers of cameras as the index sends them: base64 of little-endian unsigned 32-bit integers. */
export function numbersFrom(text: string): Uint32Array {
  const bytes = Uint8Array.from(window.atob(text), (char) => char.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Uint32Array.from({ length: bytes.length >> 2 }, (_, at) => view.getUint32(at * 4, true));
}
