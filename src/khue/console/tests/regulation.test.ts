import { describe, expect, it } from "vitest";
import { articles, compareIds, effectOf, matrix, needsOf, plain, type Rule } from "../src/regulation/regulation";
import { settingLabel, settingValue, tables } from "../src/regulation/settings";

const clause = (id: string): { id: string; vi: string; en: string } => ({ id, vi: `vi ${id}`, en: `en ${id}` });
const rule = (kind: string, right: string, more: Partial<Rule> = {}): Rule => ({
  ...{ kind, right, purposes: ["duty"], default_purpose: "duty", needs: [], clause: "5.1" },
  ...more,
});

describe("clauses", () => {
  it("stand under their articles in the order people count", () => {
    const found = articles(["10.1", "5.10", "5.2", "5", "10", "11.1"].map(clause));
    expect(found.map((one) => [one.head.id, one.clauses.map((each) => each.id)])).toEqual([
      ["5", ["5.2", "5.10"]],
      ["10", ["10.1"]],
      ["11", ["11.1"]],
    ]);
    expect(["4.10", "4.2", "5"].sort(compareIds)).toEqual(["4.2", "4.10", "5"]);
  });

  it("are found by words without marks", () => {
    expect(plain("Điều khoản Thi hành")).toBe("dieu khoan thi hanh");
  });
});

describe("rules", () => {
  it("are found by kind and right", () => {
    const cell = matrix([rule("ward_police", "live")]);
    expect(cell("ward_police", "live")?.clause).toBe("5.1");
    expect(cell("ward_police", "export")).toBeNull();
  });

  it("say what they need in one order", () => {
    expect(needsOf(rule("a", "export", { needs: ["case", "purpose", "reason"] }))).toEqual(["purpose", "reason", "case"]);
    const mine = { ...rule("a", "live"), needs_purpose: true, needs_reason: false, needs_case: true, needs_second: false };
    const { needs: _needs, kind: _kind, ...own } = mine;
    expect(needsOf({ ...own, post: "p", title: "", title_en: "" })).toEqual(["purpose", "case"]);
  });

  it("change for somebody in one of three ways", () => {
    const change = { kind: "a", right: "live", posts: 1, people: 1 };
    const terms = rule("a", "live");
    expect(effectOf({ ...change, before: null, after: terms })).toBe("gained");
    expect(effectOf({ ...change, before: terms, after: null })).toBe("lost");
    expect(effectOf({ ...change, before: terms, after: terms })).toBe("changed");
  });
});

describe("settings", () => {
  const settings = {
    retention: [{ camera_purpose: "security", days: 30, clause: "13.1" }],
    passwords: { min_length: 8, second_factor_for: ["approver"] },
    deadlines: [{ id: "request", vi: "Trả lời", en: "Answer", hours: 4, clause: "11.3" }],
    ceiling_days: 365,
  };

  it("become tables of words, deadlines first", () => {
    const found = tables(settings);
    expect(found.map((one) => one.name)).toEqual(["deadlines", "retention", "passwords"]);
    expect(found[0]?.columns).toEqual(["what", "hours", "clause"]);
    expect(found[0]?.rows).toEqual([[{ vi: "Trả lời", en: "Answer" }, 4, "11.3"]]);
    expect(found[2]?.values.map(([name]) => name)).toEqual(["min_length", "second_factor_for"]);
  });

  it("have names and values in both languages", () => {
    expect(settingLabel("retention.security.days", "vi")).toBe("Thời hạn lưu trữ › An ninh, trật tự › Số ngày");
    expect(settingValue({ vi: "có", en: "yes" }, "en")).toBe("yes");
    expect(settingValue(true, "vi")).toBe("có");
    expect(settingValue("2027-07-01", "vi")).toBe("01/07/2027");
    expect(settingValue(null, "vi")).toBe("–");
  });
});
