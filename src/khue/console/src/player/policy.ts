/** What to do with buffers: pure decisions, so that they can be tested without a browser. Times in seconds. */

export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Behind the live edge by more than this, playing faster would take too long: jump. */
export const JUMP_BEHIND = 0.5;
const FASTEST = 1.1;
const WINDOW_MS = 2000;
const LEAST_MARGIN = 0.015;
const MOST_MARGIN = 0.5;
/** One hiccup makes the browser wait several times over; it counts once. */
const ONE_STALL_MS = 600;
const CALM_AFTER_MS = 3000;
/** A jump makes the browser decode a group of pictures again: on a machine that cannot keep up, jumping often is no help. */
const FIRST_JUMP_PAUSE_MS = 1500;
const LONGEST_JUMP_PAUSE_MS = 12_000;

/**
 * Keeps a live picture close to the edge. The cushion is the least media ahead of the playhead, seen whenever new media
 * arrives, over the last seconds. It is held at a target that grows with every stall and shrinks in calm: a viewer on a good
 * line sees the picture tens of milliseconds late, one on a bad line sees it later but whole.
 */
export class LivePace {
  /** Above the floor by this much, because of stalls. */
  #margin = LEAST_MARGIN;
  #floor = 0;
  #seen: { at: number; ahead: number }[] = [];
  #stalledAt = -Infinity;
  #jumpedAt = -Infinity;
  #jumpPause = FIRST_JUMP_PAUSE_MS;
  #changed = 0;

  arrived(now: number, ahead: number): void {
    this.#seen.push({ at: now, ahead });
    while (this.#seen[0] && this.#seen[0].at < now - WINDOW_MS) this.#seen.shift();
  }

  /** True when this begins a new stall. */
  stalled(now: number): boolean {
    const fresh = now - this.#stalledAt > ONE_STALL_MS;
    this.#stalledAt = now;
    if (!fresh) return false;
    this.#margin = Math.min(MOST_MARGIN, Math.max(this.#margin * 1.5, this.#margin + 0.02));
    this.#changed = now;
    this.#seen = [];
    return true;
  }

  /** Forgets what was seen, after a jump. */
  restart(): void {
    this.#seen = [];
  }

  get cushion(): number | null {
    return this.#seen.length < 3 ? null : Math.min(...this.#seen.map((seen) => seen.ahead));
  }

  #jump(now: number): "jump" {
    const again = now - this.#jumpedAt < LONGEST_JUMP_PAUSE_MS * 2;
    this.#jumpPause = again ? Math.min(LONGEST_JUMP_PAUSE_MS, this.#jumpPause * 2) : FIRST_JUMP_PAUSE_MS;
    this.#jumpedAt = now;
    return "jump";
  }

  /** The cushion aimed at. */
  get target(): number {
    return this.#floor + this.#margin;
  }

  /**
   * The playback rate now, or "jump" to the edge. `ahead` is the media ahead of the playhead; `floor` what the browser needs
   * in hand to run smoothly at all: a picture beyond the one on screen, or its buffer of sound.
   */
  decide(now: number, ahead: number, floor: number): number | "jump" {
    if (now - this.#changed > CALM_AFTER_MS) {
      this.#margin = Math.max(LEAST_MARGIN, this.#margin * 0.8);
      this.#changed = now;
    }
    this.#floor = floor;
    const cushion = this.cushion;
    const surplus = cushion === null ? ahead - this.target - JUMP_BEHIND * 2 : cushion - this.target;
    if (surplus > JUMP_BEHIND && now - this.#jumpedAt > this.#jumpPause) return this.#jump(now);
    return surplus < 0.01 ? 1 : Math.min(FASTEST, 1 + Math.max(0.01, surplus * 0.5));
  }
}

/** The stretch that holds `time`. The end counts as outside. */
export function stretchAt(stretches: readonly Stretch[], time: number): Stretch | null {
  return stretches.find((s) => s.start <= time && time < s.end) ?? null;
}

/** Where media goes on after a hole at `time`. */
export function nextStart(stretches: readonly Stretch[], time: number): number | null {
  return stretches.find((s) => s.start > time)?.start ?? null;
}

/** What to drop so that only [time - behind, time + ahead) stays. */
export function surplus(
  stretches: readonly Stretch[],
  time: number,
  behind: number,
  ahead: number,
): Stretch[] {
  const first = stretches[0]?.start ?? time;
  const last = stretches.at(-1)?.end ?? time;
  const dropped: Stretch[] = [];
  // A few seconds of slack, so that the browser is not asked to cut at every tick.
  if (first < time - behind - 5) dropped.push({ start: Math.max(0, first - 1), end: time - behind });
  if (last > time + ahead + 5) dropped.push({ start: time + ahead, end: last + 1 });
  return dropped;
}

/** Above this speed only keyframes are asked for: nobody sees the pictures between them. */
export const KEYFRAMES_ABOVE = 4;

/** Browsers refuse a higher playbackRate. */
const BROWSER_FASTEST = 16;

/** How much media to hold ahead, and how much to ask for at once. Short questions leave connections free for other tiles. */
export function appetite(rate: number): { ahead: number; first: number; next: number } {
  const scale = Math.max(1, rate);
  return { ahead: 10 * scale, first: 8 * scale, next: 20 * scale };
}

/** Nudges a tile's rate so that it meets the common clock without a visible jump; "seek" when it is too far. */
export function towards(drift: number, rate: number): number | "seek" {
  if (Math.abs(drift) > 0.4 * Math.max(1, rate)) return "seek";
  if (Math.abs(drift) < 0.02 * Math.max(1, rate)) return rate;
  return Math.min(
    BROWSER_FASTEST,
    rate * (1 + Math.max(-0.08, Math.min(0.08, (drift * 0.5) / Math.max(1, rate)))),
  );
}

/** The middle of the next or previous frame, from the start of the one shown: robust against rounding in either direction. */
export function stepFrom(frameStart: number, frameDuration: number, direction: 1 | -1): number {
  return frameStart + frameDuration * (direction === 1 ? 1.5 : -0.5);
}
