// Tools in the flat form of Responses inside of Chat bodies, as Cursor sends them (litellm#34029, archestra#7375); the same tools in the forms
// of other protocols wherever a client may send them, and a tool that is listed twice.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask } from "../support/dialects.ts";
import { startGateway } from "../support/gateway.ts";
import { objectOf, objectsOf } from "../support/reading.ts";
import { reported } from "../support/reports.ts";

const gateway = await startGateway();
after(() => gateway.stop());

const REPORT = "cursor-flat-tools";
const NOTHING = { type: "object", properties: {} };

async function send(
  client: ProtocolId,
  { model, more }: { model: string; more: Record<string, unknown> },
): Promise<{ dropped: string | null; sent: Record<string, unknown> }> {
  const { path, body } = ask(client, { model, more });
  gateway.upstream.script([{ say: { text: "ok" } }]);
  const response = await gateway.call(path, { body });
  assert.equal(response.status, 200, await response.text());
  return { dropped: response.headers.get("x-factory-proxy-dropped"), sent: objectOf(JSON.parse(gateway.lastSeen().body)) };
}

test("cursor-flat-tools: a custom tool in the flat form beside a nested function reaches Claude", async () => {
  gateway.upstream.script([{ body: reported(REPORT, "upstream.json") }]);
  const response = await gateway.call("/v1/chat/completions", { body: reported(REPORT, "request.json") });
  assert.deepEqual([response.status, response.headers.get("x-factory-proxy-dropped")], [200, "tools.ApplyPatch"], await response.text());
  assert.deepEqual(objectsOf(objectOf(JSON.parse(gateway.lastSeen().body))["tools"]), [
    { name: "read", description: "d", input_schema: NOTHING },
    {
      name: "ApplyPatch",
      description: "p\nPut the whole text into `input`, as it is.\nIt has to follow this lark grammar:\nstart: /.+/",
      input_schema: { type: "object", properties: { input: { type: "string" } }, required: ["input"], additionalProperties: false },
    },
  ]);
});

/** One function, as clients write it, whatever the protocol of the body. */
const FORMS: Readonly<Record<string, Record<string, unknown>>> = {
  "the nested form of Chat": { type: "function", function: { name: "read", description: "d", parameters: NOTHING } },
  "the flat form of Responses": { type: "function", name: "read", description: "d", parameters: NOTHING },
};
const CLIENTS: Readonly<Record<ProtocolId, { readonly model: string; readonly more: Record<string, Record<string, unknown>> }>> = {
  "openai-chat": {
    model: "claude-sonnet-5",
    more: { "the form of Messages": { name: "read", description: "d", input_schema: NOTHING } },
  },
  "openai-responses": { model: "claude-sonnet-5", more: {} },
  "anthropic-messages": { model: "glm-5", more: { "the form of Messages": { name: "read", description: "d", input_schema: NOTHING } } },
  gemini: { model: "claude-sonnet-5", more: {} },
};

for (const [client, { model, more }] of Object.entries(CLIENTS) as [ProtocolId, (typeof CLIENTS)[ProtocolId]][]) {
  for (const [form, tool] of Object.entries({ ...FORMS, ...more })) {
    test(`cursor-flat-tools: ${form} in a body of ${client} is the function that it names`, async () => {
      const { sent, dropped } = await send(client, { model, more: { tools: [tool] } });
      const expected =
        model === "glm-5"
          ? { type: "function", function: { name: "read", description: "d", parameters: NOTHING } }
          : { name: "read", description: "d", input_schema: NOTHING };
      assert.deepEqual([objectsOf(sent["tools"]), dropped], [[expected], null]);
    });
  }
}

test("cursor-flat-tools: choices and calls of the history may be flat as well", async () => {
  const { sent, dropped } = await send("openai-chat", {
    model: "claude-sonnet-5",
    more: {
      tools: [FORMS["the flat form of Responses"]],
      tool_choice: { type: "function", name: "read" },
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: null, tool_calls: [{ id: "c1", type: "function", name: "read", arguments: '{"a":1}' }] },
        { role: "tool", tool_call_id: "c1", content: "done" },
      ],
    },
  });
  assert.deepEqual([sent["tool_choice"], dropped], [{ type: "tool", name: "read" }, null]);
  assert.deepEqual(objectsOf(objectsOf(sent["messages"])[1]?.["content"]), [{ type: "tool_use", id: "c1", name: "read", input: { a: 1 } }]);
});

/** The same function twice, in each protocol's own form. */
const TWICE: Readonly<Record<ProtocolId, readonly Record<string, unknown>[]>> = {
  "openai-chat": ["first", "last"].map((description) => ({
    type: "function",
    function: { name: "read", description, parameters: NOTHING },
  })),
  "openai-responses": ["first", "last"].map((description) => ({ type: "function", name: "read", description, parameters: NOTHING })),
  "anthropic-messages": ["first", "last"].map((description) => ({ name: "read", description, input_schema: NOTHING })),
  gemini: [{ functionDeclarations: ["first", "last"].map((description) => ({ name: "read", description })) }],
};

for (const [client, tools] of Object.entries(TWICE) as [ProtocolId, (typeof TWICE)[ProtocolId]][]) {
  test(`cursor-flat-tools: of a tool that ${client} lists twice the last one is sent, and that is reported`, async () => {
    const { sent, dropped } = await send(client, { model: client === "anthropic-messages" ? "glm-5" : "claude-sonnet-5", more: { tools } });
    const described = objectsOf(sent["tools"]).map((tool) => objectOf(tool["function"] ?? tool)["description"]);
    assert.deepEqual([described, dropped], [["last"], "tools.read"]);
  });
}
