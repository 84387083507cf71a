import { describe, expect, it } from "vitest";
import { cityDay, period, searchFrom, searchParams } from "../src/audit/audit";
import { bytes, rootOf, same } from "../src/audit/merkle";
import { browserName, grouped } from "../src/me/me";

async function sha(...parts: Uint8Array[]): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(parts.flatMap((part) => [...part]))));
}
const leaf = (n: number): Promise<Uint8Array> => sha(Uint8Array.of(0), Uint8Array.of(n));
const leavesOf = (size: number): Promise<Uint8Array[]> => Promise.all(Array.from({ length: size }, (_, n) => leaf(n)));

/** Straight from RFC 9162, 2.1.1 and 2.1.3.1: what the checker must agree with. */
async function root(leaves: readonly Uint8Array[]): Promise<Uint8Array> {
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  const k = split(leaves.length);
  return sha(Uint8Array.of(1), await root(leaves.slice(0, k)), await root(leaves.slice(k)));
}

async function path(index: number, leaves: readonly Uint8Array[]): Promise<Uint8Array[]> {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...(await path(index, leaves.slice(0, k))), await root(leaves.slice(k))]
    : [...(await path(index - k, leaves.slice(k))), await root(leaves.slice(0, k))];
}

function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

describe("an inclusion proof", () => {
  it("leads to the root from every leaf of every small tree", async () => {
    for (let size = 1; size <= 17; size += 1) {
      const leaves = await leavesOf(size);
      for (let index = 0; index < size; index += 1) {
        const found = await rootOf(index, size, await leaf(index), await path(index, leaves));
        expect(found && same(found, await root(leaves)), `${index} of ${size}`).toBe(true);
      }
    }
  });

  it("leads elsewhere for another entry, another place, or a path cut short", async () => {
    const leaves = await leavesOf(11);
    const good = await path(4, leaves);
    const other = await rootOf(4, 11, await leaf(99), good);
    expect(other && same(other, await root(leaves))).toBe(false);
    const moved = await rootOf(5, 11, await leaf(4), good);
    expect(moved && same(moved, await root(leaves))).toBe(false);
    expect(await rootOf(4, 11, await leaf(4), good.slice(0, -1))).toBeNull();
    expect(await rootOf(4, 11, await leaf(4), [...good, await leaf(0)])).toBeNull();
    expect(await rootOf(11, 11, await leaf(4), good)).toBeNull();
  });

  it("is read in hexadecimal and in base64", async () => {
    const value = await leaf(1);
    const hex = [...value].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    expect(same(bytes(hex), value)).toBe(true);
    expect(same(bytes(btoa(String.fromCharCode(...value))), value)).toBe(true);
  });
});

describe("a search of the log", () => {
  it("asks for whole days of the city", () => {
    expect(period("2026-07-01", "2026-07-01")).toEqual({
      from: "2026-06-30T17:00:00.000Z",
      to: "2026-07-01T17:00:00.000Z",
    });
    expect(period("", "")).toEqual({ from: "", to: "" });
    expect(cityDay(Date.parse("2026-06-30T17:00:00Z"))).toBe("2026-07-01");
  });

  it("is the same after it was a link", () => {
    const search = searchFrom(new URLSearchParams("camera=c1&case=113/2026&outcome=refused&strange=1"));
    expect(searchFrom(searchParams(search))).toEqual(search);
    expect(search.camera).toBe("c1");
    expect(search.from).toBe("");
  });
});

describe("one's own account", () => {
  it("names browsers as people do", () => {
    expect(browserName("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140")).toBe(
      "Edge, Windows",
    );
    expect(browserName("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")).toBe("Firefox, Linux");
    expect(browserName("curl/8.5")).toBe("curl/8.5");
    expect(browserName("")).toBe("–");
  });

  it("writes secrets in groups for typing", () => {
    expect(grouped("ABCDEFGHIJ")).toBe("ABCD EFGH IJ");
  });
});
