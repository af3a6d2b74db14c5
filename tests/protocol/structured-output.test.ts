// Answers by a JSON schema where the model takes none, or only one that describes an object: what is sent, and what the client reads.
// Each answer is read whole and streamed, and both say the same.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { CanonicalRequest, FinishReason, Part, Tool, ToolChoice } from "../../src/protocol/canonical.ts";
import type { Exchange } from "../../src/protocol/codec.ts";
import { CODECS, codecOf } from "../../src/protocol/codecs.ts";
import { fold } from "../../src/protocol/fold.ts";
import { objectSchema } from "../../src/protocol/structured-output.ts";
import { call, finish as ending, reasoning, request, text, tool, user } from "../support/canonical.ts";
import { ask, SUCCESS, textOf, told } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateway } from "../support/gateway.ts";
import { decodeStream, sseEvents } from "../support/laws.ts";
import { complete, type ReplyCall, type ReplyContent } from "../support/reply-content.ts";
import { encodeReply } from "../support/wire-reply.ts";

const POINT = '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}';
const LIST = '{"type":"array","items":{"type":"integer"}}';

const gateway = await startGateway({
  modelTable: JSON.stringify({ models: [{ id: "glm-5", schema: "tool" }] }),
});
after(() => gateway.stop());

// ---- What is sent ------------------------------------------------------------------------------------------------

const look = tool("look", { schema: '{"type":"object","properties":{}}' });

function asking(model: string, schema: string, more: Partial<CanonicalRequest> = {}): CanonicalRequest {
  const output = { type: "json-schema", name: "point", description: null, schema, strict: null } as const;
  return request({ model, turns: [user("Hi")], output, ...more });
}

const CHAT_BY_TOOL = codecOf({ protocol: "openai-chat", schema: "tool" });
const MESSAGES = [{ role: "user", content: "Hi" }];
const JSON_TOOL = {
  type: "function",
  function: { name: "json", description: "Gives the answer. Call it to answer.", parameters: JSON.parse(POINT) as object },
};
const LOOK_TOOL = { type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } };

const CHOICES: readonly (readonly [string, Partial<CanonicalRequest>, object])[] = [
  ["alone it has to be called", {}, { tools: [JSON_TOOL], tool_choice: { type: "function", function: { name: "json" } } }],
  [
    "beside the client's own tools one of all has to be called, several at once as the client allows",
    { tools: [look], parallelToolCalls: true },
    { tools: [LOOK_TOOL, JSON_TOOL], tool_choice: "required", parallel_tool_calls: true },
  ],
  [
    "where the client's tools are not to be called, it is",
    { tools: [look], toolChoice: { type: "none" } },
    { tools: [LOOK_TOOL, JSON_TOOL], tool_choice: { type: "function", function: { name: "json" } } },
  ],
  [
    "a choice of some becomes one of those or the answer",
    { tools: [look, { ...look, name: "other" }], toolChoice: { type: "subset", names: ["look"], required: false } },
    { tools: [LOOK_TOOL, JSON_TOOL], tool_choice: "required" },
  ],
  [
    "a tool of the client's that has its name keeps it",
    { tools: [{ ...look, name: "json" }] },
    {
      tools: [
        { type: "function", function: { ...LOOK_TOOL.function, name: "json" } },
        { type: "function", function: { ...JSON_TOOL.function, name: "answer_as_json" } },
      ],
      tool_choice: "required",
    },
  ],
];

for (const [what, more, members] of CHOICES) {
  test(`the tool that stands in for a schema: ${what}`, () => {
    const { body, losses } = CHAT_BY_TOOL.request.encode(asking("glm-5", POINT, more));
    const narrowed = { field: "toolChoice", severity: "reported" };
    assert.deepEqual(JSON.parse(body), { model: "glm-5", messages: MESSAGES, ...members });
    assert.deepEqual(
      losses.map(({ field, severity }) => ({ field, severity })),
      more.toolChoice?.type === "subset" ? [narrowed] : [],
    );
  });
}

const DEMANDS: readonly ToolChoice[] = [
  { type: "required" },
  { type: "named", name: "look" },
  { type: "subset", names: ["look"], required: true },
];

