// What a call used that ended before its upstream said so: output counted from what was delivered, on pass and conversion, and input guessed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { estimateInputTokens } from "../../src/gateway/input-estimate.ts";
import { conversion } from "../../src/gateway/convert.ts";
import { streamPassthrough } from "../../src/gateway/passthrough.ts";
import { BYTES_PER_TOKEN, UsageMeter, type UsageTotal } from "../../src/gateway/usage-meter.ts";
import type { Part, ProtocolId, ReplyEvent } from "../../src/protocol/canonical.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { deltaBytes, utf8Length } from "../../src/protocol/delta-text.ts";
import type { Pump } from "../../src/wire/pump.ts";
import { run } from "../../src/wire/machine.ts";
import { printSse } from "../../src/wire/sse.ts";
import { call, finish, text, usage } from "../support/canonical.ts";
import type { Way } from "../support/dialects.ts";
import { exchangeAt, exchangeFor } from "../support/laws.ts";

const utf8 = new TextEncoder();
const LIMITS = { maxEventLength: 1024 * 1024, maxReplyBytes: 64 * 1024 * 1024 };
const PROTOCOLS: readonly ProtocolId[] = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"];

function pumpOf({ client, upstream }: Way, meter: UsageMeter): Pump {
  const exchange = exchangeFor(CODECS[upstream], null);
  if (client === upstream) return streamPassthrough({ codec: CODECS[upstream], exchange, meter, limits: LIMITS });
  const decoder = CODECS[upstream].reply.decoder(exchange);
  const encoder = CODECS[client].reply.encoder(exchangeAt(CODECS[client], exchange));
  return conversion({ decoder, encoder, meter, limits: LIMITS, shown: (error) => error });
}

/** Words of many lengths, in two scripts. */
const WORDS = ["a ", "quite ", "unreasonably ", "你好，", "go; ", '"quoted"\n', "été "];
const DELTAS = Array.from({ length: 1200 }, (_, index) => WORDS[(index * 5 + Math.floor(index / 7)) % WORDS.length] ?? "");
const TEXT = DELTAS.join("");

/** What is streamed: a text, or the arguments of a call. */
const PARTS: Readonly<Record<string, Part>> = { text: text(), "a call's arguments": call("c1", "write", "") };

/** The events of an answer, a word each. */
function eventsOf(protocol: ProtocolId, part: Part): string[] {
  const words = part.type === "text" ? DELTAS : ['{"content":"', ...DELTAS.map((delta) => JSON.stringify(delta).slice(1, -1)), '"}'];
  const exchange = exchangeFor(CODECS[protocol], null);
  const encoder = CODECS[protocol].reply.encoder(exchangeAt(CODECS[protocol], exchange));
  const events: ReplyEvent[] = [
    { type: "reply-start", id: "r1", model: "m" },
    { type: "part-start", index: 0, part },
    ...words.map((word): ReplyEvent => ({ type: "part-delta", index: 0, text: word })),
    { type: "part-end", index: 0, proof: null },
    { type: "usage", usage: usage({ inputTokens: 12, outputTokens: 7 }) },
    { type: "reply-end", finish: finish() },
  ];
  return run(encoder, events).map(printSse);
}

interface Cut {
  readonly total: UsageTotal;
  /** UTF-8 bytes that came to the client. */
  readonly deliveredBytes: number;
  readonly allBytes: number;
}

/** The client takes this share of the events, in chunks of so many, and leaves. */
function cutAt(way: Way, part: Part, { share, chunk }: { readonly share: number; readonly chunk: number }): Cut {
  const events = eventsOf(way.upstream, part);
  const taken = events.slice(0, Math.ceil(events.length * share));
  const meter = new UsageMeter();
  const pump = pumpOf(way, meter);
  for (let at = 0; at < taken.length; at += chunk) pump.step(utf8.encode(taken.slice(at, at + chunk).join("")));
  pump.left?.();
  const bytesIn = (some: readonly string[]): number =>
    some.flatMap((event) => /^data: (.*)$/m.exec(event)?.[1] ?? []).reduce((sum, data) => sum + deltaBytes(data), 0);
  return { total: meter.total(), deliveredBytes: bytesIn(taken), allBytes: bytesIn(events) };
}

