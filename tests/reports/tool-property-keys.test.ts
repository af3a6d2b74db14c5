// anthropics/claude-code#79418, #34771, decocms/studio#6874: one tool with a property named outside of Claude's alphabet fails every request.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { hash } from "../../src/protocol/tool-names.ts";
import { ask, textOf, told } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways } from "../support/gateway.ts";
import { askWithTools, callIn, type Declared } from "../support/tool-dialects.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});

const REQUEST = JSON.parse(readFileSync(new URL("../fixtures/reports/tool-property-keys/request.json", import.meta.url), "utf8")) as {
  tools: [{ function: Declared }];
};
const LIST = REQUEST.tools[0].function;
const [FILTER, ID] = [`_filter_${hash("$filter")}`, `filter_id__${hash("filter[id]")}`];
const SCHEMA = { type: "object", properties: { [FILTER]: { type: "string" }, [ID]: { type: "string" } }, required: [FILTER] };

interface Sent {
  readonly tools: { readonly input_schema: unknown }[];
  readonly messages: { readonly content: { readonly input?: unknown }[] }[];
}
const sent = (): Sent => JSON.parse(gateway.lastSeen().body) as Sent;

test("the report's own request: Claude takes it, and its client gets its own names", async () => {
  const response = await gateway.call("/v1/chat/completions", { body: REQUEST });
  const answer = await response.text();
  assert.equal(response.status, 200, answer);
  assert.equal(response.headers.get("x-factory-proxy-dropped"), null);
  assert.deepEqual(sent().tools, [{ name: "list", description: "d", input_schema: SCHEMA }]);
  assert.deepEqual(callIn("openai-chat", answer), { name: "list", arguments: { $filter: "Paris", "filter[id]": "Paris" } });
});

for (const client of PROTOCOLS.filter((protocol) => protocol !== "anthropic-messages")) {
  for (const stream of [false, true]) {
    test(`${client}${stream ? ", streamed" : ""}: names come back in calls, and go up again in the history`, async () => {
      const said = { $filter: "Paris", "filter[id]": "Paris" };
      const first = askWithTools(client, { model: "claude-sonnet-5", stream, tools: [LIST] });
      const response = await gateway.call(first.path, { body: first.body });
      const answer = await response.text();
      assert.equal(response.status, 200, answer);
      assert.deepEqual(sent().tools[0]?.input_schema, SCHEMA);
      assert.deepEqual(callIn(client, answer), { name: "list", arguments: said });

      const before = { name: "list", arguments: JSON.stringify(said) };
      const second = askWithTools(client, { model: "claude-sonnet-5", stream, tools: [LIST], before });
      assert.equal((await gateway.call(second.path, { body: second.body })).status, 200);
      assert.deepEqual(sent().messages[1]?.content[0]?.input, { [FILTER]: "Paris", [ID]: "Paris" });
    });
  }

  test(`${client}: a name that is cut between two deltas comes back`, async () => {
    const pieces = ["", '{"_fil', FILTER.slice(4), '": "a\\', '"b', '", "nested": {"', FILTER, '": 1}, "fil', ID.slice(3), '":2', "}"];
    const deltas = pieces.map((piece) => ({
      type: "content_block_delta",
      index: 0,
      delta: { type: "input_json_delta", partial_json: piece },
    }));
    const events = [
      {
        type: "message_start",
        message: { id: "m1", type: "message", role: "assistant", model: "claude-sonnet-5", content: [], usage: {} },
      },
      { type: "content_block_start", index: 0, content_block: { type: "tool_use", id: "c1", name: "list", input: {} } },
      ...deltas,
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 9 } },
      { type: "message_stop" },
    ];
    upstream.script([
      {
        events: events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`),
        headers: { "content-type": "text/event-stream" },
      },
    ]);
    const { path, body } = askWithTools(client, { model: "claude-sonnet-5", stream: true, tools: [LIST] });
    const answer = await (await gateway.call(path, { body })).text();
    assert.deepEqual(callIn(client, answer), { name: "list", arguments: { $filter: 'a"b', nested: { [FILTER]: 1 }, "filter[id]": 2 } });
  });
}

test("the tool that stands in for an answer's schema has such names too, and the answer has the client's", async () => {
  const schema = { type: "object", properties: { $filter: { type: "string" } }, required: ["$filter"], additionalProperties: true };
  for (const stream of [false, true]) {
    const { path, body } = ask("openai-responses", {
      model: "claude-sonnet-5",
      stream,
      more: { text: { format: { type: "json_schema", name: "a", schema } } },
    });
    const response = await gateway.call(path, { body });
    const answer = await response.text();
    assert.equal(response.status, 200, answer);
    const text = stream ? told("openai-responses", answer).text : textOf("openai-responses", answer);
    assert.deepEqual(JSON.parse(text), { $filter: "Paris" });
    assert.ok(!gateway.lastSeen().body.includes("$filter"));
  }
});

test("a client of Messages itself: its tools stay as they are", async () => {
  const { path, body } = askWithTools("anthropic-messages", { model: "claude-sonnet-5", tools: [LIST] });
  const response = await gateway.call(path, { body });
  assert.equal(response.status, 400);
  // What stands in front is our system prompt.
  assert.ok(gateway.lastSeen().body.endsWith(JSON.stringify(body).slice(1)));
});

test("other upstreams are sent the names as they are", async () => {
  for (const model of ["gpt-5.5", "gpt-4.1", "glm-5", "gemini-2.5-pro"]) {
    for (const client of PROTOCOLS) {
      const { path, body } = askWithTools(client, { model, tools: [LIST] });
      await gateway.call(path, { body });
      assert.ok(gateway.lastSeen().body.includes('"$filter":{"type":"string"}'), `${client} -> ${model}`);
    }
  }
});
