import { GAP_CAUSES, type GapCause } from "../api/types";
import type { Coverage } from "./coverage";
import { drawing, type Band } from "./drawing";
import { ticks, xAt, type View } from "./geometry";
import { textureTile, type Palette } from "./patterns";
import type { Range } from "./range";

export const RULER_HEIGHT = 22;

export interface Row {
  readonly label: string;
  readonly coverage: Coverage;
  /** The chosen tile's row is drawn taller. */
  readonly lead: boolean;
}

export interface Scene {
  view: View;
  rows: readonly Row[];
  now: number;
  playhead: number;
  live: boolean;
  range: Range;
  hover: number | null;
  zone: string;
  hourMinute(ms: number): string;
  dayMonth(ms: number): string;
  clock(ms: number): string;
}

/** Where each row stands: thin rows share at most 60 % of the height, the lead row takes the rest. */
export function rowPlaces(
  rows: readonly Row[],
  top: number,
  bottom: number,
): { y: number; height: number }[] {
  const others = rows.filter((row) => !row.lead).length;
  const room = bottom - top;
  const pitch = others === 0 ? 0 : Math.min(11, (room * 0.6) / others);
  let y = top;
  return rows.map((row) => {
    const height = row.lead ? room - others * pitch : pitch;
    const place = { y, height: Math.max(1.5, height - (row.lead ? 3 : pitch > 6 ? 2 : 1)) };
    y += height;
    return place;
  });
}

/** Paints a scene on a canvas. Holds only what is dear to make: textures. */
export class Painter {
  #textures = new Map<GapCause, CanvasPattern>();
  #palette: Palette;
  #scale = 1;

  constructor(
    readonly pen: CanvasRenderingContext2D,
    palette: Palette,
  ) {
    this.#palette = palette;
  }

  dress(palette: Palette, scale: number): void {
    this.#palette = palette;
    this.#scale = scale;
    this.#textures.clear();
    for (const cause of GAP_CAUSES) {
      const pattern = this.pen.createPattern(textureTile(cause, palette, scale), "repeat");
      pattern?.setTransform(new DOMMatrix().scale(1 / scale));
      if (pattern) this.#textures.set(cause, pattern);
    }
  }

  paint(scene: Scene, width: number, height: number): void {
    const pen = this.pen;
    pen.setTransform(this.#scale, 0, 0, this.#scale, 0, 0);
    pen.fillStyle = this.#palette.ruler;
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = this.#palette.ground;
    pen.fillRect(0, RULER_HEIGHT, width, height - RULER_HEIGHT);
    this.#rows(scene, width, height);
    this.#ruler(scene, width, height);
    this.#future(scene, width, height);
    this.#range(scene, width, height);
    if (scene.hover !== null) this.#hover(xAt(scene.view, width, scene.hover), height);
    this.#playhead(scene, width, height);
  }

  #rows(scene: Scene, width: number, height: number): void {
    const places = rowPlaces(scene.rows, RULER_HEIGHT + 4, height - 2);
    scene.rows.forEach((row, index) => {
      const place = places[index];
      if (!place) return;
      for (const band of drawing(row.coverage, scene.view, width, scene.now))
        this.#band(band, place.y, place.height);
    });
  }

  #band(band: Band, y: number, height: number): void {
    const wide = band.x1 - band.x0;
    if (band.kind === "partial") {
      this.pen.fillStyle = this.#palette.partial;
      this.pen.fillRect(band.x0, y + height - Math.max(2, height / 4), wide, Math.max(2, height / 4));
      return;
    }
    this.pen.fillStyle =
      band.kind === "gap" && band.cause
        ? (this.#textures.get(band.cause) ?? this.#palette.causes[band.cause])
        : this.#palette.recorded;
    this.pen.fillRect(band.x0, y, wide, height);
  }

  #ruler(scene: Scene, width: number, height: number): void {
    const pen = this.pen;
    pen.font = "11px system-ui, 'Noto Sans', sans-serif";
    pen.textBaseline = "middle";
    for (const tick of ticks(scene.view, width, scene.zone)) {
      const x = Math.round(xAt(scene.view, width, tick.time)) + 0.5;
      const long = tick.kind === "minor" ? 4 : 7;
      pen.strokeStyle = this.#palette.line;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x, RULER_HEIGHT - long);
      pen.lineTo(x, tick.kind === "day" ? height : RULER_HEIGHT);
      pen.stroke();
      if (tick.kind === "minor") continue;
      pen.fillStyle = tick.kind === "day" ? this.#palette.strong : this.#palette.text;
      pen.fillText(tick.kind === "day" ? scene.dayMonth(tick.time) : scene.hourMinute(tick.time), x + 4, 9);
    }
  }

  #future(scene: Scene, width: number, height: number): void {
    const x = xAt(scene.view, width, scene.now);
    if (x >= width) return;
    this.pen.fillStyle = this.#palette.ruler;
    this.pen.globalAlpha = 0.55;
    this.pen.fillRect(Math.max(0, x), RULER_HEIGHT, width - x, height - RULER_HEIGHT);
    this.pen.globalAlpha = 1;
  }

  #range(scene: Scene, width: number, height: number): void {
    const { start, end } = scene.range;
    const pen = this.pen;
    pen.fillStyle = this.#palette.range;
    if (start !== null && end !== null) {
      const x0 = xAt(scene.view, width, start);
      pen.globalAlpha = 0.22;
      pen.fillRect(x0, RULER_HEIGHT, xAt(scene.view, width, end) - x0, height - RULER_HEIGHT);
      pen.globalAlpha = 1;
    }
    if (start !== null) this.#bracket(xAt(scene.view, width, start), 1, height);
    if (end !== null) this.#bracket(xAt(scene.view, width, end), -1, height);
  }

  #bracket(x: number, inward: 1 | -1, height: number): void {
    const left = inward === 1 ? x : x - 8;
    this.pen.fillRect(inward === 1 ? x : x - 2, RULER_HEIGHT - 4, 2, height - RULER_HEIGHT + 4);
    this.pen.fillRect(left, RULER_HEIGHT - 4, 8, 3);
    this.pen.fillRect(left, height - 3, 8, 3);
  }

  #hover(x: number, height: number): void {
    this.pen.strokeStyle = this.#palette.strong;
    this.pen.globalAlpha = 0.45;
    this.pen.lineWidth = 1;
    this.pen.beginPath();
    this.pen.moveTo(Math.round(x) + 0.5, RULER_HEIGHT);
    this.pen.lineTo(Math.round(x) + 0.5, height);
    this.pen.stroke();
    this.pen.globalAlpha = 1;
  }

  #playhead(scene: Scene, width: number, height: number): void {
    const x = xAt(scene.view, width, scene.playhead);
    if (x < -40 || x > width + 40) return;
    const pen = this.pen;
    const colour = scene.live ? this.#palette.live : this.#palette.playhead;
    const text = scene.clock(scene.playhead);
    pen.font = "600 11px system-ui, 'Noto Sans', sans-serif";
    const wide = pen.measureText(text).width + 10;
    const left = Math.min(width - wide - 1, Math.max(1, x - wide / 2));
    pen.fillStyle = colour;
    pen.fillRect(Math.round(x) - 1, 16, 2, height - 16);
    pen.beginPath();
    pen.roundRect(left, 1, wide, 16, 3);
    pen.fill();
    pen.fillStyle = this.#palette.ground;
    pen.textBaseline = "middle";
    pen.fillText(text, left + 5, 9.5);
  }
}
