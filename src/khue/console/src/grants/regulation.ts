import { preferences } from "../i18n/preferences.svelte";
import type { Named } from "../regulation/types";
import { purpose } from "../session/purpose.svelte";
import type { Right } from "./grants";

/** Words of the regulation in force; the id while it is not known. */
export const regulation = {
  /** Asks for it if nobody has yet. */
  async load(): Promise<void> {
    if (purpose.regulation === null) await purpose.load();
  },

  get purposes(): readonly Named[] {
    return purpose.regulation?.purposes ?? [];
  },

  get kinds(): readonly Named[] {
    return purpose.regulation?.kinds ?? [];
  },

  purpose: (id: string): string => called(purpose.regulation?.purposes, id),
  kind: (id: string): string => called(purpose.regulation?.kinds, id),

  /** Whether a post of one's own may do it at all; true while that is not known: the centre decides anyway. */
  mayEver: (right: Right): boolean => !purpose.regulation || purpose.regulation.mine.some((rule) => rule.right === right),
};

function called(words: readonly Named[] | undefined, id: string): string {
  const word = words?.find((one) => one.id === id);
  return word ? word[preferences.language] || word.vi : id;
}
