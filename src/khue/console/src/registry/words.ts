import type { MessageKey } from "../i18n/en";
import { preferences, show, t } from "../i18n/preferences.svelte";
import { directory } from "./directory.svelte";
import type { ListName } from "./filter";
import {
  ANSWERS,
  answer,
  DISCLOSURES,
  GROUPS,
  KINDS,
  LINKS,
  LIVES,
  PURPOSES,
  SECURITIES,
  type FleetRow,
} from "./types";
import { CAMERA_STATES } from "../api/types";

/** Stands in a filter for cameras that have no value there. */
export const NONE = "none";

/** The values a list of the filter may hold, where they are fixed words. */
export const FIXED: Readonly<Partial<Record<ListName, readonly string[]>>> = {
  purpose: [...PURPOSES, NONE],
  group: GROUPS,
  kind: [...KINDS, NONE],
  link: [...LINKS, NONE],
  life: LIVES,
  state: [...CAMERA_STATES, NONE],
  declared: ANSWERS,
  seen: ANSWERS,
  security: SECURITIES,
  disclosure: DISCLOSURES,
  consent: ["missing", "expired"],
};

const LABELS: Readonly<Partial<Record<ListName, MessageKey>>> = {
  declared: "field.declared_working",
  seen: "field.seen_working",
};

/** What a list of the filter is called. */
export const filterLabel = (name: ListName): string =>
  t(LABELS[name] ?? (`field.${name}` as MessageKey));

const WORDS: Readonly<Record<string, (value: string) => string>> = {
  purpose: (value) => `purpose.${value}`,
  group: (value) => `group.${value}`,
  kind: (value) => `kind.${value}`,
  link: (value) => `link.${value}`,
  life: (value) => `life.${value}`,
  state: (value) => `state.${value}`,
  declared: (value) => `declared.${value}`,
  seen: (value) => `seen.${value}`,
  security: (value) => `security.${value}`,
  disclosure: (value) => `disclosure.${value}`,
  consent: (value) => `consent.${value}`,
  mounting: (value) => `mounting.${value}`,
};

/** A word of a vocabulary of the registry in the viewer's language. */
export function word(vocabulary: string, value: string): string {
  return t((WORDS[vocabulary]?.(value) ?? value) as MessageKey);
}

/** A value of a list of the filter, in words. */
export function filterValue(name: ListName, value: string): string {
  if (value === NONE) return t("fleet.filters.none");
  if (name === "unit") return directory.unit(value);
  if (name === "agency" || name === "owner" || name === "manager") return directory.agency(value);
  return FIXED[name]?.includes(value) ? word(name, value) : value;
}

/** A whole number with the language's separators: `40.210`, `40,210`. */
export const count = (n: number): string => show.decimal(n, 0);

/** A date `YYYY-MM-DD` as the viewer reads it; it belongs to no time zone. */
export function day(date: string | null): string {
  if (!date) return "";
  const [year = "", month = "", dayOfMonth = ""] = date.slice(0, 10).split("-");
  if (preferences.language === "vi") return `${dayOfMonth}/${month}/${year}`;
  return new Date(`${year}-${month}-${dayOfMonth}T00:00:00Z`).toLocaleDateString("en-GB", {
    timeZone: "UTC",
    day: "numeric",
    month: "short",
    year: "numeric",
  });
}

export const typeWords = (row: Pick<FleetRow, "vendor" | "model">): string =>
  [row.vendor, row.model].filter(Boolean).join(" ");

/** What a row says in a column, in words; "" when nothing is stated. */
export function cell(row: FleetRow, column: string): string {
  switch (column) {
    case "number":
      return String(row.number);
    case "type":
      return typeWords(row);
    case "unit":
      return directory.unit(row.unit);
    case "owner":
    case "manager":
      return directory.agency(row[column]);
    case "purpose":
    case "kind":
    case "link":
    case "life":
    case "security":
    case "disclosure":
    case "state":
      return row[column] === null ? "" : word(column, row[column]);
    case "life_since":
    case "installed_on":
      return day(row[column]);
    case "seen_since":
      return row.seen_since ? show.moment(Date.parse(row.seen_since)) : "";
    case "declared_working":
      return t(`declared.${answer(row.declared_working)}`);
    case "seen_working":
      return t(`seen.${answer(row.seen_working)}`);
    default: {
      const value = row[column as keyof FleetRow];
      return value === null || value === undefined ? "" : String(value);
    }
  }
}

/** A stored value of a field, in words: before and after in an edit. */
export function fieldValue(field: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") {
    if (field === "declared_working") return t(`declared.${answer(value)}`);
    return t(`answer.${answer(value)}`);
  }
  if (typeof value === "number") return String(value);
  if (typeof value !== "string") return JSON.stringify(value);
  if (field === "mounting") return word(field, value);
  if (/^\d{4}-\d{2}-\d{2}$/.test(value)) return day(value);
  return filterValue(field as ListName, value);
}
