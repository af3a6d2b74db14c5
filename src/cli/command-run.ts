// Runs one command: parses its arguments, gives it its tools, shows errors to the person, and sets the exit code.
// Never knows what a command does.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { styleText } from "node:util";
import { StoreError, type Store } from "../access/store.ts";
import { ConfigError, readConfig, type Config } from "../config/config.ts";
import { DEFAULT_ENV_FILE, type ConfigSource } from "../config/source.ts";
import { forTerminal } from "../telemetry/text-line.ts";
import { nearest } from "../models/nearest.ts";
import { runtime } from "../runtime/runtime.ts";
import { dataFolder } from "./data-folder.ts";
import { typedPath } from "./caller.ts";
import { codeOf, forgetLoaded, showsColours, sourceHere, withoutEnvFile, type SourceHere } from "./environment.ts";
import { asTyped } from "./own-name.ts";
import { terminalAsk } from "./prompt.ts";
import {
  CommandError,
  commandOf,
  EXIT_FAILED,
  EXIT_USAGE,
  helpFor,
  ownWords,
  readInput,
  shownCommand,
  type Command,
  type Context,
  type EnvHere,
  type Input,
} from "./command.ts";

/** Resolves to the exit code, once all output has been accepted. */
export async function runCommand(commands: readonly Command[], words: readonly string[]): Promise<number> {
  const output = new Output();
  try {
    return await output.ended((await performIn(output, { commands, words })) ?? 0);
  } catch (error) {
    const { message, exitCode } = told(error);
    output.note(message.split("\n").map(forTerminal).join("\n"));
    return await output.ended(exitCode);
  }
}

interface Asked {
  readonly commands: readonly Command[];
  readonly words: readonly string[];
}

async function performIn(output: Output, { commands, words }: Asked): Promise<number | void> {
  const [group = "", second = ""] = words;
  const command = commandOf(commands, words);
  const isNamed = command !== undefined && (command.name !== group || commands.length === 1 || second === "" || second.startsWith("-"));
  if (!isNamed && second !== "" && !second.startsWith("-")) {
    const [meant] = nearest(
      `${group} ${second}`,
      commands.map(({ name }) => name),
      2,
    );
    const hint = meant === undefined ? "" : ` Did you mean "${meant}"?`;
    throw CommandError.wrongUse(`Unknown command${shownCommand(group, second)}.${hint} Run \`factory-proxy ${group} --help\` for a list.`);
  }
  const isHelp = ownWords(words.slice(1)).some((word) => word === "--help" || word === "-h");
  if (isHelp) return output.line(asTyped(helpFor(commands, words)));
  if (command === undefined) throw CommandError.wrongUse(helpFor(commands, words));
  const input = readInput(words.slice(command.name.split(" ").length), command);
  if (command.examines === undefined) forgetLoaded();
  const resources = new Resources(input, { examines: command.examines ?? false, note: (text) => output.note(text) });
  try {
    return await command.run(input, contextOf(input, { output, resources }));
  } finally {
    await resources.close();
  }
}

function contextOf(input: Input, { output, resources }: { readonly output: Output; readonly resources: Resources }): Context {
  const isJson = input.has("json");
  const isColoured = !isJson && showsColours();
  return {
    now: Date.now,
    isJson,
    config: () => resources.config(),
    envHere: () => resources.envHere(),
    store: () => resources.store(),
    print: (text) => output.line(text),
    show: (value, text) => output.line(isJson ? JSON.stringify(value, null, 2) : asTyped(text())),
    note: (text) => output.note(text),
    // Detecting a terminal takes 3 ms, so only a command that needs to know waits for it.
    get ask() {
      return terminalAsk(() => output.written);
    },
    style: (format, text) => (isColoured ? styleText(format, text, { validateStream: false }) : text),
    read: readText,
  };
}

const STDIN = 0;

