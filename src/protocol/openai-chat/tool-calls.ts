// Tool calls, both directions: in a conversation, and in an answer that arrives in pieces.
// Never holds arguments back, or ends a call that may still grow.

import { GatewayError } from "../../errors.ts";
import { isObject, JsonText, print } from "../../wire/json.ts";
import type { Part, Proof, ReplyEvent, ToolCallPart } from "../canonical.ts";
import type { Exchange } from "../codec.ts";
import type { Fields } from "../fields.ts";
import type { NameTable } from "../tool-names.ts";
import { decodeMark } from "./cache-marks.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { FreeText } from "./free-text.ts";
import { decodeCallProof, encodeCallProof } from "./seals.ts";
import { emulatedTools, toolNames } from "./tools.ts";
import { numberOf, objectOf, textOf, type CallDelta, type CalledDelta, type ToolCall } from "./wire.ts";

// ---- Of a conversation ---------------------------------------------------------------------------------------------

/** A call in the conversation. Its number, the same on every turn, replaces a missing id. */
export function decodeCall(call: Fields, number: number): ToolCallPart {
  const type = call.optionalText("type");
  const callId = call.optionalText("id") || `call_${number}`;
  const proof = decodeCallProof(call.raw("extra_content"));
  const cache = decodeMark(call);
  // A client that assembled the call from a stream may have kept its index.
  call.ignore("index");
  if (type === "custom" || (type === null && call.has("custom"))) {
    const custom = (call.optionalObject("custom") ?? call).ignoreRest();
    const name = custom.text("name");
    return { type: "tool-call", callId, kind: "custom", name, arguments: custom.optionalText("input") ?? "", proof, cache };
  }
  return decodeFunctionCall(call.optionalObject("function") ?? call, { callId, proof, cache });
}

/** The called function, as `function` of a call, or as the older `function_call`. */
export function decodeFunctionCall(
  fn: Fields,
  { callId, proof = null, cache = null }: Pick<ToolCallPart, "callId"> & Partial<Pick<ToolCallPart, "proof" | "cache">>,
): ToolCallPart {
  const name = fn.ignoreRest().text("name");
  return { type: "tool-call", callId, kind: "function", name, arguments: argumentsOf(fn), proof, cache };
}

/** Arguments are JSON text; some clients send the object itself, which was parsed verbatim. */
function argumentsOf(fn: Fields): string {
  const value = fn.raw("arguments");
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (value instanceof JsonText || isObject(value)) return print(value);
  throw fn.fail("arguments", "JSON text");
}

/** A call with these arguments: those of the part, or the first piece of them. */
export function encodeCall({ callId: id, name, kind, proof }: Omit<ToolCallPart, "arguments">, text: string): ToolCall {
  return kind === "custom"
    ? { id, type: "custom", custom: { name, input: text }, ...encodeCallProof(proof) }
    : { id, type: "function", function: { name, arguments: text }, ...encodeCallProof(proof) };
}

// ---- Of an upstream's answer ---------------------------------------------------------------------------------------

/** The decoder that owns the calls. */
export interface CallSink {
  emit(event: ReplyEvent): void;
  /** Starts a part and returns its index. */
  start(part: Part): number;
  /** A new call begins, so what came before it is complete. */
  beforeCall(): void;
}

interface Call {
  /** The upstream's own id; "": none. */
  readonly id: string;
  readonly kind: "function" | "custom";
  /** How many calls came before it. */
  readonly position: number;
  /** The index of its part; null until the name is known. */
  index: number | null;
  /** The arguments so far, including those that came before the name. */
  arguments: string;
  input: FreeText | null;
  proof: Proof | null;
  ended: boolean;
  /** Whether another call has begun since its arguments did. */
  checked: boolean;
}

export class CallReader {
  readonly #sink: CallSink;
  readonly #exchangeId: string;
  readonly #isExcerpt: boolean;
  readonly #names: NameTable;
  readonly #emulated: ReadonlySet<string>;
  readonly #calls: Call[] = [];
  readonly #byIndex = new Map<number, Call>();
  readonly #byId = new Map<string, Call>();
  /** Calls whose arguments may be complete when the next call begins. */
  readonly #growing = new Set<Call>();
  readonly #callIds = new Set<string>();

  constructor(exchange: Exchange, sink: CallSink) {
    this.#exchangeId = exchange.id;
    this.#isExcerpt = exchange.isExcerpt ?? false;
    this.#sink = sink;
    this.#names = toolNames(exchange.request);
    this.#emulated = emulatedTools(exchange.request, capabilitiesOf(exchange.request.model));
  }

  get count(): number {
    return this.#calls.length;
  }

