// Canonical -> a generateContent answer for a client of Gemini, streamed or not. The sequence of chunks is drawn in reply-decode.ts.
// Every chunk has a part: the official chat helper forgets a turn in which one has none.
// Does not send an event name, `[DONE]`, half a function call, or a finish reason that is not on Gemini's list.

import { print, type JsonObject } from "../../wire/json.ts";
import type { Machine } from "../../wire/machine.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { Annotation, FinishReason, Part, Proof, Reply, ReplyEvent, Usage, WebSearch } from "../canonical.ts";
import type { Exchange } from "../codec.ts";
import { withoutConversation } from "../exchange.ts";
import { unfold } from "../fold.ts";
import { ByteOffsets } from "./byte-offsets.ts";
import { encodeArguments, encodeCall, oneLine } from "./calls.ts";
import { errorEvent } from "./errors.ts";
import { encodeFinish } from "./finish.ts";
import { encodeGrounding, type Cited } from "./grounding.ts";
import { LogprobsEncoder } from "./logprobs.ts";
import { encodeMedia } from "./media.ts";
import { encodeOpaque, encodeText } from "./parts-encode.ts";
import { carriedSignature, UNSIGNED } from "./seals.ts";
import { encodeUsage } from "./usage.ts";

const UTF8 = new TextEncoder();

export function encodeReply(reply: Reply, exchange: Exchange): string {
  const encoder = new PartsEncoder("non-streaming");
  const parts = unfold(reply).flatMap((event) => encoder.encode(event));
  const candidate: JsonObject = { ...contentOf(parts, reply.finish.kind === "filtered"), ...encoder.ending(reply.finish), index: 0 };
  return print({
    candidates: [candidate],
    ...(reply.usage === null ? {} : { usageMetadata: encodeUsage(reply.usage) }),
    ...envelope(reply, exchange),
  });
}

/** A filtered answer without text has no content; any other has at least an empty one. */
function contentOf(parts: JsonObject[], filtered: boolean): JsonObject {
  if (parts.length === 0 && filtered) return {};
  return { content: { parts: parts.length === 0 ? [{ text: "" }] : parts, role: "model" } };
}

const FOREIGN_PREFIX = /^(?:msg_|resp_|chatcmpl-|gen-)/;

function envelope({ id, model }: { id: string; model: string }, exchange: Exchange): JsonObject {
  const own = id.replace(FOREIGN_PREFIX, "");
  return { modelVersion: model === "" ? exchange.request.model : model, responseId: own === "" ? exchange.id : own };
}

export function replyEncoder(exchange: Exchange): Machine<ReplyEvent, SseEvent> {
  return new ReplyEncoder(exchange);
}

class ReplyEncoder implements Machine<ReplyEvent, SseEvent> {
  readonly #exchange: Exchange;
  readonly #parts = new PartsEncoder("streaming");
  #usage: Usage | null = null;
  #sent = 0;
  /** What follows the parts in every chunk except the last. */
  #tail = "";
  #envelope: JsonObject;

  constructor(exchange: Exchange) {
    this.#exchange = withoutConversation(exchange);
    this.#envelope = envelope({ id: "", model: "" }, exchange);
  }

