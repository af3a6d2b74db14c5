// The laws that every codec obeys, as functions that throw an AssertionError describing the violation.
// Never names a test, and never decides which cases a law covers.

import assert from "node:assert/strict";
import type { CanonicalRequest, Part, ProtocolId, Reply, ReplyEvent, TextPart, Tool } from "../../src/protocol/canonical.ts";
import type { Codec, Ending, Exchange, WireRequest } from "../../src/protocol/codec.ts";
import { bareRequest } from "../../src/protocol/exchange.ts";
import { fold, grammar, inOrder, unfold } from "../../src/protocol/fold.ts";
import { GatewayError } from "../../src/errors.ts";
import { isObject, parse, type Json } from "../../src/wire/json.ts";
import { members } from "../../src/wire/json-edit.ts";
import { chain, run } from "../../src/wire/machine.ts";
import { printSse, sseDecoder, type SseEvent } from "../../src/wire/sse.ts";
import type { Case } from "./fixtures.ts";

export const SSE_LIMITS = { maxEventLength: 32 * 1024 * 1024 };

const utf8 = new TextEncoder();

// ---- Exchanges ---------------------------------------------------------------------------------------------------

const SMALLEST: Readonly<Record<ProtocolId, WireRequest>> = {
  "openai-chat": wire({
    model: "some-model",
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: "user", content: "Hello" }],
  }),
  "openai-responses": wire({ model: "some-model", stream: true, input: "Hello" }),
  "anthropic-messages": wire({ model: "some-model", stream: true, max_tokens: 1024, messages: [{ role: "user", content: "Hello" }] }),
  gemini: { ...wire({ contents: [{ role: "user", parts: [{ text: "Hello" }] }] }), path: { model: "some-model", stream: true } },
};

function wire(body: object): WireRequest {
  return { body: JSON.stringify(body), headers: {}, path: null };
}

/** The call that a case's reply answers: its own request, or the smallest one of its protocol. */
export function exchangeFor(codec: Codec, request: WireRequest | null): Exchange {
  return { request: codec.request.decode(request ?? SMALLEST[codec.id]), id: "0a1b2c3d4e5f", createdAtS: 1_793_500_000 };
}

/** The same call as a client of `codec`'s protocol would have made it. */
export function exchangeAt(codec: Codec, exchange: Exchange): Exchange {
  const { names } = codec.request.decode(SMALLEST[codec.id]);
  return { ...exchange, request: { ...exchange.request, names, includeUsage: true, stream: true, extensions: [] } };
}

// ---- Streams -----------------------------------------------------------------------------------------------------

export function sseEvents(text: string): SseEvent[] {
  return run(sseDecoder(SSE_LIMITS), [utf8.encode(text)]);
}

/** The events that a decoder makes of a stream; throws when they break the grammar. */
export function decodeStream(codec: Codec, events: Iterable<SseEvent>, exchange: Exchange): ReplyEvent[] {
  return run(chain(codec.reply.decoder(exchange), grammar()), events);
}

/** What an encoder sends for canonical events, as text: the same whether or not it prints some events itself. */
export function encodeStream(codec: Codec, events: Iterable<ReplyEvent>, exchange: Exchange): string {
  const ordered = run(inOrder(), events);
  const stepped = run(codec.reply.encoder(exchange), ordered).map(printSse).join("");
  const encoder = codec.reply.encoder(exchange);
  const printed = ordered.map((event) => encoder.printed?.(event) ?? encoder.step(event).map(printSse).join("")).join("");
  assert.equal(printed + encoder.end().map(printSse).join(""), stepped);
  return stepped;
}

/** The error that a stream of events ended with; null: it succeeded. */
export function endOf(events: readonly ReplyEvent[]): GatewayError | null {
  const last = events.at(-1);
  return last?.type === "reply-error" ? last.error : null;
}

/** The members of an error that must be the same on both sides of a conversion. */
export function errorValue(error: GatewayError): object {
  return { kind: error.kind, status: error.status, message: error.message, param: error.param, code: error.code };
}

