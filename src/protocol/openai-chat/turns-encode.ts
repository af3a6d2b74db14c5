// Room: openai-chat (row 2). The messages for a Chat upstream.
// In:  instructions and turns in which every call has its result (see turns.ts).
// Out: `messages`, in the order that Chat servers take, and what Chat cannot carry.
// Never does: send reasoning to a server that did not ask for it back, or a proof at all.

import { JsonText, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, Part, TextPart, ToolCallPart, ToolResultPart, Turn } from "../canonical.ts";
import type { NameTable } from "../tool-names.ts";
import { encodeBreakpoint, encodeContent, encodePart, encodeText, type Content, type Target } from "./parts-decode.ts";
import { isLegacy, type TextContent, type ToolCall } from "./wire.ts";

export interface MessageTarget extends Target {
  readonly names: NameTable;
  readonly emulated: ReadonlySet<string>;
}

/** Breakpoints that a request may write; see `prompt_cache_options` in the source of wire.ts. */
const MAX_BREAKPOINTS = 4;

/** The parts whose cache mark goes out: the last ones, where the model knows marks at all. */
export function markedParts(system: readonly TextPart[], turns: readonly Turn[]): ReadonlySet<Part> {
  const parts = turns
    .flatMap((turn) => turn.parts)
    .flatMap((part): Part[] => (part.type === "tool-result" ? [...part.content, part] : [part]));
  const marked = [...system, ...parts].filter((part) => "cache" in part && part.cache !== null && part.type !== "tool-call");
  return new Set(marked.slice(-MAX_BREAKPOINTS));
}

export function encodeTurns(request: CanonicalRequest, turns: readonly Turn[], target: MessageTarget): JsonObject[] {
  const messages: JsonObject[] = [];
  const system = request.system.filter((part) => !ATTRIBUTION.test(part.text));
  if (system.length > 0) messages.push(encodeSystem(system, target));
  const question = turns.findLastIndex(asks);
  const echoed = (index: number): boolean => target.model.echoesReasoning && index > question;
  if (turns.some((turn, index) => !echoed(index) && turn.parts.some((part) => part.type === "reasoning"))) {
    const reason = "The model takes no earlier thoughts back, or those of the running tool loop alone.";
    target.losses.push({ field: `${target.field}.reasoning`, severity: "dropped", reason });
  }
  turns.forEach((turn, index) => {
    switch (turn.role) {
      case "system": {
        const texts = turn.parts.filter((part) => part.type === "text");
        if (texts.length > 0) messages.push(encodeSystem(texts, target));
        return;
      }
      case "assistant": {
        const message = encodeAssistant(turn, { ...target, legacy: isLegacy(request.names), echoed: echoed(index) });
        if (message !== null) messages.push(message);
        return;
      }
      case "user":
        messages.push(...encodeUser(turn, { ...target, legacy: isLegacy(request.names) }));
    }
  });
  return messages;
}

/** A line that Claude Code puts first for its vendor's billing; it changes with every request and would defeat prompt caches. */
const ATTRIBUTION = /^x-anthropic-billing-header:/;

/** Whether a turn says something new; one that only hands in results goes on with the running loop. */
function asks(turn: Turn): boolean {
  return turn.role === "user" && turn.parts.some((part) => part.type !== "tool-result");
}

function encodeSystem(parts: readonly TextPart[], target: Target): JsonObject {
  const texts = parts.map((part) => encodeText(part, target));
  return { role: target.model.systemRole, content: encodeContent(texts, "\n\n", target.model) };
}

// ---- Assistant -----------------------------------------------------------------------------------------------------

interface AssistantTarget extends MessageTarget {
  readonly legacy: boolean;
  /** Whether the model gets the turn's thoughts back. */
  readonly echoed: boolean;
}

