// Canonical turns in which every call has its result -> the messages for a Chat upstream, in the order that Chat servers accept.
// Never sends reasoning to a server that does not want it back, or a proof at all.

import { JsonText, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, TextPart, ToolCallPart, ToolResultPart, Turn } from "../canonical.ts";
import type { NameTable } from "../tool-names.ts";
import { encodeMark } from "./cache-marks.ts";
import type { PartTarget } from "./media.ts";
import { encodeContent, encodePart, encodeText, type Content } from "./parts-encode.ts";
import { encodeCall } from "./tool-calls.ts";
import type { TextContent, ToolCall } from "./wire.ts";

export interface TurnTarget extends PartTarget {
  readonly names: NameTable;
  readonly emulated: ReadonlySet<string>;
  /** Whether calls take the form of `function_call`. */
  readonly legacy: boolean;
}

export function encodeTurns(request: CanonicalRequest, turns: readonly Turn[], target: TurnTarget): JsonObject[] {
  const messages: JsonObject[] = [];
  const system = request.system.filter((part) => !ATTRIBUTION.test(part.text));
  if (system.length > 0) messages.push(encodeSystem(system, target));
  const question = turns.findLastIndex(asks);
  const echoed = (index: number): boolean => target.capabilities.echoesReasoning && index > question;
  if (turns.some((turn, index) => !echoed(index) && turn.parts.some((part) => part.type === "reasoning"))) {
    const reason = "The model does not accept earlier thoughts, or only those of the current tool loop.";
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
        const message = encodeAssistant(turn, { ...target, echoed: echoed(index) });
        if (message !== null) messages.push(message);
        return;
      }
      case "user":
        for (const message of encodeUser(turn, target)) messages.push(message);
    }
  });
  return messages;
}

/** A line that Claude Code puts first for its vendor's billing; it changes with every request and would defeat prompt caches. */
const ATTRIBUTION = /^x-anthropic-billing-header:/;

/** Whether a turn says something new; one that only returns results continues the current tool loop. */
function asks(turn: Turn): boolean {
  return turn.role === "user" && turn.parts.some((part) => part.type !== "tool-result");
}

function encodeSystem(parts: readonly TextPart[], target: PartTarget): JsonObject {
  const texts = parts.map((part) => encodeText(part, target));
  return { role: target.capabilities.systemRole, content: encodeContent(texts, "\n\n", target.capabilities) };
}

// ---- Assistant -----------------------------------------------------------------------------------------------------

interface AssistantTarget extends TurnTarget {
  /** Whether the model gets the turn's reasoning back. */
  readonly echoed: boolean;
}

/** One message: text first, then the calls, in any original order. Null: nothing is left. */
function encodeAssistant(turn: Turn, target: AssistantTarget): JsonObject | null {
  const content: Content[] = [];
  const calls: ToolCallPart[] = [];
  let reasoning = "";
  let refusal = "";
  let audio: JsonText | null = null;
  for (const part of turn.parts) {
    if (part.type === "tool-call") calls.push(part);
    else if (part.type === "reasoning") reasoning += part.text;
    else if (part.type === "refusal" && target.capabilities.openai) refusal += part.text;
    else if (part.type === "opaque" && part.protocol === "openai-chat" && part.name === "audio") audio = new JsonText(part.value);
    else content.push(...encodePart(part, target));
  }
  if (content.length + calls.length === 0 && refusal === "" && audio === null) return null;
  const said = encodeContent(content, "", target.capabilities);
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
  return { tool_calls: calls.map((call) => encodeOwnCall(call, target)) };
}

function encodeOwnCall(call: ToolCallPart, { names, emulated, capabilities }: TurnTarget): ToolCall {
  const own = { ...call, callId: capabilities.callId(call.callId), name: names.fit(call.name), proof: null };
  if (call.kind === "function") return encodeCall(own, call.arguments || "{}");
  if (capabilities.customTools && !emulated.has(call.name)) return encodeCall(own, call.arguments);
  return encodeCall({ ...own, kind: "function" }, JSON.stringify({ input: call.arguments }));
}

// ---- User ----------------------------------------------------------------------------------------------------------

/** The results first, each as its own message, then one message with the rest. */
function encodeUser(turn: Turn, target: TurnTarget): JsonObject[] {
  const messages: JsonObject[] = [];
  // Results are only text; anything else in them follows after all of them, with its call's id.
  const rest: Content[] = [];
  for (const part of turn.parts) {
    if (part.type !== "tool-result") continue;
    const attachments = part.content.flatMap((piece) => (piece.type === "text" ? [] : encodePart(piece, target)));
    const callId = target.capabilities.callId(part.callId);
    messages.push({
      ...(target.legacy ? { role: "function", name: target.names.fit(part.name ?? "") } : { role: "tool", tool_call_id: callId }),
      content: resultContent(part, attachments.length > 0, target),
    });
    if (attachments.length > 0) rest.push({ type: "text", text: `Returned by tool call ${callId}:` }, ...attachments);
  }
  for (const part of turn.parts) if (part.type !== "tool-result") rest.push(...encodePart(part, target));
  if (rest.length > 0) messages.push({ role: "user", content: encodeContent(rest, "\n\n", target.capabilities) });
  return messages;
}

const SAYS_ERROR = /^\W*error/i;

function resultContent(result: ToolResultPart, hasAttachments: boolean, target: PartTarget): string | Content[] {
  const texts = result.content.flatMap((piece): TextContent[] => (piece.type === "text" ? [encodeText(piece, target)] : []));
  if (texts.length === 0) texts.push({ type: "text", text: hasAttachments ? "The result follows in the next user message." : "" });
  const [first] = texts;
  if (result.isError === true && first !== undefined && !SAYS_ERROR.test(first.text)) first.text = `Error: ${first.text}`.trimEnd();
  Object.assign(texts.at(-1) ?? {}, encodeMark(result, target.marked));
  return encodeContent(texts, "\n", target.capabilities);
}
