import { json, query } from "../api/client";
import type { NodeRecord } from "../api/types";

export interface Found {
  key: string;
  address: string;
  ports: number[];
  onvif: boolean;
  services: string[];
  vendor: string;
  family: string;
  model: string;
  name: string;
  serial: string;
  mac: string | null;
  clock_offset_s: number | null;
  error: string;
  /** The record in the registry it fits, by `matched_by`. */
  camera: string | null;
  matched_by: "mac" | "serial" | "host" | null;
}

export interface Discovery {
  id: string;
  node: string;
  ranges: string[] | null;
  multicast: boolean;
  state: "running" | "done" | "cancelled" | "failed";
  progress: number;
  asked: number;
  total: number;
  outside: number;
  devices: number;
  error: string;
  created: string;
  created_by: string;
  finished: string | null;
}

export interface FullDiscovery extends Discovery {
  found: Found[];
  next: number | null;
}

export type ScanningNode = NodeRecord & { ranges: string[] };

const at = (id: string): string => `/discoveries/${encodeURIComponent(id)}`;

export const discoveries = {
  nodes: () => json<{ items: ScanningNode[] }>("/nodes"),
  list: () => json<{ items: Discovery[] }>(`/discoveries${query({ limit: 20 })}`),
  start: (node: string, ranges: string[], multicast: boolean) =>
    json<{ id: string }>("/discoveries", "POST", { node, ranges, multicast }),
  read: async (id: string) => {
    const first = await json<FullDiscovery>(at(id));
    const found = [...first.found];
    for (let { next } = first; next !== null; ) {
      const page = await json<FullDiscovery>(`${at(id)}${query({ after: next })}`);
      found.push(...page.found);
      next = page.next;
    }
    return { ...first, found };
  },
  cancel: (id: string) => json<unknown>(`${at(id)}/cancel`, "POST"),
  register: (fields: Record<string, unknown>, reason: string) =>
    json<{ id: string }>("/registry/cameras", "POST", { fields, reason }),
};

const port = (device: Found): string => {
  const other = device.ports.find((one) => !device.services.some((service) => service.includes(`:${one}/`)));
  return other === undefined || other === 554 ? "" : `:${other}`;
};

/** Where to ask a device what it is: where it answers ONVIF, else the port that is left. */
export function addressOf(device: Found): string {
  const [service] = device.services;
  if (device.onvif && service) return service;
  return `rtsp://${device.address.includes(":") ? `[${device.address}]` : device.address}${port(device)}/`;
}

export const isOver = (discovery: Discovery): boolean => discovery.finished !== null;
