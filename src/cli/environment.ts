// Reads the files and the environment that a configuration is made of. No other file of the program does so.
// Never interprets them.

import { readFileSync, statSync, type Stats } from "node:fs";
import process from "node:process";
import { readConfig, type Config } from "../config/config.ts";
import { DEFAULT_ENV_FILE, mergeEnvironment, type ConfigSource } from "../config/source.ts";
import { textOfFile } from "../config/env-file.ts";
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
    redactor: new Redactor([]),
    nameFaults,
    nearest,
    memoryBytes: runtime.memoryBytes,
  };
}

/** Without what the runtime has read from `.env`, because that file may change. */
function ownEnvironment(): Readonly<Record<string, string | undefined>> {
  if (!runtime.loadsEnvFile) return process.env;
  const loaded = mergeEnvironment({}, readFile(DEFAULT_ENV_FILE) ?? "");
  return Object.fromEntries(Object.entries(process.env).filter(([name, value]) => loaded[name] !== value));
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
    if (codeOf(error) === "ENOENT" || (error instanceof Error && error.name === "NotCapable")) return null;
    throw error;
  }
}

const MEBIBYTE = 1024 ** 2;
/** A shell's `<(command)`, and an empty device. */
const HANDED_OVER = /^\/dev\/(?:fd\/\d+|stdin|null)$/;

/** Why a file is not read: a pipe may never end, nor a device. Null: it is read. */
function faultOf(found: Stats): string | null {
  if (found.isDirectory()) return "a folder";
  if (!found.isFile()) return "not a regular file";
  return found.size > MEBIBYTE ? "larger than 1 MiB" : null;
}

function unreadable(code: string): Error {
  return Object.assign(new Error("This is no text."), { code });
}

/** The system's message for an error. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
