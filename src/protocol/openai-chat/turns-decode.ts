// The messages of a client -> the leading instructions and the turns.
// Never repairs a conversation; that is up to the protocol that needs it.

import type { Loss, Part, Proof, TextPart, ToolCallPart, ToolResultPart, Turn } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { mergeTurns } from "../turns.ts";
import { decodeMark } from "./cache-marks.ts";
import { decodeContent, decodeText, textPart } from "./parts-decode.ts";
import { decodeDetails } from "./seals.ts";
import { decodeCall, decodeFunctionCall } from "./tool-calls.ts";
import { textOf, WORDS } from "./wire.ts";

export interface DecodedTurns {
  readonly system: readonly TextPart[];
  readonly turns: readonly Turn[];
  /** Parts of the messages that only Chat Completions understands. */
  readonly losses: readonly Loss[];
}

/** @throws GatewayError naming the message and the member that is wrong. */
export function decodeTurns(body: Fields): DecodedTurns {
  const messages = body.objects("messages");
  if (messages.length === 0) throw body.fail("messages", "an array with at least one message");
  const reader = new Reader();
  for (const message of messages) reader.read(message);
  return { system: reader.system, turns: mergeTurns(reader.turns), losses: [...reader.losses.values()] };
}

const UNNAMED = "Messages of other protocols do not name their speaker.";

class Reader {
  readonly system: TextPart[] = [];
  readonly turns: Turn[] = [];
  /** By reason: each is reported once, for the first part with the highest severity. */
  readonly losses = new Map<string, Loss>();
  readonly #kinds = new Map<string, ToolCallPart["kind"]>();
  /** Numbers calls without an id; the same on every turn of a conversation. */
  #callCount = 0;
  /** The call that the next message of role `function` answers. */
  #functionCallId = "";
  /** The name of the last message of each role. */
  readonly #speakers = new Map<string, string | null>();

  read(message: Fields): void {
    const role = message.word("role", WORDS["messages.role"]);
    switch (role) {
      case "system":
      case "developer": {
        const parts = this.#marked(decodeText(message), message);
        if (this.turns.length === 0) this.system.push(...parts);
        else this.#turn("system", parts);
        break;
      }
      case "user":
        this.#turn("user", this.#marked(decodeContent(message), message));
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
      case null:
    }
    this.#nameSpeaker(message, role);
  }

  #turn(role: Turn["role"], parts: readonly Part[]): void {
    this.turns.push({ role, parts, effort: null });
  }

  /** Some clients put the cache mark on the whole message: it goes to its last part, since the prefix ends there. */
  #marked<Marked extends Part>(parts: readonly Marked[], message: Fields): readonly Marked[] {
    const cache = decodeMark(message);
    if (cache === null) return parts;
    const last = parts.findLastIndex((part) => "cache" in part);
    if (last === -1) {
      const reason = "Nothing in this message can carry a cache mark; this affects only the cost.";
      this.#lose(message.at("cache_control"), "dropped", reason);
    }
    return parts.map((part, index) => (index === last && "cache" in part && part.cache === null ? { ...part, cache } : part));
  }

  #assistant(message: Fields): Part[] {
    const parts = this.#content(message);
    const refusal = message.optionalText("refusal");
    if (refusal !== null && refusal !== "") parts.push({ type: "refusal", text: refusal });
    for (const fields of message.objects("tool_calls")) {
      const call = decodeCall(fields, this.#callCount++);
      this.#kinds.set(call.callId, call.kind);
      parts.push(call);
    }
    const legacy = message.optionalObject("function_call");
    if (legacy !== null) {
      this.#functionCallId = `call_${this.#callCount++}`;
      parts.push(decodeFunctionCall(legacy, { callId: this.#functionCallId }));
    }
    const audio = message.source("audio");
    if (audio !== null) parts.push({ type: "opaque", protocol: "openai-chat", name: "audio", value: audio, severity: "refused" });
    // Metadata of the answer that a client echoes with it.
    message.ignore("annotations", "parsed");
    return parts;
  }

  /** Reasoning, then text; the returned proofs go to their parts. */
  #content(message: Fields): Part[] {
    const readable = textOf(message.raw("reasoning_content")) || textOf(message.raw("reasoning"));
    const { reasoning, textProof } = decodeDetails(message.raw("reasoning_details"));
    const content = withProof(decodeContent(message), textProof);
    if (readable === "" && reasoning.length === 0) return content;
    if (readable === "" || reasoning.some((part) => part.text !== "")) return [...reasoning, ...content];
    return [{ type: "reasoning", text: readable, redacted: false, proof: null }, ...reasoning, ...content];
  }

  #result(message: Fields, callId: string): ToolResultPart {
    const content: ToolResultPart["content"][number][] = [];
    for (const part of decodeContent(message)) {
      if (part.type === "text" || part.type === "image" || part.type === "file") {
        content.push(part);
        continue;
      }
      const name = part.type === "opaque" ? part.name : part.type;
      this.#lose(message.at("content"), "refused", `Only Chat Completions understands a tool result of type ${name}.`);
    }
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

  /** A name tells the model who speaks; it is only a hint where all names of one role are equal. */
  #nameSpeaker(message: Fields, role: string | null): void {
    const name = message.optionalText("name") || null;
    // The name of a result is that of its tool.
    if (role === null || role === "tool" || role === "function") return;
    const before = this.#speakers.get(role);
    this.#speakers.set(role, name);
    const isOther = before !== undefined && before !== name;
    if (name !== null || isOther) this.#lose(message.at("name"), isOther ? "reported" : "dropped", UNNAMED);
  }

  #lose(field: string, severity: Loss["severity"], reason: string): void {
    const before = this.losses.get(reason);
    if (before === undefined || (before.severity === "dropped" && severity !== "dropped"))
      this.losses.set(reason, { field, severity, reason });
  }
}

function withProof(content: Part[], proof: Proof | null): Part[] {
  if (proof === null) return content;
  const last = content.findLastIndex((part) => part.type === "text");
  if (last === -1) return [...content, { ...textPart(""), proof }];
  return content.map((part, index) => (index === last && part.type === "text" ? { ...part, proof } : part));
}
