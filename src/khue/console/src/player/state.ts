import type { ApiError } from "../api/client";
import type { CameraState, GapCause } from "../api/types";

/** What a player can say of its picture. Times are milliseconds since 1970 UTC. */
export type PlayerState =
  | { readonly kind: "connecting" }
  | { readonly kind: "playing" }
  | { readonly kind: "buffering" }
  /** The node has no picture from the camera. */
  | {
      readonly kind: "no-picture";
      readonly state: CameraState;
      readonly since: number | null;
      readonly detail: string;
      readonly cause: GapCause | null;
    }
  /** Nothing was recorded at the instant played. */
  | {
      readonly kind: "gap";
      readonly cause: GapCause | null;
      readonly detail: string;
      readonly start: number | null;
      readonly end: number | null;
      /** Where recording goes on. */
      readonly next: number | null;
    }
  /** No connection to the centre. */
  | { readonly kind: "lost"; readonly since: number }
  | { readonly kind: "unsupported"; readonly mime: string }
  | { readonly kind: "error"; readonly message: string; readonly remedy: string }
  /** The centre does not let this person see it, with this purpose, now. */
  | { readonly kind: "refused"; readonly error: ApiError };

/** The codec a person has heard of, from a media type. */
export function codecName(mime: string): string {
  const codecs = /codecs="?([^"]*)"?/.exec(mime)?.[1] ?? mime;
  if (/hvc1|hev1|h265/i.test(codecs)) return "H.265";
  if (/avc1|avc3|h264/i.test(codecs)) return "H.264";
  return codecs;
}
