import { notBeyond, pan, showAt, span, timeAt, xAt, zoom, HOUR, type View } from "./geometry";
import { Painter, RULER_HEIGHT, type Row, type Scene } from "./painter";
import { readPalette } from "./patterns";
import { between, NO_RANGE, type Range } from "./range";

export interface TimelineEvents {
  onSeek(time: number): void;
  onRange(range: Range): void;
  onView(view: View): void;
  /** The pointer is over an instant (x in pixels), or left. `scrubbing` while the playhead is dragged. */
  onHover(time: number | null, x: number, scrubbing: boolean): void;
}

export interface TimeWords {
  zone: string;
  hourMinute(ms: number): string;
  dayMonth(ms: number): string;
  clock(ms: number): string;
}

type Drag =
  | { kind: "pan"; x: number; view: View; moved: boolean }
  | { kind: "scrub" }
  | { kind: "range"; anchor: number }
  | { kind: "pinch"; distance: number; middle: number; view: View };

const CLICK_PX = 4;
const HANDLE_PX = 7;
/** Where "now" stands while the view follows it. */
const LIVE_AT = 0.92;

/** The canvas timeline: draws coverage and turns pointer and wheel into seeks, views and ranges. */
export class Timeline {
  #view: View;
  #rows: readonly Row[] = [];
  #range: Range = NO_RANGE;
  #playhead: number;
  #live = true;
  #hover: number | null = null;
  #drag: Drag | null = null;
  #pointers = new Map<number, number>();
  #frame = 0;
  #following = true;
  readonly #painter: Painter;
  readonly #resize: ResizeObserver;
  readonly #listening = new AbortController();

  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly events: TimelineEvents,
    private words: TimeWords,
    readonly now: () => number,
  ) {
    const pen = canvas.getContext("2d", { alpha: false });
    if (!pen) throw new Error("this browser has no 2D canvas");
    this.#playhead = now();
    this.#view = showAt({ start: 0, end: HOUR }, this.#playhead, LIVE_AT);
    this.#painter = new Painter(pen, readPalette(canvas));
    this.#resize = new ResizeObserver(() => this.restyle());
    this.#resize.observe(canvas);
    this.#listen();
  }

  get view(): View {
    return this.#view;
  }

  destroy(): void {
    this.#listening.abort();
    this.#resize.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  setRows(rows: readonly Row[]): void {
    this.#rows = rows;
    this.#redraw();
  }

  setRange(range: Range): void {
    this.#range = range;
    this.#redraw();
  }

  setWords(words: TimeWords): void {
    this.words = words;
    this.#redraw();
  }

  /** The instant played. The view follows it until somebody moves the view, and again after `follow`. */
  setPlayhead(time: number, live: boolean): void {
    this.#playhead = time;
    this.#live = live;
    if (this.#following && !this.#drag) this.#keepInSight();
    this.#redraw();
  }

  follow(): void {
    this.#following = true;
    this.#keepInSight();
  }

  zoomBy(factor: number): void {
    const anchor = this.#inView(this.#playhead) ? this.#playhead : this.#view.start + span(this.#view) / 2;
    this.#setView(zoom(this.#view, anchor, factor));
  }

  /** Reads colours again, after the theme or the size changed. */
  restyle(): void {
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * scale);
    this.canvas.height = Math.round(this.canvas.clientHeight * scale);
    this.#painter.dress(readPalette(this.canvas), scale);
    this.#redraw();
  }

  get #width(): number {
    return Math.max(1, this.canvas.clientWidth);
  }

  #inView(time: number): boolean {
    return time >= this.#view.start && time <= this.#view.end;
  }

  #keepInSight(): void {
    if (this.#live) this.#setView(showAt(this.#view, this.#playhead, LIVE_AT));
    else if (this.#playhead > this.#view.end) this.#setView(showAt(this.#view, this.#playhead, 0.1));
    else if (this.#playhead < this.#view.start) this.#setView(showAt(this.#view, this.#playhead, 0.5));
  }

  #setView(view: View): void {
    const next = notBeyond(view, this.now());
    if (next.start === this.#view.start && next.end === this.#view.end) return;
    this.#view = next;
    this.events.onView(next);
    this.#redraw();
  }

  #redraw(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#painter.paint(this.#scene(), this.#width, this.canvas.clientHeight);
    });
  }

  #scene(): Scene {
    return {
      view: this.#view,
      rows: this.#rows,
      now: this.now(),
      playhead: this.#playhead,
      live: this.#live,
      range: this.#range,
      hover: this.#hover,
      ...this.words,
    };
  }

  #listen(): void {
    const options = { signal: this.#listening.signal };
    const canvas = this.canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event), options);
    canvas.addEventListener("pointermove", (event) => this.#move(event), options);
    canvas.addEventListener("pointerup", (event) => this.#up(event, true), options);
    canvas.addEventListener("pointercancel", (event) => this.#up(event, false), options);
    canvas.addEventListener("pointerleave", () => this.#leave(), options);
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { ...options, passive: false });
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event.offsetX);
    if (this.#pointers.size === 2) {
      this.#drag = this.#pinch();
      return;
    }
    this.#drag = this.#dragFrom(event);
    if (this.#drag.kind === "scrub") this.#pointAt(event.offsetX);
  }

  #dragFrom(event: PointerEvent): Drag {
    const x = event.offsetX;
    const time = timeAt(this.#view, this.#width, x);
    const near = (end: number | null): boolean =>
      end !== null && Math.abs(xAt(this.#view, this.#width, end) - x) <= HANDLE_PX;
    const { start, end } = this.#range;
    if (event.shiftKey) return { kind: "range", anchor: time };
    if (start !== null && end !== null && near(start)) return { kind: "range", anchor: end };
    if (start !== null && end !== null && near(end)) return { kind: "range", anchor: start };
    if (event.offsetY < RULER_HEIGHT || near(this.#playhead)) return { kind: "scrub" };
    return { kind: "pan", x, view: this.#view, moved: false };
  }

  #pinch(): Drag {
    const [a = 0, b = 0] = [...this.#pointers.values()];
    return { kind: "pinch", distance: Math.max(10, Math.abs(a - b)), middle: (a + b) / 2, view: this.#view };
  }

  #move(event: PointerEvent): void {
    const x = event.offsetX;
    if (this.#pointers.has(event.pointerId)) this.#pointers.set(event.pointerId, x);
    const drag = this.#drag;
    if (!drag) {
      if (event.pointerType !== "touch") this.#pointAt(x);
    } else if (drag.kind === "pan") {
      drag.moved ||= Math.abs(x - drag.x) > CLICK_PX;
      if (!drag.moved) return;
      this.#following = false;
      this.#hover = null;
      this.events.onHover(null, 0, false);
      this.#setView(pan(drag.view, ((drag.x - x) / this.#width) * span(drag.view)));
    } else if (drag.kind === "pinch") {
      this.#stretch(drag);
    } else {
      this.#pointAt(x);
      const time = Math.min(this.now(), timeAt(this.#view, this.#width, x));
      if (drag.kind === "range") this.events.onRange(between(drag.anchor, time));
    }
  }

  #stretch(drag: Extract<Drag, { kind: "pinch" }>): void {
    const [a = 0, b = 0] = [...this.#pointers.values()];
    const anchor = timeAt(drag.view, this.#width, drag.middle);
    const zoomed = zoom(drag.view, anchor, drag.distance / Math.max(10, Math.abs(a - b)));
    this.#following = false;
    this.#setView(pan(zoomed, ((drag.middle - (a + b) / 2) / this.#width) * span(zoomed)));
  }

  #up(event: PointerEvent, meant: boolean): void {
    this.#pointers.delete(event.pointerId);
    const drag = this.#drag;
    if (!drag || (drag.kind === "pinch" && this.#pointers.size > 0)) return;
    this.#drag = null;
    const time = Math.min(this.now(), timeAt(this.#view, this.#width, event.offsetX));
    if (meant && (drag.kind === "scrub" || (drag.kind === "pan" && !drag.moved))) {
      this.#following = true;
      this.events.onSeek(time);
    }
    if (event.pointerType === "touch") this.#leave();
    else this.#pointAt(event.offsetX);
  }

  #leave(): void {
    if (this.#drag) return;
    this.#hover = null;
    this.events.onHover(null, 0, false);
    this.#redraw();
  }

  #pointAt(x: number): void {
    const inside = Math.min(this.#width, Math.max(0, x));
    this.#hover = timeAt(this.#view, this.#width, inside);
    this.events.onHover(this.#hover, inside, this.#drag?.kind === "scrub");
    this.#redraw();
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      this.#following = false;
      this.#setView(pan(this.#view, (sideways / this.#width) * span(this.#view)));
      return;
    }
    const factor = Math.exp(Math.sign(event.deltaY) * Math.min(0.5, Math.abs(event.deltaY) * 0.002));
    // While live is followed, zooming is about the present, not about where the pointer happens to rest.
    const anchor =
      this.#live && this.#following ? this.#playhead : timeAt(this.#view, this.#width, event.offsetX);
    this.#setView(zoom(this.#view, anchor, factor));
  }
}
