// What a streamed answer costs, counted and not timed: the same on every machine.
// In:  the program, composed around an upstream in memory that gives exactly the chunks of the test, and the pumps alone.
// Out: how often each chunk is looked at, how many there are of what, and what is held meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { compose, type Program } from "../src/program.ts";
import { sha256 } from "../src/runtime/runtime.ts";
import { readConfig } from "../src/config/config.ts";
import { GatewayError } from "../src/errors.ts";
import type { ProtocolId } from "../src/protocol/canonical.ts";
import { CODECS } from "../src/protocol/codecs.ts";
import { conversion, Meter, passage } from "../src/gateway/convert.ts";
import { concat, type ByteSource, type Pump } from "../src/wire/pump.ts";
import { ask, MODELS, told, WAYS, type Way } from "./support/dialects.ts";
import { CLIENT_KEY, FACTORY_KEY } from "./support/gateway.ts";
import { exchangeAt, exchangeFor } from "./support/laws.ts";
import { complete } from "./support/saying.ts";
import { tell } from "./support/telling.ts";

const utf8 = new TextEncoder();
const WORD = "abc ";
const LONG = 20_000;
const PASSAGES = WAYS.filter(({ client, upstream }) => client === upstream);
const CONVERSIONS = WAYS.filter(({ client, upstream }) => client !== upstream);

// ---- Streams -----------------------------------------------------------------------------------------------------

/** The events of an answer of so many deltas, all alike. */
function eventsOf(protocol: ProtocolId, deltas: number): readonly string[] {
  return tell(protocol, complete({ model: MODELS[protocol], text: WORD.repeat(deltas) }), { serial: 7, includeUsage: true }).events;
}

/** The first event that holds a word, in front of it what opens the answer. */
function opening(protocol: ProtocolId): { readonly before: readonly Uint8Array[]; readonly delta: Uint8Array } {
  const events = eventsOf(protocol, 2);
  const at = events.findIndex((event) => event.includes(WORD));
  const [delta] = events.slice(at);
  assert.ok(delta !== undefined);
  return { before: events.slice(0, at).map((event) => utf8.encode(event)), delta: utf8.encode(delta) };
}

const bytesOf = (events: readonly string[]): Uint8Array[] => events.map((event) => utf8.encode(event));
const lengthOf = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, { length }) => sum + length, 0);

// ---- The program around an upstream in memory ----------------------------------------------------------------------

class Upstream implements ByteSource {
  reads = 0;
  /** Told when the request has arrived. */
  called = (): void => {};
  #chunkAt: (index: number) => Uint8Array | undefined = () => undefined;

  /** Says what each read gets; undefined ends the answer. */
  answer(chunkAt: (index: number) => Uint8Array | undefined): void {
    this.#chunkAt = chunkAt;
    this.reads = 0;
  }

  read(): Promise<{ done: boolean; value?: Uint8Array }> {
    const value = this.#chunkAt(this.reads++);
    return Promise.resolve(value === undefined ? { done: true } : { done: false, value });
  }

  cancel(): Promise<void> {
    return Promise.resolve();
  }
}

function programOver(upstream: Upstream): Program {
  return compose(
    readConfig({ environment: { FACTORY_API_KEY: FACTORY_KEY, PROXY_API_KEY: CLIENT_KEY }, arguments: [], file: () => null }),
    {
      fetch: () => {
        upstream.called();
        return Promise.resolve(new Response(new ReadableStream(), { headers: { "content-type": "text/event-stream" } }));
      },
      reader: () => upstream,
      // No time passes.
      after: () => () => {},
      now: () => 0,
      monotonic: () => 0,
      random: () => 0.5,
      newId: () => "00000000-0000-4000-8000-000000000000",
      sha256,
      sink: () => {},
      logFormat: "json",
    },
    { version: "1", runtime: "test" },
  );
}

const upstream = new Upstream();
const program = programOver(upstream);

