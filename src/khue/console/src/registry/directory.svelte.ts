import { ApiError } from "../api/client";
import { registry } from "./registry";
import type { Agency, CameraType, Unit } from "./types";

/** Units, agencies and types by their codes: small lists that rows, filters and the map name things with. */
class Directory {
  units = $state.raw<readonly Unit[]>([]);
  agencies = $state.raw<readonly Agency[]>([]);
  types = $state.raw<readonly CameraType[]>([]);
  error = $state<ApiError | null>(null);
  readonly #unitNames = $derived(new Map(this.units.map((unit) => [unit.code, unit.name])));
  readonly #agencyNames = $derived(new Map(this.agencies.map((agency) => [agency.id, agency.name])));

  /** Units and types do not change while somebody looks; agencies do when sheets are imported. */
  async load(): Promise<void> {
    try {
      const [units, agencies, types] = await Promise.all([
        this.units.length > 0 ? this.units : registry.units().then((answer) => answer.items),
        registry.agencies().then((answer) => answer.items),
        this.types.length > 0 ? this.types : registry.types().then((answer) => answer.items),
      ]);
      this.units = units;
      this.agencies = agencies;
      this.types = types;
      this.error = null;
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      this.error = reason;
    }
  }

  unit(code: string | null): string {
    return code === null ? "" : (this.#unitNames.get(code) ?? code);
  }

  agency(id: string | null): string {
    return id === null ? "" : (this.#agencyNames.get(id) ?? id);
  }

  get vendors(): string[] {
    return [...new Set(this.types.map((type) => type.vendor))].sort((a, b) => a.localeCompare(b));
  }
}

export const directory = new Directory();

/** Lower case without Vietnamese marks, as the centre folds what it searches. */
export function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .replace(/[đĐ]/g, "d")
    .toLowerCase();
}
