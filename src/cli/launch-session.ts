// One run of an agent on this server: a gateway, a temporary key, and the agent's environment. At the end, one line about its usage.
// Never touches a file of the person's.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { StoreError } from "../access/store.ts";
import { runtime } from "../runtime/runtime.ts";
import { agentNamed, modelFor } from "./agent-choice.ts";
import type { Agent, Place } from "./agents/agent.ts";
import { callerEnvironment, callerOf } from "./caller.ts";
import { CommandError, type Context, type Input } from "./command.ts";
import { runChild } from "./launch-child.ts";
import { environmentFor } from "./launch-environment.ts";
import { openLaunch, type OpenLaunch } from "./launch-gateway.ts";
import { usageLine, usageSince } from "./launch-usage.ts";
import { findProgram, foldersOfPath } from "./programs.ts";

export async function launch(input: Input, context: Context): Promise<number> {
  const agent = agentNamed(input.operand(0));
  const caller = callerOf();
  if (caller?.folder === null) {
    throw CommandError.failed(
      `bun run always starts in ${process.cwd()}, so ${agent.title} would work there. In your project, run: bun ${caller.main} launch ${agent.id}`,
    );
  }
  const path = findProgram(agent.program, { environment: process.env, platform: process.platform });
  const hidden = foldersOfPath(process.env, process.platform).find((folder) => !runtime.mayRead(folder));
  if (path === null && hidden !== undefined)
    throw CommandError.failed(`${agent.title} can't be found in ${hidden}: Deno needs --allow-read.`);
  if (path === null) throw CommandError.failed(`${agent.title} is not installed. Install it: npm install --global ${agent.package}`);
  const chosen = modelFor(agent, input.text("model"), context);
  const opened = await openLaunch(context, { agent: agent.id, key: input.text("key"), envFile: input.text("env-file") });
  const code = await runOn(opened, { agent, path, chosen, typed: input.rest, workFolder: caller?.folder ?? process.cwd(), context });
  if (!context.config().ledger) return code;
  // The terminal may be gone by now, so everything that matters has been done before.
  const { store, sinceMs, kind } = opened;
  const { name } = opened.key;
  const usage = store === null ? null : await told(usageSince(store, { key: name, sinceMs, isOwn: kind === "own" }), context);
  if (usage === null) return code;
  context.note(context.isJson ? JSON.stringify({ agent: agent.id, exitCode: code, key: name, ...usage }) : usageLine(name, usage));
  return code;
}

interface Running {
  readonly agent: Agent;
  /** The arguments of its program. */
  readonly path: string;
  readonly chosen: Pick<Place, "model" | "protocol" | "limits">;
  /** What a person typed for it. */
  readonly typed: readonly string[];
  /** Where it works. */
  readonly workFolder: string;
  readonly context: Context;
}

/** Resolves to the exit code, when the agent has ended and its key is removed. @throws CommandError */
async function runOn(opened: OpenLaunch, { agent, path, chosen, typed, workFolder, context }: Running): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "factory-proxy-launch-"));
  try {
    const { url, key } = opened;
    const { words, environment, files = {}, note } = agent.launch({ url, key: key.value, ...chosen, read: readOwn(agent), folder });
    for (const [name, text] of Object.entries(files)) writePrivate(join(folder, name), text);
    if (!context.isJson) {
      const server = { own: "its own server", running: "the server", demo: "the demo" }[opened.kind];
      context.note(
        `${agent.title}${chosen.model === null ? "" : ` on ${chosen.model}`}, through ${server} at ${url}, using the key ${key.name}.`,
      );
      if (opened.kind === "demo") context.note("Answers come from a script that echoes each question, not from a model.");
      if (note !== undefined) context.note(note);
    }
    const env = environmentFor(agent, { base: callerEnvironment(), added: environment, platform: process.platform });
    return await runChild(path, { words: [...words, ...typed], folder: workFolder, environment: env });
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    await told(opened.close(), context);
  }
}

/** The agent's own result counts, whatever happens to the store at the end: null where it can't be reached. */
async function told<Result>(result: Promise<Result>, context: Context): Promise<Result | null> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    context.note(error.message);
    return null;
  }
}

function readOwn({ reads }: Agent): string | null {
  const home = process.env[process.platform === "win32" ? "USERPROFILE" : "HOME"];
  if (reads === null || home === undefined) return null;
  try {
    return readFileSync(join(home, reads), "utf8");
  } catch {
    return null;
  }
}

/** It may hold a key. */
function writePrivate(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text, { mode: 0o600 });
}
