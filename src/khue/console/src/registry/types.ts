import type { CameraState } from "../api/types";

/** The words of the registry as the centre spells them (khue.model.registry). */
export const PURPOSES = [
  "security",
  "violation",
  "defence",
  "traffic_safety",
  "traffic_infrastructure",
  "environment",
  "urban_order",
  "vov_traffic",
] as const;
export const GROUPS = ["order", "defence", "state", "broadcast"] as const;
export const KINDS = ["ptz", "fixed"] as const;
export const LINKS = ["private_fibre", "leased", "borrowed"] as const;
export const LIVES = [
  "proposed",
  "approved",
  "installed",
  "accepted",
  "operating",
  "faulty",
  "under_repair",
  "suspended",
  "removed",
] as const;
/** Of a camera that hangs there, whether it works or not. */
export const INSTALLED = ["installed", "accepted", "operating", "faulty", "under_repair", "suspended"] as const;
export const DISCLOSURES = ["located", "area", "counted"] as const;
export const SECURITIES = ["unknown", "fails", "partial", "meets"] as const;
export const MOUNTINGS = ["pole", "wall", "gantry", "building", "traffic_light", "other"] as const;
export const ANSWERS = ["yes", "no", "unknown"] as const;

export type Purpose = (typeof PURPOSES)[number];
export type Group = (typeof GROUPS)[number];
export type Kind = (typeof KINDS)[number];
export type LinkKind = (typeof LINKS)[number];
export type Life = (typeof LIVES)[number];
export type Disclosure = (typeof DISCLOSURES)[number];
export type Security = (typeof SECURITIES)[number];
export type Answer = (typeof ANSWERS)[number];

/** One camera as the fleet's lists show it. Dates are `YYYY-MM-DD`, times RFC 3339 UTC. */
export interface FleetRow {
  id: string;
  number: number;
  code: string | null;
  name: string;
  vendor: string;
  family: string;
  model: string;
  kind: Kind | null;
  lat: number | null;
  lon: number | null;
  address: string;
  unit: string | null;
  owner: string | null;
  manager: string | null;
  purpose: Purpose | null;
  link: LinkKind | null;
  life: Life;
  life_since: string | null;
  installed_on: string | null;
  declared_working: boolean | null;
  seen_working: boolean | null;
  seen_since: string | null;
  state: CameraState | null;
  node: string | null;
  security: Security;
  disclosure: Disclosure;
  /** Null in the past. */
  revision: number | null;
}

export interface Unit {
  code: string;
  name: string;
  kind: "ward" | "commune";
  lat: number;
  lon: number;
  area_km2: number;
}

export interface Agency {
  id: string;
  name: string;
  kind: string;
  parent: string | null;
  unit: string | null;
}

export interface CameraType {
  vendor: string;
  family: string;
}

/** The answer to a boolean nobody may have answered. */
export const answer = (value: boolean | null): Answer =>
  value === null ? "unknown" : value ? "yes" : "no";
