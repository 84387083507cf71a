import { api, ApiError, json, query } from "../api/client";
import { audit, searchFrom } from "./audit";

export interface Found {
  id: string;
  name: string;
  more?: string;
}

/** Cameras by name. Who may read the log without seeing the cameras is offered those the log speaks of. */
export async function findCameras(text: string): Promise<readonly Found[]> {
  try {
    const { items } = await api.cameras({ q: text, limit: 12 });
    if (items.length > 0) return items.map((one) => ({ id: one.id, name: one.name, more: one.site }));
  } catch (reason) {
    if (!(reason instanceof ApiError)) throw reason;
  }
  return fromLog(text);
}

async function fromLog(text: string): Promise<readonly Found[]> {
  try {
    const { items } = await audit.search(searchFrom(new URLSearchParams()), null, new AbortController().signal);
    const known = new Map(items.filter((one) => one.camera).map((one) => [one.camera, one.camera_name ?? one.camera]));
    const sought = text.toLowerCase();
    return [...known]
      .filter(([id, name]) => `${id} ${name}`.toLowerCase().includes(sought))
      .map(([id, name]) => ({ id, name }));
  } catch (reason) {
    if (!(reason instanceof ApiError)) throw reason;
    return [];
  }
}

interface Person {
  account: string;
  username: string;
  display_name: string;
}

/** People by name or user name. */
export async function findPeople(text: string): Promise<readonly Found[]> {
  try {
    const { items } = await json<{ items: Person[] }>(`/organisation/people${query({ q: text })}`);
    return items.slice(0, 12).map((one) => ({
      id: one.account,
      name: one.display_name || one.username,
      ...(one.display_name ? { more: one.username } : {}),
    }));
  } catch (reason) {
    if (!(reason instanceof ApiError)) throw reason;
    return [];
  }
}
