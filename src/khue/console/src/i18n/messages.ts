import { en, type Dictionary, type MessageKey } from "./en";
import { vi } from "./vi";

export type Language = "vi" | "en";
export type Values = Readonly<Record<string, string | number>>;
export const dictionaries: Readonly<Record<Language, Dictionary>> = { vi, en };

/** The message in a language with its `{placeholders}` filled. */
export function message(language: Language, key: MessageKey, values: Values = {}): string {
  return dictionaries[language][key].replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in values ? String(values[name]) : whole,
  );
}

/** The language to begin with: the one chosen before, else the browser's, else Vietnamese. */
export function firstLanguage(chosen: string | null, offered: readonly string[]): Language {
  if (chosen === "vi" || chosen === "en") return chosen;
  for (const tag of offered) {
    const language = tag.toLowerCase().split("-")[0];
    if (language === "vi" || language === "en") return language;
  }
  return "vi";
}
