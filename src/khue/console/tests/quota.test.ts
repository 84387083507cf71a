import { describe, expect, it } from "vitest";
import { csvOf, gap, linkTo, ordered, shares, typeOf, type Counts, type QuotaRow } from "../src/quota/board";

const counts = (given: Partial<Counts> = {}): Counts => ({
  needed: null,
  proposed: 0,
  approved: 0,
  installed: 0,
  declared_working: 0,
  declared_unknown: 0,
  seen_working: 0,
  seen_unknown: 0,
  both: 0,
  only_declared: 0,
  only_seen: 0,
  ...given,
});
const row = (key: string | null, given: Partial<Counts> = {}): QuotaRow => ({ key, name: key ?? "", ...counts(given) });
const nameOf = (one: QuotaRow): string => one.key ?? "Not stated";

describe("the board", () => {
  it("says how far the books are above what was seen", () => {
    expect(gap(counts({ declared_working: 19_400, seen_working: 9397 }))).toBe(10_003);
  });

  it("divides the installed cameras into shares that are together one", () => {
    const parts = shares(counts({ installed: 10, both: 4, only_declared: 3, only_seen: 1 }));
    expect(parts).toEqual({ both: 0.4, onlyDeclared: 0.3, onlySeen: 0.1, neither: 0.2 });
    expect(Object.values(shares(counts())).every((share) => share === 0)).toBe(true);
  });

  it("puts what is not stated last, whatever the order", () => {
    const rows = [row(null, { installed: 9 }), row("b", { installed: 1 }), row("a", { installed: 5 })];
    expect(ordered(rows, "installed", nameOf).map((one) => one.key)).toEqual(["a", "b", null]);
    expect(ordered(rows, "name", nameOf).map((one) => one.key)).toEqual(["a", "b", null]);
  });

  it("orders by the difference whichever way it goes", () => {
    const rows = [row("a", { declared_working: 2 }), row("b", { seen_working: 7 })];
    expect(ordered(rows, "gap", nameOf).map((one) => one.key)).toEqual(["b", "a"]);
  });
});

describe("a figure's link", () => {
  it("asks the fleet for what it counts", () => {
    const seen = new URLSearchParams(linkTo("unit", row("00070"), "only_declared", "2026-01-31").split("?")[1]);
    expect(seen.get("unit")).toBe("00070");
    expect(seen.get("declared")).toBe("yes");
    expect(seen.get("seen")).toBe("no,unknown");
    expect(seen.get("life")).toContain("operating");
    expect(seen.get("life")).not.toContain("removed");
    expect(seen.get("asof")).toBe("2026-01-31");
  });

  it("asks for cameras without a value where none is stated", () => {
    expect(linkTo("owner", row(null), "all", "")).toBe("#/fleet?owner=none");
    expect(linkTo("group", null, "proposed", "")).toBe("#/fleet?life=proposed,approved");
  });
});

describe("a type's key", () => {
  it("is the brand and the family, whatever strokes a brand has", () => {
    expect(typeOf("Hikvision/hik")).toEqual({ vendor: "Hikvision", family: "hik" });
    expect(typeOf("i-PRO / Panasonic/ipro")).toEqual({ vendor: "i-PRO / Panasonic", family: "ipro" });
    expect(typeOf("Huawei / HoloSens")).toEqual({ vendor: "Huawei / HoloSens", family: "" });
    expect(linkTo("type", row(null), "all", "")).toBe("#/fleet?vendor=none&family=none");
  });
});

describe("the board as CSV", () => {
  const columns = {
    needed: "Needed",
    proposed: "Proposed",
    installed: "Installed",
    declared_working: "Declared",
    declared_unknown: "Nothing declared",
    seen_working: "Seen",
    seen_unknown: "Not checked",
    both: "Both",
    only_declared: "Only declared",
    only_seen: "Only seen",
  };
  const words = { head: "Unit", total: "Whole city", columns };

  it("has a line for each row and the total", () => {
    const lines = csvOf([row("a", { installed: 3 })], counts({ installed: 3, needed: 5 }), words, nameOf).split("\r\n");
    expect(lines[0]).toMatch(/^\ufeffUnit,Needed,/);
    expect(lines[1]).toBe("a,,0,3,0,0,0,0,0,0,0");
    expect(lines[2]).toBe("Whole city,5,0,3,0,0,0,0,0,0,0");
  });

  it("gives no spreadsheet a formula, and quotes what would break a cell", () => {
    const text = csvOf([row('=cmd|"x"'), row("a, b")], counts(), words, nameOf);
    expect(text).toContain(`"'=cmd|""x""",`);
    expect(text).toContain(`"a, b",`);
  });
});
