// Sets an agent up for good: shows what would change in its files, writes it, and undoes it to the byte.
// Never writes before it has shown the difference, and never without a yes.

import { homedir } from "node:os";
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { AGENT_NAMES, agentNamed } from "./agent-choice.ts";
import { AGENTS } from "./agents/agents.ts";
import { CommandError, type Command, type Context, type Input } from "./command.ts";
import { SetupDesk, type SetupWorld } from "./setup-desk.ts";

const MODES = ["show", "write", "undo"] as const;

/** The command in a world: its home folder, its variables, who can be asked. */
export function setupIn(world: SetupWorld): Command {
  return {
    name: "setup",
    summary: "Points a coding agent at this server for good, by its own settings files, with an exact undo.",
    operands: ["[AGENT]"],
    options: {
      show: { value: null, help: "Shows what would change, and writes nothing. This is the default." },
      write: { value: null, help: "Shows what changes, asks, and writes it." },
      undo: { value: null, help: "Makes the files what they were. What was edited since stays; our lines go." },
      yes: { value: null, help: "Writes without asking. Needed where there is no terminal." },
      all: { value: null, help: "With --show: all agents." },
      model: { value: "name", help: "A model; again for further ones. The first is the one to begin with." },
      url: { value: "url", help: "This server's address. Default: http://127.0.0.1 and the configured port." },
      key: { value: "name", help: "A key of PROXY_API_KEY. Default: FACTORY_PROXY_KEY, otherwise a key is made, which the undo removes." },
    },
    examples: [
      "setup claude",
      "setup claude --write --model glm-5.2",
      "setup codex --write --yes",
      "setup codex --undo",
      "setup --all --show",
    ],
    run: (input, context) => run(input, context, world),
  };
}

async function run(input: Input, context: Context, world: SetupWorld): Promise<number> {
  const modes = MODES.filter((mode) => input.has(mode));
  if (modes.length > 1) throw CommandError.wrongUse(`--${modes[0]} and --${modes[1]} say two things.`);
  const [mode = "show"] = modes;
  const desk = new SetupDesk(input, context, world);
  if (input.has("all")) {
    if (mode !== "show" || input.operand(0) !== "") {
      throw CommandError.wrongUse("--all shows what would change for every agent. They are written and undone one by one.");
    }
    return desk.showAll(AGENTS);
  }
  if (input.operand(0) === "") throw CommandError.wrongUse(`AGENT is missing: ${AGENT_NAMES}. See factory-proxy setup --help.`);
  const agent = agentNamed(input.operand(0));
  if (mode === "show") return desk.show(agent);
  if (mode === "undo") return desk.undo(agent);
  if (world.ask === null && !input.has("yes")) {
    throw CommandError.wrongUse(
      "Nobody can be asked here, as this is no terminal. Look at it with --show, then write it with --write --yes.",
    );
  }
  return desk.write(agent);
}

/** Nobody: what is typed, or what is asked, does not go through a terminal. */
function terminalAsk(): SetupWorld["ask"] {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  return async (question) => {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return /^y(?:es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
    } catch {
      return false;
    } finally {
      terminal.close();
    }
  };
}

export const SETUP: readonly Command[] = [
  setupIn({ home: homedir(), environment: process.env, platform: process.platform, ask: terminalAsk() }),
];
