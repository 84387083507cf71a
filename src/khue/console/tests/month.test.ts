import { describe, expect, it } from "vitest";
import { byDay, shares } from "../src/camera/month";
import type { Coverage } from "../src/timeline/coverage";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const FIRST = Date.UTC(2026, 0, 30, 17); // midnight in Hanoi

const coverage: Coverage = {
  from: FIRST,
  to: FIRST + 2 * DAY + 6 * HOUR,
  spans: [
    { start: FIRST + 12 * HOUR, end: FIRST + DAY + 6 * HOUR },
    { start: FIRST + DAY + 8 * HOUR, end: FIRST + 2 * DAY },
  ],
  gaps: [
    { start: FIRST + DAY + 6 * HOUR, end: FIRST + DAY + 7 * HOUR, cause: "link", detail: "" },
    { start: FIRST + DAY + 7 * HOUR, end: FIRST + DAY + 8 * HOUR, cause: "camera", detail: "" },
    { start: FIRST + 2 * DAY, end: Infinity, cause: "node", detail: "" },
  ],
  partial: [],
};

describe("byDay", () => {
  const days = byDay(coverage, FIRST, 3);

  it("parts what crosses midnight", () => {
    expect(days.map((day) => day.recorded / HOUR)).toEqual([12, 22, 0]);
    expect(days[1]?.missing).toMatchObject({ link: HOUR, camera: HOUR, node: 0 });
  });

  it("ends a gap that lasts where the period ends", () => {
    expect(days[2]?.missing.node).toBe(6 * HOUR);
    expect(days[2]?.expected).toBe(6 * HOUR);
  });

  it("calls unknown what nobody accounts for, and loses no time", () => {
    expect(days.map((day) => day.unknown / HOUR)).toEqual([12, 0, 0]);
    for (const day of days) {
      const told = Object.values(day.missing).reduce((sum, ms) => sum + ms, day.recorded + day.unknown);
      expect(told).toBe(day.expected);
    }
  });

  it("knows days outside the period as empty", () => {
    const [before] = byDay(coverage, FIRST - DAY, 1);
    expect(before).toMatchObject({ expected: 0, recorded: 0, unknown: 0 });
  });
});

describe("shares", () => {
  it("stacks what was recorded first, then the largest cause, and leaves out what did not happen", () => {
    const [day] = byDay(
      {
        ...coverage,
        spans: [{ start: FIRST, end: FIRST + 12 * HOUR }],
        gaps: [
          { start: FIRST + 12 * HOUR, end: FIRST + 14 * HOUR, cause: "camera", detail: "" },
          { start: FIRST + 14 * HOUR, end: FIRST + 20 * HOUR, cause: "disk", detail: "" },
        ],
      },
      FIRST,
      1,
    );
    expect(day && shares(day)).toEqual([
      { what: "recorded", share: 0.5 },
      { what: "disk", share: 0.25 },
      { what: "camera", share: 2 / 24 },
      { what: "unknown", share: 4 / 24 },
    ]);
  });
});
