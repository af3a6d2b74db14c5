// cf. Wei-Shaw/sub2api#2826: the same protocol on both sides, but JSON where a stream was asked for, or a stream where none was. The official
// clients read nothing out of that, and OpenAI's did not even say so.

import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { ask, errorIn, MODELS, SUCCESS, textOf, told, WAYS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways } from "../support/gateway.ts";
import { complete } from "../support/reply-content.ts";
import { encodeReply } from "../support/wire-reply.ts";
import type { Answer } from "../support/upstream.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});
const SAID = { text: "You asked, I answered." };

for (const protocol of PROTOCOLS) {
  const model = MODELS[protocol];

  test(`${protocol}: JSON where a stream was asked for comes as a stream`, async () => {
    upstream.script([{ say: SAID, whole: true }]);
    const { path, body } = ask(protocol, { model, stream: true });
    const response = await gateway.call(path, { body });
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    assert.deepEqual(told(protocol, await response.text()), { text: SAID.text, terminals: SUCCESS[protocol] });
    const { outputTokens, error } = await gateway.lineOf(response);
    assert.deepEqual({ outputTokens, error }, { outputTokens: 4, error: undefined });
  });

  test(`${protocol}: a stream where none was asked for comes as JSON`, async () => {
    upstream.script([{ say: SAID, whole: false }]);
    const { path, body } = ask(protocol, { model });
    const response = await gateway.call(path, { body });
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.equal(textOf(protocol, await response.text()), SAID.text);
  });

  test(`${protocol}: a stream that breaks off where none was asked for is an error`, async () => {
    upstream.script([{ say: SAID, whole: false, cut: { after: { events: 2 }, how: "end" } }]);
    const { path, body } = ask(protocol, { model });
    const error = await errorIn(protocol, await gateway.call(path, { body }));
    assert.deepEqual([error.status, error.message], [502, "The upstream ended the stream before the answer was complete."]);
  });

  test(`${protocol}: JSON that is no answer is an error, streamed or not`, async () => {
    upstream.script([{ body: "{}", headers: { "content-type": "application/json" } }]);
    const { path, body } = ask(protocol, { model, stream: true });
    assert.equal((await errorIn(protocol, await gateway.call(path, { body }))).status, 502);
  });
}

for (const { client, upstream: from, name } of WAYS) {
  test(`a stream that is called JSON is a stream all the same, as asked or not: ${name}`, async () => {
    const model = MODELS[from];
    const { events } = encodeReply(from, complete({ model, ...SAID }), { serial: 1, includeUsage: true });
    upstream.script(() => ({ body: events.join(""), headers: { "content-type": "application/json" } }));
    const asked = ask(client, { model, stream: true });
    const streamed = await (await gateway.call(asked.path, { body: asked.body })).text();
    assert.deepEqual(told(client, streamed), { text: SAID.text, terminals: SUCCESS[client] });
    const { path, body } = ask(client, { model });
    assert.equal(textOf(client, await (await gateway.call(path, { body })).text()), SAID.text);
  });
}

for (const { client, upstream: from, name } of WAYS) {
  test(`whatever an answer is called and begins with, and wherever it is cut, it comes as it was asked for: ${name}`, async () => {
    const model = MODELS[from];
    const { whole, events } = encodeReply(from, complete({ model, ...SAID }), { serial: 1, includeUsage: true });
    const stream = events.join("");
    const called = (type: string, body: string): Answer => ({ body, headers: { "content-type": type } });
    const answers: Readonly<Record<string, Answer>> = {
      "JSON called a stream": called("text/event-stream", whole),
      "the same, byte by byte": { ...called("text/event-stream", whole), byteByByte: true },
      "lines of JSON called a stream": called("text/event-stream", JSON.stringify(JSON.parse(whole), null, 2)),
      "JSON behind a byte order mark and blank lines": { body: `\ufeff\n${"\r\n".repeat(20)}${whole}\n\n` },
      "JSON called text": called("text/plain", whole),
      "JSON called a line of JSON": called("application/x-ndjson", `${whole}\n`),
      "a stream behind many blank lines": { body: "\n".repeat(40) + stream },
      "a stream behind a byte order mark and a comment, byte by byte": { body: `\ufeff: wait\n\n${stream}`, byteByByte: true },
      "a stream of CRLF called text": called("text/plain", `: wait\n\n${stream}`.replaceAll("\n", "\r\n")),
      "a stream in capitals": called("Text/Event-Stream", stream),
    };
    for (const [what, answer] of Object.entries(answers)) {
      upstream.script(() => answer);
      const asked = ask(client, { model, stream: true });
      const streamed = await gateway.call(asked.path, { body: asked.body });
      assert.deepEqual(told(client, await streamed.text()), { text: SAID.text, terminals: SUCCESS[client] }, what);
      assert.match(streamed.headers.get("content-type") ?? "", /^text\/event-stream/i, what);
      const { path, body } = ask(client, { model });
      const response = await gateway.call(path, { body });
      assert.equal(response.headers.get("content-type"), "application/json", what);
      assert.equal(textOf(client, await response.text()), SAID.text, what);
    }
  });
}

