// Tools whose schemas a target refuses: what it is sent in their place, and what comes back.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalRequest, FunctionTool, ProtocolId, ReplyEvent } from "../../src/protocol/canonical.ts";
import type { Codec } from "../../src/protocol/codec.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { fittedBy, type ToolLimits } from "../../src/protocol/fitted-tools.ts";
import { fold } from "../../src/protocol/fold.ts";
import { hash } from "../../src/protocol/tool-names.ts";
import type { Machine } from "../../src/wire/machine.ts";
import type { SseEvent } from "../../src/wire/sse.ts";
import {
  assistant,
  call,
  closed,
  delta,
  ended,
  exchange,
  opened,
  reply,
  request,
  result,
  started,
  tool,
  user,
} from "../support/canonical.ts";

const LIMITS: ToolLimits = {
  refusedAtRoot: new Set(["anyOf", "not"]),
  propertyNames: { fits: /^[a-z]{1,64}$/, rule: { unfit: /[^a-z]/, maxLength: 64 } },
};
const PLAIN = tool("plain", { schema: ' {"type":"object","properties":{"a":{}}}' });
const NAMED = tool("named", { description: "d", schema: '{"type":"object","properties":{"$a":{},"b":{}},"required":["$a"]}' });
const A = `_a_${hash("$a")}`;

/** A codec that takes note of what it is given to encode, and answers with the events that it is told. */
function spy(events: readonly ReplyEvent[] = []): { codec: Codec; encoded: CanonicalRequest[]; decoder: Machine<SseEvent, ReplyEvent> } {
  const encoded: CanonicalRequest[] = [];
  const decoder = { step: () => events, end: () => [] };
  const base = CODECS["anthropic-messages"];
  const codec: Codec = {
    ...base,
    request: {
      ...base.request,
      encode(asked) {
        encoded.push(asked);
        return { body: "", headers: {}, losses: [] };
      },
    },
    reply: { ...base.reply, decode: () => fold(events), decoder: () => decoder },
  };
  return { codec, encoded, decoder };
}

test("a request whose tools are taken as they are is encoded and decoded by the codec alone", () => {
  const told = [started(), opened(0, call("c1", "plain", "")), delta(0, "{}"), closed(0), ended()];
  const { codec, encoded, decoder } = spy(told);
  const asked = request({ tools: [PLAIN, tool("none"), tool("broken", { schema: "{" })], turns: [assistant(call("c1", "plain"))] });
  for (const limitsOf of [() => LIMITS, () => null]) {
    const fitted = fittedBy(codec, limitsOf);
    fitted.request.encode(asked);
    assert.equal(encoded.pop(), asked);
    const events = fitted.reply.decoder(exchange({ tools: asked.tools })).step({ event: null, data: "" });
    assert.equal(events, told, "the very events of the codec");
  }
  assert.equal(fittedBy(codec, () => null).reply.decoder(exchange({ tools: asked.tools })), decoder);
  assert.equal(fittedBy(codec, () => LIMITS).reply.decoder(exchange()), decoder);
});

test("names are fitted in the tool and in the calls of the history, always in the same way", () => {
  const { codec, encoded } = spy();
  const turns = (name: string) => [
    user("Hi"),
    assistant(call("c1", "named", `{"${name}":{"$a":1}}`), call("c2", "plain", '{"$a":1}')),
    user(result("c1", []), result("c2", [])),
    assistant(call("c3", "named", '{"$a', { kind: "custom" })),
  ];
  const fitted = fittedBy(codec, () => LIMITS);
  for (let turn = 0; turn < 2; turn++) fitted.request.encode(request({ tools: [PLAIN, NAMED], turns: turns("$a") }));
  const schema = `{"type":"object","properties":{"${A}":{},"b":{}},"required":["${A}"]}`;
  const expected = request({ tools: [PLAIN, { ...NAMED, schema }], turns: turns(A) });
  assert.deepEqual(encoded, [expected, expected]);
});

test("a rule that the schema cannot hold is told with the names that the model sees", () => {
  const { codec, encoded } = spy();
  const schema =
    '{"anyOf":[{"required":["$a"]},{"properties":{"$b":{}}}],"not":{"required":["$a","$b"]},"maxProperties":12345678901234567890}';
  fittedBy(codec, () => LIMITS).request.encode(request({ tools: [tool("t", { schema, description: "d" }), tool("u", { schema })] }));
  const b = `_b_${hash("$b")}`;
  const rules =
    `The arguments must match at least one of these schemas: {"required":["$a"]}; {"properties":{"${b}":{}}}.\n\n` +
    `The arguments must not match this schema: {"required":["$a","${b}"]}.`;
  const sent = `{"type":"object","maxProperties":12345678901234567890,"properties":{"${b}":{}}}`;
  assert.deepEqual(encoded[0]?.tools, [
    tool("t", { schema: sent, description: `d\n\n${rules}` }),
    tool("u", { schema: sent, description: rules }),
  ]);
});

test("the names come back in an answer, non-streaming and streaming, whichever of several calls it is", () => {
  const events = (name: string, cut: (text: string) => string[]): ReplyEvent[] => [
    started(),
    opened(0, call("c1", "named", "")),
    opened(1, call("c2", "plain", "")),
    ...cut(`{"${name}":"`).map((piece) => delta(0, piece)),
    delta(1, `{"${A}":1}`),
    ...cut(`${A}","b":1}`).map((piece) => delta(0, piece)),
    closed(0),
    closed(1),
    ended("tool-calls"),
  ];
  const tools = [PLAIN, NAMED];
  const expected = reply([call("c1", "named", `{"$a":"${A}","b":1}`), call("c2", "plain", `{"${A}":1}`)], {
    finish: { kind: "tool-calls", raw: null, stopSequence: null, explanation: null },
  });
  for (const cut of [(text: string) => [text], (text: string) => text.split("")]) {
    const { codec } = spy(events(A, cut));
    const { reply: fitted } = fittedBy(codec, () => LIMITS);
    assert.deepEqual(fitted.decode("", exchange({ tools })), expected);
    assert.deepEqual(fold(fitted.decoder(exchange({ tools })).step({ event: null, data: "" })), expected);
  }
});

