import { describe, expect, it } from "vitest";
import { between, complete, endAt, NO_RANGE, startAt } from "../src/timeline/range";

describe("a range", () => {
  it("is complete when both ends are set, in either order", () => {
    expect(complete(startAt(NO_RANGE, 10))).toBeNull();
    expect(complete(endAt(startAt(NO_RANGE, 10), 20))).toEqual({ start: 10, end: 20 });
    expect(complete(startAt(endAt(NO_RANGE, 20), 10))).toEqual({ start: 10, end: 20 });
  });

  it("drops the other end when it would be turned around", () => {
    expect(startAt({ start: 10, end: 20 }, 25)).toEqual({ start: 25, end: null });
    expect(endAt({ start: 10, end: 20 }, 5)).toEqual({ start: null, end: 5 });
    expect(endAt({ start: 10, end: 20 }, 10)).toEqual({ start: null, end: 10 });
  });

  it("can be dragged in both directions", () => {
    expect(between(30, 10)).toEqual({ start: 10, end: 30 });
  });
});
