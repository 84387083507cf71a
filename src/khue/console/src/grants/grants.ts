import { json, query, type Clause, type Words } from "../api/client";
import type { Page } from "../organisation/organisation";

export const RIGHTS = [
  ...(["see", "live", "playback", "export", "ptz", "manage"] as const),
  ...(["onboard", "approve", "audit", "administer"] as const),
] as const;
export type Right = (typeof RIGHTS)[number];
/** What carries `see` with it: nobody watches what they may not know of. */
const NEEDS_SEE: readonly Right[] = ["live", "playback", "export", "ptz", "manage", "onboard", "approve"];

/** Which cameras: all conditions hold at once, one that is null or empty holds for every camera. */
export interface Target {
  units?: string[] | null;
  fleets?: string[] | null;
  purposes?: string[] | null;
  groups?: string[] | null;
  cameras?: string[] | null;
  defence?: boolean;
}

/** Local to the city, `HH:MM`; past midnight when it ends before it starts. Weekdays: 1 Monday to 7 Sunday. */
export interface Hours {
  from: string | null;
  to: string | null;
  weekdays: number[] | null;
}

export interface Grant {
  id: string;
  post: string | null;
  agency: string | null;
  /** The post's title or the agency's name. */
  holder: string;
  rights: Right[];
  target: Target;
  purposes: string[] | null;
  hours: Hours | null;
  valid_from: string;
  valid_to: string | null;
  passes: number;
  origin: "appointment" | "given" | "request" | "emergency";
  parent: string | null;
  lineage: string[];
  given_by: string;
  given_by_name: string;
  basis: string;
  note: string;
  created: string;
  revoked: { at: string; by: string; reason: string; with: string | null } | null;
  last_used: string | null;
  uses: number;
  children: number;
}

export interface GrantWish {
  post?: string;
  agency?: string;
  rights: Right[];
  target: Target;
  purposes?: string[];
  hours?: Hours;
  valid_from?: string;
  valid_to?: string;
  passes?: number;
  /** The grant it is derived from; without it the centre finds one. */
  parent?: string;
  basis: string;
  note?: string;
}

export interface Watcher {
  account: string;
  username: string;
  display_name: string;
  post: string;
  title: string;
  title_en?: string;
  agency: string | null;
  agency_name: string | null;
  rights: Right[];
  grant: string;
  purposes: string[] | null;
  hours: Hours | null;
  valid_to: string | null;
  origin: Grant["origin"];
}

export interface Who {
  camera: string;
  name: string;
  items: Watcher[];
  next?: string | null;
}

export interface HeldRight {
  right: Right;
  cameras: number;
  clause: Clause | null;
  purposes: string[] | null;
  default_purpose: string | null;
  needs: ("purpose" | "reason" | "case" | "second")[];
}

export interface What {
  post?: string;
  account?: string;
  rights: HeldRight[];
  units: { unit: string | null; name: string | null; cameras: number }[];
  grants: Grant[];
}

export interface Change {
  people: number;
  cameras: number;
  sample: { account: string; display_name: string; cameras: number }[];
}

export interface Effect {
  gained: Change;
  lost: Change;
  refused: string | null;
  refused_text: Words | null;
}

export const STATES = ["in_force", "ended", "revoked", "all"] as const;
export type GrantState = (typeof STATES)[number];

const at = encodeURIComponent;

/** Grants and the questions one asks of them. */
export const grants = {
  list: (
    search: {
      post?: string;
      agency?: string;
      account?: string;
      camera?: string;
      state?: string;
      unused_days?: number;
      after?: string;
    },
    signal?: AbortSignal,
  ) => json<Page<Grant>>(`/grants${query(search)}`, "GET", undefined, signal),
  read: (id: string, signal?: AbortSignal) => json<Grant>(`/grants/${at(id)}`, "GET", undefined, signal),
  give: (wish: GrantWish) => json<Grant>("/grants", "POST", wish),
  revoke: (id: string, reason: string) =>
    json<{ revoked: string | number; taken_along: number }>(`/grants/${at(id)}/revoke`, "POST", { reason }),
  who: (search: { camera: string; right?: string; at?: string }, signal?: AbortSignal) =>
    json<Who>(`/grants/who${query(search)}`, "GET", undefined, signal),
  what: (search: { post?: string; account?: string }, signal?: AbortSignal) =>
    json<What>(`/grants/what${query(search)}`, "GET", undefined, signal),
  whatIf: (change: { give: GrantWish } | { revoke: string }, signal?: AbortSignal) =>
    json<Effect>("/grants/what-if", "POST", change, signal),
};

/** The rights ticked, after one was ticked or not: what needs `see` brings it, and without `see` those go. */
export function ticked(rights: readonly Right[], right: Right): Right[] {
  const had = rights.includes(right);
  const next = new Set(rights);
  if (had) {
    next.delete(right);
    if (right === "see") for (const other of NEEDS_SEE) next.delete(other);
  } else {
    next.add(right);
    if (NEEDS_SEE.includes(right)) next.add("see");
  }
  return RIGHTS.filter((known) => next.has(known));
}

/** Where a grant stands at an instant; `waiting` before it begins. */
export function standing(
  grant: Pick<Grant, "revoked" | "valid_from" | "valid_to">,
  now: number,
): "in_force" | "waiting" | "ended" | "revoked" {
  if (grant.revoked) return "revoked";
  if (Date.parse(grant.valid_from) > now) return "waiting";
  return grant.valid_to !== null && Date.parse(grant.valid_to) <= now ? "ended" : "in_force";
}

const some = (list: readonly string[] | null | undefined): list is readonly string[] => Boolean(list && list.length > 0);

/** Whether a target says anything but "every camera". */
export const bounded = (target: Target): boolean =>
  some(target.units) || some(target.fleets) || some(target.purposes) || some(target.groups) || some(target.cameras);

/** A target as it travels: conditions that hold for every camera are left out. */
export function trimmed(target: Target): Target {
  const { units, fleets, purposes, groups, cameras, defence } = target;
  return {
    ...(some(units) ? { units: [...units] } : {}),
    ...(some(fleets) ? { fleets: [...fleets] } : {}),
    ...(some(purposes) ? { purposes: [...purposes] } : {}),
    ...(some(groups) ? { groups: [...groups] } : {}),
    ...(some(cameras) ? { cameras: [...cameras] } : {}),
    ...(defence ? { defence: true } : {}),
  };
}
