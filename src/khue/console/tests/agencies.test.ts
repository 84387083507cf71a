import { describe, expect, it } from "vitest";
import type { AgencyNode } from "../src/organisation/organisation";
import { branches, lineOf } from "../src/organisation/tree";

const agency = (id: string, name: string, parent: string | null): AgencyNode => ({
  ...{ id, name, parent, kind: "police", unit: null, path: id, depth: 0 },
  ...{ posts: 0, people: 0, cameras: 0, links: [] },
});
const CITY = [
  agency("sxd", "Sở Xây dựng", null),
  agency("catp", "Công an Thành phố", null),
  agency("ba-dinh", "Công an phường Ba Đình", "catp"),
  agency("pc08", "Phòng Cảnh sát giao thông", "catp"),
  agency("doi-3", "Đội 3", "pc08"),
  agency("doi-10", "Đội 10", "pc08"),
];
const ids = (open: string[], search = ""): string[] =>
  branches(CITY, new Set(open), search).map((line) => `${"-".repeat(line.depth)}${line.agency.id}`);

describe("the lines of the tree", () => {
  it("are those below what is open, agencies with others below them first, then by name", () => {
    expect(ids([])).toEqual(["catp", "sxd"]);
    expect(ids(["catp"])).toEqual(["catp", "-pc08", "-ba-dinh", "sxd"]);
    expect(ids(["catp", "pc08"])).toEqual(["catp", "-pc08", "--doi-3", "--doi-10", "-ba-dinh", "sxd"]);
    expect(ids(["pc08"])).toEqual(["catp", "sxd"]);
  });

  it("are what a search without marks finds, with what lies above it, open or not", () => {
    expect(ids([], "doi 10")).toEqual(["catp", "-pc08", "--doi-10"]);
    expect(ids([], "cong an")).toEqual(["catp", "-ba-dinh"]);
    expect(ids(["catp"], "không có")).toEqual([]);
  });

  it("hold an agency whose parent nobody knows as a root", () => {
    const lines = branches([agency("a", "A", "gone")], new Set());
    expect(lines.map((line) => [line.agency.id, line.depth, line.above])).toEqual([["a", 0, false]]);
  });
});

describe("the line of an agency", () => {
  it("is what lies above it from the top, and itself", () => {
    expect(lineOf(CITY, "doi-3").map((one) => one.id)).toEqual(["catp", "pc08", "doi-3"]);
    expect(lineOf(CITY, "nobody")).toEqual([]);
  });

  it("ends even when two are above each other", () => {
    const ring = [agency("a", "A", "b"), agency("b", "B", "a")];
    expect(lineOf(ring, "a").map((one) => one.id)).toEqual(["b", "a"]);
  });
});