for (const toolChoice of DEMANDS) {
  test(`where a tool has to be called (${toolChoice.type}) no tool stands in for a schema, and the client is told`, () => {
    const plain = CHAT_BY_TOOL.request.encode(asking("glm-5", POINT, { tools: [look], toolChoice, output: null }));
    const { body, losses } = CHAT_BY_TOOL.request.encode(asking("glm-5", POINT, { tools: [look], toolChoice }));
    assert.equal(body, plain.body);
    const reason = "A tool call is required, so the answer is a call; this model accepts no schema for text beside it.";
    assert.deepEqual(losses, [{ field: "output", severity: "reported", reason }]);
  });
}

test("a Gemini model that takes functions or a format, not both, answers by a function beside the client's", () => {
  const { body, losses } = CODECS.gemini.request.encode(asking("gemini-2.5-flash", POINT, { tools: [look] }));
  assert.deepEqual(
    [JSON.parse(body), losses],
    [
      {
        model: "gemini-2.5-flash",
        contents: [{ role: "user", parts: [{ text: "Hi" }] }],
        tools: [
          {
            functionDeclarations: [
              { name: "look" },
              { name: "json", description: "Gives the answer. Call it to answer.", parametersJsonSchema: JSON.parse(POINT) as object },
            ],
          },
        ],
        toolConfig: { functionCallingConfig: { mode: "ANY" } },
      },
      [],
    ],
  );
});

const WRAPPED = { type: "object", properties: { answer: JSON.parse(LIST) as object }, required: ["answer"], additionalProperties: false };

test("a list becomes a member of an object where OpenAI's format takes objects alone", () => {
  const responses = CODECS["openai-responses"].request.encode(asking("gpt-5.2", LIST));
  const chat = CODECS["openai-chat"].request.encode(asking("glm-5", LIST));
  assert.deepEqual(JSON.parse(responses.body).text, { format: { type: "json_schema", name: "point", schema: WRAPPED, strict: true } });
  assert.deepEqual(JSON.parse(chat.body).response_format, { type: "json_schema", json_schema: { name: "point", schema: WRAPPED } });
});

test("OpenAI's own clients get their schema sent as it is", () => {
  for (const protocol of ["openai-responses", "openai-chat"] as const) {
    const format = { type: "json_schema", name: "l", schema: JSON.parse(LIST) as object };
    const more = protocol === "openai-chat" ? { response_format: { type: "json_schema", json_schema: format } } : { text: { format } };
    const codec = CODECS[protocol];
    const { path, body } = ask(protocol, { model: "gpt-5.2", more });
    const asked = codec.request.decode({ body: JSON.stringify(body), headers: {}, path: null });
    assert.ok(codec.request.encode(asked).body.includes(`"schema":${LIST}`), path);
  }
});

const SCHEMAS: readonly (readonly [string, string, string, boolean])[] = [
  ["an object's stays as it was written", '{ "type": "object", "properties": {"a": {"maximum": 18446744073709551615}} }', "", false],
  ["one that does not say so is told to", '{"properties":{"a":{}}}', '{"type":"object","properties":{"a":{}}}', false],
  ["one that says nothing", "{}", '{"type":"object"}', false],
  [
    "definitions stay at the root, a number stays as it was written",
    '{"$schema":"s","$ref":"#/$defs/N","$defs":{"N":{"type":"array","maxItems":18446744073709551615}}}',
    '{"type":"object","properties":{"answer":{"$ref":"#/$defs/N"}},"required":["answer"],"additionalProperties":false,"$defs":{"N":{"type":"array","maxItems":18446744073709551615}}}',
    true,
  ],
  [
    "what names the root names the member",
    '{"type":"array","items":{"type":"object","properties":{"inner":{"$ref":"#"}}}}',
    '{"type":"object","properties":{"answer":{"type":"array","items":{"type":"object","properties":{"inner":{"$ref":"#/properties/answer"}}}}},"required":["answer"],"additionalProperties":false}',
    true,
  ],
  [
    "an object or nothing",
    '{"type":["object","null"]}',
    '{"type":"object","properties":{"answer":{"type":["object","null"]}},"required":["answer"],"additionalProperties":false}',
    true,
  ],
];

