// Laws that hold for whatever comes: generated conversations, answers and streams, through every pair of protocols.
// A failure prints its seed and path, and the smallest case that still fails. `PROPERTY_SEED=<number>` tries other cases,
// `PROPERTY_RUNS=<number>` more of them.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import fc, { type Arbitrary } from "fast-check";
import { GatewayError } from "../src/errors.ts";
import { CODECS } from "../src/protocol/codecs.ts";
import { fold, grammar, inOrder, unfold } from "../src/protocol/fold.ts";
import type { Exchange } from "../src/protocol/codec.ts";
import type { Reply } from "../src/protocol/canonical.ts";
import { chain, run } from "../src/wire/machine.ts";
import { sseDecoder } from "../src/wire/sse.ts";
import { pieces, replyOf, streamed, streaming, toolsCalledBy } from "./support/arbitrary-replies.ts";
import { request } from "./support/arbitrary-requests.ts";
import { jsonObject, record } from "./support/arbitrary-texts.ts";
import { PROTOCOLS } from "./support/fixtures.ts";
import { decodeStream, editsAreExact, encodeStream, exchangeAt, exchangeFor, SSE_LIMITS, sseEvents } from "./support/laws.ts";
import { TARGET_MODELS } from "./support/losses.ts";
import { asSentBy, asToldBy, breakArrives, namedBy, replyArrives, requestIsTaken, sealsComeOff, type Pair } from "./support/pair-laws.ts";
import { objectOf, objectsOf } from "./support/reading.ts";

const SEED = Number(process.env["PROPERTY_SEED"] ?? 20_261_122);
const RUNS = Number(process.env["PROPERTY_RUNS"] ?? 20);

/** Registers a law as a test. */
function law<Values extends [unknown, ...unknown[]]>(
  name: string,
  cases: { [Key in keyof Values]: Arbitrary<Values[Key]> },
  holds: (...values: Values) => void,
): void {
  test(name, () => fc.assert(fc.property<Values>(...cases, holds), { seed: SEED, numRuns: RUNS }));
}

const PAIRS: readonly Pair[] = PROTOCOLS.flatMap((from) => PROTOCOLS.map((to) => ({ from, to })));

/** The call that a reply answers: its tools were declared. */
function exchangeOf({ from }: Pair, reply: Reply): Exchange {
  const exchange = exchangeFor(CODECS[from], null);
  return { ...exchange, request: { ...exchange.request, tools: toolsCalledBy(reply) } };
}

/** Only OpenAI's clients have tools of free text. */
function clientOf({ to }: Pair): { custom: boolean } {
  return { custom: to === "openai-chat" || to === "openai-responses" };
}

// ---- Requests ----------------------------------------------------------------------------------------------------

for (const { from, to } of PAIRS) {
  law(
    `${from} -> ${to}: a strict provider takes any request, and reads in it what it reads when it is sent again`,
    [request, fc.constantFrom(...TARGET_MODELS[to]), fc.boolean()],
    (made, model, isPlain) => {
      // As this protocol's client can say it; or in its names alone, as a decoder may one day make it.
      const asked = isPlain && from !== to ? namedBy(from, made) : asSentBy(from, made);
      requestIsTaken({ ...asked, model }, to);
    },
  );
}

for (const protocol of PROTOCOLS) {
  const codec = CODECS[protocol];
  law(`${protocol}: the named edits of any body touch nothing but what they name`, [request], (made) => {
    const { body, headers } = codec.request.encode(asSentBy(protocol, { ...made, model: "some-model" }));
    editsAreExact(codec, { body, headers, path: protocol === "gemini" ? { model: "some-model", stream: made.stream } : null });
  });
}

for (const { from, to } of PAIRS) {
  if (from === to) continue;
  law(
    `${from} -> ${to} -> back: what another vendor answered goes to the client's own vendor without its seals`,
    [replyOf(from, { custom: false })],
    (reply) => {
      sealsComeOff(reply, { from, to });
    },
  );
}

// ---- Answers -----------------------------------------------------------------------------------------------------

for (const pair of PAIRS) {
  const { from, to } = pair;
  law(
    `${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream`,
    [replyOf(from, clientOf(pair)), streaming, fc.boolean()],
    (reply, how, isTold) => {
      const exchange = exchangeOf(pair, reply);
      replyArrives(isTold ? asToldBy(from, { reply, exchange }) : streamed(reply, how), pair, exchange);
    },
  );

  law(
    `${from} -> ${to}: an answer that breaks off anywhere is an error for the client, and nothing comes after it`,
    [replyOf(from, clientOf(pair)), streaming, fc.nat()],
    (reply, how, at) => {
      const events = streamed(reply, how);
      const kept = events.slice(0, 1 + (at % (events.length - 1)));
      const error = new GatewayError("upstream-failed", "The upstream broke off.");
      breakArrives([...kept, { type: "reply-error", error }], to, exchangeOf(pair, reply));
    },
  );
}

for (const from of PROTOCOLS) {
  const custom = { custom: true };
  law(
    `${from}: a whole answer is the fold of its events, however they are cut and interleaved`,
    [replyOf(from, custom), streaming],
    (reply, how) => {
      const events = run(grammar(), streamed(reply, how));
      assert.deepEqual(fold(unfold(reply)), reply);
      assert.deepEqual(fold(events), reply);
      assert.deepEqual(fold(run(chain(inOrder(), oneAtATime()), events)), reply);
    },
  );
}

