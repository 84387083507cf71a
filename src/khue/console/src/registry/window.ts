/** Rows `first` (included) to `last` (excluded). */
export interface Window {
  first: number;
  last: number;
}

/** The rows a viewport shows, and `overscan` more on either side. Heights in CSS pixels. */
export function rowWindow(
  scrollTop: number,
  viewport: number,
  rowHeight: number,
  total: number,
  overscan = 0,
): Window {
  const top = Math.max(0, Math.floor(scrollTop / rowHeight) - overscan);
  const bottom = Math.ceil((scrollTop + viewport) / rowHeight) + overscan;
  return { first: Math.min(top, total), last: Math.max(Math.min(top, total), Math.min(bottom, total)) };
}

/** Where to scroll so that a row is wholly in sight; the same place when it is. */
export function scrollTo(row: number, scrollTop: number, viewport: number, rowHeight: number): number {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + viewport) return Math.max(0, top + rowHeight - viewport);
  return scrollTop;
}

/** The row a key leads to from `at` (-1: none yet), or null when the key is no movement. `page` in rows. */
export function moved(key: string, at: number, total: number, page: number): number | null {
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: Math.max(at, 0) + page,
    PageUp: at - page,
    Home: 0,
    End: total - 1,
  };
  const wanted = steps[key];
  if (wanted === undefined || total === 0) return null;
  return Math.min(Math.max(wanted, 0), total - 1);
}

/**
 * Which row each of a fixed number of slots shows (-1: none), so that scrolling by one row changes one slot and leaves the
 * others alone. There are at least as many slots as rows in the window.
 */
export function slots({ first, last }: Window, count: number): number[] {
  return Array.from({ length: count }, (_, slot) => {
    const place = first + ((((slot - first) % count) + count) % count);
    return place < last ? place : -1;
  });
}
