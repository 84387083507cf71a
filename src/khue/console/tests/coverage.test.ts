import { describe, expect, it } from "vitest";
import { fromAnswer, momentAt } from "../src/timeline/coverage";
import { drawing } from "../src/timeline/drawing";
import { MINUTE } from "../src/timeline/geometry";
import { rowPlaces } from "../src/timeline/painter";

const iso = (ms: number): string => new Date(ms).toISOString();
const T = Date.UTC(2026, 0, 31, 5, 0);
const at = (minutes: number): number => T + minutes * MINUTE;

const coverage = fromAnswer({
  from: iso(at(0)),
  to: iso(at(60)),
  stream: "main",
  spans: [
    { start: iso(at(30)), end: iso(at(60) - 1000) },
    { start: iso(at(0)), end: iso(at(10)) },
    { start: iso(at(10) + 100), end: iso(at(20)) },
  ],
  gaps: [
    { start: iso(at(20)), end: iso(at(30)), cause: "link", detail: "timed out" },
    { start: iso(at(5)), end: iso(at(5) + 500), cause: "link", partial: true },
  ],
});

describe("momentAt", () => {
  it("knows what is recorded", () => {
    expect(momentAt(coverage, at(3))).toMatchObject({ kind: "recorded", span: { start: at(0) } });
  });

  it("names the gap and where recording goes on", () => {
    expect(momentAt(coverage, at(25))).toMatchObject({
      kind: "gap",
      gap: { cause: "link" },
      start: at(20),
      next: at(30),
    });
  });

  it("takes a seam between spans for recorded", () => {
    expect(momentAt(coverage, at(10) + 50).kind).toBe("recorded");
  });

  it("does not let lost packets hide a recording", () => {
    expect(momentAt(coverage, at(5) + 100).kind).toBe("recorded");
  });

  it("says it does not know outside the answer and at its growing end", () => {
    expect(momentAt(coverage, at(61)).kind).toBe("unknown");
    expect(momentAt(coverage, at(-1)).kind).toBe("unknown");
    expect(momentAt(coverage, at(60) - 500).kind).toBe("unknown");
  });

  it("does not take what a node has yet to report for a gap", () => {
    const growing = fromAnswer({
      from: iso(at(0)),
      to: iso(at(60)),
      stream: "sub",
      spans: [{ start: iso(at(0)), end: iso(at(60) - 900) }],
      gaps: [
        {
          start: iso(at(60) - 900),
          end: iso(at(60)),
          cause: "node",
          detail: "no node has said anything of this time",
        },
      ],
    });
    expect(growing.gaps).toEqual([]);
    expect(momentAt(growing, at(60) - 300).kind).toBe("unknown");
  });

  it("tells of a gap that still lasts", () => {
    const dead = fromAnswer({
      from: iso(at(0)),
      to: iso(at(60)),
      stream: "sub",
      spans: [],
      gaps: [{ start: iso(at(0)), end: null, cause: "camera" }],
    });
    expect(momentAt(dead, at(59))).toMatchObject({ kind: "gap", gap: { end: Infinity }, next: null });
  });
});

describe("drawing", () => {
  const view = { start: at(0), end: at(60) };

  it("paints recorded first, then gaps, then lost packets", () => {
    const bands = drawing(coverage, view, 600, at(60));
    expect(bands.map((band) => band.kind)).toEqual(["recorded", "recorded", "gap", "partial"]);
    expect(bands[2]).toMatchObject({ x0: 200, x1: 300, cause: "link" });
  });

  it("keeps a gap visible however short it is on screen", () => {
    const [band] = drawing(coverage, { start: at(0), end: at(60 * 24 * 7) }, 600, at(60)).filter(
      (b) => b.kind === "gap",
    );
    expect((band?.x1 ?? 0) - (band?.x0 ?? 0)).toBeGreaterThanOrEqual(1.5);
  });

  it("draws nothing outside the view and nothing of the future", () => {
    for (const band of drawing(coverage, { start: at(22), end: at(24) }, 600, at(23))) {
      expect(band.kind).toBe("gap");
      expect(band.x0).toBe(0);
      expect(band.x1).toBeCloseTo(300);
    }
  });

  it("merges many short gaps of one cause that touch on screen", () => {
    const flapping = fromAnswer({
      from: iso(at(0)),
      to: iso(at(60)),
      stream: "main",
      spans: [],
      gaps: Array.from({ length: 3000 }, (_, i) => ({
        start: iso(at(0) + i * 1200),
        end: iso(at(0) + i * 1200 + 600),
        cause: "camera" as const,
      })),
    });
    expect(drawing(flapping, view, 600, at(60)).length).toBeLessThan(10);
  });
});

describe("rowPlaces", () => {
  it("gives the lead row at least a third and stays inside", () => {
    for (const others of [0, 3, 8, 15]) {
      const rows = Array.from({ length: others + 1 }, (_, i) => ({
        label: "",
        coverage,
        lead: i === others,
      }));
      const places = rowPlaces(rows, 26, 114);
      const last = places.at(-1);
      expect(last?.height).toBeGreaterThan(88 * 0.33);
      expect((last?.y ?? 0) + (last?.height ?? 0)).toBeLessThanOrEqual(114);
      for (const place of places) expect(place.height).toBeGreaterThanOrEqual(1.5);
    }
  });
});
