// Reports who used what.

import { CommandError, type Command } from "./command.ts";

export const USAGE: readonly Command[] = [
  {
    name: "usage",
    summary: "Reports today's usage by model.",
    operands: [],
    options: {},
    examples: ["usage"],
    run: () => {
      throw CommandError.failed("There are no reports yet.");
    },
  },
];
