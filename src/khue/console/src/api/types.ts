/** The centre's vocabulary as it travels over HTTP and WebSocket. Times are RFC 3339 UTC strings. */

import type { Told } from "./client";

export type StreamName = "main" | "sub";

export const CAMERA_STATES = [
  "recording",
  "connecting",
  "stalled",
  "refused",
  "unreachable",
  "disabled",
] as const;
export type CameraState = (typeof CAMERA_STATES)[number];

export const GAP_CAUSES = ["camera", "link", "node", "disk", "policy"] as const;
export type GapCause = (typeof GAP_CAUSES)[number];

export interface Account {
  id: string;
  username: string;
  display_name: string;
  role: string;
  language: string;
}

export interface SignedIn {
  account: Account;
}

export const SECONDS = ["passkey", "totp", "recovery"] as const;
export type SecondKind = (typeof SECONDS)[number];

/** The password was right; one of `second` comes with `ticket`. */
export interface HalfSignedIn {
  ticket: string;
  second: SecondKind[];
  /** For a passkey. */
  options?: PublicKeyCredentialRequestOptionsJSON | null;
}

export type SecondAnswer = { totp: string } | { recovery: string } | { passkey: unknown };

/** Somebody else who vouches for people. */
export interface Provider {
  id: string;
  name: string;
}

export interface Stream {
  name: StreamName;
  url: string;
  transport: string;
  record: boolean;
  codec: string;
  width: number;
  height: number;
  state: CameraState;
  since: string | null;
  detail: string;
  cause: GapCause | null;
  recorded_until: string | null;
}

/** The camera-level state is its main stream's. */
export interface Camera {
  id: string;
  name: string;
  vendor: string;
  site: string;
  node: string | null;
  enabled: boolean;
  lat?: number | null;
  lon?: number | null;
  streams: Stream[];
  state: CameraState;
  since: string | null;
  detail: string;
  cause: GapCause | null;
  retention_class: string;
  created: string;
}

export interface CameraPage {
  items: Camera[];
  next: string | null;
  total: number;
}

export interface CameraChange {
  name?: string;
  url?: string;
  sub_url?: string;
  username?: string;
  password?: string;
  vendor?: string;
  site?: string;
  transport?: string;
  retention_class?: string;
  lat?: number;
  lon?: number;
  enabled?: boolean;
}

export interface ProbedStream {
  url: string;
  codec?: string;
  width?: number;
  height?: number;
  frame_rate?: number;
  audio?: string;
  transport?: string;
  kbps?: number;
}

export interface ProbeReply {
  reachable?: boolean;
  manufacturer?: string;
  model?: string;
  firmware?: string;
  serial?: string;
  mac?: string;
  onvif?: boolean;
  clock_offset_s?: number | null;
  streams?: ProbedStream[];
  error?: string;
  remedy?: string;
}

export interface NodeRecord {
  id: string;
  sites: string[];
  version: string;
  lan_url: string;
  lease_until: string | null;
  alive: boolean;
  cameras: number;
  disk_used: number;
  disk_total: number;
  cpu_seconds: number;
  rss_bytes: number;
  alert: string;
}

export interface CoverageAnswer {
  from: string;
  to: string;
  stream: StreamName;
  spans: { start: string; end: string }[];
  gaps: { start: string; end: string | null; cause: GapCause; detail?: string; partial?: boolean }[];
}

export interface Clip {
  id: string;
  state: "running" | "done" | "failed";
  bytes: number;
  progress: number;
  sha256: string | null;
  error: string | null;
}

/** One transition on the events socket. */
export interface StatusEvent {
  type: "status";
  camera: string;
  stream: StreamName;
  state: CameraState;
  since: string;
  detail?: string;
  cause?: GapCause | null;
}

/** What the live socket says in text frames; binary frames are fMP4. */
export type LiveNote =
  | { type: "start"; mime: string; width: number; height: number }
  | { type: "state"; state: CameraState; since: string; detail?: string; cause?: GapCause | null }
  | ({ type: "error"; message: string } & Told);
