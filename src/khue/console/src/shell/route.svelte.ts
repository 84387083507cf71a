export type Room = "wall" | "cameras" | "nodes";
const ROOMS: readonly Room[] = ["wall", "cameras", "nodes"];

/** The room and its parameters, from the part of the address after `#/`, so that a wall can be shared as a link. */
class Route {
  room = $state<Room>("wall");
  params = $state(new URLSearchParams());

  constructor() {
    window.addEventListener("hashchange", () => this.#read());
    this.#read();
  }

  /** Writes parameters without adding to the browser's history. */
  replaceParams(params: URLSearchParams): void {
    // Commas are legal in a fragment and keep the link readable.
    const text = params.toString().replaceAll("%2C", ",");
    window.history.replaceState(null, "", `#/${this.room}${text ? `?${text}` : ""}`);
  }

  #read(): void {
    const [path = "", query = ""] = window.location.hash.replace(/^#\/?/, "").split("?");
    this.room = ROOMS.find((room) => room === path) ?? "wall";
    this.params = new URLSearchParams(query);
  }
}

export const route = new Route();
