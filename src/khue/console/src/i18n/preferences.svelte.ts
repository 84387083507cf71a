import { message, firstLanguage, type Language, type Values } from "./messages";
import type { MessageKey } from "./en";
import * as format from "./format";

export type Theme = "system" | "dark" | "light";

const CITY_ZONE = "Asia/Ho_Chi_Minh";

function stored(key: string): string | null {
  return window.localStorage.getItem(`khue.${key}`);
}

function storedTheme(): Theme {
  const theme = stored("theme");
  return theme === "dark" || theme === "light" ? theme : "system";
}

/** How this viewer reads the console; remembered in the browser. */
class Preferences {
  language = $state<Language>(firstLanguage(stored("language"), navigator.languages));
  theme = $state<Theme>(storedTheme());
  zone = $state(stored("zone") ?? CITY_ZONE);
  /** The present second, so that "for 3 min" grows while one looks at it. */
  now = $state(Date.now());

  constructor() {
    window.setInterval(() => (this.now = Date.now()), 1000);
    window.matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => this.paint());
    this.paint();
  }

  setLanguage(language: Language): void {
    this.language = language;
    window.localStorage.setItem("khue.language", language);
    this.paint();
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    window.localStorage.setItem("khue.theme", theme);
    this.paint();
  }

  setZone(zone: string): void {
    this.zone = zone;
    window.localStorage.setItem("khue.zone", zone);
  }

  get light(): boolean {
    return (
      this.theme === "light" ||
      (this.theme === "system" && matchMedia("(prefers-color-scheme: light)").matches)
    );
  }

  /** Tells the document its language and its colours. */
  paint(): void {
    document.documentElement.lang = this.language;
    document.documentElement.dataset["theme"] = this.light ? "light" : "dark";
    document.title = message(this.language, "app.title");
  }
}

export const preferences = new Preferences();

/** The message in the viewer's language. */
export function t(key: MessageKey, values: Values = {}): string {
  return message(preferences.language, key, values);
}

/** Times and amounts as the viewer reads them. */
export const show = {
  clock: (ms: number): string => format.clockTime(ms, preferences.zone),
  clockMs: (ms: number): string => format.clockTimeMs(ms, preferences.zone),
  hourMinute: (ms: number): string => format.hourMinute(ms, preferences.zone),
  date: (ms: number): string => format.date(ms, preferences.zone, preferences.language),
  dayMonth: (ms: number): string => format.dayMonth(ms, preferences.zone, preferences.language),
  moment: (ms: number): string => format.moment(ms, preferences.zone, preferences.language, preferences.now),
  fileTime: (ms: number): string => format.fileTime(ms, preferences.zone),
  duration: (ms: number): string => format.duration(ms, preferences.language),
  bytes: (n: number): string => format.bytes(n, preferences.language),
  decimal: (n: number, digits: number): string => format.decimal(n, preferences.language, digits),
};
