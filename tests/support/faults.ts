// Test support: everything that can go wrong with an upstream, one row each, and what a client is to see of it.
// In:  a protocol. Out: what the scripted upstream answers in it, and the one right outcome, whole and streamed, by way.
// Never does: know how the program comes to that outcome.

import assert from "node:assert/strict";
import * as zlib from "node:zlib";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask, errorIn, eventsIn, MODELS, SUCCESS, textOf, told, type Way } from "./dialects.ts";
import type { RunningGateway } from "./gateway.ts";
import { isTerminal } from "./laws.ts";
import { complete } from "./saying.ts";
import { tell } from "./telling.ts";
import type { Answer } from "./upstream.ts";

/**
 * `answered`: the whole text, and in a stream the terminals of success. `error`: a stream that ends with its protocol's error event, and
 * nothing else that says how it ended. `broken`: a connection that breaks, as a head that has gone out leaves no other word.
 * `as it is`: bytes that pass, and that a client can see to be no answer. A number: that status, with an error in the protocol's shape.
 */
export type Outcome = "answered" | "error" | "broken" | "as it is" | number;

export interface Fault {
  readonly name: string;
  readonly answer: (protocol: ProtocolId) => Answer;
  readonly streamed: (way: Way) => Outcome;
  readonly whole: (way: Way) => Outcome;
}

export const TEXT = "Gr\u00fc\u00dfe an Zuhause in der \u4e16\u754c und dar\u00fcber hinaus";

const isPass = ({ client, upstream }: Way): boolean => client === upstream;
const always = (outcome: Outcome) => (): Outcome => outcome;
/** What passes is beyond repair where what is converted still has a status. */
const passing =
  (pass: Outcome, converted: Outcome) =>
  (way: Way): Outcome =>
    isPass(way) ? pass : converted;

function telling(protocol: ProtocolId): ReturnType<typeof tell> {
  return tell(protocol, complete({ model: MODELS[protocol], text: TEXT }), { serial: 7, includeUsage: true });
}

function bytesBefore(protocol: ProtocolId, part: string): number {
  return new TextEncoder().encode(telling(protocol).events.join("").split(part)[0]).length;
}

function eventsBefore(protocol: ProtocolId, part: string): number {
  return telling(protocol).events.findIndex((event) => event.includes(part));
}

/** Of the first event that ends the answer. */
function terminalOf(protocol: ProtocolId): number {
  return telling(protocol).events.findIndex((block) => eventsIn(block).some((event) => isTerminal(protocol, event)));
}

type Shape = Partial<Omit<Fault, "name" | "answer">>;

function fault(name: string, answer: Answer | ((protocol: ProtocolId) => Answer), outcome: Outcome, other: Shape = {}): Fault {
  const given = typeof answer === "function" ? answer : always0(answer);
  return {
    name,
    answer: (protocol) => ({ say: { text: TEXT }, ...given(protocol) }),
    streamed: always(outcome),
    whole: always(outcome),
    ...other,
  };
}

const always0 = (answer: Answer) => (): Answer => answer;

/** Busy as it is with all cells at once, the program must have read what came before the connection breaks. */
const LINGER_MS = 1000;

/** Where a whole answer stops short: after its first bytes. */
const HALF_WHOLE = { whole: passing("broken", 502) };

const STATUSES = [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529];

/** Overload has a word of its own with Anthropic, and another one with the rest. */
function shown(status: number) {
  return (way: Way): Outcome => {
    if (isPass(way) || (status !== 503 && status !== 529)) return status;
    return way.client === "anthropic-messages" ? 529 : 503;
  };
}

const statuses: readonly Fault[] = STATUSES.flatMap((status) =>
  [{}, { "retry-after": "3" }].map((headers) => {
    const name = `a ${status} ${"retry-after" in headers ? "with" : "without"} retry-after`;
    const outcome = shown(status);
    return { name, answer: (): Answer => ({ error: { status, message: "No." }, headers }), streamed: outcome, whole: outcome };
  }),
);

const packed = (encoding: string, pack: (bytes: Uint8Array) => Uint8Array): Answer => ({ pack, headers: { "content-encoding": encoding } });
const html = "<!doctype html><html><body><h1>Bad Gateway</h1></body></html>";

