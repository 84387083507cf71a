import { afterEach, describe, expect, it } from "vitest";
import { ApiError } from "../src/api/client";
import { NOTHING_STATED, state, statedHeaders, statedParams } from "../src/api/stated";
import type { Now } from "../src/regulation/types";
import { mayState, needed } from "../src/session/purposes";

afterEach(() => state(NOTHING_STATED));

describe("what is stated with a request", () => {
  it("travels percent-encoded in header fields and plain in addresses", () => {
    state({ purpose: "investigation", case: "113/2026/HS", reason: "Điều tra vụ cướp" });
    expect(statedHeaders()).toEqual({
      "X-Khue-Purpose": "investigation",
      "X-Khue-Case": "113%2F2026%2FHS",
      "X-Khue-Reason": "%C4%90i%E1%BB%81u%20tra%20v%E1%BB%A5%20c%C6%B0%E1%BB%9Bp",
    });
    expect(statedParams()).toEqual({
      stated_purpose: "investigation",
      stated_case: "113/2026/HS",
      stated_reason: "Điều tra vụ cướp",
    });
  });

  it("is left out where nothing is said", () => {
    state({ purpose: "", case: "  ", reason: "" });
    expect(statedHeaders()).toEqual({});
    expect(statedParams({ purpose: "duty" })).toEqual({ stated_purpose: "duty" });
  });
});

describe("a refusal", () => {
  const clause = { version: "hanoi-2026.1", id: "7.1", vi: "Phải có số vụ việc.", en: "A case number is needed." };

  it("is told from other failures by what it says", () => {
    const error = new ApiError(403, "denied", "no", "", { clause, text: { vi: "không", en: "no" } });
    expect(error.refused).toBe(true);
    expect(error.clause?.id).toBe("7.1");
    expect(error.ask).toEqual([]);
    expect(new ApiError(403, "denied", "no").refused).toBe(false);
    expect(new ApiError(404, "not_found", "no", "", { clause }).refused).toBe(false);
  });
});

const terms = { title: "", title_en: "", clause: "1", needs_case: false, needs_reason: false, needs_second: false };
const now = {
  purposes: ["duty", "traffic", "investigation"].map((id) => ({ id, vi: id, en: id })),
  mine: [
    { ...terms, post: "a", right: "live", purposes: ["traffic"], default_purpose: "traffic", needs_purpose: true },
    {
      ...{ ...terms, post: "a", right: "export", purposes: ["investigation"], default_purpose: null },
      ...{ needs_purpose: true, needs_case: true },
    },
    { ...terms, post: "b", right: "live", purposes: ["duty"], default_purpose: null, needs_purpose: true },
  ],
} as unknown as Now;

describe("purposes", () => {
  it("are those any post of mine may state, in the regulation's order", () => {
    expect(mayState(now).map((one) => one.id)).toEqual(["duty", "traffic", "investigation"]);
    expect(mayState(now, "live").map((one) => one.id)).toEqual(["duty", "traffic"]);
    expect(mayState(now, "ptz")).toEqual([]);
  });

  it("must be stated only where no post has a default, and a case only where every post needs one", () => {
    expect(needed(now, "live").purpose).toBe(false);
    expect(needed(now, "export")).toEqual({ purpose: true, case: true, reason: false, second: false });
    expect(needed(now, "ptz").purpose).toBe(false);
  });
});
