// Turns the raw value of each variable into a typed one, and collects all faults.
// Never stops at the first fault. Faults hold raw values: ConfigError prepares them for display.

import { VARIABLE_NAMES, VARIABLES, type VariableName } from "./variables.ts";

export interface Fault {
  /** The variable, option, or place in a file. */
  readonly name: string;
  /** The raw value; null: none, or none that may be shown. */
  readonly value: string | null;
  /** What is wrong with it: the predicate of a sentence about the name, without a full stop. */
  readonly problem: string;
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

export interface SettingsSource {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Values from the command line: they win, and their faults name the option. */
  readonly options: readonly OptionValue[];
}

export interface OptionValue {
  readonly flag: string;
  readonly variable: VariableName;
  readonly value: string;
}

const WHOLE_NUMBER = /^\d{1,15}$/;
const DECIMAL = /^\d{1,12}(?:\.\d{1,6})?$/;
const SIZE = /^(\d{1,15})(KiB|MiB|GiB)?$/i;
const SHARE = /^(\d{1,3})%$/;
const MEBIBYTE = 1024 ** 2;
const SIZE_UNITS: Readonly<Record<string, number>> = { kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };
/** The longest time that a timer of either runtime supports. */
const MAX_SECONDS = 2_147_483;
export class Settings {
  readonly faults: Fault[] = [];
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #options: readonly OptionValue[];

  constructor({ environment, options }: SettingsSource) {
    this.#environment = environment;
    this.#options = options;
  }

  /** Every value of a secret variable, including the key after an optional name. */
  get secrets(): string[] {
    const names = VARIABLE_NAMES.filter((name) => VARIABLES[name].isSecret);
    const values = names.flatMap((name) => (this.#environment[name] ?? "").split(",")).map((secret) => secret.trim());
    return values.flatMap((value) => [value, value.slice(value.indexOf("=") + 1)]);
  }

  /** The value that was set; null: none, or "" where "" counts as unset. */
  given(name: VariableName): string | null {
    const raw = this.#option(name)?.value ?? this.#environment[name];
    if (raw === undefined) return null;
    if (VARIABLES[name].isVerbatim) return raw;
    const value = raw.trim();
    return value === "" ? null : value;
  }

  text(name: VariableName): string {
    return this.given(name) ?? VARIABLES[name].default;
  }

  /** The items of a comma-separated list. */
  list(name: VariableName): string[] {
    return this.text(name)
      .split(",")
      .flatMap((item) => item.trim() || []);
  }

  wholeNumber(name: VariableName, { min, max }: Range): number {
    const value = WHOLE_NUMBER.test(this.text(name)) ? Number(this.text(name)) : Number.NaN;
    if (value >= min && value <= max) return value;
    return this.#bad(name, `must be a whole number from ${min} to ${max}`, 0);
  }

  bytes(name: VariableName, { min, max }: Range): number {
    const value = this.#size(name);
    if (value >= min && value <= max) return value;
    return this.#bad(name, `must be a size from ${min} to ${max} bytes, e.g. 1048576 or 64MiB`, 0);
  }

  /** NaN: not a size. */
  #size(name: VariableName): number {
    const [, digits = "", unit = ""] = SIZE.exec(this.text(name)) ?? [];
    return digits === "" ? Number.NaN : Number(digits) * (SIZE_UNITS[unit.toLowerCase()] ?? 1);
  }

  /** Bytes, or a share of `wholeBytes` such as 25%; null for 0, which means no limit. */
  share(name: VariableName, wholeBytes: () => number): number | null {
    const [, percent = ""] = SHARE.exec(this.text(name)) ?? [];
    if (Number(percent) >= 1 && Number(percent) <= 100) return Math.floor((wholeBytes() * Number(percent)) / 100);
    if (this.text(name) === "0") return null;
    const bytes = this.#size(name);
    if (bytes >= MEBIBYTE && bytes <= MEBIBYTE ** 2) return bytes;
    return this.#bad(name, "must be a size, e.g. 512MiB, or a share of the memory from 1% to 100%", null);
  }

  /** Seconds, returned as milliseconds. */
  duration(name: VariableName): number {
    const value = DECIMAL.test(this.text(name)) ? Number(this.text(name)) : Number.NaN;
    if (value <= MAX_SECONDS) return Math.round(value * 1000);
    return this.#bad(name, `must be a number of seconds from 0 to ${MAX_SECONDS}, e.g. 30 or 0.5`, 0);
  }

  /** Seconds, returned as milliseconds; null for 0, which means no limit. */
  limit(name: VariableName): number | null {
    return this.duration(name) || null;
  }

  isOn(name: VariableName): boolean {
    const value = this.text(name).toLowerCase();
    if (value === "1" || value === "true") return true;
    if (value === "0" || value === "false") return false;
    return this.#bad(name, "must be 1, true, 0 or false", false);
  }

  oneOf<Word extends string>(name: VariableName, words: readonly [Word, ...Word[]]): Word {
    const value = this.text(name).toLowerCase();
    return words.find((word) => word === value) ?? this.#bad(name, `must be one of ${words.join(", ")}`, words[0]);
  }

  /** An absolute URL; null when unset. A query is kept, and never shown. */
  url(name: VariableName): string | null {
    const value = this.given(name);
    return value === null ? null : this.checkedUrl(this.label(name), value);
  }

  checkedUrl(label: string, value: string): string {
    const url = URL.canParse(value) ? new URL(value) : null;
    const isRight = url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "" && url.hash === "";
    if (isRight) return url.href;
    this.faults.push({ name: label, value, problem: "must be a full http:// or https:// URL without a user, a password or a fragment" });
    return "";
  }

  /** Reports the value of a variable. The value of a secret one is left out. */
  fault(name: VariableName, problem: string): void {
    this.faults.push({ name: this.label(name), value: VARIABLES[name].isSecret ? null : this.given(name), problem });
  }

  /** A variable's name as the person wrote it: the option, where that was used. */
  label(name: VariableName): string {
    const option = this.#option(name);
    return option === undefined ? name : `--${option.flag}`;
  }

  #option(name: VariableName): OptionValue | undefined {
    return this.#options.findLast((option) => option.variable === name);
  }

  /** Reports the value and returns `instead`, so that further faults are found too. */
  #bad<T>(name: VariableName, problem: string, instead: T): T {
    this.fault(name, problem);
    return instead;
  }
}
