// What a worker asks the others, and answers them, by way of the process that started them.
// Never waits for a worker that does not answer.

import process from "node:process";
import type { After, Peers, Question } from "../runtime/ports.ts";
import { report, type Asked, type Order, type WorkerRole } from "./worker.ts";

/** One that is busy for longer is left out. */
const ANSWER_MS = 2000;

interface Waiting {
  readonly found: unknown[];
  /** How many will answer; infinite until that is known. */
  count: number;
  readonly end: () => void;
}

export function peersOf({ index }: WorkerRole, after: After): Peers {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  const answers = new Map<string, (question: Question) => unknown>();
  const answer = async (to: Asked, question: Question): Promise<void> => {
    const how = answers.get(question.about);
    if (how !== undefined) report({ report: "answer", to, answer: await how(question) });
  };
  process.on("message", (message: Order) => {
    if (message.order === "answer") return void answer(message.to, message.question).catch(() => {});
    if (message.order !== "asked" && message.order !== "answered") return;
    const asked = waiting.get(message.id);
    if (asked === undefined) return;
    if (message.order === "asked") asked.count = message.count;
    else asked.found.push(message.answer);
    if (asked.found.length >= asked.count) asked.end();
  });
  return {
    index,
    answers: (about, how) => void answers.set(about, how),
    ask(question) {
      const id = ++lastId;
      return new Promise((resolve) => {
        const found: unknown[] = [];
        const end = (): void => {
          takeBack();
          waiting.delete(id);
          resolve(found);
        };
        const takeBack = after(ANSWER_MS, end);
        waiting.set(id, { found, count: Infinity, end });
        report({ report: "ask", id, question });
      });
    },
  };
}
