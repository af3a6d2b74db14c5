// Reads a configuration from plain values, as the program reads it from the process.

import assert from "node:assert/strict";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { nameFaults } from "../../src/models/name-faults.ts";
import { ConfigError, readConfig, type Config } from "../../src/config/config.ts";
import type { ConfigSource } from "../../src/config/source.ts";

export interface Given {
  readonly environment?: Record<string, string | undefined>;
  readonly arguments?: readonly string[];
  /** An Error is what reading the file throws. */
  readonly files?: Record<string, string | Error>;
}

export function read(given: Given): Config {
  return readConfig(sourceOf(given));
}

export function sourceOf({ environment = {}, arguments: commandLine = [], files = {} }: Given): ConfigSource {
  return {
    environment,
    arguments: commandLine,
    file: (path) => {
      const file = files[path] ?? null;
      if (file instanceof Error) throw file;
      return file;
    },
    redactor: new Redactor([]),
    nameFaults,
  };
}

export function errorOf(given: Given): ConfigError {
  try {
    read(given);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  assert.fail(`no fault was found in ${JSON.stringify(given)}`);
}
