/** What a person gives with a request: what for, which case, why. "" where nothing is said. */
export interface Stated {
  readonly purpose: string;
  readonly case: string;
  readonly reason: string;
}

export const NOTHING_STATED: Stated = { purpose: "", case: "", reason: "" };

let now: Stated = NOTHING_STATED;

/** What requests carry from now on. */
export function state(stated: Stated): void {
  now = stated;
}

/** Header fields take no Vietnamese letters as they are, so values travel percent-encoded. */
export function statedHeaders(stated: Partial<Stated> = now): Record<string, string> {
  return kept([
    ["X-Khue-Purpose", encodeURIComponent(stated.purpose?.trim() ?? "")],
    ["X-Khue-Case", encodeURIComponent(stated.case?.trim() ?? "")],
    ["X-Khue-Reason", encodeURIComponent(stated.reason?.trim() ?? "")],
  ]);
}

/** The same for what carries no header fields: sockets, pictures, videos, links. */
export function statedParams(stated: Partial<Stated> = now): Record<string, string> {
  return kept([
    ["stated_purpose", stated.purpose?.trim() ?? ""],
    ["stated_case", stated.case?.trim() ?? ""],
    ["stated_reason", stated.reason?.trim() ?? ""],
  ]);
}

const kept = (pairs: [string, string][]): Record<string, string> =>
  Object.fromEntries(pairs.filter(([, value]) => value !== ""));
