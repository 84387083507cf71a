import type { Words } from "../api/client";

/** A word of the regulation: a purpose, a kind of post, a right, a clause. */
export interface Named extends Words {
  id: string;
}

export const NEEDS = ["purpose", "reason", "case", "second"] as const;
export type Need = (typeof NEEDS)[number];

/** What one kind of post may do by one right, and what has to be given for it. */
export interface RuleTerms {
  /** That may be stated. */
  purposes: string[];
  /** Taken when none is stated. */
  default_purpose: string | null;
  needs: Need[];
  clause: string;
}

/** What the regulation asks of one of one's own posts for one right. */
export interface Mine extends Omit<RuleTerms, "needs"> {
  post: string;
  title: string;
  title_en: string;
  right: string;
  needs_purpose: boolean;
  needs_reason: boolean;
  needs_case: boolean;
  needs_second: boolean;
}

/** The regulation in force. */
export interface Now {
  version: string;
  title: string;
  title_en: string;
  document: string;
  valid_from: string;
  purposes: Named[];
  kinds: Named[];
  rights: Named[];
  mine: Mine[];
  clauses: Named[];
  training: boolean;
}
