// What a person can type: a table of commands, and the text of --help.

import process from "node:process";
import packageJson from "../../package.json" with { type: "json" };
import { readArguments } from "../config/arguments.ts";
import { settingsHelp } from "../config/variables.ts";
import type { EntryPoint } from "../runtime/ports.ts";
import { serve } from "./serve.ts";

interface Command {
  readonly name: string;
  readonly help: string;
  /** Gets the words behind the name, and whether the process was started with this program, not with one that imports it. */
  readonly run: (commandLine: readonly string[], isMain: boolean) => EntryPoint;
}

const SERVE: Command = { name: "serve", help: "Starts the server. This is the default.", run: serve };
const VERSION: Command = { name: "version", help: "Prints the version.", run: () => print(packageJson.version) };
const HELP: Command = { name: "help", help: "Prints this help.", run: () => print(helpText()) };
const COMMANDS: readonly Command[] = [SERVE, VERSION, HELP];

/** Runs what the command line asks for; returns the main module's default export. */
export function run(isMain: boolean): EntryPoint {
  const words = isMain ? process.argv.slice(2) : [];
  const named = COMMANDS.find(({ name }) => name === words[0]);
  const commandLine = named === undefined ? words : words.slice(1);
  const { help, version } = readArguments(commandLine);
  const command = help ? HELP : version ? VERSION : (named ?? SERVE);
  return command.run(commandLine, isMain);
}

function print(text: string): never {
  console.log(text);
  process.exit(0);
}

/** What --help prints. */
export function helpText(): string {
  return [
    "factory-proxy: one server between any AI client and Factory's LLM API.",
    "",
    "Usage: factory-proxy [command] [options]",
    "",
    "Commands:",
    ...COMMANDS.map(({ name, help }) => `  ${name.padEnd(20)}${help}`),
    "",
    settingsHelp(),
  ].join("\n");
}
