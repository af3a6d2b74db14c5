// The doctor's tools: this process's environment, network and programs.

import type { ChildProcess } from "node:child_process";
import process from "node:process";
import spawn from "cross-spawn";
import { readSettings } from "../config/source.ts";
import { runtime } from "../runtime/runtime.ts";
import { dataFolder } from "./data-folder.ts";
import type { DoctorWorld, Environment } from "./doctor-check.ts";
import { sourceOf } from "./environment.ts";
import { SECRETS } from "./launch-environment.ts";
import { after } from "./command-run.ts";

export function doctorWorld(): DoctorWorld {
  const { platform } = process;
  return {
    fetch: (url, init) => fetch(url, init),
    after,
    monotonic: () => performance.now(),
    platform,
    shell: sourceOf([]).environment,
    variables: (envFile) => readSettings(sourceOf(envFile === null ? [] : ["--env-file", envFile])).environment,
    dataDir: dataFolder({ environment: process.env, platform }),
    runtime: runtime.name,
    outputOf,
  };
}

const LIMIT_MS = 8_000;

/** The program gets none of this server's secrets. */
function outputOf(path: string, words: readonly string[]): Promise<string | null> {
  const env: Environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SECRETS.includes(name)));
  return new Promise((resolve) => {
    const child = started(path, words, env);
    if (child === null) return resolve(null);
    let text = "";
    const cancelTimer = after(LIMIT_MS, () => {
      // Deno loses track of a child after its own method has sent it a signal.
      if (child.pid !== undefined) end(child.pid);
      resolve(null);
    });
    const settle = (output: string | null): void => {
      cancelTimer();
      resolve(output);
    };
    child.stdout?.on("data", (bytes) => (text += String(bytes)));
    child.once("error", () => settle(null));
    child.once("close", () => settle(text));
  });
}

/** Null: it can't be run; on Deno that takes --allow-run. */
function started(path: string, words: readonly string[], environment: Environment): ChildProcess | null {
  try {
    return spawn(path, [...words], { stdio: ["ignore", "pipe", "ignore"], env: { ...environment } });
  } catch {
    return null;
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
