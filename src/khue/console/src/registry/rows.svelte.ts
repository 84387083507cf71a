import { ApiError } from "../api/client";
import type { Filter } from "./filter";
import { numbersFrom, registry } from "./registry";
import type { FleetRow } from "./types";
import type { Window } from "./window";

/** A fast scroll passes over rows nobody reads: they are asked for when it has rested this long. */
const REST_MS = 50;
const AT_ONCE = 200;
const KEPT = 6000;

/**
 * The rows of one list of the whole fleet: their numbers in order at once (four bytes each), what they say only where
 * somebody looks. A newer question makes the answers to older ones void.
 */
export class FleetRows {
  numbers = $state.raw<Uint32Array>(new Uint32Array());
  loading = $state(false);
  loaded = $state(false);
  error = $state<ApiError | null>(null);
  /** Grows when rows come in, so that the list looks again. */
  version = $state(0);
  readonly #rows = new Map<number, FleetRow | null>();
  #asof = "";
  #index: AbortController | null = null;
  #asking: { abort: AbortController; numbers: Set<number> } | null = null;
  #seen: Window = { first: 0, last: 0 };
  #timer = 0;

  /** The row at a place of the list; undefined until it is here, null when it is gone from the registry. */
  at(place: number): FleetRow | null | undefined {
    void this.version;
    const number = this.numbers[place];
    return number === undefined ? undefined : this.#rows.get(number);
  }

  async load(filter: Filter): Promise<void> {
    this.#index?.abort();
    const abort = new AbortController();
    this.#index = abort;
    this.loading = true;
    // What is true now is not shown under the date of another day, however long that answer takes.
    if (filter.asof !== this.#asof) this.loaded = false;
    try {
      const { numbers } = await registry.index(filter, abort.signal);
      if (this.#index !== abort) return;
      this.#take(numbersFrom(numbers), filter.asof);
      this.error = null;
      this.loaded = true;
    } catch (reason) {
      if (this.#index === abort && reason instanceof ApiError) this.error = reason;
    } finally {
      if (this.#index === abort) this.loading = false;
    }
  }

  /** Tells which places are on screen. */
  look(seen: Window): void {
    this.#seen = seen;
    const asked = this.#asking;
    if (asked && !this.#places(seen).some((number) => asked.numbers.has(number))) this.#drop();
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#ask(), this.#rows.size === 0 ? 0 : REST_MS);
  }

  /** Asks again for what is on screen, keeping it there meanwhile. */
  async refresh(): Promise<void> {
    if (this.#asking) return;
    await this.#fetch(this.#places(this.#seen));
  }

  /** Forgets what rows said (they were edited) and asks anew for those on screen. */
  async forget(): Promise<void> {
    this.#drop();
    this.#rows.clear();
    await this.#ask();
  }

  close(): void {
    this.#index?.abort();
    this.#index = null;
    this.#drop();
    window.clearTimeout(this.#timer);
  }

  #take(numbers: Uint32Array, asof: string): void {
    if (asof !== this.#asof) {
      this.#drop();
      this.#rows.clear();
    }
    this.#asof = asof;
    this.numbers = numbers;
    this.version += 1;
    void this.#ask();
  }

  #drop(): void {
    this.#asking?.abort.abort();
    this.#asking = null;
  }

  #places({ first, last }: Window): number[] {
    return [...this.numbers.subarray(first, last)];
  }

  /** Rows on screen and a screen on either side that are not here yet. */
  async #ask(): Promise<void> {
    const { first, last } = this.#seen;
    const height = last - first;
    const near = { first: Math.max(0, first - height), last: last + height };
    const missing = [...this.#places(this.#seen), ...this.#places(near)].filter((n) => !this.#rows.has(n));
    const numbers = [...new Set(missing)].slice(0, AT_ONCE);
    if (numbers.length > 0 && !this.#asking) await this.#fetch(numbers);
  }

  async #fetch(numbers: number[]): Promise<void> {
    if (numbers.length === 0) return;
    const asking = { abort: new AbortController(), numbers: new Set(numbers) };
    this.#asking = asking;
    try {
      const { items } = await registry.rows(numbers, this.#asof, asking.abort.signal);
      if (this.#asking !== asking) return;
      this.#store(numbers, items);
      this.error = null;
    } catch (reason) {
      if (this.#asking !== asking) return;
      if (reason instanceof ApiError) this.error = reason;
      this.#asking = null;
      return;
    }
    this.#asking = null;
    await this.#ask();
  }

  #store(numbers: readonly number[], items: readonly FleetRow[]): void {
    for (const number of this.#rows.keys()) {
      if (this.#rows.size <= KEPT) break;
      this.#rows.delete(number);
    }
    for (const number of numbers) this.#rows.set(number, null);
    for (const row of items) this.#rows.set(row.number, row);
    this.version += 1;
  }
}
