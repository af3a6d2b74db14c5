// Room: openai-chat (row 2). Whole answers, both ways.
// In:  a `chat.completion` of an upstream, or a canonical reply.
// Out: the other of the two.
// Never does: map an answer a second time; a whole answer is read as a stream of one chunk.
//
// A stream, as data (all chunks share id, created and model; `choices[0].index` is 0):
//   { delta: { role: "assistant", content: "" } }                                  once, first
//   { delta: { reasoning_content } }*  { delta: { reasoning_details: [proof] } }?   in any order and number:
//   { delta: { content } }*            { delta: { annotations } }?
//   { delta: { refusal } }*                                                        content and refusal with `logprobs` of their tokens
//   { delta: { tool_calls: [{ index, id, type, function: { name, arguments: "" } }] } }, then { index, function: { arguments } }*
//   { delta: {}, finish_reason }                                                    the terminal
//   { choices: [], usage }                                                          where the client asked for it
//   [DONE]                                                                          after success alone
// or, in the place of anything after the first: { error }, and nothing after it.

import { run } from "../../wire/machine.ts";
import type { Annotation, FinishReason, ImagePart, Part, Reply, TextPart, ToolCallPart } from "../canonical.ts";
import type { Exchange } from "../codec.ts";
import { fold } from "../fold.ts";
import { bareId, replyDecoder } from "./reply-decode.ts";
import { encodeLogprobs } from "./logprobs.ts";
import { encodeCallProof, encodeDetail } from "./proofs.ts";
import { encodeFinish, encodeUsage } from "./usage.ts";
import type * as wire from "./wire.ts";
import { isLegacy } from "./wire.ts";

/** @throws GatewayError `upstream-failed` when the body is no answer, or the error that it holds. */
export function decodeReply(body: string, exchange: Exchange): Reply {
  return fold(run(replyDecoder(exchange, "an answer"), [{ event: null, data: body }]));
}

export function encodeReply(reply: Reply, exchange: Exchange): string {
  const legacy = isLegacy(exchange.request.names);
  return JSON.stringify({
    ...envelope(reply, exchange),
    object: "chat.completion",
    choices: [
      {
        index: 0,
        message: encodeMessage(reply, legacy),
        logprobs: encodeLogprobs(reply.parts),
        finish_reason: encodeFinish(reply.finish.kind, legacy),
      },
    ],
    ...(reply.usage === null ? {} : { usage: encodeUsage(reply.usage) }),
  });
}

/** What all chunks of an answer share. */
export function envelope({ id, model }: Pick<Reply, "id" | "model">, exchange: Exchange): { id: string; created: number; model: string } {
  return { id: `chatcmpl-${bareId(id) || exchange.id}`, created: exchange.createdAtS, model: model || exchange.request.model };
}

function encodeMessage({ parts, finish }: Reply, legacy: boolean): Record<string, unknown> {
  const calls = parts.filter((part) => part.type === "tool-call");
  const texts = parts.filter((part) => part.type === "text" || part.type === "image");
  const content = texts.map(textOfPart).join("");
  const refusals = parts.flatMap((part) => (part.type === "refusal" ? [part.text] : []));
  const refusal = refusals.length > 0 ? refusals.join("") : explanationOf(finish);
  const reasoning = parts.flatMap((part) => (part.type === "reasoning" ? [part.text] : [])).join("");
  const details = encodeDetails(parts);
  const annotations = encodeAnnotations(texts);
  return {
    role: "assistant",
    content: texts.length === 0 && (calls.length > 0 || refusal !== null) ? null : content,
    refusal,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
    ...(annotations.length === 0 ? {} : { annotations }),
    ...encodeCalls(calls, legacy),
  };
}

function encodeCalls(
  calls: readonly ToolCallPart[],
  legacy: boolean,
): { tool_calls?: wire.ToolCall[]; function_call?: { name: string; arguments: string } } {
  const [first] = calls;
  if (first === undefined) return {};
  // That form has room for one call; the model makes the others again when it sees the first one's result.
  if (legacy) return { function_call: { name: first.name, arguments: first.arguments || "{}" } };
  return { tool_calls: calls.map(encodeCall) };
}

function encodeCall({ callId: id, name, kind, arguments: text, proof }: ToolCallPart): wire.ToolCall {
  return kind === "custom"
    ? { id, type: "custom", custom: { name, input: text }, ...encodeCallProof(proof) }
    : { id, type: "function", function: { name, arguments: text || "{}" }, ...encodeCallProof(proof) };
}

function encodeDetails(parts: readonly Part[]): wire.ReasoningDetail[] {
  const details: wire.ReasoningDetail[] = [];
  for (const part of parts) {
    const detail = encodeDetail(part, details.length);
    if (detail !== null) details.push(detail);
  }
  return details;
}

/** Offsets count from the beginning of the whole content. */
function encodeAnnotations(texts: readonly (TextPart | ImagePart)[]): wire.Annotation[] {
  let offset = 0;
  return texts.flatMap((part) => {
    const text = textOfPart(part);
    const annotations = part.type === "text" ? part.annotations.map((annotation) => encodeAnnotation(annotation, offset, text.length)) : [];
    offset += text.length;
    return annotations;
  });
}

/** A citation without a place belongs to the whole of its part: clients reject one that names none. */
export function encodeAnnotation({ url, title, start, end }: Annotation, offset: number, length: number): wire.Annotation {
  const place = { start_index: offset + (start ?? 0), end_index: offset + (end ?? length) };
  return { type: "url_citation", url_citation: { url, title: title ?? url, ...place } };
}

/** Why the answer was filtered, in the place where Chat clients look for it; null where the answer was not. */
export function explanationOf({ kind, explanation }: FinishReason): string | null {
  return kind === "filtered" ? explanation : null;
}

/** A part of the content as text. Chat has no images in answers: clients that read Markdown show them. */
export function textOfPart(part: TextPart | ImagePart): string {
  if (part.type === "text") return part.text;
  const { source } = part;
  if (source.type === "url") return `![image](${source.url})`;
  return source.type === "base64" ? `![image](data:${source.mediaType ?? "image/png"};base64,${source.data})` : "";
}
