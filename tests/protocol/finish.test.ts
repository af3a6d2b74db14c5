// Why an answer ended, from every upstream to every client: each protocol's known reasons, one that nobody knows, null and none at all,
// beside nothing, a text and a tool call, streamed and not. Where both sides speak the same protocol, the bytes stay as they are.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FinishKind, ProtocolId } from "../../src/protocol/canonical.ts";
import { settle } from "../../src/protocol/finish.ts";
import { finish } from "../support/canonical.ts";
import { ask, eventsIn, MODELS, WAYS, type Way } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways } from "../support/gateway.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});

type Content = "nothing" | "text" | "call";
const CONTENTS: readonly Content[] = ["nothing", "text", "call"];
/** A kind; `failed`: the client gets an error. */
type Meaning = FinishKind | "failed";
/** An upstream's word for the end; null, and undefined for a member that is not there. */
type Reason = string | null | undefined;

/** Each protocol's table, written from its documentation. Responses: status, and the reason behind a slash. */
const REASONS: Readonly<Record<ProtocolId, Readonly<Record<string, Meaning>>>> = {
  "openai-chat": {
    stop: "end",
    eos: "end",
    eos_token: "end",
    end_turn: "end",
    stop_sequence: "end",
    length: "length",
    max_tokens: "length",
    model_length: "length",
    model_context_window_exceeded: "context-full",
    tool_calls: "tool-calls",
    tool_use: "tool-calls",
    function_call: "tool-calls",
    content_filter: "filtered",
    sensitive: "filtered",
    refusal: "filtered",
    error: "failed",
    network_error: "failed",
    insufficient_system_resource: "failed",
    abort: "failed",
  },
  "openai-responses": {
    completed: "end",
    "incomplete/max_output_tokens": "length",
    "incomplete/max_tokens": "length",
    "incomplete/content_filter": "filtered",
    "incomplete/steered": "length",
    incomplete: "length",
    failed: "failed",
    cancelled: "failed",
  },
  "anthropic-messages": {
    end_turn: "end",
    // No sequence is named.
    stop_sequence: "stop-sequence",
    tool_use: "tool-calls",
    max_tokens: "length",
    model_context_window_exceeded: "context-full",
    refusal: "filtered",
    pause_turn: "paused",
  },
  gemini: {
    STOP: "end",
    MAX_TOKENS: "length",
    SAFETY: "filtered",
    RECITATION: "filtered",
    LANGUAGE: "filtered",
    BLOCKLIST: "filtered",
    PROHIBITED_CONTENT: "filtered",
    SPII: "filtered",
    IMAGE_SAFETY: "filtered",
    IMAGE_PROHIBITED_CONTENT: "filtered",
    IMAGE_RECITATION: "filtered",
    IMAGE_OTHER: "filtered",
    CONTINUATION: "paused",
    OTHER: "other",
    NO_IMAGE: "other",
    MISSING_THOUGHT_SIGNATURE: "other",
    MALFORMED_FUNCTION_CALL: "failed",
    UNEXPECTED_TOOL_CALL: "failed",
    TOO_MANY_TOOL_CALLS: "failed",
    MALFORMED_RESPONSE: "failed",
  },
};
const UNKNOWN = "came_later";

/** What a client reads, by the meaning; null: an error. */
const READS: Readonly<Record<ProtocolId, Readonly<Record<Meaning, string | null>>>> = {
  "openai-chat": {
    end: "stop",
    "stop-sequence": "stop",
    "tool-calls": "tool_calls",
    length: "length",
    "context-full": "length",
    filtered: "content_filter",
    paused: "length",
    other: "length",
    failed: null,
  },
  "openai-responses": {
    end: "completed",
    "stop-sequence": "completed",
    "tool-calls": "completed",
    length: "incomplete/max_output_tokens",
    "context-full": "incomplete/max_output_tokens",
    filtered: "incomplete/content_filter",
    paused: "incomplete/max_output_tokens",
    other: "incomplete/max_output_tokens",
    failed: null,
  },
  "anthropic-messages": {
    end: "end_turn",
    "stop-sequence": "end_turn",
    "tool-calls": "tool_use",
    length: "max_tokens",
    "context-full": "model_context_window_exceeded",
    filtered: "refusal",
    // The gateway goes on with a paused answer until it gives up, so nobody else sees a pause.
    paused: "max_tokens",
    other: "max_tokens",
    failed: null,
  },
  gemini: {
    end: "STOP",
    "stop-sequence": "STOP",
    "tool-calls": "STOP",
    length: "MAX_TOKENS",
    "context-full": "MAX_TOKENS",
    filtered: "SAFETY",
    paused: "MAX_TOKENS",
    other: "OTHER",
    failed: null,
  },
};

interface Ending {
  readonly reason: Reason;
  readonly content: Content;
  readonly stream: boolean;
}

