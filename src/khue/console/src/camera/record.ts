import { json, query } from "../api/client";
import type { ProbeReply, Stream } from "../api/types";
import type { FieldShape } from "../registry/edit";
import { DISCLOSURES, KINDS, LINKS, MOUNTINGS, PURPOSES, type FleetRow, type Life, type Security } from "../registry/types";

export interface Contact {
  name: string;
  phone: string;
  address: string;
}

export interface Consent {
  id: string;
  state: "in_force" | "expired" | "withdrawn";
  given_on: string;
  expires_on: string | null;
  withdrawn_on: string | null;
  withdrawn_reason: string;
  document: string;
  upload_kbps: number | null;
  quiet_from: string | null;
  quiet_to: string | null;
  recorded: string;
  recorded_by: string;
  /** Only for those who may change the camera; each look at it is on the access log. */
  contact: Contact | null;
}

export const RESULTS = ["pass", "fail", "not_applicable", "unknown"] as const;
export type Result = (typeof RESULTS)[number];

export interface Topic {
  topic: string;
  result: Result;
  evidence: string;
  checked_on: string | null;
  actor: string | null;
}

/** One camera of the registry, now or as of a day. */
export interface CameraRecord extends FleetRow {
  megapixels: number | null;
  serial: string;
  mac: string | null;
  host: string;
  mounting: string | null;
  height_m: number | null;
  bearing: number | null;
  view_angle: number | null;
  range_m: number | null;
  upload_kbps: number | null;
  quiet_from: string | null;
  quiet_to: string | null;
  contract: string;
  supplier: string;
  warranty_until: string | null;
  sign_present: boolean | null;
  contact_point: string;
  site: string;
  retention_class: string;
  enabled: boolean;
  note: string;
  life_steps: Life[];
  seen_how: string | null;
  seen_detail: string | null;
  has_credentials: boolean;
  streams: Stream[];
  consent: Consent | null;
  problems: { code: string; message: string }[];
  created: string;
  valid_from: string;
}

/** The record as the centre sends it: the state of its security travels with its topics. */
type Answer = Omit<CameraRecord, "security"> & { security: { state: Security; topics: Topic[] } };
export type Full = CameraRecord & { topics: Topic[] };

export interface HistoryEvent {
  at: string;
  recorded: string;
  actor: string;
  reason: string;
  source: string;
  kind: "facts" | "life" | "consent" | "security" | "streams";
  changes: { field: string; before: unknown; after: unknown }[];
}

export interface RegistryProbe extends ProbeReply {
  resolved_by?: string;
  seen: boolean;
  node: string;
  differences: { field: string; registry: string; device: string }[];
}

export interface Rotation {
  changed: boolean;
  verified: boolean;
  rolled_back: boolean;
  detail: string;
}

/** What to sign in to a camera with; nothing: what is kept sealed. */
export type SignIn = { username: string; password: string } | Record<string, never>;

const at = (id: string): string => `/registry/cameras/${encodeURIComponent(id)}`;
const full = ({ security, ...rest }: Answer): Full => ({ ...rest, security: security.state, topics: security.topics });
const post = async (path: string, body: unknown): Promise<Full> => full(await json<Answer>(path, "POST", body));

export const records = {
  read: async (id: string, asof: string, signal: AbortSignal) =>
    full(await json<Answer>(`${at(id)}${query({ asof })}`, "GET", undefined, signal)),
  history: (id: string, signal: AbortSignal) =>
    json<{ items: HistoryEvent[] }>(`${at(id)}/history`, "GET", undefined, signal),
  change: async (id: string, fields: Record<string, unknown>, reason: string, revision: number) =>
    full(await json<Answer>(at(id), "PATCH", { fields, reason, revision })),
  step: (id: string, after: Life, happened: string, reason: string) =>
    post(`${at(id)}/life`, { after, happened, reason }),
  consent: (id: string, consent: Record<string, unknown>) => post(`${at(id)}/consents`, consent),
  withdraw: (id: string, on: string, reason: string) => post(`${at(id)}/consents/withdraw`, { on, reason }),
  finding: (id: string, finding: Record<string, unknown>) => post(`${at(id)}/security`, finding),
  probe: (id: string, signIn: SignIn) => json<RegistryProbe>(`${at(id)}/probe`, "POST", signIn),
  adopt: (id: string, main: string, sub: string, signIn: SignIn) =>
    json<unknown>(`${at(id)}/streams`, "POST", { rtsp_main: main, ...(sub ? { rtsp_sub: sub } : {}), ...signIn }),
  rotate: (id: string) => json<Rotation>(`${at(id)}/rotate-password`, "POST", {}),
};

const words = (of: readonly string[], vocabulary: string): FieldShape => ({ kind: "words", of, vocabulary });
const number = (least: number, most: number): FieldShape => ({ kind: "number", least, most });
const text: FieldShape = { kind: "text" };

export const UNIQUE: ReadonlySet<string> = new Set(["code", "mac"]);

/** Facts a camera is never without. */
export const NEEDED: ReadonlySet<string> = new Set(["name", "disclosure", "retention_class", "enabled"]);

/** The page's groups of fields, in the order an office thinks of them. */
export const GROUPS: readonly { title: "what" | "whose" | "where" | "line" | "papers"; fields: readonly (readonly [string, FieldShape])[] }[] = [
  {
    title: "what",
    fields: [
      ["name", text],
      ["code", text],
      ["vendor", { kind: "vendor" }],
      ["model", text],
      ["kind", words(KINDS, "kind")],
      ["megapixels", number(0.1, 500)],
      ["serial", text],
      ["mac", text],
      ["host", text],
    ],
  },
  {
    title: "whose",
    fields: [
      ["purpose", words(PURPOSES, "purpose")],
      ["owner", { kind: "agency" }],
      ["manager", { kind: "agency" }],
      ["disclosure", words(DISCLOSURES, "disclosure")],
      ["sign_present", { kind: "answer" }],
      ["contact_point", text],
      ["declared_working", { kind: "answer" }],
    ],
  },
  {
    title: "where",
    fields: [
      ["unit", { kind: "unit" }],
      ["address", text],
      ["lat", number(-90, 90)],
      ["lon", number(-180, 180)],
      ["mounting", words(MOUNTINGS, "mounting")],
      ["height_m", number(0, 200)],
      ["bearing", number(0, 359.9)],
      ["view_angle", number(1, 360)],
      ["range_m", number(1, 20_000)],
    ],
  },
  {
    title: "line",
    fields: [
      ["link", words(LINKS, "link")],
      ["upload_kbps", number(1, 1_000_000)],
      ["quiet_from", { kind: "time" }],
      ["quiet_to", { kind: "time" }],
      ["site", text],
      ["retention_class", text],
      ["enabled", { kind: "flag" }],
    ],
  },
  {
    title: "papers",
    fields: [
      ["installed_on", { kind: "date" }],
      ["contract", text],
      ["supplier", text],
      ["warranty_until", { kind: "date" }],
      ["note", text],
    ],
  },
];
