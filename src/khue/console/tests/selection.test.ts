import { describe, expect, it } from "vitest";
import { Selection } from "../src/registry/selection.svelte";

const list = Uint32Array.from([50, 40, 30, 20, 10]);

describe("the selection", () => {
  it("takes single cameras and ranges, counted by number and not by place", () => {
    const chosen = new Selection();
    chosen.toggle(40, 1, list);
    chosen.extend(3, list);
    expect(chosen.numbers).toEqual([20, 30, 40]);
    chosen.toggle(30, 2, list);
    expect(chosen.numbers).toEqual([20, 40]);
    expect(chosen.size).toBe(2);
  });

  it("is the filter itself when everything is chosen, and a list again once one is left out", () => {
    const chosen = new Selection();
    chosen.all();
    expect(chosen.whole).toBe(true);
    expect(chosen.has(999)).toBe(true);
    chosen.toggle(30, 2, list);
    expect(chosen.whole).toBe(false);
    expect(chosen.numbers).toEqual([10, 20, 40, 50]);
  });

  it("does not stretch a range over a list in another order", () => {
    const chosen = new Selection();
    chosen.toggle(50, 0, list);
    chosen.reordered();
    chosen.extend(3, list);
    expect(chosen.numbers).toEqual([20, 50]);
  });
});
