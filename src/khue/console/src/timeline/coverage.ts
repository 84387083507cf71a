import type { CoverageAnswer, GapCause } from "../api/types";

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Gap {
  readonly start: number;
  /** Infinity while it lasts. */
  readonly end: number;
  readonly cause: GapCause;
  readonly detail: string;
}

/** What was and was not recorded of one stream over [from, to); milliseconds since 1970 UTC, sorted by start. */
export interface Coverage {
  readonly from: number;
  readonly to: number;
  readonly spans: readonly Span[];
  readonly gaps: readonly Gap[];
  /** Packets were lost inside recorded spans. */
  readonly partial: readonly Gap[];
}

export const NOTHING_KNOWN: Coverage = { from: 0, to: 0, spans: [], gaps: [], partial: [] };

/** The end of a coverage grows as we speak; this near to it only the node knows. */
const EDGE_MS = 5_000;

const byStart = (a: { start: number }, b: { start: number }): number => a.start - b.start;

/** What a node has not reported yet the centre counts as missing up to the end asked for; a moment later it is recorded. */
const isGrowingEnd = (gap: CoverageAnswer["gaps"][number], to: number): boolean =>
  gap.end !== null && Date.parse(gap.end) >= to && to - Date.parse(gap.start) < EDGE_MS;

export function fromAnswer(answer: CoverageAnswer): Coverage {
  const to = Date.parse(answer.to);
  const gaps = answer.gaps
    .filter((gap) => !isGrowingEnd(gap, to))
    .map((gap) => ({
      start: Date.parse(gap.start),
      end: gap.end === null ? Infinity : Date.parse(gap.end),
      cause: gap.cause,
      detail: gap.detail ?? "",
      partial: gap.partial ?? false,
    }));
  return {
    from: Date.parse(answer.from),
    to,
    spans: answer.spans.map((s) => ({ start: Date.parse(s.start), end: Date.parse(s.end) })).sort(byStart),
    gaps: gaps.filter((gap) => !gap.partial).sort(byStart),
    partial: gaps.filter((gap) => gap.partial).sort(byStart),
  };
}

/** What is known of one instant. */
export type Moment =
  | { readonly kind: "recorded"; readonly span: Span }
  | { readonly kind: "gap"; readonly gap: Gap | null; readonly start: number; readonly next: number | null }
  | { readonly kind: "unknown" };

/** Holes narrower than this between spans are seams of the record, not something a viewer should be told of. */
const SEAM_MS = 250;

/** Recorded, not recorded (with its row, and where recording goes on), or not known at `time`. */
export function momentAt(coverage: Coverage, time: number): Moment {
  if (time < coverage.from || time >= coverage.to) return { kind: "unknown" };
  let before: Span | null = null;
  let next: Span | null = null;
  for (const span of coverage.spans) {
    if (span.start <= time) before = span;
    else {
      next = span;
      break;
    }
  }
  if (before && time < before.end) return { kind: "recorded", span: before };
  if (before && next && next.start - before.end < SEAM_MS) return { kind: "recorded", span: next };
  const gap = coverage.gaps.find((g) => g.start <= time && time < g.end) ?? null;
  if (!gap && !next && before && coverage.to - before.end < EDGE_MS) return { kind: "unknown" };
  return { kind: "gap", gap, start: gap?.start ?? before?.end ?? coverage.from, next: next?.start ?? null };
}