function requestOf(way: Way, text = "Hello there"): Request {
  const tool = { type: "function", function: { name: "look_up", parameters: { type: "object", properties: {} } } };
  const more = way.client === "openai-chat" ? { tools: [tool] } : {};
  const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream: true, text, system: "Be brief.", more });
  const headers = { authorization: `Bearer ${CLIENT_KEY}`, "content-type": "application/json" };
  return new Request(`http://gateway.test${path}`, { method: "POST", headers, body: JSON.stringify(body) });
}

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

// ---- Counting ------------------------------------------------------------------------------------------------------

/** What was done so far. */
type Counts = {
  /** Bytes made into text: without that nothing can be parsed, whoever the parser is. */
  readonly decodedBytes: number;
  readonly decodes: number;
  readonly encodes: number;
  /** Calls of `JSON.parse`, and the length of what it read. */
  readonly parses: number;
  readonly parsedLength: number;
  /** Calls of `JSON.stringify`. */
  readonly prints: number;
  /** Events that a protocol's decoder took, and those that it gave. */
  readonly decoderSteps: number;
  readonly decoded: number;
  /** Events that a protocol's encoder took. */
  readonly encoderSteps: number;
  readonly regExps: number;
  readonly textEncoders: number;
};

const ZERO: Counts = {
  decodedBytes: 0,
  decodes: 0,
  encodes: 0,
  parses: 0,
  parsedLength: 0,
  prints: 0,
  decoderSteps: 0,
  decoded: 0,
  encoderSteps: 0,
  regExps: 0,
  textEncoders: 0,
};

/** The same members with other numbers. */
function each<Numbers extends Readonly<Record<string, number>>>(like: Numbers, of: (name: keyof Numbers) => number): Numbers {
  return Object.fromEntries(Object.keys(like).map((name) => [name, of(name)])) as Numbers;
}

function difference(later: Counts, earlier: Counts): Counts {
  return each(ZERO, (name) => later[name] - earlier[name]);
}

