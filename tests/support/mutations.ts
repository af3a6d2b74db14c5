// What buggy clients, old SDKs and attackers make of a good body, and broken networks and servers of a stream.
// Pure: the same numbers give the same mutation, so that a counterexample can be shrunk and run again.

import fc, { type Arbitrary } from "fast-check";

// ---- Values ------------------------------------------------------------------------------------------------------

const LONE_SURROGATE = "\\ud83d";

/** JSON texts in unexpected places. */
const STRANGERS: readonly string[] = [
  "null",
  "true",
  "false",
  "0",
  "-0",
  "-1",
  "1.5",
  "1e999",
  "-1e400",
  "12345678901234567890123",
  "9007199254740993",
  '""',
  '" "',
  '"x"',
  '"\\u0000"',
  `"${LONE_SURROGATE}"`,
  '"\u2028 \ufeff \u{1f469}\u200d\u{1f467} \u0627\u0644"',
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '"data:image/png;base64,!!!!"',
  '"https://[not a url"',
  `"${"long ".repeat(500)}"`,
  "[]",
  "[null]",
  "[[]]",
  '["x", 1, {}]',
  "[{}]",
  "{}",
  '{"type":"text"}',
  '{"type":"text","text":"Hello"}',
  '{"type":"tool_use","id":"a","name":"b","input":{}}',
  '{"type":"function_call_output","call_id":"nobody","output":"x"}',
  '{"type":"constructor"}',
  '{"role":"user","content":"Hello"}',
  '{"role":"tool","tool_call_id":"nobody","content":"x"}',
  '{"__proto__":{"model":"x"}}',
  '{"toString":1,"valueOf":null,"constructor":{"prototype":[]}}',
  '{"$ref":"#/$defs/nobody"}',
  '{"error":{"message":"x"}}',
];

const NAMES: readonly string[] = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "",
  "model",
  "stream",
  "type",
  "role",
  "content",
  "text",
  "id",
  "name",
  "tools",
  "input",
  "messages",
  "contents",
  "error",
  "ünknown",
  "n",
  "length",
  "usage",
  "index",
];

type Step = "replace" | "delete" | "add" | "double" | "swap" | "rename" | "nest" | "wrap";
const STEPS: readonly Step[] = ["replace", "replace", "replace", "delete", "add", "double", "swap", "rename", "nest", "wrap"];

/** One change of a JSON value. The numbers choose among what is there. */
export interface ValueMutation {
  readonly step: Step;
  readonly place: number;
  readonly other: number;
}

export const valueMutation: Arbitrary<ValueMutation> = fc.record({
  step: fc.constantFrom(...STEPS),
  place: fc.nat(100_000),
  other: fc.nat(100_000),
});

type Value = null | boolean | number | string | Value[] | { [name: string]: Value };

/** A JSON text with some of its values changed; text that is not JSON stays as it is. */
export function mutateJson(text: string, mutations: readonly ValueMutation[]): string {
  let value: Value;
  try {
    value = JSON.parse(text) as Value;
  } catch {
    return text;
  }
  const raws: string[] = [];
  for (const mutation of mutations) mutate(value, mutation, raws);
  const printed = JSON.stringify(value);
  return raws.reduce((whole, raw, index) => whole.replace(`"${placeholder(index)}"`, () => raw), printed);
}

/** Values that JSON.stringify can't write are replaced by names until the text is made. */
function placeholder(index: number): string {
  return `@@raw${index}@@`;
}

function mutate(root: Value, { step, place, other }: ValueMutation, raws: string[]): void {
  const slots = slotsOf(root);
  const slot = slots[place % Math.max(1, slots.length)];
  if (slot === undefined) return;
  const stranger = (): string => {
    raws.push(STRANGERS[other % STRANGERS.length] ?? "null");
    return placeholder(raws.length - 1);
  };
  const { holder, key } = slot;
  switch (step) {
    case "replace":
      return put(holder, key, stranger());
    case "delete":
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      return;
    case "add":
      if (Array.isArray(holder)) holder.splice(Number(key), 0, stranger());
      else put(holder, NAMES[place % NAMES.length] ?? "", stranger());
      return;
    case "double":
      if (Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(holder[Number(key)] ?? null));
      return;
    case "swap": {
      const second = slots[other % slots.length];
      if (second === undefined || isWithin(valueAt(slot), second.holder) || isWithin(valueAt(second), holder)) return;
      const kept = valueAt(slot);
      put(holder, key, valueAt(second));
      return put(second.holder, second.key, kept);
    }
    case "rename": {
      if (Array.isArray(holder)) return;
      const value = valueAt(slot);
      delete holder[key];
      return put(holder, NAMES[other % NAMES.length] ?? "", value);
    }
    case "nest": {
      const depth = other % 2 === 0 ? 600 : 40;
      raws.push(`${"[".repeat(depth)}${"]".repeat(depth)}`);
      return put(holder, key, placeholder(raws.length - 1));
    }
    case "wrap":
      return put(holder, key, other % 2 === 0 ? [valueAt(slot)] : { value: valueAt(slot) });
  }
}

interface Slot {
  readonly holder: Value[] | { [name: string]: Value };
  readonly key: string;
}

function slotsOf(value: Value): Slot[] {
  if (typeof value !== "object" || value === null) return [];
  const holder = value;
  return Object.keys(value).flatMap((key): Slot[] => [{ holder, key }, ...slotsOf(valueAt({ holder, key }))]);
}

