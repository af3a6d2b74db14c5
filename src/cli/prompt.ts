// Asks a person at the terminal, by @clack/prompts, which is loaded with the first question.
// Never asks where what is typed, or what is asked, does not go through a terminal.

import process from "node:process";
import type { Context } from "./command.ts";

/** `written` resolves when what the question is about can be read. */
export function terminalAsk(written: () => Promise<void>): Context["ask"] {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  return async (message) => {
    const { confirm } = await import("@clack/prompts");
    await written();
    // Ctrl-C is a key for the prompt on Bun, and a signal on Deno, which would leave the terminal without its cursor.
    const interrupted = new AbortController();
    const interrupt = (): void => interrupted.abort();
    process.once("SIGINT", interrupt);
    try {
      const { stdin: input, stderr: output } = process;
      // Without an answer it resolves to a symbol.
      return (await confirm({ message, initialValue: false, input, output, signal: interrupted.signal })) === true;
    } finally {
      process.off("SIGINT", interrupt);
    }
  };
}
