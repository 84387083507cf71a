import { boxes, find, trackId, type Box } from "./boxes";

/**
 * Takes the sound out of a live stream before the browser sees it. A browser holds back pictures until it has a fifth of a
 * second of sound in hand; a wall of muted tiles need not wait for what nobody hears. The sound's bytes stay in `mdat`,
 * where nothing refers to them any more.
 */
export class SoundRemover {
  #sound = new Set<number>();

  /** The media type without its sound. */
  static mime(mime: string): string {
    return mime.replace(/codecs="([^"]*)"/, (_, list: string) => {
      const kept = list.split(",").filter((codec) => !/^\s*(mp4a|opus|flac)/i.test(codec));
      return `codecs="${kept.join(",").trim()}"`;
    });
  }

  /** The same boxes without tracks of sound. Answers `data` itself when there is nothing to take out. */
  strip(data: ArrayBuffer): ArrayBuffer {
    const view = new DataView(data);
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let changed = false;
    for (const box of boxes(view, 0, view.byteLength)) {
      if (box.type === "moov") this.#learn(view, box);
      const without = box.type === "moov" || box.type === "moof" ? this.#without(view, box) : null;
      changed ||= without !== null;
      pieces.push(without ?? new Uint8Array(data, box.start, box.end - box.start));
    }
    return changed ? join(pieces) : data;
  }

  #learn(view: DataView, moov: Box): void {
    this.#sound = new Set();
    for (const trak of boxes(view, moov.body, moov.end)) {
      const handler = trak.type === "trak" ? find(view, trak, "mdia", "hdlr") : null;
      if (handler && view.getUint32(handler.body + 8) === SOUN) this.#sound.add(trackId(view, trak));
    }
  }

  /** A `moov` or `moof` without its parts about sound; null when it has none. */
  #without(view: DataView, box: Box): Uint8Array<ArrayBuffer> | null {
    if (this.#sound.size === 0) return null;
    const kept: Uint8Array<ArrayBuffer>[] = [];
    let removed = 0;
    for (const child of boxes(view, box.body, box.end)) {
      const piece = child.type === "mvex" ? this.#extends(view, child) : copy(view, child);
      const sound = (child.type === "trak" || child.type === "traf") && this.#sound.has(trackId(view, child));
      if (!sound) kept.push(piece);
      removed += child.end - child.start - (sound ? 0 : piece.byteLength);
    }
    if (removed === 0) return null;
    if (box.type === "moof") for (const piece of kept) moveData(piece, removed);
    return wrap(view, box, kept);
  }

  /** `mvex` without the defaults of sound tracks. */
  #extends(view: DataView, mvex: Box): Uint8Array<ArrayBuffer> {
    const kept: Uint8Array<ArrayBuffer>[] = [];
    for (const child of boxes(view, mvex.body, mvex.end)) {
      if (child.type === "trex" && this.#sound.has(view.getUint32(child.body + 4))) continue;
      kept.push(copy(view, child));
    }
    return wrap(view, mvex, kept);
  }
}

const SOUN = 0x736f756e;
const DATA_OFFSET_PRESENT = 0x1;

const copy = (view: DataView, box: Box): Uint8Array<ArrayBuffer> =>
  new Uint8Array(view.buffer.slice(view.byteOffset + box.start, view.byteOffset + box.end) as ArrayBuffer);

function join(pieces: readonly Uint8Array<ArrayBuffer>[]): ArrayBuffer {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole.buffer;
}

/** `kept` under the header of `box`, with its new size. */
function wrap(view: DataView, box: Box, kept: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(8);
  const whole = new Uint8Array(join([header, ...kept]));
  const written = new DataView(whole.buffer);
  written.setUint32(0, whole.byteLength);
  written.setUint32(4, view.getUint32(box.start + 4));
  return whole;
}

/** `moof` became shorter by `removed` bytes: the samples of a `traf` begin that much nearer to its start. */
function moveData(piece: Uint8Array<ArrayBuffer>, removed: number): void {
  const view = new DataView(piece.buffer);
  for (const traf of boxes(view, 0, piece.byteLength)) {
    if (traf.type !== "traf") continue;
    for (const trun of boxes(view, traf.body, traf.end)) {
      if (trun.type !== "trun" || (view.getUint32(trun.body) & DATA_OFFSET_PRESENT) === 0) continue;
      view.setInt32(trun.body + 8, view.getInt32(trun.body + 8) - removed);
    }
  }
}
