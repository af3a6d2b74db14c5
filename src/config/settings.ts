// Room: config (row 3), its reader.
// In:  the raw value of each variable. Out: typed values by name, and a list of everything that is wrong with them.
// Never does: stop at the first fault, or put a secret into one.

import { VARIABLES, type VariableName } from "./variables.ts";

export interface Fault {
  /** The variable, flag, or place in a file. */
  readonly name: string;
  /** What stands there, fit to be shown; null when nothing does. */
  readonly value: string | null;
  /** What would be right: the end of a sentence that goes "should be ...". */
  readonly wanted: string;
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

export interface SettingsSource {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Values from the command line: they win, and faults in them name the flag. */
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
const SIZE_UNITS: Readonly<Record<string, number>> = { kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };
/** The longest that a timer of either runtime can wait. */
const MAX_SECONDS = 2_147_483;
const SHOWN_CHARACTERS = 60;
const MIN_SECRET_LENGTH = 4;
const LOOKS_LIKE_KEY = /(?:^|[^a-z0-9])(?:fk|sk|fp)-|AIza/i;
const USER_INFO = /\/\/[^/?#]*@/;
const FROM_QUERY_ON = /[?#].*$/s;

export class Settings {
  readonly faults: Fault[] = [];
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #options: readonly OptionValue[];
  readonly #secrets: readonly string[];

  constructor({ environment, options }: SettingsSource) {
    this.#environment = environment;
    this.#options = options;
    const names = Object.keys(VARIABLES).filter((name) => isVariable(name) && VARIABLES[name].isSecret);
    const secrets = names.flatMap((name) => (environment[name] ?? "").split(",")).map((secret) => secret.trim());
    this.#secrets = secrets.filter((secret) => secret.length >= MIN_SECRET_LENGTH);
  }

  /** What was set; null when nothing was, or "" where "" says nothing. */
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

  wholeNumber(name: VariableName, { min, max }: Range): number {
    const value = WHOLE_NUMBER.test(this.text(name)) ? Number(this.text(name)) : Number.NaN;
    if (value >= min && value <= max) return value;
    return this.#bad(name, `a whole number from ${min} to ${max}`, 0);
  }

  bytes(name: VariableName, { min, max }: Range): number {
    const [, digits = "", unit = ""] = SIZE.exec(this.text(name)) ?? [];
    const value = digits === "" ? Number.NaN : Number(digits) * (SIZE_UNITS[unit.toLowerCase()] ?? 1);
    if (value >= min && value <= max) return value;
    return this.#bad(name, `a size from ${min} to ${max} bytes, e.g. 1048576 or 64MiB`, 0);
  }

  /** Seconds, as milliseconds. */
  duration(name: VariableName): number {
    const value = DECIMAL.test(this.text(name)) ? Number(this.text(name)) : Number.NaN;
    if (value <= MAX_SECONDS) return Math.round(value * 1000);
    return this.#bad(name, `a number of seconds from 0 to ${MAX_SECONDS}, e.g. 30 or 0.5`, 0);
  }

  /** Seconds, as milliseconds; null for 0, which is no limit. */
  limit(name: VariableName): number | null {
    return this.duration(name) || null;
  }

  isOn(name: VariableName): boolean {
    const value = this.text(name).toLowerCase();
    if (value === "1" || value === "true") return true;
    if (value === "0" || value === "false") return false;
    return this.#bad(name, "1, true, 0 or false", false);
  }

  oneOf<Word extends string>(name: VariableName, words: readonly [Word, ...Word[]]): Word {
    const value = this.text(name).toLowerCase();
    return words.find((word) => word === value) ?? this.#bad(name, `one of ${words.join(", ")}`, words[0]);
  }

  /** An absolute URL; null when unset. Its query, if it has one, is kept and never shown. */
  url(name: VariableName): string | null {
    const value = this.given(name);
    return value === null ? null : this.checkedUrl(this.label(name), value);
  }

  checkedUrl(label: string, value: string): string {
    const url = URL.canParse(value) ? new URL(value) : null;
    const isRight = url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "" && url.hash === "";
    if (isRight) return url.href;
    this.faults.push({ name: label, value: this.show(value), wanted: "a whole http:// or https:// URL without user, password and #" });
    return "";
  }

  /** Reports the value of a variable. */
  fault(name: VariableName, wanted: string): void {
    const value = this.given(name);
    this.faults.push({ name: this.label(name), value: value === null ? null : this.#shown(name, value), wanted });
  }

  /** A variable's name as the person wrote it: the flag, where that set it. */
  label(name: VariableName): string {
    const option = this.#option(name);
    return option === undefined ? name : `--${option.flag}`;
  }

  /** A value as a fault may show it: quoted, cut, and nothing that holds a key. */
  show(value: string): string {
    if (LOOKS_LIKE_KEY.test(value) || this.#secrets.some((secret) => value.includes(secret))) return "(not shown)";
    const safe = value.replace(USER_INFO, "//…@").replace(FROM_QUERY_ON, (query) => `${query.charAt(0)}…`);
    return JSON.stringify(safe.length > SHOWN_CHARACTERS ? `${safe.slice(0, SHOWN_CHARACTERS)}…` : safe);
  }

  #shown(name: VariableName, value: string): string {
    return VARIABLES[name].isSecret ? "(set)" : this.show(value);
  }

  #option(name: VariableName): OptionValue | undefined {
    return this.#options.findLast((option) => option.variable === name);
  }

  /** Reports the value and goes on with `instead`, so that the other faults are found too. */
  #bad<T>(name: VariableName, wanted: string, instead: T): T {
    this.fault(name, wanted);
    return instead;
  }
}

function isVariable(name: string): name is VariableName {
  return name in VARIABLES;
}
