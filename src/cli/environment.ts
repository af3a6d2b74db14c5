// Reads the files and the environment that a configuration is made of. No other file of the program does so.
// Never interprets them.

import { readFileSync, statSync, type Stats } from "node:fs";
import process from "node:process";
import { readConfig, type Config } from "../config/config.ts";
import { DEFAULT_ENV_FILE, isOwnEnvFile, mergeEnvironment, type ConfigSource } from "../config/source.ts";
import { textOfFile } from "../config/env-file.ts";
import { VARIABLES } from "../config/variables.ts";
import { typedPath } from "./caller.ts";
import { nameFaults } from "../models/name-faults.ts";
import { nearest } from "../models/nearest.ts";
import { runtime } from "../runtime/runtime.ts";
import { Redactor } from "../telemetry/redaction.ts";

/** The configuration for the server's command line. @throws ConfigError */
export function readConfiguration(commandLine: readonly string[]): Config {
  return readConfig(sourceOf(commandLine));
}

export function sourceOf(commandLine: readonly string[]): ConfigSource {
  return {
    environment: ownEnvironment(),
    arguments: commandLine,
    file: readFile,
    typedPath,
    redactor: new Redactor([]),
    nameFaults,
    nearest,
    memoryBytes: runtime.memoryBytes,
  };
}

export interface SourceHere {
  readonly source: ConfigSource;
  /** The text of the `.env` in the working directory; null: the source does not read it, or a person has named a file. */
  readonly envText: string | null;
  /** The variables of this program in a `.env` that is left alone. */
  readonly leftAlone: readonly string[];
}

/** For a command, which may run in any folder: a `.env` there that is another program's is left alone, unless the command examines it. */
export function sourceHere(envFile: string | null, { examines }: { readonly examines: boolean }): SourceHere {
  if (envFile !== null) return { source: sourceOf(["--env-file", envFile]), envText: null, leftAlone: [] };
  const source = sourceOf([]);
  const text = textHere();
  if (examines || text === undefined || isOwnEnvFile(text ?? "")) return { source, envText: text ?? null, leftAlone: [] };
  const leftAlone = Object.keys(mergeEnvironment({}, text ?? "")).filter((name) => Object.hasOwn(VARIABLES, name));
  return { source: withoutEnvFile(source), envText: null, leftAlone };
}

/** Null: there is no such file. Undefined: it can't be read, which the configuration will report. */
function textHere(): string | null | undefined {
  try {
    return readFile(DEFAULT_ENV_FILE);
  } catch (error) {
    // Python keeps its environments in folders of that name.
    return codeOf(error) === FOLDER ? null : undefined;
  }
}

/** A sentence for somebody whose settings are missing. Empty: a file was named, or there is a `.env`. */
export function missingEnvFile(envFile: string | null): string {
  if (envFile !== null || !runtime.mayRead(".") || textHere() !== null) return "";
  return ` There is no .env in ${process.cwd()}; --env-file PATH reads another.`;
}

/** The same source as if there were no `.env`. */
export function withoutEnvFile(source: ConfigSource): ConfigSource {
  return { ...source, file: (path) => (path === DEFAULT_ENV_FILE ? null : source.file(path)) };
}

/** Without what the runtime has read from files, because they may change. */
function ownEnvironment(): Readonly<Record<string, string | undefined>> {
  const loaded = new Set(loadedNames(isSame));
  return loaded.size === 0 ? process.env : Object.fromEntries(Object.entries(process.env).filter(([name]) => !loaded.has(name)));
}

/** Takes out of this process's environment what the runtime has read from files, which may be another program's. */
export function forgetLoaded(): void {
  for (const name of loadedNames((loaded) => isSame(loaded) || isExpanded(loaded))) Reflect.deleteProperty(process.env, name);
}

interface Loaded {
  readonly name: string;
  /** As the file says it. */
  readonly value: string;
  /** As the environment says it. */
  readonly current: string;
}

function loadedNames(isLoaded: (loaded: Loaded) => boolean): string[] {
  return runtime.envFiles.flatMap((file) =>
    Object.entries(mergeEnvironment({}, textOrNone(file))).flatMap(([name, value = ""]) => {
      const current = process.env[name];
      return current !== undefined && isLoaded({ name, value, current }) ? [name] : [];
    }),
  );
}

function isSame({ value, current }: Loaded): boolean {
  return value === current;
}

/** Bun puts other variables in where a value names them behind a $. Asked only of what decides where keys go: others may name themselves. */
function isExpanded({ name, value, current }: Loaded): boolean {
  if (!Object.hasOwn(VARIABLES, name) && !/^(?:https?_proxy|all_proxy|node_tls_reject_unauthorized)$/i.test(name)) return false;
  const fixed = value.split(/\\?\$(?:\{[^}]*\}|\w+)/).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`));
  return new RegExp(`^${fixed.join("[^]*")}$`).test(current);
}

/** However large it is: the runtime has read it. */
function textOrNone(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** The text of a file, at most 1 MiB; null: it does not exist, or this process may not look for it (Deno without --allow-read). */
export function readFile(path: string): string | null {
  try {
    // A process's first exception costs an executable up to a third of its start, since it reads its source map.
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return null;
    const fault = HANDED_OVER.test(path) ? null : faultOf(found);
    if (fault !== null) throw unreadable(fault);
    const text = textOfFile(readFileSync(path));
    if (text === null) throw unreadable("not UTF-8 or UTF-16");
    return text;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    if (!isNotCapable(error)) throw error;
    // Nobody has asked for this one.
    if (path === DEFAULT_ENV_FILE) return null;
    throw unreadable("Deno needs --allow-read for it");
  }
}

const FOLDER = "a folder";
const MEBIBYTE = 1024 ** 2;
/** A shell's `<(command)`, and an empty device. */
const HANDED_OVER = /^\/dev\/(?:fd\/\d+|stdin|null)$/;

/** Why a file is not read: a pipe may never end, nor a device. Null: it is read. */
function faultOf(found: Stats): string | null {
  if (found.isDirectory()) return FOLDER;
  if (!found.isFile()) return "not a regular file";
  return found.size > MEBIBYTE ? "larger than 1 MiB" : null;
}

function unreadable(code: string): Error {
  return Object.assign(new Error("This is no text."), { code });
}

/** Whether Deno was started without the permission. Its message says which. */
export function isNotCapable(error: unknown): error is Error {
  return error instanceof Error && error.name === "NotCapable";
}

/** The system's message for an error. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Whether standard output is a terminal with colours, and nobody asked for none (no-color.org). */
export function showsColours(): boolean {
  return runtime.isTerminal("stdout") && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
}
