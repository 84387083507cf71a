import { stretchAt, surplus, type Stretch } from "./policy";

type Task =
  | { kind: "append"; data: BufferSource }
  | { kind: "remove"; stretch: Stretch }
  | { kind: "type"; mime: string };

interface ManagedWindow {
  ManagedMediaSource?: typeof MediaSource;
}

/** Safari on the phone offers only the managed kind. */
const Source = (): typeof MediaSource | undefined =>
  window.MediaSource ?? (window as unknown as ManagedWindow).ManagedMediaSource;

/** Whether this browser can play a media type with its codecs. */
export function playable(mime: string): boolean {
  return Source()?.isTypeSupported(mime) ?? false;
}

export interface SinkEvents {
  /** An append was taken in. */
  onAppended(): void;
  /** The browser gave up on this media; the sink must be opened again. */
  onFailure(reason: string): void;
}

/**
 * A video element's MediaSource with one buffer and a queue in front of it. Media times are `wall seconds - origin`: small
 * numbers, which every browser counts exactly.
 */
export class MediaSink {
  origin = 0;
  mime = "";
  #source: MediaSource | null = null;
  #buffer: SourceBuffer | null = null;
  #url = "";
  #queue: Task[] = [];
  #running: Task["kind"] | null = null;
  #forget = false;

  constructor(
    readonly video: HTMLVideoElement,
    readonly events: SinkEvents,
  ) {
    video.addEventListener("error", this.#onVideoError);
  }

  get isOpen(): boolean {
    return this.#source !== null;
  }

  /** Nothing waits and nothing is being taken in. */
  get idle(): boolean {
    return this.#queue.length === 0 && this.#running === null;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Attaches a fresh media source; what is appended before the browser is ready waits. */
  open(mime: string, origin: number): void {
    this.detach();
    const Kind = Source();
    if (!Kind) throw new Error("this browser has no Media Source Extensions");
    const source = new Kind();
    this.#source = source;
    this.mime = mime;
    this.origin = origin;
    source.addEventListener("sourceopen", () => this.#ready(source), { once: true });
    this.#url = URL.createObjectURL(source);
    // The managed kind refuses to open while the picture might be cast elsewhere.
    this.video.disableRemotePlayback = true;
    this.video.src = this.#url;
  }

  append(data: BufferSource): void {
    this.#queue.push({ kind: "append", data });
    this.#pump();
  }

  /** What follows is of another type; frames already buffered still play. */
  changeType(mime: string): void {
    this.mime = mime;
    this.#queue.push({ kind: "type", mime });
    this.#pump();
  }

  /** Forgets the half-read segment and everything buffered. */
  clear(): void {
    this.abort();
    for (const stretch of this.stretches) this.#queue.push({ kind: "remove", stretch });
    this.#pump();
  }

  /** Forgets what waits and the half-read segment; keeps what is buffered. */
  abort(): void {
    this.#queue = [];
    const buffer = this.#buffer;
    if (!buffer || this.#source?.readyState !== "open") return;
    // The standard forbids abort() while a removal runs; the parser is reset when that ends.
    if (this.#running === "remove") this.#forget = true;
    else {
      this.#running = null;
      buffer.abort();
    }
  }

  /** Keeps only what lies around `time`. */
  trim(time: number, behind: number, ahead: number): void {
    if (this.#queue.some((task) => task.kind === "remove")) return;
    for (const stretch of surplus(this.stretches, time, behind, ahead))
      this.#queue.push({ kind: "remove", stretch });
    this.#pump();
  }

  get stretches(): Stretch[] {
    const buffer = this.#buffer;
    if (!buffer || this.#source?.readyState === "closed") return [];
    const ranges = buffer.buffered;
    return Array.from({ length: ranges.length }, (_, i) => ({ start: ranges.start(i), end: ranges.end(i) }));
  }

  /** End of the last stretch, or null while nothing is buffered. */
  get end(): number | null {
    return this.stretches.at(-1)?.end ?? null;
  }

  /** Media ahead of `time` without a hole. */
  ahead(time: number): number {
    const stretch = stretchAt(this.stretches, time);
    return stretch ? stretch.end - time : 0;
  }

  detach(): void {
    this.#queue = [];
    this.#running = null;
    this.#buffer = null;
    this.#source = null;
    if (!this.#url) return;
    URL.revokeObjectURL(this.#url);
    this.#url = "";
    this.video.removeAttribute("src");
    this.video.load();
  }

  close(): void {
    this.detach();
    this.video.removeEventListener("error", this.#onVideoError);
  }

  #onVideoError = (): void => {
    if (this.#source && this.video.error)
      this.#fail(this.video.error.message || `media error ${this.video.error.code}`);
  };

  #ready(source: MediaSource): void {
    if (source !== this.#source) return;
    try {
      const buffer = source.addSourceBuffer(this.mime);
      buffer.timestampOffset = -this.origin;
      buffer.addEventListener("updateend", () => this.#done(buffer));
      buffer.addEventListener("error", () => this.#fail("the browser could not read the media"));
      this.#buffer = buffer;
    } catch (reason) {
      this.#fail(String(reason));
      return;
    }
    this.#pump();
  }

  #done(buffer: SourceBuffer): void {
    if (buffer !== this.#buffer || buffer.updating) return;
    const ended = this.#running;
    this.#running = null;
    if (this.#forget) {
      this.#forget = false;
      buffer.abort();
    }
    if (ended === "append") this.events.onAppended();
    this.#pump();
  }

  #pump(): void {
    const buffer = this.#buffer;
    if (!buffer || this.#source?.readyState !== "open" || buffer.updating || this.video.error) return;
    const task = this.#queue.shift();
    if (!task) return;
    try {
      this.#run(buffer, task);
    } catch (reason) {
      if (reason instanceof DOMException && reason.name === "QuotaExceededError") this.#makeRoom(task);
      else this.#fail(String(reason));
    }
  }

  #run(buffer: SourceBuffer, task: Task): void {
    if (task.kind === "type") {
      buffer.changeType(task.mime);
      this.#pump();
      return;
    }
    this.#running = task.kind;
    if (task.kind === "append") buffer.appendBuffer(task.data);
    else buffer.remove(task.stretch.start, task.stretch.end);
  }

  /** The browser's buffer is full: drop what was played, then try the append again. */
  #makeRoom(task: Task): void {
    this.#running = null;
    const played = this.video.currentTime - 2;
    const first = this.stretches[0]?.start ?? played;
    if (first >= played) {
      this.#fail("the browser's media buffer is full");
      return;
    }
    this.#queue.unshift({ kind: "remove", stretch: { start: first, end: played } }, task);
    this.#pump();
  }

  #fail(reason: string): void {
    this.detach();
    this.events.onFailure(reason);
  }
}
