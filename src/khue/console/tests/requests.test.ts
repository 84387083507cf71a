import { describe, expect, it } from "vitest";
import { countdown, inOrder, nearness, type AccessRequest } from "../src/requests/requests";

const now = Date.parse("2026-11-22T12:00:00Z");
const after = (hours: number): string => new Date(now + hours * 3_600_000).toISOString();
const made = (id: string, news: Partial<AccessRequest>): AccessRequest =>
  ({ id, state: "open", created: after(-4), due: after(8), overdue: false, decided: null, ...news }) as AccessRequest;

describe("how near a deadline is", () => {
  it("is soon in the last quarter of the time there was", () => {
    expect(nearness({ created: after(-6), due: after(2.01), overdue: false }, now)).toBe("far");
    expect(nearness({ created: after(-6), due: after(2), overdue: false }, now)).toBe("soon");
  });

  it("is overdue by its hour, or when the centre says so", () => {
    expect(nearness({ created: after(-6), due: after(0), overdue: false }, now)).toBe("overdue");
    expect(nearness({ created: after(-6), due: after(6), overdue: true }, now)).toBe("overdue");
  });
});

describe("the order of requests", () => {
  it("is open ones by deadline, then decided ones, newest decision first", () => {
    const items = [
      made("old", { state: "approved", decided: after(-9) }),
      made("later", { due: after(9) }),
      made("new", { state: "refused", decided: after(-1) }),
      made("first", { due: after(-2) }),
    ];
    expect(inOrder(items).map((one) => one.id)).toEqual(["first", "later", "new", "old"]);
  });
});

describe("a countdown", () => {
  it("shows minutes and seconds, and nothing when the time is up", () => {
    expect(countdown(after(1), now)).toBe("60:00");
    expect(countdown(new Date(now + 61_000).toISOString(), now)).toBe("1:01");
    expect(countdown(new Date(now + 400).toISOString(), now)).toBe("0:01");
    expect(countdown(after(0), now)).toBe("");
    expect(countdown("not a time", now)).toBe("");
  });
});
