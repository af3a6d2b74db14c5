// Everything that can go wrong with an upstream, one row each: what the scripted upstream answers, and the one right outcome for a client,
// non-streaming and streaming. Never knows how the program comes to that outcome.

import assert from "node:assert/strict";
import * as zlib from "node:zlib";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask, errorIn, eventsIn, MODELS, SUCCESS, textOf, told, type Told, type Way } from "./dialects.ts";
import type { RunningGateway } from "./gateway.ts";
import { isTerminal } from "./laws.ts";
import { complete } from "./reply-content.ts";
import { encodeReply } from "./wire-reply.ts";
import type { Answer, Seen } from "./upstream.ts";

/**
 * `answered`: the whole text, and in a stream the terminals of success. `error`: a stream that ends with its protocol's error event, and
 * nothing else that says how it ended. `broken`: a connection that breaks (long whole answers, whose head has gone out, are not played here).
 * A number: that status, with an error in the protocol's shape.
 */
export type Outcome = "answered" | "error" | "broken" | number;

export interface Fault {
  readonly name: string;
  /** `read` resolves when the client has got all that comes before a break: what a breaking connection still holds may be lost. */
  readonly answer: (protocol: ProtocolId, read: Promise<void>) => Answer;
  /** Whether a stream's client has. Unset: nothing has to be read. */
  readonly isRead?: (told: Told, way: Way) => boolean;
  readonly streamed: (way: Way) => Outcome;
  readonly whole: (way: Way) => Outcome;
}

export const TEXT = "Gr\u00fc\u00dfe an Zuhause in der \u4e16\u754c und dar\u00fcber hinaus";

const isPass = ({ client, upstream }: Way): boolean => client === upstream;
const always = (outcome: Outcome) => (): Outcome => outcome;

