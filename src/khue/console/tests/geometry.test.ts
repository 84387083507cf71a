import { describe, expect, it } from "vitest";
import {
  DAY,
  HOUR,
  LONGEST,
  MINUTE,
  notBeyond,
  pan,
  SHORTEST,
  showAt,
  span,
  tickSteps,
  ticks,
  timeAt,
  xAt,
  zoom,
} from "../src/timeline/geometry";

const NOON = Date.UTC(2026, 0, 31, 5, 0); // 12:00 in Hanoi
const VIEW = { start: NOON, end: NOON + HOUR };

describe("time and pixels", () => {
  it("are each other's inverse", () => {
    for (const x of [0, 1, 333.3, 999, 1000])
      expect(xAt(VIEW, 1000, timeAt(VIEW, 1000, x))).toBeCloseTo(x, 6);
    expect(timeAt(VIEW, 600, 300)).toBe(NOON + 30 * MINUTE);
  });
});

describe("zoom", () => {
  it("keeps the anchor under the pointer", () => {
    const anchor = NOON + 20 * MINUTE;
    const zoomed = zoom(VIEW, anchor, 0.5);
    expect(span(zoomed)).toBe(30 * MINUTE);
    expect(xAt(zoomed, 1000, anchor)).toBeCloseTo(xAt(VIEW, 1000, anchor), 6);
  });

  it("stops at ten minutes and at seven days", () => {
    expect(span(zoom(VIEW, NOON, 0.0001))).toBe(SHORTEST);
    expect(span(zoom(VIEW, NOON, 1e6))).toBe(LONGEST);
  });
});

describe("views", () => {
  it("pan, show an instant at a place, and do not run into the future", () => {
    expect(pan(VIEW, MINUTE)).toEqual({ start: NOON + MINUTE, end: NOON + HOUR + MINUTE });
    expect(xAt(showAt(VIEW, NOON + 5 * HOUR, 0.25), 1000, NOON + 5 * HOUR)).toBeCloseTo(250, 6);
    const held = notBeyond(pan(VIEW, 10 * DAY), NOON + HOUR, 0.1);
    expect(held.end).toBe(NOON + HOUR + 6 * MINUTE);
    expect(notBeyond(VIEW, NOON + 2 * HOUR)).toBe(VIEW);
  });
});

describe("ticks", () => {
  it("leave room for their labels at every zoom", () => {
    for (let length = SHORTEST; length <= LONGEST; length *= 1.7) {
      for (const width of [320, 1100, 2500]) {
        const view = { start: NOON, end: NOON + length };
        const [label] = tickSteps(view, width, 64);
        if (label < DAY) expect((label / length) * width).toBeGreaterThanOrEqual(64);
      }
    }
  });

  it("stand on round times of the zone and mark its midnights", () => {
    const week = { start: NOON, end: NOON + 7 * DAY };
    const days = ticks(week, 1000, "Asia/Ho_Chi_Minh").filter((tick) => tick.kind === "day");
    expect(days).toHaveLength(7);
    for (const day of days) expect((day.time + 7 * HOUR) % DAY).toBe(0);
    for (const tick of ticks(VIEW, 1000, "Asia/Ho_Chi_Minh")) expect(tick.time % MINUTE).toBe(0);
  });

  it("survive the day a clock is changed", () => {
    const view = { start: Date.UTC(2026, 2, 28, 12), end: Date.UTC(2026, 2, 31, 12) };
    const days = ticks(view, 1000, "Europe/Berlin").filter((tick) => tick.kind === "day");
    expect(days.map((day) => new Date(day.time).toISOString())).toEqual([
      "2026-03-28T23:00:00.000Z",
      "2026-03-29T22:00:00.000Z",
      "2026-03-30T22:00:00.000Z",
    ]);
  });
});
