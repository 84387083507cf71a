import { describe, expect, it } from "vitest";
import css from "../src/app.css?raw";

type Tokens = Record<string, string>;

function tokens(theme: "dark" | "light"): Tokens {
  const block = new RegExp(`:root\\[data-theme="${theme}"\\] \\{([^}]*)\\}`).exec(css)?.[1] ?? "";
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((match) => [match[1] ?? "", match[2] ?? ""]),
  );
}

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

describe.each(["dark", "light"] as const)("the %s theme", (theme) => {
  const colours = tokens(theme);
  const ratio = (front: string, back: string): number => contrast(colours[front] ?? "", colours[back] ?? "");

  it("has readable text on every ground (WCAG AA, 4.5)", () => {
    for (const text of ["text", "text-muted"]) {
      for (const ground of ["ground", "panel", "raised", "input", "danger-ground"])
        expect(ratio(text, ground), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
    expect(ratio("on-accent", "accent")).toBeGreaterThanOrEqual(4.5);
    expect(ratio("text", "accent-soft")).toBeGreaterThanOrEqual(4.5);
    expect(ratio("timeline-ground", "live")).toBeGreaterThanOrEqual(4.5);
  });

  it("has readable coloured words (4.5)", () => {
    const words = [
      "accent",
      "good",
      "danger",
      "live",
      ...["recording", "connecting", "stalled", "refused", "unreachable", "disabled"].map(
        (s) => `state-${s}`,
      ),
    ];
    for (const word of words) expect(ratio(word, "panel"), word).toBeGreaterThanOrEqual(4.5);
    expect(ratio("accent", "accent-soft")).toBeGreaterThanOrEqual(4.5);
  });

  it("has readable words in a chosen or touched row of the fleet (4.5)", () => {
    for (const word of ["text", "text-muted", "accent", "good", "danger", "state-stalled"]) {
      for (const ground of ["accent-soft", "raised"])
        expect(ratio(word, ground), `${word} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  it("has dots on the map that can be told from its ground (3)", () => {
    for (const mark of ["good", "danger", "state-stalled", "state-disabled"])
      expect(ratio(mark, "ground"), mark).toBeGreaterThanOrEqual(3);
  });

  it("has marks and borders of controls that can be told from their ground (3)", () => {
    for (const mark of [
      "recorded",
      "partial",
      "playhead",
      ...["camera", "link", "node", "disk", "policy"].map((c) => `cause-${c}`),
    ]) {
      expect(ratio(mark, "timeline-ground"), mark).toBeGreaterThanOrEqual(3);
    }
    for (const ground of ["panel", "ground"]) expect(ratio("line-strong", ground)).toBeGreaterThanOrEqual(3);
  });
});
