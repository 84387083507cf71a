import { api, ApiError } from "../api/client";
import type { StreamName } from "../api/types";
import { MINUTE } from "./geometry";

const KEPT = 160;
const WIDTH = 160;
const PAUSE_MS = 90;

/** Pictures shown while somebody scrubs: one question at a time, the newest wish first, answers kept. */
export class Thumbnails {
  readonly #kept = new Map<string, string>();
  #wish: { camera: string; stream: StreamName; time: number; step: number } | null = null;
  #asking: AbortController | null = null;

  constructor(readonly onPicture: () => void) {}

  /** Instants closer than a few pixels share a picture. `msPerPixel` is the timeline's scale. */
  static step(msPerPixel: number): number {
    return Math.min(10 * MINUTE, Math.max(1000, Math.round((msPerPixel * 6) / 1000) * 1000));
  }

  /** The picture's object URL when known: "" when there is none at that time, null when not known yet. */
  get(camera: string, time: number, step: number): string | null {
    return this.#kept.get(key(camera, time, step)) ?? null;
  }

  want(camera: string, stream: StreamName, time: number, step: number): void {
    if (this.#kept.has(key(camera, time, step))) return;
    this.#wish = { camera, stream, time, step };
    if (!this.#asking) void this.#serve();
  }

  close(): void {
    this.#wish = null;
    this.#asking?.abort();
    for (const url of this.#kept.values()) URL.revokeObjectURL(url);
    this.#kept.clear();
  }

  async #serve(): Promise<void> {
    while (this.#wish) {
      const { camera, stream, time, step } = this.#wish;
      this.#wish = null;
      this.#asking = new AbortController();
      try {
        const response = await api.snapshot(
          camera,
          stream,
          quantised(time, step),
          WIDTH,
          this.#asking.signal,
        );
        this.#keep(key(camera, time, step), URL.createObjectURL(await response.blob()));
      } catch (reason) {
        if (reason instanceof ApiError) this.#keep(key(camera, time, step), "");
        else break;
      }
      this.onPicture();
      await new Promise((resolve) => window.setTimeout(resolve, PAUSE_MS));
    }
    this.#asking = null;
  }

  #keep(name: string, url: string): void {
    this.#kept.set(name, url);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      URL.revokeObjectURL(this.#kept.get(oldest) ?? "");
      this.#kept.delete(oldest);
    }
  }
}

const quantised = (time: number, step: number): number => Math.floor(time / step) * step;
const key = (camera: string, time: number, step: number): string =>
  `${camera}@${quantised(time, step)}/${step}`;
