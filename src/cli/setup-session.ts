// One command of setup: makes the plan, shows it, has it carried out, and reports on each file.
// Never shows a key from a file.

import { createTwoFilesPatch } from "diff";
import { Redactor } from "../telemetry/redaction.ts";
import { AGENT_NAMES, agentNamed, modelFor, type ModelChoice } from "./agent-choice.ts";
import { KEY_VARIABLE, type Agent, type Settings, type SettingsModel } from "./agents/agent.ts";
import { AGENTS } from "./agents/agents.ts";
import { CommandError, EXIT_FAILED, type Context, type Input } from "./command.ts";
import { dataFolder, type Surroundings } from "./data-folder.ts";
import { shellLines } from "./key-links.ts";
import { settingsPath } from "./settings-files.ts";
import { keyFor, keyIsLost, knownKey, PLACEHOLDER, readsVariable, removeKey, type SetupKey } from "./setup-key.ts";
import { alone } from "./setup-lock.ts";
import { isSame, planned, SetupFault, type PlannedFile, type WantedFile } from "./setup-plan.ts";
import { SetupRecords, type MadeKey, type SetupRecord } from "./setup-record.ts";
import { undo, write } from "./setup-writing.ts";
import { warnOfSilence, warnOfStore } from "./store-check.ts";

export interface SetupWorld extends Surroundings {
  /** The person's home folder and variables. */
  readonly home: string;
  /** The machine's name; "": not known. */
  readonly machine: string;
}

const MODES = ["show", "write", "undo"] as const;

/** @throws CommandError */
export async function setup(input: Input, context: Context, world: SetupWorld): Promise<number> {
  const modes = MODES.filter((mode) => input.has(mode));
  if (modes.length > 1) throw CommandError.wrongUse(`Use either --${modes[0]} or --${modes[1]}, not both.`);
  const [mode = "show"] = modes;
  const desk = new SetupSession(input, context, world);
  if (input.has("all")) {
    if (mode !== "show" || input.operand(0) !== "") {
      throw CommandError.wrongUse("--all works only with --show. Write and undo agents one at a time.");
    }
    return desk.showAll(AGENTS);
  }
  if (input.operand(0) === "") throw CommandError.wrongUse(`Missing AGENT: one of ${AGENT_NAMES}. See factory-proxy setup --help.`);
  const agent = agentNamed(input.operand(0));
  if (mode === "show") return desk.show(agent);
  if (mode === "undo") return desk.undo(agent);
  if (context.ask === null && !input.has("yes")) {
    throw CommandError.wrongUse(
      "Can't ask for confirmation without a terminal. Review the changes with --show, then write them with --write --yes.",
    );
  }
  return desk.write(agent);
}

/** What would be done for an agent. */
interface Plan {
  readonly agent: Agent;
  readonly record: SetupRecord | null;
  readonly settings: Settings;
  readonly files: readonly PlannedFile[];
  readonly changing: readonly PlannedFile[];
}

class SetupSession {
  readonly #input: Input;
  readonly #context: Context;
  readonly #world: SetupWorld;
  readonly #dataDir: string;
  readonly #records: SetupRecords;

  /** @throws CommandError, ConfigError */
  constructor(input: Input, context: Context, world: SetupWorld) {
    const dataDir = context.config().dataDir ?? dataFolder(world);
    if (dataDir === null) throw CommandError.failed("There is no folder for the backups that --undo needs. Set DATA_DIR.");
    this.#input = input;
    this.#context = context;
    this.#world = world;
    this.#dataDir = dataDir;
    this.#records = new SetupRecords(dataDir);
  }

  // ---- Show --------------------------------------------------------------------------------------------------

  show(agent: Agent): number {
    if (agent.files.length === 0) return this.#showEnvironment(agent);
    const plan = this.#plan(agent, null);
    this.#context.show(this.#json(plan), () => this.#difference(plan));
    if (plan.changing.length > 0) this.#note("Nothing was written. To write these changes, run the same command with --write.");
    return 0;
  }