/** Passes events on that have one part open at a time. */
function oneAtATime(): ReturnType<typeof grammar> {
  const strict = grammar();
  let open: number | null = null;
  return {
    step(event) {
      if (event.type === "part-start") {
        assert.equal(open, null, `part ${event.index} starts while part ${open} is open`);
        open = event.index;
      } else if ("index" in event) {
        assert.equal(event.index, open, `${event.type} of part ${event.index} while part ${open} is open`);
        if (event.type === "part-end") open = null;
      }
      return strict.step(event);
    },
    end: () => strict.end(),
  };
}

// ---- Server-sent events ------------------------------------------------------------------------------------------

interface Framing {
  readonly lineEnd: string;
  readonly mark: string;
  /** Put in front of every event; clients of the standard ignore them. */
  readonly noise: string;
  readonly cuts: readonly number[];
}

const framing = record<Framing>({
  lineEnd: fc.constantFrom("\n", "\r\n", "\r"),
  mark: fc.constantFrom("", "\uFEFF"),
  noise: fc.constantFrom("", ": ping\n\n", ":\n", "id: 7\nretry: 10\n", "nothing\n\n\n"),
  cuts: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
});

for (const protocol of PROTOCOLS) {
  const codec = CODECS[protocol];
  law(
    `${protocol}: a stream means the same wherever its bytes are cut`,
    [replyOf(protocol, { custom: false }), streaming, framing],
    (reply, how, frame) => {
      const exchange = exchangeAt(codec, exchangeOf({ from: protocol, to: protocol }, reply));
      const plain = encodeStream(codec, streamed(reply, how), exchange);
      const expected = decodeStream(codec, sseEvents(plain), exchange);
      const noisy = plain
        .split("\n\n")
        .slice(0, -1)
        .map((block) => `${frame.noise}${block}\n\n`)
        .join("");
      const bytes = new TextEncoder().encode(frame.mark + noisy.replaceAll("\n", frame.lineEnd));
      const chunks: Uint8Array[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const length = frame.cuts[turn % frame.cuts.length] ?? 1;
        chunks.push(bytes.subarray(at, at + length));
        at += length;
      }
      assert.deepEqual(run(chain(sseDecoder(SSE_LIMITS), codec.reply.decoder(exchange)), chunks), expected);
    },
  );
}

// ---- Parallel calls of Chat --------------------------------------------------------------------------------------

interface ChatCall {
  readonly name: string;
  readonly arguments: string;
}

/** A Chat stream whose calls take turns, as `order` says: the indices of calls, read round and round. */
function chatStream(
  calls: readonly ChatCall[],
  { cuts, order }: { readonly cuts: readonly number[]; readonly order: readonly number[] },
): string {
  const chunk = (delta: object, finish: string | null = null): string =>
    `data: ${JSON.stringify({ id: "chatcmpl-1", model: "glm-5", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const waiting = calls.map((call, index) => [
    { index, id: `call_${index}`, type: "function", function: { name: call.name, arguments: "" } },
    ...pieces(call.arguments, cuts).map((piece) => ({ index, function: { arguments: piece } })),
  ]);
  let told = chunk({ role: "assistant", content: "" }) + chunk({ content: "So:" });
  for (let turn = 0; waiting.some((rest) => rest.length > 0); turn++) {
    // A call starts when all calls before it have started.
    const wanted = (order[turn % order.length] ?? 0) % calls.length;
    const unstarted = waiting.findIndex((rest, index) => rest.length > pieces(calls[index]?.arguments ?? "", cuts).length);
    const index =
      unstarted !== -1 && unstarted < wanted
        ? unstarted
        : waiting[wanted]?.length === 0
          ? waiting.findIndex((rest) => rest.length > 0)
          : wanted;
    const call = waiting[index]?.shift();
    if (call !== undefined) told += chunk({ tool_calls: [call] });
  }
  return `${told + chunk({}, "tool_calls")}data: [DONE]\n\n`;
}

const chatCalls = fc.array(record<ChatCall>({ name: fc.constantFrom("look", "dive", "swim"), arguments: jsonObject }), {
  minLength: 2,
  maxLength: 4,
});
const turns = record<{ cuts: number[]; order: number[] }>({
  cuts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
  order: fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }),
});

/** Name and arguments of each call in a stream for the client, in the order of its blocks or items. */
const HEARD = {
  "anthropic-messages": (events: readonly object[]): ChatCall[] => {
    const blocks = events.map(objectOf).filter(({ type }) => type === "content_block_start");
    return blocks
      .filter((start) => objectOf(start["content_block"])["type"] === "tool_use")
      .map((start) => ({
        name: String(objectOf(start["content_block"])["name"]),
        arguments: events
          .map(objectOf)
          .filter((event) => event["type"] === "content_block_delta" && event["index"] === start["index"])
          .map((event) => String(objectOf(event["delta"])["partial_json"]))
          .join(""),
      }));
  },
  "openai-responses": (events: readonly object[]): ChatCall[] => {
    const last = objectOf(objectOf(events.at(-1))["response"]);
    return objectsOf(last["output"])
      .filter((item) => item["type"] === "function_call")
      .map((item) => ({ name: String(item["name"]), arguments: String(item["arguments"]) }));
  },
} as const;

for (const to of ["anthropic-messages", "openai-responses"] as const) {
  law(
    `openai-chat -> ${to}: calls whose arguments interleave come out whole, in order, one after the other`,
    [chatCalls, turns],
    (calls, how) => {
      const chat = CODECS["openai-chat"];
      const exchange = exchangeFor(chat, null);
      const events = decodeStream(chat, sseEvents(chatStream(calls, how)), exchange);
      const stream = encodeStream(CODECS[to], events, exchangeAt(CODECS[to], exchange));
      const heard = HEARD[to](sseEvents(stream).map(({ data }) => JSON.parse(data) as object));
      assert.deepEqual(heard, calls);
    },
  );
}
