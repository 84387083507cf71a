import { describe, expect, it } from "vitest";
import { arc, barLength, offset, scaleFor, type View } from "../src/camera/field_of_view";

const view: View = { lat: 21.0285, lon: 105.8542, bearing: 90, angle: 60, range: 100 };

describe("arc", () => {
  it("is centred on the bearing: north is up, east is right", () => {
    const east = arc(view);
    expect(east?.start).toBeCloseTo(-Math.PI / 6);
    expect(east?.end).toBeCloseTo(Math.PI / 6);
    const north = arc({ ...view, bearing: 0 });
    expect(((north?.start ?? 0) + (north?.end ?? 0)) / 2).toBeCloseTo(-Math.PI / 2);
  });

  it("is not drawn when nobody said where the camera looks, unless it looks everywhere", () => {
    expect(arc({ ...view, bearing: null })).toBeNull();
    const round = arc({ ...view, bearing: null, angle: 360 });
    expect((round?.end ?? 0) - (round?.start ?? 0)).toBeCloseTo(2 * Math.PI);
  });

  it("takes a usual angle when only the bearing is known", () => {
    const usual = arc({ ...view, angle: null });
    expect((usual?.end ?? 0) - (usual?.start ?? 0)).toBeCloseTo(Math.PI / 3);
  });
});

describe("offset", () => {
  it("is metres times the scale, right and down", () => {
    const north = offset(view, view.lat + 100 / 111_320, view.lon, 2);
    expect(north.x).toBeCloseTo(0);
    expect(north.y).toBeCloseTo(-200);
    const degree = 111_320 * Math.cos((view.lat * Math.PI) / 180);
    const east = offset(view, view.lat, view.lon + 50 / degree, 2);
    expect(east.x).toBeCloseTo(100);
    expect(east.y).toBeCloseTo(0);
  });
});

describe("scale", () => {
  it("lets the whole range fit half of the picture", () => {
    expect(view.range! * scaleFor(view, 400)).toBeLessThan(200);
    expect(scaleFor({ ...view, range: null }, 400)).toBeGreaterThan(0);
  });

  it.each([
    [1, 100, 100],
    [1, 99, 50],
    [1, 49, 20],
    [0.01, 100, 10_000],
    [10, 100, 10],
  ])("has a round bar: %d px/m and %d px are %d m", (scale, pixels, metres) => {
    expect(barLength(scale, pixels)).toBe(metres);
  });
});
