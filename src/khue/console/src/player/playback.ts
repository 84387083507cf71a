import type { ApiError } from "../api/client";
import type { Driver, Stage } from "./driver";
import { appetite, KEYFRAMES_ABOVE, nextStart, stretchAt, towards } from "./policy";
import { playable } from "./sink";
import { PlaybackWindow } from "./windows";

/** Room below the instant sought, so that seeking back a day needs no new media source. */
const BELOW = 86_400;
const REACH = 20 * 86_400;
const RETRY_MS = 700;
/** A refusal is asked about again this seldom: each question is an entry of the audit. */
const REFUSED_MS = 60_000;
const MOST_WAITING = 6;
/** Two stretches closer than this play as one: cameras do not space their pictures evenly. */
const SEAM = 0.3;

/** Playback: follows the wall's clock with recorded media asked for in windows. */
export class PlaybackDriver implements Driver {
  lead = false;
  #window: PlaybackWindow | null = null;
  #jumps: number;
  #keyframes = false;
  #notBefore = 0;
  /** An error stays readable this long before "loading" may take its place. */
  #errorUntil = 0;
  #mustSeek = true;
  #closed = false;
  /** This browser cannot play the stream: nothing more is asked. */
  #unplayable = false;
  #drained: (() => void) | null = null;

  constructor(readonly stage: Stage) {
    this.#jumps = stage.clock.jumps;
    stage.report({ kind: "buffering" });
    stage.stats.opening(stage.steady());
    stage.stats.seeking(stage.steady(), stage.clock.position());
    this.tick();
  }

  close(): void {
    this.#closed = true;
    this.#abandon();
  }

  onAppended(): void {
    if (this.stage.sink.waiting < MOST_WAITING) this.#drained?.();
    this.tick();
  }

  onFailure(reason: string): void {
    this.#abandon();
    this.#fail(reason, "");
  }

