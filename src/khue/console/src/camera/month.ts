import { GAP_CAUSES, type GapCause } from "../api/types";
import type { Coverage } from "../timeline/coverage";

const DAY_MS = 86_400_000;

/** What of one day was recorded, and what took the rest; milliseconds. */
export interface Day {
  start: number;
  /** Of the day that lies in the period and is over. */
  expected: number;
  recorded: number;
  missing: Record<GapCause, number>;
  /** Neither recorded nor accounted for: before the camera was under the roof. */
  unknown: number;
}

const overlap = (from: number, to: number, start: number, end: number): number =>
  Math.max(0, Math.min(to, end) - Math.max(from, start));

/** A coverage by days that begin at `firstDay` (milliseconds since 1970 UTC, midnight of the viewer's zone). */
export function byDay(coverage: Coverage, firstDay: number, days: number): Day[] {
  return Array.from({ length: days }, (_, index) => {
    const start = firstDay + index * DAY_MS;
    const from = Math.max(start, coverage.from);
    const to = Math.min(start + DAY_MS, coverage.to);
    const expected = Math.max(0, to - from);
    const recorded = coverage.spans.reduce((sum, span) => sum + overlap(from, to, span.start, span.end), 0);
    const missing = Object.fromEntries(GAP_CAUSES.map((cause) => [cause, 0])) as Record<GapCause, number>;
    for (const gap of coverage.gaps) missing[gap.cause] += overlap(from, to, gap.start, gap.end);
    const told = Object.values(missing).reduce((sum, ms) => sum + ms, recorded);
    return { start, expected, recorded, missing, unknown: Math.max(0, expected - told) };
  });
}

/** Parts of a whole day, largest cause first, as shares of 0 to 1 from the left. */
export function shares(day: Day): { what: "recorded" | "unknown" | GapCause; share: number }[] {
  const parts: { what: "recorded" | "unknown" | GapCause; share: number }[] = [
    { what: "recorded", share: day.recorded / DAY_MS },
    ...GAP_CAUSES.map((cause) => ({ what: cause, share: day.missing[cause] / DAY_MS })).sort((a, b) => b.share - a.share),
    { what: "unknown", share: day.unknown / DAY_MS },
  ];
  return parts.filter((part) => part.share > 0);
}
