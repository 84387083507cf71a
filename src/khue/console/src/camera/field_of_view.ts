/** Where a camera stands and what it looks at, on a plane of pixels. */
export interface View {
  lat: number;
  lon: number;
  bearing: number | null;
  angle: number | null;
  range: number | null;
}

const METRES_PER_DEGREE = 111_320;
/** Metres that fit the picture when no range is known. */
const USUAL_M = 150;

/** Pixels per metre so that the view fits half of a picture this wide. */
export const scaleFor = (view: View, pixels: number): number => (pixels * 0.42) / (view.range ?? USUAL_M);

/** A point in pixels right of and below the camera. */
export function offset(view: View, lat: number, lon: number, scale: number): { x: number; y: number } {
  const east = (lon - view.lon) * METRES_PER_DEGREE * Math.cos((view.lat * Math.PI) / 180);
  const north = (lat - view.lat) * METRES_PER_DEGREE;
  return { x: east * scale, y: -north * scale };
}

/** Start and end of the view's arc as a canvas counts: radians from east, clockwise. Null when nobody said where it looks. */
export function arc(view: View): { start: number; end: number } | null {
  if (view.angle === 360) return { start: 0, end: 2 * Math.PI };
  if (view.bearing === null) return null;
  const middle = ((view.bearing - 90) * Math.PI) / 180;
  const half = ((view.angle ?? 60) * Math.PI) / 360;
  return { start: middle - half, end: middle + half };
}

/** A round length of the scale bar that takes about `pixels`; metres. */
export function barLength(scale: number, pixels: number): number {
  const rough = pixels / scale;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [5, 2, 1].map((n) => n * power).find((n) => n <= rough) ?? power;
}
