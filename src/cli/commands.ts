// What a person can type: a table of commands, and what runs the one that was typed. Each stands in a file of its own.
// Never loads a file that the command does not need.

import process from "node:process";
import packageJson from "../../package.json" with { type: "json" };
import { readArguments } from "../config/arguments.ts";
import { settingsHelp } from "../config/variables.ts";
import { nearest } from "../models/nearest.ts";
import type { EntryPoint } from "../runtime/ports.ts";
import { runtime } from "../runtime/runtime.ts";
import { CommandError, EXIT_WRONG, helpFor, table, type Command } from "./command.ts";
import { perform } from "./performance.ts";

/** A command, or several whose names begin with the same word. */
interface Group {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<readonly Command[]>;
}

const SERVE = { name: "serve", summary: "Starts the server. This is the default." };
const VERSION: Command = {
  name: "version",
  summary: "Prints the version.",
  operands: [],
  options: {},
  examples: ["version", "version --json"],
  run: (_, { show }) => show({ version: packageJson.version, runtime: runtime.name }, () => packageJson.version),
};
const HELP: Command = {
  name: "help",
  summary: "Prints this help, or that of a command.",
  operands: ["[COMMAND]", "[WORD]"],
  options: {},
  examples: ["help", "help version"],
  async run({ operands }, context) {
    const group = GROUPS.find(({ name }) => name === operands[0]);
    if (operands.length > 0 && !names().includes(operands[0] ?? "")) throw unknownCommand(operands[0] ?? "");
    context.print(group === undefined ? helpText() : helpFor(await group.load(), operands));
  },
};
const GROUPS: readonly Group[] = [
  {
    name: "launch",
    summary: "Starts a coding agent on this server, without touching its files.",
    load: async () => (await import("./launch.ts")).LAUNCH,
  },
  {
    name: "keys",
    summary: "Adds, changes and lists client keys with their limits and budgets.",
    load: async () => (await import("./keys.ts")).KEYS,
  },
  {
    name: "setup",
    summary: "Points a coding agent at this server for good, with an exact undo.",
    load: async () => (await import("./setup.ts")).SETUP,
  },
  { name: "usage", summary: "Reports who used what.", load: async () => (await import("./usage.ts")).USAGE },
  { name: "quota", summary: "Shows what is left of the plan.", load: async () => (await import("./quota.ts")).QUOTA },
  { name: "ui", summary: "Opens the dashboard in a browser, signed in.", load: async () => (await import("./ui.ts")).UI },
  {
    name: "doctor",
    summary: "Checks everything, and says how to mend what is wrong.",
    load: async () => (await import("./doctor.ts")).DOCTOR,
  },
  {
    name: "conformance",
    summary: "Scores a gateway, this one or another, by what official clients need.",
    load: async () => (await import("./conformance.ts")).CONFORMANCE,
  },
  { name: "models", summary: "Lists the models.", load: async () => (await import("./models.ts")).MODELS },
  {
    name: "explain",
    summary: "Shows what would be sent to Factory for a request, and what would be lost.",
    load: async () => (await import("./explain.ts")).EXPLAIN,
  },
  { name: "demo", summary: "Starts a server to try without a Factory key.", load: async () => (await import("./demo.ts")).DEMO },
  { name: "health", summary: "Asks whether the server answers.", load: async () => (await import("./health.ts")).HEALTH },
  {
    name: "completion",
    summary: "Prints a script that completes commands in bash, zsh or fish.",
    load: async () => [(await import("./completion.ts")).completionCommand(allCommands)],
  },
  { name: "version", summary: VERSION.summary, load: () => Promise.resolve([VERSION]) },
  { name: "help", summary: HELP.summary, load: () => Promise.resolve([HELP]) },
];

/** Runs what the command line asks for; resolves to the main module's default export. */
export async function run(isMain: boolean): Promise<EntryPoint> {
  const words = isMain ? process.argv.slice(2) : [];
  const [first = ""] = words;
  const group = GROUPS.find(({ name }) => name === first);
  if (group !== undefined) process.exit(await perform(await group.load(), words));
  const commandLine = first === SERVE.name ? words.slice(1) : words;
  const { help, version } = readArguments(commandLine);
  if (help) process.exit(await perform([HELP], ["help"]));
  if (version) process.exit(await perform([VERSION], ["version"]));
  if (first !== SERVE.name && suggestion(first) !== "") {
    process.stderr.write(`${unknownCommand(first).message}\n`);
    process.exit(EXIT_WRONG);
  }
  if (isMain) await (runtime.liftLimits() || undefined);
  const { serve } = await import("./serve.ts");
  return serve(commandLine, isMain);
}

async function allCommands(): Promise<readonly Command[]> {
  return (await Promise.all(GROUPS.map(({ load }) => load()))).flat();
}

/** A sentence for a word that is nearly a command; "" for others. Never shows the word itself, which may be a key. */
function suggestion(word: string): string {
  const [meant] = nearest(word, names(), word.length > SHORT_WORD ? 2 : 1);
  return meant === undefined ? "" : ` Did you mean "${meant}"?`;
}

/** One of so many letters is two slips away from words that have nothing to do with it. */
const SHORT_WORD = 3;

function names(): string[] {
  return [SERVE, ...GROUPS].map(({ name }) => name);
}

function unknownCommand(word: string): CommandError {
  return CommandError.wrongUse(`There is no such command.${suggestion(word)} factory-proxy help lists them all.`);
}

/** What --help prints. */
export function helpText(): string {
  return [
    "factory-proxy: one server between any AI client and Factory's LLM API.",
    "",
    "Usage: factory-proxy [command] [options]",
    "",
    "Commands:",
    ...table([SERVE, ...GROUPS].map(({ name, summary }) => [name, summary])),
    "",
    "factory-proxy <command> --help says more of each.",
    "",
    settingsHelp(),
  ].join("\n");
}
