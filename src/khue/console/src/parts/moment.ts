import { fromCivil, civil } from "../i18n/format";
import { preferences } from "../i18n/preferences.svelte";

const two = (n: number): string => String(n).padStart(2, "0");

/** What `<input type="datetime-local">` holds for an instant, by the clock the viewer reads; "" for none. */
export function localField(ms: number | null): string {
  if (ms === null) return "";
  const c = civil(ms, preferences.zone);
  return `${c.year}-${two(c.month)}-${two(c.day)}T${two(c.hour)}:${two(c.minute)}`;
}

/** The instant such a field names, as RFC 3339; undefined when it is empty. */
export function fieldMoment(text: string): string | undefined {
  const found = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(text);
  if (!found) return undefined;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0] = found.slice(1).map(Number);
  return new Date(fromCivil({ year, month, day, hour, minute, second: 0 }, preferences.zone)).toISOString();
}
