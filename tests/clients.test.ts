// The official clients, as their users use them, against the listening program: each client x each upstream protocol x each scenario.
// The upstream is the scripted one, which refuses what a strict provider refuses. Whole values are compared: what the user's code got,
// what the upstream was sent, what was lost. What can't apply stands in clients/exceptions.ts with its reason.
// `CLIENT_TABLE=1` prints client x upstream x scenario at the end.

import assert from "node:assert/strict";
import process from "node:process";
import { after, test } from "node:test";
import type { ProtocolId } from "../src/protocol/canonical.ts";
import type { Client, Conversation, Failure, Mode, Place, Told, ToldCall } from "./support/clients/client.ts";
import { CLIENTS } from "./support/clients/clients.ts";
import { exceptionFor, unusedExceptions, type Case } from "./support/clients/exceptions.ts";
import { SCENARIOS, type Outcome, type Scenario, type Step } from "./support/clients/scenarios.ts";
import { sentIn } from "./support/clients/sent.ts";
import { clientTable, note } from "./support/clients/table.ts";
import { startGateway, until, type LogLine } from "./support/gateway.ts";
import { PROOF_MARKS } from "./support/wire-reply.ts";
import type { Seen } from "./support/upstream.ts";

const gateway = await startGateway();
after(async () => {
  await gateway.stop();
  if (process.env["CLIENT_TABLE"] !== undefined) console.log(clientTable());
});

const MODELS: Readonly<Record<ProtocolId, string>> = {
  "anthropic-messages": "claude-haiku-4-5-20251001",
  "openai-responses": "gpt-5.2",
  "openai-chat": "glm-4.6",
  gemini: "gemini-2.5-pro",
};
const UPSTREAMS = Object.keys(MODELS) as ProtocolId[];

function placeOf(upstream: ProtocolId): Place {
  return { url: gateway.url, key: gateway.key, model: MODELS[upstream] };
}

/** A test of a client, an upstream and a scenario in one mode, unless it can't apply. */
function scenarioTest(name: string, at: Omit<Case, "scenario">, run: () => Promise<void>): void {
  const where: Case = { ...at, scenario: name };
  const exception = exceptionFor(where);
  if (exception?.applies === false) {
    note(where, `-: ${exception.reason}`);
    return;
  }
  test(`${at.client.name} -> ${at.upstream}: ${name}, ${at.mode}`, async () => {
    gateway.upstream.script(() => null);
    note(where, "FAIL");
    await run();
    note(where, exception === null ? "ok" : `ok: ${exception.reason}`);
  });
}

function seenSince(count: number): readonly Seen[] {
  return gateway.upstream.requests.slice(count);
}

// ---- Conversations -----------------------------------------------------------------------------------------------

for (const client of CLIENTS) {
  for (const upstream of UPSTREAMS) {
    for (const scenario of SCENARIOS) {
      for (const mode of scenario.modes.filter((one) => client.modes.includes(one))) {
        scenarioTest(scenario.name, { client, upstream, mode }, () => converse(scenario, { client, upstream, mode }));
      }
    }
  }
}

interface Pairing {
  readonly client: Client;
  readonly upstream: ProtocolId;
  readonly mode: Mode;
}

async function converse(scenario: Scenario, pairing: Pairing): Promise<void> {
  const { client, upstream, mode } = pairing;
  const exception = exceptionFor({ ...pairing, scenario: scenario.name });
  const before = gateway.upstream.requests.length;
  const conversation = client.start(placeOf(upstream), scenario.settings);
  for (const [index, step] of scenario.steps.entries()) {
    const otherwise = { ...exception, ...exception?.steps?.[index] };
    const lines = gateway.lines.length;
    const told = await take(step, conversation, mode);
    const outcome = typeof step.outcome === "function" ? step.outcome(upstream) : step.outcome;
    assert.deepEqual(told, expected({ ...outcome, ...otherwise.outcome }, told, pairing));
    await until(() => gateway.lines.length > lines, "the log line of the call");
    const line = gateway.lines.at(-1);
    assert.deepEqual([line?.["event"], line?.["error"], line?.["dropped"] ?? []], ["request", undefined, otherwise.dropped ?? []]);
  }
  const seen = seenSince(before);
  assert.equal(seen.length, scenario.steps.length);
  const last = seen.at(-1);
  if (last === undefined) return;
  const sent = sentIn(last);
  const wanted = { ...scenario.sent, ...exception?.sent };
  assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((key) => [key, sent[key as keyof typeof sent]])), wanted);
  if (scenario.keepsReasoning === true && exception?.keepsReasoning !== false) assert.ok(last.body.includes(proofOf(upstream)), last.body);
}

