// Adds, changes and lists client keys in the store. A running server takes the change over by itself.

import { CommandError, type Command } from "./command.ts";

export const KEYS: readonly Command[] = [
  {
    name: "keys list",
    summary: "Lists the keys.",
    operands: [],
    options: {},
    examples: ["keys list"],
    run: () => {
      throw CommandError.failed("There are no keys yet.");
    },
  },
];
