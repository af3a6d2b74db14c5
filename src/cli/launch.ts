// Launches an agent on this server. The command's options are here; its implementation is loaded when it runs.

import { AGENTS } from "./agents/agents.ts";
import type { Command } from "./command.ts";

const LAUNCH_AGENT: Command = {
  name: "launch",
  summary: `Runs a coding agent through this server, without changing its files: ${AGENTS.map(({ id }) => id).join(", ")}.`,
  operands: ["AGENT"],
  rest: "ARGUMENTS",
  options: {
    model: { value: "name", help: "The model. Default: the agent's own choice, or one that suits the agent." },
    key: {
      value: "name",
      help: "The client key to use, with its limits. Default: a temporary key that is removed when the agent exits.",
    },
  },
  examples: [
    "launch claude",
    "launch claude --model glm-5.2",
    "launch codex --model claude-opus-5 -- --search",
    'launch gemini --key alice -- -p "What does this project do?"',
  ],
  run: async (input, context) => (await import("./launch-session.ts")).launch(input, context),
};

export const LAUNCH: readonly Command[] = [LAUNCH_AGENT];
