import { describe, expect, it } from "vitest";
import { en, type MessageKey } from "../src/i18n/en";
import { firstLanguage, message } from "../src/i18n/messages";
import { vi } from "../src/i18n/vi";

const placeholders = (text: string): string[] =>
  [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "").sort();
const sources = Object.entries(
  import.meta.glob<string>(
    ["../src/**/*.svelte", "../src/**/*.ts", "!../src/i18n/en*.ts", "!../src/i18n/vi*.ts"],
    {
      eager: true,
      query: "?raw",
      import: "default",
    },
  ),
).map(([, text]) => text);

describe("the two languages", () => {
  it("have the same keys", () => {
    expect(Object.keys(vi).sort()).toEqual(Object.keys(en).sort());
  });

  it("have the same placeholders in every message", () => {
    for (const key of Object.keys(en) as MessageKey[])
      expect(placeholders(vi[key]), key).toEqual(placeholders(en[key]));
  });

  it("leave no message empty and no English in the Vietnamese unless the word is the same", () => {
    const same = new Set<MessageKey>([
      "nav.cameras",
      "cause.camera",
      "cameras.title",
      "cameras.col.name",
      "nodes.cameras",
      "range.camera",
      "form.probe.onvif",
      "unit.ms",
      "audit.camera",
      "state.since",
    ]);
    for (const key of Object.keys(en) as MessageKey[]) {
      expect(vi[key].trim(), key).not.toBe("");
      if (!same.has(key) && /[a-z]{4}/i.test(en[key].replace(/\{\w+\}/g, "")))
        expect(vi[key], key).not.toBe(en[key]);
    }
  });

  it("hold no message nobody shows", () => {
    const all = sources.join("\n");
    const built = [...all.matchAll(/`([a-zA-Z.]+)\$\{/g)].map((match) => match[1] ?? "");
    const unused = Object.keys(en).filter(
      (key) =>
        !all.includes(`"${key}"`) &&
        !all.includes(`'${key}'`) &&
        !built.some((prefix) => key.startsWith(prefix) && prefix.includes(".")),
    );
    expect(unused).toEqual([]);
  });
});

describe("message", () => {
  it("fills placeholders", () => {
    expect(message("en", "wall.layout.n", { n: 9 })).toBe("9 tiles");
    expect(message("vi", "wall.layout.n", { n: 9 })).toBe("9 ô");
  });

  it("leaves a placeholder nobody filled visible", () => {
    expect(message("en", "wall.layout.n")).toBe("{n} tiles");
  });
});

describe("firstLanguage", () => {
  it("is what was chosen, else the browser's first known, else Vietnamese", () => {
    expect(firstLanguage("en", ["vi-VN"])).toBe("en");
    expect(firstLanguage(null, ["fr-FR", "en-US", "vi"])).toBe("en");
    expect(firstLanguage("xx", ["fr-FR"])).toBe("vi");
  });
});
