import { describe, expect, it } from "vitest";
import { clusters, hit, type Points } from "../src/registry/map/clusters";
import { decode, markOf } from "../src/registry/map/payload";
import { boxBetween, fitted, panned, scaleBar, toPlace, toX, toY, zoomed, type View } from "../src/registry/map/projection";

const view: View = { lon: 105.85, lat: 21.03, scale: 20_000, width: 800, height: 600 };

function points(...places: [number, number, number][]): Points {
  return {
    numbers: Uint32Array.from(places, (_, at) => at + 1),
    lon: Float64Array.from(places, ([lon]) => lon),
    lat: Float64Array.from(places, ([, lat]) => lat),
    mark: Uint8Array.from(places, ([, , mark]) => mark),
  };
}

/** As khue.centre.inventory.map packs them: differences, zigzag, planes of bytes. */
function planes(values: readonly number[]): number[] {
  const coded = values.map((value, at) => {
    const difference = value - (values[at - 1] ?? 0);
    return ((difference << 1) ^ (difference >> 31)) >>> 0;
  });
  return [0, 8, 16, 24].flatMap((shift) => coded.map((value) => (value >>> shift) & 255));
}

function payload(): ArrayBuffer {
  const head = new TextEncoder().encode(
    JSON.stringify({
      version: 1,
      count: 3,
      unplaced: 2,
      scale: 100_000,
      columns: [
        { name: "number", bytes: 4, values: [] },
        { name: "lat", bytes: 4, values: [] },
        { name: "lon", bytes: 4, values: [] },
        { name: "life", bytes: 1, values: [null, "proposed", "operating"] },
        { name: "seen", bytes: 1, values: [null, "no", "yes"] },
      ],
    }),
  );
  const columns = [
    ...planes([7, 300, 70_000]),
    ...planes([2_103_000, 2_056_123, 2_139_999]),
    ...planes([10_585_000, 10_528_001, 10_602_000]),
    ...[2, 2, 1],
    ...[2, 1, 0],
  ];
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, head.length, true);
  return Uint8Array.from([...new TextEncoder().encode("KMAP"), ...size, ...head, ...columns]).buffer;
}

describe("the map's payload", () => {
  it("gives numbers, places and marks", () => {
    const { points, total } = decode(payload());
    expect([...points.numbers]).toEqual([7, 300, 70_000]);
    expect([...points.lat]).toEqual([21.03, 20.56123, 21.39999]);
    expect([...points.lon]).toEqual([105.85, 105.28001, 106.02]);
    expect([...points.mark]).toEqual([0, 1, 3]);
    expect(total).toBe(5);
  });

  it("is refused when it is something else", () => {
    expect(() => decode(new TextEncoder().encode("<html>").buffer as ArrayBuffer)).toThrow();
  });

  it("marks what is not there before what was seen", () => {
    expect(markOf("removed", "no")).toBe("planned");
    expect(markOf("operating", null)).toBe("unseen");
    expect(markOf("faulty", "yes")).toBe("working");
  });
});

describe("the projection", () => {
  it("goes from place to point and back", () => {
    const place = toPlace(view, toX(view, 105.9), toY(view, 21.1));
    expect(place.lon).toBeCloseTo(105.9, 9);
    expect(place.lat).toBeCloseTo(21.1, 9);
  });

  it("keeps the point under the pointer when it zooms", () => {
    const before = toPlace(view, 200, 450);
    const after = toPlace(zoomed(view, 3, 200, 450), 200, 450);
    expect(after.lon).toBeCloseTo(before.lon, 9);
    expect(after.lat).toBeCloseTo(before.lat, 9);
  });

  it("moves what was dragged with the hand", () => {
    const moved = panned(view, 30, -20);
    expect(toX(moved, view.lon)).toBeCloseTo(430, 6);
    expect(toY(moved, view.lat)).toBeCloseTo(280, 6);
  });

  it("fits a box whole, and gives the same box whichever way it is dragged", () => {
    const box = { west: 105.8, south: 21, east: 105.9, north: 21.1 };
    const whole = fitted(box, 390, 700);
    expect(toX(whole, box.west)).toBeGreaterThanOrEqual(35.9);
    expect(toY(whole, box.south)).toBeLessThanOrEqual(664.1);
    expect(boxBetween(view, 500, 100, 300, 400)).toEqual(boxBetween(view, 300, 400, 500, 100));
  });

  it("has a scale bar of a round length that fits", () => {
    for (const scale of [300, 4321, 20_000, 800_000]) {
      const { metres, pixels } = scaleBar({ ...view, scale });
      expect(pixels).toBeLessThanOrEqual(120);
      expect(pixels).toBeGreaterThan(40);
      expect(String(metres)).toMatch(/^(0\.)?0*[125]0*$/);
    }
  });
});

describe("clusters", () => {
  const crowd = Array.from({ length: 9 }, (_, at): [number, number, number] => [105.85 + at * 1e-5, 21.03, at % 2]);

  it("lose nobody, and count by mark", () => {
    const drawn = clusters(points(...crowd, [105.86, 21.04, 2]), view);
    expect(drawn.flatMap((cluster) => cluster.members).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(drawn.some((cluster) => cluster.members.length > 5 && cluster.counts[0] > 0)).toBe(true);
  });

  it("leave out what is far outside, and come apart when magnified", () => {
    expect(clusters(points([107, 22, 0]), view)).toEqual([]);
    const near = clusters(points(...crowd), { ...view, scale: 800_000 });
    expect(near.length).toBeGreaterThan(1);
  });

  it("are found under the pointer, the nearest first", () => {
    const drawn = clusters(points([105.85, 21.03, 0], [105.851, 21.03, 1]), view);
    expect(hit(drawn, 401, 300)?.members).toEqual([0]);
    expect(hit(drawn, toX(view, 105.851), 300)?.members).toEqual([1]);
    expect(hit(drawn, 400, 340)).toBeNull();
  });
});
