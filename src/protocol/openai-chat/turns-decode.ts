// Room: openai-chat (row 2). A client's messages.
// In:  `messages` of a request body.
// Out: the leading instructions, the turns, and what of the messages only Chat Completions understands.
// Never does: repair a conversation; that is for the protocol that needs it repaired.

import { isObject, JsonText, print } from "../../wire/json.ts";
import type { Part, Proof, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, Turn } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { mergeTurns } from "../turns.ts";
import { decodeCache, decodeContent, decodeText, textPart } from "./parts-decode.ts";
import { decodeCallProof, decodeDetails } from "./proofs.ts";
import type { Unread } from "./unread.ts";
import { textOf } from "./wire.ts";

export interface DecodedMessages {
  readonly system: readonly TextPart[];
  readonly turns: readonly Turn[];
}

/** @throws GatewayError naming the message and the member that is wrong. */
export function decodeTurns(body: Fields, unread: Unread): DecodedMessages {
  const messages = body.objects("messages");
  if (messages.length === 0) throw body.fail("messages", "an array with at least one message");
  const reader = new Reader(unread);
  for (const message of messages) reader.read(message);
  return { system: reader.system, turns: mergeTurns(reader.turns) };
}

class Reader {
  readonly system: TextPart[] = [];
  readonly turns: Turn[] = [];
  readonly #unread: Unread;
  readonly #kinds = new Map<string, ToolCallPart["kind"]>();
  /** Numbers calls without an id; the same on every turn of a conversation. */
  #callCount = 0;
  /** The call that the next message of role `function` answers. */
  #functionCallId = "";
  /** The name of the last user message; undefined before the first one. */
  #speaker: string | null | undefined;

  constructor(unread: Unread) {
    this.#unread = unread;
  }

  read(message: Fields): void {
    const role = message.text("role");
    switch (role) {
      case "system":
      case "developer": {
        const parts = this.#marked(decodeText(message, "content", this.#unread), message);
        if (this.turns.length === 0) this.system.push(...parts);
        else this.#turn("system", parts);
        break;
      }
      case "user":
        this.#turn("user", this.#marked(decodeContent(message, "content", this.#unread), message));
        break;
      case "assistant":
        this.#turn("assistant", this.#marked(this.#assistant(message), message));
        break;
      case "tool":
        this.#turn("user", this.#marked([this.#result(message, message.text("tool_call_id"))], message));
        break;
      case "function":
        this.#turn("user", this.#marked([this.#result(message, this.#functionCallId)], message));
        break;
      default:
        throw message.fail("role", "one of system, developer, user, assistant, tool, function");
    }
    this.#nameSpeaker(message, role);
    this.#unread.note(message);
  }

