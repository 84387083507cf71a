import { json, query, ROOT } from "../api/client";

/** One entry of the log. Times are RFC 3339 UTC. */
export interface Entry {
  seq: number;
  at: string;
  account: string;
  username: string;
  post: string;
  action: string;
  address: string;
  outcome: "allowed" | "refused";
  camera: string;
  /** null: the camera is gone. */
  camera_name: string | null;
  stream: string;
  period_start: string | null;
  period_end: string | null;
  purpose: string;
  case_number: string;
  reason: string;
  grant: string;
  clause: string;
  version: string;
  cameras: number;
  named: string[];
  detail: string;
  leaf: string;
}

interface Tally {
  first: string;
  last: string;
}

/** One account in one post that looked at a camera. */
export interface Watcher extends Tally {
  account: string;
  username: string;
  post: string;
  allowed: number;
  refused: number;
  actions: string[];
  purposes: string[];
  cases: string[];
  grants: string[];
}

/** One action of an officer, in one post. */
export interface Doing extends Tally {
  action: string;
  post: string;
  allowed: number;
  refused: number;
  cameras: number;
  purposes: string[];
  cases: string[];
  addresses: string[];
}

export interface DoneTo extends Tally {
  camera: string;
  name: string | null;
  count: number;
  refused: number;
  actions: string[];
}

/** Refusals of one account, action and clause. */
export interface RefusedGroup extends Tally {
  account: string;
  username: string;
  action: string;
  clause: string;
  version: string;
  count: number;
  cameras: number;
  detail: string;
  addresses: string[];
}

export interface UnusedGrant {
  id: string;
  title: string | null;
  agency_name: string | null;
  rights: string[];
  valid_from: string;
  valid_to: string | null;
  origin: string;
  basis: string;
  given_by: string;
  last_used: string | null;
}

/** What is looked for; "" where anything will do. Days are civil days of the city, both included. */
export interface Search {
  from: string;
  to: string;
  account: string;
  camera: string;
  action: string;
  outcome: string;
  purpose: string;
  case: string;
  post: string;
  grant: string;
}

export const SEARCH_FIELDS = [
  ...["from", "to", "account", "camera", "action", "outcome"],
  ...["purpose", "case", "post", "grant"],
] as readonly (keyof Search)[];

/** Civil days of the city, both included; "" leaves the side open. */
export type Days = Pick<Search, "from" | "to">;

export interface Checkpoint {
  origin: string;
  size: number;
  root: string;
  at: string;
  signature: string;
  key: string;
  text: string;
}

export interface Verdict {
  ok: boolean;
  size: number;
  root: string;
  /** How many signed checkpoints hold. */
  checkpoints: number;
  first_bad: number | null;
  why: string;
}

export interface Proof {
  seq: number;
  size: number;
  leaf: string;
  proof: string[];
}

export const audit = {
  search: (search: Search, before: number | null, signal: AbortSignal) =>
    json<{ items: Entry[]; next: number | null }>(
      `/audit${query({ ...asked(search), before, limit: 100 })}`,
      "GET",
      undefined,
      signal,
    ),
  watchers: (camera: string, days: Days) =>
    json<{ items: Watcher[] }>(`/audit/watchers${query({ camera, ...period(days.from, days.to) })}`),
  officer: (account: string, days: Days) =>
    json<{ items: Doing[]; cameras: DoneTo[] }>(`/audit/officer${query({ account, ...period(days.from, days.to) })}`),
  unused: (days: number) => json<{ items: UnusedGrant[] }>(`/audit/unused-grants${query({ days })}`),
  refusals: (days: Days) =>
    json<{ items: RefusedGroup[] }>(`/audit/refusals${query(period(days.from, days.to))}`),
  newCheckpoint: () => json<Checkpoint>("/audit/checkpoint", "POST", {}),
  key: () => json<{ origin: string; key: string }>("/audit/key"),
  checkpoint: () => json<Checkpoint>("/audit/checkpoint"),
  verify: () => json<Verdict>("/audit/verify", "POST", {}),
  proof: (seq: number, size: number) => json<Proof>(`/audit/entries/${seq}/proof${query({ size })}`),
  exportUrl: (days: Days): string => `${ROOT}/audit/export${query(period(days.from, days.to))}`,
};

const DAY = 86_400_000;
/** The city keeps one clock all year, seven hours ahead. */
const CITY = "+07:00";

/** Civil days of the city, both included, as instants. */
export function period(from: string, to: string): { from: string; to: string } {
  const instant = (day: string, after: number): string =>
    day ? new Date(Date.parse(`${day}T00:00:00${CITY}`) + after).toISOString() : "";
  return { from: instant(from, 0), to: instant(to, DAY) };
}

function asked(search: Search): Record<string, string> {
  return { ...search, ...period(search.from, search.to) };
}

export function searchFrom(params: URLSearchParams): Search {
  return Object.fromEntries(SEARCH_FIELDS.map((field) => [field, params.get(field) ?? ""])) as unknown as Search;
}

export function searchParams(search: Search): URLSearchParams {
  return new URLSearchParams(SEARCH_FIELDS.filter((field) => search[field]).map((field) => [field, search[field]]));
}

/** The civil day of an instant in the city: `2026-01-31`. */
export const cityDay = (ms: number): string => new Date(ms + 7 * 3_600_000).toISOString().slice(0, 10);
