// A first try without a key. The command's options are here; its implementation is loaded when it runs.

import type { Command } from "./command.ts";

const TRY: Command = {
  name: "demo",
  summary: "Starts a demo server that needs no Factory key: a script stands in for Factory and echoes each question.",
  operands: [],
  options: { port: { value: "number", help: "The port to listen on. Default: PORT, or 8000." } },
  examples: ["demo", "demo --port 8080"],
  run: async (input, context) => (await import("./demo-session.ts")).demo(input, context),
};

export const DEMO: readonly Command[] = [TRY];
