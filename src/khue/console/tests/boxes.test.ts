import { describe, expect, it } from "vitest";
import { boxes } from "../src/player/boxes";
import { SoundRemover } from "../src/player/mute";
import { firstDecodeTime } from "../src/player/times";

const word = (n: number): number[] => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const long = (n: number): number[] => [...word(Math.floor(n / 2 ** 32)), ...word(n % 2 ** 32)];
const box = (type: string, ...parts: number[][]): number[] => {
  const body = parts.flat();
  return [...word(body.length + 8), ...[...type].map((c) => c.charCodeAt(0)), ...body];
};
const zeros = (n: number): number[] => new Array<number>(n).fill(0);

const trak = (id: number, scale: number, version: 0 | 1): number[] => {
  const dates = zeros(version === 1 ? 16 : 8);
  return box(
    "trak",
    box("tkhd", [version, 0, 0, 0], dates, word(id), zeros(20)),
    box("mdia", box("mdhd", [version, 0, 0, 0], dates, word(scale), zeros(8))),
  );
};
const traf = (id: number, time: number, version: 0 | 1): number[] =>
  box(
    "traf",
    box("tfhd", word(0x20000), word(id)),
    box("tfdt", [version, 0, 0, 0], version === 1 ? long(time) : word(time)),
  );
const bytes = (...parts: number[][]): ArrayBuffer => new Uint8Array(parts.flat()).buffer;

describe("firstDecodeTime", () => {
  it("reads wall-clock times of 64 bits in each track's own scale and takes the earliest", () => {
    const second = 1_800_000_000;
    const data = bytes(
      box("ftyp", zeros(8)),
      box("moov", box("mvhd", zeros(20)), trak(1, 90_000, 0), trak(2, 16_000, 1)),
      box("moof", box("mfhd", zeros(8)), traf(1, (second + 1) * 90_000, 1), traf(2, second * 16_000, 1)),
    );
    expect(firstDecodeTime(data)).toBe(second);
  });

  it("reads short times too", () => {
    expect(firstDecodeTime(bytes(box("moov", trak(1, 1000, 0)), box("moof", traf(1, 2500, 0))))).toBe(2.5);
  });

  it("is null without a fragment, without the track, and for garbage", () => {
    expect(firstDecodeTime(bytes(box("moov", trak(1, 1000, 0))))).toBeNull();
    expect(firstDecodeTime(bytes(box("moov", trak(1, 1000, 0)), box("moof", traf(7, 1, 1))))).toBeNull();
    expect(firstDecodeTime(bytes(word(0), [1, 2, 3, 4]))).toBeNull();
    expect(firstDecodeTime(new ArrayBuffer(3))).toBeNull();
  });
});

const tag = (text: string): number[] => [...text].map((c) => c.charCodeAt(0));
const handled = (id: number, kind: string): number[] =>
  box(
    "trak",
    box("tkhd", zeros(12), word(id), zeros(20)),
    box("mdia", box("mdhd", zeros(12), word(1000), zeros(8)), box("hdlr", zeros(8), tag(kind), zeros(12))),
  );
const run = (id: number, offset: number): number[] =>
  box(
    "traf",
    box("tfhd", word(0x20000), word(id)),
    box("tfdt", zeros(4), word(5)),
    box("trun", word(0x000f01), word(1), word(offset), zeros(16)),
  );
const types = (data: ArrayBuffer): string[] =>
  [...boxes(new DataView(data), 0, data.byteLength)].map((one) => one.type);

describe("SoundRemover", () => {
  const init = bytes(
    box("ftyp", zeros(8)),
    box(
      "moov",
      box("mvhd", zeros(20)),
      handled(1, "vide"),
      handled(2, "soun"),
      box("mvex", box("trex", zeros(4), word(1), zeros(16)), box("trex", zeros(4), word(2), zeros(16))),
    ),
  );

  it("takes sound tracks out of the initialisation segment and keeps the rest as it was", () => {
    const bare = new SoundRemover().strip(init);
    const expected = bytes(
      box("ftyp", zeros(8)),
      box(
        "moov",
        box("mvhd", zeros(20)),
        handled(1, "vide"),
        box("mvex", box("trex", zeros(4), word(1), zeros(16))),
      ),
    );
    expect(new Uint8Array(bare)).toEqual(new Uint8Array(expected));
  });

  it("takes sound out of fragments and lets the picture's samples be found", () => {
    const remover = new SoundRemover();
    remover.strip(init);
    const mixed = bytes(
      box("moof", box("mfhd", zeros(8)), run(2, 500), run(1, 700)),
      box("mdat", zeros(400)),
    );
    const removed = run(2, 500).length;
    const expected = bytes(
      box("moof", box("mfhd", zeros(8)), run(1, 700 - removed)),
      box("mdat", zeros(400)),
    );
    expect(new Uint8Array(remover.strip(mixed))).toEqual(new Uint8Array(expected));
  });

  it("leaves alone what has no sound", () => {
    const remover = new SoundRemover();
    const silent = bytes(box("moov", handled(1, "vide")), box("moof", run(1, 100)), box("mdat", zeros(8)));
    expect(remover.strip(silent)).toBe(silent);
    expect(types(silent)).toEqual(["moov", "moof", "mdat"]);
  });

  it("names the media type without sound", () => {
    expect(SoundRemover.mime('video/mp4; codecs="avc1.42c016,mp4a.40.2"')).toBe(
      'video/mp4; codecs="avc1.42c016"',
    );
    expect(SoundRemover.mime('video/mp4; codecs="avc1.42c016"')).toBe('video/mp4; codecs="avc1.42c016"');
  });
});