/** One message: text first, then the calls, whatever order they had. Null when nothing is left to say. */
function encodeAssistant(turn: Turn, target: AssistantTarget): JsonObject | null {
  const content: Content[] = [];
  const calls: ToolCallPart[] = [];
  let reasoning = "";
  let refusal = "";
  let audio: JsonText | null = null;
  for (const part of turn.parts) {
    if (part.type === "tool-call") calls.push(part);
    else if (part.type === "reasoning") reasoning += part.text;
    else if (part.type === "refusal" && target.model.openai) refusal += part.text;
    else if (part.type === "opaque" && part.protocol === "openai-chat" && part.name === "audio") audio = new JsonText(part.value);
    else content.push(...encodeOwnOrPart(part, target));
  }
  if (content.length + calls.length === 0 && refusal === "" && audio === null) return null;
  const said = encodeContent(content, "", target.model);
  return {
    role: "assistant",
    content: said === "" ? null : said,
    ...(target.echoed && reasoning !== "" ? { reasoning_content: reasoning } : {}),
    ...(refusal === "" ? {} : { refusal }),
    ...(audio === null ? {} : { audio }),
    ...encodeCalls(calls, target),
  };
}

function encodeCalls(calls: readonly ToolCallPart[], target: AssistantTarget): JsonObject {
  if (calls.length === 0) return {};
  const [first] = calls;
  if (target.legacy && first !== undefined) return { function_call: { name: target.names.fit(first.name), arguments: first.arguments } };
  return { tool_calls: calls.map((call) => encodeCall(call, target)) };
}

function encodeCall(call: ToolCallPart, { names, emulated, model }: MessageTarget): ToolCall {
  const id = model.callId(call.callId);
  const name = names.fit(call.name);
  if (call.kind === "function")
    return { id, type: "function", function: { name, arguments: call.arguments === "" ? "{}" : call.arguments } };
  if (model.customTools && !emulated.has(call.name)) return { id, type: "custom", custom: { name, input: call.arguments } };
  return { id, type: "function", function: { name, arguments: JSON.stringify({ input: call.arguments }) } };
}

// ---- User ----------------------------------------------------------------------------------------------------------

/** The results first, each as its own message, then one message with the rest. */
function encodeUser(turn: Turn, target: MessageTarget & { readonly legacy: boolean }): JsonObject[] {
  const messages: JsonObject[] = [];
  // Results are text alone; what else they hold follows all of them, with the call that it belongs to.
  const rest: Content[] = [];
  for (const part of turn.parts) {
    if (part.type !== "tool-result") continue;
    const attachments = part.content.flatMap((piece) => (piece.type === "text" ? [] : encodePart(piece, target)));
    const callId = target.model.callId(part.callId);
    messages.push({
      ...(target.legacy ? { role: "function", name: target.names.fit(part.name ?? "") } : { role: "tool", tool_call_id: callId }),
      content: resultContent(part, attachments.length > 0, target),
    });
    if (attachments.length > 0) rest.push({ type: "text", text: `Returned by tool call ${callId}:` }, ...attachments);
  }
  for (const part of turn.parts) if (part.type !== "tool-result") rest.push(...encodeOwnOrPart(part, target));
  if (rest.length > 0) messages.push({ role: "user", content: encodeContent(rest, "\n\n", target.model) });
  return messages;
}

const SAYS_ERROR = /^\W*error/i;

function resultContent(result: ToolResultPart, hasAttachments: boolean, target: Target): string | Content[] {
  const texts = result.content.flatMap((piece): TextContent[] => (piece.type === "text" ? [encodeText(piece, target)] : []));
  if (texts.length === 0) texts.push({ type: "text", text: hasAttachments ? "The result follows in the next user message." : "" });
  const [first] = texts;
  if (result.isError === true && first !== undefined && !SAYS_ERROR.test(first.text)) first.text = `Error: ${first.text}`.trimEnd();
  if (result.cache !== null && target.marked.has(result)) Object.assign(texts.at(-1) ?? {}, encodeBreakpoint(result.cache));
  return encodeContent(texts, "\n", target.model);
}

/** A part, and parts of Chat's own that no other protocol knows, unchanged; what belongs to another protocol is left out. */
function encodeOwnOrPart(part: Part, target: Target): Content[] {
  if (part.type === "text" && part.text === "") return [];
  if (part.type !== "opaque") return encodePart(part, target);
  if (part.protocol === "openai-chat") return [new JsonText(part.value)];
  const reason = `A ${part.name} block is understood by the protocol that it came from alone.`;
  target.losses.push({ field: `${target.field}.${part.name}`, severity: part.severity, reason });
  return [];
}
