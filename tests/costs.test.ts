// What a streamed answer costs, counted and not timed: the same on every machine. How often each chunk is looked at, how many there are of
// what. What is held meanwhile is measured in held-requests.test.ts and soak/memory.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../src/errors.ts";
import type { CanonicalRequest, ProtocolId, Reply, ReplyEvent, Tool } from "../src/protocol/canonical.ts";
import { CODECS } from "../src/protocol/codecs.ts";
import { fold, inOrder, unfold } from "../src/protocol/fold.ts";
import { structuredBy } from "../src/protocol/structured-output.ts";
import { chain, run } from "../src/wire/machine.ts";
import { concat } from "../src/wire/pump.ts";
import { isBun } from "./support/alive.ts";
import { counting, difference, each, ZERO, type Counts } from "./support/counting.ts";
import { MODELS, told, WAYS, type Way } from "./support/dialects.ts";
import { PROTOCOLS } from "./support/fixtures.ts";
import { bytesOf, eventsOf, programOver, pumpOf, requestOf, Upstream, WORD } from "./support/in-memory.ts";
import { exchangeAt, exchangeFor } from "./support/laws.ts";
import { complete } from "./support/reply-content.ts";
import { ANSWERS, shaped, SHAPES } from "./support/shapes.ts";
import { counted } from "./support/steps.ts";
import { encodeReply } from "./support/wire-reply.ts";

const utf8 = new TextEncoder();
const LONG = 4000;
const PASSAGES = WAYS.filter(({ client, upstream }) => client === upstream);
const CONVERSIONS = WAYS.filter(({ client, upstream }) => client !== upstream);

const lengthOf = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, { length }) => sum + length, 0);

// ---- Counting ------------------------------------------------------------------------------------------------------

const upstream = new Upstream();
const program = programOver(upstream);

/** The chunks that the client gets. */
async function chunksOf(response: Response): Promise<Uint8Array[]> {
  const reader = response.body?.getReader();
  assert.ok(reader !== undefined);
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value);
  }
}

interface Passed {
  /** Until the upstream is asked. */
  readonly request: Counts;
  /** From there to the head of the answer. */
  readonly head: Counts;
  /** From there to the last chunk. */
  readonly passing: Counts;
  /** From there to the end. */
  readonly end: Counts;
  readonly chunks: readonly Uint8Array[];
}

/** One call whose upstream gives these chunks, counted. */
function passed(request: Request, chunks: readonly Uint8Array[]): Promise<Passed> {
  return counting(async (count) => {
    let asked = ZERO;
    let last = ZERO;
    upstream.called = () => (asked = count());
    upstream.answer((index) => {
      if (index === chunks.length) last = count();
      return chunks[index];
    });
    const response = await program.fetch(request);
    const begun = count();
    const got = await chunksOf(response);
    return {
      request: asked,
      head: difference(begun, asked),
      passing: difference(last, begun),
      end: difference(count(), last),
      chunks: got,
    };
  });
}

// ---- Same protocol ---------------------------------------------------------------------------------------------------

/** The events that are kept from the end, to tell usage and ending for the log; see `passage`. */
const KEPT_EVENTS = 4;
/** How much of a first chunk is kept beside, unless its first event is longer. */
const KEPT_HEAD_BYTES = 1024;

for (const way of PASSAGES) {
  for (const deltas of [200, LONG]) {
    test(`${way.name}, ${deltas} deltas: nothing is parsed while events pass; the first is looked at before, it and the last 4 after`, async () => {
      const chunks = bytesOf(eventsOf(way.upstream, deltas));
      const [first] = chunks;
      assert.ok(first !== undefined);
      const { head, passing, end } = await passed(requestOf(way), chunks);
      assert.deepEqual(passing, ZERO);
      assert.deepEqual(
        { head: [head.decodedBytes, head.decoderSteps], end: [end.decodedBytes, end.decoderSteps] },
        { head: [first.length, 1], end: [first.length + lengthOf(chunks.slice(-KEPT_EVENTS)), 1 + KEPT_EVENTS] },
      );
    });
  }

  test(`${way.name}: of a burst in one chunk no more is looked at than its beginning and its last 4 events`, async () => {
    const events = bytesOf(eventsOf(way.upstream, LONG));
    const [first] = events;
    assert.ok(first !== undefined);
    const { head, passing, end } = await passed(requestOf(way), [concat(events)]);
    const atEnd = end.decodedBytes;
    assert.deepEqual(passing, ZERO);
    assert.ok(atEnd <= Math.max(first.length, KEPT_HEAD_BYTES) + lengthOf(events.slice(-KEPT_EVENTS)), `${atEnd} bytes looked at`);
    assert.deepEqual([head.decodedBytes, head.decoderSteps], [first.length, 1]);
  });

  test(`${way.name}: chunks of whole events go out as the very chunks that came in`, async () => {
    const events = bytesOf(eventsOf(way.upstream, 300));
    // One event a chunk, then three.
    const chunks = [
      ...events.slice(0, 100),
      ...Array.from({ length: Math.ceil((events.length - 100) / 3) }, (_, index) =>
        utf8.encode(
          events
            .slice(100 + 3 * index, 103 + 3 * index)
            .map((event) => new TextDecoder().decode(event))
            .join(""),
        ),
      ),
    ];
    upstream.answer((index) => chunks[index]);
    const got = await chunksOf(await program.fetch(requestOf(way)));
    assert.equal(got.length, chunks.length);
    assert.deepEqual(
      chunks.flatMap((chunk, index) => (chunk === got[index] ? [] : [index])),
      [],
    );
  });
}

