import { json, query } from "../api/client";
import type { Hours, Right, Target } from "../grants/grants";
import type { Page } from "../organisation/organisation";

export const REQUEST_STATES = ["open", "approved", "narrowed", "refused", "withdrawn", "lapsed"] as const;
export type RequestState = (typeof REQUEST_STATES)[number];

export interface NamedCamera {
  id: string;
  name: string;
}

/** An agency's request for another agency's cameras. Times are RFC 3339 UTC. */
export interface AccessRequest {
  id: string;
  kind: "access" | "second";
  state: RequestState;
  account: string;
  display_name: string;
  post: string;
  post_title: string;
  agency: string | null;
  agency_name: string | null;
  rights: Right[];
  /** Those the reader may know of; null for a `target`. */
  cameras: NamedCamera[] | null;
  target: Target | null;
  purpose: string;
  case: string;
  reason: string;
  basis: string;
  valid_from: string;
  valid_to: string;
  owner: string | null;
  owner_name: string | null;
  created: string;
  due: string;
  overdue: boolean;
  /** 0 nobody yet, 1 those who decide, 2 the agency above them. */
  reminded: number;
  decided: string | null;
  decided_by: string | null;
  decided_by_name: string | null;
  decision: string;
  grant: string | null;
}

export interface RequestWish {
  kind: "access" | "second";
  rights: Right[];
  cameras?: string[];
  target?: Target;
  purpose: string;
  case: string;
  reason: string;
  valid_from?: string;
  valid_to?: string;
  basis?: string;
}

export interface Approval {
  rights?: Right[];
  cameras?: string[];
  purposes?: string[];
  hours?: Hours;
  valid_to?: string;
  basis: string;
  note?: string;
}

export interface Notice {
  id: number;
  at: string;
  kind: string;
  text: { vi: string; en: string };
  read: boolean;
  link: string;
}

const at = encodeURIComponent;
const act = <T>(path: string, body: unknown = {}): Promise<T> => json<T>(path, "POST", body);

export const requests = {
  list: (search: { box: string; state?: string; after?: string }, signal?: AbortSignal) =>
    json<Page<AccessRequest>>(`/requests${query(search)}`, "GET", undefined, signal),
  read: (id: string, signal?: AbortSignal) => json<AccessRequest>(`/requests/${at(id)}`, "GET", undefined, signal),
  /** Cameras of several owners make a request for each of them. */
  ask: (wish: RequestWish) => act<AccessRequest & { items: AccessRequest[] }>("/requests", wish),
  approve: (id: string, approval: Approval) => act<AccessRequest>(`/requests/${at(id)}/approve`, approval),
  refuse: (id: string, reason: string) => act<AccessRequest>(`/requests/${at(id)}/refuse`, { reason }),
  withdraw: (id: string) => act<AccessRequest>(`/requests/${at(id)}/withdraw`),

  notices: () => json<{ items: Notice[]; unread: number }>("/notices"),
  readNotices: (ids: readonly number[]) => act<unknown>("/notices/read", { ids }),
};

/** How near a deadline is: `overdue`, `soon` (a quarter of the time or less is left), `far`. */
export function nearness(
  request: Pick<AccessRequest, "created" | "due" | "overdue">,
  now: number,
): "overdue" | "soon" | "far" {
  const due = Date.parse(request.due);
  if (request.overdue || due <= now) return "overdue";
  const whole = due - Date.parse(request.created);
  return due - now <= whole / 4 ? "soon" : "far";
}

/** Open ones first, nearest deadline first; then the decided ones, newest first. */
export function inOrder(items: readonly AccessRequest[]): AccessRequest[] {
  const rank = (item: AccessRequest): number =>
    item.state === "open" ? Date.parse(item.due) : Number.MAX_SAFE_INTEGER;
  return [...items].sort(
    (a, b) => rank(a) - rank(b) || Date.parse(b.decided ?? b.created) - Date.parse(a.decided ?? a.created),
  );
}

export const EMERGENCY_STATES = ["waiting", "in_force", "ended", "lapsed", "reviewed"] as const;
export type EmergencyState = (typeof EMERGENCY_STATES)[number];

/** Breaking the glass: two people, an hour, owner and auditor told at once, reviewed afterwards. */
export interface Emergency {
  id: string;
  state: EmergencyState;
  account: string;
  display_name: string;
  post: string;
  post_title: string;
  agency: string | null;
  agency_name: string | null;
  rights: Right[];
  /** Those the reader may know of; null for a `target`. */
  cameras: NamedCamera[] | null;
  target: Target | null;
  purpose: string;
  case: string;
  reason: string;
  version: string;
  clause: string;
  created: string;
  /** Until when a second person may confirm it. */
  confirm_by: string;
  confirmed: string | null;
  confirmed_by: string | null;
  confirmed_by_name: string | null;
  until: string | null;
  ended: string | null;
  ended_by: string | null;
  ended_by_name: string | null;
  ended_reason: string;
  grant: string | null;
  review_due: string | null;
  /** Its review is. */
  overdue: boolean;
  verdict: "justified" | "unjustified" | null;
  review: string;
  reviewed: string | null;
  reviewed_by: string | null;
  reviewed_by_name: string | null;
  /** The reader is one of the two. */
  mine: boolean;
  may_confirm: boolean;
}

export const emergencies = {
  read: (id: string) => json<Emergency>(`/emergencies/${at(id)}`),
  list: (search: { state?: string; after?: string }, signal?: AbortSignal) =>
    json<Page<Emergency>>(`/emergencies${query(search)}`, "GET", undefined, signal),
  begin: (wish: { rights: Right[]; cameras?: string[]; target?: Target; purpose: string; case: string; reason: string }) =>
    act<Emergency>("/emergencies", wish),
  confirm: (id: string) => act<Emergency>(`/emergencies/${at(id)}/confirm`),
  end: (id: string) => act<Emergency>(`/emergencies/${at(id)}/end`),
  review: (id: string, verdict: "justified" | "unjustified", text: string) =>
    act<Emergency>(`/emergencies/${at(id)}/review`, { verdict, text }),
};

/** `59:03`: what is left of an hour that runs out; "" when nothing is. */
export function countdown(until: string, now: number): string {
  const seconds = Math.ceil((Date.parse(until) - now) / 1000);
  if (!(seconds > 0)) return "";
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
