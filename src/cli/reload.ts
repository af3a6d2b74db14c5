// Applies a changed configuration while the server runs: at SIGHUP, and when `.env` or the model file changes. One line of the log
// reports the result.
// Never changes anything when anything is wrong, and never stops the server.

import { ConfigError } from "../config/config.ts";
import { envFileOf } from "../config/source.ts";
import type { Program } from "../program.ts";
import type { After } from "../runtime/ports.ts";
import type { LogFields } from "../telemetry/log.ts";
import { Redactor } from "../telemetry/redaction.ts";
import { configureAgain, needsStoredKey, noClientKey, type ChangedSetup, type Setup } from "./configuration.ts";
import { codeOf, readFile } from "./environment.ts";
import { FileWatch } from "./file-watch.ts";

export interface ReloadPorts {
  readonly program: Pick<Program, "reload" | "ring"> & { readonly log: Pick<Program["log"], "info" | "warning" | "error"> };
  readonly after: After;
  readonly mayRead: (path: string) => boolean;
  /** Told of a new client key for this run. */
  readonly madeKey: (setup: Setup) => void;
}

/** The outcome. */
export interface Taken {
  readonly changed: readonly string[];
  readonly needRestart: readonly string[];
  /** Null: it applies now. */
  readonly fault: string | null;
}

const NOTHING = { changed: [], needRestart: [] };

/** A program that starts has more important things to do. */
const FIRST_WATCH_MS = 100;

export class Reload {
  readonly #ports: ReloadPorts;
  readonly #envFile: string;
  readonly #watch: FileWatch;
  #setup: Setup;
  /** File -> its text when it was last read. */
  #texts: ReadonlyMap<string, string>;
  /** Whether any variables have come from a file. */
  #hasEnvFile: boolean;
  #cancelTimer = (): void => {};
  #isClosed = false;

  constructor(setup: Setup, ports: ReloadPorts) {
    this.#ports = ports;
    this.#setup = setup;
    this.#envFile = envFileOf(setup.source);
    this.#texts = this.#readTexts();
    this.#hasEnvFile = this.#hasVariables();
    this.#watch = new FileWatch({ after: ports.after, mayRead: ports.mayRead, changed: () => this.#look() });
  }

  /** The configuration that applies now. */
  get setup(): Setup {
    return this.#setup;
  }

  /** Whether the server is about to stop. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  start(): void {
    this.#cancelTimer = this.#ports.after(FIRST_WATCH_MS, () => {
      this.#watch.follow(this.#files);
      this.#look();
    });
  }

  /** Reads everything again, whether or not a file has changed. */
  hangUp(): void {
    this.#again({ signal: "SIGHUP" });
  }

  /** The same, for an administrator. */
  ask(): Taken {
    return this.#again({ by: "administrator" });
  }

  #again(cause: LogFields): Taken {
    if (this.#isClosed) return { ...NOTHING, fault: "The server is stopping." };
    this.#texts = this.#readTexts();
    return this.#take(cause);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
    this.#watch.close();
  }

  #look(): void {
    const before = this.#texts;
    this.#texts = this.#readTexts();
    const files = [...this.#texts].filter(([file, text]) => before.get(file) !== text).map(([file]) => file);
    if (files.length > 0) this.#take({ file: files.join(", ") });
  }

  #take(cause: LogFields): Taken {
    const { program, madeKey } = this.#ports;
    const before = this.#setup;
    let next: ChangedSetup;
    try {
      next = this.#configure();
      program.reload(next.config);
    } catch (error) {
      // Whatever is wrong, calls go on.
      const faults = error instanceof Error ? error.message : String(error);
      program.log.error("configuration not reloaded", { ...cause, faults });
      return { ...NOTHING, fault: faults };
    }
    const { changed, needRestart } = next.reading;
    this.#setup = next;
    // The model file may be a different one now.
    this.#texts = new Map([...this.#readTexts(), ...this.#texts]);
    this.#hasEnvFile ||= this.#hasVariables();
    if (!this.#isClosed) this.#watch.follow(this.#files);
    program.log.info("configuration reloaded", { ...cause, changed: listed(changed), needRestart: listed(needRestart) });
    const known = new Set(before.warnings().map((warning) => JSON.stringify(warning)));
    for (const warning of next.warnings()) {
      if (!known.has(JSON.stringify(warning))) program.log.warning(warning.event, warning.fields);
    }
    if (next.randomKey !== before.randomKey) madeKey(next);
    return { changed, needRestart, fault: null };
  }

  /** @throws ConfigError */
  #configure(): ChangedSetup {
    const { program } = this.#ports;
    if (this.#hasEnvFile && !this.#hasVariables()) {
      // An editor may be about to write it; without it the server would lose its keys.
      throw new ConfigError([{ name: "The environment file", value: this.#envFile, problem: GONE }], new Redactor([]));
    }
    const next = configureAgain(this.#setup);
    if (needsStoredKey(next) && program.ring.storedCount === 0) throw noClientKey(next);
    return next;
  }

  #hasVariables(): boolean {
    const text = this.#texts.get(this.#envFile) ?? "";
    return text.trim() !== "";
  }

  get #files(): string[] {
    const { CONFIG_PATH: models } = this.#setup.reading.values;
    return [this.#envFile, ...(models === null ? [] : [models])];
  }

  #readTexts(): Map<string, string> {
    return new Map(this.#files.map((file) => [file, textOf(file)]));
  }
}

const GONE = "is empty or missing. Restore it, or restart the server to run without it";

/** "": there is no file; or why it can't be read. */
function textOf(file: string): string {
  try {
    return readFile(file) ?? "";
  } catch (error) {
    return String(codeOf(error));
  }
}

/** Not as a list, because the log would take a list of two for a header. */
function listed(names: readonly string[]): string | null {
  return names.length === 0 ? null : names.join(", ");
}
