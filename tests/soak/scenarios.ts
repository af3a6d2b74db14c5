// What can happen to a call, one table read by both ends: the upstream plays a row's fault, the load plays its client and knows what may come
// of it. The name of the row travels in the text of the call. Never decides how often what happens; a row's weight says it.

import { constants, brotliCompressSync, gzipSync } from "node:zlib";
import { complete } from "../support/reply-content.ts";
import { encodeReply } from "../support/wire-reply.ts";
import type { Answer, Seen } from "../support/upstream.ts";

/** What a client can see of a call's end. `unmarked`: complete by HTTP, but the protocol says neither end nor error. */
export type Outcome = "answer" | "error event" | "broken" | "unmarked" | "left" | `status ${number}`;

/** How a client behaves: it reads, reads slowly, or leaves. */
export type Manner = "read" | "read slowly" | "leave at once" | "leave while sending" | "leave before the head" | "leave in the middle";

/** What the expectation depends on. */
export interface Asked {
  readonly stream: boolean;
  /** Both sides speak one protocol: the bytes pass. */
  readonly same: boolean;
}

interface Asking {
  readonly seen: Seen;
  /** What is to be echoed. */
  readonly name: string;
  /** Counted from 1. */
  readonly attempt: number;
}

export interface Scenario {
  readonly weight: number;
  /** Of the upstream; null: the scripted conversation. */
  readonly answer: (request: Asking) => Answer | null;
  readonly manner: Manner;
  readonly expected: (asked: Asked) => readonly Outcome[];
  /** Only streamed calls where the row makes no sense whole. */
  readonly streamedOnly?: boolean;
  /** Asked for in place of the protocol's usual model. */
  readonly model?: string;
}

const SILENT_FOR_EVER = { hang: "before-head" } as const;
const WORDS = " a few words of an answer that takes its time to be told";
const COMMENTS = `: ${"x".repeat(998)}\n`.repeat(64);
const LARGE_LENGTH = 50_000;
const LARGE_REPEATS = 80;
/** Responses says at the end what it said before. */
const TOLD_AGAIN = /^event: response\.(?!output_text\.delta)/;

const answered = (): readonly Outcome[] => ["answer"];
const left = (): readonly Outcome[] => ["left"];
const status =
  (...codes: number[]) =>
  (): readonly Outcome[] =>
    codes.map((code): Outcome => `status ${code}`);
const always = (answer: Answer | null) => (): Answer | null => answer;
const error = (code: number, headers: Record<string, string> = {}): (() => Answer) =>
  always({ error: { status: code, message: "as the soak wants it" }, headers }) as () => Answer;
const refusal = (code: number, row: Partial<Scenario> = {}): Scenario => ({
  weight: 1,
  answer: error(code),
  manner: "read",
  expected: status(code),
  ...row,
});
/** Cut or silent after the head: a stream can still say so, a whole answer that passes can only break off. */
const unfinished =
  (code: number) =>
  ({ stream, same }: Asked): readonly Outcome[] =>
    stream ? ["error event"] : same ? ["broken"] : [`status ${code}`];

/** The model whose first choice is always overloaded, and the one that nobody serves; see `modelTable`. */
const OVERLOADED_MODEL = "soak-overloaded";
const UNREACHABLE_MODEL = "soak-unreachable";

