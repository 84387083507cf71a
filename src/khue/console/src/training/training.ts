import { json, type Words } from "../api/client";

export interface Step {
  text: Words;
  done: boolean;
  /** It wants something typed in. */
  asks: boolean;
  answer: string;
}

export interface Exercise {
  id: string;
  title: Words;
  text: Words;
  steps: Step[];
  state: "new" | "started" | "passed";
  passed_at: string | null;
}

const at = (id: string): string => `/training/exercises/${encodeURIComponent(id)}`;

export const training = {
  exercises: () => json<{ items: Exercise[] }>("/training/exercises"),
  start: (id: string) => json<Exercise>(`${at(id)}/start`, "POST", {}),
  /** `answers` by number of the step, from 0, for steps that ask. */
  check: (id: string, answers: Readonly<Record<string, string>>) =>
    json<Exercise>(`${at(id)}/check`, "POST", { answers }),
};

/** How many of them are passed, and of an exercise how many steps are done. */
export const passed = (items: readonly Exercise[]): number => items.filter((one) => one.state === "passed").length;
export const done = (one: Exercise): number => one.steps.filter((step) => step.done).length;
