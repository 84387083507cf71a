import { request } from "../../api/client";
import { filterParams, type Filter } from "../filter";
import { MARKS, type Mark, type Points } from "./clusters";

interface Column {
  name: string;
  bytes: 1 | 4;
  values: (string | null)[];
}

interface Head {
  version: number;
  count: number;
  unplaced: number;
  scale: number;
  columns: Column[];
}

export interface FleetMap {
  points: Points;
  /** Cameras that are meant, with a position or without. */
  total: number;
}

export async function loadPoints(filter: Filter, signal: AbortSignal): Promise<FleetMap> {
  const query = filterParams(filter).toString();
  const response = await request(`/inventory/map${query ? `?${query}` : ""}`, { signal });
  return decode(await response.arrayBuffer());
}

/** Reads the payload of GET /inventory/map (khue.centre.inventory.map describes it). */
export function decode(payload: ArrayBuffer): FleetMap {
  const bytes = new Uint8Array(payload);
  if (new TextDecoder().decode(bytes.subarray(0, 4)) !== "KMAP") throw new Error("this is not a map of the fleet");
  const length = new DataView(payload).getUint32(4, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Head;
  const columns = new Map<string, { column: Column; data: Uint8Array }>();
  let at = 8 + length;
  for (const column of head.columns) {
    const size = head.count * column.bytes;
    columns.set(column.name, { column, data: bytes.subarray(at, at + size) });
    at += size;
  }
  const data = (name: string): Uint8Array => columns.get(name)?.data ?? new Uint8Array();
  const word = (name: string, camera: number): string | null => {
    const found = columns.get(name);
    return found?.column.values[found.data[camera] ?? 0] ?? null;
  };
  return {
    points: {
      numbers: Uint32Array.from(integers(data("number"), head.count)),
      lon: Float64Array.from(integers(data("lon"), head.count), (value) => value / head.scale),
      lat: Float64Array.from(integers(data("lat"), head.count), (value) => value / head.scale),
      mark: Uint8Array.from({ length: head.count }, (_, camera) =>
        MARKS.indexOf(markOf(word("life", camera), word("seen", camera))),
      ),
    },
    total: head.count + head.unplaced,
  };
}

/** What a camera's dot says: what we saw, unless it is not there (yet, or any more). */
export function markOf(life: string | null, seen: string | null): Mark {
  if (life === "proposed" || life === "approved" || life === "removed") return "planned";
  if (seen === null) return "unseen";
  return seen === "yes" ? "working" : "dead";
}

/** Differences in four planes of bytes, zigzagged, summed up again. */
function integers(planes: Uint8Array, count: number): Int32Array {
  const values = new Int32Array(count);
  let value = 0;
  for (let at = 0; at < count; at++) {
    const zigzag =
      ((planes[at] ?? 0) |
        ((planes[count + at] ?? 0) << 8) |
        ((planes[2 * count + at] ?? 0) << 16) |
        ((planes[3 * count + at] ?? 0) << 24)) >>>
      0;
    value += (zigzag >>> 1) ^ -(zigzag & 1);
    values[at] = value;
  }
  return values;
}
