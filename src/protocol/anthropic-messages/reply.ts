// Room: anthropic-messages/reply (row 2).
// In:  a whole answer, as a message or canonical.
// Out: the other of the two. Streams: decoder.ts and encoder.ts. What a request emulated is undone here.
// A streamed answer, in order (https://platform.claude.com/docs/en/build-with-claude/streaming, read 2026-11):
//
//   message_start ( content_block_start(i) content_block_delta(i)* content_block_stop(i) )* message_delta+ message_stop
//
// one block at a time, i = 0, 1, 2 ...; `ping` anywhere; `error` in the place of any further event.
// Deltas: text_delta, citations_delta | thinking_delta, then one signature_delta | input_json_delta.
// Never does: read an id, a proof or an argument.

import { GatewayError } from "../../errors.ts";
import { isObject, JsonText, parseOrUndefined, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { Annotation, CanonicalRequest, Part, Proof, Reply } from "../canonical.ts";
import type { Exchange } from "../codec.ts";
import { notJson, unfold } from "../fold.ts";
import { fitName, NameTable } from "../tool-names.ts";
import { compact } from "./parts-decode.ts";
import { isBlank, NAME_RULE } from "./parts-encode.ts";
import { decodeObject } from "./errors.ts";
import { unwrap } from "./arguments.ts";
import { decodeInput, encodeInput } from "./input.ts";
import { carrierOf, FOREIGN_INDEX, proofOf, signatureOf } from "./proofs.ts";
import { decodeFinish, decodeUsage, encodeFinish, encodeUsage, estimateInput, estimateText } from "./usage.ts";
import { ID, ORIGIN } from "./wire.ts";
import type * as wire from "./wire.ts";

const VERBATIM: ReadonlySet<string> = new Set(["input"]);

// ---- Decode ------------------------------------------------------------------------------------------------------

/** How the tools of a request look on the wire, and what became of them there. */
export class Toolbox {
  readonly #names: NameTable;
  readonly #custom: ReadonlySet<string>;

  constructor(request: CanonicalRequest) {
    const named = request.tools.filter((tool) => tool.type === "function" || tool.type === "custom");
    this.#names = new NameTable(
      named.map((tool) => tool.name),
      NAME_RULE,
    );
    this.#custom = new Set(named.filter((tool) => tool.type === "custom").map((tool) => tool.name));
  }

  nameOf(fitted: string): string {
    return this.#names.original(fitted);
  }

  isCustom(name: string): boolean {
    return this.#custom.has(name);
  }
}

export function decodeReply(body: string, exchange: Exchange): Reply {
  const message = parseOrUndefined(body, { verbatim: VERBATIM });
  if (message === undefined) throw notJson("an answer", body);
  if (!isObject(message) || isObject(message["error"]) || !Array.isArray(message["content"])) throw notAMessage(message);
  const toolbox = new Toolbox(exchange.request);
  const parts = message["content"].filter(isObject).flatMap((block) => decodeBlock(block, toolbox));
  return {
    id: textOf(message["id"]),
    model: textOf(message["model"]) || exchange.request.model,
    parts,
    usage: decodeUsage(message["usage"], null),
    finish: decodeFinish(
      message,
      parts.some((part) => part.type === "tool-call"),
    ),
  };
}

function notAMessage(message: Json): GatewayError {
  if (isObject(message) && message["error"] !== undefined && message["error"] !== null) return decodeObject(message);
  return new GatewayError("upstream-failed", "The upstream answered with something that is no message.", { cause: message });
}

function decodeBlock(block: JsonObject, toolbox: Toolbox): Part[] {
  switch (block["type"]) {
    case "text": {
      const citations = Array.isArray(block["citations"]) ? block["citations"] : [];
      return [{ type: "text", text: textOf(block["text"]), annotations: citations.flatMap(decodeCitation), cache: null, proof: null }];
    }
    case "thinking":
      return [{ type: "reasoning", text: textOf(block["thinking"]), redacted: false, proof: proofOf(textOf(block["signature"])) }];
    case "redacted_thinking":
      return [{ type: "reasoning", text: "", redacted: true, proof: proofOf(textOf(block["data"])) }];
    case "tool_use":
      return [decodeToolUse(block, toolbox)];
    default:
      return [opaque(block)];
  }
}

function decodeToolUse(block: JsonObject, toolbox: Toolbox): Part {
  const input = inputOf(block);
  const name = toolbox.nameOf(textOf(block["name"]));
  if (name === "") throw unnamedCall();
  const isCustom = toolbox.isCustom(name);
  return {
    type: "tool-call",
    callId: textOf(block["id"]),
    name,
    kind: isCustom ? "custom" : "function",
    arguments: isCustom ? unwrap(input) : input,
    cache: null,
    proof: null,
  };
}