function valueAt({ holder, key }: Slot): Value {
  return (Array.isArray(holder) ? holder[Number(key)] : holder[key]) ?? null;
}

/** By definition instead of assignment, which would treat `__proto__` differently. */
function put(holder: Slot["holder"], key: string, value: Value): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function isWithin(value: Value, holder: Slot["holder"]): boolean {
  if (value === holder) return true;
  return typeof value === "object" && value !== null && Object.values(value).some((inner) => isWithin(inner, holder));
}

// ---- Texts -------------------------------------------------------------------------------------------------------

type TextStep = "truncate" | "flip" | "insert" | "drop" | "repeat" | "byte";
const TEXT_STEPS: readonly TextStep[] = ["truncate", "flip", "insert", "drop", "repeat", "byte"];
const INSERTS = ["{", "}", "[", "]", '"', ",", ":", "\\", "\u0000", "\ufeff", "\n\n", "\r", "data: ", "é", "1e", "/*", "\\u12"];

/** One change of bytes. */
export interface ByteMutation {
  readonly step: TextStep;
  readonly place: number;
  readonly other: number;
}

export const byteMutation: Arbitrary<ByteMutation> = fc.record({
  step: fc.constantFrom(...TEXT_STEPS),
  place: fc.nat(1_000_000),
  other: fc.nat(255),
});

const utf8 = new TextEncoder();

export function mutateBytes(bytes: Uint8Array, mutations: readonly ByteMutation[]): Uint8Array {
  return mutations.reduce(mutateByte, bytes);
}

function mutateByte(bytes: Uint8Array, { step, place, other }: ByteMutation): Uint8Array {
  const at = place % Math.max(1, bytes.length);
  const spliced = (deleted: number, inserted: Uint8Array): Uint8Array =>
    joined([bytes.subarray(0, at), inserted, bytes.subarray(at + deleted)]);
  switch (step) {
    case "truncate":
      return bytes.slice(0, at);
    case "flip":
      return spliced(1, Uint8Array.of((bytes[at] ?? 0) ^ (1 << (other % 8))));
    case "insert":
      return spliced(0, utf8.encode(INSERTS[other % INSERTS.length] ?? ""));
    case "drop":
      return spliced(1 + (other % 40), new Uint8Array());
    case "repeat":
      return spliced(0, bytes.slice(at, at + 1 + other));
    case "byte":
      return spliced(0, Uint8Array.of(other));
  }
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// ---- Streams -----------------------------------------------------------------------------------------------------

type EventStep = "drop" | "double" | "swap" | "end" | "garbage" | "value" | "rename";
const EVENT_STEPS: readonly EventStep[] = ["drop", "double", "swap", "end", "garbage", "value", "value", "rename"];
const GARBAGE = [
  ": a comment\n\n",
  "data: [DONE]\n\n",
  "data: {not json\n\n",
  "data: null\n\n",
  "data: []\n\n",
  "data: 7\n\n",
  'data: "text"\n\n',
  "data: {}\n\n",
  "data:\n\n",
  "event: ping\ndata: {}\n\n",
  "event: error\ndata: {}\n\n",
  'data: {"error":null}\n\n',
  'data: {"error":{"message":null,"code":"x"}}\n\n',
  'data: {"type":"error"}\n\n',
  'data: {"type":"__proto__"}\n\n',
  "id: 7\nretry: 1\n\n",
  "no field at all\n\n",
  "<html>502 Bad Gateway</html>\n\n",
  'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  'data: {"choices":[{"index":1,"delta":{"content":"x"},"finish_reason":null}]}\n\n',
  'data: {"choices":[{"index":0,"delta":null,"finish_reason":"unheard_of"}]}\n\n',
  'data: {"candidates":[null]}\n\n',
];

/** One change of a stream's events. */
export interface EventMutation {
  readonly step: EventStep;
  readonly place: number;
  readonly other: number;
  /** Of the value of an event. */
  readonly value: ValueMutation;
}

export const eventMutation: Arbitrary<EventMutation> = fc.record({
  step: fc.constantFrom(...EVENT_STEPS),
  place: fc.nat(10_000),
  other: fc.nat(10_000),
  value: valueMutation,
});

const BLANK_LINE = /(?<=\n\n)/;
const DATA = /^data: ?(.*)$/m;
const EVENT = /^event: .*$/m;

/** The text of a stream of events, one block each, with some of them changed. */
export function mutateStream(text: string, mutations: readonly EventMutation[]): string {
  const blocks = text.replaceAll("\r\n", "\n").split(BLANK_LINE);
  for (const { step, place, other, value } of mutations) {
    const at = place % Math.max(1, blocks.length);
    const to = other % Math.max(1, blocks.length);
    const block = blocks[at] ?? "";
    switch (step) {
      case "drop":
        blocks.splice(at, 1);
        break;
      case "double":
        blocks.splice(to, 0, block);
        break;
      case "swap":
        blocks[at] = blocks[to] ?? "";
        blocks[to] = block;
        break;
      case "end":
        blocks.length = at;
        break;
      case "garbage":
        blocks.splice(at, 0, GARBAGE[other % GARBAGE.length] ?? "");
        break;
      case "value":
        blocks[at] = block.replace(DATA, (_, data: string) => `data: ${mutateJson(data, [value])}`);
        break;
      case "rename":
        blocks[at] = block.replace(EVENT, `event: ${NAMES[other % NAMES.length] ?? ""}`);
        break;
    }
  }
  return blocks.join("");
}
