import type { CameraState, GapCause } from "../api/types";
import type { MessageKey } from "../i18n/en";
import { codecName, type PlayerState } from "../player/state";

/** What a tile says in place of a picture: why there is none, since when, and what is being done about it. */
export interface Notice {
  /** `wait`: soon; `state`: the camera's state explains it; `gap`: not recorded; `trouble`: anything else. */
  readonly tone: "wait" | "state" | "gap" | "trouble";
  readonly title: MessageKey;
  readonly titleCause?: GapCause | null;
  readonly values?: Readonly<Record<string, string>>;
  readonly state?: CameraState;
  /** Milliseconds since 1970 UTC. */
  readonly since?: number | null;
  readonly until?: number | null;
  readonly doing?: MessageKey;
  /** In an engineer's words, as the node or the centre wrote it. */
  readonly detail?: string;
}

/** The notice for a player's state; null while there is a picture to see. */
export function noticeFor(player: PlayerState): Notice | null {
  switch (player.kind) {
    case "playing":
    case "refused": // has words and a place of its own: Refusal
      return null;
    case "connecting":
      return { tone: "wait", title: "tile.connecting" };
    case "buffering":
      return { tone: "wait", title: "tile.buffering" };
    case "no-picture":
      return noPicture(player);
    case "gap":
      return gap(player);
    case "lost":
      return { tone: "trouble", title: "tile.lost", since: player.since, doing: "tile.lost.do" };
    case "unsupported": {
      const values = { codec: codecName(player.mime) };
      return { tone: "trouble", title: "tile.unsupported", values, doing: "tile.unsupported.do" };
    }
    case "error":
      return {
        tone: "trouble",
        title: "tile.error",
        doing: "tile.error.do",
        detail: [player.message, player.remedy].filter(Boolean).join(" "),
      };
  }
}

function noPicture(player: Extract<PlayerState, { kind: "no-picture" }>): Notice {
  // "Recording" without a picture is the short time before the first keyframe.
  if (player.state === "recording") return { tone: "wait", title: "tile.connecting" };
  return {
    tone: player.state === "connecting" ? "wait" : "state",
    title: `tile.state.${player.state}`,
    state: player.state,
    since: player.since,
    doing: `tile.do.${player.state}`,
    detail: player.detail,
  };
}

function gap(player: Extract<PlayerState, { kind: "gap" }>): Notice {
  const known = player.cause !== null || player.detail !== "";
  return {
    tone: "gap",
    title: known ? "tile.gap" : "tile.noRecording",
    titleCause: player.cause,
    since: player.start,
    until: player.end,
    detail: player.detail,
    ...(player.next === null ? {} : { doing: "tile.gap.skip" as const }),
  };
}
