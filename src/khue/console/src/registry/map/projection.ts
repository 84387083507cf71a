import type { Box } from "../filter";

/** A city is small enough for a plane: degrees of longitude are narrower than those of latitude by the cosine. */
const NARROWING = Math.cos((21 * Math.PI) / 180);
const METRES_PER_DEGREE = 111_195;

export const LEAST_SCALE = 300;
/** A decimetre and a half to the pixel: two cameras on one pole are apart. */
export const MOST_SCALE = 800_000;

export interface Place {
  lon: number;
  lat: number;
}

/** What a map of `width` x `height` CSS pixels shows: its middle, and pixels per degree of latitude. */
export interface View extends Place {
  scale: number;
  width: number;
  height: number;
}

export function toX(view: View, lon: number): number {
  return view.width / 2 + (lon - view.lon) * view.scale * NARROWING;
}

export function toY(view: View, lat: number): number {
  return view.height / 2 - (lat - view.lat) * view.scale;
}

export function toPlace(view: View, x: number, y: number): Place {
  return {
    lon: view.lon + (x - view.width / 2) / (view.scale * NARROWING),
    lat: view.lat - (y - view.height / 2) / view.scale,
  };
}

/** The view moved so that what was at one point is at another. */
export function panned(view: View, dx: number, dy: number): View {
  return { ...view, ...toPlace(view, view.width / 2 - dx, view.height / 2 - dy) };
}

/** The view magnified around a point of the screen, which stays where it is. */
export function zoomed(view: View, factor: number, x = view.width / 2, y = view.height / 2): View {
  const scale = Math.min(Math.max(view.scale * factor, LEAST_SCALE), MOST_SCALE);
  const fixed = toPlace(view, x, y);
  const next = { ...view, scale };
  const now = toPlace(next, x, y);
  return { ...next, lon: view.lon + fixed.lon - now.lon, lat: view.lat + fixed.lat - now.lat };
}

/** The view that shows a box whole, with a margin. */
export function fitted(box: Box, width: number, height: number, margin = 36): View {
  const across = Math.max(box.east - box.west, 1e-4) * NARROWING;
  const down = Math.max(box.north - box.south, 1e-4);
  const scale = Math.min(Math.max(width - 2 * margin, 50) / across, Math.max(height - 2 * margin, 50) / down);
  return {
    lon: (box.west + box.east) / 2,
    lat: (box.south + box.north) / 2,
    scale: Math.min(Math.max(scale, LEAST_SCALE), MOST_SCALE / 8),
    width,
    height,
  };
}

/** The box between two points of the screen, whichever way it was dragged. */
export function boxBetween(view: View, ax: number, ay: number, bx: number, by: number): Box {
  const [nw, se] = [
    toPlace(view, Math.min(ax, bx), Math.min(ay, by)),
    toPlace(view, Math.max(ax, bx), Math.max(ay, by)),
  ];
  return { west: nw.lon, north: nw.lat, east: se.lon, south: se.lat };
}

/** The longest round length (1, 2, 5 x 10^n metres) of at most `most` pixels, and its pixels. */
export function scaleBar(view: View, most = 120): { metres: number; pixels: number } {
  const perPixel = METRES_PER_DEGREE / view.scale;
  const power = 10 ** Math.floor(Math.log10(most * perPixel));
  const step = [5, 2, 1].find((n) => n * power <= most * perPixel) ?? 1;
  return { metres: step * power, pixels: (step * power) / perPixel };
}
