import { describe, expect, it } from "vitest";
import { appetite, LivePace, nextStart, stepFrom, stretchAt, surplus, towards } from "../src/player/policy";

/** A viewer whose media arrives every 40 ms with some jitter; answers how far behind the edge it settles. */
function watch(
  seconds: number,
  behind: number,
  jitter: (i: number) => number,
): { behind: number; jumps: number } {
  const pace = new LivePace();
  let jumps = 0;
  let played = -behind;
  let edge = 0;
  for (let now = 0; now < seconds * 1000; now += 10) {
    let rate = 1;
    const decision = pace.decide(now, edge - played, 0.04);
    if (decision === "jump") {
      jumps += 1;
      played = edge - pace.target;
      pace.restart();
    } else rate = decision;
    if (edge > played) played += 0.01 * rate;
    else pace.stalled(now);
    if (now % 40 === 0) {
      pace.arrived(now, edge - played);
      edge = Math.max(edge, now / 1000 - jitter(now / 40));
    }
  }
  return { behind: seconds - played, jumps };
}

describe("LivePace", () => {
  it("brings a late picture to the edge without a jump", () => {
    const end = watch(20, 0.45, () => 0);
    expect(end.jumps).toBe(0);
    expect(end.behind).toBeLessThan(0.15);
  });

  it("jumps when the picture is far behind", () => {
    const end = watch(5, 4, () => 0);
    expect(end.jumps).toBe(1);
    expect(end.behind).toBeLessThan(0.15);
  });

  it("makes room on a bad line, so that it stalls rarely, and stays below a second", () => {
    const end = watch(60, 0.1, (i) => (i % 25 < 6 ? 0.24 : 0));
    expect(end.behind).toBeGreaterThan(0.2);
    expect(end.behind).toBeLessThan(1);
  });

  it("counts one hiccup once", () => {
    const pace = new LivePace();
    expect([pace.stalled(0), pace.stalled(50), pace.stalled(300), pace.stalled(2000)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it("forgives stalls with time", () => {
    const pace = new LivePace();
    for (let i = 0; i < 6; i++) pace.stalled(i * 1000);
    const worst = pace.target;
    for (let now = 6000; now < 120_000; now += 100) pace.decide(now, 0.2, 0.04);
    expect(worst).toBeGreaterThan(0.15);
    expect(pace.target).toBeCloseTo(0.055);
  });
});

describe("buffers", () => {
  const stretches = [
    { start: 0, end: 10 },
    { start: 12, end: 100 },
  ];

  it("find the stretch at an instant and the next one", () => {
    expect(stretchAt(stretches, 5)).toBe(stretches[0]);
    expect(stretchAt(stretches, 10)).toBeNull();
    expect(nextStart(stretches, 11)).toBe(12);
    expect(nextStart(stretches, 50)).toBeNull();
  });

  it("drop what lies far behind and far ahead, with slack", () => {
    expect(surplus(stretches, 50, 10, 20)).toEqual([
      { start: 0, end: 40 },
      { start: 70, end: 101 },
    ]);
    expect(surplus([{ start: 37, end: 73 }], 50, 10, 20)).toEqual([]);
    expect(surplus(stretches, 50, 10, Infinity)).toEqual([{ start: 0, end: 40 }]);
    expect(surplus([], 50, 10, 20)).toEqual([]);
  });

  it("ask for more at higher speed", () => {
    expect(appetite(16).ahead).toBe(16 * appetite(1).ahead);
    expect(appetite(0.25)).toEqual(appetite(1));
  });
});

describe("towards", () => {
  it("seeks when far, nudges when near, rests when there", () => {
    expect(towards(0.01, 1)).toBe(1);
    expect(towards(0.2, 1)).toBeCloseTo(1.08);
    expect(towards(-0.1, 1)).toBeCloseTo(0.95);
    expect(towards(-2, 1)).toBe("seek");
    expect(towards(2, 8)).toBeGreaterThan(8);
  });

  it("never asks for more than browsers allow", () => {
    expect(towards(5, 16)).toBe(16);
  });
});

describe("stepFrom", () => {
  it("aims at the middle of a frame, so that rounding cannot miss it", () => {
    expect(stepFrom(1, 0.04, 1)).toBeCloseTo(1.06);
    expect(stepFrom(1, 0.04, -1)).toBeCloseTo(0.98);
  });
});
