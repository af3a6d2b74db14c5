// Bytes <-> events, and machines -> web streams.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { chain, run, type Machine } from "../../src/wire/machine.ts";
import { lastBoundary, printSse, sseDecoder, type SseEvent } from "../../src/wire/sse.ts";
import type { BodyFlow, BodyMaker, BodyReader, ReadWaiter } from "../../src/runtime/ports.ts";
import { through, UNTOUCHED, type Outcome, type Pump } from "../../src/wire/pump.ts";
import { Clock } from "../support/clock.ts";
import { counted } from "../support/steps.ts";

const utf8 = new TextEncoder();
const LIMITS = { maxEventLength: 1024 };

function decode(chunks: readonly (string | Uint8Array)[], limits = LIMITS): SseEvent[] {
  return run(
    sseDecoder(limits),
    chunks.map((chunk) => (typeof chunk === "string" ? utf8.encode(chunk) : chunk)),
  );
}

const data = (text: string): SseEvent => ({ event: null, data: text });
const named = (event: string, text: string): SseEvent => ({ event, data: text });

// ---- Server-sent events ------------------------------------------------------------------------------------------

const STREAMS: readonly { readonly what: string; readonly text: string; readonly events: readonly SseEvent[] }[] = [
  { what: "data alone", text: "data: one\n\ndata: two\n\n", events: [data("one"), data("two")] },
  { what: "named events", text: "event: ping\ndata: {}\n\nevent: stop\ndata: 1\n\n", events: [named("ping", "{}"), named("stop", "1")] },
  { what: "a name that holds for one event only", text: "event: a\ndata: 1\n\ndata: 2\n\n", events: [named("a", "1"), data("2")] },
  { what: "the name behind the data", text: "data: 1\nevent: late\n\n", events: [named("late", "1")] },
  { what: "no space behind the colon", text: "event:a\ndata:1\n\n", events: [named("a", "1")] },
  { what: "one space is syntax, the second is data", text: "data:  x \n\n", events: [data(" x ")] },
  { what: "several data lines", text: "data: a\ndata:\ndata: b\n\n", events: [data("a\n\nb")] },
  { what: "a data line without a colon", text: "data\n\n", events: [data("")] },
  { what: "colons in the data", text: 'data: {"a":"b:c"}\n\n', events: [data('{"a":"b:c"}')] },
  { what: "comments, alone and between lines", text: ": hello\n\ndata: 1\n: x\ndata: 2\n\n:\n\n", events: [data("1\n2")] },
  { what: "fields that nobody needs", text: "id: 7\nretry: 100\ndatax: no\nevents: no\ndata: 1\n\n", events: [data("1")] },
  { what: "a name without data is no event", text: "event: a\n\ndata: 1\n\n", events: [data("1")] },
  { what: "blank lines in a row", text: "\n\n\ndata: 1\n\n\n\ndata: 2\n\n", events: [data("1"), data("2")] },
  { what: "a byte order mark", text: "\ufeffdata: 1\n\n", events: [data("1")] },
  { what: "a byte order mark inside", text: "data: \ufeff1\n\n", events: [data("\ufeff1")] },
  { what: "a last event that was cut off", text: 'data: 1\n\nevent: e\ndata: {"a":"b', events: [data("1")] },
  { what: "a mark of the end without its blank line", text: "data: 1\n\ndata: [DONE]", events: [data("1"), data("[DONE]")] },
  { what: "a last event without its blank line", text: "data: 1\n\ndata: 2\n", events: [data("1"), data("2")] },
  { what: "a last event without any line end", text: "data: 1\n\nevent: z\ndata: 2", events: [data("1"), named("z", "2")] },
  { what: "letters of two, three and four bytes", text: "data: \u00e4\u20ac\u{1f600}\n\n", events: [data("\u00e4\u20ac\u{1f600}")] },
  { what: "nothing", text: "", events: [] },
];

const LINE_ENDS = { LF: "\n", CRLF: "\r\n", CR: "\r" };

