/** Walking the boxes of fragmented MP4 (ISO/IEC 14496-12). */

export interface Box {
  type: string;
  start: number;
  /** Offset of the first byte after the header. */
  body: number;
  end: number;
}

export function* boxes(view: DataView, start: number, end: number): Generator<Box> {
  let at = start;
  while (at + 8 <= end) {
    let size = view.getUint32(at);
    const type = String.fromCharCode(
      view.getUint8(at + 4),
      view.getUint8(at + 5),
      view.getUint8(at + 6),
      view.getUint8(at + 7),
    );
    let body = at + 8;
    if (size === 1 && at + 16 <= end) {
      size = Number(view.getBigUint64(at + 8));
      body = at + 16;
    }
    if (size < body - at) return;
    yield { type, start: at, body, end: Math.min(end, at + size) };
    at += size;
  }
}

/** The first box at the end of a path of types, or null. */
export function find(view: DataView, box: Box, ...path: string[]): Box | null {
  let found: Box | null = box;
  for (const type of path) {
    const parent: Box = found;
    found = null;
    for (const child of boxes(view, parent.body, parent.end)) {
      if (child.type !== type) continue;
      found = child;
      break;
    }
    if (!found) return null;
  }
  return found;
}

/** Offset after the two dates of tkhd and mdhd: versions 0 and 1 differ in their width. */
export const afterDates = (view: DataView, box: Box): number =>
  box.body + 4 + (view.getUint8(box.body) === 1 ? 16 : 8);

/** Track id of a `trak` or a `traf`, 0 when it has none. */
export function trackId(view: DataView, box: Box): number {
  const header = find(view, box, box.type === "trak" ? "tkhd" : "tfhd");
  if (!header) return 0;
  return view.getUint32(box.type === "trak" ? afterDates(view, header) : header.body + 4);
}
