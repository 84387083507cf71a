const KEPT = 256;
const NEAR_MS = 1500;

/** Value at `fraction` of the sorted values (nearest rank), or null when there are none. */
export function percentile(values: readonly number[], fraction: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * fraction) - 1))] ?? null;
}

/** What a player counts about itself; shown by "diagnostics" on a tile and read by `window.__khue`. */
export class PlayerStats {
  /** Pictures handed to the screen. */
  frames = 0;
  /** Media time of the last of them, in seconds on the video element's time line. */
  mediaTime = 0;
  /** When it was handed over, on the page's clock (performance.now()). */
  presentationTime = 0;
  stalls = 0;
  reconnects = 0;
  /** From opening to the first picture, milliseconds. */
  firstPictureMs: number | null = null;
  /** From the last jump to its first picture, milliseconds. */
  seekMs: number | null = null;
  rate = 1;
  mime = "";
  #opened: number | null = null;
  #sought: { at: number; wall: number } | null = null;
  #delays: number[] = [];
  #steps: number[] = [];

  opening(now: number): void {
    this.#opened = now;
    this.#delays = [];
  }

  /** `wall`: the instant sought, milliseconds since 1970 UTC. */
  seeking(now: number, wall: number): void {
    this.#sought = { at: now, wall };
  }

  /** A picture of the instant `wall` was shown; `delay`: how late it was, when live. */
  shown(mediaTime: number, presentationTime: number, wall: number, delay: number | null): void {
    const step = mediaTime - this.mediaTime;
    if (step > 0.005 && step < 1.1) this.#push(this.#steps, step);
    this.frames += 1;
    this.mediaTime = mediaTime;
    this.presentationTime = presentationTime;
    if (delay !== null) this.#push(this.#delays, delay);
    if (this.#opened !== null) this.firstPictureMs = presentationTime - this.#opened;
    this.#opened = null;
    // A picture of the old place may still be on its way to the screen.
    if (this.#sought === null || Math.abs(wall - this.#sought.wall) > NEAR_MS) return;
    this.seekMs = presentationTime - this.#sought.at;
    this.#sought = null;
  }

  #push(values: number[], value: number): void {
    values.push(value);
    if (values.length > KEPT) values.shift();
  }

  /** Milliseconds from the hub to the screen over the last pictures; null before the first. */
  get delay(): { p50: number | null; p95: number | null; last: number | null } {
    return {
      p50: percentile(this.#delays, 0.5),
      p95: percentile(this.#delays, 0.95),
      last: this.#delays.at(-1) ?? null,
    };
  }

  /** Seconds from one picture to the next: the low quarter, because fast playback and a busy screen skip pictures. */
  get frameDuration(): number {
    return percentile(this.#steps.slice(-60), 0.25) ?? 1 / 15;
  }
}