for (const { what, text, events } of STREAMS) {
  for (const [name, lineEnd] of Object.entries(LINE_ENDS)) {
    test(`sseDecoder: ${what}, ${name}, cut at every byte`, () => {
      const bytes = utf8.encode(text.replaceAll("\n", lineEnd));
      assert.deepEqual(decode([bytes]), events);
      for (let at = 0; at <= bytes.length; at++) {
        assert.deepEqual(decode([bytes.subarray(0, at), bytes.subarray(at)]), events, `cut at ${at}`);
      }
      assert.deepEqual(decode(Array.from(bytes, (byte) => Uint8Array.of(byte))), events, "one byte at a time");
    });
  }
}

test("sseDecoder: line ends of all three kinds in one stream", () => {
  assert.deepEqual(decode(["data: 1\r\n\rdata: 2\n\r\ndata: 3\r\r", "\ndata: 4\n\n"]), [data("1"), data("2"), data("3"), data("4")]);
});

test("sseDecoder: an event comes out with its blank line and does not wait for what follows", () => {
  const machine = sseDecoder(LIMITS);
  assert.deepEqual([...machine.step(utf8.encode("data: 1\r\n\r"))], [data("1")]);
  assert.deepEqual([...machine.step(utf8.encode("\ndata: 2\n"))], []);
  assert.deepEqual([...machine.step(utf8.encode("\n"))], [data("2")]);
  assert.deepEqual([...machine.end()], []);
});

test("sseDecoder: bytes that are no UTF-8 become replacement characters, not an exception", () => {
  assert.deepEqual(decode([Uint8Array.of(...utf8.encode("data: "), 0xff, 0xc3), "\n\n"]), [data("\ufffd\ufffd")]);
});

test("sseDecoder: an event of 17 MiB passes, in pieces of 16 KiB", () => {
  const big = "x".repeat(17 * 1024 * 1024);
  const bytes = utf8.encode(`data: ${big}\n\ndata: small\n\n`);
  const chunks = Array.from({ length: Math.ceil(bytes.length / 16384) }, (_, index) => bytes.subarray(index * 16384, (index + 1) * 16384));
  const events = decode(chunks, { maxEventLength: 18 * 1024 * 1024 });
  assert.equal(events.length, 2);
  assert.ok(events[0]?.data === big);
  assert.deepEqual(events[1], data("small"));
});

const TOO_LONG: Readonly<Record<string, readonly string[]>> = {
  "one line": [`data: ${"x".repeat(1100)}\n\n`],
  "a line without an end, in pieces": ["data: ", ...Array.from({ length: 11 }, () => "x".repeat(100))],
  "many data lines": Array.from({ length: 30 }, () => `data: ${"x".repeat(50)}\n`),
  "a comment without an end": [`:${"x".repeat(1100)}`],
};

for (const [what, chunks] of Object.entries(TOO_LONG)) {
  test(`sseDecoder: an event over the limit fails: ${what}`, () => {
    assert.throws(
      () => decode(chunks),
      (error) => error instanceof GatewayError && error.kind === "upstream-failed" && /one event of more than/.test(error.message),
    );
  });
}

test("sseDecoder: the limit is for one event, not for the stream", () => {
  const chunks = Array.from({ length: 100 }, () => `data: ${"x".repeat(900)}\n\n`);
  assert.equal(decode(chunks).length, 100);
});

test("printSse: what it prints is read back as it was", () => {
  const events = [data('{"a":1}'), named("ping", ""), data(" leading space"), data("")];
  const text = events.map(printSse).join("");
  assert.equal(text, 'data: {"a":1}\n\nevent: ping\ndata: \n\ndata:  leading space\n\ndata: \n\n');
  assert.deepEqual(decode([text]), events);
});

test("printSse: JSON that was written over several lines goes out in one, and says the same", () => {
  const value = { schema: { type: "object" }, text: "a\nb" };
  const [found, ...more] = decode([printSse(data(JSON.stringify(value, null, 2).replaceAll("\n", "\r\n"))), printSse(data("2"))]);
  assert.deepEqual(JSON.parse(found?.data ?? ""), value);
  assert.deepEqual(more, [data("2")]);
});