// ---- Converted -------------------------------------------------------------------------------------------------------

/** What a delta makes the protocol of an upstream tell: Gemini says usage with each. */
const DECODED: Readonly<Record<ProtocolId, number>> = { "openai-chat": 1, "openai-responses": 1, "anthropic-messages": 1, gemini: 2 };
/** How often the protocol of a client prints a value for a delta; Gemini a member's name and its text, into a text that stands. */
const PRINTS: Readonly<Record<ProtocolId, number>> = { "openai-chat": 1, "openai-responses": 1, "anthropic-messages": 1, gemini: 2 };

type Steps = Omit<Counts, "decodedBytes" | "parsedLength"> & { readonly chunks: number; readonly events: number };

const NO_STEPS: Steps = { ...without(ZERO), chunks: 0, events: 0 };

function without({ decodedBytes: _bytes, parsedLength: _length, ...counts }: Counts): Omit<Counts, "decodedBytes" | "parsedLength"> {
  return counts;
}

/** What was done on the way of these events to a client, and what it got. Each byte is decoded once and parsed at most once, or so often. */
async function converted(way: Way, events: readonly string[], { mostParsed = 1 } = {}): Promise<{ steps: Steps; text: string }> {
  const chunks = bytesOf(events);
  const { passing, chunks: got } = await passed(requestOf(way), chunks);
  const rest = lengthOf(chunks.slice(1));
  assert.equal(passing.decodedBytes, rest);
  assert.ok(passing.parsedLength <= mostParsed * rest, `${passing.parsedLength} of ${rest} characters parsed`);
  const text = new TextDecoder().decode(concat(got));
  return { steps: { ...without(passing), chunks: got.length, events: text.split("\n\n").length - 1 }, text };
}

/** What each delta more costs, from one length to the next: the same for the hundredth and for the last. */
async function costsOf(of: (deltas: number) => Promise<{ steps: Steps }>): Promise<{ short: Steps; long: Steps }> {
  const found: Steps[] = [];
  // Even the shortest is longer than what a parser may read at a look.
  for (const deltas of [300, 400, LONG]) found.push((await of(deltas)).steps);
  const [a = NO_STEPS, b = NO_STEPS, c = NO_STEPS] = found;
  const cost = (later: Steps, earlier: Steps, deltas: number): Steps => each(NO_STEPS, (name) => (later[name] - earlier[name]) / deltas);
  return { short: cost(b, a, 100), long: cost(c, b, LONG - 400) };
}

for (const way of CONVERSIONS) {
  test(`${way.name}: a delta is one chunk in and one out, decoded, parsed and encoded once, whatever the length of the stream`, async () => {
    const costs = await costsOf(async (deltas) => {
      const found = await converted(way, eventsOf(way.upstream, deltas));
      assert.equal(told(way.client, found.text).text, WORD.repeat(deltas));
      return found;
    });
    const expected: Steps = {
      ...NO_STEPS,
      chunks: 1,
      events: 1,
      decodes: 1,
      encodes: 1,
      parses: 1,
      prints: PRINTS[way.client],
      decoderSteps: 1,
      decoded: DECODED[way.upstream],
      encoderSteps: DECODED[way.upstream],
    };
    assert.deepEqual(costs, { short: expected, long: expected });
  });
}

