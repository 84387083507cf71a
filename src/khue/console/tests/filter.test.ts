import { describe, expect, it } from "vitest";
import {
  addressParams,
  boxFrom,
  cleared,
  EMPTY,
  filterFrom,
  filterParams,
  narrows,
  sameQuestion,
  sortedBy,
  toggled,
  type Filter,
} from "../src/registry/filter";

const read = (text: string): Filter => filterFrom(new URLSearchParams(text));

describe("the filter in an address", () => {
  it("comes back as it was written", () => {
    const filter: Filter = {
      q: "hàng bài",
      lists: { unit: ["00070", "00082"], purpose: ["security", "none"], declared: ["yes"] },
      box: { west: 105.8, south: 21, east: 105.9, north: 21.1 },
      asof: "2026-01-31",
      sort: "-installed_on",
    };
    expect(filterFrom(addressParams(filter))).toEqual(filter);
  });

  it("says nothing of what is not set", () => {
    expect(addressParams(EMPTY).toString()).toBe("");
    expect(read("")).toEqual(EMPTY);
  });

  it("leaves the order out of what the centre's filters know", () => {
    expect(filterParams(read("sort=-code&life=faulty")).toString()).toBe("life=faulty");
  });

  it("drops what is no filter, no date and no box", () => {
    expect(read("colour=red&asof=yesterday&box=1,2,3&unit=,00070,,00070")).toEqual({
      ...EMPTY,
      lists: { unit: ["00070"] },
    });
  });
});

describe("a box", () => {
  it("is west, south, east and north, the smaller first", () => {
    expect(boxFrom("105.8,21.0,105.9,21.1")).toEqual({ west: 105.8, south: 21, east: 105.9, north: 21.1 });
    for (const wrong of ["", "105.9,21,105.8,21.1", "105.8,21,105.9,", "1,2,3,4,5", "a,b,c,d"])
      expect(boxFrom(wrong), wrong).toBeNull();
  });
});

describe("changing a filter", () => {
  it("puts a value in and takes it out, leaving no empty list behind", () => {
    const once = toggled(EMPTY, "life", "faulty");
    expect(once.lists.life).toEqual(["faulty"]);
    expect(toggled(once, "life", "faulty")).toEqual(EMPTY);
  });

  it("clears the conditions but keeps the date and the order", () => {
    expect(cleared(read("q=a&life=faulty&asof=2026-01-31&sort=code"))).toEqual({
      ...EMPTY,
      asof: "2026-01-31",
      sort: "code",
    });
  });

  it("sorts up, then down, then as at first", () => {
    const up = sortedBy(EMPTY, "code");
    expect(up.sort).toBe("code");
    expect(sortedBy(up, "code").sort).toBe("-code");
    expect(sortedBy(sortedBy(up, "code"), "code").sort).toBe("name");
  });

  it("knows whether it narrows, and whether two ask the same", () => {
    expect(narrows(read("asof=2026-01-31&sort=code"))).toBe(false);
    expect(narrows(read("q=x"))).toBe(true);
    expect(sameQuestion(read("life=faulty&sort=code"), read("sort=unit&life=faulty"))).toBe(true);
    expect(sameQuestion(read("life=faulty"), read("life=removed"))).toBe(false);
  });
});
