import { statedHeaders, statedParams, type Stated } from "./stated";
import type {
  Camera,
  CameraChange,
  CameraPage,
  Clip,
  CoverageAnswer,
  HalfSignedIn,
  NodeRecord,
  ProbeReply,
  Provider,
  SecondAnswer,
  SignedIn,
  StreamName,
} from "./types";

export const ROOT = "/api/v1";

export interface Words {
  vi: string;
  en: string;
}

/** A clause of the regulation, in its own words. */
export interface Clause extends Words {
  version: string;
  id: string;
}

/** An agency that may decide otherwise, and the posts in it that do. */
export interface Ask {
  agency: string;
  name: string;
  posts: string[];
}

/** What an answer that refuses holds beside its code; sockets say the same. */
export interface Told {
  code?: string;
  message?: string;
  remedy?: string;
  /** Which rule it was: no_right, kind, hours, purpose, purpose_needed, needs_reason, needs_case, needs_second. */
  verdict?: string;
  text?: Words;
  clause?: Clause | null;
  ask?: Ask[];
}

/** What the centre refused or could not do, with its remedy. `status` is 0 when the centre was not reached. */
export class ApiError extends Error {
  /** The refusal for those who read either language; null when it is an ordinary failure. */
  readonly text: Words | null;
  readonly verdict: string;
  /** The clause that decided. */
  readonly clause: Clause | null;
  /** Who may decide otherwise. */
  readonly ask: readonly Ask[];

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly remedy: string = "",
    told: Told = {},
  ) {
    super(message);
    this.text = told.text ?? null;
    this.verdict = told.verdict ?? "";
    this.clause = told.clause ?? null;
    this.ask = told.ask ?? [];
  }

  /** Refused by the regulation or for want of a grant, and not for another reason. */
  get refused(): boolean {
    return this.status === 403 && (this.text !== null || this.clause !== null || this.ask.length > 0);
  }
}

interface ErrorBody {
  error?: Told;
}

async function failure(response: Response): Promise<ApiError> {
  let body: ErrorBody = {};
  try {
    body = (await response.json()) as ErrorBody;
  } catch {
    // A proxy's error page is not JSON; the status line is all there is to tell.
  }
  const told = body.error;
  return new ApiError(
    response.status,
    told?.code ?? "http",
    told?.message ?? `${response.status} ${response.statusText}`,
    told?.remedy ?? "",
    told ?? {},
  );
}

let onSignedOut: () => void = () => undefined;

/** Names the one listener told when the centre no longer knows the session. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

/** A request to the centre; rejects with ApiError, or AbortError when `signal` fires. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(ROOT + path, {
      credentials: "same-origin",
      ...init,
      // Any other site's form can send our cookie, but not this header.
      headers: { "X-Khue": "1", ...statedHeaders(), ...(init.headers ?? {}) },
    });
  } catch (reason) {
    if (reason instanceof DOMException && reason.name === "AbortError") throw reason;
    throw new ApiError(0, "unreachable", "the centre cannot be reached");
  }
  if (response.ok) return response;
  const refused = await failure(response);
  if (response.status === 401 && !path.startsWith("/session")) onSignedOut();
  throw refused;
}

/** A request whose answer is JSON (nothing when 204). */
export async function json<T>(path: string, method = "GET", body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await request(path, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
    ...(signal ? { signal } : {}),
  });
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

/** `?name=value&...` of what is set, or "". */
export function query(values: Record<string, string | number | null | undefined>): string {
  const kept = Object.entries(values).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  return kept.length === 0 ? "" : `?${new URLSearchParams(kept.map(([key, value]) => [key, String(value)]))}`;
}

const at = (ms: number): string => new Date(ms).toISOString();
const camera = (id: string): string => `/cameras/${encodeURIComponent(id)}`;

export const api = {
  session: () => json<SignedIn>("/session"),
  signIn: (username: string, password: string) =>
    json<SignedIn | HalfSignedIn>("/session", "POST", { username, password }),
  second: (ticket: string, answer: SecondAnswer) =>
    json<SignedIn>("/session/second", "POST", { ticket, ...answer }),
  passkeyOptions: () =>
    json<{ ticket: string; options: PublicKeyCredentialRequestOptionsJSON }>("/session/passkey/options", "POST", {}),
  passkey: (ticket: string, credential: unknown) =>
    json<SignedIn>("/session/passkey", "POST", { ticket, credential }),
  providers: () => json<{ providers: Provider[] }>("/session/oidc"),
  signOut: () => json<void>("/session", "DELETE"),

  cameras: (
    search: { q?: string; state?: string; limit?: number; after?: string | null },
    signal?: AbortSignal,
  ) => json<CameraPage>(`/cameras${query(search)}`, "GET", undefined, signal),
  camera: (id: string) => json<Camera>(camera(id)),
  addCamera: (change: CameraChange) => json<Camera>("/cameras", "POST", change),
  changeCamera: (id: string, change: CameraChange) => json<Camera>(camera(id), "PATCH", change),
  removeCamera: (id: string) => json<void>(camera(id), "DELETE"),
  probe: (
    target: { url: string; username?: string; password?: string; node?: string },
    signal?: AbortSignal,
  ) => json<ProbeReply>("/cameras/probe", "POST", target, signal),

  nodes: () => json<{ items: NodeRecord[] }>("/nodes"),

  coverage: (id: string, stream: StreamName, from: number, to: number, signal?: AbortSignal) =>
    json<CoverageAnswer>(
      `${camera(id)}/coverage${query({ stream, from: at(from), to: at(to) })}`,
      "GET",
      undefined,
      signal,
    ),
  snapshot: (id: string, stream: StreamName, moment: number, width: number, signal: AbortSignal) =>
    request(`${camera(id)}/snapshot${query({ stream, at: at(moment), width })}`, { signal }),
  playback: (
    id: string,
    stream: StreamName,
    from: number,
    to: number,
    keyframes: boolean,
    signal: AbortSignal,
  ) =>
    request(
      `${camera(id)}/playback${query({ stream, from: at(from), to: at(to), keyframes: keyframes ? 1 : 0 })}`,
      {
        signal,
      },
    ),

  makeClip: async (id: string, stream: StreamName, from: number, to: number, stated: Stated): Promise<Clip> => {
    const response = await request("/clips", {
      method: "POST",
      body: JSON.stringify({ camera: id, stream, from: at(from), to: at(to) }),
      headers: { "Content-Type": "application/json", ...statedHeaders(stated) },
    });
    return (await response.json()) as Clip;
  },
  clip: (id: string) => json<Clip>(`/clips/${encodeURIComponent(id)}`),
  clipFile: (id: string, stated: Stated): string =>
    `${ROOT}/clips/${encodeURIComponent(id)}/file${query(statedParams(stated))}`,
};

function socketUrl(path: string): string {
  const url = new URL(ROOT + path, window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

export const sockets = {
  live: (id: string, stream: StreamName): string => socketUrl(`${camera(id)}/live${query({ stream, ...statedParams() })}`),
  events: (): string => socketUrl("/events"),
};
