// The table of commands, and the code that runs the one that was typed. Each command has a file of its own.
// Never loads a file that the command does not need.

import process from "node:process";
import packageJson from "../../package.json" with { type: "json" };
import { readArguments } from "../config/arguments.ts";
import { settingsHelp } from "../config/variables.ts";
import { nearest } from "../models/nearest.ts";
import type { EntryPoint } from "../runtime/ports.ts";
import { runtime } from "../runtime/runtime.ts";
import { forTerminal } from "../telemetry/text-line.ts";
import { CommandError, EXIT_USAGE, helpFor, helpWith, shownCommand, table, type Command } from "./command.ts";
import { asTyped } from "./own-name.ts";
import { runCommand } from "./command-run.ts";
import { SERVE } from "./serve-options.ts";

/** A command, or several whose names begin with the same word. */
interface Group {
  readonly name: string;
  /** The heading of the help under which it is listed. */
  readonly topic: Topic;
  readonly summary: string;
  readonly load: () => Promise<readonly Command[]>;
}

const TOPICS = ["The server", "Coding agents", "Keys and usage", "Diagnostics", "This program"] as const;
type Topic = (typeof TOPICS)[number];

const VERSION: Command = {
  name: "version",
  summary: "Prints the version.",
  operands: [],
  options: {},
  examples: ["version", "version --json"],
  run: (_, { show }) => show({ version: packageJson.version, runtime: runtime.name }, () => packageJson.version),
};
const SETTINGS = "settings";
const HELP: Command = {
  name: "help",
  summary: "Prints this help, a command's help, or all settings.",
  operands: ["[COMMAND]", "[WORD]"],
  options: {},
  examples: ["help", "help keys add", "help settings", "help settings timeout"],
  async run({ operands }, { print }) {
    const [first = "", word = ""] = operands;
    if (first === "") return print(asTyped(helpText()));
    if (first === SERVE.name) return print(asTyped(serveHelp()));
    if (first === SETTINGS) return print(settingsAbout(word));
    const group = GROUPS.find(({ name }) => name === first);
    if (group === undefined) throw unknownCommand(first, [SETTINGS]);
    print(asTyped(helpFor(await group.load(), operands)));
  },
};
const GROUPS: readonly Group[] = [
  {
    name: "demo",
    topic: "The server",
    summary: "Starts a demo server that needs no Factory key.",
    load: async () => (await import("./demo.ts")).DEMO,
  },
  {
    name: "health",
    topic: "The server",
    summary: "Checks whether the server is up.",
    load: async () => (await import("./health.ts")).HEALTH,
  },
  {
    name: "ui",
    topic: "The server",
    summary: "Opens the dashboard in a browser, signed in.",
    load: async () => (await import("./ui.ts")).UI,
  },
  {
    name: "launch",
    topic: "Coding agents",
    summary: "Runs a coding agent through this server; changes no files.",
    load: async () => (await import("./launch.ts")).LAUNCH,
  },
  {
    name: "setup",
    topic: "Coding agents",
    summary: "Points a coding agent at this server permanently, or undoes that.",
    load: async () => (await import("./setup.ts")).SETUP,
  },
  {
    name: "keys",
    topic: "Keys and usage",
    summary: "Manages client keys, their limits and budgets.",
    load: async () => (await import("./keys.ts")).KEYS,
  },
  {
    name: "usage",
    topic: "Keys and usage",
    summary: "Reports usage and estimated cost.",
    load: async () => (await import("./usage.ts")).USAGE,
  },
  {
    name: "quota",
    topic: "Keys and usage",
    summary: "Shows what is left of your Factory plan.",
    load: async () => (await import("./quota.ts")).QUOTA,
  },
  {
    name: "doctor",
    topic: "Diagnostics",
    summary: "Checks everything and tells you how to fix problems.",
    load: async () => (await import("./doctor.ts")).DOCTOR,
  },
  { name: "models", topic: "Diagnostics", summary: "Lists the models.", load: async () => (await import("./models.ts")).MODELS },
  {
    name: "explain",
    topic: "Diagnostics",
    summary: "Shows what would be sent to Factory for a request.",
    load: async () => (await import("./explain.ts")).EXPLAIN,
  },
  {
    name: "conformance",
    topic: "Diagnostics",
    summary: "Scores this or another server on what clients need.",
    load: async () => (await import("./conformance.ts")).CONFORMANCE,
  },
  {
    name: "completion",
    topic: "This program",
    summary: "Prints a script that completes commands in bash, zsh or fish.",
    load: async () => [(await import("./completion.ts")).completionCommand(allCommands)],
  },
  { name: "version", topic: "This program", summary: VERSION.summary, load: () => Promise.resolve([VERSION]) },
  { name: "help", topic: "This program", summary: HELP.summary, load: () => Promise.resolve([HELP]) },
];

