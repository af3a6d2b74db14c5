// What is known of an agent, as data: how it is found and installed, how it is pointed at this server for one run or for good.
// An agent's file never runs anything and never touches a disk.

import type { ProtocolId } from "../../protocol/canonical.ts";
import type { FormatName, Step } from "../settings-format.ts";

export interface Agent {
  /** The word that a person types: `claude`. */
  readonly id: string;
  /** As its makers write it: `Claude Code`. */
  readonly title: string;
  /** The program, as it is looked up in PATH. */
  readonly program: string;
  /** On npm. `npm install -g` with it installs the program. */
  readonly package: string;
  /** The version that was last seen to work. */
  readonly version: string;
  /** What makes the program print its version. */
  readonly versionWords: readonly string[];
  /** What it can speak. A model's own protocol is taken where it is one of these, otherwise the first. */
  readonly protocols: readonly ProtocolId[];
  /** The model where none is asked for. Null: the agent's own choice, of a model that this server knows. */
  readonly defaultModel: string | null;
  /** Variables that would point it elsewhere, or sign it in elsewhere. They are taken out of its environment. */
  readonly foreignVariables: readonly string[];
  /** A file of the person's that `launch` has to know, below the home folder, with slashes. Null: none. It is read, and stays as it is. */
  readonly reads: string | null;
  /** For one run, with no file of the person's touched. */
  readonly launch: (place: Place) => Launch;
  /** Files of the person's that `setup` edits. Empty: environment variables alone. */
  readonly files: readonly SettingsFile[];
}

/** What is known of a model. Tokens; null: nobody has said. */
export interface ModelLimits {
  readonly contextTokens: number | null;
  readonly outputTokens: number | null;
}

/** Where an agent is pointed. */
export interface Place {
  /** This server, without a slash at the end. */
  readonly url: string;
  /** Secret: a client key. It goes into the environment, never into words, which other users of the machine can read. */
  readonly key: string;
  /** Null: the agent's own choice. Never null where it has a `defaultModel`. */
  readonly model: string | null;
  /** Of the model. */
  readonly limits: ModelLimits;
  /** One of the agent's. */
  readonly protocol: ProtocolId;
  /** The text of the file that `Agent.reads` names. Null: there is none. */
  readonly read: string | null;
  /** A folder for this run alone, removed at its end. It exists where `Launch.files` has any. */
  readonly folder: string;
}

export interface Launch {
  /** In front of what the person typed. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** To write into `Place.folder` first: name -> text. */
  readonly files?: Readonly<Record<string, string>>;
  /** What a person should know who expects their usual settings. */
  readonly note?: string;
}

/** A file that says for good where an agent is pointed. */
export interface SettingsFile {
  /** Below the home folder, with slashes: `.codex`. "" is the home folder itself. */
  readonly folder: string;
  /** A variable that names this folder instead. Null: there is none. */
  readonly folderVariable: string | null;
  /** Below the folder, with slashes. The first that exists is edited; where none does the last is made. */
  readonly names: readonly string[];
  readonly format: FormatName;
  /** Whether the key itself is written, as the agent can't take it from a variable. */
  readonly holdsKey: boolean;
  readonly edits: (settings: Settings) => readonly Edit[];
}

/** What is written for good. */
export interface Settings {
  /** This server, without a slash at the end. */
  readonly url: string;
  /** Secret: a client key. */
  readonly key: string;
  /** The models that were asked for; the first is the one to begin with. Empty: the agent's own choice. Never empty where it has a `defaultModel`. */
  readonly models: readonly SettingsModel[];
}

export interface SettingsModel {
  readonly id: string;
  readonly limits: ModelLimits;
  /** One of the agent's. */
  readonly protocol: ProtocolId;
}

/** Sets one member, and leaves its neighbours as they are. */
export interface Edit {
  /** Names from the outside in: `["env", "ANTHROPIC_BASE_URL"]`. ADDED at its end: one more item of a list. */
  readonly path: readonly Step[];
  readonly value: EditValue;
}

export type EditValue = string | number | boolean | readonly EditValue[] | { readonly [name: string]: EditValue };

/** Models of one protocol, for agents in which a provider speaks one. */
export interface ModelGroup {
  /** What to call the provider. That of the first model is PROVIDER. */
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

/** An edit for each member: what a person has put beside them stays. */
export function editsAt(path: readonly Step[], members: Readonly<Record<string, EditValue>>): Edit[] {
  return Object.entries(members).map(([name, value]) => ({ path: [...path, name], value }));
}

/** The name of the provider in what an agent calls one, and the variable that holds the key for it. */
export const PROVIDER = "factory-proxy";
export const KEY_VARIABLE = "FACTORY_PROXY_KEY";

export function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
