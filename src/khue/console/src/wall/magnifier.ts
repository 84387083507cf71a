/** Digital zoom of a picture in a frame: `x`, `y` shift the picture's top left corner, in pixels of the frame. */
export interface Magnified {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export const WHOLE: Magnified = { scale: 1, x: 0, y: 0 };
const STRONGEST = 12;

/** Shifts so that the picture always covers the frame. */
function covered(view: Magnified, width: number, height: number): Magnified {
  return {
    scale: view.scale,
    x: Math.min(0, Math.max(width * (1 - view.scale), view.x)),
    y: Math.min(0, Math.max(height * (1 - view.scale), view.y)),
  };
}

/** Scales by `factor` about a point of the frame, which stays where it is. */
export function magnify(
  view: Magnified,
  factor: number,
  atX: number,
  atY: number,
  width: number,
  height: number,
): Magnified {
  const scale = Math.min(STRONGEST, Math.max(1, view.scale * factor));
  const by = scale / view.scale;
  return covered({ scale, x: atX - (atX - view.x) * by, y: atY - (atY - view.y) * by }, width, height);
}

export function shift(view: Magnified, dx: number, dy: number, width: number, height: number): Magnified {
  return covered({ ...view, x: view.x + dx, y: view.y + dy }, width, height);
}
