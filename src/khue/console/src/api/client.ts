import type {
  Account,
  Camera,
  CameraChange,
  CameraPage,
  Clip,
  CoverageAnswer,
  NodeRecord,
  ProbeReply,
  StreamName,
} from "./types";

export const ROOT = "/api/v1";

/** What the centre refused or could not do, with its remedy. `status` is 0 when the centre was not reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly remedy: string = "",
  ) {
    super(message);
  }
}

interface ErrorBody {
  error?: { code?: string; message?: string; remedy?: string };
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
      headers: { "X-Khue": "1", ...(init.headers ?? {}) },
    });
  } catch (reason) {
    if (reason instanceof DOMException && reason.name === "AbortError") throw reason;
    throw new ApiError(0, "unreachable", "the centre cannot be reached");
  }
  if (response.ok) return response;
  const refused = await failure(response);
  if (response.status === 401 && path !== "/session") onSignedOut();
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
  session: () => json<{ account: Account }>("/session"),
  signIn: (username: string, password: string) =>
    json<{ account: Account }>("/session", "POST", { username, password }),
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

  makeClip: (id: string, stream: StreamName, from: number, to: number) =>
    json<Clip>("/clips", "POST", { camera: id, stream, from: at(from), to: at(to) }),
  clip: (id: string) => json<Clip>(`/clips/${encodeURIComponent(id)}`),
  clipFile: (id: string): string => `${ROOT}/clips/${encodeURIComponent(id)}/file`,
};

function socketUrl(path: string): string {
  const url = new URL(ROOT + path, window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

export const sockets = {
  live: (id: string, stream: StreamName): string => socketUrl(`${camera(id)}/live${query({ stream })}`),
  events: (): string => socketUrl("/events"),
};
