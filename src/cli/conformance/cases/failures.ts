// What becomes of an upstream's failures: truncated answers, error statuses, errors inside an answer, unusual finish reasons.

import type { ProtocolId } from "../../../protocol/canonical.ts";
import { incomplete, isForeign, isOwn, looking, looksComplete, newFault, overModels, shown, type Case } from "../case.ts";
import { answer, BREAK, refusal, typeOf, type Plan, type Script, type SeenRequest, type Step } from "../lab/lab.ts";
import { callOf, ODD_ARGUMENTS, ODD_TEXT, PLAIN_TEXT, contentOf, THOUGHT, type ReplyContent } from "../lab/reply-content.ts";
import { errorEvents, errorOf, ping } from "../lab/wire-error.ts";
import type { Phase } from "../lab/wire-reply.ts";
import { CHAT_FINISHES } from "../readings/chat.ts";
import { GEMINI_FINISHES } from "../readings/gemini.ts";
import { STOP_REASONS } from "../readings/messages.ts";
import { reasoningOf } from "../scenarios.ts";
import { printed, PROTOCOLS, WEATHER } from "../wire.ts";
import type { Scenario } from "../world.ts";
import { malformed } from "./errors.ts";

const LONG: ReplyContent = contentOf({ reasoning: THOUGHT, text: ODD_TEXT, calls: [callOf("call_1", ODD_ARGUMENTS)], finish: "calls" });

/** All events before the second of a phase, so that the phase has begun but not ended. */
function until(seen: SeenRequest, phase: Phase, said: ReplyContent = LONG): string[] {
  const { events } = seen.encode(said);
  const first = events.findIndex((event) => event.phase === phase);
  return events.slice(0, first === -1 ? -1 : first + 1).map(({ text }) => text);
}

// ---- Cuts --------------------------------------------------------------------------------------------------------

interface Cut {
  readonly name: string;
  readonly steps: (seen: SeenRequest) => readonly Step[];
  readonly hasHead: boolean;
  readonly stream: boolean;
}

const CUTS: readonly Cut[] = [
  { name: "before the answer begins", steps: () => [BREAK], hasHead: false, stream: true },
  { name: "before the answer begins, not streamed", steps: () => [BREAK], hasHead: false, stream: false },
  { name: "behind the headers", steps: () => [], hasHead: true, stream: true },
  ...(["reasoning", "text", "arguments"] as const).flatMap((phase) => [
    { name: `in the ${phase}, closed in order`, steps: (seen: SeenRequest) => until(seen, phase), hasHead: true, stream: true },
    {
      name: `in the ${phase}, connection broken`,
      steps: (seen: SeenRequest): Step[] => [...until(seen, phase), BREAK],
      hasHead: true,
      stream: true,
    },
  ]),
  {
    name: "in an event",
    steps: (seen) => [
      ...until(seen, "text"),
      (seen.encode(LONG).events.find(({ phase }) => phase === "arguments")?.text ?? "").slice(0, -20),
    ],
    hasHead: true,
    stream: true,
  },
  { name: "in the body, not streamed", steps: (seen) => [seen.encode(LONG).whole.slice(0, -30)], hasHead: true, stream: false },
];

const CUT_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol) =>
  CUTS.map(({ name, steps, hasHead, stream }): Case =>
    looking({
      area: "cuts",
      name: `${protocol} ${name}`,
      protocol,
      needs: "lab",
      expected: "an error in the protocol, or a broken connection; never an answer that looks complete",
      breaks: "agents go on with half an answer: half a file is written, half a command is run",
      scenario: {
        name: `cut ${name}`,
        text: "Answer at length.",
        tools: [WEATHER],
        extra: reasoningOf,
        script: (seen) => ({ headers: typeOf(seen), steps: steps(seen), hasHead }),
      },
      stream,
      check: (one) =>
        one.seen.length === 0 ? `nothing reached the upstream: status ${one.status}: ${shown(one.text)}` : looksComplete(one),
    }),
  ),
);

// ---- Pings -------------------------------------------------------------------------------------------------------

const PINGED: Scenario = {
  name: "pings",
  text: "Say six words.",
  script: (seen) => {
    if (!seen.stream) return answer(seen, contentOf());
    const events = seen.encode(contentOf()).events.map(({ text }) => text);
    return { headers: typeOf(seen), steps: events.flatMap((event, index) => (index === 0 ? [event] : [ping(seen.protocol), event])) };
  },
};

const PING_CASES: readonly Case[] = PROTOCOLS.map((protocol) => ({
  area: "pings",
  name: `${protocol} between all events`,
  protocol,
  needs: "lab",
  expected: "the text, and a stream that obeys the grammar as well as without them",
  breaks: 'openai throws on {"type":"ping"}; @google/genai loses an event with a comment in its block',
  run: (world) =>
    overModels(world, {
      check: async (model) => {
        const one = await world.ask(PINGED, { protocol, model, stream: true });
        return incomplete(one) ?? (one.said.text === PLAIN_TEXT ? newFault(world, one) : shown(one.said.text));
      },
    }),
}));

