import { SvelteMap } from "svelte/reactivity";
import { api, ApiError } from "../api/client";
import type { Camera, StatusEvent } from "../api/types";

/** The cameras this page has seen, kept true by the feed of transitions. */
class Fleet {
  readonly cameras = new SvelteMap<string, Camera>();
  /** Cameras the centre does not know (any more). */
  readonly gone = new SvelteMap<string, true>();
  /** Counts the times the feed came back after a break: what is on screen is then asked for again. */
  resumed = $state(0);
  readonly #asking = new Set<string>();

  learn(cameras: readonly Camera[]): void {
    for (const camera of cameras) {
      this.cameras.set(camera.id, camera);
      this.gone.delete(camera.id);
    }
  }

  forget(id: string): void {
    this.cameras.delete(id);
    this.gone.set(id, true);
  }

  /** Asks for a camera that is wanted on screen and not known. */
  want(id: string): void {
    if (this.cameras.has(id) || this.gone.has(id) || this.#asking.has(id)) return;
    void this.#ask(id);
  }

  /** The feed was broken; `standing` are the cameras on the wall. Lists ask for themselves. */
  resume(standing: Iterable<string>): void {
    this.resumed += 1;
    for (const id of standing) void this.#ask(id);
  }

  apply(event: StatusEvent): void {
    const camera = this.cameras.get(event.camera);
    if (!camera) return;
    const news = {
      state: event.state,
      since: event.since,
      detail: event.detail ?? "",
      cause: event.cause ?? null,
    };
    const streams = camera.streams.map((stream) =>
      stream.name === event.stream ? { ...stream, ...news } : stream,
    );
    this.cameras.set(camera.id, { ...camera, streams, ...(event.stream === "main" ? news : {}) });
  }

  async #ask(id: string): Promise<void> {
    this.#asking.add(id);
    try {
      this.learn([await api.camera(id)]);
    } catch (reason) {
      if (reason instanceof ApiError && reason.status === 404) this.forget(id);
    } finally {
      this.#asking.delete(id);
    }
  }
}

export const fleet = new Fleet();

const PAGE = 100;
const TYPING_MS = 200;

/** One list of cameras on screen: a question to the centre, answered page by page. */
export class CameraQuery {
  q = $state("");
  state = $state("");
  ids = $state<string[]>([]);
  total = $state(0);
  next = $state<string | null>(null);
  loading = $state(false);
  loaded = $state(false);
  error = $state<ApiError | null>(null);
  #pending: AbortController | null = null;
  #typing = 0;

  get cameras(): Camera[] {
    return this.ids.map((id) => fleet.cameras.get(id)).filter((camera) => camera !== undefined);
  }

  typed(): void {
    window.clearTimeout(this.#typing);
    this.#typing = window.setTimeout(() => void this.load(), TYPING_MS);
  }

  async load(): Promise<void> {
    await this.#page(null);
  }

  async more(): Promise<void> {
    if (this.next !== null && !this.loading) await this.#page(this.next);
  }

  async #page(after: string | null): Promise<void> {
    this.#pending?.abort();
    const pending = new AbortController();
    this.#pending = pending;
    this.loading = true;
    try {
      const page = await api.cameras(
        { q: this.q.trim(), state: this.state, limit: PAGE, after },
        pending.signal,
      );
      fleet.learn(page.items);
      const ids = page.items.map((camera) => camera.id);
      this.ids = after === null ? ids : [...this.ids, ...ids];
      this.next = page.next;
      this.total = page.total;
      this.error = null;
      this.loaded = true;
    } catch (reason) {
      if (reason instanceof ApiError) this.error = reason;
    } finally {
      if (this.#pending === pending) this.loading = false;
    }
  }
}