/** The events of an answer that calls a tool with an argument of so many words, each in a delta of its own. */
function callEventsOf(protocol: ProtocolId, deltas: number): readonly string[] {
  const [begin, end, whole] = ['{"text":', '"abc "}', '{"text":"abc "}'];
  const call = { id: "call_1", name: "write", custom: false, arguments: whole };
  return encodeReply(protocol, complete({ model: MODELS[protocol], calls: [call] }), { serial: 7, includeUsage: true }).events.flatMap(
    (event) => {
      const saying = (words: string): string => event.replaceAll(JSON.stringify(begin), words).replaceAll(JSON.stringify(end), words);
      if (event.includes(JSON.stringify(begin))) return [saying(JSON.stringify('{"text":"'))];
      if (event.includes(JSON.stringify(end)))
        return [...Array.from({ length: deltas }, () => saying(JSON.stringify(WORD))), saying('"\\"}"')];
      return [event.replaceAll(JSON.stringify(whole), JSON.stringify(JSON.stringify({ text: WORD.repeat(deltas) })))];
    },
  );
}

/** Responses repeats the arguments when they end, when their item ends and when the answer does. */
const timesTold = (client: ProtocolId): number => (client === "openai-responses" ? 4 : 1);

// Gemini tells arguments in one piece.
for (const way of CONVERSIONS.filter(({ upstream: from }) => from !== "gemini")) {
  const isHeld = way.client === "gemini";
  test(`${way.name}: a delta of a tool's arguments ${isHeld ? "waits for the last, decoded once and not read again" : "costs what one of a text does"}`, async () => {
    // The arguments as a whole are looked at once more, at the end of a Chat answer.
    const costs = await costsOf(async (deltas) => {
      const found = await converted(way, callEventsOf(way.upstream, deltas), { mostParsed: 2 });
      assert.equal(found.text.split(WORD).length - 1, deltas * timesTold(way.client));
      return found;
    });
    const out = isHeld ? 0 : 1;
    const onTheWay = { decodes: 1, parses: 1, decoderSteps: 1, decoded: 1, encoderSteps: 1 };
    const expected: Steps = { ...NO_STEPS, ...onTheWay, chunks: out, events: out, encodes: out, prints: out };
    assert.deepEqual(costs, { short: expected, long: expected });
  });
}

// ---- What is held ----------------------------------------------------------------------------------------------------

const textOf = (out: Uint8Array | null): string => (out === null ? "" : new TextDecoder().decode(out));

for (const way of WAYS) {
  const isPassage = way.client === way.upstream;
  test(`${way.name}: a burst in one chunk goes out as one, ${isPassage ? "the very same" : "decoded and encoded in one piece"}`, async () => {
    const events = eventsOf(way.upstream, 200);
    const burst = utf8.encode(events.join(""));
    const { out, done } = await counting((count) => {
      const chunk = pumpOf(way).step(burst);
      return Promise.resolve({ out: chunk, done: count() });
    });
    assert.equal(out === burst, isPassage);
    const { decodes, decodedBytes, encodes, decoderSteps } = done;
    assert.deepEqual([decodes, decodedBytes, encodes, decoderSteps], isPassage ? [0, 0, 0, 0] : [1, burst.length, 1, events.length]);
  });
}

