import type { MessageKey } from "../i18n/en";

export interface Column {
  readonly key: string;
  /** CSS pixels at least. */
  readonly width: number;
  /** How much of the room that is left it takes. */
  readonly grow?: number;
  /** The word of GET /inventory/index for an order by it. */
  readonly sort?: string;
}

export const COLUMNS: readonly Column[] = [
  { key: "name", width: 200, grow: 2, sort: "name" },
  { key: "code", width: 112, sort: "code" },
  { key: "life", width: 126 },
  { key: "declared_working", width: 112 },
  { key: "seen_working", width: 112 },
  { key: "unit", width: 168, sort: "unit" },
  { key: "purpose", width: 158 },
  { key: "link", width: 154 },
  { key: "type", width: 170 },
  { key: "address", width: 210, grow: 1.4 },
  { key: "owner", width: 210, grow: 1 },
  { key: "manager", width: 210, grow: 1 },
  { key: "kind", width: 128 },
  { key: "state", width: 144 },
  { key: "seen_since", width: 150 },
  { key: "life_since", width: 132, sort: "life_since" },
  { key: "installed_on", width: 118, sort: "installed_on" },
  { key: "security", width: 176 },
  { key: "disclosure", width: 176 },
  { key: "node", width: 110 },
  { key: "number", width: 100, sort: "number" },
];
const FIRST = ["code", "life", "declared_working", "seen_working", "unit", "purpose", "link", "type"];
const KEY = "khue.fleet.columns";

export const columnLabel = (column: Column): MessageKey => `field.${column.key}` as MessageKey;

/** Which columns this viewer wants; remembered in the browser. The name is always there. */
class Columns {
  chosen = $state.raw<readonly string[]>(remembered());

  get shown(): Column[] {
    return COLUMNS.filter((column) => column.key === "name" || this.chosen.includes(column.key));
  }

  toggle(key: string): void {
    this.#keep(
      this.chosen.includes(key) ? this.chosen.filter((one) => one !== key) : [...this.chosen, key],
    );
  }

  reset(): void {
    this.#keep(FIRST);
  }

  #keep(chosen: readonly string[]): void {
    this.chosen = chosen;
    window.localStorage.setItem(KEY, chosen.join(","));
  }
}

function remembered(): readonly string[] {
  return window.localStorage.getItem(KEY)?.split(",") ?? FIRST;
}

export const columns = new Columns();
