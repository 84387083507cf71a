/** Rooms of the registry: one entry of the header, told apart by tabs below it. */
export const FLEET_ROOMS = ["fleet", "quota", "imports", "discover"] as const;
/** Rooms of who may touch it: the header's entry "Access". */
export const ACCESS_ROOMS = ["people", "grants", "requests", "regulation", "audit"] as const;
const ROOMS = ["wall", "cameras", "nodes", "camera", "me", "training", ...FLEET_ROOMS, ...ACCESS_ROOMS] as const;
export type Room = (typeof ROOMS)[number];

/**
 * The room, the thing in it and its parameters, from the part of the address after `#/` (`#/room/item?name=value`), so
 * that what one sees can be shared as a link.
 */
class Route {
  room = $state<Room>("wall");
  /** What follows the room's name, "" if nothing does. */
  item = $state("");
  params = $state.raw(new URLSearchParams());

  constructor() {
    window.addEventListener("hashchange", () => this.#read());
    this.#read();
  }

  /** Writes parameters without adding to the browser's history. */
  replaceParams(params: URLSearchParams): void {
    // Commas are legal in a fragment and keep the link readable.
    const text = params.toString().replaceAll("%2C", ",");
    const path = this.item ? `${this.room}/${encodeURIComponent(this.item)}` : this.room;
    window.history.replaceState(null, "", `#/${path}${text ? `?${text}` : ""}`);
  }

  #read(): void {
    const [path = "", query = ""] = window.location.hash.replace(/^#\/?/, "").split("?");
    const [room = "", item = ""] = path.split("/");
    this.room = ROOMS.find((known) => known === room) ?? "wall";
    this.item = this.room === room ? decoded(item) : "";
    this.params = new URLSearchParams(query);
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // typed by hand: a lone percent sign
  }
}

export const route = new Route();

/** Whether a room belongs to the registry. */
export const ofFleet = (room: Room): boolean => room === "camera" || (FLEET_ROOMS as readonly string[]).includes(room);

/** Whether a room is one of access. */
export const ofAccess = (room: Room): boolean => (ACCESS_ROOMS as readonly string[]).includes(room);
