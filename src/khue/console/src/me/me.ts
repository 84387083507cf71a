import { json } from "../api/client";
import type { Account } from "../api/types";

export interface Passkey {
  id: string;
  name: string;
  created: string;
  last_used: string | null;
}

export interface Me {
  account: Account;
  posts: { id: string; title: string; title_en: string; agency_name: string; kind: string; valid_to: string | null }[];
  totp: boolean;
  passkeys: Passkey[];
  recovery_left: number;
  sessions: number;
  must: ("password" | "second")[];
  /** Nothing but these settings answers until what must be done is done. */
  held: boolean;
}

export interface OpenSession {
  id: string;
  created: string;
  last_seen: string;
  expires: string;
  address: string;
  agent: string;
  method: string;
  current: boolean;
}

export interface NewTotp {
  secret: string;
  uri: string;
  /** A drawing, SVG. */
  qr: string;
}

export interface Token {
  id: string;
  name: string;
  created: string;
  expires: string;
  grants: string[] | null;
  last_used: string | null;
}

export interface HeldGrant {
  id: string;
  holder: string;
  rights: string[];
  basis: string;
}

const one = (room: string, id: string): string => `${room}/${encodeURIComponent(id)}`;

export const account = {
  me: () => json<Me>("/me"),
  password: (old: string, fresh: string) => json<void>("/session/password", "POST", { old, new: fresh }),

  sessions: () => json<{ items: OpenSession[] }>("/me/sessions"),
  endSession: (id: string) => json<void>(one("/me/sessions", id), "DELETE"),
  endOthers: () => json<void>("/me/sessions", "DELETE"),

  beginTotp: () => json<NewTotp>("/me/totp", "POST"),
  confirmTotp: (code: string) => json<{ recovery: string[] }>("/me/totp/confirm", "POST", { code }),
  removeTotp: (password: string) => json<void>("/me/totp", "DELETE", { password }),
  renewRecovery: (password: string) => json<{ recovery: string[] }>("/me/recovery", "POST", { password }),

  passkeyOptions: () => json<{ options: PublicKeyCredentialCreationOptionsJSON }>("/me/passkeys/options", "POST", {}),
  addPasskey: (name: string, credential: unknown) => json<Passkey>("/me/passkeys", "POST", { name, credential }),
  removePasskey: (id: string) => json<void>(one("/me/passkeys", id), "DELETE"),

  tokens: () => json<{ items: Token[] }>("/tokens"),
  addToken: (name: string, expires_days: number, grants: string[] | null) =>
    json<Token & { token: string }>("/tokens", "POST", { name, expires_days, ...(grants ? { grants } : {}) }),
  removeToken: (id: string) => json<void>(one("/tokens", id), "DELETE"),
  grants: (id: string) => json<{ items: HeldGrant[] }>(`/grants?account=${encodeURIComponent(id)}&state=in_force`),
};

/** A browser and its system, as people call them, from what the browser says of itself. */
export function browserName(agent: string): string {
  const browser = [
    [/Edg\//, "Edge"],
    [/OPR\//, "Opera"],
    [/coc_coc/i, "Cốc Cốc"],
    [/Firefox\//, "Firefox"],
    [/Chrom(e|ium)\//, "Chrome"],
    [/Safari\//, "Safari"],
  ] as const;
  const system = [
    [/Android/, "Android"],
    [/iPhone|iPad/, "iOS"],
    [/Windows/, "Windows"],
    [/Mac OS X/, "macOS"],
    [/Linux/, "Linux"],
  ] as const;
  const found = [browser, system].map((list) => list.find(([mark]) => mark.test(agent))?.[1]);
  return found.filter(Boolean).join(", ") || agent || "–";
}

/** A secret in groups of four, for typing. */
export const grouped = (secret: string): string => secret.replace(/(.{4})(?=.)/g, "$1 ");
