import { toX, toY, type View } from "./projection";

/** What a dot says: its shape and colour. */
export const MARKS = ["working", "dead", "unseen", "planned"] as const;
export type Mark = (typeof MARKS)[number];

/** Cameras with a position, column by column; `mark` is an index of MARKS. */
export interface Points {
  readonly numbers: Uint32Array;
  readonly lon: Float64Array;
  readonly lat: Float64Array;
  readonly mark: Uint8Array;
}

export const NO_POINTS: Points = {
  numbers: new Uint32Array(),
  lon: new Float64Array(),
  lat: new Float64Array(),
  mark: new Uint8Array(),
};

/** Cameras drawn as one: where their middle is, how many of each mark, and which (indexes into the points). */
export interface Cluster {
  x: number;
  y: number;
  counts: [number, number, number, number];
  members: number[];
}

const CELL = 56;
/** More than this in one cell are drawn as one. */
const APART = 5;

/**
 * What is drawn in a view: cells of the ground, not of the screen, so that clusters stay together while the map is
 * moved. A cell with few cameras gives a cluster for each of them.
 */
export function clusters(points: Points, view: View): Cluster[] {
  const originX = toX(view, 105);
  const originY = toY(view, 21);
  const cells = new Map<number, number[]>();
  for (let at = 0; at < points.numbers.length; at++) {
    const x = toX(view, points.lon[at] ?? 0);
    const y = toY(view, points.lat[at] ?? 0);
    if (x < -CELL || y < -CELL || x > view.width + CELL || y > view.height + CELL) continue;
    const key = Math.floor((x - originX) / CELL) * 0x1000000 + Math.floor((y - originY) / CELL);
    const cell = cells.get(key);
    if (cell) cell.push(at);
    else cells.set(key, [at]);
  }
  const drawn: Cluster[] = [];
  for (const members of cells.values()) {
    if (members.length > APART) drawn.push(gathered(points, view, members));
    else for (const member of members) drawn.push(gathered(points, view, [member]));
  }
  return merged(points, view, drawn);
}

/** Crowds that would cover one another, and single cameras under a crowd, become part of the larger. */
function merged(points: Points, view: View, drawn: Cluster[]): Cluster[] {
  const crowds = drawn.filter((one) => one.members.length > 1).sort((a, b) => b.members.length - a.members.length);
  const apart: (Cluster & { grown?: boolean })[] = [];
  for (const crowd of crowds) absorb(apart, crowd, true);
  for (const one of drawn) if (one.members.length === 1) absorb(apart, one, false);
  return apart.map((cluster) => (cluster.grown ? gathered(points, view, cluster.members) : cluster));
}

function absorb(apart: (Cluster & { grown?: boolean })[], one: Cluster, crowd: boolean): void {
  const reach = crowd ? radius(one) * 0.7 : -2;
  const host = apart.find(
    (other) =>
      other.members.length > 1 && Math.hypot(other.x - one.x, other.y - one.y) < radius(other) * 0.9 + reach,
  );
  if (!host) apart.push(one);
  else {
    host.members = [...host.members, ...one.members];
    host.grown = true;
  }
}

function gathered(points: Points, view: View, members: number[]): Cluster {
  const counts: Cluster["counts"] = [0, 0, 0, 0];
  let [x, y] = [0, 0];
  for (const member of members) {
    x += toX(view, points.lon[member] ?? 0);
    y += toY(view, points.lat[member] ?? 0);
    const mark = points.mark[member] ?? 2;
    counts[mark] = (counts[mark] ?? 0) + 1;
  }
  return { x: x / members.length, y: y / members.length, counts, members };
}

/** CSS pixels from the middle of what is drawn to its edge. */
export function radius(cluster: Cluster): number {
  const n = cluster.members.length;
  return n === 1 ? 6 : 10 + 3.7 * Math.log10(n);
}

/** What is drawn nearest to a point of the screen, if the point is on it (within `slack` pixels). */
export function hit(drawn: readonly Cluster[], x: number, y: number, slack = 3): Cluster | null {
  let best: Cluster | null = null;
  let nearest = Infinity;
  for (const cluster of drawn) {
    const distance = Math.hypot(cluster.x - x, cluster.y - y) - radius(cluster);
    if (distance <= slack && distance < nearest) [best, nearest] = [cluster, distance];
  }
  return best;
}
