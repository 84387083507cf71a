/** Which camera stands in which tile, as plain values. */

export const LAYOUTS = [1, 4, 9, 16] as const;
export type Layout = (typeof LAYOUTS)[number];
export const MOST_TILES = 16;

export interface Arrangement {
  readonly layout: Layout;
  /** Camera ids; null is an empty tile. Always 16: a smaller layout hides the rest, it does not forget them. */
  readonly tiles: readonly (string | null)[];
}

export const columns = (layout: Layout): number => Math.sqrt(layout);

export const EMPTY: Arrangement = { layout: 4, tiles: new Array<null>(MOST_TILES).fill(null) };

/** The smallest layout that shows `count` cameras. */
export function layoutFor(count: number): Layout {
  return LAYOUTS.find((layout) => count <= layout) ?? MOST_TILES;
}

/** The first visible empty tile, else the chosen one. */
export function freeTile(arrangement: Arrangement, chosen: number): number {
  if (arrangement.tiles[chosen] === null) return chosen;
  const free = arrangement.tiles.findIndex((camera, index) => index < arrangement.layout && camera === null);
  return free >= 0 ? free : chosen;
}

/** Puts a camera in a tile. A camera already on the wall trades places with what stood there. */
export function place(arrangement: Arrangement, camera: string, index: number): Arrangement {
  const tiles = [...arrangement.tiles];
  const before = tiles.indexOf(camera);
  if (before >= 0) tiles[before] = tiles[index] ?? null;
  tiles[index] = camera;
  return { ...arrangement, tiles };
}

export function remove(arrangement: Arrangement, index: number): Arrangement {
  return { ...arrangement, tiles: arrangement.tiles.map((camera, at) => (at === index ? null : camera)) };
}

export type Direction = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/** The tile reached by an arrow key; at the rim it stays. */
export function neighbour(layout: Layout, index: number, direction: Direction): number {
  const side = columns(layout);
  const column = index % side;
  const row = Math.floor(index / side);
  if (direction === "ArrowLeft") return column > 0 ? index - 1 : index;
  if (direction === "ArrowRight") return column < side - 1 ? index + 1 : index;
  if (direction === "ArrowUp") return row > 0 ? index - side : index;
  return row < side - 1 ? index + side : index;
}

/** `l=4&t=a,b,,c`: for the address and for the browser's memory. */
export function encode(arrangement: Arrangement): URLSearchParams {
  const tiles = arrangement.tiles.map((camera) => (camera === null ? "" : encodeURIComponent(camera)));
  return new URLSearchParams({ l: String(arrangement.layout), t: tiles.join(",").replace(/,+$/, "") });
}

/** The arrangement a link or the memory names; null when it names none. */
export function decode(params: URLSearchParams): Arrangement | null {
  const named = params.get("t");
  if (named === null) return null;
  const tiles: (string | null)[] = named
    .split(",")
    .slice(0, MOST_TILES)
    .map((camera) => (camera ? decodeURIComponent(camera) : null));
  while (tiles.length < MOST_TILES) tiles.push(null);
  const layout = LAYOUTS.find((known) => String(known) === params.get("l"));
  return { layout: layout ?? layoutFor(tiles.findLastIndex((camera) => camera !== null) + 1), tiles };
}
