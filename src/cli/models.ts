// Lists the models. The command's options are here; its implementation is loaded when it runs.

import type { Command } from "./command.ts";

const LIST: Command = {
  name: "models",
  summary: "Lists the models with their protocol, pool, credits, context window, price, aliases and fallback.",
  operands: ["[NAME]"],
  options: {},
  examples: ["models", "models claude", "models --json"],
  run: async (input, context) => (await import("./model-list.ts")).listModels(input, context),
};

export const MODELS: readonly Command[] = [LIST];
