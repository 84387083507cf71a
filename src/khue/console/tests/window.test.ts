import { describe, expect, it } from "vitest";
import { moved, rowWindow, scrollTo, slots } from "../src/registry/window";

describe("rowWindow", () => {
  it("is the rows a viewport touches", () => {
    expect(rowWindow(0, 100, 10, 1000)).toEqual({ first: 0, last: 10 });
    expect(rowWindow(5, 100, 10, 1000)).toEqual({ first: 0, last: 11 });
    expect(rowWindow(400, 100, 10, 1000, 3)).toEqual({ first: 37, last: 53 });
  });

  it("stays inside the list, also when the list has shrunk under the scroll", () => {
    expect(rowWindow(9990, 100, 10, 1000, 5)).toEqual({ first: 994, last: 1000 });
    expect(rowWindow(9990, 100, 10, 20)).toEqual({ first: 20, last: 20 });
    expect(rowWindow(0, 100, 10, 0, 5)).toEqual({ first: 0, last: 0 });
  });
});

describe("scrollTo", () => {
  it("moves only as far as it takes to see the row", () => {
    expect(scrollTo(3, 0, 100, 10)).toBe(0);
    expect(scrollTo(10, 0, 100, 10)).toBe(10);
    expect(scrollTo(2, 50, 100, 10)).toBe(20);
  });
});

describe("moved", () => {
  it("knows the keys of a list and stays in it", () => {
    expect(moved("ArrowDown", -1, 50, 9)).toBe(0);
    expect(moved("ArrowDown", 49, 50, 9)).toBe(49);
    expect(moved("ArrowUp", 0, 50, 9)).toBe(0);
    expect(moved("PageDown", 10, 50, 9)).toBe(19);
    expect(moved("PageUp", 10, 50, 9)).toBe(1);
    expect(moved("Home", 10, 50, 9)).toBe(0);
    expect(moved("End", 10, 50, 9)).toBe(49);
  });

  it("is null for other keys and in an empty list", () => {
    expect(moved("x", 3, 50, 9)).toBeNull();
    expect(moved("ArrowDown", -1, 0, 9)).toBeNull();
  });
});

describe("slots", () => {
  it("show every row of the window once, and keep theirs when it moves by one", () => {
    const before = slots({ first: 7, last: 11 }, 5);
    const after = slots({ first: 8, last: 12 }, 5);
    expect(before.filter((place) => place >= 0).sort((a, b) => a - b)).toEqual([7, 8, 9, 10]);
    expect(after.filter((place) => place >= 0).sort((a, b) => a - b)).toEqual([8, 9, 10, 11]);
    for (const [slot, place] of before.entries()) if (place >= 8) expect(after[slot]).toBe(place);
  });
});