// ---- Statuses ----------------------------------------------------------------------------------------------------

interface Status {
  readonly upstream: number;
  /** What the client may get. */
  readonly client: (protocol: ProtocolId) => readonly number[];
  readonly breaks: string;
}

const SAME = (status: number) => (): readonly number[] => [status];
/** Anthropic's own status for overload; Google's SDKs retry only at 503. */
const BUSY = (protocol: ProtocolId): readonly number[] => (protocol === "gemini" ? [503] : [503, 529]);

const STATUSES: readonly Status[] = [
  { upstream: 400, client: SAME(400), breaks: "agents retry what can never succeed" },
  { upstream: 401, client: SAME(401), breaks: "agents don't say that the key is wrong" },
  { upstream: 403, client: SAME(403), breaks: "agents retry what is forbidden" },
  { upstream: 404, client: SAME(404), breaks: "Claude Code does not say that there is no such model" },
  { upstream: 413, client: SAME(413), breaks: "agents don't compact their history" },
  { upstream: 429, client: SAME(429), breaks: "SDKs don't wait" },
  { upstream: 500, client: () => [500, 502], breaks: "SDKs don't retry" },
  { upstream: 503, client: BUSY, breaks: "agents don't see that the model is overloaded, and don't change it: Codex goes by 503" },
  { upstream: 529, client: BUSY, breaks: "agents don't see that the model is overloaded; Google's SDKs don't know 529" },
];
const TOO_MANY = 429;
const RETRY_AFTER_S = "7";
const WORDS = "The lab refuses this, as it was told.";

function refusing(status: number): Scenario {
  return {
    name: `status ${status}`,
    text: "Say hello.",
    // Where a client waits that long by itself, it has been told to.
    script: (seen) => refusal(seen, { status, message: WORDS }, { "retry-after": RETRY_AFTER_S }),
  };
}

const STATUS_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol): Case[] => [
  ...STATUSES.map(({ upstream, client, breaks }) =>
    looking({
      area: "error-statuses",
      name: `${protocol} ${upstream}`,
      protocol,
      needs: "lab",
      expected: `status ${client(protocol).join(" or ")}, an error in the shape of the protocol, and the upstream's message`,
      breaks,
      scenario: refusing(upstream),
      stream: true,
      // Only Anthropic has 529.
      fits: (model) => upstream !== OVERLOADED || model.upstream === "anthropic-messages",
      check: (one) => {
        if (!client(protocol).includes(one.status)) return `status ${one.status}: ${shown(one.text)}`;
        return malformed(protocol, one) ?? (one.text.includes(WORDS) ? null : `without the message: ${shown(one.text)}`);
      },
    }),
  ),
  looking({
    area: "error-statuses",
    name: `${protocol} retry-after`,
    protocol,
    needs: "lab",
    expected: `retry-after: ${RETRY_AFTER_S}, as the upstream said`,
    breaks: "SDKs come back too early, and are refused again",
    scenario: refusing(TOO_MANY),
    stream: true,
    check: ({ headers }) => (headers["retry-after"] === RETRY_AFTER_S ? null : `retry-after ${headers["retry-after"] ?? "none"}`),
  }),
  looking({
    area: "error-statuses",
    name: `${protocol} a page of HTML`,
    protocol,
    needs: "lab",
    expected: "an error status and an error in the shape of the protocol",
    breaks: "SDKs parse error bodies as JSON, and show nothing of it",
    scenario: {
      name: "a page of HTML",
      text: "Say hello.",
      script: () => ({
        status: 502,
        headers: { "content-type": "text/html" },
        steps: ["<html><body><h1>502 Bad Gateway</h1></body></html>"],
      }),
    },
    stream: true,
    check: (one) => (one.status >= 500 ? malformed(protocol, one) : `status ${one.status}: ${shown(one.text)}`),
  }),
]);
const OVERLOADED = 529;

// ---- Errors in a stream ------------------------------------------------------------------------------------------

const LATE = { status: 500, message: "The lab broke in the middle." } as const;

function failing(name: string, steps: (seen: SeenRequest) => readonly Step[]): Scenario {
  const script: Script = (seen): Plan =>
    seen.stream ? { headers: typeOf(seen), steps: steps(seen) } : { headers: typeOf(seen), steps: [printed(errorOf(seen.protocol, LATE))] };
  return { name, text: "Answer at length.", tools: [WEATHER], script };
}

const IN_TEXT = failing("an error in the text", (seen) => [...until(seen, "text"), ...errorEvents(seen.protocol, LATE)]);
const AT_FIRST = failing("an error first", (seen) => errorEvents(seen.protocol, LATE));