  #fail(message: string, remedy: string): void {
    this.#errorUntil = this.stage.steady() + RETRY_MS * 3;
    this.#notBefore = this.#errorUntil;
    this.stage.report({ kind: "error", message, remedy });
  }

  #refuse(error: ApiError): void {
    this.#errorUntil = this.stage.steady() + REFUSED_MS;
    this.#notBefore = this.#errorUntil;
    this.stage.sink.clear();
    this.stage.report({ kind: "refused", error });
  }

  tick(): void {
    if (this.#closed || this.#unplayable) return;
    const { clock, stats, steady, video } = this.stage;
    if (clock.jumps !== this.#jumps) {
      this.#jumps = clock.jumps;
      this.#notBefore = 0;
      this.#mustSeek = true;
      stats.seeking(steady(), clock.position());
    }
    this.#matchKeyframes();
    const position = clock.position() / 1000;
    const moment = this.stage.recordedAt(position * 1000);
    if (moment.kind === "gap") this.#rest(position, moment.gap, moment.start, moment.next);
    else this.#play(position);
    stats.rate = video.playbackRate;
  }

  #matchKeyframes(): void {
    const wanted = this.stage.clock.rate > KEYFRAMES_ABOVE;
    if (wanted === this.#keyframes) return;
    this.#keyframes = wanted;
    // Pictures already decoded outlive their removal from the buffer; only a seek drops them.
    this.#mustSeek = true;
    this.#abandon();
    this.stage.sink.clear();
  }

  /** Nothing was recorded at this instant: say why, and have the next recording ready in time. */
  #rest(
    position: number,
    gap: { cause: "camera" | "link" | "node" | "disk" | "policy"; detail: string; end: number } | null,
    start: number,
    next: number | null,
  ): void {
    const { clock, sink, report } = this.stage;
    this.#leave();
    report({
      kind: "gap",
      cause: gap?.cause ?? null,
      detail: gap?.detail ?? "",
      start,
      end: gap && Number.isFinite(gap.end) ? gap.end : next,
      next,
    });
    if (next === null) return;
    const goesOn = next / 1000;
    if (goesOn - position > 5 * Math.max(1, clock.rate)) return;
    if (stretchAt(sink.stretches, goesOn + 0.5 - sink.origin) || this.#window?.covers(goesOn)) return;
    this.#ask(goesOn, appetite(clock.rate).first);
  }

  #play(position: number): void {
    const { sink } = this.stage;
    const media = position - sink.origin;
    const stretch = sink.isOpen ? stretchAt(sink.stretches, media) : null;
    if (stretch) {
      this.#follow(media);
      this.#continue(media, stretch.end);
      sink.trim(media, 30 * Math.max(1, this.stage.clock.rate), 150 * Math.max(1, this.stage.clock.rate));
      return;
    }
    const window = this.#window;
    if (window?.covers(position)) {
      const complete = window.state === "done" && sink.idle;
      const begun = window.starts !== null && window.starts > position ? window.starts - sink.origin : null;
      if (
        (complete || begun !== null) &&
        this.#hop(window, media, complete ? nextStart(sink.stretches, media) : begun)
      )
        return;
    }
    this.#wait();
    if (window?.state === "reading" && window.covers(position)) return;
    if (window?.state === "failed" && window.failure) {
      this.#window = null;
      if (window.failure.refused) this.#refuse(window.failure);
      else this.#fail(window.failure.message, window.failure.remedy);
    }
    if (this.stage.steady() >= this.#notBefore) this.#ask(position, appetite(this.stage.clock.rate).first);
  }

  /** This instant will not come: go over a seam, or say that nothing is recorded until `next` (media time). */
  #hop(window: PlaybackWindow, media: number, next: number | null): boolean {
    const { sink, clock, report } = this.stage;
    if (next !== null && next - media < SEAM * Math.max(1, clock.rate) * (this.#keyframes ? 8 : 1)) {
      if (!stretchAt(sink.stretches, next + 0.001)) return false;
      if (this.lead && clock.playing) clock.led((next + sink.origin) * 1000 + 1);
      this.#follow(next + 0.001);
      return true;
    }
    if (next === null && window.atEdge) {
      // The last second may not be on the node's disk yet.
      this.#wait();
      if (this.stage.steady() >= this.#notBefore)
        this.#ask(window.from, window.to - window.from + RETRY_MS / 1000);
      return true;
    }
    this.#leave();
    const goesOn = next === null ? null : (next + sink.origin) * 1000;
    report({ kind: "gap", cause: null, detail: "", start: null, end: goesOn, next: goesOn });
    return true;
  }

  /** There is no picture here: rest, let the clock run, and begin anew where there is one again. */
  #leave(): void {
    const { video, clock } = this.stage;
    if (!video.paused) video.pause();
    if (this.lead) clock.unled();
    this.#mustSeek = true;
  }

  #wait(): void {
    const { video } = this.stage;
    if (this.#mustSeek && !video.paused) video.pause();
    if (this.stage.steady() >= this.#errorUntil) this.stage.report({ kind: "buffering" });
    if (this.lead) this.stage.clock.led(null);
  }

  /** Brings the video to `media` seconds and to the clock's rate. */
  #follow(media: number): void {
    const { video, clock, sink, report } = this.stage;
    const drift = media - video.currentTime;
    const ready = !video.seeking && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    if (!clock.playing) {
      if (!video.paused) video.pause();
      this.#mustSeek = false;
      if (!video.seeking && Math.abs(drift) > 0.004) video.currentTime = media;
      if (ready) report({ kind: "playing" });
      return;
    }
    const leading = this.lead && ready && !this.#mustSeek && Math.abs(drift) < Math.max(1, clock.rate) * 1.5;
    const rate = this.#mustSeek ? "seek" : leading ? clock.rate : towards(drift, clock.rate);
    this.#mustSeek = false;
    if (rate === "seek") video.currentTime = media;
    else if (video.playbackRate !== rate) video.playbackRate = rate;
    if (video.paused) void video.play().catch(() => undefined);
    if (ready) report({ kind: "playing" });
    if (this.lead) this.#leadFrom(ready && rate !== "seek" ? video.currentTime + sink.origin : null);
  }

  #leadFrom(time: number | null): void {
    this.stage.clock.led(time === null ? null : time * 1000);
  }

  #continue(media: number, end: number): void {
    const { clock, sink, steady } = this.stage;
    const wanted = appetite(clock.rate);
    const window = this.#window;
    if (window?.state === "reading" || end - media > wanted.ahead || steady() < this.#notBefore) return;
    const reached = end + sink.origin;
    const from = window && window.covers(reached) && !window.atEdge ? window.to : reached;
    const moment = this.stage.recordedAt(from * 1000);
    if (moment.kind === "gap") return;
    if (from * 1000 < clock.wall() - 1500) this.#ask(from, wanted.next);
  }

  #ask(from: number, length: number): void {
    const { clock, sink, steady } = this.stage;
    this.#abandon();
    const now = clock.wall() / 1000;
    const to = Math.min(from + length, now);
    this.#notBefore = steady() + RETRY_MS;
    if (to <= from) return;
    const window = new PlaybackWindow(from, to, this.#keyframes, to > now - 5);
    this.#window = window;
    const isCurrent = (): boolean => this.#window === window && !this.#closed;
    void window
      .read(
        this.stage.camera,
        this.stage.stream,
        (mime) => isCurrent() && this.#begin(mime, from),
        async (piece) => {
          if (!isCurrent()) return;
          sink.append(piece);
          if (sink.waiting >= MOST_WAITING) await new Promise<void>((resolve) => (this.#drained = resolve));
        },
      )
      .then(() => {
        if (isCurrent()) this.tick();
      });
  }

  /** Readies the sink for an answer; false when this browser cannot play it. */
  #begin(mime: string, from: number): boolean {
    const { sink, stats, report } = this.stage;
    stats.mime = mime;
    if (!playable(mime)) {
      report({ kind: "unsupported", mime });
      this.#unplayable = true;
      return false;
    }
    if (!sink.isOpen || from < sink.origin + 600 || from > sink.origin + REACH)
      sink.open(mime, Math.floor(from) - BELOW);
    else if (sink.mime !== mime) sink.changeType(mime);
    return true;
  }

  #abandon(): void {
    const reading = this.#window?.state === "reading";
    this.#window?.abort();
    this.#window = null;
    this.#drained?.();
    this.#drained = null;
    if (reading) this.stage.sink.abort();
  }
}
