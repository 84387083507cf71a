import { ApiError } from "../api/client";
import { organisation, type AgencyNode, type CameraGroup } from "./organisation";

/** The tree of agencies and the groups of cameras, as the rooms of access need them. */
class Agencies {
  items = $state.raw<readonly AgencyNode[]>([]);
  groups = $state.raw<readonly CameraGroup[]>([]);
  loaded = $state(false);
  error = $state<ApiError | null>(null);
  readonly #byId = $derived(new Map(this.items.map((agency) => [agency.id, agency])));

  async load(): Promise<void> {
    try {
      this.items = (await organisation.agencies()).items;
      this.loaded = true;
      this.error = null;
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      this.error = reason;
    }
  }

  async loadGroups(): Promise<void> {
    try {
      this.groups = (await organisation.groups()).items;
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      this.error = reason;
    }
  }

  get(id: string | null): AgencyNode | undefined {
    return id === null ? undefined : this.#byId.get(id);
  }

  name(id: string | null): string {
    return id === null ? "" : (this.#byId.get(id)?.name ?? id);
  }

  group(id: string): string {
    return this.groups.find((group) => group.id === id)?.name ?? id;
  }
}

export const agencies = new Agencies();