/** A reply or its error, so that both can be compared as values. */
export function outcome(decode: () => object): object {
  try {
    return decode();
  } catch (error) {
    if (error instanceof GatewayError) return errorValue(error);
    throw error;
  }
}

/** Whether this event is its protocol's terminal event. */
export function isTerminal(protocol: ProtocolId, event: SseEvent): boolean {
  let data: Json;
  try {
    data = parse(event.data);
  } catch {
    return false;
  }
  if (!isObject(data)) return false;
  switch (protocol) {
    case "openai-chat":
      return list(data["choices"]).some((choice) => isObject(choice) && typeof choice["finish_reason"] === "string");
    case "openai-responses":
      return ["response.completed", "response.incomplete", "response.failed", "error"].includes(String(data["type"]));
    case "anthropic-messages":
      return data["type"] === "message_stop" || data["type"] === "error";
    case "gemini": {
      const blocked = isObject(data["promptFeedback"]) && data["promptFeedback"]["blockReason"] !== undefined;
      return blocked || list(data["candidates"]).some((one) => isObject(one) && typeof one["finishReason"] === "string");
    }
  }
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

// ---- 1 Grammar ---------------------------------------------------------------------------------------------------

export function obeysGrammar(codec: Codec, one: Case, stream: string): void {
  const events = decodeStream(codec, sseEvents(stream), exchangeFor(codec, one.request));
  const error = endOf(events);
  assert.equal(error === null ? "end" : "error", one.meta.ends ?? "end", `the stream ends in: ${error?.message ?? "reply-end"}`);
}

// ---- 2 Cuts ------------------------------------------------------------------------------------------------------

/** Streams up to this long are cut at every byte. */
const SMALL_BYTES = 4096;
const CUT_POINTS = 96;

export function cutsDoNotMatter(codec: Codec, one: Case, stream: string): void {
  // A codec sees only complete events, so a cut that does not change these can't change its output. So the events are compared at every
  // cut, and the codec's output once for each kind of line end, one byte at a time.
  const split = (chunks: readonly Uint8Array[]): SseEvent[] => run(sseDecoder(SSE_LIMITS), chunks);
  const exchange = exchangeFor(codec, one.request);
  const decode = (chunks: readonly Uint8Array[]): string =>
    JSON.stringify(run(chain(sseDecoder(SSE_LIMITS), codec.reply.decoder(exchange)), chunks), errorsAsValues);
  const expected = split([utf8.encode(stream)]);
  const decoded = decode([utf8.encode(stream)]);
  for (const [name, text] of Object.entries({
    LF: stream,
    CRLF: stream.replace(/\r?\n/g, "\r\n"),
    CR: stream.replace(/\r?\n/g, "\r"),
  })) {
    const bytes = utf8.encode(text);
    for (const at of cutPoints(bytes, name === "LF")) {
      const found = split([bytes.subarray(0, at), bytes.subarray(at)]);
      if (!sameEvents(found, expected)) assert.deepEqual(found, expected, `${name}, cut at byte ${at}`);
    }
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
    if (decode(single) !== decoded) assert.fail(`${name}: one byte at a time gives other events`);
  }
}

function sameEvents(found: readonly SseEvent[], expected: readonly SseEvent[]): boolean {
  return (
    found.length === expected.length &&
    found.every(({ event, data }, index) => event === expected[index]?.event && data === expected[index].data)
  );
}

/** Every byte of a small stream; for others, evenly spread points and every kind of place that is difficult to cut. */
function cutPoints(bytes: Uint8Array, isEvery: boolean): Iterable<number> {
  if (isEvery && bytes.length <= SMALL_BYTES) return bytes.keys();
  const points = new Set<number>();
  for (let index = 0; index < CUT_POINTS; index++) points.add(Math.floor((bytes.length * index) / CUT_POINTS));
  let inside = 0;
  let lineEnds = 0;
  bytes.forEach((byte, index) => {
    if ((byte & 0xc0) === 0x80 && inside++ < CUT_POINTS / 4) points.add(index);
    if ((byte === 0x0a || byte === 0x0d) && lineEnds++ < CUT_POINTS / 4) points.add(index).add(index + 1);
  });
  return points;
}

function errorsAsValues(_key: string, value: unknown): unknown {
  return value instanceof GatewayError ? errorValue(value) : value;
}

// ---- 3 Truncation ------------------------------------------------------------------------------------------------

export function truncationIsAnError(codec: Codec, one: Case, stream: string): void {
  const events = sseEvents(stream);
  const exchange = exchangeFor(codec, one.request);
  const terminal = events.findIndex((event) => isTerminal(codec.id, event));
  const withoutTerminal = terminal === -1 ? events.length : terminal;
  for (let length = 0; length <= withoutTerminal; length++) {
    const decoded = decodeStream(codec, events.slice(0, length), exchange);
    assert.notEqual(endOf(decoded), null, `cut after ${length} of ${events.length} events, the answer looks complete`);
  }
  const bytes = utf8.encode(stream);
  if (bytes.length > SMALL_BYTES / 2 || terminal === -1) return;
  const closing = stream.indexOf(events[terminal]?.data.trimEnd() ?? "");
  const complete = utf8.encode(stream.slice(0, closing + (events[terminal]?.data.trimEnd().length ?? 0))).length;
  for (let length = 0; length < complete; length++) {
    const decoder = chain(sseDecoder(SSE_LIMITS), chain(codec.reply.decoder(exchange), grammar()));
    const decoded = run(decoder, [bytes.subarray(0, length)]);
    assert.notEqual(endOf(decoded), null, `cut after ${length} of ${bytes.length} bytes, the answer looks complete`);
  }
}

// ---- 4 Whole = fold ----------------------------------------------------------------------------------------------

export function wholeIsFold(codec: Codec, one: Case, replies: { whole: string; stream: string }): void {
  const exchange = exchangeFor(codec, one.request);
  const whole = outcome(() => codec.reply.decode(replies.whole, exchange));
  const folded = outcome(() => fold(decodeStream(codec, sseEvents(replies.stream), exchange)));
  assert.deepEqual(folded, whole, "the streamed answer (actual) differs from the whole one (expected)");
}

// ---- 5 Ending = decode -------------------------------------------------------------------------------------------

/** For the answer, and for what is left of it when a single value is missing or odd. */
export function endingIsDecoded(codec: Codec, request: WireRequest | null, reply: string): void {
  const asked = exchangeFor(codec, request);
  const passed = { ...asked, request: bareRequest(asked.request) };
  for (const body of [reply, reply.slice(0, -1), ...oddReplies(reply), ...NO_REPLIES]) {
    for (const exchange of [passed, asked]) {
      const ending = outcome(() => endingIn(codec.reply.ending(body, exchange)));
      const decoded = outcome(() => endingIn(codec.reply.decode(body, exchange)));
      assert.deepEqual(ending, decoded, `the ending (actual) differs from that of the decoded answer (expected): ${body}`);
    }
  }
}

function endingIn({ usage, finish }: Ending): Ending {
  return { usage, finish };
}

const NO_REPLIES = ["", " ", "null", "[]", "{}", "[{}]", "[DONE]", '{"detail":"Not today."}', '{"error":"Not today."}', '{"error":{}}'];
/** Each in place of every value. */
const ODD_VALUES = ["null", "true", "0", "-1", "1e99", '""', '"odd"', "[]", "{}", "[{}]"];
/** Replaces a value while the rest is printed. */
const HOLE = "7b1f";
/** How many values of a longer answer are tried, spread over it. */
const MOST_PLACES = 60;

function* oddReplies(reply: string): Iterable<string> {
  const value: unknown = JSON.parse(reply);
  const places = [...placesIn(value)];
  const step = Math.max(1, places.length / MOST_PLACES);
  for (let at = 0; at < places.length; at += step) {
    const { holder, key } = places[Math.floor(at)] ?? assert.fail();
    const before = holder[key];
    holder[key] = undefined;
    yield JSON.stringify(value);
    holder[key] = HOLE;
    const text = JSON.stringify(value);
    for (const odd of ODD_VALUES) yield text.replace(`"${HOLE}"`, odd);
    holder[key] = before;
  }
}

interface Place {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

function* placesIn(value: unknown): Iterable<Place> {
  if (typeof value !== "object" || value === null) return;
  // A list is written by its indices as an object is by its keys.
  const holder = value as Record<string, unknown>;
  for (const key of Object.keys(holder)) {
    yield { holder, key };
    yield* placesIn(holder[key]);
  }
}

// ---- 6 Round trip ------------------------------------------------------------------------------------------------

export function requestGoesRound(codec: Codec, request: WireRequest): void {
  const first = codec.request.decode(request);
  const head = codec.request.head(request);
  assert.deepEqual([head.model, head.stream], [first.model, first.stream], "head() differs from decode()");
  const encoded = codec.request.encode(first);
  parse(encoded.body);
  const second = codec.request.decode({ body: encoded.body, headers: encoded.headers, path: request.path });
  // A conversation that had to be repaired comes back repaired; from then on it must not change.
  const repaired = encoded.losses.some((loss) => loss.severity === "refused");
  const expected = repaired ? withoutLosses(reencoded(codec, second, request)) : withoutLosses(first);
  assert.deepEqual(told(codec, second), told(codec, expected), "decode(encode(decode(request))) differs from decode(request)");
}

function reencoded(codec: Codec, request: CanonicalRequest, original: WireRequest): CanonicalRequest {
  const { body, headers } = codec.request.encode(request);
  return codec.request.decode({ body, headers, path: original.path });
}

/** Nested members without a canonical field are reported once; the second time they are gone. */
function withoutLosses(request: CanonicalRequest): CanonicalRequest {
  return { ...request, losses: [] };
}

/** What a request contains in a protocol, as far as it must come back: a nested loss is reported once, and some texts are joined. */
export function told(codec: Codec, request: CanonicalRequest): CanonicalRequest {
  const said = withFunctions(withoutLosses(request));
  return JOINS_TEXTS.has(codec.id) ? joined(said) : said;
}

/** A client-run tool that its protocol names by type is sent as the function that it is everywhere else. */
function withFunctions(request: CanonicalRequest): CanonicalRequest {
  const tools = request.tools.map((tool): Tool => {
    if (tool.type !== "function") return tool;
    const { ownForm: _, ...described } = tool;
    return described;
  });
  return { ...request, tools };
}

/** Protocols with servers that accept only one string: there several plain texts of one turn are joined. */
const JOINS_TEXTS: ReadonlySet<ProtocolId> = new Set(["openai-chat"]);

/** Adjacent plain texts as one, ignoring white space. */
function joined(request: CanonicalRequest): CanonicalRequest {
  const turns = request.turns.map((turn) => ({ ...turn, parts: joinedParts(turn.parts) }));
  return { ...request, system: joinedParts(request.system).filter((part) => part.type === "text"), turns };
}

function joinedParts(parts: readonly Part[]): Part[] {
  const found: Part[] = [];
  for (const part of parts) {
    const last = found.at(-1);
    if (last?.type === "text" && part.type === "text" && isPlain(last) && isPlain(part)) {
      found[found.length - 1] = { ...last, text: withoutSpace(last.text + part.text) };
    } else {
      found.push(part.type === "text" ? { ...part, text: withoutSpace(part.text) } : part);
    }
  }
  return found;
}

function isPlain({ annotations, cache, proof }: TextPart): boolean {
  return annotations.length === 0 && cache === null && proof === null;
}

function withoutSpace(text: string): string {
  return text.replace(/\s+/g, "");
}

export function replyGoesRound(codec: Codec, decoded: Reply, exchange: Exchange): void {
  const reply = codec.id === "anthropic-messages" ? withoutBlankTexts(decoded) : decoded;
  const whole = codec.reply.decode(codec.reply.encode(reply, exchange), exchange);
  assert.deepEqual(whole, reply, "whole: decode(encode(reply)) differs from the reply");
  const stream = encodeStream(codec, unfold(reply), exchange);
  const folded = fold(decodeStream(codec, sseEvents(stream), exchange));
  assert.deepEqual(folded, reply, "streamed: fold(decode(encode(reply))) differs from the reply");
}

/** A client of Messages gets no blank text, which the API would refuse when it is sent back; Anthropic itself writes some. */
function withoutBlankTexts(reply: Reply): Reply {
  return { ...reply, parts: reply.parts.filter((part) => part.type !== "text" || part.text.trim() !== "") };
}

// ---- 7 Own language ----------------------------------------------------------------------------------------------

const PROMPT = 'You are "Lumen",\na lighthouse keeper \u2014 bright.';
const NEW_MODEL = 'house/"other"-model';

/** Where each protocol has the client's instructions. */
const INSTRUCTIONS: Readonly<Record<ProtocolId, readonly string[]>> = {
  "openai-chat": ["messages"],
  "openai-responses": ["instructions"],
  "anthropic-messages": ["system"],
  gemini: ["systemInstruction", "system_instruction"],
};

export function editsAreExact(codec: Codec, request: WireRequest): void {
  // A member from the future, spelled as no printer would spell it.
  const strange = request.body.replace("{", '{ "zz_future" :\t[1.50e+02, 12345678901234567890, "\\u0041"] ,\n');
  for (const body of [request.body, strange]) {
    assert.equal(codec.request.edit(body, { model: null, systemPrompt: null }), body, "no edits: the same text");

    const renamed = codec.request.edit(body, { model: NEW_MODEL, systemPrompt: null });
    onlyMemberChanged(body, renamed, ["model"]);
    assert.equal((JSON.parse(renamed) as { model?: unknown }).model, NEW_MODEL, "the model is edited");

    const prompted = codec.request.edit(body, { model: null, systemPrompt: PROMPT });
    onlyMemberChanged(body, prompted, INSTRUCTIONS[codec.id]);
    const before = codec.request.decode({ ...request, body });
    const after = codec.request.decode({ ...request, body: prompted });
    const said = before.system.map((part) => part.text).join("");
    const saying = after.system.map((part) => part.text).join("");
    assert.ok(saying.startsWith(PROMPT), "the system prompt stands first");
    assert.ok(saying.endsWith(said), "the client's own instructions stand behind it, unchanged");
    assert.deepEqual({ ...after, system: [] }, { ...before, system: [] }, "the system prompt changes nothing but the instructions");
    assert.equal(codec.request.edit(prompted, { model: null, systemPrompt: PROMPT }), prompted, "a second time it is not put in again");
    assert.equal(
      codec.request.edit(body, { model: NEW_MODEL, systemPrompt: PROMPT }),
      codec.request.edit(prompted, { model: NEW_MODEL, systemPrompt: null }),
      "both edits at once are the two one after the other",
    );
  }
}

/** Removes what was put in: outside of the named member nothing changed, inside of it nothing was lost. */
function onlyMemberChanged(before: string, after: string, names: readonly string[]): void {
  const old = members(before).find((member) => names.includes(member.key));
  const edited = members(after).find((member) => names.includes(member.key));
  assert.ok(edited !== undefined, `${names[0]} is there after the edit`);
  if (old === undefined) {
    assert.equal(withoutInsertion(before, after), before, `without the inserted ${names[0]} the text is as it was`);
    return;
  }
  assert.equal(after.slice(0, edited.valueStart), before.slice(0, old.valueStart), `in front of ${names[0]} the text is as it was`);
  assert.equal(after.slice(edited.valueEnd), before.slice(old.valueEnd), `behind ${names[0]} the text is as it was`);
  if (names[0] === "model") return;
  const value = before.slice(old.valueStart, old.valueEnd);
  const found = after.slice(edited.valueStart, edited.valueEnd);
  if (value === "null" || found.includes(value.slice(1, -1))) return;
  assert.equal(withoutInsertion(value, found), value, `inside of ${names[0]} the client's own text is as it was`);
}

/** The longer text without the one stretch that the shorter one lacks. */
function withoutInsertion(before: string, after: string): string {
  const head = commonLength(before, after);
  const tail = before.length - head;
  return after.slice(0, head) + (tail === 0 ? "" : after.slice(-tail));
}

function commonLength(left: string, right: string): number {
  let length = 0;
  while (length < left.length && left[length] === right[length]) length++;
  return length;
}
