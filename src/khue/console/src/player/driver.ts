import type { StreamName } from "../api/types";
import type { Moment } from "../timeline/coverage";
import type { WallClock } from "./clock";
import type { MediaSink } from "./sink";
import type { PlayerState } from "./state";
import type { PlayerStats } from "./stats";

/** What a driver works on. */
export interface Stage {
  readonly camera: string;
  readonly stream: StreamName;
  readonly video: HTMLVideoElement;
  readonly sink: MediaSink;
  readonly clock: WallClock;
  readonly stats: PlayerStats;
  /** Somebody listens. */
  readonly sound: boolean;
  /** Milliseconds that never step. */
  steady(): number;
  /** What is known of the stream's recordings at an instant, milliseconds since 1970 UTC. */
  recordedAt(time: number): Moment;
  report(state: PlayerState): void;
}

/** Feeds a sink in one mode. Called ten times a second, and at once when the clock jumps. */
export interface Driver {
  tick(): void;
  onAppended(): void;
  onFailure(reason: string): void;
  /** Playback only: this tile's picture corrects the clock. */
  lead: boolean;
  close(): void;
}