test("two calls that come in turns, each cut in a name, keep apart", () => {
  const [head, tail] = [A.slice(0, 3), A.slice(3)];
  const pieces = [delta(0, `{"${head}`), delta(1, `{"b":1,"${head}`), delta(0, `${tail}":0}`), delta(1, `${tail}":{"${A}":2}}`)];
  const opening = [opened(0, call("c1", "named", "")), opened(1, call("c2", "named", ""))];
  const { codec } = spy([started(), ...opening, ...pieces, closed(1), closed(0), ended("tool-calls")]);
  const decoder = fittedBy(codec, () => LIMITS).reply.decoder(exchange({ tools: [NAMED] }));
  const { parts } = fold(decoder.step({ event: null, data: "" }));
  assert.deepEqual(parts, [call("c1", "named", '{"$a":0}'), call("c2", "named", `{"b":1,"$a":{"${A}":2}}`)]);
});

test("a call that is cut off in a name keeps what came of it", () => {
  const { codec } = spy([started(), opened(0, call("c1", "named", "")), delta(0, '{"_a'), closed(0), ended("length")]);
  const decoder = fittedBy(codec, () => LIMITS).reply.decoder(exchange({ tools: [NAMED] }));
  assert.deepEqual(decoder.step({ event: null, data: "" }), [
    started(),
    opened(0, call("c1", "named", "")),
    delta(0, "{"),
    delta(0, '"_a'),
    closed(0),
    ended("length"),
  ]);
});

// ---- Which model takes what --------------------------------------------------------------------------------------

const CHOICE: FunctionTool = tool("t", {
  schema: '{"type":"object","properties":{"$a":{"type":"string"}},"anyOf":[{"required":["$a"]},{"required":["b"]}]}',
});

const TARGETS: readonly (readonly [protocol: ProtocolId, models: readonly string[], fitted: "root" | "root and names" | "nothing"])[] = [
  ["anthropic-messages", ["claude-sonnet-5", "claude-opus-4-8", "us.anthropic.claude-haiku-4-5-v1:0"], "root and names"],
  ["anthropic-messages", ["glm-5.2"], "nothing"],
  ["openai-responses", ["gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-2024-08-06", "o1", "o3", "o3-mini", "o4-mini", "gpt-4-turbo"], "root"],
  ["openai-responses", ["gpt-5", "gpt-5-chat-latest", "gpt-5.1-codex", "gpt-5.5", "gpt-6", "grok-4"], "nothing"],
  ["openai-chat", ["gpt-4.1", "openai/gpt-4o", "chatgpt-4o-latest", "o1", "o3", "o4-mini"], "root"],
  ["openai-chat", ["gpt-5", "gpt-5-chat", "gpt-5.5", "glm-5.2", "kimi-k3", "deepseek-chat"], "nothing"],
  ["gemini", ["gemini-3.1-pro-preview"], "nothing"],
];

for (const [protocol, models, fitted] of TARGETS) {
  for (const model of models) {
    test(`${model} over ${protocol}: ${fitted} of a tool's schema is fitted`, () => {
      const { body } = CODECS[protocol].request.encode(request({ model, turns: [user("Hi")], tools: [CHOICE] }));
      // A sentence in the description has its quotes escaped.
      assert.deepEqual([body.includes('"anyOf":'), body.includes('"$a":')], [fitted === "nothing", fitted !== "root and names"]);
    });
  }
}

const AT_ROOT = { anyOf: [{}], oneOf: [{}], allOf: [{}], not: { required: ["x"] }, enum: [{ a: 1 }] };
const REFUSED: readonly (readonly [protocol: ProtocolId, model: string, keywords: readonly string[]])[] = [
  ["anthropic-messages", "claude-sonnet-5", ["anyOf", "oneOf", "allOf"]],
  ["openai-responses", "gpt-4.1", ["anyOf", "oneOf", "allOf", "not", "enum"]],
  ["openai-chat", "gpt-4.1", ["anyOf", "oneOf", "allOf", "not", "enum"]],
];
for (const [protocol, model, keywords] of REFUSED) {
  test(`${model} over ${protocol} is sent none of ${keywords.join(", ")} at a root`, () => {
    for (const [keyword, value] of Object.entries(AT_ROOT)) {
      const tools = [tool("t", { schema: JSON.stringify({ type: "object", properties: { a: {} }, [keyword]: value }) })];
      const { body } = CODECS[protocol].request.encode(request({ model, turns: [user("Hi")], tools }));
      assert.equal(body.includes(`"${keyword}":`), !keywords.includes(keyword), keyword);
    }
  });
}

test("a client of OpenAI's protocols knows what its model takes", () => {
  for (const protocol of ["openai-chat", "openai-responses"] as const) {
    const body = JSON.stringify({ model: "gpt-4.1", messages: [{ role: "user", content: "Hi" }], input: "Hi" });
    const { names } = CODECS[protocol].request.decode({ body, headers: {}, path: null });
    const encoded = CODECS[protocol].request.encode(request({ names, model: "gpt-4.1", turns: [user("Hi")], tools: [CHOICE] }));
    assert.ok(encoded.body.includes('"anyOf":'));
  }
});