for (const protocol of PROTOCOLS) {
  for (const client of [protocol, protocol === "openai-chat" ? "anthropic-messages" : "openai-chat"] as const) {
    for (const [what, part] of Object.entries(PARTS)) {
      // Gemini's calls come whole.
      if (protocol === "gemini" && part.type !== "text") continue;
      test(`${what} of a cancelled ${protocol} stream to a ${client} client is counted as far as it came`, () => {
        for (const share of [0.05, 0.3, 0.7]) {
          for (const chunk of [1, 7]) {
            const { total, deliveredBytes, allBytes } = cutAt({ name: "", client, upstream: protocol }, part, { share, chunk });
            const output = total.usage?.outputTokens ?? 0;
            const expected = deliveredBytes / BYTES_PER_TOKEN;
            const where = `${share} of it, ${chunk} events at a time: ${output} for ${expected}`;
            assert.ok(Math.abs(output - expected) <= 0.2 * expected + 2, where);
            assert.ok(output > 0 && output <= Math.ceil(allBytes / BYTES_PER_TOKEN), where);
          }
        }
      });
    }
  }
}

test("an answer that is complete has the usage that its upstream said", () => {
  for (const protocol of PROTOCOLS) {
    const events = eventsOf(protocol, text());
    const meter = new UsageMeter();
    const pump = pumpOf({ name: "", client: protocol, upstream: protocol }, meter);
    for (const event of events) pump.step(utf8.encode(event));
    pump.end();
    assert.deepEqual([meter.total().source, meter.total().usage], ["upstream", meter.usage]);
    assert.notEqual(meter.usage?.outputTokens, null);
  }
});

test("counts that nobody can add up are none, or the next that can be", () => {
  const meter = new UsageMeter();
  meter.see({ type: "usage", usage: usage({ inputTokens: -5, cacheReadTokens: 1.5, cacheWriteTokens: Number.NaN, outputTokens: 1e19 }) });
  meter.see({ type: "reply-end", finish: finish() });
  assert.deepEqual(meter.total(), {
    usage: usage({ inputTokens: null, cacheReadTokens: 2, cacheWriteTokens: null, outputTokens: 1e9 }),
    source: "upstream",
  });
});

test("a complete Chat answer whose client asked for no usage is counted", () => {
  const events = eventsOf("openai-chat", text()).filter((event) => !event.includes('"prompt_tokens"'));
  const meter = new UsageMeter();
  const pump = pumpOf({ name: "", client: "openai-chat", upstream: "openai-chat" }, meter);
  for (const event of events) pump.step(utf8.encode(event));
  pump.end();
  const { usage: counted, source } = meter.total();
  const expected = utf8Length(TEXT) / BYTES_PER_TOKEN;
  assert.equal(source, "counted");
  assert.ok(Math.abs((counted?.outputTokens ?? 0) - expected) < 0.2 * expected, `${counted?.outputTokens} for ${expected}`);
});

test("a text's length in UTF-8 is counted without encoding it", () => {
  for (const some of ["", "abc", "été", "你好", "a😀b", TEXT]) assert.equal(utf8Length(some), utf8.encode(some).length);
});

test("a request is guessed at a token for four characters, and a picture at one of a usual size", () => {
  const words = "word ".repeat(20_000);
  assert.equal(estimateInputTokens(words), 25_000);
  const picture = `{"url":"data:image/png;base64,${"A".repeat(400_000)}"}`;
  assert.equal(estimateInputTokens(picture + picture), 3000 + Math.ceil((2 * '{"url":"data:image/png;base64,"}'.length) / 4));
  assert.equal(estimateInputTokens(`${words};base64,${words}`), 25_002 + 1500);
});
