// What a command consists of: its options and operands, its --help, its tools. Parses a command line accordingly.
// Never runs a command; commands.ts does.

import { parseArgs, type InspectColor } from "node:util";
import type { Store } from "../access/store.ts";
import type { Config } from "../config/config.ts";
import { wrapped } from "../config/wrapped.ts";
import { nearest } from "../models/nearest.ts";
import { forTerminal } from "../telemetry/text-line.ts";

/** An option of a command. */
export interface Option {
  /** The placeholder for its value in the help; null for a switch. */
  readonly value: string | null;
  /** A sentence. */
  readonly help: string;
  /** The command checks that it is there: another option may stand for it. Absent: it is optional. */
  readonly isRequired?: true;
}

export interface Command {
  /** All its words: `version`, `keys add`. A command named like its group runs where no other word follows. */
  readonly name: string;
  /** A sentence. */
  readonly summary: string;
  /** What follows the name, in order: `NAME`, or `[FILE]` where it is optional. */
  readonly operands: readonly string[];
  /** What may follow `--`, which is passed on unread: `ARGUMENTS`. Absent: nothing. */
  readonly rest?: string;
  /** By name, without dashes. Every command has COMMON_OPTIONS too. */
  readonly options: Readonly<Record<string, Option>>;
  /** One-letter options with their dash, and the options that they stand for. Absent: only -h. */
  readonly short?: Readonly<Record<string, string>>;
  /** Examples: command lines without the program's name. */
  readonly examples: readonly string[];
  /** It examines what a server started here would read, so another program's `.env` counts too. */
  readonly examines?: true;
  /**
   * Returns the exit code where that is not 0. A CommandError, ConfigError or StoreError is shown to the person; any other exception is a bug
   * of this program.
   */
  readonly run: (input: Input, context: Context) => Promise<number | void> | number | void;
}

/** The `.env` of the working directory. */
export interface EnvHere {
  /** Its absolute path. */
  readonly path: string;
  readonly text: string;
  /** The configuration without it; null: there is none that could be used. */
  readonly without: Config | null;
}

/** What a command can use. */
export interface Context {
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Whether standard output is read by a program. */
  readonly isJson: boolean;
  /** The configuration that a server started here would have, but for a `.env` that is another program's. @throws ConfigError */
  readonly config: () => Config;
  /** What the `.env` of the working directory has to do with it; null: nothing, or a person has named that file. */
  readonly envHere: () => EnvHere | null;
  /** Opens the store at the first call and waits until it is reached. It is closed when the command has ended. @throws StoreError */
  readonly store: () => Promise<Store>;
  /** Prints one or more lines. */
  readonly print: (text: string) => void;
  /** Prints the value as JSON with --json, otherwise the text. */
  readonly show: (value: unknown, text: () => string) => void;
  /** Prints a line to standard error, after everything printed before: for the person, even if a program reads the output. */
  readonly note: (text: string) => void;
  /** Asks the person a yes-no question; resolves to the answer. Null: there is no terminal. */
  readonly ask: ((question: string) => Promise<boolean>) | null;
  /** Colours a text where a person reads it and wants colours. */
  readonly style: (format: InspectColor | InspectColor[], text: string) => string;
  /** The text of a file, or of standard input for `-`. @throws CommandError */
  readonly read: (path: string) => string;
}

export const COMMON_OPTIONS: Readonly<Record<string, Option>> = {
  json: { value: null, help: "Prints JSON." },
  "env-file": { value: "path", help: "Reads variables from this file instead of .env." },
  help: { value: null, help: "Prints this help." },
};

export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** Ends a command. `message` is shown as it is. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;

  private constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }

  /** The command failed. */
  static failed(message: string): CommandError {
    return new CommandError(message, EXIT_FAILED);
  }

  /** The command was used wrongly. */
  static wrongUse(message: string): CommandError {
    return new CommandError(message, EXIT_USAGE);
  }
}

/** What was typed after a command's name. */
export class Input {
  readonly operands: readonly string[];
  /** Everything after `--`, as typed. */
  readonly rest: readonly string[];
  readonly #options: ReadonlyMap<string, readonly string[]>;

  constructor(operands: readonly string[], options: ReadonlyMap<string, readonly string[]>, rest: readonly string[] = []) {
    this.operands = operands;
    this.rest = rest;
    this.#options = options;
  }

  /** An operand; "" where it was left out. */
  operand(index: number): string {
    return this.operands[index] ?? "";
  }

  has(option: string): boolean {
    return this.#options.has(option);
  }

  /** The last value of an option; null: not given. */
  text(option: string): string | null {
    return this.#options.get(option)?.at(-1) ?? null;
  }

  /** Every value of an option, in order. */
  all(option: string): readonly string[] {
    return this.#options.get(option) ?? [];
  }
}

/** @throws CommandError */
export function readInput(typed: readonly string[], command: Command): Input {
  const words = command.rest === undefined ? typed : ownWords(typed);
  const known: Readonly<Record<string, Option>> = { ...command.options, ...COMMON_OPTIONS };
  const { tokens } = parseArgs({
    args: words.map((word) => shortened(word, command)),
    options: Object.fromEntries(Object.entries(known).map(([name, { value }]) => [name, { type: value === null ? "boolean" : "string" }])),
    strict: false,
    tokens: true,
  });
  const operands: string[] = [];
  const options = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    const option = Object.hasOwn(known, name) ? known[name] : undefined;
    if (option === undefined) throw unknownOption(rawName, { name, command, known: Object.keys(known) });
    if (option.value === null && inlineValue) throw wrong(command, `${rawName} does not take a value.`);
    const isMissing = value === undefined || value === "" || (!inlineValue && /^-./.test(value));
    if (option.value !== null && isMissing) throw wrong(command, `${rawName} needs a value: ${rawName} <${option.value}>.`);
    options.set(name, [...(options.get(name) ?? []), value ?? ""]);
  }
  if (!options.has("help")) checkOperands(operands, command);
  return new Input(operands, options, typed.slice(words.length + 1));
}