// ---- Machines ----------------------------------------------------------------------------------------------------

/** Sums up pairs; says at the end what is left. */
function pairs(): Machine<number, string> {
  let held: number | null = null;
  return {
    step(input) {
      if (held === null) {
        held = input;
        return [];
      }
      const sum = `${held}+${input}`;
      held = null;
      return [sum];
    },
    end: () => (held === null ? [] : [`${held} is left`]),
  };
}

function shout(): Machine<string, string> {
  return { step: (text) => [text.toUpperCase(), "!"], end: () => ["END"] };
}

test("run: all that a machine puts out, its end included", () => {
  assert.deepEqual(run(pairs(), [1, 2, 3]), ["1+2", "3 is left"]);
});

test("chain: the second machine sees the first one's end before its own", () => {
  assert.deepEqual(run(chain(pairs(), shout()), [1, 2, 3]), ["1+2", "!", "3 IS LEFT", "!", "END"]);
});

test("run: a step may put out more values than a call can have arguments", () => {
  const many: Machine<number, number> = { step: (count) => Array.from({ length: count }, () => 7), end: () => [] };
  assert.equal(run(many, [500_000]).length, 500_000);
});

// ---- through -----------------------------------------------------------------------------------------------------

interface Source extends BodyReader {
  reads: number;
  cancelled: unknown[];
}

interface SourceOptions {
  readonly silent?: boolean;
  readonly isPolled?: boolean;
}

/** A source of texts; an Error among them is thrown when its turn comes. After the last it ends, or stays silent. */
function sourceOf(chunks: readonly (string | Error)[], { silent = false, isPolled = false }: SourceOptions = {}): Source {
  const queue = [...chunks];
  const poll = (): Uint8Array | null | undefined => {
    source.reads++;
    const next = queue.shift();
    if (next instanceof Error) throw next;
    if (next !== undefined) return utf8.encode(next);
    return silent ? null : undefined;
  };
  const source: Source = {
    reads: 0,
    cancelled: [],
    async read() {
      const value = poll();
      if (value === null) await new Promise(() => {});
      return value === null || value === undefined ? { done: true } : { done: false, value };
    },
    ...(isPolled ? { poll } : {}),
    cancel(reason) {
      source.cancelled.push(reason);
      return Promise.resolve();
    },
  };
  return source;
}

/** Hands chunks on in capitals; "-" yields nothing, "." is the last word, "bad" is an error. */
function capitals(): Pump {
  let finished = false;
  return {
    step(chunk) {
      const text = new TextDecoder().decode(chunk);
      if (text === "bad") throw new Error("bad chunk");
      finished = text.endsWith(".");
      return text === "-" ? null : utf8.encode(text.toUpperCase());
    },
    end: () => utf8.encode("[end]"),
    fail: (error) => utf8.encode(`[${(error as Error).message}]`),
    get finished() {
      return finished;
    },
  };
}

function open(source: BodyReader, pump = capitals()): { reader: ReadableStreamDefaultReader<Uint8Array>; outcomes: Outcome[] } {
  const outcomes: Outcome[] = [];
  return { reader: through(source, pump, { closed: (outcome) => outcomes.push(outcome) }).getReader(), outcomes };
}

async function readText(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return texts;
    texts.push(new TextDecoder().decode(value));
  }
}

