// The sources of a configuration: the environment, the command line and files, all passed in as values. What they say, before it is
// interpreted.
// Never reads the environment or a file itself.

import { parseEnv } from "node:util";
import type { ModelSetting, NameFault } from "../models/catalog.ts";
import type { Redactor } from "../telemetry/redaction.ts";
import { readArguments, type Arguments, type Nearest } from "./arguments.ts";
import { strayLines } from "./env-file.ts";
import { Settings } from "./settings.ts";

export interface ConfigSource {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The command line without the program's own name. */
  readonly arguments: readonly string[];
  /** The text of a file; null: it does not exist, or may not be looked for. Throws when it can't be read. */
  readonly file: (path: string) => string | null;
  /** Where a path on the command line leads, seen from here. Absent: it is relative to the working directory. */
  readonly typedPath?: (path: string) => string;
  /** Masks what faults show; it need not know any secrets yet. */
  readonly redactor: Redactor;
  /** How much memory the program may use; null or absent: not known. Called where a share of it is configured. */
  readonly memoryBytes?: () => number | null;
  /** Returns names in rows of the model file that the built-in table can't take. Absent: it takes all. */
  readonly nameFaults?: (rows: readonly ModelSetting[]) => readonly NameFault[];
  /** Finds what a misspelled option means. Absent: no suggestions. */
  readonly nearest?: Nearest;
}

export interface Said {
  /** With the faults so far. */
  readonly settings: Settings;
  /** Including what the `.env` file adds. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export const DEFAULT_ENV_FILE = ".env";

/** The file of variables that counts, whether or not it exists. */
export function envFileOf(source: Pick<ConfigSource, "arguments" | "nearest" | "typedPath">): string {
  return argumentsOf(source).envFile ?? DEFAULT_ENV_FILE;
}

function argumentsOf({ arguments: commandLine, nearest, typedPath = (path) => path }: Parameters<typeof envFileOf>[0]): Arguments {
  const { envFile, options, ...others } = readArguments(commandLine, nearest);
  const located = options.map((option) => (option.variable === "CONFIG_PATH" ? { ...option, value: typedPath(option.value) } : option));
  return { ...others, envFile: envFile === null ? null : typedPath(envFile), options: located };
}

/** Whether the text of a `.env` is this program's: it names a key that no other program has. */
export function isOwnEnvFile(text: string): boolean {
  return OWN_NAME.test(text);
}

const OWN_NAME = /^\s*(?:export\s+)?(?:FACTORY_API_KEYS?|FACTORY_AI_TOKEN|PROXY_API_KEY)\b/m;

/** The environment plus what an `.env` text adds; the environment wins, even with an empty value. */
export function mergeEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  envText: string,
): Record<string, string | undefined> {
  const set = Object.entries(environment).filter(([, value]) => value !== undefined);
  return { ...parseEnv(envText.replace(/^\uFEFF/, "")), ...Object.fromEntries(set) };
}

/** Reads the command line and the `.env` file. */
export function readSettings(source: ConfigSource): Said {
  const { envFile, options, faults } = argumentsOf(source);
  const env = readText(source, envFile ?? DEFAULT_ENV_FILE);
  const environment = mergeEnvironment(source.environment, env.text ?? "");
  const settings = new Settings({ environment, options });
  settings.faults.push(...faults);
  if (env.problem !== null && (envFile !== null || !env.isMissing)) {
    const name = envFile === null ? "The environment file" : "--env-file";
    settings.faults.push({ name, value: envFile ?? DEFAULT_ENV_FILE, problem: env.problem });
  }
  for (const line of strayLines(env.text ?? "")) {
    const problem = "has no =. Write NAME=value, or start a comment with #";
    settings.faults.push({ name: `Line ${line} of the environment file`, value: null, problem });
  }
  return { settings, environment };
}

interface FileText {
  readonly text: string | null;
  /** What is wrong with the file; null: it was read. */
  readonly problem: string | null;
  readonly isMissing: boolean;
}

export function readText(source: ConfigSource, path: string): FileText {
  try {
    const text = source.file(path);
    if (text !== null) return { text, problem: null, isMissing: false };
    return { text, problem: "must be an existing file", isMissing: true };
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    return { text: null, problem: `must be a readable file${reason}`, isMissing: false };
  }
}