export const FAULTS: readonly Fault[] = [
  fault("none", {}, "answered"),
  fault("a reset instead of a head", { reset: true }, 502),
  fault("silence before the head", { hang: "before-head" }, 504),
  fault("silence after the head", { hang: "after-head" }, 504),
  fault("silence in the middle", (protocol) => ({ hang: { afterEvents: eventsBefore(protocol, "Zuhause") } }), "error", {
    whole: passing("broken", 504),
  }),
  fault("silence before the terminal", (protocol) => ({ hang: { afterEvents: terminalOf(protocol) } }), "error", {
    whole: passing("broken", 504),
  }),
  fault("silence after the end", { hang: { afterEvents: 1000 } }, "answered", { whole: passing("broken", 504) }),
  fault("one byte at a time", { byteByByte: true }, "answered"),
  fault("an end after some words", (protocol) => ({ cut: { after: { events: eventsBefore(protocol, "Zuhause") }, how: "end" } }), "error", {
    whole: always("answered"),
  }),
  fault(
    "a break after some words",
    (protocol) => ({ cut: { after: { events: eventsBefore(protocol, "Zuhause") }, how: "destroy", lingerMs: LINGER_MS } }),
    "error",
    HALF_WHOLE,
  ),
  fault("an end inside of an event", (protocol) => ({ cut: { after: { bytes: bytesBefore(protocol, "Zuhause") }, how: "end" } }), "error", {
    whole: always("answered"),
  }),
  fault(
    "a break inside of an event",
    (protocol) => ({ cut: { after: { bytes: bytesBefore(protocol, "Zuhause") }, how: "destroy", lingerMs: LINGER_MS } }),
    "error",
    HALF_WHOLE,
  ),
  fault(
    "an end inside of a character",
    (protocol) => ({ cut: { after: { bytes: bytesBefore(protocol, "\u4e16") + 1 }, how: "end" } }),
    "error",
    {
      whole: always("answered"),
    },
  ),
  fault("a body that ends early", { cut: { after: { bytes: 60 }, how: "end" } }, 502, { whole: passing("as it is", 502) }),
  fault("an end before the first event", { cut: { after: { events: 0 }, how: "end" } }, 502, { whole: passing("as it is", 502) }),
  fault("a break before the first event", { cut: { after: { events: 0 }, how: "destroy", lingerMs: LINGER_MS } }, 502),
  fault("an end before the terminal", (protocol) => ({ cut: { after: { events: terminalOf(protocol) }, how: "end" } }), "error", {
    whole: always("answered"),
  }),
  fault(
    "a break before the terminal",
    (protocol) => ({ cut: { after: { events: terminalOf(protocol) }, how: "destroy", lingerMs: LINGER_MS } }),
    "error",
    HALF_WHOLE,
  ),
  fault("a break after the end", { cut: { after: { events: 1000 }, how: "destroy", lingerMs: LINGER_MS } }, "answered", HALF_WHOLE),
  fault("an error that opens a stream", { fail: { afterEvents: 0, message: "Busy." } }, 503, {
    // What OpenAI's two call a failure, the others call an overload.
    streamed: ({ client, upstream }) => (upstream.startsWith("openai") ? 502 : client === "anthropic-messages" ? 529 : 503),
    whole: always("answered"),
  }),
  fault(
    "an error in the middle",
    (protocol) => ({ fail: { afterEvents: eventsBefore(protocol, "Zuhause"), message: "Broke." } }),
    "error",
    {
      whole: always("answered"),
    },
  ),
  fault("an HTML page of an error", { status: 502, body: html, headers: { "content-type": "text/html" } }, 502),
  fault("an HTML page of success", { body: html, headers: { "content-type": "text/html" } }, 502, {
    streamed: passing("as it is", 502),
    whole: passing("as it is", 502),
  }),
  fault("an answer of nothing", { body: "" }, 502, { streamed: passing("as it is", 502), whole: passing("as it is", 502) }),
  fault(
    "a stream that says it is JSON",
    (protocol) => ({ body: telling(protocol).events.join(""), headers: { "content-type": "application/json" } }),
    502,
    {
      streamed: passing("as it is", 502),
      whole: passing("as it is", 502),
    },
  ),
  fault("a redirect", { status: 307, body: "", headers: { location: "http://127.0.0.1:9/" } }, 502),
  fault("gzip", packed("gzip", zlib.gzipSync), "answered"),
  fault("deflate", packed("deflate", zlib.deflateSync), "answered"),
  fault("br", packed("br", zlib.brotliCompressSync), "answered"),
  fault(
    "an encoding that nobody knows",
    packed("snappy", (bytes) => bytes),
    502,
  ),
  fault(
    "gzip that is none",
    packed("gzip", (bytes) => bytes),
    502,
  ),
  ...statuses,
];

/** What a client that says its call's id as its text makes of the answer; fails when that is not one of the outcomes. */
export async function outcomeOf(
  way: Way,
  { stream, id, gateway }: { stream: boolean; id: string; gateway: Pick<RunningGateway, "call"> },
): Promise<Outcome> {
  const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream, text: id });
  const response = await gateway.call(path, { body, headers: { "x-request-id": id } }).catch(() => null);
  if (response === null) return "broken";
  if (response.status !== 200) return (await errorIn(way.client, response)).status;
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const text = await response.text().catch(() => null);
  if (text === null) return "broken";
  if (!isStream) return isAnswer(way, text) ? "answered" : "as it is";
  const { text: said, terminals } = told(way.client, text);
  if (JSON.stringify(terminals) === JSON.stringify(SUCCESS[way.client])) {
    assert.equal(said, TEXT);
    return "answered";
  }
  const names = terminals.map((terminal) => terminal.split(": ")[0] ?? "");
  assert.match(names.join(), way.client === "openai-responses" ? /^error(?:,response\.failed)?$/ : /^error$/, text);
  assert.ok(TEXT.startsWith(said), said);
  return "error";
}

function isAnswer(way: Way, text: string): boolean {
  try {
    return textOf(way.client, text) === TEXT;
  } catch {
    return false;
  }
}
