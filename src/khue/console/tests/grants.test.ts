import { describe, expect, it } from "vitest";
import { bounded, standing, ticked, trimmed } from "../src/grants/grants";

describe("ticked", () => {
  it("brings to see with whatever needs it, in the order rights are listed in", () => {
    expect(ticked([], "playback")).toEqual(["see", "playback"]);
    expect(ticked(["see", "playback"], "live")).toEqual(["see", "live", "playback"]);
    expect(ticked([], "audit")).toEqual(["audit"]);
  });

  it("takes away what needs to see when that goes, and nothing else", () => {
    expect(ticked(["see", "live", "approve", "audit"], "see")).toEqual(["audit"]);
    expect(ticked(["see", "live"], "live")).toEqual(["see"]);
  });
});

describe("a target", () => {
  it("leaves out what holds for every camera, since an empty list would mean none", () => {
    expect(trimmed({ units: [], fleets: null, purposes: ["security"], cameras: [], defence: false })).toEqual({
      purposes: ["security"],
    });
    expect(trimmed({ units: ["00004"], defence: true })).toEqual({ units: ["00004"], defence: true });
  });

  it("is bounded by any condition, and not by the compartment of defence", () => {
    expect(bounded({})).toBe(false);
    expect(bounded({ units: [], defence: true })).toBe(false);
    expect(bounded({ groups: ["le-2-9"] })).toBe(true);
  });
});

describe("where a grant stands", () => {
  const now = Date.parse("2026-11-22T12:00:00Z");
  const grant = { revoked: null, valid_from: "2026-11-01T00:00:00Z", valid_to: "2026-12-01T00:00:00Z" };

  it("is in force from its first instant and over at its last", () => {
    expect(standing(grant, now)).toBe("in_force");
    expect(standing({ ...grant, valid_to: null }, now)).toBe("in_force");
    expect(standing({ ...grant, valid_from: "2026-11-22T12:00:00Z" }, now)).toBe("in_force");
    expect(standing({ ...grant, valid_from: "2026-11-22T12:00:00.001Z" }, now)).toBe("waiting");
    expect(standing({ ...grant, valid_to: "2026-11-22T12:00:00Z" }, now)).toBe("ended");
  });

  it("is revoked whatever its dates say", () => {
    const revoked = { at: "2026-11-02T00:00:00Z", by: "x", reason: "", with: null };
    expect(standing({ ...grant, revoked, valid_from: "2027-01-01T00:00:00Z" }, now)).toBe("revoked");
  });
});
