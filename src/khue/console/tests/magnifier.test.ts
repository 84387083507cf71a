import { describe, expect, it } from "vitest";
import { magnify, shift, WHOLE } from "../src/wall/magnifier";

describe("digital zoom", () => {
  it("keeps the point under the pointer where it is", () => {
    const view = magnify(WHOLE, 2, 300, 100, 800, 450);
    expect([(300 - view.x) / view.scale, (100 - view.y) / view.scale]).toEqual([300, 100]);
  });

  it("never shows beyond the picture, and ends at the whole", () => {
    const view = shift(magnify(WHOLE, 4, 0, 0, 800, 450), 5000, -5000, 800, 450);
    expect(view).toEqual({ scale: 4, x: 0, y: 450 - 4 * 450 });
    expect(magnify(view, 0.01, 400, 200, 800, 450)).toEqual(WHOLE);
  });
});
