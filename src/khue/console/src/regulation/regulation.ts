import { json, query, type Words } from "../api/client";
import { NEEDS, type Mine, type Named, type Need, type Now, type RuleTerms } from "./types";

export interface Version {
  id: string;
  title: string;
  title_en: string;
  document: string;
  digest: string;
  loaded: string;
  loaded_by: string;
  state: "in_force" | "scheduled" | "past" | "loaded";
  valid_from: string | null;
  activated: string | null;
  activated_by: string | null;
}

export interface Rule extends RuleTerms {
  kind: string;
  right: string;
}

export type Settings = Record<string, unknown>;

export interface FullVersion extends Version {
  clauses: Named[];
  rules: Rule[];
  kinds: Named[];
  rights: Named[];
  purposes: Named[];
  settings: Settings;
}

export interface RuleChange {
  kind: string;
  right: string;
  before: RuleTerms | null;
  after: RuleTerms | null;
  posts: number | null;
  people: number | null;
}

export interface ClauseChange {
  id: string;
  before: Words | null;
  after: Words | null;
}

export interface SettingChange {
  key: string;
  before: unknown;
  after: unknown;
}

export interface Diff {
  clauses: ClauseChange[];
  rules: RuleChange[];
  settings: SettingChange[];
}

export interface CaseResult {
  name: string;
  name_en: string;
  ok: boolean;
  expected: string;
  got: string;
}

export interface TestResult {
  passed: number;
  failed: number;
  cases: CaseResult[];
}

const at = (id: string): string => `/regulation/versions/${encodeURIComponent(id)}`;

export const regulation = {
  now: () => json<Now>("/regulation/now"),
  versions: () => json<{ items: Version[] }>("/regulation/versions"),
  version: (id: string) => json<FullVersion>(at(id)),
  diff: (from: string, to: string) => json<Diff>(`/regulation/diff${query({ from, to })}`),
  load: (files: Record<string, string>) => json<Version>("/regulation/versions", "POST", { files }),
  test: (id: string) => json<TestResult>(`${at(id)}/test`, "POST", {}),
  withdraw: (id: string, reason: string) => json<Version>(`${at(id)}/withdraw`, "POST", { reason }),
  activate: (id: string, reason: string, valid_from: string | null) =>
    json<{ version: string; valid_from: string }>(`${at(id)}/activate`, "POST", {
      reason,
      ...(valid_from ? { valid_from } : {}),
    }),
};

export interface Article {
  head: Named;
  clauses: Named[];
}

/** Articles ("5") with their clauses ("5.1"), in the order people count. */
export function articles(clauses: readonly Named[]): Article[] {
  const sorted = [...clauses].sort((a, b) => compareIds(a.id, b.id));
  const found = new Map<string, Article>();
  for (const one of sorted) {
    const [number = one.id] = one.id.split(".");
    if (one.id === number) found.set(number, { head: one, clauses: [] });
    else {
      const article = found.get(number) ?? { head: { id: number, vi: "", en: "" }, clauses: [] };
      article.clauses.push(one);
      found.set(number, article);
    }
  }
  return [...found.values()];
}

/** 4.2 before 4.10 before 5. */
export function compareIds(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** Rules by kind of post and right: `rule("ward_police", "live")`. */
export function matrix(rules: readonly Rule[]): (kind: string, right: string) => Rule | null {
  const cells = new Map(rules.map((rule) => [`${rule.kind} ${rule.right}`, rule]));
  return (kind, right) => cells.get(`${kind} ${right}`) ?? null;
}

/** What must be given, in the order people say it. */
export function needsOf(rule: RuleTerms | Mine): Need[] {
  return NEEDS.filter((need) => ("needs" in rule ? rule.needs.includes(need) : rule[`needs_${need}`]));
}

/** What a change of a rule means to those it is about. */
export const effectOf = (change: RuleChange): "gained" | "lost" | "changed" =>
  change.before === null ? "gained" : change.after === null ? "lost" : "changed";

/** The regulation's own words for one of its identifiers. */
export const named = (list: readonly Named[], id: string, language: "vi" | "en"): string =>
  list.find((one) => one.id === id)?.[language] ?? id;

/** Letters without their marks, so that "dieu" finds "Điều". */
export const plain = (text: string): string =>
  text.toLowerCase().replaceAll("đ", "d").normalize("NFD").replace(/\p{M}/gu, "");
