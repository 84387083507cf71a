import { MARKS, radius, type Cluster, type Mark } from "./clusters";
import type { Unit } from "../types";
import { scaleBar, toX, toY, type View } from "./projection";

export interface Palette {
  ground: string;
  line: string;
  text: string;
  muted: string;
  panel: string;
  accent: string;
  marks: Record<Mark, string>;
}

/** The page's colours, for a canvas. */
export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    ground: colour("ground"),
    line: colour("line"),
    text: colour("text"),
    muted: colour("text-muted"),
    panel: colour("panel"),
    accent: colour("accent"),
    marks: {
      working: colour("good"),
      dead: colour("danger"),
      unseen: colour("state-stalled"),
      planned: colour("state-disabled"),
    },
  };
}

type Pen = CanvasRenderingContext2D;

export interface Scene {
  view: View;
  drawn: readonly Cluster[];
  units: readonly Unit[];
  filterBox: { west: number; south: number; east: number; north: number } | null;
  dragged: { ax: number; ay: number; bx: number; by: number } | null;
  palette: Palette;
  font: string;
  lengthWords: (metres: number) => string;
  countWords: (n: number) => string;
}

export function paint(pen: Pen, scene: Scene): void {
  const { view, palette } = scene;
  pen.fillStyle = palette.ground;
  pen.fillRect(0, 0, view.width, view.height);
  drawUnits(pen, scene);
  drawFilterBox(pen, scene);
  for (const cluster of scene.drawn) {
    if (cluster.members.length === 1) drawDot(pen, cluster, palette);
    else drawCluster(pen, cluster, scene);
  }
  drawScale(pen, scene);
  if (scene.dragged) drawDragged(pen, scene.dragged, palette);
}

const bareName = (name: string): string => name.replace(/^(Phường|Xã) /, "");

type Rectangle = readonly [left: number, top: number, right: number, bottom: number];

/** Where a name may stand beside its centroid, the best first: pixels from the middle of the name. */
const BESIDE = [
  [0, 13],
  [0, -13],
  [0, 28],
  [0, -28],
] as const;

