import { ApiError, json } from "../api/client";
import { NOTHING_STATED, state, type Stated } from "../api/stated";
import type { Now } from "../regulation/types";
import { mayState, needed, type Needed } from "./purposes";

const KEY = "khue.stated";

function remembered(): Stated {
  try {
    const kept = JSON.parse(window.sessionStorage.getItem(KEY) ?? "null") as Partial<Stated> | null;
    return { ...NOTHING_STATED, ...kept };
  } catch {
    return NOTHING_STATED;
  }
}

/** What the person at this screen says the cameras are watched for; kept until the browser is closed or they sign out. */
class Purpose {
  stated = $state.raw<Stated>(remembered());
  /** The regulation in force as it concerns this account; null until it is known. */
  regulation = $state.raw<Now | null>(null);
  /** The chooser is open. */
  choosing = $state(false);

  constructor() {
    state(this.stated);
  }

  async load(): Promise<void> {
    try {
      this.regulation = await json<Now>("/regulation/now");
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
    }
  }

  choose(stated: Stated): void {
    this.stated = stated;
    state(stated);
    window.sessionStorage.setItem(KEY, JSON.stringify(stated));
  }

  /** Nobody inherits what the last person at this screen stated. */
  forget(): void {
    this.choose(NOTHING_STATED);
    this.regulation = null;
    this.choosing = false;
  }

  /** Purposes this account may state, for a right or for any. */
  offered(right = ""): { id: string; vi: string; en: string }[] {
    return this.regulation ? mayState(this.regulation, right) : [];
  }

  needs(right: string): Needed {
    return this.regulation ? needed(this.regulation, right) : { purpose: false, case: false, reason: false, second: false };
  }
}

export const purpose = new Purpose();