/** Lets everything happen that is not waiting for something from outside. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

for (const isPolled of [false, true]) {
  const name = isPolled ? "through, polling" : "through";
  const made = (chunks: readonly (string | Error)[], options: SourceOptions = {}): Source => sourceOf(chunks, { ...options, isPolled });

  test(`${name}: one chunk in, one chunk out, then the pump's last words, then the end`, async () => {
    const { reader, outcomes } = open(made(["a", "b"]));
    assert.deepEqual(await readText(reader), ["A", "B", "[end]"]);
    assert.deepEqual(outcomes, [{ type: "complete" }]);
  });

  test(`${name}: the source is read only when the client asks`, async () => {
    const source = made(["a", "b", "c"]);
    const { reader } = open(source);
    await settle();
    assert.equal(source.reads, 0, "before the first read");
    await reader.read();
    await settle();
    assert.equal(source.reads, 1, "after the first read");
    await reader.read();
    await settle();
    assert.equal(source.reads, 2, "after the second read");
  });

  test(`${name}: chunks that yield nothing are read over until there is something to send`, async () => {
    const source = made(["-", "-", "a"]);
    const { reader } = open(source);
    assert.deepEqual(await reader.read(), { done: false, value: utf8.encode("A") });
    assert.equal(source.reads, 3);
  });

  test(`${name}: a client that leaves cancels the source, with its reason`, async () => {
    const source = made(["a", "b"]);
    const { reader, outcomes } = open(source);
    await reader.read();
    await reader.cancel("gone");
    await settle();
    assert.deepEqual(source.cancelled, ["gone"]);
    assert.deepEqual(outcomes, [{ type: "cancelled" }]);
  });

  test(`${name}: a client that leaves before it read anything, or while the source is silent, cancels the source`, async () => {
    for (const reads of [0, 1]) {
      const source = made([], { silent: true });
      const { reader, outcomes } = open(source);
      if (reads === 1) void reader.read();
      await settle();
      await reader.cancel("gone");
      await settle();
      assert.deepEqual([source.reads, source.cancelled, outcomes], [reads, ["gone"], [{ type: "cancelled" }]]);
    }
  });

  test(`${name}: a source that breaks: the last words are delivered, then the stream closes`, async () => {
    const error = new Error("line cut");
    const { reader, outcomes } = open(made(["a", error, "b"]));
    assert.deepEqual(await readText(reader), ["A", "[line cut]"]);
    assert.deepEqual(outcomes, [{ type: "failed", error }]);
  });

  test(`${name}: a pump that breaks lets go of the source`, async () => {
    const source = made(["a", "bad", "b"]);
    const { reader, outcomes } = open(source);
    assert.deepEqual(await readText(reader), ["A", "[bad chunk]"]);
    await settle();
    assert.equal(source.cancelled.length, 1);
    assert.equal(outcomes.length, 1);
    assert.equal(outcomes[0]?.type, "failed");
  });

  test(`${name}: last words that can't be sent break the client's connection`, async () => {
    const error = new Error("line cut");
    const pump: Pump = {
      ...capitals(),
      fail() {
        throw error;
      },
    };
    const { reader, outcomes } = open(made(["a", error]), pump);
    await reader.read();
    await assert.rejects(reader.read(), error);
    assert.deepEqual(outcomes, [{ type: "failed", error }]);
  });

  test(`${name}: once the pump is finished the stream closes, and the source is let go`, async () => {
    const source = made(["a.", ...Array.from({ length: 100 }, () => "more")]);
    const { reader, outcomes } = open(source);
    assert.deepEqual(await readText(reader), ["A."]);
    await settle();
    assert.deepEqual(outcomes, [{ type: "complete" }]);
    assert.equal(source.cancelled.length, 1);
    assert.ok(source.reads < 20, `${source.reads} reads`);
  });

  test(`${name}: a source that ends right behind the last word is not cancelled: its connection can be used again`, async () => {
    const source = made(["a."]);
    const { reader } = open(source);
    await readText(reader);
    await settle();
    assert.deepEqual(source.cancelled, []);
  });

  test(`${name}: an answer that said nothing closes with the pump's last words alone`, async () => {
    const { reader } = open(made([]), { ...capitals(), end: () => null });
    assert.deepEqual(await readText(reader), []);
  });
}

/** A body whose client takes so many writes before it has enough. */
function bodyTaking(room: number): { readonly body: BodyMaker; readonly flow: () => Promise<void>; readonly written: string[] } {
  const written: string[] = [];
  let start: BodyFlow | null = null;
  let left = 0;
  const flow = (): Promise<void> => {
    left = room;
    return start?.flow() ?? Promise.resolve();
  };
  const body: BodyMaker = (made) => {
    start = made;
    made.start({
      write(bytes) {
        left--;
        written.push(new TextDecoder().decode(bytes));
      },
      get isFull() {
        return left <= 0;
      },
      close: () => void written.push("closed"),
      fail: () => void written.push("broken"),
    });
    return new ReadableStream();
  };
  return { body, flow, written };
}

