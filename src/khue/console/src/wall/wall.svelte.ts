import { CoverageLedger } from "../timeline/ledger";
import { NO_RANGE, type Range } from "../timeline/range";
import type { Player } from "../player/player";
import { WallClock } from "../player/clock";
import {
  decode,
  EMPTY,
  encode,
  freeTile,
  layoutFor,
  place,
  remove,
  type Arrangement,
  type Layout,
} from "./layout";

const MEMORY = "khue.wall";
const TICK_MS = 200;
/** How long the cause of a gap is shown before playback goes on behind it. */
const SKIP_AFTER_MS = 1800;

/** The name under which the focused picture's player is known; tiles are known by their index. */
export const FOCUS = -1;

/** The wall: what stands where, which tile is chosen, and the instant all of them show. */
class Wall {
  arrangement = $state.raw<Arrangement>(EMPTY);
  chosen = $state(0);
  focused = $state(false);
  /** Every tile leaves live together; else only the chosen one. */
  together = $state(true);
  range = $state.raw<Range>(NO_RANGE);
  /** The clock's state for the page: copied whenever it changes and five times a second. */
  mode = $state<"live" | "playback">("live");
  playing = $state(true);
  rate = $state(1);
  position = $state(Date.now());
  /** Grows when coverage came. */
  learned = $state(0);
  readonly clock = new WallClock(
    () => Date.now(),
    () => performance.now(),
  );
  readonly ledger = new CoverageLedger(() => (this.learned += 1));
  readonly #players = new Map<number, Player>();
  #gapSince: number | null = null;
  /** The gap whose far end was asked for, by the clock's count of jumps. */
  #askedIn = -1;

  /** False when nothing was remembered: the first visit. */
  restore(params: URLSearchParams): boolean {
    const remembered =
      decode(params) ?? decode(new URLSearchParams(window.localStorage.getItem(MEMORY) ?? ""));
    if (!remembered) return false;
    this.arrangement = remembered;
    if (this.chosen >= remembered.layout) this.chosen = 0;
    return true;
  }

  /** Runs the clock's copy and the skipping of gaps while the wall is on screen. */
  run(): () => void {
    const unsubscribe = this.clock.subscribe(() => this.#copy());
    const timer = window.setInterval(() => this.#tick(), TICK_MS);
    return () => {
      unsubscribe();
      window.clearInterval(timer);
    };
  }

  get params(): URLSearchParams {
    return encode(this.arrangement);
  }

  get chosenCamera(): string | null {
    return this.arrangement.tiles[this.chosen] ?? null;
  }

  get visible(): readonly (string | null)[] {
    return this.arrangement.tiles.slice(0, this.arrangement.layout);
  }

  /** The player whose picture corrects the clock and which steps, snapshots and sound act on. */
  get leader(): Player | null {
    return this.#players.get(FOCUS) ?? this.#players.get(this.chosen) ?? null;
  }

  fill(cameras: readonly string[]): void {
    const tiles = EMPTY.tiles.map((_, index) => cameras[index] ?? null);
    this.#arrange({ layout: layoutFor(Math.min(cameras.length, tiles.length)), tiles });
  }

  setLayout(layout: Layout): void {
    this.#arrange({ ...this.arrangement, layout });
    this.focused = false;
    if (this.chosen >= layout) this.chosen = 0;
  }

  choose(index: number): void {
    this.chosen = index;
    this.#appointLeader();
  }

  place(camera: string, index: number = freeTile(this.arrangement, this.chosen)): void {
    this.#arrange(place(this.arrangement, camera, index));
    this.choose(index);
  }

  takeOff(index: number): void {
    this.#arrange(remove(this.arrangement, index));
    this.focused = false;
  }

  clear(): void {
    this.#arrange({ ...EMPTY, layout: this.arrangement.layout });
    this.focused = false;
  }

  toggleFocus(): void {
    this.focused = !this.focused && this.chosenCamera !== null;
  }

  enrol(key: number, player: Player): () => void {
    this.#players.set(key, player);
    this.#appointLeader();
    return () => {
      if (this.#players.get(key) === player) this.#players.delete(key);
      this.#appointLeader();
    };
  }

  togglePlay(): void {
    if (this.clock.playing) this.clock.pause(this.leader?.wallTime ?? Date.now());
    else this.clock.play();
  }

  step(direction: 1 | -1): void {
    const leader = this.leader;
    if (!leader) return;
    if (this.clock.playing) this.clock.pause(leader.wallTime ?? Date.now());
    this.clock.seek(leader.stepTime(direction));
  }

  seekBy(ms: number): void {
    this.clock.seek(this.clock.position() + ms);
  }

  #arrange(arrangement: Arrangement): void {
    this.arrangement = arrangement;
    window.localStorage.setItem(MEMORY, this.params.toString());
  }

  #appointLeader(): void {
    const leader = this.leader;
    for (const player of this.#players.values()) player.lead = player === leader;
    if (!leader) this.clock.unled();
  }

  #copy(): void {
    this.mode = this.clock.mode;
    this.playing = this.clock.playing;
    this.rate = this.clock.rate;
    this.position = this.clock.position();
  }

  #tick(): void {
    this.#copy();
    const watching = this.clock.mode === "playback" && this.clock.playing ? this.#watching() : [];
    if (watching.length === 0 || watching.some(({ state }) => state.kind !== "gap")) {
      this.#gapSince = null;
      return;
    }
    this.#gapSince ??= performance.now();
    if (performance.now() - this.#gapSince < SKIP_AFTER_MS) return;
    const next = watching.flatMap(({ state }) =>
      state.kind === "gap" && state.next !== null ? [state.next] : [],
    );
    if (next.length > 0) this.clock.seek(Math.min(...next));
    else if (this.#askedIn !== this.clock.jumps) void this.#searchBeyond(watching);
  }

  /** The players in playback that somebody sees. */
  #watching(): Player[] {
    const focus = this.#players.get(FOCUS);
    return focus ? [focus] : [...this.#players.values()].filter((player) => player.mode === "playback");
  }

  /** Nothing is recorded as far as the timeline knows: ask how far the gap goes, once, and go there. */
  async #searchBeyond(players: readonly Player[]): Promise<void> {
    const jumps = this.clock.jumps;
    this.#askedIn = jumps;
    const from = this.clock.position();
    const starts = await Promise.all(
      players.map(({ options }) =>
        this.ledger.nextRecorded(options.camera, options.stream, from, Date.now()),
      ),
    );
    const known = starts.filter((start) => start !== null);
    if (known.length > 0 && this.clock.jumps === jumps) this.clock.seek(Math.min(...known));
  }
}

export const wall = new Wall();
