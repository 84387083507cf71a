import { api, ApiError, whenSignedOut } from "../api/client";
import type { Account } from "../api/types";

/** Who is looking. `null` while signed out, `undefined` while the centre is asked. */
class Session {
  account = $state<Account | null | undefined>(undefined);
  /** The session ended while somebody worked with it. */
  ended = $state(false);

  constructor() {
    whenSignedOut(() => this.#lost());
  }

  /** Asks the centre who we are; keeps the last answer while it cannot be reached. */
  async verify(): Promise<void> {
    try {
      this.account = (await api.session()).account;
    } catch (reason) {
      const refused = reason instanceof ApiError && (reason.status === 401 || reason.status === 403);
      if (refused) this.#lost();
      else if (this.account === undefined) this.account = null;
    }
  }

  async signIn(username: string, password: string): Promise<void> {
    this.account = (await api.signIn(username, password)).account;
    this.ended = false;
  }

  async signOut(): Promise<void> {
    await api.signOut();
    this.account = null;
    this.ended = false;
  }

  #lost(): void {
    this.ended = this.account !== null && this.account !== undefined;
    this.account = null;
  }
}

export const session = new Session();