/** Names of units where they cover neither a camera nor each other; a cross is a centroid, there are no borders. */
function drawUnits(pen: Pen, { view, units, drawn, palette, font }: Scene): void {
  const taken: Rectangle[] = drawn.map((cluster) => {
    const size = radius(cluster);
    return [cluster.x - size, cluster.y - size, cluster.x + size, cluster.y + size];
  });
  const free = (place: Rectangle): boolean =>
    taken.every(([l, t, r, b]) => place[2] < l || place[0] > r || place[3] < t || place[1] > b);
  pen.font = `12px ${font}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  for (const unit of units) {
    const [x, y] = [toX(view, unit.lon), toY(view, unit.lat)];
    if (x < 0 || y < 0 || x > view.width || y > view.height) continue;
    const name = bareName(unit.name);
    const half = pen.measureText(name).width / 2 + 3;
    const around = (dx: number, dy: number): Rectangle => [x + dx - half, y + dy - 8, x + dx + half, y + dy + 8];
    const beside = BESIDE.find(([dx, dy]) => free(around(dx, dy)));
    if (!beside) continue;
    taken.push(around(beside[0], beside[1]));
    if (free([x - 3, y - 3, x + 3, y + 3])) drawCross(pen, x, y, palette.muted);
    pen.strokeStyle = palette.ground;
    pen.lineWidth = 3;
    pen.strokeText(name, x + beside[0], y + beside[1]);
    pen.fillStyle = palette.muted;
    pen.fillText(name, x + beside[0], y + beside[1]);
  }
}

function drawCross(pen: Pen, x: number, y: number, colour: string): void {
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x - 3, y);
  pen.lineTo(x + 3, y);
  pen.moveTo(x, y - 3);
  pen.lineTo(x, y + 3);
  pen.stroke();
}

function drawFilterBox(pen: Pen, { view, filterBox, palette }: Scene): void {
  if (!filterBox) return;
  const [x, y] = [toX(view, filterBox.west), toY(view, filterBox.north)];
  pen.strokeStyle = palette.accent;
  pen.lineWidth = 1.5;
  pen.setLineDash([6, 4]);
  pen.strokeRect(x, y, toX(view, filterBox.east) - x, toY(view, filterBox.south) - y);
  pen.setLineDash([]);
}

/** One camera: a disc works, a cross does not, a ring was not looked at, a diamond is not there (yet, or any more). */
export function drawDot(pen: Pen, { x, y, counts }: Pick<Cluster, "x" | "y" | "counts">, palette: Palette): void {
  const mark = MARKS[counts.findIndex((n) => n > 0)] ?? "unseen";
  pen.beginPath();
  if (mark === "working" || mark === "unseen") pen.arc(x, y, mark === "working" ? 5 : 4.2, 0, 2 * Math.PI);
  else if (mark === "dead") {
    pen.moveTo(x - 4, y - 4);
    pen.lineTo(x + 4, y + 4);
    pen.moveTo(x + 4, y - 4);
    pen.lineTo(x - 4, y + 4);
  } else {
    pen.moveTo(x, y - 5);
    pen.lineTo(x + 5, y);
    pen.lineTo(x, y + 5);
    pen.lineTo(x - 5, y);
    pen.closePath();
  }
  pen.lineCap = "round";
  pen.strokeStyle = palette.ground;
  pen.lineWidth = 5;
  pen.stroke();
  pen.strokeStyle = palette.marks[mark];
  pen.fillStyle = palette.marks[mark];
  pen.lineWidth = 2.2;
  if (mark === "working") pen.fill();
  else pen.stroke();
}

/** Many cameras: how many, in a ring whose arcs say how they fare. */
function drawCluster(pen: Pen, cluster: Cluster, { palette, font, countWords }: Scene): void {
  const { x, y, counts, members } = cluster;
  const size = radius(cluster);
  pen.beginPath();
  pen.arc(x, y, size, 0, 2 * Math.PI);
  pen.fillStyle = palette.panel;
  pen.fill();
  let from = -Math.PI / 2;
  pen.lineWidth = 4;
  pen.lineCap = "butt";
  MARKS.forEach((mark, at) => {
    const to = from + (2 * Math.PI * (counts[at] ?? 0)) / members.length;
    if (to === from) return;
    pen.beginPath();
    pen.arc(x, y, size - 2, from, to);
    pen.strokeStyle = palette.marks[mark];
    pen.stroke();
    from = to;
  });
  pen.font = `600 ${members.length > 999 ? 10.5 : 11.5}px ${font}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = palette.text;
  pen.fillText(countWords(members.length), x, y + 0.5);
}

function drawScale(pen: Pen, { view, palette, font, lengthWords }: Scene): void {
  const { metres, pixels } = scaleBar(view);
  const [x, y] = [14, view.height - 14];
  const words = lengthWords(metres);
  pen.font = `12px ${font}`;
  const wide = Math.max(pixels, pen.measureText(words).width);
  pen.globalAlpha = 0.85;
  pen.fillStyle = palette.panel;
  pen.fillRect(x - 7, y - 24, wide + 14, 31);
  pen.globalAlpha = 1;
  pen.strokeStyle = palette.text;
  pen.lineWidth = 1.5;
  pen.lineCap = "butt";
  pen.beginPath();
  pen.moveTo(x, y - 5);
  pen.lineTo(x, y);
  pen.lineTo(x + pixels, y);
  pen.lineTo(x + pixels, y - 5);
  pen.stroke();
  pen.fillStyle = palette.text;
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
  pen.fillText(words, x, y - 9);
}

function drawDragged(pen: Pen, { ax, ay, bx, by }: NonNullable<Scene["dragged"]>, palette: Palette): void {
  pen.strokeStyle = palette.accent;
  pen.fillStyle = palette.accent;
  pen.lineWidth = 1.5;
  pen.globalAlpha = 0.15;
  pen.fillRect(ax, ay, bx - ax, by - ay);
  pen.globalAlpha = 1;
  pen.strokeRect(ax, ay, bx - ax, by - ay);
}
