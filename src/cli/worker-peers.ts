// What a worker asks the others, and answers them, by way of the process that started them.
// Never waits for a worker that does not answer.

import process from "node:process";
import type { After, Peers, Question } from "../runtime/ports.ts";
import { report, type Asked, type Order, type WorkerRole } from "./worker.ts";

/** One that is busy for longer is left out. */
const ANSWER_MS = 500;

export function peersOf({ index, count }: WorkerRole, after: After): Peers {
  const waiting = new Map<number, (answer: unknown) => void>();
  let lastId = 0;
  const answers = new Map<string, (question: Question) => unknown>();
  const answer = async (to: Asked, question: Question): Promise<void> => {
    const how = answers.get(question.about);
    if (how !== undefined) report({ report: "answer", to, answer: await how(question) });
  };
  process.on("message", (message: Order) => {
    if (message.order === "answer") void answer(message.to, message.question).catch(() => {});
    else if (message.order === "answered") waiting.get(message.id)?.(message.answer);
  });
  return {
    index,
    answers: (about, how) => void answers.set(about, how),
    ask(question) {
      const id = ++lastId;
      const found: unknown[] = [];
      return new Promise((resolve) => {
        const end = (): void => {
          takeBack();
          waiting.delete(id);
          resolve(found);
        };
        const takeBack = after(ANSWER_MS, end);
        waiting.set(id, (one) => {
          if (found.push(one) === count - 1) end();
        });
        report({ report: "ask", id, question });
      });
    },
  };
}
