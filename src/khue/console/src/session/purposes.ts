import type { Named, Now } from "../regulation/types";

export interface Needed {
  purpose: boolean;
  case: boolean;
  reason: boolean;
  second: boolean;
}

/** Purposes an account may state for a right (for any when ""), in the regulation's order. */
export function mayState(now: Now, right = ""): Named[] {
  const rules = now.mine.filter((rule) => !right || rule.right === right);
  const allowed = new Set(rules.flatMap((rule) => rule.purposes));
  return now.purposes.filter((one) => allowed.has(one.id));
}

/** What must be given for a right: what every post of the account that has it asks for; one post is enough to act. */
export function needed(now: Now, right: string): Needed {
  const rules = now.mine.filter((rule) => rule.right === right);
  const all = (needs: (rule: (typeof rules)[number]) => boolean): boolean => rules.length > 0 && rules.every(needs);
  return {
    // A default stands in for what nobody stated.
    purpose: all((rule) => rule.needs_purpose && rule.default_purpose === null),
    case: all((rule) => rule.needs_case),
    reason: all((rule) => rule.needs_reason),
    second: all((rule) => rule.needs_second),
  };
}
