import { ApiError } from "../api/client";
import { requests, type Notice } from "./requests";

/** The feed of events says at once when there is something; this is for news it lost. */
const EVERY_MS = 60_000;

/** What the centre has to tell this person: requests, deadlines, emergencies, grants that end. */
class Notices {
  items = $state.raw<readonly Notice[]>([]);
  unread = $state(0);
  /** Open requests this person is asked to decide. */
  waiting = $state(0);
  #timer = 0;

  /** Asks now and from time to time, until the returned function is called. */
  watch(): () => void {
    void this.load();
    this.#timer = window.setInterval(() => void this.load(), EVERY_MS);
    return () => window.clearInterval(this.#timer);
  }

  async load(): Promise<void> {
    try {
      const answer = await requests.notices();
      this.items = answer.items;
      this.unread = answer.unread;
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason; // the header tells of a lost centre
    }
  }

  async read(): Promise<void> {
    const ids = this.items.filter((notice) => !notice.read).map((notice) => notice.id);
    if (ids.length === 0) return;
    try {
      await requests.readNotices(ids);
      this.items = this.items.map((notice) => ({ ...notice, read: true }));
      this.unread = 0;
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
    }
  }
}

export const notices = new Notices();
