import type { Camera, Stream, StreamName } from "../api/types";
import { playable } from "../player/sink";

/** A representative media type of each codec, to ask the browser with before the camera's exact one is known. */
const PROBES: Readonly<Record<string, string>> = {
  h264: 'video/mp4; codecs="avc1.640028"',
  h265: 'video/mp4; codecs="hvc1.1.6.L120.B0"',
};

/** Whether this browser plays a codec; an unknown one gets the benefit of the doubt. */
export function plays(codec: string): boolean {
  const probe = PROBES[codec];
  return probe === undefined || playable(probe);
}

export interface Choice {
  readonly stream: StreamName;
  /** Why it is not the one asked for. */
  readonly note:
    "" | "wall.fallback.h265" | "wall.fallback.other" | "wall.fallback.main" | "wall.fallback.mainCodec";
}

/** The stream to show when `wanted` is asked for, given what the camera has and `can` play. */
export function choose(
  camera: Camera,
  wanted: StreamName,
  can: (stream: Stream) => boolean = (stream) => plays(stream.codec),
): Choice {
  const asked = camera.streams.find((stream) => stream.name === wanted);
  const other = camera.streams.find((stream) => stream.name !== wanted);
  if (asked && can(asked)) return { stream: wanted, note: "" };
  if (!other || !can(other)) return { stream: asked ? wanted : (other?.name ?? "main"), note: "" };
  if (wanted === "main")
    return { stream: "sub", note: asked?.codec === "h265" ? "wall.fallback.h265" : "wall.fallback.other" };
  return { stream: "main", note: asked ? "wall.fallback.mainCodec" : "wall.fallback.main" };
}

const CODECS: Readonly<Record<string, string>> = { h264: "H.264", h265: "H.265" };

/** `H.264 1920×1080`, or "" before the camera was heard. */
export function streamWords(stream: { codec?: string; width?: number; height?: number }): string {
  const codec = CODECS[stream.codec ?? ""] ?? stream.codec ?? "";
  return [codec, stream.width && stream.height ? `${stream.width}×${stream.height}` : ""]
    .filter(Boolean)
    .join(" ");
}