function telling(protocol: ProtocolId): ReturnType<typeof encodeReply> {
  return encodeReply(protocol, complete({ model: MODELS[protocol], text: TEXT }), { serial: 7, includeUsage: true });
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

function row(name: string, answer: Answer | Fault["answer"], outcome: Outcome, other: Shape = {}): Fault {
  const given = typeof answer === "function" ? answer : always0(answer);
  return {
    name,
    answer: (protocol, read) => ({ say: { text: TEXT }, ...given(protocol, read) }),
    streamed: always(outcome),
    whole: always(outcome),
    ...other,
  };
}

const always0 = (answer: Answer) => (): Answer => answer;

const hasWords = ({ text }: Told): boolean => text === TEXT.split("Zuhause")[0];

/** Where a whole answer stops short, and is too short to have been begun. */
const HALF_WHOLE = { whole: always(502) };

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

type Pack = (bytes: Uint8Array) => Uint8Array;

const packed = (encoding: string, pack: Pack): Answer => ({ pack, headers: { "content-encoding": encoding } });

/** Each of them without its end, though all that was packed can be read. */
const WITHOUT_END: Readonly<Record<string, Pack>> = {
  gzip: (bytes) => zlib.gzipSync(bytes, { finishFlush: zlib.constants.Z_SYNC_FLUSH }),
  deflate: (bytes) => zlib.deflateSync(bytes, { finishFlush: zlib.constants.Z_SYNC_FLUSH }),
  br: (bytes) => zlib.brotliCompressSync(bytes, { finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH }),
  zstd: (bytes) => zlib.zstdCompressSync(bytes, { finishFlush: zlib.constants.ZSTD_e_flush }),
};

const cutPacks: readonly Fault[] = Object.entries(WITHOUT_END).flatMap(([encoding, pack]) => [
  row(
    `${encoding} that is cut off after some words`,
    (_, read) => ({
      ...packed(encoding, (bytes) => pack(bytes.subarray(0, Buffer.from(bytes).indexOf("Zuhause")))),
      cut: { after: { events: 1000 }, how: "end", read },
    }),
    "error",
    { ...HALF_WHOLE, isRead: hasWords },
  ),
  row(
    `${encoding} that is cut off before the first event`,
    packed(encoding, (bytes) => pack(bytes).subarray(0, 8)),
    502,
  ),
  row(
    `${encoding} that is empty`,
    packed(encoding, () => new Uint8Array()),
    502,
  ),
]);
/** The status says what it was, whatever becomes of the body. */
const halfErrors: readonly Fault[] = [400, 429, 500].flatMap((status) => {
  const error = { status, message: "No." };
  const shapes: Readonly<Record<string, Answer>> = {
    "that breaks off": { error, cut: { after: { bytes: 12 }, how: "destroy" } },
    "whose body never comes": { error, hang: "after-head" },
    "whose body is not packed as it says": { error, ...packed("gzip", (bytes) => bytes) },
  };
  return Object.entries(shapes).map(([what, answer]): Fault => {
    const silence = answer.hang === undefined ? "" : "silence: ";
    return { name: `${silence}a ${status} ${what}`, answer: () => answer, streamed: shown(status), whole: shown(status) };
  });
});

const html = "<!doctype html><html><body><h1>Bad Gateway</h1></body></html>";

export const FAULTS: readonly Fault[] = [
  row("none", {}, "answered"),
  row("a reset instead of a head", { reset: true }, 502),
  row("silence before the head", { hang: "before-head" }, 504),
  row("silence after the head", { hang: "after-head" }, 504),
  row("silence in the middle", (protocol) => ({ hang: { afterEvents: eventsBefore(protocol, "Zuhause") } }), "error", {
    whole: always(504),
  }),
  row("silence before the terminal", (protocol) => ({ hang: { afterEvents: terminalOf(protocol) } }), "error", {
    whole: always(504),
  }),
  row("silence after the end", { hang: { afterEvents: 1000 } }, "answered", { whole: always(504) }),
  row("one byte at a time", { byteByByte: true }, "answered"),
  row("an end after some words", (protocol) => ({ cut: { after: { events: eventsBefore(protocol, "Zuhause") }, how: "end" } }), "error", {
    whole: always("answered"),
  }),
  row(
    "a break after some words",
    (protocol, read) => ({ cut: { after: { events: eventsBefore(protocol, "Zuhause") }, how: "destroy", read } }),
    "error",
    { ...HALF_WHOLE, isRead: hasWords },
  ),
  row("an end inside of an event", (protocol) => ({ cut: { after: { bytes: bytesBefore(protocol, "Zuhause") }, how: "end" } }), "error", {
    whole: always("answered"),
  }),
  row(
    "a break inside of an event",
    (protocol, read) => ({ cut: { after: { bytes: bytesBefore(protocol, "Zuhause") }, how: "destroy", read } }),
    "error",
    { ...HALF_WHOLE, isRead: hasWords },
  ),
  row(
    "an end inside of a character",
    (protocol) => ({ cut: { after: { bytes: bytesBefore(protocol, "\u4e16") + 1 }, how: "end" } }),
    "error",
    {
      whole: always("answered"),
    },
  ),
  row("a body that ends early", { cut: { after: { bytes: 60 }, how: "end" } }, 502),
  row("an end before the first event", { cut: { after: { events: 0 }, how: "end" } }, 502),
  row("a break before the first event", { cut: { after: { events: 0 }, how: "destroy" } }, 502),
  row("an end before the terminal", (protocol) => ({ cut: { after: { events: terminalOf(protocol) }, how: "end" } }), "error", {
    whole: always("answered"),
  }),
  row(
    "a break before the terminal",
    (protocol, read) => ({ cut: { after: { events: terminalOf(protocol) }, how: "destroy", read } }),
    "error",
    { ...HALF_WHOLE, isRead: ({ text }) => text === TEXT },
  ),
  row("a break after the end", (_, read) => ({ cut: { after: { events: 1000 }, how: "destroy", read } }), "answered", {
    ...HALF_WHOLE,
    // Gemini's end is held back while more could come, so a client of another protocol sees the last word only.
    isRead: ({ text, terminals }, way) =>
      way.upstream === "gemini" && !isPass(way) ? text === TEXT : terminals.length === SUCCESS[way.client].length,
  }),
  row("an error that opens a stream", { fail: { afterEvents: 0, message: "Busy." } }, 503, {
    // What OpenAI's two call a failure, the others call an overload.
    streamed: ({ client, upstream }) => (upstream.startsWith("openai") ? 502 : client === "anthropic-messages" ? 529 : 503),
    whole: always("answered"),
  }),
  row("an error in the middle", (protocol) => ({ fail: { afterEvents: eventsBefore(protocol, "Zuhause"), message: "Broke." } }), "error", {
    whole: always("answered"),
  }),
  row("an HTML page of an error", { status: 502, body: html, headers: { "content-type": "text/html" } }, 502),
  row("an HTML page of success", { body: html, headers: { "content-type": "text/html" } }, 502),
  row("an answer of nothing", { body: "" }, 502),
  row(
    "a stream that says it is JSON",
    (protocol) => ({ body: telling(protocol).events.join(""), headers: { "content-type": "application/json" } }),
    "answered",
  ),
  row("a redirect", { status: 307, body: "", headers: { location: "http://127.0.0.1:9/" } }, 502),
  row("gzip", packed("gzip", zlib.gzipSync), "answered"),
  row("deflate", packed("deflate", zlib.deflateSync), "answered"),
  row("br", packed("br", zlib.brotliCompressSync), "answered"),
  row("zstd", packed("zstd", zlib.zstdCompressSync), "answered"),
  row(
    "an encoding that nobody knows",
    packed("snappy", (bytes) => bytes),
    502,
  ),
  row(
    "gzip that is none",
    packed("gzip", (bytes) => bytes),
    502,
  ),
  row("gzip that is none, of an answer that goes on", { ...packed("gzip", (bytes) => bytes), hang: { afterEvents: 1000 } }, 502),
  ...cutPacks,
  ...statuses,
  ...halfErrors,
];

/** A call under a fault. */
export interface Cell {
  readonly fault: Fault;
  readonly way: Way;
  readonly stream: boolean;
  /** Of the call; its text as well, by which the upstream knows it. */
  readonly id: string;
  readonly read: Promise<void>;
  readonly hasRead: () => void;
}

export function cellsOf(fault: Fault, ways: readonly Way[]): Cell[] {
  return ways.flatMap((way) =>
    [true, false].map((stream) => {
      let hasRead = (): void => {};
      const read = new Promise<void>((resolve) => (hasRead = resolve));
      return { fault, way, stream, id: crypto.randomUUID(), read, hasRead };
    }),
  );
}

export const nameOf = ({ fault, way, stream }: Cell): string => `${fault.name}, ${way.name}, ${stream ? "streamed" : "whole"}`;

export function expectedOf({ fault, way, stream }: Cell): Outcome {
  return stream ? fault.streamed(way) : fault.whole(way);
}

/** What the upstream answers to one of these calls. */
export function answerTo(seen: Seen, cells: readonly Cell[]): Answer {
  const { fault, read } = cells.find(({ id }) => seen.body.includes(id)) ?? assert.fail(seen.body);
  return fault.answer(seen.protocol ?? "openai-chat", read);
}

/** What a client makes of the answer; fails when that is not one of the outcomes. */
export async function outcomeOf(cell: Cell, { call }: Pick<RunningGateway, "call">): Promise<Outcome> {
  const { fault, way, id } = cell;
  const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream: cell.stream, text: id });
  // Of a short whole answer a client sees nothing before its end.
  if (fault.isRead === undefined || !cell.stream) cell.hasRead();
  const response = await call(path, { body, headers: { "x-request-id": id } }).catch(() => null);
  if (response === null) return "broken";
  if (response.status !== 200) return (await errorIn(way.client, response)).status;
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const text = await textOfAll(response, (some) => {
    if (isStream && (fault.isRead?.(told(way.client, some), way) ?? false)) cell.hasRead();
  });
  if (text === null) return "broken";
  if (!isStream) {
    assert.equal(textOf(way.client, text), TEXT);
    return "answered";
  }
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

/** Null when the connection breaks. `look` is shown what has come, as far as its events are complete. */
async function textOfAll({ body }: Response, look: (some: string) => void): Promise<string | null> {
  let text = "";
  try {
    for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += piece;
      look(text.slice(0, text.lastIndexOf("\n\n") + 2));
    }
  } catch {
    return null;
  }
  return text;
}
