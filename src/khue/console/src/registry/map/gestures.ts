import { boxBetween, panned, zoomed, type View } from "./projection";
import type { Box } from "../filter";

export interface Hands {
  view(): View;
  setView(view: View): void;
  /** Whether a drag draws a box instead of moving the map. */
  boxing(): boolean;
  dragged(box: { ax: number; ay: number; bx: number; by: number } | null): void;
  onbox(box: Box): void;
  onclick(x: number, y: number, touch: boolean): void;
  onhover(x: number, y: number): void;
}

const STILL = 5;
const LEAST_BOX = 8;

/** Mouse, pen and fingers on the map: drag, wheel, pinch, box, click. Points are CSS pixels inside the element. */
export class Gestures {
  readonly #down = new Map<number, { x: number; y: number }>();
  #start: { x: number; y: number } | null = null;
  #moved = false;

  constructor(
    readonly element: HTMLElement,
    readonly hands: Hands,
  ) {}

  down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.element.setPointerCapture(event.pointerId);
    this.#down.set(event.pointerId, this.#at(event));
    if (this.#down.size > 1) {
      this.#moved = true; // a pinch is no click
      this.hands.dragged(null);
      return;
    }
    this.#start = this.#at(event);
    this.#moved = false;
  }

  move(event: PointerEvent): void {
    const now = this.#at(event);
    const before = this.#down.get(event.pointerId);
    if (!before || !this.#start) {
      if (event.pointerType === "mouse") this.hands.onhover(now.x, now.y);
      return;
    }
    if (Math.hypot(now.x - this.#start.x, now.y - this.#start.y) > STILL) this.#moved = true;
    if (this.#down.size > 1) this.#pinch(event.pointerId, before, now);
    else if (this.hands.boxing() || event.shiftKey)
      this.hands.dragged({ ax: this.#start.x, ay: this.#start.y, bx: now.x, by: now.y });
    else if (this.#moved) this.hands.setView(panned(this.hands.view(), now.x - before.x, now.y - before.y));
    this.#down.set(event.pointerId, now);
  }

  up(event: PointerEvent): void {
    const [start, now] = [this.#start, this.#at(event)];
    const last = this.#down.delete(event.pointerId) && this.#down.size === 0;
    if (!last || !start) return;
    this.#start = null;
    const boxed = this.hands.boxing() || event.shiftKey;
    this.hands.dragged(null);
    if (!this.#moved) this.hands.onclick(now.x, now.y, event.pointerType !== "mouse");
    else if (boxed && Math.abs(now.x - start.x) > LEAST_BOX && Math.abs(now.y - start.y) > LEAST_BOX)
      this.hands.onbox(boxBetween(this.hands.view(), start.x, start.y, now.x, now.y));
  }

  cancel(event: PointerEvent): void {
    this.#down.delete(event.pointerId);
    this.#start = null;
    this.hands.dragged(null);
  }

  wheel(event: WheelEvent): void {
    event.preventDefault();
    const { x, y } = this.#at(event);
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    this.hands.setView(zoomed(this.hands.view(), 2 ** (-(event.deltaY * lines) / 260), x, y));
  }

  /** Two fingers: their distance zooms, their middle moves. */
  #pinch(id: number, before: { x: number; y: number }, now: { x: number; y: number }): void {
    const other = [...this.#down].find(([one]) => one !== id)?.[1];
    if (!other) return;
    const apart = (a: { x: number; y: number }): number => Math.max(1, Math.hypot(a.x - other.x, a.y - other.y));
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    const moved = panned(this.hands.view(), (now.x - before.x) / 2, (now.y - before.y) / 2);
    this.hands.setView(zoomed(moved, apart(now) / apart(before), middle.x, middle.y));
  }

  #at(event: MouseEvent): { x: number; y: number } {
    const { left, top } = this.element.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }
}
