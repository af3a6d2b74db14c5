// What is known of an agent, as data: how to find and install it, and how to point it at this server for one run or permanently.
// An agent's file never runs anything and never touches a disk.

import type { ProtocolId } from "../../protocol/canonical.ts";
import type { FormatName, Step } from "../settings-format.ts";

export interface Agent {
  /** The word that people type: `claude`. */
  readonly id: string;
  /** Its makers' spelling: `Claude Code`. */
  readonly title: string;
  /** The program, as it is found in PATH. */
  readonly program: string;
  /** Its package on npm. `npm install -g` with it installs the program. */
  readonly package: string;
  /** The last version that was seen to work. */
  readonly version: string;
  /** The option that makes the program print its version. */
  readonly versionWords: readonly string[];
  /** The protocols that it speaks. A model's own protocol is used where it is one of these, otherwise the first. */
  readonly protocols: readonly ProtocolId[];
  /** The model where none is requested. Null: the agent's own choice, of a model that this server knows. */
  readonly defaultModel: string | null;
  /** Variables that would point it elsewhere, or sign it in elsewhere. They are removed from its environment. */
  readonly foreignVariables: readonly string[];
  /** A file of the person's that `launch` has to read, below the home folder, with slashes. Null: none. It is not changed. */
  readonly reads: string | null;
  /** For one run, without touching the person's files. */
  readonly launch: (place: Place) => Launch;
  /** Files of the person's that `setup` edits. Empty: environment variables are enough. */
  readonly files: readonly SettingsFile[];
}

/** What is known of a model. Tokens; null: not known. */
export interface ModelLimits {
  readonly contextTokens: number | null;
  readonly outputTokens: number | null;
}

/** Where to point an agent. */
export interface Place {
  /** This server, without a trailing slash. */
  readonly url: string;
  /** Secret: a client key. It goes into the environment, never into arguments, which other users of the machine can read. */
  readonly key: string;
  /** Null: the agent's own choice. Never null where it has a `defaultModel`. */
  readonly model: string | null;
  /** The limits of the model. */
  readonly limits: ModelLimits;
  /** One of the agent's protocols. */
  readonly protocol: ProtocolId;
  /** The text of the file that `Agent.reads` names. Null: it does not exist. */
  readonly read: string | null;
  /** A folder for this run alone, removed at its end. It exists where `Launch.files` has any. */
  readonly folder: string;
}

export interface Launch {
  /** Arguments before those that the person typed. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Files to write into `Place.folder` first: name -> text. */
  readonly files?: Readonly<Record<string, string>>;
  /** What a person should know who expects their usual settings to apply. */
  readonly note?: string;
}

/** A file that points an agent somewhere permanently. */
export interface SettingsFile {
  /** Below the home folder, with slashes: `.codex`. "": the home folder itself. */
  readonly folder: string;
  /** A variable that names another folder. Null: there is none. */
  readonly folderVariable: string | null;
  /** Below the folder, with slashes. The first existing one is edited; if none exists, the last is created. */
  readonly names: readonly string[];
  readonly format: FormatName;
  /** Whether the key itself is written, because the agent can't read it from a variable. */
  readonly holdsKey: boolean;
  readonly edits: (settings: Settings) => readonly Edit[];
}

/** What is written permanently. */
export interface Settings {
  /** This server, without a trailing slash. */
  readonly url: string;
  /** Secret: a client key. */
  readonly key: string;
  /** The requested models; the agent starts with the first. Empty: the agent's own choice. Never empty where it has a `defaultModel`. */
  readonly models: readonly SettingsModel[];
}

export interface SettingsModel {
  readonly id: string;
  readonly limits: ModelLimits;
  /** One of the agent's protocols. */
  readonly protocol: ProtocolId;
}

/** Sets one member, and leaves its neighbours as they are. */
export interface Edit {
  /** Names from the outermost one: `["env", "ANTHROPIC_BASE_URL"]`. With ADDED at its end: one more item of a list. */
  readonly path: readonly Step[];
  readonly value: EditValue;
}

export type EditValue = string | number | boolean | readonly EditValue[] | { readonly [name: string]: EditValue };

/** Models of one protocol, for agents whose providers speak one protocol each. */
export interface ModelGroup {
  /** The provider's name. That of the first model is PROVIDER. */
  readonly provider: string;
  readonly protocol: ProtocolId;
  readonly models: readonly SettingsModel[];
}

export function groupsOf(models: readonly SettingsModel[]): ModelGroup[] {
  const protocols = [...new Set(models.map(({ protocol }) => protocol))];
  return protocols.map((protocol, index) => ({
    provider: index === 0 ? PROVIDER : `${PROVIDER}-${protocol}`,
    protocol,
    models: models.filter((model) => model.protocol === protocol),
  }));
}

/** An edit for each member: whatever else the person has there stays. */
export function editsAt(path: readonly Step[], members: Readonly<Record<string, EditValue>>): Edit[] {
  return Object.entries(members).map(([name, value]) => ({ path: [...path, name], value }));
}

/** The agent's name for the provider, and the variable that holds its key. */
export const PROVIDER = "factory-proxy";
export const KEY_VARIABLE = "FACTORY_PROXY_KEY";

export function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
