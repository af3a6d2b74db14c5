// The configuration read again while the program runs: what applies from now on, which variables changed, and which of them need a restart.
// Never shows a value, and changes nothing itself.

import { readConfig, type Config } from "./config.ts";
import { readSettings, type ConfigSource } from "./source.ts";
import { VARIABLE_NAMES, VARIABLES, type VariableName } from "./variables.ts";

/** A configuration, and the values that it was read from. */
export interface Reading {
  readonly config: Config;
  /** Including what the `.env` file adds. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The raw value of each variable that counts; null where it is not set. */
  readonly values: Readonly<Record<VariableName, string | null>>;
}

export interface Rereading extends Reading {
  /** Changed variables that apply from now on. */
  readonly changed: readonly VariableName[];
  /** Changed variables that apply after a restart; until then the configuration has their first values. */
  readonly needRestart: readonly VariableName[];
}

/** @throws ConfigError with every fault. */
export function readFirst(source: ConfigSource): Reading {
  const read = once(source);
  const config = readConfig(read);
  const { settings, environment } = readSettings(read);
  const values = Object.fromEntries(VARIABLE_NAMES.map((name) => [name, settings.given(name)]));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was made of all names
  return { config, environment, values: values as Reading["values"] };
}

/** @throws ConfigError with every fault, including those of variables that need a restart. */
export function readAgain(source: ConfigSource, before: Reading): Rereading {
  const read = once(source);
  const { environment, values } = readFirst(read);
  const different = VARIABLE_NAMES.filter((name) => values[name] !== before.values[name]);
  // Spelling out a default is not a change.
  const valueIn = (reading: Reading["values"], name: VariableName): string => reading[name] ?? VARIABLES[name].default;
  const needRestart = different.filter((name) => !VARIABLES[name].reload && valueIn(values, name) !== valueIn(before.values, name));
  const kept = Object.fromEntries(needRestart.map((name) => [name, before.values[name]]));
  const pinned = Object.fromEntries(needRestart.map((name) => [name, before.values[name] ?? ""]));
  const config = readConfig({ ...read, environment: { ...read.environment, ...pinned } });
  const hasOtherModels = JSON.stringify(config.models) !== JSON.stringify(before.config.models);
  const changed = VARIABLE_NAMES.filter((name) => {
    return VARIABLES[name].reload && (different.includes(name) || (name === "CONFIG_PATH" && hasOtherModels));
  });
  return { config, environment, values: { ...values, ...kept }, changed, needRestart };
}

/** The same source, with files that do not change between two reads. */
function once(source: ConfigSource): ConfigSource {
  const texts = new Map<string, string | null>();
  return {
    ...source,
    file(path) {
      if (!texts.has(path)) texts.set(path, source.file(path));
      return texts.get(path) ?? null;
    },
  };
}
