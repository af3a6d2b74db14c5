// Reads the command line of the server: options that set variables, and switches.
// Never decides what a value means; config.ts does.

import { parseArgs } from "node:util";
import type { Fault, OptionValue } from "./settings.ts";
import { uvicornHint } from "./uvicorn.ts";
import { OPTIONS } from "./variables.ts";

export interface Arguments {
  readonly help: boolean;
  readonly version: boolean;
  /** Null: `.env` in the working directory, if it exists. */
  readonly envFile: string | null;
  /** Variables set on the command line; they win over the environment. */
  readonly options: readonly OptionValue[];
  readonly faults: readonly Fault[];
}

const FLAGS = OPTIONS.map(({ flag }) => flag);
const TAKING: ReadonlySet<string | undefined> = new Set(OPTIONS.flatMap(({ flag, value }) => (value === null ? [] : [flag])));
const SHORT: Readonly<Record<string, string>> = { "-h": "--help", "-v": "--version" };
const NO_OPTION = `is not an option. The options are ${FLAGS.map((flag) => `--${flag}`).join(", ")}`;
const STRAY = "is not an option. Run `factory-proxy serve --help` for a list";

/** The known names within this many edits, closest first. */
export type Nearest = (wanted: string, known: Iterable<string>, maxEdits: number) => string[];

/** Reads the command line. Never throws. Check `help` and `version` before calling `readConfig`. `nearest` finds what a misspelled option means. */
export function readArguments(commandLine: readonly string[], nearest: Nearest = () => []): Arguments {
  const { tokens } = parseArgs({
    // Otherwise each letter of `-abc` would be a token, and Deno counts each as a word.
    args: commandLine.map((word) => SHORT[word] ?? (/^-[^-]/.test(word) ? word.slice(0, 2) : word)),
    options: Object.fromEntries(OPTIONS.map(({ flag, value }) => [flag, { type: value === null ? "boolean" : "string" } as const])),
    strict: false,
    tokens: true,
  });
  const faults: Fault[] = [];
  const options: OptionValue[] = [];
  const switches = new Set<string>();
  let envFile: string | null = null;
  /** Positions of values that belong to misspelled options, or to options of uvicorn: they are not faults themselves. */
  let passed = -1;
  for (const token of tokens) {
    if (token.index === passed) continue;
    if (token.kind === "option-terminator") continue;
    const option = token.kind === "option" ? OPTIONS.find(({ flag }) => flag === token.name) : undefined;
    if (token.kind === "positional" || option === undefined) {
      const known = uvicornHint(token.kind === "option" ? token.rawName : "");
      if (known !== null) {
        faults.push({ name: known.name, value: null, problem: known.hint });
        if (known.takesValue && token.kind === "option" && !token.inlineValue) passed = token.index + 1;
        continue;
      }
      const isNamed = token.kind === "option" && token.rawName.startsWith("--") && token.rawName !== "--";
      if (isNamed) {
        const [meant] = nearest(token.name, FLAGS, 2);
        const problem = meant === undefined ? NO_OPTION : `is not an option; did you mean --${meant}?`;
        faults.push({ name: token.rawName, value: null, problem });
        if (TAKING.has(meant) && !token.inlineValue) passed = token.index + 1;
      } else {
        faults.push({ name: `Argument ${token.index + 1}`, value: commandLine[token.index] ?? null, problem: STRAY });
      }
    } else if (option.value === null) {
      if (token.inlineValue) faults.push({ name: token.rawName, value: null, problem: "takes no value" });
      else switches.add(option.flag);
    } else if (token.value === undefined || token.value === "" || (!token.inlineValue && token.value.startsWith("-"))) {
      faults.push({ name: token.rawName, value: null, problem: `needs a value: ${token.rawName} <${option.value}>` });
    } else if (option.variable === null) envFile = token.value;
    else options.push({ flag: option.flag, variable: option.variable, value: token.value });
  }
  return { help: switches.has("help"), version: switches.has("version"), envFile, options, faults };
}
