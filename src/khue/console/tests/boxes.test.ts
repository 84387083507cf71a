import { describe, expect, it } from "vitest";
import { firstDecodeTime } from "../src/player/boxes";

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
  box("traf", box("tfhd", word(0x20000), word(id)), box("tfdt", [version, 0, 0, 0], version === 1 ? long(time) : word(time)));
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