export const SCENARIOS = {
  plain: { weight: 40, answer: always(null), manner: "read", expected: answered },
  "slow-telling": { weight: 4, answer: always({ delayMs: 40 }), manner: "read", expected: answered },
  "silent-telling": { weight: 2, answer: always({ delayMs: 1300 }), manner: "read", expected: answered, streamedOnly: true },
  // On a busy machine the first event may take longer than it may.
  "byte-by-byte": {
    weight: 1,
    answer: always({ byteByByte: true }),
    manner: "read",
    expected: ({ stream }) => (stream ? ["answer", "status 504"] : ["answer"]),
  },
  compressed: { weight: 2, answer: always({ gzip: true }), manner: "read", expected: answered },
  "as-stream": {
    weight: 1,
    answer: always({ whole: false }),
    manner: "read",
    expected: ({ stream, same }) => (same && !stream ? ["unmarked", "answer"] : ["answer"]),
  },
  "as-whole": {
    weight: 1,
    answer: always({ whole: true }),
    manner: "read",
    expected: ({ stream, same }) => (same && stream ? ["unmarked", "answer"] : ["answer"]),
  },
  large: { weight: 1, answer: large, manner: "read", expected: answered, streamedOnly: true },
  "slow-reader": { weight: 1, answer: large, manner: "read slowly", expected: answered, streamedOnly: true },
  burst: {
    weight: 0,
    answer: ({ name }) => ({ say: { text: name + WORDS }, delayMs: 2500 }),
    manner: "read",
    expected: answered,
    streamedOnly: true,
  },

  "status-400": refusal(400),
  "status-401": refusal(401),
  "status-404": refusal(404),
  "status-413": refusal(413),
  "status-429": refusal(429, { answer: error(429, { "retry-after": "1" }) }),
  "status-429-mute": refusal(429),
  "status-500": refusal(500),
  "status-503": refusal(503, { expected: status(503, 529) }),
  "status-529": refusal(529, { expected: status(503, 529) }),
  "html-page": {
    weight: 1,
    answer: always({ status: 502, body: "<html><h1>Bad Gateway</h1></html>", headers: { "content-type": "text/html" } }),
    manner: "read",
    expected: status(502),
  },
  "html-as-answer": {
    weight: 1,
    answer: always({ body: "<html><h1>Welcome</h1></html>", headers: { "content-type": "text/html" } }),
    manner: "read",
    expected: status(502),
  },
  flaky: { weight: 2, answer: ({ attempt }) => (attempt === 1 ? error(503)() : null), manner: "read", expected: answered },
  "fallback-taken": { weight: 2, answer: always(null), manner: "read", expected: answered, model: OVERLOADED_MODEL },
  unreachable: { weight: 1, answer: always(null), manner: "read", expected: status(502), model: UNREACHABLE_MODEL },

  "cut-broken": { weight: 2, answer: always({ cut: { after: { bytes: 150 }, how: "destroy" } }), manner: "read", expected: cutShort },
  "cut-quiet": {
    weight: 2,
    answer: always({ cut: { after: { events: 3 }, how: "end" } }),
    manner: "read",
    expected: () => ["error event"],
    streamedOnly: true,
  },
  "empty-stream": { weight: 1, answer: always({ events: [] }), manner: "read", expected: status(502), streamedOnly: true },
  "error-first": {
    weight: 1,
    answer: always({ fail: { afterEvents: 0, message: "as the soak wants it" } }),
    manner: "read",
    expected: status(500, 502, 503, 529),
    streamedOnly: true,
  },
  "error-inside": {
    weight: 2,
    answer: always({ fail: { afterEvents: 3, message: "as the soak wants it" } }),
    manner: "read",
    expected: () => ["error event"],
    streamedOnly: true,
  },
  "garbage-first": {
    weight: 1,
    answer: always({ events: ["data: {no json\n\n", "more\n\n"] }),
    manner: "read",
    expected: status(502),
    streamedOnly: true,
  },
  "hang-before-head": { weight: 1, answer: always(SILENT_FOR_EVER), manner: "read", expected: status(504) },
  "hang-after-head": { weight: 1, answer: always({ hang: "after-head" }), manner: "read", expected: status(504) },
  "hang-inside": { weight: 1, answer: always({ hang: { afterEvents: 3 } }), manner: "read", expected: unfinished(504), streamedOnly: true },

  // Nobody asked for these codings. Passed streams have begun before anybody can know what is in them.
  "bomb-br": { weight: 0.15, answer: bomb("br"), manner: "read", expected: bombed },
  "bomb-gzip": { weight: 0.15, answer: bomb("gzip"), manner: "read", expected: bombed },
  "bomb-error": { weight: 0.15, answer: bomb("br", 500), manner: "read", expected: status(500, 502) },
  "comments-only": {
    weight: 0.3,
    answer: () => ({ events: Array.from({ length: 400 }, () => COMMENTS), hang: { afterEvents: 400 } }),
    manner: "read",
    expected: status(502, 504),
    streamedOnly: true,
  },

  "leaves-at-once": { weight: 3, answer: always(null), manner: "leave at once", expected: left },
  "leaves-sending": { weight: 1, answer: always(null), manner: "leave while sending", expected: left },
  "leaves-waiting": { weight: 3, answer: always(SILENT_FOR_EVER), manner: "leave before the head", expected: left },
  "leaves-in-retry": { weight: 1, answer: error(503, { "retry-after": "2" }), manner: "leave before the head", expected: left },
  "leaves-stream": { weight: 4, answer: always({ delayMs: 500 }), manner: "leave in the middle", expected: left, streamedOnly: true },
  "leaves-silence": {
    weight: 2,
    answer: always({ hang: { afterEvents: 3 } }),
    manner: "leave in the middle",
    expected: left,
    streamedOnly: true,
  },
  "leaves-large": { weight: 1, answer: large, manner: "leave in the middle", expected: left, streamedOnly: true },
} as const satisfies Readonly<Record<string, Scenario>>;

