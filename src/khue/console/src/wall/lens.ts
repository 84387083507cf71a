import { magnify, shift, type Magnified } from "./magnifier";

/** An attachment that turns wheel, drag and pinch on a frame into digital zoom. */
export function lens(
  read: () => Magnified,
  write: (view: Magnified) => void,
): (frame: HTMLElement) => () => void {
  return (frame) => {
    const listening = new AbortController();
    const options = { signal: listening.signal };
    const pointers = new Map<number, { x: number; y: number }>();
    const size = (): [number, number] => [frame.clientWidth, frame.clientHeight];
    const at = (event: MouseEvent): { x: number; y: number } => {
      const box = frame.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };

    const spread = (): { middle: { x: number; y: number }; distance: number } | null => {
      const [a, b] = [...pointers.values()];
      if (!a || !b) return null;
      return {
        middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 },
        distance: Math.max(10, Math.hypot(a.x - b.x, a.y - b.y)),
      };
    };

    const move = (event: PointerEvent): void => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const wide = spread();
      const now = at(event);
      pointers.set(event.pointerId, now);
      const after = spread();
      if (wide && after) {
        const scaled = magnify(
          read(),
          after.distance / wide.distance,
          wide.middle.x,
          wide.middle.y,
          ...size(),
        );
        write(shift(scaled, after.middle.x - wide.middle.x, after.middle.y - wide.middle.y, ...size()));
      } else write(shift(read(), now.x - before.x, now.y - before.y, ...size()));
    };

    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      const factor = Math.exp(-Math.sign(event.deltaY) * Math.min(0.4, Math.abs(event.deltaY) * 0.002));
      write(magnify(read(), factor, at(event).x, at(event).y, ...size()));
    };

    frame.addEventListener("wheel", wheel, { ...options, passive: false });
    frame.addEventListener("pointerdown", (event) => pointers.set(event.pointerId, at(event)), options);
    window.addEventListener("pointermove", move, options);
    for (const end of ["pointerup", "pointercancel"] as const) {
      window.addEventListener(end, (event) => pointers.delete(event.pointerId), options);
    }
    return () => listening.abort();
  };
}
