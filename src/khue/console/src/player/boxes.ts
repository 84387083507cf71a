/** Just enough of ISO/IEC 14496-12 to learn when the first picture of a piece of fragmented MP4 is. */

interface Box {
  type: string;
  /** Offset of the first byte after the header. */
  body: number;
  end: number;
}

function* boxes(view: DataView, start: number, end: number): Generator<Box> {
  let at = start;
  while (at + 8 <= end) {
    let size = view.getUint32(at);
    const type = String.fromCharCode(view.getUint8(at + 4), view.getUint8(at + 5), view.getUint8(at + 6), view.getUint8(at + 7));
    let body = at + 8;
    if (size === 1 && at + 16 <= end) {
      size = Number(view.getBigUint64(at + 8));
      body = at + 16;
    }
    if (size < body - at) return;
    yield { type, body, end: Math.min(end, at + size) };
    at += size;
  }
}

function find(view: DataView, box: Box, ...path: string[]): Box | null {
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

/** tkhd and mdhd: versions 0 and 1 differ in the width of their two dates. */
const afterDates = (view: DataView, box: Box): number => box.body + 4 + (view.getUint8(box.body) === 1 ? 16 : 8);

function timescales(view: DataView, moov: Box): Map<number, number> {
  const scales = new Map<number, number>();
  for (const trak of boxes(view, moov.body, moov.end)) {
    if (trak.type !== "trak") continue;
    const header = find(view, trak, "tkhd");
    const media = find(view, trak, "mdia", "mdhd");
    if (header && media) scales.set(view.getUint32(afterDates(view, header)), view.getUint32(afterDates(view, media)));
  }
  return scales;
}

function decodeTime(view: DataView, traf: Box, scales: Map<number, number>): number | null {
  const header = find(view, traf, "tfhd");
  const time = find(view, traf, "tfdt");
  if (!header || !time) return null;
  const scale = scales.get(view.getUint32(header.body + 4));
  if (!scale) return null;
  const units = view.getUint8(time.body) === 1 ? Number(view.getBigUint64(time.body + 4)) : view.getUint32(time.body + 4);
  return units / scale;
}

/** Seconds of the earliest first sample in `data` (an initialisation segment and at least one fragment), or null. */
export function firstDecodeTime(data: ArrayBuffer): number | null {
  const view = new DataView(data);
  let scales = new Map<number, number>();
  for (const box of boxes(view, 0, view.byteLength)) {
    if (box.type === "moov") scales = timescales(view, box);
    if (box.type !== "moof") continue;
    const times: number[] = [];
    for (const child of boxes(view, box.body, box.end)) {
      const time = child.type === "traf" ? decodeTime(view, child, scales) : null;
      if (time !== null) times.push(time);
    }
    if (times.length > 0) return Math.min(...times);
  }
  return null;
}
