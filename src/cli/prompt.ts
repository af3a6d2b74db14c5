// Asks a person at the terminal with @clack/prompts, which is loaded with the first question.
// Never asks where input or output is not a terminal.

import process from "node:process";
import type { Context } from "./command.ts";

/** `written` resolves when the text that the question refers to has been printed. */
export function terminalAsk(written: () => Promise<void>): Context["ask"] {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  return async (message) => {
    const { confirm } = await import("@clack/prompts");
    await written();
    // Ctrl-C is a key for the prompt on Bun, but a signal on Deno, which would leave the terminal without its cursor.
    const interrupted = new AbortController();
    const interrupt = (): void => interrupted.abort();
    process.once("SIGINT", interrupt);
    try {
      const { stdin: input, stderr: output } = process;
      // When cancelled it resolves to a symbol.
      return (await confirm({ message, initialValue: false, input, output, signal: interrupted.signal })) === true;
    } finally {
      process.off("SIGINT", interrupt);
    }
  };
}
