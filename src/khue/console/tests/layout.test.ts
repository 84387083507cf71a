import { describe, expect, it } from "vitest";
import { decode, EMPTY, encode, freeTile, layoutFor, neighbour, place, remove } from "../src/wall/layout";

describe("the wall", () => {
  it("takes cameras, trades places and lets go", () => {
    const two = place(place(EMPTY, "a", 0), "b", 1);
    const traded = place(two, "a", 1);
    expect(traded.tiles.slice(0, 3)).toEqual(["b", "a", null]);
    expect(remove(traded, 0).tiles.slice(0, 2)).toEqual([null, "a"]);
  });

  it("fills free tiles first, the chosen one if it is free", () => {
    const one = place(EMPTY, "a", 0);
    expect(freeTile(one, 2)).toBe(2);
    expect(freeTile(one, 0)).toBe(1);
    const full = ["a", "b", "c", "d"].reduce((wall, camera, i) => place(wall, camera, i), EMPTY);
    expect(freeTile(full, 2)).toBe(2);
  });

  it("moves its choice by arrows and stays at the rim", () => {
    expect(neighbour(9, 4, "ArrowUp")).toBe(1);
    expect(neighbour(9, 4, "ArrowRight")).toBe(5);
    expect(neighbour(9, 5, "ArrowRight")).toBe(5);
    expect(neighbour(9, 8, "ArrowDown")).toBe(8);
    expect(neighbour(1, 0, "ArrowLeft")).toBe(0);
  });

  it("survives the trip through a link", () => {
    const wall = place(place({ ...EMPTY, layout: 9 }, "a,b/ü", 0), "c", 4);
    expect(decode(new URLSearchParams(encode(wall).toString()))).toEqual(wall);
    expect(decode(new URLSearchParams(encode(wall).toString().replaceAll("%2C", ",")))).toEqual(wall);
  });

  it("reads links by hand: layout left out, too many tiles", () => {
    expect(decode(new URLSearchParams("t=a,b,c"))?.layout).toBe(4);
    expect(decode(new URLSearchParams(`t=${new Array(40).fill("x").join(",")}`))?.tiles).toHaveLength(16);
    expect(decode(new URLSearchParams("l=4"))).toBeNull();
  });

  it("chooses the smallest layout that shows everything", () => {
    expect([0, 1, 2, 5, 10, 99].map(layoutFor)).toEqual([1, 1, 4, 9, 16, 16]);
  });
});
