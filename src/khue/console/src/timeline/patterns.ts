import type { GapCause } from "../api/types";

/** The timeline's colours, read from the page's style sheet so that both themes have one source. */
export interface Palette {
  ground: string;
  ruler: string;
  line: string;
  text: string;
  strong: string;
  recorded: string;
  partial: string;
  playhead: string;
  live: string;
  range: string;
  causes: Record<GapCause, string>;
}

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    ground: colour("timeline-ground"),
    ruler: colour("panel"),
    line: colour("line"),
    text: colour("text-muted"),
    strong: colour("text"),
    recorded: colour("recorded"),
    partial: colour("partial"),
    playhead: colour("playhead"),
    live: colour("live"),
    range: colour("accent"),
    causes: {
      camera: colour("cause-camera"),
      link: colour("cause-link"),
      node: colour("cause-node"),
      disk: colour("cause-disk"),
      policy: colour("cause-policy"),
    },
  };
}

type Stroke = (pen: CanvasRenderingContext2D, size: number) => void;

const line = (pen: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void => {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
};

/** Each cause has its own texture: colour alone does not reach everyone. */
const TEXTURES: Record<GapCause, Stroke> = {
  camera: (pen, n) => {
    for (const shift of [-n, 0, n]) line(pen, shift, n, shift + n, 0);
  },
  link: (pen, n) => {
    for (const [x, y] of [
      [n / 4, n / 4],
      [(3 * n) / 4, (3 * n) / 4],
    ] as const) {
      pen.beginPath();
      pen.arc(x, y, n / 7, 0, 2 * Math.PI);
      pen.fill();
    }
  },
  node: (pen, n) => {
    line(pen, 0, 0, n, n);
    line(pen, 0, n, n, 0);
  },
  disk: (pen, n) => line(pen, n / 2, 0, n / 2, n),
  policy: (pen, n) => line(pen, 0, n / 2, n, n / 2),
};

const TILE = 8;

/** One repeating square of a cause's texture: the colour, with strokes of the ground in it. */
export function textureTile(cause: GapCause, palette: Palette, scale: number): HTMLCanvasElement {
  const tile = document.createElement("canvas");
  const size = Math.round(TILE * scale);
  tile.width = size;
  tile.height = size;
  const pen = tile.getContext("2d");
  if (!pen) return tile;
  pen.fillStyle = palette.causes[cause];
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = palette.ground;
  pen.fillStyle = palette.ground;
  pen.lineWidth = size / 5;
  TEXTURES[cause](pen, size);
  return tile;
}
