/** A stretch of time somebody selects to download; either end may still be missing. */
export interface Range {
  readonly start: number | null;
  readonly end: number | null;
}

export const NO_RANGE: Range = { start: null, end: null };

/** `[`: the range begins here. An end that now lies before it is dropped. */
export function startAt(range: Range, time: number): Range {
  return { start: time, end: range.end !== null && range.end > time ? range.end : null };
}

/** `]`: the range ends here. A start that now lies behind it is dropped. */
export function endAt(range: Range, time: number): Range {
  return { start: range.start !== null && range.start < time ? range.start : null, end: time };
}

/** Dragged from one instant to another, in either direction. */
export function between(a: number, b: number): Range {
  return { start: Math.min(a, b), end: Math.max(a, b) };
}

/** Both ends, or null while one is missing. */
export function complete(range: Range): { start: number; end: number } | null {
  return range.start !== null && range.end !== null ? { start: range.start, end: range.end } : null;
}
