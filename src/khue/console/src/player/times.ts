import { afterDates, boxes, find, trackId, type Box } from "./boxes";

function timescales(view: DataView, moov: Box): Map<number, number> {
  const scales = new Map<number, number>();
  for (const trak of boxes(view, moov.body, moov.end)) {
    const media = trak.type === "trak" ? find(view, trak, "mdia", "mdhd") : null;
    if (media) scales.set(trackId(view, trak), view.getUint32(afterDates(view, media)));
  }
  return scales;
}

function decodeTime(view: DataView, traf: Box, scales: Map<number, number>): number | null {
  const time = find(view, traf, "tfdt");
  const scale = scales.get(trackId(view, traf));
  if (!time || !scale) return null;
  const units =
    view.getUint8(time.body) === 1 ? Number(view.getBigUint64(time.body + 4)) : view.getUint32(time.body + 4);
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
