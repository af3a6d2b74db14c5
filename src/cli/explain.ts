// Shows what becomes of a request. The command's options are here; its implementation is loaded when it runs.

import type { Command } from "./command.ts";

const SHOW: Command = {
  name: "explain",
  summary: "Shows what would be sent to Factory for a request, and what conversion would change or drop. Nothing is sent.",
  operands: ["[FILE]"],
  options: {
    route: { value: "path", help: "The path the request is for, e.g. /v1/messages. Default: guessed from its body." },
    model: { value: "name", help: "Replaces the request's model." },
  },
  examples: [
    "explain request.json",
    "explain request.json --model glm-5.2",
    "explain - --route /v1beta/models/gemini-3.5-flash:generateContent",
  ],
  run: async (input, context) => (await import("./explanation.ts")).explain(input, context),
};

export const EXPLAIN: readonly Command[] = [SHOW];
