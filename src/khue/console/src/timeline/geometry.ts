import { civil, fromCivil, zoneOffset } from "../i18n/format";

/** The stretch of time a timeline shows, milliseconds since 1970 UTC. */
export interface View {
  readonly start: number;
  readonly end: number;
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const SHORTEST = 10 * MINUTE;
export const LONGEST = 7 * DAY;

export const span = (view: View): number => view.end - view.start;

/** Pixels from the left edge, for a timeline `width` pixels wide. May lie outside it. */
export function xAt(view: View, width: number, time: number): number {
  return ((time - view.start) / span(view)) * width;
}

export function timeAt(view: View, width: number, x: number): number {
  return view.start + (x / width) * span(view);
}

/** Scales the view by `factor` (> 1 shows more time), keeping `anchor` where it is, within 10 minutes to 7 days. */
export function zoom(view: View, anchor: number, factor: number): View {
  const length = Math.min(LONGEST, Math.max(SHORTEST, span(view) * factor));
  const scale = length / span(view);
  const start = anchor - (anchor - view.start) * scale;
  return { start, end: start + length };
}

export function pan(view: View, ms: number): View {
  return { start: view.start + ms, end: view.end + ms };
}

/** The view of the same length that shows `time` at `fraction` of its width. */
export function showAt(view: View, time: number, fraction: number): View {
  const start = time - span(view) * fraction;
  return { start, end: start + span(view) };
}

/** Nothing lies in the future: the view may show at most `fraction` of its width of it. */
export function notBeyond(view: View, now: number, fraction = 0.1): View {
  const latest = now + span(view) * fraction;
  return view.end > latest ? pan(view, latest - view.end) : view;
}

export interface Tick {
  time: number;
  /** `day`: midnight in the zone; `major`: carries a label; `minor`: a mark only. */
  kind: "day" | "major" | "minor";
}

/** How far apart labels may stand, each with the marks between them. */
const STEPS: readonly (readonly [label: number, mark: number])[] = [
  [MINUTE, MINUTE / 4],
  [2 * MINUTE, MINUTE / 2],
  [5 * MINUTE, MINUTE],
  [10 * MINUTE, 2 * MINUTE],
  [15 * MINUTE, 5 * MINUTE],
  [30 * MINUTE, 5 * MINUTE],
  [HOUR, 15 * MINUTE],
  [2 * HOUR, 30 * MINUTE],
  [3 * HOUR, HOUR],
  [6 * HOUR, HOUR],
  [12 * HOUR, 3 * HOUR],
];
const DAILY = [DAY, 6 * HOUR] as const;

/** The finest label and mark distances that leave `room` pixels to a label. */
export function tickSteps(view: View, width: number, room: number): readonly [label: number, mark: number] {
  return STEPS.find(([label]) => (label / span(view)) * width >= room) ?? DAILY;
}

/** Marks on the round minutes, hours and days of the zone's clock. */
export function ticks(view: View, width: number, zone: string, room = 64): Tick[] {
  const [major, minor] = tickSteps(view, width, room);
  const found: Tick[] = [];
  const first = civil(view.start, zone);
  // Counting from each midnight keeps the marks round where a zone's offset is not, or changes.
  let midnight = fromCivil({ ...first, hour: 0, minute: 0, second: 0 }, zone);
  while (midnight <= view.end) {
    const next = nextMidnight(midnight, zone);
    for (let time = midnight; time < next && time <= view.end; time += minor) {
      if (time < view.start) continue;
      const kind = time === midnight ? "day" : (time - midnight) % major === 0 ? "major" : "minor";
      found.push({ time, kind });
    }
    midnight = next;
  }
  return found;
}

function nextMidnight(midnight: number, zone: string): number {
  const noonAfter = midnight + 36 * HOUR;
  const local = noonAfter + zoneOffset(noonAfter, zone);
  const c = civil(Math.floor(local / DAY) * DAY, "UTC");
  return fromCivil({ ...c, hour: 0, minute: 0, second: 0 }, zone);
}
