/** Brings the current link of a strip that scrolls sideways into sight, each time `current` is another. */
export function currentIntoView(current: string): (strip: HTMLElement) => void {
  return (strip) => {
    void current;
    strip.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
}