for (const way of WAYS) {
  test(`${way.name}: the client has each event the moment its last byte is there, however it is cut`, () => {
    const events = eventsOf(way.upstream, 5);
    const pump = pumpOf(way);
    const piecemeal = pumpOf(way);
    for (const [index, event] of events.entries()) {
      const bytes = utf8.encode(event);
      assert.equal(textOf(piecemeal.step(bytes.subarray(0, 10))), "");
      for (let at = 10; at < bytes.length - 1; at++)
        assert.equal(piecemeal.step(bytes.subarray(at, at + 1)), null, `event ${index} at ${at}`);
      assert.equal(textOf(piecemeal.step(bytes.subarray(-1))), textOf(pump.step(bytes)), `event ${index}`);
    }
  });

  test(`${way.name}: no more is held than the one event whose end has not come`, () => {
    const events = eventsOf(way.upstream, 60);
    const bytes = utf8.encode(events.join(""));
    // A passage holds all of an event but its last byte, a conversion its longest line.
    const isPassage = way.client === way.upstream;
    const longest = Math.max(...(isPassage ? events : events.flatMap((event) => event.split("\n"))).map(({ length }) => length));
    const feed = (maxEventLength: number): void => {
      const pump = pumpOf(way, maxEventLength);
      for (let at = 0; at < bytes.length; at++) pump.step(bytes.subarray(at, at + 1));
    };
    const most = isPassage ? longest - 1 : longest;
    feed(most);
    assert.throws(() => feed(most - 1), GatewayError);
  });

  test(`${way.name}: the upstream is read only while the client waits, once for each chunk`, async () => {
    const chunks = bytesOf(eventsOf(way.upstream, 20));
    let isAsked = false;
    const unasked: number[] = [];
    upstream.answer((index) => {
      if (!isAsked && index < chunks.length) unasked.push(index);
      return chunks[index];
    });
    const response = await program.fetch(requestOf(way));
    const reader = response.body?.getReader();
    assert.ok(reader !== undefined);
    for (;;) {
      isAsked = true;
      const reading = reader.read();
      const { done } = await reading;
      isAsked = false;
      if (done) break;
      // Whoever reads ahead has the time to do so.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    // The first is looked at before the head of the answer goes out.
    assert.deepEqual(unasked, [0]);
    assert.ok(upstream.reads >= chunks.length && upstream.reads <= chunks.length + 1, `${upstream.reads} reads of ${chunks.length} chunks`);
  });
}

// ---- Built once ------------------------------------------------------------------------------------------------------

for (const way of WAYS) {
  test(`${way.name}: a call compiles no regular expression and builds no encoder that stood ready`, async () => {
    const chunks = bytesOf(eventsOf(way.upstream, 20));
    // What is built at the first call is built once.
    await passed(requestOf(way), chunks);
    const { request, head, passing, end } = await passed(requestOf(way), chunks);
    const built = [request, head, passing, end].map(({ regExps, textEncoders }) => regExps + textEncoders);
    assert.deepEqual(built, [0, 0, 0, 0]);
  });
}

// ---- Kept ------------------------------------------------------------------------------------------------------------

test("what the inspector keeps of a call that has ended is a text and its place, without bodies", { skip: !isBun }, async () => {
  const { fullGC, heapStats } = await import("bun:jsc");
  const [way] = CONVERSIONS;
  assert.ok(way !== undefined);
  const chunks = bytesOf(eventsOf(way.upstream, 20));
  const inspecting = programOver(upstream, { environment: { INSPECT: "headers" } });
  const objectsAfter = async (calls: number): Promise<number> => {
    for (let call = 0; call < calls; call++) {
      upstream.answer((index) => chunks[index]);
      await chunksOf(await inspecting.fetch(requestOf(way)));
    }
    fullGC();
    return heapStats().objectCount;
  };
  await objectsAfter(50);
  const [before, after] = [await objectsAfter(50), await objectsAfter(400)];
  assert.ok(after - before < 400 * 4, `${(after - before) / 400} objects for each call`);
});

// ---- Linear ----------------------------------------------------------------------------------------------------------

const SIZES = [32, 64, 128] as const;
/** What twice the size may cost beyond twice the steps: something begins to count at some length. */
const SLACK = { growth: 2.3, ratio: 2.1, steps: 100 } as const;
/** Beside those of MODELS, those for which a codec goes another way with tools and schemas. */
const OTHER_MODELS: Readonly<Record<ProtocolId, readonly string[]>> = {
  "openai-chat": ["gpt-4.1"],
  "openai-responses": [],
  "anthropic-messages": ["claude-3-5-haiku", "kimi-k2"],
  gemini: ["gemini-3-pro-preview", "gemini-1.5-pro"],
};

/** Gives what grows faster than the size does, each in words. `of` prepares a size and gives what is counted. */
type Steeper = (name: string, of: (size: (typeof SIZES)[number]) => () => void) => string[];

function steepest(find: (steeper: Steeper) => string[]): string[] {
  return counted((stepsOf) =>
    find((name, of) => {
      const [a, b, c] = SIZES.map((size) => stepsOf(of(size)));
      assert.ok(a !== undefined && b !== undefined && c !== undefined);
      const found = (["items", "characters", "lookups"] as const).filter(
        (unit) => c[unit] - b[unit] > SLACK.growth * (b[unit] - a[unit]) + SLACK.steps && c[unit] > SLACK.ratio * b[unit],
      );
      const grown = found.map((unit) => `${name}: ${[a, b, c].map((steps) => steps[unit]).join(", ")} ${unit}`);
      // An engine refuses some ten thousands.
      return c.mostPushed < SIZES[2] ? grown : [...grown, `${name}: ${c.mostPushed} arguments of one call`];
    }),
  );
}

function decodedAt(client: ProtocolId, shape: Parameters<typeof shaped>[1]): CanonicalRequest {
  return CODECS[client].request.decode(shaped(client, shape, "any"));
}

for (const [name, shape] of Object.entries(SHAPES)) {
  test(`requests by size, ${name}: reading, editing and writing them takes steps in proportion`, () => {
    const { tools: declared, schema } = shape(1);
    const hasSchema = declared !== undefined || schema !== undefined;
    // Before anything is counted, which takes far longer.
    const asked = new Map(PROTOCOLS.map((client) => [client, new Map(SIZES.map((size) => [size, decodedAt(client, shape(size))]))]));
    const found = steepest((steeper) =>
      PROTOCOLS.flatMap((client) => {
        const { request } = CODECS[client];
        const at = (size: number, model: string) => shaped(client, shape(size), model);
        return [
          ...steeper(`${client} decodes`, (size) => {
            const wire = at(size, MODELS[client]);
            return () => void request.decode(wire);
          }),
          ...steeper(`${client} edits`, (size) => {
            const wire = at(size, MODELS[client]);
            return () => void [request.head(wire), request.edit(wire.body, { model: "other", systemPrompt: "Be brief.", stream: true })];
          }),
          ...PROTOCOLS.filter((to) => to !== client).flatMap((to) =>
            [MODELS[to], ...(hasSchema ? OTHER_MODELS[to] : [])].flatMap((model) =>
              steeper(`${client} -> ${to}, ${model}`, (size) => {
                const read = { ...(asked.get(client)?.get(size) ?? assert.fail()), model };
                return () => void CODECS[to].request.encode(read);
              }),
            ),
          ),
        ];
      }),
    );
    assert.deepEqual(found, []);
  });
}

const tools = (count: number): Tool[] =>
  Array.from({ length: count }, (_, index) => ({
    type: "function",
    name: `tool_${index}`,
    namespace: null,
    description: null,
    schema: '{"type":"object","properties":{"an argument":{}}}',
    strict: null,
    cache: null,
  }));

/** The events of an answer whose parts grow all at once. */
function interleaved(reply: Reply): ReplyEvent[] {
  const events = unfold(reply);
  const of = (...types: readonly ReplyEvent["type"][]): ReplyEvent[] => events.filter(({ type }) => types.includes(type));
  return [
    ...of("reply-start"),
    ...of("part-start"),
    ...of("logprobs", "part-delta", "annotation"),
    ...of("part-end"),
    ...of("usage"),
    ...of("reply-end"),
  ];
}

for (const [name, answer] of Object.entries(ANSWERS)) {
  test(`answers by size, ${name}: reading and writing them, streamed or not, takes steps in proportion`, () => {
    const found = steepest((steeper) =>
      PROTOCOLS.flatMap((protocol) => {
        const { reply } = CODECS[protocol];
        const exchangeOf = (size: number) => {
          const exchange = exchangeAt(CODECS[protocol], exchangeFor(CODECS[protocol], null));
          return { ...exchange, request: { ...exchange.request, model: MODELS[protocol], tools: tools(size) } };
        };
        const written = (size: number, events = unfold(answer(size))) => run(chain(inOrder(), reply.encoder(exchangeOf(size))), events);
        return [
          ...steeper(`${protocol} encodes`, (size) => () => void reply.encode(answer(size), exchangeOf(size))),
          ...steeper(`${protocol} encodes a stream`, (size) => () => void written(size)),
          ...steeper(`${protocol} encodes a stream of all parts at once`, (size) => () => void written(size, interleaved(answer(size)))),
          ...steeper(`${protocol} decodes`, (size) => {
            const body = reply.encode(answer(size), exchangeOf(size));
            return () => void reply.decode(body, exchangeOf(size));
          }),
          ...steeper(`${protocol} decodes a stream`, (size) => {
            const events = written(size);
            return () => void fold(run(reply.decoder(exchangeOf(size)), events));
          }),
        ];
      }),
    );
    assert.deepEqual(found, []);
  });
}

test("an answer in an object's member, with white space that does not end: each piece is looked at once", () => {
  const codec = structuredBy(CODECS["openai-chat"], () => "object-format");
  const exchange = exchangeFor(CODECS["openai-chat"], null);
  const output = { type: "json-schema", name: null, description: null, schema: '{"type":"array"}', strict: null } as const;
  const asked = { ...exchange, request: { ...exchange.request, output } };
  const saying = (content: string) => ({ event: null, data: JSON.stringify({ choices: [{ index: 0, delta: { content } }] }) });
  const spaces = (size: number) => Array.from({ length: size }, () => saying("   "));
  const found = steepest((steeper) =>
    steeper("white space", (size) => {
      const events = [...spaces(size), saying('{"answer":[1'), ...spaces(size), saying("]}"), ...spaces(size)];
      return () => void run(codec.reply.decoder(asked), events);
    }),
  );
  assert.deepEqual(found, []);
});
