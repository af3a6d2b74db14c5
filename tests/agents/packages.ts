// Agents as people install them: from npm into the system's temporary folder, once; and a process of theirs, of which nothing stays behind.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** On npm. */
export interface Package {
  readonly package: string;
  readonly version: string;
  /** The program in the package. */
  readonly program: string;
}

export interface Ran {
  /** Null: it had to be ended. */
  readonly code: number | null;
  readonly printed: string;
}

const CACHE = join(tmpdir(), "factory-proxy-agents");
const INSTALL_LIMIT_MS = 600_000;

/** The path of the agent's program, installed if it is not. */
export async function install({ package: name, version, program }: Package): Promise<string> {
  const folder = join(CACHE, `${name.replaceAll(/[@/]/g, "_")}_${version}`);
  const path = join(folder, "node_modules/.bin", program);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  print(`Installing ${name}@${version} ...`);
  const words = ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel", "error", `${name}@${version}`];
  // npm may be told its registry and its proxy by the environment.
  const { code, printed } = await run(words, { folder, environment: process.env, limitMs: INSTALL_LIMIT_MS });
  if (code !== 0) throw new Error(`npm could not install ${name}@${version}:\n${printed}`);
  return path;
}

interface RunOptions {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly limitMs: number;
}

/** In a process group of its own, so that nothing of it stays behind. */
export function run([program = "", ...words]: readonly string[], { folder, environment, limitMs }: RunOptions): Promise<Ran> {
  const { PATH = "" } = process.env;
  const env = { PATH, TERM: "dumb", CI: "1", TMPDIR: tmpdir(), ...environment };
  const child = spawn(program, words, { cwd: folder, detached: true, env, stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  child.stdout.on("data", (chunk: Uint8Array) => (printed += new TextDecoder().decode(chunk)));
  child.stderr.on("data", (chunk: Uint8Array) => (printed += new TextDecoder().decode(chunk)));
  const endGroup = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  };
  const timer = setTimeout(endGroup, limitMs);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      clearTimeout(timer);
      // What it has printed may still be on the way.
      setTimeout(() => {
        endGroup();
        resolve({ code, printed });
      }, 200);
    });
  });
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
