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
    summary: `Points a coding agent at this server permanently, by editing its settings files: ${AGENTS.map(({ id }) => id).join(", ")}.`,
    operands: ["[AGENT]"],
    options: {
      show: { value: null, help: "Shows what would change, without writing. This is the default." },
      write: { value: null, help: "Shows the changes, asks, and writes them." },
      undo: { value: null, help: "Removes the lines that setup added. Your later edits are kept." },
      yes: { value: null, help: "Writes without asking. Required without a terminal." },
      all: { value: null, help: "Shows all agents; only with --show." },
      model: { value: "name", help: "A model to offer; repeatable. The first is the default." },
      url: { value: "url", help: "The server's address. Default: http://127.0.0.1 and the configured port." },
      key: {
        value: "name",
        help: "The name of a key in PROXY_API_KEY. Default: the key in FACTORY_PROXY_KEY, or one key that setup makes for all agents on this machine.",
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
