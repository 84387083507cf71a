import { message, type Language } from "./messages";

/** Intl formatters are slow to build and asked for many times a second. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  let known = formatters.get(key);
  if (!known) {
    known = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
    formatters.set(key, known);
  }
  return known;
}

export interface CivilTime {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

/** What the clock and calendar of a zone show at an instant (milliseconds since 1970 UTC). */
export function civil(ms: number, zone: string): CivilTime {
  const parts = formatter(zone, {
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(ms);
  const number = (type: Intl.DateTimeFormatPartTypes): number =>
    Number(parts.find((part) => part.type === type)?.value);
  return {
    year: number("year"),
    month: number("month"),
    day: number("day"),
    hour: number("hour"),
    minute: number("minute"),
    second: number("second"),
  };
}

/** Milliseconds a zone's clock is ahead of UTC at an instant. */
export function zoneOffset(ms: number, zone: string): number {
  const c = civil(ms, zone);
  return Date.UTC(c.year, c.month - 1, c.day, c.hour, c.minute, c.second) - Math.floor(ms / 1000) * 1000;
}

/** The instant at which a zone's clock shows a civil time. In a clock change the earlier reading wins. */
export function fromCivil(c: CivilTime, zone: string): number {
  const asUtc = Date.UTC(c.year, c.month - 1, c.day, c.hour, c.minute, c.second);
  const guess = asUtc - zoneOffset(asUtc, zone);
  return asUtc - zoneOffset(guess, zone);
}

const two = (n: number): string => String(n).padStart(2, "0");

/** `08:30:05`, 24 hours. */
export function clockTime(ms: number, zone: string): string {
  const c = civil(ms, zone);
  return `${two(c.hour)}:${two(c.minute)}:${two(c.second)}`;
}

/** `08:30`. */
export function hourMinute(ms: number, zone: string): string {
  return clockTime(ms, zone).slice(0, 5);
}

/** `08:30:05.120`. */
export function clockTimeMs(ms: number, zone: string): string {
  return `${clockTime(ms, zone)}.${String(Math.floor(ms) % 1000).padStart(3, "0")}`;
}

/** `31/01/2026` in Vietnamese, `31 Jan 2026` in English. */
export function date(ms: number, zone: string, language: Language): string {
  const c = civil(ms, zone);
  if (language === "vi") return `${two(c.day)}/${two(c.month)}/${c.year}`;
  return formatter(zone, { day: "numeric", month: "short", year: "numeric" }).format(ms);
}

/** `31/01` or `31 Jan`: a day on the timeline. */
export function dayMonth(ms: number, zone: string, language: Language): string {
  const c = civil(ms, zone);
  if (language === "vi") return `${two(c.day)}/${two(c.month)}`;
  return formatter(zone, { day: "numeric", month: "short" }).format(ms);
}

/** The time alone when it is today in the zone, else date and time. */
export function moment(ms: number, zone: string, language: Language, now: number): string {
  const time = clockTime(ms, zone);
  return date(ms, zone, language) === date(now, zone, language)
    ? time
    : `${date(ms, zone, language)} ${time}`;
}

/** `2026-01-31_08-30-05`: an instant in a file name. */
export function fileTime(ms: number, zone: string): string {
  const c = civil(ms, zone);
  return `${c.year}-${two(c.month)}-${two(c.day)}_${two(c.hour)}-${two(c.minute)}-${two(c.second)}`;
}

/** A length of time in its two largest units: `2 h 3 min`, `2 giờ 3 phút`. */
export function duration(ms: number, language: Language): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const amounts = [
    ["unit.d", Math.floor(seconds / 86_400)],
    ["unit.h", Math.floor(seconds / 3600) % 24],
    ["unit.m", Math.floor(seconds / 60) % 60],
    ["unit.s", seconds % 60],
  ] as const;
  const first = amounts.findIndex(([, n]) => n > 0);
  if (first < 0) return message(language, "unit.s", { n: 0 });
  return amounts
    .slice(first, first + 2)
    .filter(([, n]) => n > 0)
    .map(([key, n]) => message(language, key, { n }))
    .join(" ");
}

/** Decimal bytes with at most one decimal: `1.5 GB`, `1,5 GB`. */
export function bytes(n: number, language: Language): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${decimal(value, language, unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`;
}

/** A number with the language's decimal mark. */
export function decimal(n: number, language: Language, digits: number): string {
  return n.toLocaleString(language === "vi" ? "vi-VN" : "en-GB", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
