import type { GapCause } from "../api/types";
import type { Coverage } from "./coverage";
import { xAt, type View } from "./geometry";

/** One rectangle of a row: [x0, x1) in pixels. */
export interface Band {
  x0: number;
  x1: number;
  kind: "recorded" | "gap" | "partial";
  cause: GapCause | null;
}

/** A gap is data: however short, it stays visible. */
const NARROWEST = 1.5;

interface Piece {
  start: number;
  end: number;
  cause: GapCause | null;
}

/** Pieces inside the view as bands; neighbours that touch on screen and look the same become one. */
function bands(pieces: readonly Piece[], kind: Band["kind"], view: View, width: number, now: number): Band[] {
  const drawn: Band[] = [];
  for (const piece of pieces) {
    const end = Math.min(piece.end, now);
    if (end <= view.start || piece.start >= view.end) continue;
    const x0 = Math.max(0, xAt(view, width, piece.start));
    const x1 = Math.min(width, Math.max(xAt(view, width, end), x0 + NARROWEST));
    const last = drawn.at(-1);
    if (last && last.cause === piece.cause && x0 <= last.x1 + 0.5) last.x1 = Math.max(last.x1, x1);
    else drawn.push({ x0, x1, kind, cause: piece.cause });
  }
  return drawn;
}

/** What to paint for one stream, in painting order: recorded first, gaps over it, lost packets on top. */
export function drawing(coverage: Coverage, view: View, width: number, now: number): Band[] {
  const recorded = coverage.spans.map((span) => ({ ...span, cause: null }));
  return [
    ...bands(recorded, "recorded", view, width, now),
    ...bands(coverage.gaps, "gap", view, width, now),
    ...bands(coverage.partial, "partial", view, width, now),
  ];
}