function take(step: Step, conversation: Conversation, mode: Mode): Promise<Told> {
  return "say" in step ? conversation.say(step.say, { mode }) : conversation.answer(step.answer, { mode });
}

/** What the proof of the upstream's reasoning looks like in its own request; Chat's reasoning goes back as it is. */
function proofOf(upstream: ProtocolId): string {
  switch (upstream) {
    case "anthropic-messages":
      return PROOF_MARKS.anthropic;
    case "openai-responses":
      return PROOF_MARKS.openai;
    case "gemini":
      // In base64, cut to whole groups of three bytes.
      return btoa(PROOF_MARKS.google).slice(0, 16);
    case "openai-chat":
      return "I should think about that first.";
  }
}

/** What the user's code should have got, in the words of its SDK. */
function expected(outcome: Outcome, told: Told, { client, upstream, mode }: Pairing): Told {
  const { words } = client;
  const knowsStop = outcome.finish === "stop-sequence" && outcome.stopSequence !== undefined && namesStop(upstream);
  const finish = outcome.finish === "stop-sequence" && !knowsStop ? words.finish.end : words.finish[outcome.finish];
  const showsSequence = knowsStop && client.name.startsWith("anthropic ");
  const text = outcome.text ?? "";
  return {
    text,
    pieces: mode === "whole" ? null : text.startsWith("{") ? piecesOfJson(told) : (text.match(/\S+\s*/g) ?? []),
    reasoning: outcome.reasoning ?? "",
    calls: (outcome.calls ?? []).map((call, index) => expectedCall(call, told.calls[index], [client.protocol, upstream])),
    finish: showsSequence ? `${finish}: ${outcome.stopSequence}` : finish,
    usage: words.usage(outcome.counts),
  };
}

/** Whether an upstream says which stop sequence ended its answer; for Responses the gateway finds it itself. */
function namesStop(upstream: ProtocolId): boolean {
  return upstream === "anthropic-messages" || upstream === "openai-responses";
}

/** How JSON is cut into pieces depends on how the upstream was made to write it. */
function piecesOfJson({ text, pieces }: Told): Told["pieces"] {
  return pieces !== null && pieces.length > 0 && pieces.join("") === text ? pieces : ["pieces that make up the text"];
}

type ScriptedCall = NonNullable<Outcome["calls"]>[number];

function expectedCall(call: ScriptedCall, told: ToldCall | undefined, protocols: readonly ProtocolId[]): ToldCall {
  const middle = Math.ceil(call.arguments.length / 2);
  // Gemini's calls come whole.
  const pieces = protocols.includes("gemini") ? [call.arguments] : [call.arguments.slice(0, middle), call.arguments.slice(middle)];
  return {
    name: call.name,
    input: JSON.parse(call.arguments),
    text: told?.text === null ? null : call.arguments,
    pieces: told?.pieces === null ? null : pieces,
  };
}

// ---- Errors ------------------------------------------------------------------------------------------------------

const WRONG_KEY =
  "Wrong API key: send a client key of this server (one listed in PROXY_API_KEY or made with `factory-proxy keys add`) as `Authorization: Bearer <key>` or in your client's own key header.";
const QUESTION = [{ type: "text", text: "Hello there" }] as const;

/** What the SDK threw. */
async function failureOf(client: Client, act: () => Promise<unknown>): Promise<Failure> {
  try {
    await act();
  } catch (error) {
    return client.failure(error);
  }
  return assert.fail("The call should have failed.");
}

