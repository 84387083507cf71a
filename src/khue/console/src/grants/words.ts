import { agencies } from "../organisation/agencies.svelte";
import { preferences, show, t } from "../i18n/preferences.svelte";
import { directory } from "../registry/directory.svelte";
import { count, word } from "../registry/words";
import { RIGHTS, type Grant, type Hours, type Right, type Target } from "./grants";
import { regulation } from "./regulation";

const SHOWN = 3;

/** "A, B, C and 4 more". Names that hold commas themselves take another mark between them. */
export function listed(names: readonly string[], most = SHOWN, between = ", "): string {
  if (names.length <= most) return names.join(between);
  return t("grants.more", { names: names.slice(0, most).join(between), n: count(names.length - most) });
}

export const rightWord = (right: Right): string => t(`right.${right}`);
export const rightWords = (rights: readonly Right[]): string =>
  RIGHTS.filter((right) => rights.includes(right))
    .map(rightWord)
    .join(", ");

/** What comes with an account names no document and nobody. */
const BY_ACCOUNT = "account";

export const basisWords = (grant: Pick<Grant, "basis" | "origin">): string =>
  grant.origin === "appointment" && grant.basis === BY_ACCOUNT ? t("grants.basis.account") : grant.basis;

export const giverWords = (grant: Pick<Grant, "given_by" | "given_by_name">): string =>
  grant.given_by === BY_ACCOUNT ? t("grants.given.account") : grant.given_by_name || grant.given_by;

/** A title in the reader's language, if it was given in it. */
export const titled = (thing: { title: string; title_en?: string | null }): string =>
  preferences.language === "en" && thing.title_en ? thing.title_en : thing.title;

/** Who holds a grant. */
export function holderWords(grant: Pick<Grant, "holder" | "post" | "agency">): string {
  return grant.holder || grant.post || grant.agency || "";
}

/** The conditions of a target in words, one for each; none: all cameras. Cameras are counted unless they can be named. */
export function targetParts(target: Target, cameraName?: (id: string) => string): string[] {
  const parts: string[] = [];
  const say = (
    key: "grants.in.units" | "grants.in.fleets" | "grants.in.purposes" | "grants.in.groups" | "grants.in.cameras",
    names: readonly string[] | null | undefined,
    name: (id: string) => string,
  ): void => {
    if (names && names.length > 0)
      parts.push(t(key, { names: listed(names.map(name), SHOWN, key === "grants.in.purposes" ? "; " : ", ") }));
  };
  say("grants.in.units", target.units, (code) => directory.unit(code));
  say("grants.in.fleets", target.fleets, (id) => agencies.name(id));
  say("grants.in.purposes", target.purposes, (purpose) => word("purpose", purpose));
  say("grants.in.groups", target.groups, (id) => agencies.group(id));
  if (cameraName) say("grants.in.cameras", target.cameras, cameraName);
  else if (target.cameras && target.cameras.length > 0) parts.push(t("grants.in.some", { n: count(target.cameras.length) }));
  return parts;
}

export function targetWords(target: Target, cameraName?: (id: string) => string): string {
  const parts = targetParts(target, cameraName);
  const said = parts.length > 0 ? parts.join(" · ") : t("grants.in.all");
  return target.defence ? t("grants.in.defence", { said }) : said;
}

/** Days of the week as people say them: runs are joined ("Monday to Friday"). */
export function weekdayWords(weekdays: readonly number[] | null): string {
  if (!weekdays || weekdays.length === 0 || weekdays.length === 7) return "";
  const sorted = [...weekdays].sort((a, b) => a - b);
  const runs: number[][] = [];
  for (const weekday of sorted) {
    const run = runs.at(-1);
    if (run && run.at(-1) === weekday - 1) run.push(weekday);
    else runs.push([weekday]);
  }
  return runs
    .flatMap((run) =>
      run.length > 2
        ? [t("grants.days.run", { from: dayName(run[0] ?? 1), to: dayName(run.at(-1) ?? 7) })]
        : run.map((weekday) => dayName(weekday)),
    )
    .join(", ");
}

export const dayName = (weekday: number): string => t(`weekday.${weekday}` as "weekday.1");

export function hoursWords(hours: Hours | null): string {
  if (!hours) return t("grants.hours.any");
  const days = weekdayWords(hours.weekdays);
  const clock = hours.from && hours.to ? `${hours.from.slice(0, 5)} – ${hours.to.slice(0, 5)}` : "";
  return [clock, days].filter(Boolean).join(", ") || t("grants.hours.any");
}

export const purposeWords = (purposes: readonly string[] | null, most = SHOWN): string =>
  purposes && purposes.length > 0 && purposes.length !== regulation.purposes.length
    ? listed(
        purposes.map((purpose) => regulation.purpose(purpose)),
        most,
        "; ",
      )
    : t("grants.purposes.any");

export function momentWords(moment: string): string {
  const ms = Date.parse(moment);
  return `${show.hourMinute(ms)} ${show.date(ms)}`;
}

/** From when until when, in words. */
export function periodWords(from: string, to: string | null): string {
  return to === null
    ? t("grants.period.open", { from: momentWords(from) })
    : t("grants.period", { from: momentWords(from), to: momentWords(to) });
}

/** Until when, in words. */
export const untilWords = (to: string | null): string =>
  to === null ? t("grants.until.open") : t("grants.until", { to: momentWords(to) });