/** What an ending means to a client of another protocol. */
function meaningOf(protocol: ProtocolId, { reason, content, stream }: Ending): Meaning {
  if (typeof reason !== "string") {
    // The name of the last event of a Responses stream says it too.
    if (protocol === "openai-responses" && stream && reason === null) return content === "call" ? "tool-calls" : "end";
    if (stream || protocol === "gemini" || content === "nothing") return "failed";
    return content === "call" ? "tool-calls" : "other";
  }
  const known = REASONS[protocol][reason];
  if (known === undefined && protocol === "openai-responses") return "failed";
  const meaning = known ?? "other";
  if (meaning === "other" && content === "nothing") return "failed";
  if (meaning === "end" && content === "call") return "tool-calls";
  // Gemini's pauses are always followed up, and nobody but the client can go on from a call.
  if (meaning === "paused" && content === "call" && protocol === "gemini") return "tool-calls";
  return meaning === "tool-calls" && content !== "call" ? "end" : meaning;
}

const reasonsOf = (protocol: ProtocolId): readonly Reason[] => [...Object.keys(REASONS[protocol]), UNKNOWN, null, undefined];

// ---- What the upstream sends -------------------------------------------------------------------------------------

const sse = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;
const named = (data: { readonly type: string }): string => `event: ${data.type}\n${sse(data)}`;

function sent(protocol: ProtocolId, ending: Ending): string {
  return ending.stream ? streamed(protocol, ending) : JSON.stringify(complete(protocol, ending));
}

type Data = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- parsed JSON; a wrong guess fails the test

function complete(protocol: ProtocolId, { reason, content }: Pick<Ending, "reason" | "content">): Data {
  switch (protocol) {
    case "openai-chat": {
      const call = { id: "call_1", type: "function", function: { name: "ls", arguments: "{}" } };
      const message = {
        role: "assistant",
        content: content === "text" ? "Hi" : null,
        ...(content === "call" ? { tool_calls: [call] } : {}),
      };
      const choices = [{ index: 0, message, ...(reason === undefined ? {} : { finish_reason: reason }) }];
      return { id: "c1", object: "chat.completion", created: 1, model: "glm-5", choices };
    }
    case "openai-responses": {
      const [status, why] = reason?.split("/") ?? [reason];
      const output = {
        nothing: [],
        text: [{ type: "message", id: "msg_1", role: "assistant", content: [{ type: "output_text", text: "Hi", annotations: [] }] }],
        call: [{ type: "function_call", id: "fc_1", call_id: "call_1", name: "ls", arguments: "{}" }],
      }[content];
      const details = why === undefined ? {} : { incomplete_details: { reason: why } };
      return { id: "resp_1", object: "response", model: "gpt-5.5", ...(status === undefined ? {} : { status }), ...details, output };
    }
    case "anthropic-messages": {
      const blocks = {
        nothing: [],
        text: [{ type: "text", text: "Hi" }],
        call: [{ type: "tool_use", id: "call_1", name: "ls", input: {} }],
      }[content];
      const stop = reason === undefined ? {} : { stop_reason: reason };
      const usage = { input_tokens: 3, output_tokens: 2 };
      return { id: "msg_1", type: "message", role: "assistant", model: "claude-opus-4-8", content: blocks, ...stop, usage };
    }
    case "gemini": {
      const parts = { nothing: [], text: [{ text: "Hi" }], call: [{ functionCall: { name: "ls", args: {} } }] }[content];
      const held = content === "nothing" ? {} : { content: { role: "model", parts } };
      return { candidates: [{ index: 0, ...held, ...(reason === undefined ? {} : { finishReason: reason }) }], responseId: "r1" };
    }
  }
}

function streamed(protocol: ProtocolId, { reason, content }: Ending): string {
  const data = complete(protocol, { reason, content });
  switch (protocol) {
    case "openai-chat": {
      const { message, ...end } = data["choices"][0] as Data;
      const calls = (message["tool_calls"] as Data[] | undefined)?.map((call) => ({ index: 0, ...call }));
      const delta = { ...message, ...(calls === undefined ? {} : { tool_calls: calls }) };
      const chunk = (choice: object): string => sse({ ...data, object: "chat.completion.chunk", choices: [choice] });
      return `${chunk({ index: 0, delta })}${chunk({ ...end, delta: {} })}data: [DONE]\n\n`;
    }
    case "openai-responses": {
      const created = named({ type: "response.created", response: { ...data, status: "in_progress", output: [] } } as { type: string });
      const items = (data["output"] as Data[]).map((item) =>
        named({ type: "response.output_item.done", output_index: 0, item } as Data & { type: string }),
      );
      if (reason === undefined) return [created, ...items].join("");
      const status = reason === UNKNOWN ? "completed" : (reason ?? "completed").split("/")[0];
      return [created, ...items, named({ type: `response.${status}`, response: data } as { type: string })].join("");
    }
    case "anthropic-messages": {
      const { content: blocks, stop_reason: _, ...message } = data;
      const events: Data[] = [{ type: "message_start", message: { ...message, content: [], stop_reason: null } }];
      for (const block of blocks as Data[]) {
        events.push({ type: "content_block_start", index: 0, content_block: block }, { type: "content_block_stop", index: 0 });
      }
      const delta = reason === undefined ? {} : { stop_reason: reason };
      events.push({ type: "message_delta", delta, usage: { output_tokens: 2 } }, { type: "message_stop" });
      return events.map((event) => named(event as { type: string })).join("");
    }
    case "gemini": {
      const [candidate] = data["candidates"] as [Data];
      const { finishReason: _, ...first } = candidate;
      const { content: __, ...last } = candidate;
      return sse({ ...data, candidates: [first] }) + sse({ ...data, candidates: [last] });
    }
  }
}

