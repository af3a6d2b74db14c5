// Laws of a pair of protocols, for any conversation and any answer. Never makes up the cases, and never names a test.

import assert from "node:assert/strict";
import { isObject, parse, type Json, type JsonObject } from "../../src/wire/json.ts";
import type { CanonicalRequest, Part, ProtocolId, Reply, ReplyEvent } from "../../src/protocol/canonical.ts";
import type { Codec, EncodedRequest, Exchange } from "../../src/protocol/codec.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { fold, unfold } from "../../src/protocol/fold.ts";
import { fitName } from "../../src/protocol/tool-names.ts";
import { text } from "./canonical.ts";
import { replyDifferences } from "./facts.ts";
import { decodeStream, encodeStream, endOf, exchangeAt, exchangeFor, sseEvents, told as spoken } from "./laws.ts";
import { converse } from "./conversation.ts";
import { LOSSES, TARGET_MODELS } from "./losses.ts";
import { refuseRequest } from "./providers.ts";
import { objectOf } from "./reading.ts";
import { obeysStreamGrammar } from "./stream-grammar.ts";

export interface Pair {
  readonly from: ProtocolId;
  readonly to: ProtocolId;
}

// ---- Requests ----------------------------------------------------------------------------------------------------

/** The request as a client of the protocol would have sent it: what its own codec reads in what it writes. */
export function asSentBy(protocol: ProtocolId, request: CanonicalRequest): CanonicalRequest {
  const codec = CODECS[protocol];
  return { ...read(codec, request, codec.request.encode(request)), losses: [] };
}

/** The request with the names that clients of the protocol know. */
export function namedBy(protocol: ProtocolId, request: CanonicalRequest): CanonicalRequest {
  return { ...request, names: exchangeFor(CODECS[protocol], null).request.names };
}

/** A strict provider accepts the request, and reads the same when it is sent again. */
export function requestIsTaken(request: CanonicalRequest, to: ProtocolId): void {
  const codec = CODECS[to];
  const once = accepted(codec, request);
  const twice = accepted(codec, once);
  const heard = (one: CanonicalRequest): CanonicalRequest => spoken(codec, to === "openai-chat" ? asChatKeeps(one) : one);
  assert.deepEqual(heard(twice), heard(once), "sent on by a second proxy it says something else");
}

/**
 * What a Chat message keeps: thoughts go back only within a running tool loop (and the image of a result, which is in a user
 * message there, ends it), and a refusal is beside the text, not before or after it.
 */
function asChatKeeps(request: CanonicalRequest): CanonicalRequest {
  const turns = request.turns.map((turn) => {
    const said = turn.parts.filter((part) => part.type !== "reasoning" && part.type !== "refusal");
    const refusal = turn.parts.flatMap((part) => (part.type === "refusal" ? [part.text] : [])).join("");
    return { ...turn, parts: refusal === "" ? said : [...said, { type: "refusal" as const, text: refusal }] };
  });
  return { ...request, turns };
}

function accepted(codec: Codec, request: CanonicalRequest): CanonicalRequest {
  const encoded = codec.request.encode(request);
  const value: unknown = JSON.parse(encoded.body);
  assert.ok(isObject(value), "the body is a JSON object");
  parse(encoded.body);
  const headers = { "anthropic-version": "2023-06-01", ...encoded.headers };
  refuseRequest(codec.id, { body: objectOf(value), headers, isCount: false });
  return read(codec, request, encoded);
}

function read(codec: Codec, { model, stream }: CanonicalRequest, { body, headers }: EncodedRequest): CanonicalRequest {
  return codec.request.decode({ body, headers, path: codec.id === "gemini" ? { model, stream } : null });
}

// ---- Answers -----------------------------------------------------------------------------------------------------

/** The answer as the upstream's decoder finds it in what its protocol can express. */
export function asToldBy(protocol: ProtocolId, { reply, exchange }: { reply: Reply; exchange: Exchange }): ReplyEvent[] {
  const codec = CODECS[protocol];
  const upstream = exchangeAt(codec, exchange);
  return decodeStream(codec, sseEvents(encodeStream(codec, unfold(reply), upstream)), upstream);
}