  showAll(agents: readonly Agent[]): number {
    const shown = agents.map((agent) => {
      try {
        if (agent.files.length === 0)
          return {
            agent: agent.id,
            title: agent.title,
            environment: this.#environment(agent, PLACEHOLDER),
            text: this.#lines(agent, PLACEHOLDER),
          };
        const plan = this.#plan(agent, null);
        return { ...this.#json(plan), text: this.#difference(plan) };
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        return { agent: agent.id, title: agent.title, fault: error.message, text: error.message };
      }
    });
    this.#context.show(
      shown.map((one) => ({ ...one, text: undefined })),
      () => shown.map(({ title, text }) => `${this.#context.style("bold", title)}\n${text}`).join("\n\n"),
    );
    return shown.some((one) => "fault" in one) ? EXIT_FAILED : 0;
  }

  #showEnvironment(agent: Agent): number {
    const key = this.#knownKey(agent, null);
    this.#context.show({ agent: agent.id, title: agent.title, environment: this.#environment(agent, key) }, () => this.#lines(agent, key));
    this.#note(
      `${agent.title} reads environment variables, not a settings file. Add them to your shell profile, or use factory-proxy launch ${agent.id}.`,
    );
    if (key === PLACEHOLDER) this.#note(`Replace ${PLACEHOLDER} with a key from \`factory-proxy keys add ${agent.id}\`.`);
    return 0;
  }

  #environment(agent: Agent, key: string): Readonly<Record<string, string>> {
    const [choice = modelFor(agent, null, this.#context)] = this.#choices(agent);
    return agent.launch({ url: this.#url(), key, ...choice, read: null, folder: "" }).environment;
  }

  #lines(agent: Agent, key: string): string {
    return shellLines(
      { environment: this.#environment(agent, key), command: agent.program, ccSwitch: null },
      this.#world.platform === "win32",
    );
  }

  // ---- Write -------------------------------------------------------------------------------------------------

  async write(agent: Agent): Promise<number> {
    if (agent.files.length === 0) {
      throw CommandError.failed(
        `${agent.title} reads environment variables, not a settings file, so there is nothing to write. \`factory-proxy setup ${agent.id}\` prints the variables, and \`factory-proxy launch ${agent.id}\` sets them.`,
      );
    }
    const plan = this.#plan(agent, null);
    const isLost = await keyIsLost(this.#sources(agent, plan.record), this.#context);
    if (plan.changing.length === 0 && !isLost) {
      this.#context.show(this.#json(plan), () => `${agent.title} is already set up. Nothing to write.`);
      await this.#checkServer(plan, plan.record?.madeKey ?? null);
      return 0;
    }
    if (isLost) this.#note(`${agent.title}'s key ${plan.record?.madeKey?.name} no longer works: it was removed or changed.`);
    if (!this.#context.isJson) this.#context.print(this.#difference(plan));
    if (!this.#input.has("yes") && !(await this.#context.ask?.("Write these changes?"))) {
      this.#note("Nothing was written.");
      return EXIT_FAILED;
    }
    await alone(this.#dataDir, () => this.#writeAlone(agent));
    return 0;
  }

  /** Makes the plan again, because another setup may have made a key since. */
  async #writeAlone(agent: Agent): Promise<void> {
    const key = await keyFor(this.#sources(agent, this.#records.of(agent.id)), this.#context);
    const plan = this.#plan(agent, key);
    await this.#carryOut(plan, key);
    this.#context.show({ ...this.#json(plan), key: key.name }, () => this.#written(plan, key));
    this.#sayKey(plan, key);
    await this.#checkServer(plan, key.made);
  }

  async #carryOut({ agent, files }: Plan, key: SetupKey): Promise<void> {
    try {
      faults(() =>
        write({ agent: agent.id, files, records: this.#records, key: { madeKey: key.made, readsVariable: readsVariable(agent) } }),
      );
    } catch (error) {
      if (key.isFresh && key.made !== null) await removeKey(key.made, this.#context);
      throw error;
    }
  }

  #written({ agent, files, changing }: Plan, { name }: SetupKey): string {
    const lines = changing.map(
      ({ path, target, after }) => `${after.text === null ? "Removed" : "Wrote"} ${path}${target === path ? "" : ` (${target})`}.`,
    );
    const secret = files.filter((_, index) => agent.files[index]?.holdsKey === true).map(({ path }) => path);
    const mode = this.#world.platform === "win32" ? "" : "; only you can read it (mode 600)";
    return [
      ...lines,
      ...secret.map((path) => `Note: ${path} contains the key ${name ?? `in ${KEY_VARIABLE}`} in plain text${mode}.`),
      `Undo: factory-proxy setup ${agent.id} --undo`,
    ].join("\n");
  }

  #sayKey({ agent, record }: Plan, { value, name, made, isFresh }: SetupKey): void {
    if (isFresh) this.#note(`Made the key ${name}. Setup uses it for all agents on this machine.`);
    else if (made !== null && record === null) this.#note(`Using the key ${name ?? made.name}, which setup made earlier for this machine.`);
    if (!readsVariable(agent) || (value !== null && value === this.#world.environment[KEY_VARIABLE])) return;
    const reads = `${agent.title} reads the key ${name} from ${KEY_VARIABLE}.`;
    if (value === null) {
      return this.#note(`${reads} It was shown when it was made. Run \`factory-proxy keys rotate ${name}\` for a new one.`);
    }
    this.#note(`${reads} Add this line to your shell profile:`);
    const lines = shellLines({ environment: { [KEY_VARIABLE]: value }, command: null, ccSwitch: null }, this.#world.platform === "win32");
    if (this.#context.isJson) this.#note(lines);
    else this.#context.print(lines);
  }

  async #checkServer({ settings: { url, key } }: Plan, made: MadeKey | null): Promise<void> {
    await warnOfSilence(url, this.#context);
    if (made?.key === key) await warnOfStore(url, this.#context);
  }

  // ---- Undo --------------------------------------------------------------------------------------------------

  async undo(agent: Agent): Promise<number> {
    const isUndone = this.#records.of(agent.id) !== null && (await alone(this.#dataDir, () => this.#undoAlone(agent)));
    if (!isUndone)
      this.#context.show({ agent: agent.id, title: agent.title, files: [] }, () => `${agent.title} is not set up. Nothing to undo.`);
    return 0;
  }

  /** False: another setup has undone it just now. */
  async #undoAlone(agent: Agent): Promise<boolean> {
    const record = this.#records.of(agent.id);
    if (record === null) return false;
    const files = faults(() => planned([], record, this.#records));
    const kept = faults(() => undo(record, files, this.#records));
    const rows = files.map((file) => ({ path: file.path, isExact: file.base.isExact, left: file.base.left.map((path) => path.join(".")) }));
    this.#context.show({ agent: agent.id, title: agent.title, files: rows, copies: kept }, () =>
      [...files.flatMap(undone), ...kept.map((path) => `Backup from before setup: ${path}`)].join("\n"),
    );
    await this.#takeBackKey(record);
    return true;
  }

  async #takeBackKey({ madeKey, readsVariable: sharesVariable }: SetupRecord): Promise<void> {
    if (madeKey === null) return;
    const others = this.#records
      .all()
      .filter((other) => other.madeKey?.name === madeKey.name || (sharesVariable && other.readsVariable && other.madeKey === null));
    if (others.length > 0) {
      const agents = others.map(({ agent }) => agent).join(", ");
      return this.#note(
        `The key ${madeKey.name} was kept: it is still used by ${agents}. To remove it: factory-proxy keys rm ${madeKey.name}`,
      );
    }
    const damaged = this.#records.damaged();
    if (damaged.length > 0) {
      return this.#note(
        `The key ${madeKey.name} was kept: another agent may use it, as ${damaged.join(", ")} is damaged. To remove it: factory-proxy keys rm ${madeKey.name}`,
      );
    }
    const fault = await removeKey(madeKey, this.#context);
    this.#note(fault === null ? `Removed the key ${madeKey.name}.` : `Could not remove the key ${madeKey.name}. ${fault}`);
  }

  // ---- The plan ----------------------------------------------------------------------------------------------

  #plan(agent: Agent, key: SetupKey | null): Plan {
    const record = this.#records.of(agent.id);
    const models = this.#choices(agent).flatMap(({ model, protocol, limits }): SettingsModel[] =>
      model === null ? [] : [{ id: model, protocol, limits }],
    );
    const settings = { url: this.#url(), key: key?.value ?? this.#knownKey(agent, record), models };
    const wanted = agent.files.map((file): WantedFile => {
      const { format, holdsKey } = file;
      return { path: settingsPath(file, this.#world), format, holdsKey, changes: file.edits(settings) };
    });
    const files = faults(() => planned(wanted, record, this.#records));
    return { agent, record, settings, files, changing: files.filter(({ now, after }) => !isSame(now, after)) };
  }

  #choices(agent: Agent): ModelChoice[] {
    const typed = this.#input.all("model");
    return (typed.length === 0 ? [null] : typed).map((name) => modelFor(agent, name, this.#context));
  }

  #url(): string {
    const url = (this.#input.text("url") ?? `http://127.0.0.1:${this.#context.config().port}`).replace(/\/+$/, "");
    if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw CommandError.wrongUse("--url must begin with http:// or https://.");
    return url;
  }

  #sources(agent: Agent, record: SetupRecord | null): Parameters<typeof keyFor>[0] {
    const { environment, machine } = this.#world;
    return { agent, record, records: this.#records.all(), machine, named: this.#input.text("key"), variable: environment[KEY_VARIABLE] };
  }

  #knownKey(agent: Agent, record: SetupRecord | null): string {
    return knownKey(this.#sources(agent, record), this.#context);
  }

  // ---- What is shown -----------------------------------------------------------------------------------------

  #json({ agent, settings, files }: Plan): Record<string, unknown> & { readonly title: string } {
    return {
      agent: agent.id,
      title: agent.title,
      url: settings.url,
      models: settings.models.map(({ id }) => id),
      keyVariable: readsVariable(agent) ? KEY_VARIABLE : null,
      files: files.map((file) => ({
        path: file.path,
        target: file.target,
        changes: !isSame(file.now, file.after),
        diff: differenceOf(file, settings),
      })),
    };
  }

  #difference({ agent, changing, settings }: Plan): string {
    if (changing.length === 0) return `${agent.title} is already set up. Nothing would change.`;
    const { style } = this.#context;
    const colour = (line: string): string =>
      line.startsWith("+") ? style("green", line) : line.startsWith("-") ? style("red", line) : line;
    return changing.map((file) => differenceOf(file, settings).split("\n").map(colour).join("\n")).join("\n");
  }

  #note(text: string): void {
    this.#context.note(text);
  }
}

const CONTEXT_LINES = 2;
/** Precedes a value that may be another agent's secret, in JSON, TOML and lines of NAME=value. */
const SECRET_VALUE = /((?:key|token|secret|password)\w*"?\s*[:=]\s*["']?)([^\s"',{}$]{8,})/gi;

/** In the format of `diff -u`, without secrets. */
function differenceOf({ path, now, after }: PlannedFile, { key }: Settings): string {
  const text = createTwoFilesPatch(path, path, now.text ?? "", after.text ?? "", undefined, undefined, { context: CONTEXT_LINES });
  const lines = text.replaceAll("\r", "").slice(text.indexOf("--- ")).trimEnd();
  const isOurs = (value: string): boolean => value === KEY_VARIABLE;
  return new Redactor([key]).known(lines.replace(SECRET_VALUE, (all, name: string, value: string) => (isOurs(value) ? all : `${name}…`)));
}

function undone({ path, now, after, base }: PlannedFile): string[] {
  if (isSame(now, after)) return [`${path} has nothing to undo${now.text === null ? ": it no longer exists" : ""}.`];
  if (after.text === null) return [`Removed ${path}, which setup created.`];
  if (base.isExact) return [`Restored ${path} exactly as it was.`];
  return [
    `${path} was edited since setup; only the lines that setup added were removed.`,
    ...base.left.map((steps) => `  ${steps.join(".")} was changed since and was kept.`),
  ];
}

function faults<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof SetupFault) throw CommandError.failed(error.message);
    throw error;
  }
}
