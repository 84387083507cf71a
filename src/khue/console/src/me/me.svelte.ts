import { ApiError } from "../api/client";
import { account, type Me } from "./me";

/** One's own account as the centre knows it; null until it was asked. */
class Self {
  me = $state.raw<Me | null>(null);
  error = $state.raw<ApiError | null>(null);

  async load(): Promise<void> {
    try {
      this.me = await account.me();
      this.error = null;
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      this.error = reason;
    }
  }

  forget(): void {
    this.me = null;
    this.error = null;
  }
}

export const self = new Self();
