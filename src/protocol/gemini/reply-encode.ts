// Room: protocol/gemini/answer (row 2).
// In:  canonical replies and events.
// Out: generateContent answers for a Gemini client, whole or streamed; the event sequence is drawn at the head of reply.ts.
// Every chunk holds a part: the official chat helper forgets a turn in which one does not.
// Never does: send a name of an event, `[DONE]`, half a function call, or a finish reason outside of Gemini's list.

import { print, type JsonObject } from "../../wire/json.ts";
import type { Machine } from "../../wire/machine.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { Part, Proof, Reply, ReplyEvent, Usage } from "../canonical.ts";
import { withoutConversation } from "../exchange.ts";
import type { Exchange } from "../codec.ts";
import { unfold } from "../fold.ts";
import { errorEvent } from "./errors.ts";
import { encodeFinish } from "./finish.ts";
import { encodeGrounding, type Cited } from "./grounding.ts";
import { argsOf, ownPart } from "./turns-encode.ts";
import { LogprobsWriter } from "./logprobs.ts";
import { encodeMedia } from "./media.ts";
import { oneLine } from "./parts-decode.ts";
import { carriedSignature, UNSIGNED } from "./proofs.ts";
import { encodeUsage } from "./usage.ts";

export function encodeReply(reply: Reply, exchange: Exchange): string {
  const writer = new PartsEncoder("whole");
  const parts = unfold(reply).flatMap((event) => writer.write(event));
  const candidate: JsonObject = { ...contentOf(parts, reply.finish.kind === "filtered"), ...writer.ending(reply.finish), index: 0 };
  return print({
    candidates: [candidate],
    ...(reply.usage === null ? {} : { usageMetadata: encodeUsage(reply.usage) }),
    ...envelope(reply, exchange),
  });
}

/** A filtered answer without a word has no content; any other has at least an empty one. */
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
  readonly #writer = new PartsEncoder("increments");
  #usage: Usage | null = null;
  #sent = 0;
  /** What follows the parts in every chunk but the last. */
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
        const candidate: JsonObject = { ...contentOf(parts, true), ...this.#writer.ending(event.finish), index: 0 };
        const usage = this.#usage === null ? {} : { usageMetadata: encodeUsage(this.#usage) };
        return [{ event: null, data: print({ candidates: [candidate], ...usage, ...this.#envelope }) }];
      }
      default: {
        const parts = this.#writer.write(event);
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

  /** The member that tells the tokens of a chunk; "" where there are none. */
  #logprobs(): string {
    const told = print(this.#writer.logprobs.take()).slice(1, -1);
    return told === "" ? "" : `${told},`;
  }
}

/** Canonical events -> the parts that tell them, in order; one part open at a time. */
class PartsEncoder {
  /** Whether text goes out piece by piece, its signature behind it, or each part once. */
  readonly #mode: "increments" | "whole";
  #open: Part | null = null;
  /** What the open part holds back: arguments, and text in mode `whole`. */
  #pieces: string[] = [];
  /** All visible text so far, for offsets: of the parts before the open one, and of that one itself. */
  #before: string[] = [];
  #texts: string[] = [];
  #annotated: Extract<ReplyEvent, { type: "annotation" }>["annotation"][] = [];
  readonly #cited: Cited[] = [];
  readonly logprobs = new LogprobsWriter();
  #hasCalled = false;
  #brokenCall = false;
  #refused = false;

  constructor(mode: "increments" | "whole") {
    this.#mode = mode;
  }

  write(event: ReplyEvent): JsonObject[] {
    switch (event.type) {
      case "part-start":
        this.#open = event.part;
        if (event.part.type === "refusal") this.#refused = true;
        return wholePart(event.part);
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

  /** The members of the candidate that come with the end. */
  ending(finish: Parameters<typeof encodeFinish>[0]): JsonObject {
    const grounding = encodeGrounding(this.#cited);
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
    if (this.#mode === "increments" && kind !== "tool-call") return [kind === "reasoning" ? { text, thought: true } : { text }];
    this.#pieces.push(text);
    return [];
  }

  #end(proof: Proof | null): JsonObject[] {
    const part = this.#open;
    const text = this.#pieces.join("");
    const signature = carriedSignature(proof);
    const signed = signature === null ? {} : { thoughtSignature: signature };
    this.#open = null;
    this.#pieces = [];
    switch (part?.type) {
      case "text":
      case "refusal":
        this.#cite();
        return text === "" && signature === null ? [] : [{ text, ...signed }];
      case "reasoning":
        if (text === "" && signature === null) return [];
        return [{ text, ...(part.redacted ? {} : { thought: true }), ...signed }];
      case "tool-call": {
        const { args, fault } = argsOf({ kind: part.kind, arguments: part.kind === "custom" ? text : oneLine(text) });
        // A client would run the half of a call; Gemini has a finish reason for that.
        if (fault) {
          this.#brokenCall = true;
          return [];
        }
        // Gemini wants a signature on the first call of a step, and has to be told that there is none.
        const thoughtSignature = signature ?? (this.#hasCalled ? null : UNSIGNED);
        this.#hasCalled = true;
        const functionCall = { id: part.callId, name: part.name, args };
        return [{ functionCall, ...(thoughtSignature === null ? {} : { thoughtSignature }) }];
      }
      default:
        return [];
    }
  }

  #cite(): void {
    const [before, text] = this.#annotated.length > 0 ? [this.#before.join(""), this.#texts.join("")] : ["", ""];
    for (const annotation of this.#annotated) this.#cited.push({ annotation, before, text });
    this.#before.push(...this.#texts);
    this.#texts = [];
    this.#annotated = [];
  }
}

/** Parts that come at once. */
function wholePart(part: Part): JsonObject[] {
  switch (part.type) {
    case "image":
    case "file":
    case "audio":
    case "video": {
      const media = encodeMedia(part.source, part.type);
      return media === null ? [] : [media];
    }
    case "opaque":
      return part.protocol === "gemini" ? [ownPart(part.value)] : [];
    default:
      return [];
  }
}