test("a list of chunks is no answer for a Gemini client that asked for no stream: it gets one", async () => {
  const model = MODELS.gemini;
  const { whole } = encodeReply("gemini", complete({ model, ...SAID }), { serial: 1, includeUsage: true });
  upstream.script([{ body: `[${whole}]` }]);
  const { path, body } = ask("gemini", { model });
  assert.equal(textOf("gemini", await (await gateway.call(path, { body })).text()), SAID.text);
});

test("a Gemini client without server-sent events gets the items of an array", async () => {
  upstream.script([{ say: SAID, whole: true }]);
  const { body } = ask("gemini", { model: MODELS.gemini });
  const response = await gateway.call(`/v1beta/models/${MODELS.gemini}:streamGenerateContent`, { body });
  const chunks = (await response.json()) as { candidates?: { content?: { parts?: { text?: string }[] } }[] }[];
  assert.equal(chunks.map((chunk) => chunk.candidates?.[0]?.content?.parts?.[0]?.text ?? "").join(""), SAID.text);
});

test("namespaces, custom tools and own ids come through the repair", async () => {
  const item = {
    type: "function_call",
    id: "fc_1",
    call_id: "call_1",
    name: "read",
    namespace: "mcp__files",
    arguments: '{"n":9007199254740993}',
  };
  const custom = { type: "custom_tool_call", id: "ctc_1", call_id: "call_2", name: "apply_patch", input: "*** Begin" };
  upstream.script([
    { body: JSON.stringify({ id: "resp_7", object: "response", status: "completed", model: "gpt-5.5", output: [item, custom] }) },
  ]);
  const schema = { type: "object", properties: { n: { type: "integer" } } };
  const tools = [
    { type: "namespace", name: "mcp__files", description: "Files.", tools: [{ type: "function", name: "read", parameters: schema }] },
    { type: "custom", name: "apply_patch" },
  ];
  const { path, body } = ask("openai-responses", { model: "gpt-5.5", stream: true, more: { tools } });
  const text = await (await gateway.call(path, { body })).text();
  const last = JSON.parse(text.slice(text.lastIndexOf("data: ") + 6)) as { response: { id: string; output: Record<string, unknown>[] } };
  assert.deepEqual(
    [
      last.response.id,
      last.response.output.map(({ type, call_id, name, namespace, arguments: json, input }) => ({
        type,
        call_id,
        name,
        namespace,
        json,
        input,
      })),
    ],
    [
      "resp_7",
      [
        {
          type: "function_call",
          call_id: "call_1",
          name: "read",
          namespace: "mcp__files",
          json: '{"n":9007199254740993}',
          input: undefined,
        },
        { type: "custom_tool_call", call_id: "call_2", name: "apply_patch", namespace: undefined, json: undefined, input: "*** Begin" },
      ],
    ],
  );
});

test("OpenAI's client reads the answer whichever way it came", async () => {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  const asked = { model: MODELS["openai-chat"], messages: [{ role: "user" as const, content: "Hello" }] };
  upstream.script([{ say: SAID, whole: true }]);
  let text = "";
  for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) text += chunk.choices[0]?.delta.content ?? "";
  assert.equal(text, SAID.text);
  upstream.script([{ say: SAID, whole: false }]);
  assert.equal((await client.chat.completions.create(asked)).choices[0]?.message.content, SAID.text);
});

test("Anthropic's client reads the answer whichever way it came", async () => {
  const client = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
  const asked = { model: MODELS["anthropic-messages"], max_tokens: 100, messages: [{ role: "user" as const, content: "Hello" }] };
  upstream.script([{ say: SAID, whole: true }]);
  const streamed = await client.messages.stream(asked).finalMessage();
  upstream.script([{ say: SAID, whole: false }]);
  const message = await client.messages.create(asked);
  assert.deepEqual(
    [streamed, message].map(({ content }) => content.map((block) => (block.type === "text" ? block.text : block.type))),
    [[SAID.text], [SAID.text]],
  );
});