/** Runs `act` while everything that Counts names is counted; `count()` tells what has been done since the beginning. */
async function counting<T>(act: (count: () => Counts) => Promise<T>): Promise<T> {
  const counts: { -readonly [Name in keyof Counts]: number } = { ...ZERO };
  const restore: (() => void)[] = [];
  const wrap = <Host extends object, Name extends keyof Host>(
    host: Host,
    name: Name,
    wrapped: (original: Host[Name]) => Host[Name],
  ): void => {
    const original = host[name];
    host[name] = wrapped(original);
    restore.push(() => (host[name] = original));
  };
  wrap(JSON, "parse", (original) => (text, reviver) => {
    counts.parses++;
    counts.parsedLength += text.length;
    return original(text, reviver) as unknown;
  });
  wrap(
    JSON,
    "stringify",
    (original) =>
      function (...values: unknown[]) {
        counts.prints++;
        return Reflect.apply(original, JSON, values) as string;
      },
  );
  wrap(
    TextDecoder.prototype,
    "decode",
    (original) =>
      function (this: TextDecoder, input, options) {
        if (input !== undefined) counts.decodes++;
        counts.decodedBytes += input?.byteLength ?? 0;
        return Reflect.apply(original, this, [input, options]);
      },
  );
  wrap(
    TextEncoder.prototype,
    "encode",
    (original) =>
      function (this: TextEncoder, text) {
        counts.encodes++;
        return Reflect.apply(original, this, [text]);
      },
  );
  const constructed = <Made extends new (...values: never[]) => unknown>(original: Made, name: "regExps" | "textEncoders"): Made =>
    new Proxy(original, {
      construct(target, values, newTarget) {
        counts[name]++;
        return Reflect.construct(target, values, newTarget) as object;
      },
    });
  wrap(globalThis, "RegExp", (original) => constructed(original, "regExps"));
  wrap(globalThis, "TextEncoder", (original) => constructed(original, "textEncoders"));
  for (const { reply } of Object.values(CODECS)) {
    wrap(reply, "decoder", (original) => (exchange) => {
      const decoder = original(exchange);
      return {
        step(event) {
          counts.decoderSteps++;
          const events = decoder.step(event);
          counts.decoded += events.length;
          return events;
        },
        end: () => decoder.end(),
      };
    });
    wrap(reply, "encoder", (original) => (exchange) => {
      const encoder = original(exchange);
      return {
        step(event) {
          counts.encoderSteps++;
          return encoder.step(event);
        },
        end: () => encoder.end(),
      };
    });
  }
  try {
    return await act(() => ({ ...counts }));
  } finally {
    for (const undo of restore) undo();
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
  return tell(protocol, complete({ model: MODELS[protocol], calls: [call] }), { serial: 7, includeUsage: true }).events.flatMap((event) => {
    const saying = (words: string): string => event.replaceAll(JSON.stringify(begin), words).replaceAll(JSON.stringify(end), words);
    if (event.includes(JSON.stringify(begin))) return [saying(JSON.stringify('{"text":"'))];
    if (event.includes(JSON.stringify(end)))
      return [...Array.from({ length: deltas }, () => saying(JSON.stringify(WORD))), saying('"\\"}"')];
    return [event.replaceAll(JSON.stringify(whole), JSON.stringify(JSON.stringify({ text: WORD.repeat(deltas) })))];
  });
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

const LIMITS = { maxEventLength: 1024 * 1024, maxReplyBytes: 64 * 1024 * 1024 };

function pumpOf({ client, upstream: from }: Way, maxEventLength = LIMITS.maxEventLength): Pump {
  const exchange = exchangeFor(CODECS[from], null);
  const limits = { ...LIMITS, maxEventLength };
  const meter = new Meter();
  if (client === from) return passage({ codec: CODECS[from], exchange, meter, limits });
  const decoder = CODECS[from].reply.decoder(exchange);
  const encoder = CODECS[client].reply.encoder(exchangeAt(CODECS[client], exchange));
  return conversion({ decoder, encoder, meter, limits, shown: (error) => error });
}

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
    const events = eventsOf(way.upstream, 300);
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
    const chunks = bytesOf(eventsOf(way.upstream, 50));
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

// ---- No growth -------------------------------------------------------------------------------------------------------

/** What is alive after a collection: objects and texts where the runtime counts them (Bun), else bytes (V8). */
type Alive = { readonly objects: number; readonly texts: number } | { readonly bytes: number };

const isBun = "bun" in process.versions;

const measure: () => Alive = isBun ? await onBun() : onV8();

async function onBun(): Promise<() => Alive> {
  const { fullGC, heapStats } = await import("bun:jsc");
  return () => {
    // What the first round lets go of may have held more.
    fullGC();
    fullGC();
    const { objectCount, objectTypeCounts } = heapStats();
    const texts = objectTypeCounts["string"] ?? 0;
    return { objects: objectCount - texts, texts };
  };
}

function onV8(): () => Alive {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  return () => {
    collect();
    collect();
    return { bytes: process.memoryUsage().heapUsed };
  };
}

/**
 * Who repeats the text at its end, or compares it with what is repeated there, has to keep it: Responses and Gemini, unless their bytes
 * pass. The engines keep a text that was put together as its pieces, so that each delta leaves one or two of these; and nothing else.
 */
const keepsText = ({ client, upstream: from }: Way): boolean =>
  client !== from && [client, from].some((protocol) => protocol === "openai-responses" || protocol === "gemini");

const FURTHER = 100_000;
/** In objects, or texts, on Bun: the engine's own come and go, but not by the thousand. One object for each delta would be 100,000. */
const FEW = 1000;
/** In bytes on V8, whose smallest object takes 12; a piece of a text takes up to 32, twice. */
const FEW_BYTES = 2 * FURTHER;
const TEXT_BYTES = 64 * FURTHER;

function assertSame(way: Way, later: Alive, earlier: Alive): void {
  if ("bytes" in later && "bytes" in earlier) {
    const grown = later.bytes - earlier.bytes;
    assert.ok(grown < (keepsText(way) ? TEXT_BYTES : FEW_BYTES), `${grown} bytes more`);
  } else if ("objects" in later && "objects" in earlier) {
    const [objects, texts] = [later.objects - earlier.objects, later.texts - earlier.texts];
    assert.ok(objects < FEW, `${objects} objects more`);
    assert.ok(texts < FEW + (keepsText(way) ? 2 * FURTHER : 0), `${texts} texts more`);
  }
}

for (const way of WAYS) {
  test(`${way.name}: after ${FURTHER} more deltas the pump holds what it held before${keepsText(way) ? ", but for the text" : ""}`, () => {
    const { before, delta } = opening(way.upstream);
    const pump = pumpOf(way);
    const feed = (deltas: number): void => {
      // A chunk of its own each time: who keeps it, keeps an object.
      for (let index = 0; index < deltas; index++) if (pump.step(delta.slice()) === null) throw new Error("a delta was held back");
    };
    for (const event of before) pump.step(event);
    feed(1000);
    const earlier = measure();
    feed(FURTHER);
    const later = measure();
    // Nothing of the pump is collected before.
    feed(1);
    assertSame(way, later, earlier);
  });
}

for (const name of ["anthropic-messages -> anthropic-messages", "openai-chat -> anthropic-messages"]) {
  test(`${name}: after ${FURTHER} more deltas the whole program holds what it held before`, async () => {
    const way = WAYS.find((one) => one.name === name);
    assert.ok(way !== undefined);
    const { before, delta } = opening(way.upstream);
    upstream.answer((index) => before[index] ?? delta.slice());
    const reader = (await program.fetch(requestOf(way))).body?.getReader();
    assert.ok(reader !== undefined);
    const take = async (chunks: number): Promise<void> => {
      for (let index = 0; index < chunks; index++) if ((await reader.read()).done) throw new Error("the stream ended");
    };
    await take(1000);
    const earlier = measure();
    await take(FURTHER);
    const later = measure();
    await take(1);
    await reader.cancel();
    assertSame(way, later, earlier);
  });
}

// ---- What is let go of -------------------------------------------------------------------------------------------------

/** Bytes that are alive after a collection, texts included. */
const aliveBytes: () => number = isBun ? await bytesOnBun() : bytesOnV8;

async function bytesOnBun(): Promise<() => number> {
  const { fullGC, heapStats } = await import("bun:jsc");
  return () => {
    fullGC();
    fullGC();
    return heapStats().heapSize;
  };
}

function bytesOnV8(): number {
  const alive = measure();
  return "bytes" in alive ? alive.bytes : 0;
}

const STREAMS = 24;
const ASKED_LENGTH = 900_000;

/** What so many answers hold that have begun and not ended, to questions of this length. */
async function heldMeanwhile(way: Way, length: number): Promise<number> {
  const { before, delta } = opening(way.upstream);
  const readers: ReadableStreamDefaultReader<Uint8Array>[] = [];
  const earlier = aliveBytes();
  for (let index = 0; index < STREAMS; index++) {
    upstream.answer((at) => before[at] ?? delta);
    const reader = (await program.fetch(requestOf(way, String(index).repeat(length)))).body?.getReader();
    assert.ok(reader !== undefined);
    await reader.read();
    readers.push(reader);
  }
  // What has just returned may still be in sight of the collector.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const held = aliveBytes() - earlier;
  for (const reader of readers) await reader.cancel();
  return held;
}

// A converted answer of Gemini's may stop in the middle and be gone on with: its request is kept for that.
for (const way of WAYS.filter(({ client, upstream: from }) => from !== "gemini" || client === from)) {
  test(`${way.name}: while an answer is under way, nothing holds on to the request that led to it`, async () => {
    // What is built at the first call stays.
    await heldMeanwhile(way, 1);
    const [short, long] = [await heldMeanwhile(way, 1), await heldMeanwhile(way, ASKED_LENGTH)];
    const perAnswer = (long - short) / STREAMS;
    assert.ok(perAnswer < ASKED_LENGTH / 3, `${Math.round(perAnswer)} bytes more for each answer`);
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