for (const client of CLIENTS) {
  for (const upstream of UPSTREAMS) {
    for (const mode of client.modes) {
      const pairing = { client, upstream, mode };
      const { errors, errorHeaders } = client.words;

      scenarioTest("401", pairing, async () => {
        const before = gateway.upstream.requests.length;
        const stranger = client.start({ ...placeOf(upstream), key: "a-key-that-nobody-gave-out" }, {});
        assert.deepEqual(await failureOf(client, () => stranger.say(QUESTION, { mode })), {
          type: errors[401],
          status: 401,
          message: WRONG_KEY,
          retryAfter: null,
        });
        assert.equal(seenSince(before).length, 0);
      });

      scenarioTest("404", pairing, async () => {
        gateway.upstream.script([{ error: { status: 404, message: "The model does not exist." } }]);
        const conversation = client.start(placeOf(upstream), {});
        const failure = { type: errors[404], status: 404, message: "The model does not exist.", retryAfter: null };
        assert.deepEqual(await failureOf(client, () => conversation.say(QUESTION, { mode })), failure);
      });

      scenarioTest("429", pairing, async () => {
        const error = { status: 429, message: "Slow down, please.", code: "rate_limit_exceeded" };
        gateway.upstream.script([{ error, headers: { "retry-after": "7" } }]);
        const conversation = client.start(placeOf(upstream), {});
        const failure = { type: errors[429], status: 429, message: "Slow down, please.", retryAfter: errorHeaders ? "7" : null };
        assert.deepEqual(await failureOf(client, () => conversation.say(QUESTION, { mode })), failure);
      });

      scenarioTest("429, tried again", pairing, async () => {
        const before = gateway.upstream.requests.length;
        const error = { status: 429, message: "Slow down, please.", code: "rate_limit_exceeded" };
        gateway.upstream.script([{ error, headers: { "retry-after": "1", "retry-after-ms": "5" } }]);
        const told = await client.start(placeOf(upstream), { retries: 1 }).say(QUESTION, { mode });
        assert.equal(told.text, "You said: Hello there");
        assert.equal(seenSince(before).length, 2);
      });

      if (mode === "whole") continue;

      scenarioTest("an error in mid-stream", pairing, async () => {
        gateway.upstream.script([{ fail: { afterEvents: EVENTS_UP_TO_TEXT[upstream], message: "The model fell over." } }]);
        const pieces: string[] = [];
        const conversation = client.start(placeOf(upstream), {});
        const failure = await failureOf(client, () => conversation.say(QUESTION, { mode, onText: (piece) => pieces.push(piece) }));
        assert.match(failure.message ?? "", /The model fell over\./);
        assert.deepEqual(pieces, ["You "]);
      });

      scenarioTest("an end in mid-stream", pairing, async () => {
        gateway.upstream.script([{ cut: { after: { events: EVENTS_UP_TO_TEXT[upstream] }, how: "end" } }]);
        const pieces: string[] = [];
        const conversation = client.start(placeOf(upstream), {});
        const failure = await failureOf(client, () => conversation.say(QUESTION, { mode, onText: (piece) => pieces.push(piece) }));
        assert.match(failure.message ?? "", /The upstream ended the stream before the answer was complete\./);
        assert.deepEqual(pieces, ["You "]);
      });

      scenarioTest("abort in mid-stream", pairing, async () => {
        gateway.upstream.script([{ hang: { afterEvents: EVENTS_UP_TO_TEXT[upstream] } }]);
        const controller = new AbortController();
        const pieces: string[] = [];
        const how = {
          mode,
          signal: controller.signal,
          onText: (piece: string): void => {
            pieces.push(piece);
            controller.abort();
          },
        };
        const lines = gateway.lines.length;
        await assert.rejects(client.start(placeOf(upstream), {}).say(QUESTION, how));
        assert.deepEqual(pieces, ["You "]);
        await until(() => gateway.lastSeen().leftAtMs !== null, "the upstream to see the connection close");
        // The line of a call before may come late, when its client left at the error.
        const line = (): LogLine | undefined => gateway.lines.slice(lines).find(({ error }) => error === "cancelled");
        await until(() => line() !== undefined, "the log line of the call");
        assert.equal(line()?.["status"], 499);
      });
    }
  }
}

test("every exception fits a client, an upstream and a scenario", () => {
  assert.deepEqual(unusedExceptions(), []);
});

/** How many events of an answer have come when its first piece of text has. */
const EVENTS_UP_TO_TEXT: Readonly<Record<ProtocolId, number>> = {
  "anthropic-messages": 4,
  "openai-responses": 5,
  "openai-chat": 2,
  gemini: 1,
};
