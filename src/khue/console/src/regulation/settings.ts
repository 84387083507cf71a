import { en, type MessageKey } from "../i18n/en";
import { message, type Language } from "../i18n/messages";
import type { FullVersion, Settings } from "./regulation";

/** What the regulation fixes beside rules and clauses, as tables people read. */
export interface SettingTable {
  name: string;
  columns: string[];
  rows: unknown[][];
  /** Single values: name and value. */
  values: [string, unknown][];
}

const ORDER = ["deadlines", "retention", "break_glass", "passwords", "disclosure", "refusals"];
/** Shown with the rules, or said in their words. */
const ELSEWHERE: readonly string[] = ["purposes", "kinds"];
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isRows = (value: unknown): value is Record<string, unknown>[] =>
  Array.isArray(value) && value.length > 0 && value.every(isRecord);

/** Each group of settings: its rows as a table, and the single values beside them. */
export function tables(settings: Settings): SettingTable[] {
  const names = Object.keys(settings).filter((name) => isRecord(settings[name]) || isRows(settings[name]));
  const place = (name: string): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return names.filter((name) => !ELSEWHERE.includes(name)).sort((a, b) => place(a) - place(b)).map((name) => table(name, settings[name]));
}

function table(name: string, group: unknown): SettingTable {
  if (isRows(group)) return { name, ...rowsOf(group), values: [] };
  const entries = isRecord(group) ? Object.entries(group) : [];
  const inner = entries.find(([, value]) => isRows(value) || (isRecord(value) && Object.values(value).every(isRecord)));
  const values = entries.filter((entry) => entry !== inner);
  if (!inner) return { name, columns: [], rows: [], values };
  const rows = isRows(inner[1])
    ? inner[1]
    : Object.entries(inner[1] as Record<string, Record<string, unknown>>).map(([id, row]) => ({ id, ...row }));
  return { name, ...rowsOf(rows), values };
}

/** Rows with `vi` and `en` become one column of words. */
function rowsOf(rows: readonly Record<string, unknown>[]): { columns: string[]; rows: unknown[][] } {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const worded = keys.includes("vi") && keys.includes("en");
  const columns = keys.filter((key) => !(worded && ["vi", "en", "id"].includes(key)));
  const cells = rows.map((row) => [
    ...(worded ? [{ vi: row["vi"], en: row["en"] }] : []),
    ...columns.map((key) => row[key] ?? null),
  ]);
  return { columns: [...(worded ? ["what"] : []), ...columns], rows: cells };
}

/** A setting's name in words: `passwords.min_length`, `retention.security.days`. */
export function settingLabel(name: string, language: Language): string {
  return name
    .split(/[./]/)
    .map((part, at) => word(part.split("@")[0] ?? part, language, at === 1))
    .join(" › ");
}

/** A value in words; `version` gives the words for kinds, rights and purposes. */
export function settingValue(value: unknown, language: Language = "vi", version: FullVersion | null = null): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return message(language, value ? "setting.yes" : "setting.no");
  if (Array.isArray(value)) return value.map((one) => settingValue(one, language, version)).join(", ");
  if (isRecord(value)) {
    const words = value[language];
    if (typeof words === "string") return words;
    return Object.entries(value)
      .map(([key, one]) => `${word(key, language)}: ${settingValue(one, language, version)}`)
      .join("; ");
  }
  if (typeof value === "number") return value.toLocaleString(language === "vi" ? "vi-VN" : "en-GB");
  const text = String(value);
  const known = [...(version?.kinds ?? []), ...(version?.rights ?? [])].find((one) => one.id === text);
  if (known) return known[language];
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return language === "vi" ? text.split("-").reverse().join("/") : text;
  return word(text, language, true);
}

/** A part of a setting's name, or a value: "defence" as a name is a setting, as a value a purpose. */
function word(part: string, language: Language, asValue = false): string {
  const keys = [`setting.${part}`, `purpose.${part}`];
  for (const key of asValue ? keys.reverse() : keys)
    if (key in en) return message(language, key as MessageKey);
  return part;
}