// ---- What the client reads ---------------------------------------------------------------------------------------

/** Null where it is an error. */
function read(protocol: ProtocolId, { stream, body }: { readonly stream: boolean; readonly body: string }): string | null {
  if (!stream) return reasonIn(protocol, JSON.parse(body) as Data);
  const events = eventsIn(body)
    .filter(({ data }) => data !== "[DONE]")
    .map(({ data }) => JSON.parse(data) as Data);
  const errors = events.filter((data) => (data["error"] ?? data["response"]?.error ?? null) !== null || data["type"] === "error");
  if (errors.length > 0) return null;
  return events.map((data) => reasonIn(protocol, data["response"] ?? data["delta"] ?? data)).findLast((reason) => reason !== null) ?? null;
}

function reasonIn(protocol: ProtocolId, data: Data): string | null {
  switch (protocol) {
    case "openai-chat":
      return data["choices"]?.[0]?.finish_reason ?? null;
    case "openai-responses": {
      const why = data["incomplete_details"]?.reason;
      return data["status"] === "in_progress" ? null : why === undefined ? (data["status"] ?? null) : `${data["status"]}/${why}`;
    }
    case "anthropic-messages":
      return data["stop_reason"] ?? null;
    case "gemini":
      return data["candidates"]?.[0]?.finishReason ?? null;
  }
}

async function answered({ client, upstream: from }: Way, ending: Ending): Promise<{ status: number; body: string }> {
  const { stream } = ending;
  const headers = { "content-type": stream ? "text/event-stream" : "application/json" };
  upstream.script(() => ({ body: sent(from, ending), headers }));
  const { path, body } = ask(client, { model: MODELS[from], stream });
  const response = await gateway.call(path, { body });
  return { status: response.status, body: await response.text() };
}

for (const way of WAYS) {
  for (const stream of [false, true]) {
    const cases = CONTENTS.flatMap((content) => reasonsOf(way.upstream).map((reason): Ending => ({ reason, content, stream })));
    const isSame = way.client === way.upstream;
    test(`${way.name}, ${stream ? "streamed" : "not streamed"}: each reason to stop ${isSame ? "passes as it is" : "means the same"}`, async () => {
      const found: unknown[] = [];
      const expected: unknown[] = [];
      for (const ending of cases) {
        const { status, body } = await answered(way, ending);
        const label = `${ending.reason} beside ${ending.content}`;
        if (isSame) {
          const bytes = sent(way.upstream, ending);
          // Only what never said that it was over is a stream that was cut.
          const isCut =
            stream &&
            (way.client === "gemini"
              ? typeof ending.reason !== "string"
              : way.client === "openai-responses" && ending.reason === undefined);
          found.push([label, status, body.slice(0, bytes.length), body.length > bytes.length]);
          expected.push([label, 200, bytes, isCut]);
          continue;
        }
        const meaning = meaningOf(way.upstream, ending);
        // A stream that begins with its end has no event before the error.
        found.push([label, status === 200 ? read(way.client, { stream, body }) : `status ${status}`]);
        expected.push([label, status !== 200 && meaning === "failed" ? "status 502" : READS[way.client][meaning]]);
        assert.ok(stream || meaning !== "failed" || status === 502, `${label}: an answer that is none has the status 502, not ${status}`);
      }
      assert.deepEqual(found, expected);
    });
  }
}

test("every protocol's failures and unknown ends are among the cases", () => {
  for (const protocol of PROTOCOLS) {
    const meanings = new Set(
      CONTENTS.flatMap((content) => reasonsOf(protocol).map((reason) => meaningOf(protocol, { reason, content, stream: false }))),
    );
    assert.ok(meanings.has("failed") && meanings.has("end") && meanings.has("tool-calls"), protocol);
  }
});

test("an excerpt proves nothing about what was left out", () => {
  const excerpt = { calls: 0, parts: 0, isExcerpt: true };
  for (const reason of [finish("tool-calls", "tool_use"), finish("other", "odd"), finish("other", null)]) {
    assert.deepEqual(settle(reason, excerpt), reason);
  }
});
