// CLIProxyAPI#121, su-kaka/gcli2api#208: Claude Code asks another model to search the web, and showed no search and no links.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { ask, eventsIn, MODELS } from "../support/dialects.ts";
import { startGateways } from "../support/gateway.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});

const read = (file: string): string =>
  readFileSync(new URL(`../fixtures/reports/claude-code-websearch-via-gpt/${file}`, import.meta.url), "utf8");
const STREAM = read("upstream.sse");
const REQUEST = JSON.parse(read("request.json")) as Anthropic.MessageStreamParams;
const SSE = { "content-type": "text/event-stream" };
const RESPONSE = JSON.parse(/data: (.*"response\.completed".*)/.exec(STREAM)?.[1] ?? "{}") as { response: object };

type Block = Record<string, unknown>;

/** What Claude Code shows: searches and links; ids differ from call to call. */
const searched = (url: string, title: string, query: string): Block[] => [
  { type: "server_tool_use", name: "web_search", input: { query } },
  {
    type: "web_search_tool_result",
    content: [{ type: "web_search_result", title, url, encrypted_content: "gw1.none", page_age: null }],
  },
];

function shown(content: readonly object[]): Block[] {
  const blocks = content.map((block): Block => ({ ...block }));
  const [call, result] = [
    blocks.find(({ type }) => type === "server_tool_use"),
    blocks.find(({ type }) => type === "web_search_tool_result"),
  ];
  assert.match(String(call?.["id"]), /^srvtoolu_[a-zA-Z0-9_]+$/);
  assert.equal(result?.["tool_use_id"], call?.["id"]);
  for (const block of [call, result]) {
    delete block?.["id"];
    delete block?.["tool_use_id"];
  }
  return blocks;
}

const BUN = "https://bun.example/blog";
const TEXT = {
  type: "text",
  text: "Bun 1.4 is out.",
  citations: [{ type: "web_search_result_location", url: BUN, title: "Bun 1.4", cited_text: "", encrypted_index: "gw1.none" }],
};
const COUNT = { web_search_requests: 1, web_fetch_requests: 0 };

test("Claude Code's own request, streamed: one search with its pages, counted", async () => {
  upstream.script([{ body: STREAM, headers: SSE }]);
  const client = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
  const message = await client.messages.stream(REQUEST).finalMessage();
  assert.deepEqual(shown(message.content), [...searched(BUN, BUN, "bun 1.4"), TEXT]);
  assert.deepEqual([message.stop_reason, message.usage.server_tool_use], ["end_turn", COUNT]);
});

test("the same, not streamed", async () => {
  upstream.script([{ body: JSON.stringify(RESPONSE.response) }]);
  const message = (await (await gateway.call("/v1/messages", { body: { ...REQUEST, stream: false } })).json()) as Anthropic.Message;
  assert.deepEqual(shown(message.content), [...searched(BUN, BUN, "bun 1.4"), TEXT]);
  assert.deepEqual(message.usage.server_tool_use, COUNT);
});

test("GPT is asked for the pages of its searches, Grok, which knows no such thing, is not", async () => {
  for (const [model, sources] of [
    ["gpt-5.5", true],
    ["grok-4.5", false],
  ] as const) {
    upstream.script([{ body: STREAM, headers: SSE }]);
    await (await gateway.call("/v1/messages", { body: { ...REQUEST, model } })).text();
    const { include = [] } = JSON.parse(gateway.lastSeen().body) as { include?: string[] };
    assert.equal(include.includes("web_search_call.action.sources"), sources, model);
  }
});

test("pages that the model opened are searches too, and a search that failed says so", async () => {
  const calls = [
    { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "open_page", url: BUN } },
    { type: "web_search_call", id: "ws_2", status: "failed", action: { type: "search", queries: ["deno 3"] } },
  ];
  upstream.script([{ body: JSON.stringify({ ...RESPONSE.response, output: calls }) }]);
  const { content, usage } = (await (
    await gateway.call("/v1/messages", { body: { ...REQUEST, stream: false } })
  ).json()) as Anthropic.Message;
  const [opened, page, asked, failed] = content as unknown as Block[];
  assert.deepEqual(
    [opened?.["input"], (page?.["content"] as Block[] | undefined)?.[0]?.["url"], asked?.["input"]],
    [{ query: BUN }, BUN, { query: "deno 3" }],
  );
  assert.deepEqual(failed?.["content"], { type: "web_search_tool_result_error", error_code: "unavailable" });
  assert.equal(usage.server_tool_use?.web_search_requests, 2);
});

