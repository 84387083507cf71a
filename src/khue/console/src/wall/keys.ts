import { SPEEDS } from "../player/clock";
import { endAt, startAt } from "../timeline/range";
import { LAYOUTS, neighbour, type Direction } from "./layout";
import { wall } from "./wall.svelte";

/** What the keyboard asks of the room around the wall. */
export interface RoomActions {
  help(): void;
  fullScreen(): void;
  snapshot(): void;
  info(): void;
  live(): void;
}

const isArrow = (key: string): key is Direction => key.startsWith("Arrow");

/** Somebody is typing, or a control wants the key for itself. */
function busy(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return true;
  if (!target) return false;
  if (target.closest("input, select, textarea, [data-own-keys]")) return true;
  return (event.key === "Enter" || event.key === " ") && target.closest("button, a") !== null;
}

export function nextSpeed(rate: number, direction: 1 | -1): number {
  const at = SPEEDS.findIndex((speed) => speed === rate);
  return SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + direction))] ?? rate;
}

/** Acts on a key; true when it meant something here. */
function act(key: string, actions: RoomActions): boolean {
  const { clock } = wall;
  if (isArrow(key)) {
    if (!wall.focused) wall.choose(neighbour(wall.arrangement.layout, wall.chosen, key));
    return true;
  }
  const digit = "1234".indexOf(key);
  const layout = digit < 0 ? undefined : LAYOUTS[digit];
  if (layout !== undefined) wall.setLayout(layout);
  else if (key === "Enter") wall.toggleFocus();
  else if (key === "Escape" && wall.focused) wall.focused = false;
  else if (key === " ") wall.togglePlay();
  else if (key === ",") wall.step(-1);
  else if (key === ".") wall.step(1);
  else if (key === "j") wall.seekBy(-10_000);
  else if (key === "k") wall.seekBy(10_000);
  else if (key === "-") clock.setRate(nextSpeed(clock.rate, -1));
  else if (key === "=" || key === "+") clock.setRate(nextSpeed(clock.rate, 1));
  else if (key === "[") wall.range = startAt(wall.range, clock.position());
  else if (key === "]") wall.range = endAt(wall.range, clock.position());
  else if (key === "l") actions.live();
  else if (key === "f") actions.fullScreen();
  else if (key === "s") actions.snapshot();
  else if (key === "i") actions.info();
  else if (key === "?") actions.help();
  else if (key === "Delete") wall.takeOff(wall.chosen);
  else return false;
  return true;
}

export function onKey(event: KeyboardEvent, actions: RoomActions): void {
  if (busy(event)) return;
  if (act(event.key.length === 1 ? event.key.toLowerCase() : event.key, actions)) event.preventDefault();
}
