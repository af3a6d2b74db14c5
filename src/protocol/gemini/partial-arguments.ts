// A function call's arguments as Vertex streams them, each piece with a JSON path (`$.place.names[0]`) and a value -> JSON text, once
// the call is complete.
// https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling (read 2026-11)
// Does not send half a value: pieces of different members may be interleaved, so the text is made at the end.

import { isObject, print, type Json, type JsonObject } from "../../wire/json.ts";

type Step = string | number;

const STEP = /\.([^.[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y;
const ESCAPED = /\\(.)/g;

export class PartialArguments {
  // Without a prototype, so that `__proto__` is a normal member.
  readonly #root: JsonObject = Object.create(null);

  /** Adds the pieces of one event; strings with the same path are concatenated. */
  add(pieces: Json | undefined): void {
    if (!Array.isArray(pieces)) return;
    for (const piece of pieces) {
      if (!isObject(piece)) continue;
      const value = valueOf(piece);
      const path = stepsOf(piece["jsonPath"]);
      if (value !== undefined && path.length > 0) set(this.#root, path, value);
    }
  }

  text(): string {
    return print(this.#root);
  }
}

function valueOf(piece: JsonObject): Json | undefined {
  if (piece["stringValue"] !== undefined) return piece["stringValue"];
  if (piece["numberValue"] !== undefined) return piece["numberValue"];
  if (piece["boolValue"] !== undefined) return piece["boolValue"];
  return piece["nullValue"] === undefined ? undefined : null;
}

function stepsOf(path: Json | undefined): Step[] {
  if (typeof path !== "string" || !path.startsWith("$")) return [];
  const steps: Step[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < path.length) {
    const found = STEP.exec(path);
    if (found === null) return [];
    const [, name, index, single, double] = found;
    steps.push(index === undefined ? (name ?? (single ?? double ?? "").replace(ESCAPED, "$1")) : Number(index));
  }
  STEP.lastIndex = 0;
  return steps;
}

function set(root: JsonObject, path: readonly Step[], value: Json): void {
  let holder: Json[] | JsonObject = root;
  path.forEach((step, depth) => {
    const key: Step = Array.isArray(holder) ? placeIn(holder, step) : String(step);
    const found: Json | undefined = read(holder, key);
    if (depth === path.length - 1) {
      write(holder, key, typeof found === "string" && typeof value === "string" ? found + value : value);
      return;
    }
    const next: Json[] | JsonObject =
      Array.isArray(found) || isObject(found) ? found : typeof path[depth + 1] === "number" ? [] : Object.create(null);
    if (next !== found) write(holder, key, next);
    holder = next;
  });
}

/** An array grows by one item at a time, whatever index a broken path names. */
function placeIn(array: readonly Json[], step: Step): number {
  return typeof step === "number" ? Math.min(step, array.length) : array.length;
}

function read(holder: Json[] | JsonObject, key: Step): Json | undefined {
  if (Array.isArray(holder)) return holder[Number(key)];
  return Object.hasOwn(holder, key) ? holder[key] : undefined;
}

function write(holder: Json[] | JsonObject, key: Step, value: Json): void {
  if (Array.isArray(holder)) holder[Number(key)] = value;
  else holder[key] = value;
}
