// The configuration read again while the program runs: what counts from now on, which variables changed, and which of them need a restart.
// Never shows a value, and changes nothing itself.

import { readConfig, type Config } from "./config.ts";
import { readSettings, type ConfigSource } from "./source.ts";
import { VARIABLE_NAMES, VARIABLES, type VariableName } from "./variables.ts";

/** A configuration, and what was said for it. */
export interface Reading {
  readonly config: Config;
  /** With what the `.env` file adds. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of each variable that counts, as it was typed; null where it is not set. */
  readonly values: Readonly<Record<VariableName, string | null>>;
}

export interface Rereading extends Reading {
  /** Variables whose change counts from now on. */
  readonly changed: readonly VariableName[];
  /** Variables whose change counts after a restart; until then the configuration has their value of the start. */
  readonly needRestart: readonly VariableName[];
}

/** @throws ConfigError holding every fault. */
export function readFirst(source: ConfigSource): Reading {
  const read = once(source);
  const config = readConfig(read);
  const { settings, environment } = readSettings(read);
  const values = Object.fromEntries(VARIABLE_NAMES.map((name) => [name, settings.given(name)]));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was made of all names
  return { config, environment, values: values as Reading["values"] };
}

/** @throws ConfigError holding every fault, also those of variables that need a restart. */
export function readAgain(source: ConfigSource, before: Reading): Rereading {
  const read = once(source);
  const { environment, values } = readFirst(read);
  const different = VARIABLE_NAMES.filter((name) => values[name] !== before.values[name]);
  // A default that is spelled out is no change.
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

/** The same source, whose files do not change between two looks at them. */
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