/** Runs what the command line asks for; resolves to the main module's default export. */
export async function run(isMain: boolean): Promise<EntryPoint> {
  const words = isMain ? process.argv.slice(2) : [];
  const [first = SERVE.name] = words;
  const group = GROUPS.find(({ name }) => name === first);
  if (group !== undefined) process.exit(await runCommand(await group.load(), words));
  const commandLine = first === SERVE.name ? words.slice(1) : words;
  const { help, version, faults } = readArguments(commandLine);
  const late = first.startsWith("-") ? names().find((name) => faults.some(({ value }) => value === name)) : undefined;
  const about = first === SERVE.name ? first : late;
  if (help) process.exit(await runCommand([HELP], about === undefined ? ["help"] : ["help", about]));
  if (version) process.exit(await runCommand([VERSION], ["version"]));
  if (late !== undefined) endWrong(`Put the command before its options: factory-proxy ${late}.`);
  if (first !== SERVE.name && first !== "" && !first.startsWith("-")) endWrong(unknownCommand(first).message);
  if (isMain) await (runtime.liftLimits() || undefined);
  const { serve } = await import("./serve.ts");
  return serve(commandLine, isMain);
}

function endWrong(message: string): never {
  process.stderr.write(`${asTyped(message)}\n`);
  process.exit(EXIT_USAGE);
}

export async function allCommands(): Promise<readonly Command[]> {
  return (await Promise.all(GROUPS.map(({ load }) => load()))).flat();
}

/** A suggestion for a word that is nearly a command; "" for others. */
function suggestion(word: string, others: readonly string[] = []): string {
  const [meant] = nearest(word, [...names(), ...others], word.length > SHORT_WORD ? 2 : 1);
  return meant === undefined ? "" : ` Did you mean "${meant}"?`;
}

/** A word this short is two edits away from words that have nothing to do with it. */
const SHORT_WORD = 3;

function names(): string[] {
  return [SERVE, ...GROUPS].map(({ name }) => name);
}

function unknownCommand(word: string, others: readonly string[] = []): CommandError {
  return CommandError.wrongUse(`Unknown command${shownCommand(word)}.${suggestion(word, others)} Run \`factory-proxy help\` for a list.`);
}

/** What --help prints: one screen. */
export function helpText(): string {
  const commands = [{ ...SERVE, topic: TOPICS[0] }, ...GROUPS];
  const lines = table(commands.map(({ name, summary }) => [name, summary]));
  return [
    "factory-proxy: one server between any AI client and Factory's LLM API.",
    "",
    "Usage: factory-proxy [command] [options], e.g. factory-proxy --port 8080",
    ...TOPICS.flatMap((topic) => ["", `${topic}:`, ...lines.filter((_, index) => commands[index]?.topic === topic)]),
    "",
    "More:",
    ...table([
      ["factory-proxy help COMMAND", "A command's options, with examples."],
      [`factory-proxy help ${SETTINGS}`, "All settings, e.g. PROXY_API_KEY and PORT."],
      [`factory-proxy help ${SETTINGS} WORD`, "Settings that match WORD."],
    ]),
  ].join("\n");
}

/** What `serve --help` prints. */
export function serveHelp(): string {
  return `${helpWith(SERVE, SERVE.options)}\n\nEverything else is a setting, in the environment or in .env.\nRun \`factory-proxy help ${SETTINGS}\` for a list.`;
}

/** @throws CommandError */
function settingsAbout(word: string): string {
  const text = settingsHelp(word);
  if (text !== "") return text;
  throw CommandError.wrongUse(`No setting matches "${forTerminal(word)}". Run \`factory-proxy help ${SETTINGS}\` for a list.`);
}
