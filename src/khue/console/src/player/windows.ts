import { api, ApiError } from "../api/client";
import type { StreamName } from "../api/types";
import { firstDecodeTime } from "./times";

/** One question for recorded media over [from, to), seconds since 1970 UTC, and how far its answer has come. */
export class PlaybackWindow {
  state: "reading" | "done" | "failed" = "reading";
  failure: ApiError | null = null;
  /** Time of the first picture that came; later than `from` when nothing was recorded there. */
  starts: number | null = null;
  readonly #abort = new AbortController();

  constructor(
    readonly from: number,
    readonly to: number,
    readonly keyframes: boolean,
    /** The window reaches to the present, where the node may not have written everything yet. */
    readonly atEdge: boolean,
  ) {}

  covers(time: number): boolean {
    return this.from <= time && time < this.to;
  }

  abort(): void {
    this.#abort.abort();
  }

  /**
   * Reads the answer: `begin` gets the media type before the first bytes and says whether to go on, `take` every piece, and
   * answers when it may have the next.
   */
  async read(
    camera: string,
    stream: StreamName,
    begin: (mime: string) => boolean,
    take: (piece: Uint8Array<ArrayBuffer>) => Promise<void>,
  ): Promise<void> {
    const signal = this.#abort.signal;
    try {
      const response = await api.playback(
        camera,
        stream,
        this.from * 1000,
        this.to * 1000,
        this.keyframes,
        signal,
      );
      const reader = response.body?.getReader();
      if (!reader || !begin(response.headers.get("X-Khue-Mime") ?? "video/mp4")) {
        this.abort();
        this.state = "done";
        return;
      }
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        if (signal.aborted) return;
        this.starts ??= firstDecodeTime(piece.value.buffer);
        await take(piece.value);
      }
      this.state = "done";
    } catch (reason) {
      if (signal.aborted) return;
      if (reason instanceof ApiError && reason.status === 404) {
        this.state = "done";
        return;
      }
      this.state = "failed";
      this.failure = reason instanceof ApiError ? reason : new ApiError(0, "broken", String(reason));
    }
  }
}