export type ScenarioName = keyof typeof SCENARIOS;

function cutShort({ stream }: Asked): readonly Outcome[] {
  // Where only part of the first event, or of a short whole answer, has come, it is still an HTTP status.
  return stream ? ["error event", "status 502"] : ["status 502"];
}

function bombed({ stream }: Asked): readonly Outcome[] {
  return stream ? ["status 502", "error event"] : ["status 502", "broken"];
}

/** White space without end, packed; only the upstream's process packs one, when it is first needed. */
function bomb(coding: keyof typeof PACK, code = 200): () => Answer {
  return () => ({
    status: code,
    events: [""],
    headers: { "content-type": code === 200 ? "text/event-stream" : "application/json", "content-encoding": coding },
    pack: () => (packed[coding] ??= PACK[coding]()),
  });
}

/** More than an answer may be. */
const BOMB_BYTES = 300 * 1024 * 1024;
const PACK = {
  br: () => brotliCompressSync(new Uint8Array(BOMB_BYTES).fill(0x0a), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  gzip: () => gzipSync(new Uint8Array(BOMB_BYTES).fill(0x0a), { level: 1 }),
} as const;
const packed: { br?: Uint8Array; gzip?: Uint8Array } = {};

/** The file that `CONFIG_PATH` names. */
export function modelTable(): string {
  const overloaded = { id: OVERLOADED_MODEL, protocol: "anthropic-messages", provider: "anthropic", fallback: ["gpt-5.5"] };
  const unreachable = {
    id: UNREACHABLE_MODEL,
    protocol: "openai-responses",
    provider: "openai",
    target: "http://127.0.0.1:9/v1/responses",
  };
  return JSON.stringify({ models: [overloaded, unreachable] });
}

/** What travels in the text of a call: `soak-<row>-<number>`. */
export function nameOf(scenario: ScenarioName, serial: number): string {
  return `soak-${scenario}-${serial}.`;
}

const NAME = /soak-([a-z0-9-]+)-(\d+)\./;

/** The part of the upstream. `tried` remembers what has been asked once; the caller owns it. */
export function play(seen: Seen, tried: Set<string>): Answer | null {
  if (seen.body.includes(`"${OVERLOADED_MODEL}"`)) return error(529)();
  const [name = "", row = ""] = NAME.exec(seen.body) ?? [];
  if (!isScenario(row)) return null;
  const scenario: Scenario = SCENARIOS[row];
  const attempt = tried.delete(name) ? 2 : 1;
  // Only what is sure to be asked again is remembered.
  if (row === "flaky" && attempt === 1) tried.add(name);
  return scenario.answer({ seen, name, attempt });
}

function isScenario(name: string): name is ScenarioName {
  return Object.hasOwn(SCENARIOS, name);
}

/** A stream with one large piece many times over: more than fits into the buffers between two processes. */
function large({ seen, name }: Asking): Answer {
  const said = complete({ model: "large", text: `${name} ${"x".repeat(LARGE_LENGTH)}` });
  const { events } = encodeReply(seen.protocol ?? "openai-chat", said, { serial: 1, includeUsage: true });
  const isLarge = (event: string): boolean => event.length > LARGE_LENGTH && !TOLD_AGAIN.test(event);
  return { events: events.flatMap((event) => (isLarge(event) ? Array.from({ length: LARGE_REPEATS }, () => event) : [event])) };
}
