import { en, type MessageKey } from "../i18n/en";
import { preferences, t } from "../i18n/preferences.svelte";
import { named } from "../regulation/regulation";
import { purpose } from "../session/purpose.svelte";

/** An action in words; new ones the console does not know yet as the centre writes them. */
export function actionWords(action: string): string {
  const key = `action.${action}`;
  return key in en ? t(key as MessageKey) : action;
}

/** Actions the console has words for, for choosing one. */
export const ACTIONS: readonly string[] = Object.keys(en)
  .filter((key) => key.startsWith("action."))
  .map((key) => key.slice("action.".length));

export const purposeWords = (id: string): string =>
  named(purpose.regulation?.purposes ?? [], id, preferences.language);

export const rightWords = (id: string): string => named(purpose.regulation?.rights ?? [], id, preferences.language);
