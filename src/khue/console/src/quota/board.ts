import { filterParams, EMPTY, type Filter, type ListName } from "../registry/filter";
import { INSTALLED } from "../registry/types";

export const WAYS = ["purpose", "group", "unit", "owner", "manager", "type", "link"] as const;
export type Way = (typeof WAYS)[number];

export const ORDERS = ["name", "installed", "gap"] as const;
export type Order = (typeof ORDERS)[number];

/** Cameras counted. Declared and seen are counted among the installed ones. */
export interface Counts {
  needed: number | null;
  proposed: number;
  approved: number;
  installed: number;
  declared_working: number;
  declared_unknown: number;
  seen_working: number;
  seen_unknown: number;
  both: number;
  only_declared: number;
  only_seen: number;
}

export interface QuotaRow extends Counts {
  /** Null: cameras of which it is not stated. */
  key: string | null;
  name: string;
}

export interface Board {
  by: Way;
  at: string;
  rows: QuotaRow[];
  total: Counts;
}

/** How far the books are above (or below) what was seen. */
export const gap = (counts: Counts): number => counts.declared_working - counts.seen_working;

/** Rows in the order asked for; what is not stated comes last. */
export function ordered(rows: readonly QuotaRow[], order: Order, nameOf: (row: QuotaRow) => string): QuotaRow[] {
  const value: Record<Order, (row: QuotaRow) => number> = {
    name: () => 0,
    installed: (row) => -row.installed,
    gap: (row) => -Math.abs(gap(row)),
  };
  return [...rows].sort(
    (a, b) =>
      Number(unstated(a)) - Number(unstated(b)) ||
      value[order](a) - value[order](b) ||
      nameOf(a).localeCompare(nameOf(b), "vi"),
  );
}

export const unstated = (row: QuotaRow): boolean => row.key === null || row.key === "" || row.key === "none";

/** Parts of the installed cameras, 0..1 each, which together are 1 (or all 0 when there are none). */
export interface Shares {
  both: number;
  onlyDeclared: number;
  onlySeen: number;
  neither: number;
}

export function shares(counts: Counts): Shares {
  const of = (n: number): number => (counts.installed > 0 ? Math.max(0, n) / counts.installed : 0);
  const neither = counts.installed - counts.both - counts.only_declared - counts.only_seen;
  return {
    both: of(counts.both),
    onlyDeclared: of(counts.only_declared),
    onlySeen: of(counts.only_seen),
    neither: of(neither),
  };
}

export const FIGURES = ["proposed", "installed", "declared", "seen"] as const;
export type Figure = (typeof FIGURES)[number] | "both" | "only_declared" | "only_seen" | "unchecked" | "all";

const CONDITIONS: Readonly<Record<Figure, Readonly<Partial<Record<ListName, readonly string[]>>>>> = {
  all: {},
  proposed: { life: ["proposed", "approved"] },
  installed: { life: INSTALLED },
  declared: { life: INSTALLED, declared: ["yes"] },
  seen: { life: INSTALLED, seen: ["yes"] },
  both: { life: INSTALLED, declared: ["yes"], seen: ["yes"] },
  only_declared: { life: INSTALLED, declared: ["yes"], seen: ["no", "unknown"] },
  only_seen: { life: INSTALLED, declared: ["no", "unknown"], seen: ["yes"] },
  unchecked: { life: INSTALLED, seen: ["unknown"] },
};

/** The address of the fleet room that shows the cameras a figure counts. `row` null: of the whole city. */
export function linkTo(by: Way, row: QuotaRow | null, figure: Figure, asof: string): string {
  const lists: Filter["lists"] = { ...CONDITIONS[figure], ...(row ? conditionOf(by, row) : {}) };
  const params = filterParams({ ...EMPTY, lists, asof });
  return `#/fleet?${params.toString().replaceAll("%2C", ",")}`;
}

/** A type's key is `brand/family`, either of which may be missing; brands themselves may hold ` / `. */
export function typeOf(key: string): { vendor: string; family: string } {
  const [, vendor = key, family = ""] = /^(.*)\/([a-z0-9-]+)$/.exec(key) ?? [];
  return { vendor, family };
}

function conditionOf(by: Way, row: QuotaRow): Partial<Record<ListName, readonly string[]>> {
  const key = unstated(row) ? "none" : (row.key ?? "none");
  if (by !== "type") return { [by]: [key] };
  const { vendor, family } = typeOf(key);
  return { vendor: [vendor], family: [family || "none"] };
}

const COLUMNS = [
  "needed",
  "proposed",
  "installed",
  "declared_working",
  "declared_unknown",
  "seen_working",
  "seen_unknown",
  "both",
  "only_declared",
  "only_seen",
] as const satisfies readonly (keyof Counts)[];

/** A spreadsheet takes a cell that begins like this for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

const quoted = (text: string): string => {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** The board as a table for a spreadsheet: UTF-8 with its mark, so that Excel reads Vietnamese. */
export function csvOf(
  rows: readonly QuotaRow[],
  total: Counts,
  words: { head: string; total: string; columns: Record<(typeof COLUMNS)[number], string> },
  nameOf: (row: QuotaRow) => string,
): string {
  const line = (name: string, counts: Counts): string =>
    [quoted(name), ...COLUMNS.map((column) => String(counts[column] ?? ""))].join(",");
  return [
    `\ufeff${[words.head, ...COLUMNS.map((column) => words.columns[column])].map(quoted).join(",")}`,
    ...rows.map((row) => line(nameOf(row), row)),
    line(words.total, total),
    "",
  ].join("\r\n");
}
