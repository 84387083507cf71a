/**
 * The cameras chosen for an edit, by number. `whole` means "all that the filter finds", including those that come to fit
 * it before the edit is made; otherwise exactly the numbers counted here.
 */
export class Selection {
  #numbers = new Set<number>();
  /** What was last clicked without Shift: the other end of a range. */
  #anchor: number | null = null;
  size = $state(0);
  whole = $state(false);
  /** Grows with every change, so that rows look again. */
  version = $state(0);

  has(number: number): boolean {
    void this.version;
    return this.whole || this.#numbers.has(number);
  }

  /** In rising order. */
  get numbers(): number[] {
    return [...this.#numbers].sort((a, b) => a - b);
  }

  toggle(number: number, at: number, all: Uint32Array): void {
    this.#explicit(all);
    if (!this.#numbers.delete(number)) this.#numbers.add(number);
    this.#anchor = at;
    this.#changed();
  }

  /** Chooses every row between the last one toggled and `at`. */
  extend(at: number, all: Uint32Array): void {
    this.#explicit(all);
    const from = Math.min(this.#anchor ?? at, all.length - 1);
    for (const number of all.subarray(Math.min(from, at), Math.max(from, at) + 1)) this.#numbers.add(number);
    this.#anchor = at;
    this.#changed();
  }

  /** Where a range made with Shift begins when nothing was toggled before. */
  anchor(at: number): void {
    this.#anchor ??= at;
  }

  all(): void {
    this.#numbers.clear();
    this.whole = true;
    this.#changed();
  }

  clear(): void {
    this.#numbers.clear();
    this.whole = false;
    this.#anchor = null;
    this.#changed();
  }

  /** The list is in another order: a place in the old one means nothing. */
  reordered(): void {
    this.#anchor = null;
  }

  #explicit(all: Uint32Array): void {
    if (!this.whole) return;
    this.whole = false;
    for (const number of all) this.#numbers.add(number);
  }

  #changed(): void {
    this.size = this.#numbers.size;
    this.version += 1;
  }
}