  step(event: ReplyEvent): SseEvent[] {
    switch (event.type) {
      case "reply-start":
        this.#envelope = envelope(event, this.#exchange);
        this.#tail = `"index":0}],${print(this.#envelope).slice(1)}`;
        return [];
      case "usage":
        this.#usage = event.usage;
        return [];
      case "reply-error":
        return [errorEvent(event.error)];
      case "reply-end": {
        const parts = this.#sent === 0 && event.finish.kind === "filtered" ? [] : [{ text: "" }];
        const candidate: JsonObject = { ...contentOf(parts, true), ...this.#parts.ending(event.finish), index: 0 };
        const usage = this.#usage === null ? {} : { usageMetadata: encodeUsage(this.#usage) };
        return [{ event: null, data: print({ candidates: [candidate], ...usage, ...this.#envelope }) }];
      }
      default: {
        const parts = this.#parts.encode(event);
        this.#sent += parts.length;
        return parts.map((part) => ({
          event: null,
          data: `{"candidates":[{"content":{"parts":[${print(part)}],"role":"model"},${this.#logprobs()}${this.#tail}`,
        }));
      }
    }
  }

  end(): SseEvent[] {
    return [];
  }

  /** The member with the tokens of a chunk; "": none. */
  #logprobs(): string {
    const member = print(this.#parts.logprobs.take()).slice(1, -1);
    return member === "" ? "" : `${member},`;
  }
}

/** Canonical events -> parts on the wire, in order; one part open at a time. */
class PartsEncoder {
  /** `streaming`: text is sent piece by piece, followed by its signature; `non-streaming`: each part is sent once. */
  readonly #mode: "streaming" | "non-streaming";
  #open: Part | null = null;
  /** What the open part holds back: arguments, and text that is not sent piece by piece. */
  #pieces: string[] = [];
  /** All visible text so far, for offsets: the bytes counted, the parts after that, and the open part. */
  #bytesBefore = 0;
  #before: string[] = [];
  #texts: string[] = [];
  #annotated: Annotation[] = [];
  readonly #cited: Cited[] = [];
  readonly #searches: WebSearch[] = [];
  readonly logprobs = new LogprobsEncoder();
  #hasCalled = false;
  #brokenCall = false;
  #refused = false;

  constructor(mode: "streaming" | "non-streaming") {
    this.#mode = mode;
  }

  encode(event: ReplyEvent): JsonObject[] {
    switch (event.type) {
      case "part-start":
        this.#open = event.part;
        if (event.part.type === "refusal") this.#refused = true;
        if (event.part.type === "opaque" && event.part.search !== undefined) this.#searches.push(event.part.search);
        return completePart(event.part);
      case "part-delta":
        return this.#delta(event.text);
      case "logprobs":
        this.logprobs.add(event.logprobs);
        return [];
      case "annotation":
        this.#annotated.push(event.annotation);
        return [];
      case "part-end":
        return this.#end(event.proof);
      default:
        return [];
    }
  }

  /** The members of the candidate that come at the end. */
  ending(finish: FinishReason): JsonObject {
    const grounding = encodeGrounding(this.#cited, this.#searches);
    return {
      ...encodeFinish(finish, { brokenCall: this.#brokenCall, refused: this.#refused }),
      ...(grounding === null ? {} : { groundingMetadata: grounding }),
      ...this.logprobs.take(),
      ...this.logprobs.average(),
    };
  }

  #delta(text: string): JsonObject[] {
    const kind = this.#open?.type;
    if (kind === "text" || kind === "refusal") this.#texts.push(text);
    if (this.#mode === "streaming" && kind !== "tool-call") return encodeText(text, { thought: kind === "reasoning", signature: null });
    this.#pieces.push(text);
    return [];
  }

  #end(proof: Proof | null): JsonObject[] {
    const part = this.#open;
    const text = this.#pieces.join("");
    const signature = carriedSignature(proof);
    this.#open = null;
    this.#pieces = [];
    switch (part?.type) {
      case "text":
      case "refusal":
        this.#cite();
        return encodeText(text, { thought: false, signature });
      case "reasoning":
        return encodeText(text, { thought: !part.redacted, signature });
      case "tool-call": {
        const { args, fault } = encodeArguments({ kind: part.kind, arguments: part.kind === "custom" ? text : oneLine(text) });
        // A client would run half a call; Gemini has a finish reason for it.
        if (fault) {
          this.#brokenCall = true;
          return [];
        }
        // Gemini wants a signature on the first call of a step, or a marker that there is none.
        const sent = signature ?? (this.#hasCalled ? null : UNSIGNED);
        this.#hasCalled = true;
        return [encodeCall({ id: part.callId, name: part.name, args }, sent)];
      }
      default:
        return [];
    }
  }

  #cite(): void {
    if (this.#annotated.length > 0) {
      const text = this.#texts.join("");
      const offsets = new ByteOffsets(text);
      this.#bytesBefore += UTF8.encode(this.#before.join("")).length;
      this.#before = [];
      for (const annotation of this.#annotated) this.#cited.push({ annotation, text, offsets, bytesBefore: this.#bytesBefore });
    }
    for (const text of this.#texts) this.#before.push(text);
    this.#texts = [];
    this.#annotated = [];
  }
}

/** Parts that are complete at once. */
function completePart(part: Part): JsonObject[] {
  switch (part.type) {
    case "image":
    case "file":
    case "audio":
    case "video": {
      const media = encodeMedia(part.source, part.type);
      return media === null ? [] : [media];
    }
    case "opaque":
      // Searches are reported with the sources, at the end.
      return part.protocol === "gemini" && part.search === undefined ? [encodeOpaque(part)] : [];
    default:
      return [];
  }
}