test("through, polling: what is there goes out at once, what comes later when it comes, and nothing while the client has enough", async () => {
  let waiter: ReadWaiter | null = null;
  const there = ["a", "b", "c"];
  let polls = 0;
  const source: BodyReader = {
    read: () => Promise.reject(new Error("read")),
    poll(next) {
      polls++;
      const text = there.shift();
      waiter = text === undefined ? next : null;
      return text === undefined ? null : utf8.encode(text);
    },
    cancel: () => Promise.resolve(),
  };
  const outcomes: Outcome[] = [];
  const { body, flow, written } = bodyTaking(2);
  through(source, capitals(), { closed: (outcome) => outcomes.push(outcome), body });
  const first = flow();
  assert.deepEqual([written, polls], [["A", "B"], 2]);
  await first;
  let isResting = false;
  const second = flow().then(() => (isResting = true));
  assert.deepEqual([written.length, polls], [3, 4]);
  await settle();
  assert.equal(isResting, false);
  const came = (piece: string | undefined): void => waiter?.came(piece === undefined ? undefined : utf8.encode(piece));
  came("d");
  assert.deepEqual([written.at(-1), polls], ["D", 4]);
  await second;
  void flow();
  came(undefined);
  assert.deepEqual(written, ["A", "B", "C", "D", "[end]", "closed"]);
  assert.deepEqual(outcomes, [{ type: "complete" }]);
});

test("through, polling: a stream that is ended from outside while it waits says its last words once", async () => {
  let waiter: ReadWaiter | null = null;
  const source: BodyReader = {
    read: () => Promise.reject(new Error("read")),
    poll(next) {
      waiter = next;
      return null;
    },
    cancel() {
      queueMicrotask(() => waiter?.came(undefined));
      return Promise.resolve();
    },
  };
  const ways: ((error: unknown) => void)[] = [];
  const outcomes: Outcome[] = [];
  const { body, flow, written } = bodyTaking(2);
  through(source, capitals(), { closed: (outcome) => outcomes.push(outcome), failing: (fail) => void ways.push(fail), body });
  const flowing = flow();
  const error = new Error("over");
  for (const end of ways) end(error);
  await flowing;
  assert.deepEqual(written, ["[over]", "closed"]);
  assert.deepEqual(outcomes, [{ type: "failed", error }]);
});

// ---- Keep-alive ----------------------------------------------------------------------------------------------------

/** A source whose chunks come when the test says so. */
function pushed(): { source: BodyReader; push: (chunk: string | null) => void } {
  const waiting: ((chunk: string | null) => void)[] = [];
  const queue: (string | null)[] = [];
  return {
    source: {
      async read() {
        const chunk = queue.length > 0 ? queue.shift() : await new Promise<string | null>((resolve) => waiting.push(resolve));
        return chunk === null || chunk === undefined ? { done: true } : { done: false, value: utf8.encode(chunk) };
      },
      cancel: () => Promise.resolve(),
    },
    push(chunk) {
      const next = waiting.shift();
      if (next === undefined) queue.push(chunk);
      else next(chunk);
    },
  };
}

interface Kept {
  readonly clock: Clock;
  readonly push: (chunk: string | null) => void;
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  /** The next chunk as text; null at the end. */
  readonly next: () => Promise<string | null>;
}

