import { json, query } from "../api/client";

/** A person in a post. Times are RFC 3339 UTC; `valid_to` null: until further notice. */
export interface Tenure {
  tenure: number | string;
  account: string;
  username: string;
  display_name: string;
  valid_from: string;
  valid_to: string | null;
  basis: string;
}

export interface Post {
  id: string;
  agency: string | null;
  agency_name: string | null;
  kind: string;
  title: string;
  title_en: string;
  closed: string | null;
  holders: Tenure[];
  grants: number;
}

export const LINKS = ["directs", "supervises", "coordinates"] as const;
export type LinkKind = (typeof LINKS)[number];

export interface AgencyLink {
  to: string;
  kind: LinkKind;
  valid_from: string;
  valid_to: string | null;
  basis: string;
}

export interface AgencyNode {
  id: string;
  name: string;
  kind: string;
  parent: string | null;
  unit: string | null;
  path: string;
  depth: number;
  posts: number;
  people: number;
  cameras: number;
  links: AgencyLink[];
}

export interface PersonPost {
  id: string;
  title: string;
  title_en: string;
  agency: string | null;
  agency_name: string | null;
  kind: string;
  valid_from: string;
  valid_to: string | null;
}

export interface Person {
  account: string;
  username: string;
  display_name: string;
  role: string;
  disabled: boolean | string | null;
  posts: PersonPost[];
}

export interface CameraGroup {
  id: string;
  name: string;
  agency: string | null;
  cameras: number;
}

export interface Page<T> {
  items: T[];
  next?: string | null;
}

const at = encodeURIComponent;
const get = <T>(path: string, signal?: AbortSignal): Promise<T> => json<T>(`/organisation${path}`, "GET", undefined, signal);
const send = <T>(path: string, body: unknown): Promise<T> => json<T>(`/organisation${path}`, "POST", body);

/** Agencies, posts, who holds them, and groups of cameras, as the centre keeps them. */
export const organisation = {
  agencies: () => get<Page<AgencyNode>>("/agencies"),
  link: (from: string, to: string, kind: LinkKind, basis: string) => send<unknown>("/links", { from, to, kind, basis }),
  endLink: (from: string, to: string, kind: LinkKind) => send<unknown>("/links/end", { from, to, kind }),

  posts: (
    search: { agency?: string; kind?: string; account?: string; q?: string; below?: number; after?: string },
    signal?: AbortSignal,
  ) => get<Page<Post>>(`/posts${query(search)}`, signal),
  addPost: (post: { agency: string; kind: string; title: string; title_en: string }) => send<Post>("/posts", post),
  changePost: (id: string, change: { title?: string; title_en?: string; closed?: boolean }) =>
    json<Post>(`/organisation/posts/${at(id)}`, "PATCH", change),
  appoint: (post: string, tenure: { account: string; valid_from?: string; valid_to?: string; basis: string }) =>
    send<unknown>(`/posts/${at(post)}/tenures`, tenure),
  endTenure: (tenure: number | string, reason: string) => send<unknown>(`/tenures/${tenure}/end`, { reason }),

  people: (search: { q?: string; agency?: string; after?: string }, signal?: AbortSignal) =>
    get<Page<Person>>(`/people${query(search)}`, signal),

  groups: () => get<Page<CameraGroup>>("/groups"),
  addGroup: (group: { name: string; agency?: string }) => send<CameraGroup>("/groups", group),
  changeGroup: (id: string, change: { add?: string[]; remove?: string[] }) =>
    send<unknown>(`/groups/${at(id)}/cameras`, change),
};