for (const [what, schema, expected, wrapped] of SCHEMAS) {
  test(`a schema as an object's: ${what}`, () => assert.deepEqual(objectSchema(schema), { schema: expected || schema, wrapped }));
}

// ---- What is read ------------------------------------------------------------------------------------------------

const saidCall = (name: string, args: string, id = "c1"): ReplyCall => ({ id, name, custom: false, arguments: args });

interface Reading {
  readonly what: string;
  readonly schema?: string;
  readonly tools?: readonly Tool[];
  readonly said: Partial<ReplyContent>;
  readonly parts: readonly Part[];
  readonly finish: FinishReason;
}

const READINGS: readonly Reading[] = [
  {
    what: "the call's input is the answer",
    said: { reasoning: "So.", calls: [saidCall("json", '{"n": 1}')] },
    parts: [reasoning("So."), text('{"n": 1}')],
    finish: ending("end", "tool_calls"),
  },
  {
    what: "words in front of it would be no JSON together with it",
    said: { text: "Here you are: ", calls: [saidCall("json", '{"n":1}')] },
    parts: [text('{"n":1}')],
    finish: ending("end", "tool_calls"),
  },
  {
    what: "an answer that is given twice is one",
    said: { calls: [saidCall("json", '{"n":1}'), saidCall("json", '{"n":1}', "c2")] },
    parts: [text('{"n":1}')],
    finish: ending("end", "tool_calls"),
  },
  {
    what: "a call of the client's tool is one, with the words in front of it",
    tools: [look],
    said: { text: "I look.", calls: [saidCall("look", "{}")] },
    parts: [text("I look."), call("c1")],
    finish: ending("tool-calls", "tool_calls"),
  },
  {
    what: "a call of the client's tool beside the answer",
    tools: [look],
    said: { calls: [saidCall("json", '{"n":1}', "c0"), saidCall("look", "{}")] },
    parts: [text('{"n":1}'), call("c1")],
    finish: ending("tool-calls", "tool_calls"),
  },
  {
    what: "a model that says it in words is told as it is",
    said: { text: '{"n": 1}' },
    parts: [text('{"n": 1}')],
    finish: ending("end", "stop"),
  },
  {
    what: "an answer that was cut off keeps its end",
    said: { calls: [saidCall("json", '{"n":')], finish: "length" },
    parts: [text('{"n":')],
    finish: ending("length", "length"),
  },
  {
    what: "an answer that was withheld keeps its end",
    said: { text: "I can't ", finish: "filtered" },
    parts: [text("I can't ")],
    finish: ending("filtered", "content_filter"),
  },
  {
    what: "a list is taken out of its object",
    schema: LIST,
    said: { calls: [saidCall("json", ' { "answer" : [1, {"a":{}} ]\n}\n')] },
    parts: [text('[1, {"a":{}} ]')],
    finish: ending("end", "tool_calls"),
  },
  {
    what: "a list that stands in no object is told as it is",
    schema: LIST,
    said: { calls: [saidCall("json", '{"numbers":[1]}')] },
    parts: [text('{"numbers":[1]}')],
    finish: ending("end", "tool_calls"),
  },
];

for (const { what, schema = POINT, tools = [], said, parts, finish } of READINGS) {
  test(`an answer by a tool, whole and streamed: ${what}`, () => {
    const exchange: Exchange = { request: asking("glm-5", schema, { tools }), id: "0a1b", createdAtS: 0 };
    const saying = complete({ model: "glm-5", ...said });
    const { whole, events } = encodeReply("openai-chat", saying, { serial: 1, includeUsage: true });
    const usage = { inputTokens: 8, cacheReadTokens: 4, cacheWriteTokens: null, outputTokens: saying.usage.output };
    const expected = { model: "glm-5", parts, usage, finish };
    for (const reply of [
      CHAT_BY_TOOL.reply.decode(whole, exchange),
      fold(decodeStream(CHAT_BY_TOOL, sseEvents(events.join("")), exchange)),
    ]) {
      const { id: _id, usage: counted, ...rest } = reply;
      const { reasoningTokens: _reasoning, ...disjoint } = counted ?? { reasoningTokens: null };
      assert.deepEqual({ ...rest, usage: disjoint }, expected);
    }
  });
}