/** Nobody could answer such a call. */
export function unnamedCall(): GatewayError {
  return new GatewayError("upstream-failed", "The upstream called a tool without naming it.");
}

/** The input of a call as JSON text. */
export function inputOf(block: JsonObject): string {
  const input = block["input"];
  return input === undefined || input === null ? "{}" : decodeInput(print(input));
}

/** A block that only this protocol understands. */
export function opaque(block: JsonObject): Part {
  return { type: "opaque", protocol: ID, name: textOf(block["type"]), value: compact(print(block)), severity: "reported" };
}

/** A citation of a page; citations of documents that the client sent have no address. */
export function decodeCitation(citation: Json | undefined): Annotation[] {
  if (!isObject(citation)) return [];
  const url = textOf(citation["type"] === "search_result_location" ? citation["source"] : citation["url"]);
  if (!WEB_ADDRESS.test(url)) return [];
  const { title, cited_text: quote } = citation;
  return [
    {
      type: "url-citation",
      url,
      title: typeof title === "string" ? title : null,
      start: null,
      end: null,
      quote: typeof quote === "string" ? quote : null,
    },
  ];
}

const WEB_ADDRESS = /^https?:/;

export function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

// ---- Encode ------------------------------------------------------------------------------------------------------

export function encodeReply(reply: Reply, exchange: Exchange): string {
  const content = reply.parts.flatMap(encodePart);
  const said = {
    calls: reply.parts.some((part) => part.type === "tool-call"),
    refusal: reply.parts.some((part) => part.type === "refusal"),
  };
  return print({
    ...messageHead(reply.id, reply.model, exchange),
    content,
    ...encodeFinish(reply.finish, said),
    usage: encodeUsage(reply.usage, {
      inputTokens: estimateInput(exchange.request),
      outputTokens: estimateText(
        unfold(reply).reduce((length, event) => length + (event.type === "part-delta" ? event.text.length : 0), 0),
      ),
    }),
  });
}

export interface MessageHead {
  readonly id: string;
  readonly type: "message";
  readonly role: "assistant";
  readonly model: string;
}

const OTHER_PREFIX = /^(?:chatcmpl-|resp_|msg_)/;

export function messageHead(id: string, model: string, exchange: Exchange): MessageHead & JsonObject {
  const bare = id.replace(OTHER_PREFIX, "");
  return {
    id: `msg_${bare === "" ? exchange.id : bare}`,
    type: "message",
    role: "assistant",
    model: model === "" ? exchange.request.model : model,
  };
}

function encodePart(part: Part): wire.Block[] {
  switch (part.type) {
    case "text": {
      // The client sends its blocks back, and the API refuses blank ones.
      if (isBlank(part.text)) return carrier(part.proof);
      const block: wire.TextBlock = { type: "text", text: part.text };
      if (part.annotations.length > 0) block.citations = part.annotations.map(encodeCitation);
      return [block, ...carrier(part.proof)];
    }
    case "refusal":
      return isBlank(part.text) ? [] : [{ type: "text", text: part.text }];
    case "reasoning":
      return encodeThought(part.text, part);
    case "tool-call": {
      const input = new JsonText(encodeInput(part.arguments, part.kind).source);
      return [{ type: "tool_use", id: fitName(part.callId, NAME_RULE), name: part.name, input }, ...carrier(part.proof)];
    }
    case "opaque":
      return part.protocol === ID ? [new JsonText(part.value)] : [];
    default:
      return [{ type: "text", text: unshowable(part) }];
  }
}

/** A thought with its proof. One of another vendor that shows nothing is nothing but its proof, like a redacted one. */
export function encodeThought(
  text: string,
  { redacted, proof }: { readonly redacted: boolean; readonly proof: Proof | null },
): wire.Block[] {
  if (text === "" && proof === null) return [];
  if (redacted || (text === "" && proof?.origin !== ORIGIN)) return [{ type: "redacted_thinking", data: signatureOf(proof) }];
  return [{ type: "thinking", thinking: text, signature: signatureOf(proof) }];
}

/** The proof of a block that has no slot for one: a redacted block behind it. */
export function carrier(proof: Proof | null): wire.RedactedThinkingBlock[] {
  return proof === null || proof.origin === ORIGIN ? [] : [{ type: "redacted_thinking", data: carrierOf(proof) }];
}

export function encodeCitation({ url, title, quote }: Annotation): wire.Citation {
  return { type: "web_search_result_location", url, title, cited_text: quote ?? "", encrypted_index: FOREIGN_INDEX };
}

/** What an answer of this protocol cannot hold, said in words. */
export function unshowable(part: Part): string {
  return `[The answer held ${part.type === "image" || part.type === "audio" ? "an" : "a"} ${part.type}, which Messages cannot show.]`;
}