  #turn(role: Turn["role"], parts: readonly Part[]): void {
    this.turns.push({ role, parts, effort: null });
  }

  /** Some clients put the cache mark on the whole message: its last part carries it, as the prefix ends there. */
  #marked<Marked extends Part>(parts: readonly Marked[], message: Fields): readonly Marked[] {
    const cache = decodeCache(message);
    if (cache === null) return parts;
    const last = parts.findLastIndex((part) => "cache" in part);
    if (last === -1) {
      const reason = "Nothing in this message could carry a cache mark; caching is a matter of cost alone.";
      this.#unread.report("cache_control", { field: message.at("cache_control"), severity: "dropped", reason });
    }
    return parts.map((part, index) => (index === last && "cache" in part && part.cache === null ? { ...part, cache } : part));
  }

  #assistant(message: Fields): Part[] {
    const parts: Part[] = [...this.#content(message)];
    const refusal = message.optionalText("refusal");
    if (refusal !== null && refusal !== "") parts.push({ type: "refusal", text: refusal });
    for (const call of message.objects("tool_calls")) {
      const part = decodeCall(call, `call_${this.#callCount++}`);
      this.#kinds.set(part.callId, part.kind);
      this.#unread.note(call);
      parts.push(part);
    }
    const legacy = message.optionalObject("function_call");
    if (legacy !== null) {
      this.#functionCallId = `call_${this.#callCount++}`;
      parts.push(
        toolCall({
          callId: this.#functionCallId,
          kind: "function",
          name: legacy.text("name"),
          arguments: argumentsOf(legacy),
          proof: null,
          cache: null,
        }),
      );
    }
    const audio = message.source("audio");
    if (audio !== null) parts.push({ type: "opaque", protocol: "openai-chat", name: "audio", value: audio, severity: "refused" });
    // What the answer said about itself and a client echoes with it.
    for (const echoed of ["annotations", "parsed"]) message.raw(echoed);
    return parts;
  }

  /** Reasoning, then text; the proofs that the client brought back on their parts. */
  #content(message: Fields): Part[] {
    const readable = textOf(message.raw("reasoning_content")) || textOf(message.raw("reasoning"));
    const { reasoning, textProof } = decodeDetails(message.raw("reasoning_details"));
    const unproven: ReasoningPart[] =
      readable === "" || reasoning.some((part) => part.text !== "")
        ? []
        : [{ type: "reasoning", text: readable, redacted: false, proof: null }];
    const content = decodeContent(message, "content", this.#unread);
    return [...unproven, ...reasoning, ...withProof(content, textProof)];
  }

  #result(message: Fields, callId: string): ToolResultPart {
    const content = decodeContent(message, "content", this.#unread).flatMap((part) => {
      if (part.type === "text" || part.type === "image" || part.type === "file") return [part];
      const reason = `A tool result of type ${part.type === "opaque" ? part.name : part.type} is understood by Chat Completions alone.`;
      this.#unread.report(reason, { field: message.at("content"), severity: "refused", reason });
      return [];
    });
    return {
      type: "tool-result",
      callId,
      name: message.optionalText("name"),
      kind: this.#kinds.get(callId) ?? "function",
      content,
      isError: null,
      cache: null,
    };
  }

  /** A name tells the model who speaks; it matters only where speakers differ. */
  #nameSpeaker(message: Fields, role: string): void {
    const name = message.optionalText("name");
    if (role !== "user") return;
    const before = this.#speaker;
    this.#speaker = name;
    if (before === undefined || before === name) return;
    const reason = "Messages of other protocols do not name their speaker.";
    this.#unread.report("name", { field: message.at("name"), severity: "reported", reason });
  }
}

function decodeCall(call: Fields, fallbackId: string): ToolCallPart {
  const type = call.optionalText("type");
  const callId = call.optionalText("id") || fallbackId;
  const proof = decodeCallProof(call.raw("extra_content"));
  const cache = decodeCache(call);
  // A client that collected the call from a stream may have kept its position.
  call.raw("index");
  if (type === "custom" || (type === null && call.has("custom"))) {
    const custom = call.object("custom");
    return toolCall({ callId, kind: "custom", name: custom.text("name"), arguments: custom.optionalText("input") ?? "", proof, cache });
  }
  const fn = call.object("function");
  return toolCall({ callId, kind: "function", name: fn.text("name"), arguments: argumentsOf(fn), proof, cache });
}

function toolCall(call: Omit<ToolCallPart, "type">): ToolCallPart {
  return { type: "tool-call", ...call };
}

/** Arguments are JSON text; some clients send the object itself, which was parsed verbatim. */
function argumentsOf(fn: Fields): string {
  const value = fn.raw("arguments");
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (value instanceof JsonText || isObject(value)) return print(value);
  throw fn.fail("arguments", "JSON text");
}

function withProof(content: readonly Part[], proof: Proof | null): Part[] {
  if (proof === null) return [...content];
  const last = content.findLastIndex((part) => part.type === "text");
  if (last === -1) return [...content, { ...textPart(""), proof }];
  return content.map((part, index) => (index === last && part.type === "text" ? { ...part, proof } : part));
}