/** `-h`, and other one-letter options of the command. */
function shortened(word: string, { short = {} }: Command): string {
  return word === "-h" ? "--help" : (short[word] ?? word);
}

/** Everything before `--`. */
export function ownWords(words: readonly string[]): readonly string[] {
  const end = words.indexOf("--");
  return end === -1 ? words : words.slice(0, end);
}

function unknownOption(
  rawName: string,
  { name, command, known }: { readonly name: string; readonly command: Command; readonly known: readonly string[] },
): CommandError {
  const [meant] = nearest(name, known, 2);
  const hint = meant === undefined ? restHint(command) : ` Did you mean --${meant}?`;
  return wrong(command, `Unknown option ${rawName}.${hint}`);
}

function checkOperands(operands: readonly string[], command: Command): void {
  const missing = command.operands[operands.length];
  if (missing !== undefined && !missing.startsWith("[")) throw wrong(command, `Missing ${missing}. Usage: ${usageOf(command)}.`);
  const surplus = operands[command.operands.length];
  if (surplus === undefined) return;
  throw wrong(command, `Unexpected argument "${forTerminal(surplus)}". Usage: ${usageOf(command)}.${restHint(command)}`);
}

function restHint({ rest }: Command): string {
  return rest === undefined ? "" : ` Put ${rest} after --.`;
}

function wrong(command: Command, message: string): CommandError {
  return CommandError.wrongUse(`${message} See factory-proxy ${command.name} --help.`);
}

function usageOf({ name, operands, options, rest }: Omit<Command, "run">, optional = ""): string {
  const required = Object.entries(options).flatMap(([option, { value, isRequired }]) => (isRequired ? `--${option} <${value}>` : []));
  return `${["factory-proxy", name, ...operands, ...required].join(" ")}${optional}${rest === undefined ? "" : ` [-- ${rest}]`}`;
}

/** The command with the longest name that the words begin with. Undefined: there is none, or they only name a group. */
export function commandOf(commands: readonly Command[], words: readonly string[]): Command | undefined {
  const [group = "", second = ""] = words;
  return commands.find(({ name }) => name === `${group} ${second}`) ?? commands.find(({ name }) => name === group);
}

/** What `--help` prints for the words. */
export function helpFor(commands: readonly Command[], words: readonly string[]): string {
  const [group = ""] = words;
  const command = commandOf(commands, words);
  return command === undefined || (commands.length > 1 && command.name === group) ? helpOfGroup(group, commands) : helpOf(command);
}

function helpOf(command: Command): string {
  return helpWith(command, { ...command.options, ...COMMON_OPTIONS });
}

/** The help of a command with these options. */
export function helpWith(command: Omit<Command, "run">, options: Command["options"]): string {
  const rows = Object.entries(options);
  return [
    ...wrapped(command.summary),
    "",
    `Usage: ${usageOf(command, " [options]")}`,
    "",
    "Options:",
    ...helpTable(rows.map(([name, { value, help }]) => [`--${name}${value === null ? "" : ` <${value}>`}`, help])),
    "",
    "Examples:",
    ...command.examples.map((example) => `  factory-proxy ${example}`),
  ].join("\n");
}

function helpOfGroup(name: string, commands: readonly Command[]): string {
  return [
    `Usage: factory-proxy ${name} <command> [options]`,
    "",
    "Commands:",
    ...helpTable(commands.map((command) => [[command.name, ...command.operands].join(" "), command.summary])),
    "",
    `Run \`factory-proxy ${name} <command> --help\` for details.`,
    "",
    "Examples:",
    ...commands
      .slice(0, MOST_EXAMPLES)
      .flatMap(({ examples }) => exampleOf(examples))
      .map((example) => `  factory-proxy ${example}`),
  ].join("\n");
}

const MOST_EXAMPLES = 5;

/** One that shows options, if there is one. */
function exampleOf(examples: readonly string[]): readonly string[] {
  const example = examples.find((each) => each.includes(" --")) ?? examples[0];
  return example === undefined ? [] : [example];
}

type Rows = readonly (readonly [left: string, right: string])[];

/** Rows of two columns, indented. */
export function table(rows: Rows): string[] {
  const width = widthOf(rows);
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`.trimEnd());
}

/** The same, with the right column broken into lines. */
function helpTable(rows: Rows): string[] {
  const width = widthOf(rows);
  return rows.flatMap(([left, right]) => {
    const [first = "", ...more] = wrapped(right, width + 2);
    return [`  ${left.padEnd(width)}${first.trimStart()}`.trimEnd(), ...more];
  });
}

function widthOf(rows: Rows): number {
  return Math.max(0, ...rows.map(([left]) => left.length)) + 2;
}

/** What was typed as a command, for an error. Anything but plain words may be a key. */
export function shownCommand(...words: readonly string[]): string {
  return words.every((word) => /^[a-z]{1,20}$/.test(word)) ? ` "${words.join(" ")}"` : "";
}