function keptAlive({ isDue }: { isDue?: true } = {}): Kept {
  const clock = new Clock();
  const { source, push } = pushed();
  const keepAlive = { sign: () => utf8.encode("~"), everyMs: 100, after: clock.after, ...(isDue === undefined ? {} : { isDue }) };
  const reader = through(source, UNTOUCHED, { closed: () => {}, keepAlive }).getReader();
  const next = async (): Promise<string | null> => {
    const { done, value } = await reader.read();
    return done ? null : new TextDecoder().decode(value);
  };
  return { clock, push, reader, next };
}

test("through: a client that waits gets the keep-alive each time that nothing came for so long", async () => {
  const { clock, next } = keptAlive();
  const waiting = next();
  await settle();
  clock.advance(99);
  clock.advance(1);
  assert.equal(await waiting, "~");
  const again = next();
  clock.advance(100);
  assert.equal(await again, "~");
});

test("through: no keep-alive is written while nobody reads, however long it takes", async () => {
  const { clock, push, next } = keptAlive();
  clock.advance(1000);
  push("a");
  assert.equal(await next(), "a");
  clock.advance(1000);
  push("b");
  assert.equal(await next(), "b");
});

test("through: what comes within half of the time takes the keep-alive's place", async () => {
  const { clock, push, next } = keptAlive();
  for (const chunk of ["a", "b"]) {
    const waiting = next();
    await settle();
    clock.advance(40);
    push(chunk);
    assert.equal(await waiting, chunk);
  }
  const waiting = next();
  await settle();
  // The next look falls behind "b".
  clock.advance(20);
  clock.advance(49);
  push("c");
  assert.equal(await waiting, "c");
});

test("through: a client never waits longer than that, whenever its last byte came", async () => {
  for (const atMs of [1, 25, 49]) {
    const { clock, push, next } = keptAlive();
    const first = next();
    await settle();
    clock.advance(atMs);
    push("a");
    assert.equal(await first, "a");
    const waiting = next();
    await settle();
    clock.advance(50);
    clock.advance(50);
    assert.equal(await waiting, "~");
  }
});

test("through: a keep-alive that is due goes out at once, and the next one as long after it", async () => {
  const { clock, next } = keptAlive({ isDue: true });
  assert.equal(await next(), "~");
  const waiting = next();
  await settle();
  clock.advance(100);
  assert.equal(await waiting, "~");
});

test("through: no timer is left when the stream has ended, broken or been left", async () => {
  const ended = keptAlive();
  ended.push(null);
  assert.equal(await ended.next(), null);
  const left = keptAlive();
  await left.reader.cancel();
  const clock = new Clock();
  const keepAlive = { sign: () => utf8.encode("~"), everyMs: 100, after: clock.after };
  const broken = through(sourceOf([new Error("line cut")]), capitals(), { closed: () => {}, keepAlive }).getReader();
  assert.deepEqual(await readText(broken), ["[line cut]"]);
  assert.deepEqual([ended.clock.timers, left.clock.timers, clock.timers], [0, 0, 0]);
});

test("the search for the end of the last event looks at each byte once, whatever kinds of line end there are", () => {
  class Watched extends Uint8Array {
    looks = 0;
    override lastIndexOf(byte: number, from = this.length - 1): number {
      const found = super.lastIndexOf(byte, from);
      this.looks += from - found;
      return found;
    }
  }
  for (const line of [":\n", ":\r", ":\r\n", "data: x\n"]) {
    const bytes = Watched.from(utf8.encode(line.repeat(10_000)));
    assert.ok(bytes instanceof Watched);
    assert.equal(lastBoundary(bytes, new Uint8Array()), 0);
    assert.ok(bytes.looks <= 2 * bytes.length, `${JSON.stringify(line)}: ${bytes.looks} looks at ${bytes.length} bytes`);
  }
});

test("lines without a colon are not searched for one beyond their end", () => {
  const text = "a\n".repeat(20_000);
  const bytes = utf8.encode(text);
  const { characters } = counted((stepsOf) => stepsOf(() => assert.deepEqual(run(sseDecoder({ maxEventLength: 1000 }), [bytes]), [])));
  assert.ok(characters <= 4 * text.length, `${characters} steps for ${text.length} characters`);
});