/**
 * A client gets a whole answer and a streamed one with the same content, which is the upstream's except for the rows of LOSSES;
 * the stream obeys the grammar of its accumulator.
 */
export function replyArrives(events: readonly ReplyEvent[], { from, to }: Pair, exchange: Exchange): void {
  const codec = CODECS[to];
  const client = exchangeAt(codec, exchange);
  const told = fold(events);
  // An upstream that does not name its model gets the requested name.
  const said = { ...told, model: told.model === "" ? exchange.request.model : told.model };
  const fits = from !== to && to === "openai-responses" ? { ...said, parts: said.parts.map(withFittingId) } : said;
  const stream = encodeStream(codec, events, client);
  obeysStreamGrammar(to, stream, { includeUsage: client.request.includeUsage });
  const streamed = fold(decodeStream(codec, sseEvents(stream), client));
  const whole = codec.reply.decode(codec.reply.encode(said, client), client);
  assert.equal(streamed.id, whole.id, "one id, streamed and whole");
  assert.deepEqual(
    replyDifferences(whole, streamed).filter(({ field }) => !MAY_MOVE.has(field)),
    [],
    "the streamed answer (after) differs from the whole one (before)",
  );
  if (from === to) return;
  const declared = new Set(LOSSES.filter((row) => row.to === to || row.to === "any").map(({ field }) => field));
  assert.deepEqual(
    replyDifferences(fits, whole).filter(({ field }) => !declared.has(field) && !MAY_MOVE.has(field)),
    [],
    "the client's answer (after) differs from the upstream's (before)",
  );
}

/** OpenAI accepts ids of up to 64 characters, and what its client received comes back. */
function withFittingId(part: Part): Part {
  return part.type === "tool-call" ? { ...part, callId: fitName(part.callId, { unfit: /(?!)/, maxLength: 64 }) } : part;
}

/** A whole Chat answer has the text before the calls; what became text, or was left out, changes the neighbours. */
const MAY_MOVE: ReadonlySet<string> = new Set(["reply.order", "reply.text.blocks", "+reply.text.blocks", "reply.reasoning.blocks"]);

/** A stream that breaks off is, for the client, a stream that broke off. */
export function breakArrives(events: readonly ReplyEvent[], to: ProtocolId, exchange: Exchange): void {
  const codec = CODECS[to];
  const client = exchangeAt(codec, exchange);
  const stream = encodeStream(codec, events, client);
  obeysStreamGrammar(to, stream, { includeUsage: client.request.includeUsage });
  const heard = endOf(decodeStream(codec, sseEvents(stream), client));
  assert.equal(heard?.message, endOf(events)?.message);
}

/** A conversation that another vendor answered continues with the client's own: nothing that was sealed on the way is left in it. */
export function sealsComeOff(reply: Reply, { from, to }: Pair): void {
  const codec = CODECS[to];
  const client = exchangeAt(codec, exchangeFor(CODECS[from], null));
  const conversation = converse(to);
  const said: Reply = { ...reply, parts: [...reply.parts, text("So.")] };
  conversation.hear(codec.reply.encode(said, client), false);
  conversation.say("And then?");
  for (const model of TARGET_MODELS[to]) {
    const { body } = conversation.request({ model, stream: false });
    const asked: JsonObject = to === "gemini" ? { ...body, model } : body;
    const source = JSON.stringify(asked);
    const edited = codec.request.edit(source, { model: null, systemPrompt: null });
    const sent = objectOf(JSON.parse(edited));
    assert.deepEqual(sealsIn(sent), [], "no seal is left");
    if (sealsIn(asked).length === 0) assert.equal(edited, source, "without a seal the bytes are as they were");
    refuseRequest(to, { body: sent, headers: { "anthropic-version": "2023-06-01" }, isCount: false });
  }
}

const OPAQUE_SLOTS: ReadonlySet<string> = new Set([
  "signature",
  "data",
  "encrypted_content",
  "thoughtSignature",
  "thought_signature",
  "encrypted_index",
]);
/** `gw1.` as it is, and in base64. */
const SEALED = /^(?:gw1\.|Z3cxL)/;

function sealsIn(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(sealsIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    OPAQUE_SLOTS.has(key) && typeof member === "string" ? (SEALED.test(member) ? [member] : []) : sealsIn(member),
  );
}
