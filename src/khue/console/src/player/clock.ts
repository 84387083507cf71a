export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16] as const;

/** Seeking to within this of the present means the present. */
const LIVE_MARGIN_MS = 2_500;

/**
 * The instant every tile of the wall shows. Live, it is the present. In playback it runs from an anchor, and the leading
 * tile's picture corrects it: when that tile waits for data the clock waits too, so that nothing is skipped unseen.
 */
export class WallClock {
  mode: "live" | "playback" = "live";
  playing = true;
  rate = 1;
  /** Counts jumps, so that a player can tell one from time passing. */
  jumps = 0;
  #anchor = 0;
  #anchoredAt = 0;
  #held = false;
  readonly #listeners = new Set<() => void>();

  /** `wall`: milliseconds since 1970; `steady`: milliseconds that never step. */
  constructor(
    readonly wall: () => number,
    readonly steady: () => number,
  ) {}

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  position(): number {
    if (this.mode === "live") return this.wall();
    if (!this.playing || this.#held) return this.#anchor;
    return Math.min(this.wall(), this.#anchor + (this.steady() - this.#anchoredAt) * this.rate);
  }

  get held(): boolean {
    return this.#held;
  }

  goLive(): void {
    this.mode = "live";
    this.playing = true;
    this.rate = 1;
    this.#held = false;
    this.#changed(true);
  }

  /** Plays, or rests if paused, at `time`. */
  seek(time: number): void {
    if (time >= this.wall() - LIVE_MARGIN_MS && this.playing) {
      this.goLive();
      return;
    }
    this.mode = "playback";
    this.#anchorAt(Math.min(time, this.wall()));
    this.#held = false;
    this.#changed(true);
  }

  /** Rests; from live, at the picture the viewer sees. */
  pause(shown: number): void {
    const jump = this.mode === "live";
    this.#anchorAt(jump ? shown : this.position());
    this.mode = "playback";
    this.playing = false;
    this.#changed(jump);
  }

  play(): void {
    if (this.playing) return;
    this.#anchorAt(this.#anchor);
    this.playing = true;
    this.#changed(false);
  }

  setRate(rate: number): void {
    if (this.mode === "live" && rate >= 1) return;
    if (this.mode === "live") this.seek(this.wall() - LIVE_MARGIN_MS - 500);
    this.#anchorAt(this.position());
    this.rate = rate;
    this.#changed(false);
  }

  /** The leading tile shows `time`, or waits for data (null). */
  led(time: number | null): void {
    if (this.mode === "live" || !this.playing) return;
    if (time === null) {
      if (!this.#held) this.#anchorAt(this.position());
      this.#held = true;
      return;
    }
    this.#held = false;
    this.#anchorAt(time);
    if (this.rate > 1 && time > this.wall() - LIVE_MARGIN_MS) this.goLive();
  }

  /** No tile leads: the clock runs by itself. */
  unled(): void {
    if (!this.#held) return;
    this.#anchorAt(this.#anchor);
    this.#held = false;
  }

  #anchorAt(time: number): void {
    this.#anchor = time;
    this.#anchoredAt = this.steady();
  }

  #changed(jumped: boolean): void {
    if (jumped) this.jumps += 1;
    for (const listener of this.#listeners) listener();
  }
}
