import { preferences, show, t } from "../i18n/preferences.svelte";

/** "since 08:30:05 (2 h 3 min)", growing by the second; "" when not known. */
export function sinceWords(moment: string | number | null): string {
  if (moment === null) return "";
  const ms = typeof moment === "number" ? moment : Date.parse(moment);
  if (!Number.isFinite(ms) || ms <= 0) return "";
  return t("state.since", { time: show.moment(ms), duration: show.duration(preferences.now - ms) });
}
