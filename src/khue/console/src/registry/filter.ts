/** A question to the fleet: the words of GET /inventory/cameras, kept in the address so that it can be shared. */

export const LISTS = [
  "unit",
  "agency",
  "owner",
  "manager",
  "purpose",
  "group",
  "vendor",
  "family",
  "kind",
  "link",
  "life",
  "state",
  "declared",
  "seen",
  "security",
  "disclosure",
  "consent",
  "node",
] as const;
export type ListName = (typeof LISTS)[number];

export interface Box {
  west: number;
  south: number;
  east: number;
  north: number;
}

export interface Filter {
  readonly q: string;
  readonly lists: Readonly<Partial<Record<ListName, readonly string[]>>>;
  readonly box: Box | null;
  /** `YYYY-MM-DD`, or "" for now. */
  readonly asof: string;
  readonly sort: string;
}

export const DEFAULT_SORT = "name";
export const EMPTY: Filter = { q: "", lists: {}, box: null, asof: "", sort: DEFAULT_SORT };

/** Reads `west,south,east,north`; null when it is no box. */
export function boxFrom(text: string): Box | null {
  const [west, south, east, north, ...rest] = text.split(",").map((part) => (part === "" ? NaN : Number(part)));
  if (rest.length > 0 || west === undefined || south === undefined || east === undefined || north === undefined)
    return null;
  const sane = [west, south, east, north].every(Number.isFinite) && west < east && south < north;
  return sane ? { west, south, east, north } : null;
}

/** Five decimals are a metre; more would only make the address long. */
export function boxText(box: Box): string {
  return [box.west, box.south, box.east, box.north].map((degrees) => degrees.toFixed(5)).join(",");
}

/** The filter an address or a saved filter says; what it does not know is left out. */
export function filterFrom(params: URLSearchParams): Filter {
  const lists: Partial<Record<ListName, string[]>> = {};
  for (const name of LISTS) {
    const values = [...new Set((params.get(name) ?? "").split(",").filter((value) => value !== ""))];
    if (values.length > 0) lists[name] = values;
  }
  const asof = params.get("asof") ?? "";
  return {
    q: params.get("q") ?? "",
    lists,
    box: boxFrom(params.get("box") ?? ""),
    asof: /^\d{4}-\d{2}-\d{2}$/.test(asof) ? asof : "",
    sort: params.get("sort") || DEFAULT_SORT,
  };
}

/** The conditions and the date as the API and saved filters know them; what is not set is absent. */
export function filterParams(filter: Filter): URLSearchParams {
  const params = new URLSearchParams();
  if (filter.q.trim()) params.set("q", filter.q.trim());
  for (const name of LISTS) {
    const values = filter.lists[name];
    if (values && values.length > 0) params.set(name, values.join(","));
  }
  if (filter.box) params.set("box", boxText(filter.box));
  if (filter.asof) params.set("asof", filter.asof);
  return params;
}

/** The filter and the order, for the address of the page. */
export function addressParams(filter: Filter): URLSearchParams {
  const params = filterParams(filter);
  if (filter.sort !== DEFAULT_SORT) params.set("sort", filter.sort);
  return params;
}

/** Whether two filters find the same cameras, whatever the order. */
export const sameQuestion = (a: Filter, b: Filter): boolean =>
  filterParams(a).toString() === filterParams(b).toString();

/** The same filter with one list replaced; an empty one is no condition. */
export function withList(filter: Filter, name: ListName, values: readonly string[]): Filter {
  const lists = { ...filter.lists };
  if (values.length > 0) lists[name] = values;
  else delete lists[name];
  return { ...filter, lists };
}

export function toggled(filter: Filter, name: ListName, value: string): Filter {
  const before = filter.lists[name] ?? [];
  const after = before.includes(value) ? before.filter((one) => one !== value) : [...before, value];
  return withList(filter, name, after);
}

/** Whether it asks for less than the whole fleet. */
export function narrows(filter: Filter): boolean {
  return filter.q.trim() !== "" || filter.box !== null || Object.keys(filter.lists).length > 0;
}

/** Without conditions, but of the same date and in the same order. */
export const cleared = (filter: Filter): Filter => ({ ...EMPTY, asof: filter.asof, sort: filter.sort });

/** The order after a click on a column: first rising, then falling, then as by default. */
export function sortedBy(filter: Filter, key: string): Filter {
  const next = filter.sort === key ? `-${key}` : filter.sort === `-${key}` ? DEFAULT_SORT : key;
  return { ...filter, sort: next };
}
