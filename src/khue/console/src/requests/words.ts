import type { Target } from "../grants/grants";
import { listed, targetWords } from "../grants/words";
import { count } from "../registry/words";
import { t } from "../i18n/preferences.svelte";
import type { NamedCamera } from "./requests";

/** Which cameras a request or an emergency is about, in words. */
export function aboutWords(about: { cameras: readonly NamedCamera[] | null; target: Target | null }, most = 3): string {
  if (about.cameras && about.cameras.length > 0) {
    const names = listed(
      about.cameras.map((camera) => camera.name || camera.id),
      most,
    );
    return about.cameras.length === 1 ? names : t("requests.cameras", { n: count(about.cameras.length), names });
  }
  return about.target ? targetWords(about.target) : "";
}
