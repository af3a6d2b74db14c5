// Renames a tool's arguments where a target allows only some names: in the tool's schema and in the calls of the history, and back in the
// calls of an answer. Only names of the outermost object are restricted; nested ones do not matter to the targets.
// Never changes anything but these names.

import { isObject, type Json, type JsonObject } from "../wire/json.ts";
import { namesIn, withReferences } from "./root-schema.ts";
import { fitName, type NameRule } from "./tool-names.ts";

/** Names as they are, and what takes their place. */
export type Names = ReadonlyMap<string, string>;

/** The names that break the rule, and their fitted form; the same on every turn. */
export function fittedNames(names: readonly string[], rule: NameRule): Names {
  const taken = new Set(names);
  const fitted = new Map<string, string>();
  /** Names by their first fitted form, each with its final one. */
  const last = new Map<string, string>();
  for (const name of names) {
    const first = fitName(name, rule);
    if (first === name) continue;
    let short = last.get(first) ?? first;
    // Underscores are put in front until the name is unique.
    while (taken.has(short)) short = fitName(`_${short}`, rule);
    taken.add(short);
    last.set(first, short);
    fitted.set(name, short);
  }
  return fitted;
}

/** The way back. */
export function reversed(names: Names): Names {
  return new Map([...names].map(([name, fitted]) => [fitted, name]));
}

// ---- Schemas -----------------------------------------------------------------------------------------------------

const POINTER = /^#\/properties\/([^/]*)/;

/** The schema with renamed properties at its root, wherever it refers to them. */
export function renameSchema(schema: JsonObject, names: Names): JsonObject {
  return withReferences(renamed(schema, names), (reference) =>
    reference.replace(POINTER, (pointer, step: string) => {
      const [written, unescaped] = namesIn(step);
      const fitted = names.get(written) ?? names.get(unescaped);
      return fitted === undefined ? pointer : `#/properties/${fitted}`;
    }),
  );
}

/** Schemas of the same object inside another. */
const IN_PLACE: ReadonlySet<string> = new Set(["anyOf", "oneOf", "allOf", "not", "if", "then", "else"]);
const BY_NAME: ReadonlySet<string> = new Set(["properties", "dependentRequired", "dependentSchemas", "dependencies"]);

function renamed(schema: JsonObject, names: Names): JsonObject {
  const one = (name: Json): Json => (typeof name === "string" ? (names.get(name) ?? name) : name);
  const list = (value: Json): Json => (Array.isArray(value) ? value.map(one) : value);
  const inPlace = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(inPlace);
    return isObject(value) ? renamed(value, names) : value;
  };
  const entries = Object.entries(schema).map(([key, value]): [string, Json] => {
    if (key === "required") return [key, list(value)];
    if (IN_PLACE.has(key)) return [key, inPlace(value)];
    if (!BY_NAME.has(key) || !isObject(value)) return [key, value];
    const members = Object.entries(value).map(([name, member]): [string, Json] => [
      names.get(name) ?? name,
      key === "properties" ? member : Array.isArray(member) ? list(member) : inPlace(member),
    ]);
    return [key, Object.fromEntries(members)];
  });
  return Object.fromEntries(entries);
}

// ---- Arguments ---------------------------------------------------------------------------------------------------

/** The arguments of a call with renamed members; text that is not a JSON object is returned as it is. */
export function renameArguments(source: string, names: Names): string {
  const renamer = new ArgumentRenamer(names);
  return renamer.add(source) + renamer.end();
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Renames the arguments of a call that arrives in pieces, cut anywhere. Holds back only an incomplete name. */
export class ArgumentRenamer {
  readonly #names: Names;
  #depth = 0;
  /** Whether a string that begins here is a name of the outermost object. */
  #expectsName = false;
  #isObject = false;
  #string: "none" | "name" | "value" = "none";
  #isEscaped = false;
  /** The name so far, with its opening quote. */
  #held = "";

  constructor(names: Names) {
    this.#names = names;
  }

  /** What this piece adds; "" while a name is incomplete. */
  add(piece: string): string {
    let out = "";
    /** Nothing of the piece from here on has been emitted. */
    let from = 0;
    for (let at = 0; at < piece.length; at++) {
      const code = piece.charCodeAt(at);
      if (this.#string === "none") {
        if (code === QUOTE && this.#expectsName) {
          out += piece.slice(from, at);
          from = at;
        }
        this.#take(code);
      } else if (this.#isEscaped) this.#isEscaped = false;
      else if (code === BACKSLASH) this.#isEscaped = true;
      else if (code === QUOTE) {
        if (this.#string === "name") {
          out += this.#renamed(this.#held + piece.slice(from, at + 1));
          this.#held = "";
          from = at + 1;
        }
        this.#string = "none";
      }
    }
    if (this.#string !== "name") return out + piece.slice(from);
    this.#held += piece.slice(from);
    return out;
  }

  /** What was held back of a name that never ended. */
  end(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }

  /** A character outside of strings. */
  #take(code: number): void {
    switch (code) {
      case QUOTE:
        this.#string = this.#expectsName ? "name" : "value";
        this.#expectsName = false;
        return;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (this.#depth++ === 0) this.#isObject = code === OPEN_BRACE;
        this.#expectsName = this.#depth === 1 && this.#isObject;
        return;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        this.#depth--;
        this.#expectsName = false;
        return;
      case COMMA:
        this.#expectsName = this.#depth === 1 && this.#isObject;
        return;
      default:
    }
  }

  #renamed(source: string): string {
    const name = this.#names.get(unquoted(source));
    return name === undefined ? source : JSON.stringify(name);
  }
}

/** A JSON string's text; "" for one that is not well-formed. */
function unquoted(source: string): string {
  try {
    return String(JSON.parse(source));
  } catch {
    return "";
  }
}