function readText(path: string): string {
  try {
    return readFileSync(path === "-" ? STDIN : typedPath(path), "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    throw CommandError.failed(`${path === "-" ? "Standard input" : path} can't be read${reason}.`);
  }
}

interface ResourcePorts {
  readonly examines: boolean;
  readonly note: (text: string) => void;
}

/** Resources that a command has opened, and that are closed at its end. */
class Resources {
  readonly #envFile: string | null;
  readonly #ports: ResourcePorts;
  #source: SourceHere | null = null;
  #config: Config | null = null;
  #store: Promise<Store> | null = null;

  constructor(input: Input, ports: ResourcePorts) {
    this.#envFile = input.text("env-file");
    this.#ports = ports;
  }

  config(): Config {
    this.#config ??= readConfig(this.#read().source);
    return this.#config;
  }

  envHere(): EnvHere | null {
    const { source, envText } = this.#read();
    return envText === null ? null : { path: resolve(DEFAULT_ENV_FILE), text: envText, without: configOrNull(withoutEnvFile(source)) };
  }

  #read(): SourceHere {
    if (this.#source !== null) return this.#source;
    const { examines, note } = this.#ports;
    this.#source = sourceHere(this.#envFile, { examines });
    const { leftAlone } = this.#source;
    if (leftAlone.length > 0) {
      note(
        `${resolve(DEFAULT_ENV_FILE)} sets ${leftAlone.join(", ")}, but was not read: it names no key of factory-proxy, so it is another program's. To read it, add --env-file ${resolve(DEFAULT_ENV_FILE)}`,
      );
    }
    return this.#source;
  }

  store(): Promise<Store> {
    this.#store ??= this.#open();
    return this.#store;
  }

  async #open(): Promise<Store> {
    const { databaseUrl, dataDir } = this.config();
    if (databaseUrl === "memory:")
      throw CommandError.failed("DATABASE_URL is memory:, so keys and usage exist only inside the server and commands can't reach them.");
    const { openStore } = await import("../access/stores/stores.ts");
    const folder = dataDir ?? dataFolder({ environment: process.env, platform: process.platform });
    const store = openStore(databaseUrl, { dataDir: folder, isRequired: true }, { after, lost: () => {} });
    await store.ready;
    return store;
  }

  async close(): Promise<void> {
    await (await this.#store?.catch(() => null))?.close();
  }
}

function configOrNull(source: ConfigSource): Config | null {
  try {
    return readConfig(source);
  } catch (error) {
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

/** Calls back once. Returns a function that cancels it. */
export function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}

/** Standard output and standard error, in order. */
class Output {
  /** Resolves when everything has been accepted, nobody reads any more, or nothing can be written. */
  written: Promise<void> = Promise.resolve();
  /** The system's reason why output could not be written, such as a full disk. Null: there is none. */
  #fault: string | null = null;

  line(text: string): void {
    const bytes = new TextEncoder().encode(`${text}\n`);
    this.written = this.written.then(() => this.#write(bytes));
  }

  /** The exit code, once all output has been accepted. */
  async ended(exitCode: number): Promise<number> {
    await this.written;
    if (this.#fault === null) return exitCode;
    process.stderr.write(`Can't write to standard output (${this.#fault}). The output is lost.\n`);
    return exitCode === 0 ? EXIT_FAILED : exitCode;
  }

  /** To standard error, once everything printed before has been accepted. */
  note(text: string): void {
    this.written = this.written.then(() => void process.stderr.write(`${asTyped(text)}\n`));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    try {
      while (rest.length > 0) rest = rest.subarray(await runtime.write(rest));
    } catch (error) {
      // The reader has left, as `head` does, so the rest is not needed.
      if (!hasLeft(error)) this.#fault = String(codeOf(error) ?? error);
    }
  }
}

/** Deno has a name for it, others a code. */
function hasLeft(error: unknown): boolean {
  return codeOf(error) === "EPIPE" || (error instanceof Error && error.name === "BrokenPipe");
}

/** What the person is told. @throws the error itself, if it is a bug of this program */
function told(error: unknown): { readonly message: string; readonly exitCode: number } {
  if (error instanceof CommandError) return error;
  if (error instanceof ConfigError) return { message: `The configuration is wrong:\n${error.message}`, exitCode: EXIT_USAGE };
  if (error instanceof StoreError) return { message: error.message, exitCode: EXIT_FAILED };
  throw error;
}
