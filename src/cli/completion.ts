// Prints a shell's completion script.

import { CommandError, type Command } from "./command.ts";
import { completionScript, SHELLS } from "./completion-scripts.ts";

/** @param commands all commands */
export function completionCommand(commands: () => Promise<readonly Command[]>): Command {
  return {
    name: "completion",
    summary: `Prints a script that completes commands and options: ${SHELLS.join(", ")}.`,
    operands: ["SHELL"],
    options: {},
    examples: [
      "completion bash >> ~/.bash_completion",
      'completion zsh > "${fpath[1]}/_factory-proxy"',
      "completion fish > ~/.config/fish/completions/factory-proxy.fish",
    ],
    async run(input, { print }) {
      const shell = SHELLS.find((name) => name === input.operand(0));
      if (shell === undefined) throw CommandError.wrongUse(`Unknown shell. Known shells: ${SHELLS.join(", ")}.`);
      print(completionScript(shell, await commands()));
    },
  };
}