  /** Reads one item; an error when its call can't be determined. */
  read(delta: CallDelta): GatewayError | null {
    const custom = objectOf<CalledDelta>(delta.custom);
    const called = objectOf<CalledDelta>(delta.function) ?? custom;
    const id = textOf(delta.id);
    const name = textOf(called?.name);
    const piece = custom === undefined ? textOfArguments(called?.arguments) : textOf(custom.input);
    const position = numberOf(delta.index);
    const known = this.#find(position, { id, name });
    // Arguments without any call can't be called. In an excerpt, the beginning of the call was left out.
    if (known === undefined && id === "" && name === "") return piece === "" || this.#isExcerpt ? null : nameless();
    const call = known ?? this.#add(position, { id, kind: custom === undefined ? "function" : "custom" });
    if (call.index === null && name !== "") this.#startCall(call, name);
    call.proof = decodeCallProof(delta.extra_content) ?? call.proof;
    return this.#grow(call, piece);
  }

  /** The answer has ended. */
  end(): GatewayError | null {
    for (const call of this.#calls) {
      if (call.index === null) return nameless();
      this.#endCall(call);
    }
    return null;
  }

  /** By index; without one (Mistral) by id; without either, the last call. */
  #find(position: number | null, { id, name }: { id: string; name: string }): Call | undefined {
    if (position !== null) {
      const call = this.#byIndex.get(position);
      // Some servers give every call the same index: a new id together with a name is a new call.
      const isOther = call !== undefined && id !== "" && name !== "" && call.id !== "" && call.id !== id;
      return isOther ? undefined : call;
    }
    if (id !== "") return this.#byId.get(id);
    return name === "" ? this.#calls.at(-1) : undefined;
  }

  #add(position: number | null, { id, kind }: Pick<Call, "id" | "kind">): Call {
    const { length: place } = this.#calls;
    const call: Call = { id, kind, position: place, index: null, arguments: "", input: null, proof: null, ended: false, checked: false };
    this.#calls.push(call);
    if (id !== "") this.#byId.set(id, call);
    if (position !== null) this.#byIndex.set(position, call);
    return call;
  }

  #startCall(call: Call, wireName: string): void {
    this.#sink.beforeCall();
    this.#endComplete(call);
    const name = this.#names.original(wireName);
    const isEmulated = call.kind === "function" && this.#emulated.has(name);
    if (isEmulated) call.input = new FreeText();
    const kind = isEmulated ? "custom" : call.kind;
    call.index = this.#sink.start({ type: "tool-call", callId: this.#callId(call), name, kind, arguments: "", cache: null, proof: null });
    const before = call.arguments;
    call.arguments = "";
    this.#grow(call, before);
  }

  /** Each call is checked once: one that continues after the beginning of another ends with the answer. */
  #endComplete(next: Call): void {
    for (const earlier of this.#growing) {
      if (earlier === next) continue;
      this.#growing.delete(earlier);
      earlier.checked = true;
      if (isComplete(earlier)) this.#endCall(earlier);
    }
  }

  #grow(call: Call, piece: string): GatewayError | null {
    if (piece === "") return null;
    if (call.ended) {
      return piece.trim() === ""
        ? null
        : new GatewayError("upstream-failed", "The upstream added to the arguments of a complete tool call.");
    }
    call.arguments += piece;
    if (!call.checked) this.#growing.add(call);
    if (call.index === null) return null;
    const text = call.input === null ? piece : call.input.read(piece);
    if (text !== "") this.#sink.emit({ type: "part-delta", index: call.index, text });
    return null;
  }

  #endCall(call: Call): void {
    if (call.ended || call.index === null) return;
    call.ended = true;
    const rest = call.input?.end() ?? "";
    if (rest !== "") this.#sink.emit({ type: "part-delta", index: call.index, text: rest });
    this.#sink.emit({ type: "part-end", index: call.index, proof: call.proof });
  }

  /** The upstream's id, made unique; one of the gateway's own where there is none. */
  #callId(call: Call): string {
    const { position } = call;
    let callId = call.id === "" ? `call_${this.#exchangeId}_${position}` : call.id;
    if (this.#callIds.has(callId)) callId = `${callId}_${position}`;
    this.#callIds.add(callId);
    return callId;
  }
}

function nameless(): GatewayError {
  return new GatewayError("upstream-failed", "The upstream called a tool without naming it.");
}

/** Arguments are JSON text; some servers send the value itself. */
function textOfArguments(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value);
}

/** Whether the arguments are a complete JSON object, so that nothing can be added. Its part may end, and the next one stream. */
function isComplete(call: Call): boolean {
  if (call.kind === "custom" || !call.arguments.trimEnd().endsWith("}")) return false;
  try {
    JSON.parse(call.arguments);
    return true;
  } catch {
    return false;
  }
}
