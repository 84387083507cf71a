import { api, ApiError } from "../api/client";
import type { NodeRecord } from "../api/types";

interface Sample {
  at: number;
  cpu: number;
}

/** The nodes as the centre last saw them, and how busy each is: processor seconds used between two looks. */
class Nodes {
  items = $state<NodeRecord[]>([]);
  loads = $state<Record<string, number>>({});
  loaded = $state(false);
  error = $state<ApiError | null>(null);
  readonly #samples = new Map<string, Sample>();

  async load(): Promise<void> {
    try {
      this.items = (await api.nodes()).items;
      this.#measure(performance.now());
      this.loaded = true;
      this.error = null;
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      this.error = reason;
    }
  }

  #measure(now: number): void {
    for (const node of this.items) {
      const before = this.#samples.get(node.id);
      // A restart begins the counter anew; heartbeats come every two seconds, so shorter looks say nothing.
      if (before && node.cpu_seconds >= before.cpu && now - before.at < 4000) continue;
      if (before && node.cpu_seconds >= before.cpu) {
        this.loads[node.id] = (node.cpu_seconds - before.cpu) / ((now - before.at) / 1000);
      }
      this.#samples.set(node.id, { at: now, cpu: node.cpu_seconds });
    }
  }
}

export const nodes = new Nodes();