const ERROR_EVENT_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol): Case[] => [
  looking({
    area: "errors-in-stream",
    name: `${protocol} in the text`,
    protocol,
    needs: "lab",
    expected: "an error event of the protocol, with the message, and no end as of a complete answer",
    breaks: "agents go on with half an answer",
    scenario: IN_TEXT,
    stream: true,
    check: (one) => {
      const came = looksComplete(one);
      if (came !== null) return came;
      return one.said.error?.message.includes(LATE.message) === true ? null : `without the message: ${shown(one.text.slice(-MOST_SHOWN))}`;
    },
  }),
  looking({
    area: "errors-in-stream",
    name: `${protocol} as the first event`,
    protocol,
    needs: "lab",
    expected: "an error status, or an error event of the protocol",
    breaks: "agents show an empty answer",
    scenario: AT_FIRST,
    stream: true,
    check: looksComplete,
  }),
  looking({
    area: "errors-in-stream",
    name: `${protocol} status 200 with an error for a body`,
    protocol,
    needs: "lab",
    expected: "an error",
    breaks: "SDKs return an answer without content, and agents crash on it",
    scenario: AT_FIRST,
    stream: false,
    check: looksComplete,
  }),
]);
const MOST_SHOWN = 200;

// ---- Finish reasons ----------------------------------------------------------------------------------------------

type Kind = "end" | "calls" | "length" | "filtered";

const FINISHES: Readonly<Record<ProtocolId, Readonly<Record<Kind, readonly string[]>>>> = {
  "openai-chat": { end: ["stop"], calls: ["tool_calls"], length: ["length"], filtered: ["content_filter"] },
  "openai-responses": {
    end: ["completed"],
    calls: ["completed"],
    length: ["max_output_tokens"],
    filtered: ["content_filter", "completed"],
  },
  "anthropic-messages": {
    end: ["end_turn"],
    calls: ["tool_use"],
    length: ["max_tokens", "model_context_window_exceeded"],
    filtered: ["refusal"],
  },
  gemini: {
    end: ["STOP"],
    calls: ["STOP"],
    length: ["MAX_TOKENS"],
    filtered: ["SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "RECITATION", "OTHER"],
  },
};
const ALL_FINISHES: Readonly<Record<ProtocolId, readonly string[]>> = {
  "openai-chat": CHAT_FINISHES,
  "openai-responses": ["completed", "max_output_tokens", "content_filter"],
  "anthropic-messages": STOP_REASONS,
  gemini: GEMINI_FINISHES,
};

interface Odd {
  readonly name: string;
  readonly upstream: ProtocolId | null;
  readonly said: Partial<ReplyContent>;
  /** Null: any word of the client's protocol. */
  readonly kind: Kind | null;
}

const CALLED = { calls: [callOf("call_1", '{"location":"Paris"}')] };
const ODD: readonly Odd[] = [
  { name: "out of tokens", upstream: null, said: { finish: "length" }, kind: "length" },
  { name: "filtered", upstream: null, said: { finish: "filtered" }, kind: "filtered" },
  { name: "stop beside calls", upstream: "openai-chat", said: { ...CALLED, word: "stop" }, kind: "calls" },
  { name: "end_turn beside calls", upstream: "anthropic-messages", said: { ...CALLED, word: "end_turn" }, kind: "calls" },
  { name: "the context is full", upstream: "anthropic-messages", said: { word: "model_context_window_exceeded" }, kind: "length" },
  { name: "RECITATION", upstream: "gemini", said: { word: "RECITATION" }, kind: "filtered" },
  { name: "a word of tomorrow, Chat", upstream: "openai-chat", said: { word: "word_of_tomorrow" }, kind: null },
  { name: "a word of tomorrow, Messages", upstream: "anthropic-messages", said: { word: "word_of_tomorrow" }, kind: null },
  { name: "a word of tomorrow, Gemini", upstream: "gemini", said: { word: "WORD_OF_TOMORROW" }, kind: null },
];

const FINISH_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol) =>
  ODD.map(({ name, upstream, said, kind }): Case => {
    const words = kind === null ? ALL_FINISHES[protocol] : FINISHES[protocol][kind];
    return looking({
      area: "finish-reasons",
      name: `${protocol} ${name}`,
      protocol,
      needs: "lab",
      expected: kind === null ? "a finish reason that the protocol has" : `finish reason ${words.join(" or ")}`,
      breaks:
        kind === "calls"
          ? "agents end their loop without running the tool"
          : "agents take half an answer for a complete one, or crash on a word they don't know",
      scenario: { name: `finish ${name}`, text: "Say six words.", tools: [WEATHER], script: (seen) => answer(seen, contentOf(said)) },
      stream: true,
      fits: (model) =>
        (upstream === null ? true : model.upstream === upstream && isForeign(model, protocol)) &&
        (kind !== null || !isOwn(model, protocol)),
      check: (one) =>
        words.includes(one.said.finish ?? "") && one.said.error === null
          ? null
          : `finish reason ${one.said.finish ?? "none"}: ${shown(one.text.slice(-MOST_SHOWN))}`,
    });
  }),
);

export const FAILURE_CASES: readonly Case[] = [...CUT_CASES, ...PING_CASES, ...STATUS_CASES, ...ERROR_EVENT_CASES, ...FINISH_CASES];
