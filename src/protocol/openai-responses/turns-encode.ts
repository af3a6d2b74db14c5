// The turns of a canonical request as the items of `input`.
// Never sends the id of a stored item (with store:false the server knows none), or reasoning that the server can't verify.

import { JsonText } from "../../wire/json.ts";
import type { Part, TextPart, ToolCallPart, ToolResultPart, Turn } from "../canonical.ts";
import { fitName } from "../tool-names.ts";
import { pairResults, uniqueCallIds } from "../turns.ts";
import { CALL_ID_RULE, upstreamName } from "./namespaces.ts";
import { encodeInput, encodeOutput } from "./parts-encode.ts";
import { encodeReasoningItem } from "./reasoning.ts";
import type { Target } from "./target.ts";
import type * as wire from "./wire.ts";

/** The API keeps at most this many new breakpoints; the last ones cover the most. */
const MAX_BREAKPOINTS = 4;

export function encodeTurns(target: Target): wire.Item[] {
  const { turns, losses } = pairResults(target.request);
  for (const loss of losses) target.losses.push(loss);
  return uniqueCallIds(turns).flatMap((turn) => encodeTurn(turn, target));
}

function encodeTurn(turn: Turn, target: Target): wire.Item[] {
  const items: wire.Item[] = [];
  const role = turn.role === "system" ? "developer" : turn.role;
  let open: wire.Message | null = null;
  const say = (content: wire.Message["content"]): void => {
    if (content.length === 0) return;
    if (open === null) {
      open = { type: "message", role, content: [] };
      items.push(open);
    }
    open.content.push(...content);
  };
  for (const part of turn.parts) {
    if (role === "assistant" ? isSpoken(part) : part.type !== "tool-result" && part.type !== "opaque") {
      say(role === "assistant" ? encodeOutput(part) : encodeInput(part, target));
      continue;
    }
    open = null;
    items.push(...encodeItem(part, target));
  }
  return withoutLoneReasoning(items, target);
}

/** The server accepts reasoning only before the message or call that it led to. */
function withoutLoneReasoning(items: readonly wire.Item[], target: Target): wire.Item[] {
  const kept: wire.Item[] = [];
  let led = false;
  for (const item of items.toReversed()) {
    const isReasoning = !(item instanceof JsonText) && item.type === "reasoning";
    if (!isReasoning) led = item instanceof JsonText || item.type !== "message" || item.role === "assistant";
    if (!isReasoning || led) kept.push(item);
    else {
      const reason = "Reasoning is accepted only with the message or call it led to.";
      target.lose("turns", { inside: "reasoning", severity: "dropped", reason });
    }
  }
  return kept.reverse();
}

function isSpoken(part: Part): boolean {
  return part.type === "text" || part.type === "refusal";
}

function encodeItem(part: Part, target: Target): wire.Item[] {
  switch (part.type) {
    case "reasoning":
      if (part.proof?.origin === "openai") return [encodeReasoningItem(part)];
      target.lose("turns", { inside: "reasoning", severity: "dropped", reason: "OpenAI accepts only reasoning that it encrypted itself." });
      return [];
    case "tool-call":
      return [encodeCall(part, target)];
    case "tool-result":
      return [encodeResult(part, target)];
    case "opaque":
      if (part.protocol === "openai-responses") return [new JsonText(part.value)];
      target.lose("turns", { inside: part.name, severity: part.severity, reason: `The Responses API has no ${part.name}.` });
      return [];
    default: {
      // A model's own image or file has no place in its message; the user's side shows it.
      const content = encodeInput(part, target);
      return content.length === 0 ? [] : [{ type: "message", role: "user", content }];
    }
  }
}

function encodeCall(part: ToolCallPart, { callables }: Target): wire.FunctionCall | wire.CustomToolCall {
  const common = { call_id: fitName(part.callId, CALL_ID_RULE), ...upstreamName(part.name, callables) };
  if (part.kind === "custom") return { type: "custom_tool_call", ...common, input: part.arguments };
  return { type: "function_call", ...common, arguments: part.arguments === "" ? "{}" : part.arguments };
}

function encodeResult(part: ToolResultPart, target: Target): wire.CallOutput {
  const content = part.isError === true ? withError(part.content) : part.content;
  const parts = content.flatMap((one) => encodeInput(one, target));
  const [only] = parts;
  const isPlain = parts.length === 1 && only?.type === "input_text" && only.prompt_cache_breakpoint === undefined;
  // The mark of a result goes on its last part, since the item has none of its own.
  const last = parts.at(-1);
  const isMarked = part.cache !== null && target.capabilities.breakpoints && last !== undefined && last.type !== "input_audio";
  if (isMarked) last.prompt_cache_breakpoint = { mode: "explicit" };
  return {
    type: part.kind === "custom" ? "custom_tool_call_output" : "function_call_output",
    call_id: fitName(part.callId, CALL_ID_RULE),
    output: isPlain && !isMarked ? only.text : parts.length === 0 ? "" : parts,
  };
}

const EVIDENT = /^\W*(?:error|failed|failure|exception|traceback)/i;

/** This API can't mark a tool result as failed, so the text says so, if it does not already. */
function withError(content: ToolResultPart["content"]): ToolResultPart["content"] {
  const at = content.findIndex((part) => part.type === "text");
  const first = content[at];
  if (first?.type !== "text") return [errorText("The tool failed."), ...content];
  if (EVIDENT.test(first.text)) return content;
  return content.map((part, index) => (index === at ? { ...first, text: `Error: ${first.text}` } : part));
}

function errorText(text: string): TextPart {
  return { type: "text", text: `Error: ${text}`, annotations: [], cache: null, proof: null };
}

/** Removes all but the last cache breakpoints. */
export function limitBreakpoints(items: readonly wire.Item[]): void {
  const marked: { prompt_cache_breakpoint?: wire.CacheBreakpoint }[] = [];
  const collect = (part: wire.InputContent | wire.OutputContent): void => {
    if ("prompt_cache_breakpoint" in part) marked.push(part);
  };
  for (const item of items) {
    if (item instanceof JsonText) continue;
    if (item.type === "message") item.content.forEach(collect);
    else if ((item.type === "function_call_output" || item.type === "custom_tool_call_output") && typeof item.output !== "string") {
      item.output.forEach(collect);
    }
  }
  for (const part of marked.slice(0, -MAX_BREAKPOINTS)) delete part.prompt_cache_breakpoint;
}
