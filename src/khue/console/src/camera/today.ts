import { civil } from "../i18n/format";
import { preferences } from "../i18n/preferences.svelte";

/** Today in the viewer's zone as `YYYY-MM-DD`. */
export function today(): string {
  const { year, month, day } = civil(Date.now(), preferences.zone);
  return `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
}
