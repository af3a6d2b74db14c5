// A search for tools that the client runs itself (litellm#40567): a function for every model that does not know it, whose call and output have
// a form of their own in Responses. Its siblings are the other tools that OpenAI defines and the client runs.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import OpenAI from "openai";
import { startGateway } from "../support/gateway.ts";
import { listOf, objectOf, objectsOf } from "../support/reading.ts";
import { reported } from "../support/reports.ts";
import { obeysStreamGrammar } from "../support/stream-grammar.ts";

const gateway = await startGateway();
after(() => gateway.stop());

const REPORT = "codex-tool-search-client";
const REQUEST = objectOf(JSON.parse(reported(REPORT, "request.json")));
const SEARCH = { query: "calendar" };
const QUERY = { type: "object", properties: { query: { type: "string" } }, required: ["query"] };
const FOREIGN = ["claude-sonnet-5", "glm-5", "gemini-2.5-pro"];

/** The tools that an upstream was sent, as name and schema. */
function declared(body: string): Record<string, unknown> {
  const tools = objectsOf(objectOf(JSON.parse(body))["tools"]);
  const functions = tools.flatMap((tool) => {
    const inside = objectsOf(tool["functionDeclarations"]);
    return inside.length > 0 ? inside : [tool["function"] === undefined ? tool : objectOf(tool["function"])];
  });
  return Object.fromEntries(
    functions.map((one) => [one["name"], one["input_schema"] ?? one["parameters"] ?? one["parametersJsonSchema"] ?? null]),
  );
}

test("codex-tool-search-client: Claude gets a function with the client's parameters, and nothing is left out", async () => {
  gateway.upstream.script([{ body: reported(REPORT, "upstream.json") }]);
  const response = await gateway.call("/v1/responses", { body: REQUEST });
  assert.deepEqual([response.status, response.headers.get("x-factory-proxy-dropped")], [200, null], await response.text());
  assert.deepEqual(objectsOf(objectOf(JSON.parse(gateway.lastSeen().body))["tools"]), [
    { name: "tool_search", description: "find tools", input_schema: QUERY },
    { name: "shell", input_schema: { type: "object", properties: {} } },
  ]);
});

for (const model of FOREIGN) {
  test(`codex-tool-search-client: ${model} calls the search, and the client gets a tool_search_call, streamed and not`, async () => {
    for (const stream of [false, true]) {
      const calls = [{ id: "call_1", name: "tool_search", custom: false, arguments: JSON.stringify(SEARCH) }];
      gateway.upstream.script([{ say: { calls, finish: "tool-calls" } }]);
      const response = await gateway.call("/v1/responses", { body: { ...REQUEST, model, stream } });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      assert.deepEqual(declared(gateway.lastSeen().body)["tool_search"], QUERY);
      if (stream) obeysStreamGrammar("openai-responses", text, { includeUsage: true });
      const last = stream ? objectOf(JSON.parse(/^data: (.*)$/m.exec(text.slice(text.lastIndexOf("event: ")))?.[1] ?? "{}")) : null;
      const answer = last === null ? objectOf(JSON.parse(text)) : objectOf(last["response"]);
      const [item = {}] = objectsOf(answer["output"]);
      const { id, call_id } = item;
      assert.deepEqual(item, { id, type: "tool_search_call", call_id, status: "completed", execution: "client", arguments: SEARCH });
      assert.match(String(id), /^tsc_/);
      assert.match(String(call_id), /^call_/);
      assert.deepEqual(objectsOf(answer["tools"])[0], listOf(REQUEST["tools"])[0], "the echo of the tools is the client's own");
    }
  });

  test(`codex-tool-search-client: what the search found is ${model}'s, and its output a result`, async () => {
    const found = { type: "function", name: "add_event", description: "Adds an event.", parameters: { type: "object", properties: {} } };
    const input = [
      { role: "user", content: "Note the meeting." },
      { type: "tool_search_call", id: "tsc_1", call_id: "call_1", execution: "client", status: "completed", arguments: SEARCH },
      {
        type: "tool_search_output",
        call_id: "call_1",
        execution: "client",
        status: "completed",
        tools: [{ type: "namespace", name: "calendar", description: "", tools: [found] }],
      },
    ];
    gateway.upstream.script([{ say: { text: "ok" } }]);
    const response = await gateway.call("/v1/responses", { body: { ...REQUEST, model, input } });
    assert.deepEqual([response.status, response.headers.get("x-factory-proxy-dropped")], [200, null], await response.text());
    const sent = gateway.lastSeen().body;
    assert.deepEqual(Object.keys(declared(sent)), ["tool_search", "shell", "calendar__add_event"]);
    assert.deepEqual(conversation(sent), [
      { call: "tool_search", arguments: SEARCH },
      { result: "These tools can be called now: calendar__add_event" },
    ]);
  });
}

/** Calls and results of a conversation, in any of three protocols. */
function conversation(body: string): object[] {
  const sent = objectOf(JSON.parse(body));
  return [...objectsOf(sent["messages"]), ...objectsOf(sent["contents"])].flatMap((message): object[] => {
    if (message["role"] === "tool") return [{ result: message["content"] }];
    const calls = objectsOf(message["tool_calls"]).map((one) => objectOf(one["function"]));
    const told = calls.map((one) => ({ call: one["name"], arguments: JSON.parse(String(one["arguments"])) as unknown }));
    const blocks = [...objectsOf(message["content"]), ...objectsOf(message["parts"])].flatMap((block): object[] => {
      if (block["type"] === "tool_use") return [{ call: block["name"], arguments: block["input"] }];
      if (block["type"] === "tool_result") return [{ result: objectsOf(block["content"])[0]?.["text"] }];
      if (block["functionCall"] !== undefined) {
        const called = objectOf(block["functionCall"]);
        return [{ call: called["name"], arguments: called["args"] }];
      }
      if (block["functionResponse"] === undefined) return [];
      return [{ result: objectOf(objectOf(block["functionResponse"])["response"])["output"] }];
    });
    return [...told, ...blocks];
  });
}

test("codex-tool-search-client: the official client reads the call from the stream", async () => {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  const calls = [{ id: "call_1", name: "tool_search", custom: false, arguments: JSON.stringify(SEARCH) }];
  gateway.upstream.script([{ say: { text: "Let me see.", calls, finish: "tool-calls" } }]);
  const stream = client.responses.stream({
    model: "claude-sonnet-5",
    input: "x",
    tools: [{ type: "tool_search", execution: "client", description: "find tools", parameters: QUERY }],
  });
  const { output } = await stream.finalResponse();
  assert.deepEqual(
    output.map((item) => (item.type === "tool_search_call" ? [item.type, item.execution, item.arguments] : [item.type])),
    [["message"], ["tool_search_call", "client", SEARCH]],
  );
});

test("codex-tool-search-client: a search that runs at OpenAI is left out and reported", async () => {
  const tools = [{ type: "tool_search" }, { type: "function", name: "shell", parameters: { type: "object", properties: {} } }];
  const response = await gateway.call("/v1/responses", { body: { ...REQUEST, tools } });
  assert.deepEqual([response.status, response.headers.get("x-factory-proxy-dropped")], [200, "tools.tool_search"], await response.text());
});
