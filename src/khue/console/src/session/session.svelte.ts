import { api, ApiError, whenSignedOut } from "../api/client";
import type { Account, HalfSignedIn, SecondAnswer } from "../api/types";
import { usePasskey } from "./passkey";

/** Who is looking. `null` while signed out, `undefined` while the centre is asked. */
class Session {
  account = $state<Account | null | undefined>(undefined);
  /** The password was right and the second step is asked for. */
  half = $state.raw<HalfSignedIn | null>(null);
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
    const answer = await api.signIn(username, password);
    if ("ticket" in answer) this.half = answer;
    else this.#begin(answer.account);
  }

  /** The second step after the password. */
  async second(answer: SecondAnswer): Promise<void> {
    this.#begin((await api.second(this.half?.ticket ?? "", answer)).account);
  }

  /** A passkey in place of the password. Raises DOMException when the browser gave none. */
  async passkey(): Promise<void> {
    const { ticket, options } = await api.passkeyOptions();
    this.#begin((await api.passkey(ticket, await usePasskey(options))).account);
  }

  async signOut(): Promise<void> {
    await api.signOut();
    this.account = null;
    this.ended = false;
  }

  #begin(account: Account): void {
    this.account = account;
    this.half = null;
    this.ended = false;
  }

  #lost(): void {
    this.ended = this.account !== null && this.account !== undefined;
    this.account = null;
  }
}

export const session = new Session();