test("Gemini's searches look the same to Claude Code", async () => {
  const grounding = {
    webSearchQueries: ["bun 1.4"],
    groundingChunks: [{ web: { uri: BUN, title: "bun.example" } }],
    groundingSupports: [{ segment: { startIndex: 0, endIndex: 15, text: "Bun 1.4 is out." }, groundingChunkIndices: [0] }],
  };
  const part = { content: { role: "model", parts: [{ text: "Bun 1.4 is out." }] } };
  const candidates = [{ ...part, finishReason: "STOP", groundingMetadata: grounding }];
  upstream.script([{ body: `data: ${JSON.stringify({ candidates, responseId: "r" })}\n\n`, headers: SSE }]);
  const client = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
  const message = await client.messages.stream({ ...REQUEST, model: MODELS.gemini }).finalMessage();
  const text = { ...TEXT, citations: [{ ...TEXT.citations[0], title: "bun.example" }] };
  assert.deepEqual(shown(message.content), [text, ...searched(BUN, "bun.example", "bun 1.4")]);
  assert.deepEqual(message.usage.server_tool_use, COUNT);
});

test("Gemini cannot be made to search: the demand is reported, and the search is there", async () => {
  for (const tool_choice of [{ type: "tool", name: "web_search" }, { type: "any" }]) {
    upstream.script([{ say: { text: "Hi" } }]);
    const response = await gateway.call("/v1/messages", { body: { ...REQUEST, model: MODELS.gemini, tool_choice } });
    await response.text();
    const { tools, toolConfig } = JSON.parse(gateway.lastSeen().body) as { tools?: unknown; toolConfig?: unknown };
    assert.deepEqual([response.status, tools, toolConfig], [200, [{ googleSearch: {} }], undefined]);
    assert.match(response.headers.get("x-factory-proxy-dropped") ?? "", /tool_choice/);
  }
});

test("Claude's searches look like GPT's to a Responses client", async () => {
  const content = [
    { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "bun 1.4" } },
    {
      type: "web_search_tool_result",
      tool_use_id: "srvtoolu_1",
      content: [{ type: "web_search_result", title: "Bun 1.4", url: BUN, encrypted_content: "x", page_age: null }],
    },
    { type: "text", text: "Bun 1.4 is out." },
  ];
  const message = { id: "msg_1", type: "message", role: "assistant", model: "claude-opus-4-8", content, stop_reason: "end_turn" };
  upstream.script([{ body: JSON.stringify({ ...message, usage: { input_tokens: 1, output_tokens: 2 } }) }]);
  const tools = [{ type: "web_search" }];
  const call = ask("openai-responses", { model: MODELS["anthropic-messages"], stream: true, more: { tools } });
  const events = eventsIn(await (await gateway.call(call.path, { body: call.body })).text()).map(({ data }) => JSON.parse(data) as Block);
  const types = events.map(({ type }) => type);
  const at = types.indexOf("response.output_item.added");
  assert.deepEqual(types.slice(at, at + 5), [
    "response.output_item.added",
    "response.web_search_call.in_progress",
    "response.web_search_call.searching",
    "response.web_search_call.completed",
    "response.output_item.done",
  ]);
  assert.deepEqual((events[at + 4]?.["item"] as Block | undefined)?.["action"], {
    type: "search",
    query: "bun 1.4",
    queries: ["bun 1.4"],
    sources: [{ type: "url", url: BUN }],
  });
});

test("the next turn: a search of GPT's reaches neither Claude, who could not read it, nor GPT, and is no loss to report", async () => {
  upstream.script([{ body: JSON.stringify(RESPONSE.response) }]);
  const { content } = (await (await gateway.call("/v1/messages", { body: { ...REQUEST, stream: false } })).json()) as Anthropic.Message;
  const messages = [...REQUEST.messages, { role: "assistant", content }, { role: "user", content: "And Deno?" }];
  for (const model of [MODELS["anthropic-messages"], "gpt-5.5"]) {
    const response = await gateway.call("/v1/messages", { body: { model, max_tokens: 100, messages } });
    await response.text();
    const { body } = gateway.lastSeen();
    assert.deepEqual([response.status, response.headers.get("x-factory-proxy-dropped")], [200, null], model);
    assert.ok(body.includes("Bun 1.4 is out.") && body.includes("And Deno?"), body);
    assert.ok(!body.includes("gw1") && !body.includes("server_tool_use"), body);
  }
});
