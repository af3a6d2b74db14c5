// Where the person is who typed the command. A script runner starts this program in its source's folder: npm and Deno say where they were
// called, Bun does not.
// Never trusts what another script runner, further out, has left in the environment.

import { realpathSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import process from "node:process";

/** What a process knows of its start. */
export interface CallerStart {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: () => string;
}

export interface Caller {
  /** Null: nobody says where that is. */
  readonly folder: string | null;
  /** The program's file, which can be run from anywhere. */
  readonly main: string;
}

/** Null: no script runner stands between, so whoever typed it is in the working directory. */
export function callerOf(start: CallerStart = process): Caller | null {
  const { argv, env } = start;
  const [, main = ""] = argv;
  if (!/[\\/]src[\\/]main\.ts$/.test(main)) return null;
  const root = dirname(dirname(main));
  const [runner = ""] = (env["npm_config_user_agent"] ?? "").split("/");
  // Deno's names no script of its own.
  const isScript =
    runner === "deno" ? env["npm_lifecycle_event"] === undefined : isSame(env["npm_package_json"], join(root, "package.json"));
  if (!isScript || !isSame(root, start.cwd())) return null;
  const folder = env["INIT_CWD"] ?? "";
  return { folder: runner !== "bun" && isAbsolute(folder) ? folder : null, main };
}

/** The environment without what a script runner has told the program of its own package, such as the folder that npm installs into. */
export function callerEnvironment(start: CallerStart = process): Readonly<Record<string, string | undefined>> {
  const caller = callerOf(start);
  if (caller === null) return start.env;
  const kept = Object.entries(start.env).filter(([name]) => name !== "INIT_CWD" && !/^npm_/i.test(name));
  return { ...Object.fromEntries(kept), ...(caller.folder === null ? {} : { PWD: caller.folder }) };
}

/** The path that somebody has typed, as this process reaches it. */
export function typedPath(path: string, start: CallerStart = process): string {
  const folder = callerOf(start)?.folder ?? null;
  return folder === null ? path : resolve(folder, path);
}

function isSame(path: string | undefined, other: string): boolean {
  try {
    return path !== undefined && realpathSync(path) === realpathSync(other);
  } catch {
    return false;
  }
}
