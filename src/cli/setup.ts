// Sets an agent up permanently. The command's options are here; its implementation is loaded when it runs.

import { homedir, hostname } from "node:os";
import process from "node:process";
import { runtime } from "../runtime/runtime.ts";
import { AGENTS } from "./agents/agents.ts";
import type { Command } from "./command.ts";
import type { SetupWorld } from "./setup-session.ts";

/** The command for a home folder and variables. */
export function setupIn(world: SetupWorld): Command {
  return {
    name: "setup",
    summary: `Points a coding agent at this server for good, by its own settings files: ${AGENTS.map(({ id }) => id).join(", ")}.`,
    operands: ["[AGENT]"],
    options: {
      show: { value: null, help: "Shows what would change, and writes nothing. This is the default." },
      write: { value: null, help: "Shows what changes, asks, and writes it." },
      undo: { value: null, help: "Makes the files what they were. What was edited since stays; our lines go." },
      yes: { value: null, help: "Writes without asking. Needed where there is no terminal." },
      all: { value: null, help: "With --show: all agents." },
      model: { value: "name", help: "A model; again for further ones. The first is the one to begin with." },
      url: { value: "url", help: "This server's address. Default: http://127.0.0.1 and the configured port." },
      key: {
        value: "name",
        help: "A key of PROXY_API_KEY. Default: FACTORY_PROXY_KEY, otherwise one key for all agents of this machine, which the last undo removes.",
      },
    },
    examples: [
      "setup claude",
      "setup claude --write --model glm-5.2",
      "setup codex --write --yes",
      "setup codex --undo",
      "setup --all --show",
    ],
    run: async (input, context) => (await import("./setup-session.ts")).setup(input, context, world),
  };
}

const HOME = process.env[process.platform === "win32" ? "USERPROFILE" : "HOME"] ?? homedir();
/** Deno would prompt the person for the permission. */
const MACHINE = runtime.name.startsWith("bun") ? hostname() : (process.env["COMPUTERNAME"] ?? process.env["HOSTNAME"] ?? "");

export const SETUP: readonly Command[] = [setupIn({ home: HOME, machine: MACHINE, environment: process.env, platform: process.platform })];
