import type { Player } from "./player";

/** One player as `window.__khue.players` shows it. Times in milliseconds; `mediaTime` in seconds. */
export interface PlayerReading {
  readonly camera: string;
  readonly stream: string;
  readonly mode: "live" | "playback";
  readonly state: string;
  /** Wall time of the picture on screen, milliseconds since 1970 UTC. */
  readonly wallTime: number | null;
  readonly frames: number;
  readonly mediaTime: number;
  readonly presentationTime: number;
  readonly aheadMs: number;
  readonly rate: number;
  readonly width: number;
  readonly height: number;
  readonly mime: string;
  readonly dropped: number;
  readonly stalls: number;
  readonly reconnects: number;
  readonly firstPictureMs: number | null;
  readonly seekMs: number | null;
  readonly delayMs: {
    readonly p50: number | null;
    readonly p95: number | null;
    readonly last: number | null;
  };
}

declare global {
  interface Window {
    /** The console's own diagnostics: what its players are doing, to be read by support staff and by tests. */
    readonly __khue: { readonly players: readonly PlayerReading[] };
  }
}

const players = new Set<Player>();

export function enrol(player: Player): void {
  players.add(player);
}

export function strike(player: Player): void {
  players.delete(player);
}

export function reading(player: Player): PlayerReading {
  const { stats, video, options } = player;
  return Object.freeze({
    camera: options.camera,
    stream: options.stream,
    mode: player.mode,
    state: player.state.kind,
    wallTime: player.wallTime,
    frames: stats.frames,
    mediaTime: stats.mediaTime,
    presentationTime: stats.presentationTime,
    aheadMs: Math.round(player.ahead * 1000),
    rate: stats.rate,
    width: video.videoWidth,
    height: video.videoHeight,
    mime: stats.mime,
    dropped: video.getVideoPlaybackQuality().droppedVideoFrames,
    stalls: stats.stalls,
    reconnects: stats.reconnects,
    firstPictureMs: stats.firstPictureMs,
    seekMs: stats.seekMs,
    delayMs: Object.freeze(stats.delay),
  });
}

/** Publishes the readings on the page; nothing can be changed through them. */
export function publish(): void {
  const view = Object.freeze({
    get players(): readonly PlayerReading[] {
      return Object.freeze([...players].map(reading));
    },
  });
  Object.defineProperty(window, "__khue", { value: view, writable: false, configurable: false });
}
