// Shows what becomes of a request. The command's options are here; its implementation is loaded when it runs.

import type { Command } from "./command.ts";

const SHOW: Command = {
  name: "explain",
  summary: "Shows what would be sent to Factory for a request, and what would be lost. Nothing is sent.",
  operands: ["[FILE]"],
  options: {
    route: { value: "path", help: "Where the request would be sent here, e.g. /v1/messages. Default: what its body looks like." },
    model: { value: "name", help: "Instead of the request's own model." },
  },
  examples: [
    "explain request.json",
    "explain request.json --model glm-5.2",
    "explain - --route /v1beta/models/gemini-3.5-flash:generateContent",
  ],
  run: async (input, context) => (await import("./explanation.ts")).explain(input, context),
};

export const EXPLAIN: readonly Command[] = [SHOW];
