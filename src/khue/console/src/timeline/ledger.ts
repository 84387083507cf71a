import { api } from "../api/client";
import type { StreamName } from "../api/types";
import { fromAnswer, momentAt, NOTHING_KNOWN, type Coverage, type Moment } from "./coverage";
import { span, type View } from "./geometry";

interface Entry {
  coverage: Coverage;
  askedAt: number;
  pending: AbortController | null;
  error: string;
}

/** How old an answer that reaches to the present may grow. */
const STALE_MS = 5_000;

/**
 * Coverage of the streams on screen, asked from the centre as views need it. One answer per stream is kept: the last
 * view and half of it on either side.
 */
export class CoverageLedger {
  readonly #entries = new Map<string, Entry>();

  constructor(readonly onChange: () => void) {}

  of(camera: string, stream: StreamName): Coverage {
    return this.#entries.get(`${camera}/${stream}`)?.coverage ?? NOTHING_KNOWN;
  }

  at(camera: string, stream: StreamName, time: number): Moment {
    return momentAt(this.of(camera, stream), time);
  }

  error(camera: string, stream: StreamName): string {
    return this.#entries.get(`${camera}/${stream}`)?.error ?? "";
  }

  /** Sees to it that the view is known and fresh; calls `onChange` when an answer came. */
  want(camera: string, stream: StreamName, view: View, now: number): void {
    const key = `${camera}/${stream}`;
    const entry = this.#entries.get(key) ?? { coverage: NOTHING_KNOWN, askedAt: 0, pending: null, error: "" };
    this.#entries.set(key, entry);
    const known = entry.coverage;
    const needed = Math.min(view.end, now - STALE_MS);
    const covered = known.from <= view.start && (known.to >= needed || known.to >= view.end);
    const tooWide = known.to - known.from > span(view) * 12;
    const failedJustNow = entry.error !== "" && now - entry.askedAt < STALE_MS;
    if ((covered && !tooWide) || entry.pending || failedJustNow) return;
    void this.#ask(entry, camera, stream, view, now);
  }

  /** The first instant from `time` to `now` at which something is recorded; null when nothing is or nobody can say. */
  async nextRecorded(camera: string, stream: StreamName, time: number, now: number): Promise<number | null> {
    try {
      const answer = fromAnswer(await api.coverage(camera, stream, time, now));
      return answer.spans.find((s) => s.end > time)?.start ?? null;
    } catch {
      // The gap stays on screen with its cause; the viewer can go on by hand.
      return null;
    }
  }

  /** Forgets streams that are no longer on screen. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const [key, entry] of this.#entries) {
      if (keys.has(key)) continue;
      entry.pending?.abort();
      this.#entries.delete(key);
    }
  }

  async #ask(entry: Entry, camera: string, stream: StreamName, view: View, now: number): Promise<void> {
    const margin = span(view) / 2;
    const from = Math.floor(view.start - margin);
    const to = Math.floor(Math.min(view.end + margin, now));
    if (to <= from) return;
    entry.pending = new AbortController();
    entry.askedAt = now;
    try {
      entry.coverage = fromAnswer(await api.coverage(camera, stream, from, to, entry.pending.signal));
      entry.error = "";
    } catch (reason) {
      if (reason instanceof DOMException && reason.name === "AbortError") return;
      entry.error = reason instanceof Error ? reason.message : String(reason);
    } finally {
      entry.pending = null;
    }
    this.onChange();
  }
}