test("an answer by a tool streams, its pieces as they come", () => {
  const exchange: Exchange = { request: asking("glm-5", LIST), id: "0a1b", createdAtS: 0 };
  const chunk = (delta: object): string => JSON.stringify({ id: "x", model: "glm-5", choices: [{ index: 0, delta }] });
  const piece = (args: string) => chunk({ tool_calls: [{ index: 0, function: { arguments: args } }] });
  const decoder = CHAT_BY_TOOL.reply.decoder(exchange);
  const pieces = [
    chunk({ tool_calls: [{ index: 0, id: "c", type: "function", function: { name: "json", arguments: "" } }] }),
    ...['{"ans', 'wer": [{"n"', ":1", "}", ",2", "]", "}"].map(piece),
  ];
  const heard = pieces.map((data) =>
    [...decoder.step({ event: null, data })].flatMap((event) => (event.type === "part-delta" ? [event.text] : [])),
  );
  assert.deepEqual(heard, [[], [], ['[{"n"'], [":1"], [], ["},2"], ["]"], []]);
});

test("a list is taken out of the text of OpenAI's own format", () => {
  for (const protocol of ["openai-chat", "openai-responses"] as const) {
    const exchange: Exchange = { request: asking("gpt-5.2", LIST), id: "0a1b", createdAtS: 0 };
    const codec = CODECS[protocol];
    const { whole, events } = encodeReply(protocol, complete({ model: "gpt-5.2", text: '{"answer": [1, 2]}' }), {
      serial: 1,
      includeUsage: true,
    });
    const replies = [codec.reply.decode(whole, exchange), fold(decodeStream(codec, sseEvents(events.join("")), exchange))];
    assert.deepEqual(
      replies.map(({ parts }) => parts),
      [[text("[1, 2]")], [text("[1, 2]")]],
    );
  }
});

// ---- Through the program -----------------------------------------------------------------------------------------

/** How each client asks for an answer by the schema. */
const ASKS = {
  "openai-responses": { text: { format: { type: "json_schema", name: "point", schema: JSON.parse(POINT) as object } } },
  "anthropic-messages": { output_config: { format: { type: "json_schema", schema: JSON.parse(POINT) as object } } },
  gemini: { generationConfig: { responseMimeType: "application/json", responseJsonSchema: JSON.parse(POINT) as object } },
} as const;

for (const protocol of PROTOCOLS) {
  if (protocol === "openai-chat") continue;
  for (const stream of [false, true]) {
    test(`${protocol} -> a Chat model whose row says "schema": "tool", ${stream ? "streamed" : "whole"}`, async () => {
      gateway.upstream.script([{ say: { calls: [saidCall("json", '{"n": 12345678901234567890}')] } }]);
      const { path, body } = ask(protocol, { model: "glm-5", stream, more: ASKS[protocol] });
      const response = await gateway.call(path, { body });
      const answer = await response.text();
      const sent = JSON.parse(gateway.lastSeen().body) as Record<string, unknown>;
      assert.deepEqual(
        [response.status, response.headers.get("x-factory-proxy-dropped"), sent["tools"], sent["tool_choice"], sent["response_format"]],
        [200, null, [JSON_TOOL], { type: "function", function: { name: "json" } }, undefined],
        answer,
      );
      const line = await gateway.lineOf(response);
      assert.deepEqual([line["finish"], line["outputTokens"]], ["end", 2]);
      if (!stream) return assert.equal(textOf(protocol, answer), '{"n": 12345678901234567890}');
      assert.deepEqual(told(protocol, answer), { text: '{"n": 12345678901234567890}', terminals: SUCCESS[protocol] });
    });
  }
}

test('a Chat client gets the bytes of its own protocol, whatever a row says of "schema"', async () => {
  const format = { type: "json_schema", json_schema: { name: "point", schema: JSON.parse(POINT) as object } };
  const { path, body } = ask("openai-chat", { model: "glm-5", more: { response_format: format } });
  const response = await gateway.call(path, { body });
  await response.text();
  assert.deepEqual((JSON.parse(gateway.lastSeen().body) as Record<string, unknown>)["response_format"], format);
});
