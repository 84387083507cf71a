import { api } from "../api/client";
import { t } from "../i18n/preferences.svelte";
import { agencies } from "../organisation/agencies.svelte";
import { organisation } from "../organisation/organisation";
import type { Found } from "../parts/Finder.svelte";
import { directory, fold } from "../registry/directory.svelte";
import { titled } from "./words";

const MOST = 12;

/** Posts by title, agency or holder. */
export async function findPosts(q: string, signal: AbortSignal): Promise<Found[]> {
  const { items } = await organisation.posts({ q }, signal);
  return items
    .filter((post) => !post.closed && post.agency !== null)
    .slice(0, MOST)
    .map((post) => ({
      id: post.id,
      title: titled(post),
      detail: [post.agency_name, post.holders.map((holder) => holder.display_name).join(", ")].filter(Boolean).join(" · "),
    }));
}

/** Agencies that are known here already; nothing is asked. */
export async function findAgencies(q: string): Promise<Found[]> {
  const wanted = fold(q);
  return agencies.items
    .filter((agency) => fold(`${agency.name} ${agency.id}`).includes(wanted))
    .slice(0, MOST)
    .map((agency) => ({ id: agency.id, title: agency.name, detail: agencies.name(agency.parent) }));
}

/** Posts (`post:id`) and agencies (`agency:id`) in one list: whoever may hold a grant. */
export async function findHolders(q: string, signal: AbortSignal): Promise<Found[]> {
  const [posts, whole] = await Promise.all([findPosts(q, signal), findAgencies(q)]);
  const half = Math.max(MOST / 2, MOST - whole.length);
  return [
    ...posts.slice(0, half).map((post) => ({ ...post, id: `post:${post.id}`, kind: t("grants.holder.post") })),
    ...whole
      .slice(0, MOST - Math.min(posts.length, half))
      .map((agency) => ({ ...agency, id: `agency:${agency.id}`, kind: t("grants.holder.agency") })),
  ];
}

export async function findPeople(q: string, signal: AbortSignal): Promise<Found[]> {
  const { items } = await organisation.people({ q }, signal);
  return items.slice(0, MOST).map((person) => ({
    id: person.account,
    title: person.display_name || person.username,
    detail: [person.username, ...person.posts.filter((post) => post.agency !== null).map((post) => titled(post))].join(" · "),
  }));
}

/** Cameras the viewer may see, by name, code or place. */
export async function findCameras(q: string, signal: AbortSignal): Promise<Found[]> {
  const { items } = await api.cameras({ q, limit: MOST }, signal);
  return items.map((camera) => ({ id: camera.id, title: camera.name, detail: [camera.site, camera.vendor].filter(Boolean).join(" · ") }));
}

export async function findUnits(q: string): Promise<Found[]> {
  const wanted = fold(q);
  return directory.units
    .filter((unit) => fold(unit.name).includes(wanted))
    .slice(0, MOST)
    .map((unit) => ({ id: unit.code, title: unit.name }));
}

export async function findGroups(q: string): Promise<Found[]> {
  const wanted = fold(q);
  return agencies.groups
    .filter((group) => fold(group.name).includes(wanted))
    .slice(0, MOST)
    .map((group) => ({ id: group.id, title: group.name, detail: agencies.name(group.agency) }));
}

/** A camera's name, or its id while that is not known. */
export async function cameraName(id: string): Promise<string> {
  return (await api.camera(id)).name;
}
