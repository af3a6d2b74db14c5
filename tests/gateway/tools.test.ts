// Tools and tool choices on every way: what clients add unasked is left out and named, what they demand is refused by the same name everywhere.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask, errorIn, MODELS, WAYS } from "../support/dialects.ts";
import { startGateway } from "../support/gateway.ts";
import { objectOf, objectsOf } from "../support/reading.ts";

const gateway = await startGateway();
after(() => gateway.stop());

const NOTHING = { type: "object", properties: {} };

type Members = Readonly<Record<string, unknown>>;
interface Client {
  /** A function of the client's own. */
  readonly own: Members;
  /** Tools that run at the client's own provider, by the name that a loss has for them. */
  readonly hosted: Readonly<Record<string, Members>>;
  /** A choice that demands the first of them. */
  readonly demand: Members;
  /** What the error names. */
  readonly param: string;
  /** A conversation that stops while a hosted tool is at work, and what the error names. */
  readonly unfinished: Members;
  readonly unfinishedParam: string;
  /** The choice `validated`, with the client's own function. */
  readonly validated: Members;
  readonly choice: string;
}
const CLIENTS: Readonly<Record<ProtocolId, Client>> = {
  "openai-chat": {
    own: { type: "function", function: { name: "look", parameters: NOTHING } },
    hosted: { image_generation: { type: "image_generation" }, code_interpreter: { type: "code_interpreter" } },
    demand: { tool_choice: { type: "image_generation" } },
    param: "tool_choice",
    unfinished: {},
    unfinishedParam: "",
    validated: { tool_choice: "validated" },
    choice: "tool_choice",
  },
  "openai-responses": {
    own: { type: "function", name: "look", parameters: NOTHING },
    hosted: {
      image_generation: { type: "image_generation" },
      code_interpreter: { type: "code_interpreter", container: { type: "auto" } },
      file_search: { type: "file_search", vector_store_ids: ["vs_1"] },
      mcp: { type: "mcp", server_label: "docs", server_url: "https://example.com/mcp" },
      shell: { type: "shell", environment: { type: "container_auto" } },
    },
    demand: { tool_choice: { type: "image_generation" } },
    param: "tool_choice",
    unfinished: {
      input: [
        { role: "user", content: "Hi" },
        { type: "mcp_approval_request", id: "mcpr_1", name: "read", server_label: "docs", arguments: "{}" },
        { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: true },
      ],
    },
    unfinishedParam: "input.mcp_approval_response",
    validated: { tool_choice: "validated" },
    choice: "tool_choice",
  },
  "anthropic-messages": {
    own: { name: "look", input_schema: NOTHING },
    hosted: {
      code_execution: { type: "code_execution_20250825", name: "code_execution" },
      web_fetch: { type: "web_fetch_20250910", name: "web_fetch" },
      mcp_toolset: { type: "mcp_toolset", mcp_server_name: "docs" },
    },
    demand: { tool_choice: { type: "tool", name: "code_execution" } },
    param: "tool_choice",
    unfinished: {
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: [{ type: "server_tool_use", id: "srvtoolu_1", name: "code_execution", input: {} }] },
      ],
    },
    unfinishedParam: "messages.server_tool_use",
    validated: { tool_choice: { type: "validated" } },
    choice: "tool_choice",
  },
  gemini: {
    own: { functionDeclarations: [{ name: "look" }] },
    hosted: { codeExecution: { codeExecution: {} }, urlContext: { urlContext: {} }, googleMaps: { googleMaps: {} } },
    demand: { toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["codeExecution"] } } },
    param: "toolConfig.functionCallingConfig",
    unfinished: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: [{ executableCode: { language: "PYTHON", code: "1" } }] },
      ],
    },
    unfinishedParam: "contents.executableCode",
    validated: { toolConfig: { functionCallingConfig: { mode: "VALIDATED" } } },
    choice: "toolConfig.functionCallingConfig",
  },
};

const CONVERTED = WAYS.filter(({ client, upstream }) => client !== upstream);

for (const { client, upstream, name } of CONVERTED) {
  const { own, hosted, demand, param, unfinished, unfinishedParam, validated, choice } = CLIENTS[client];
  const model = MODELS[upstream];
  const tools = [...Object.values(hosted), own];
  const send = async (more: Members): Promise<Response> => {
    const { path, body } = ask(client, { model, more: { tools, ...more } });
    gateway.upstream.script([{ say: { text: "ok" } }]);
    return gateway.call(path, { body });
  };
  const fields = (response: Response): string[] => (response.headers.get("x-factory-proxy-dropped") ?? "").split(",").sort();
  const left = Object.keys(hosted)
    .map((tool) => `tools.${tool}`)
    .sort();

  test(`${name}: hosted tools beside a function are left out and reported, by the same names for every upstream`, async () => {
    const response = await send({});
    assert.equal(response.status, 200, await response.text());
    assert.deepEqual(fields(response), left);
    assert.deepEqual(namesIn(gateway.lastSeen().body), ["look"]);
  });

  test(`${name}: hosted tools alone leave a request without tools`, async () => {
    const response = await send({ tools: Object.values(hosted) });
    assert.equal(response.status, 200, await response.text());
    assert.deepEqual(fields(response), left);
    const { tools: sent, tool_choice: sentChoice, toolConfig } = objectOf(JSON.parse(gateway.lastSeen().body));
    assert.deepEqual([sent, sentChoice, toolConfig], [undefined, undefined, undefined]);
  });

  test(`${name}: a choice that demands a hosted tool is refused`, async () => {
    const before = gateway.upstream.requests.length;
    const { status, message, param: said } = await errorIn(client, await send(demand));
    assert.equal(status, 400);
    assert.ok(message.startsWith(`${param}: `), message);
    if (client.startsWith("openai")) assert.equal(said, param);
    assert.equal(gateway.upstream.requests.length, before);
  });

  if (unfinishedParam !== "") {
    test(`${name}: a conversation that stops while a hosted tool is at work is refused`, async () => {
      const { status, message } = await errorIn(client, await send(unfinished));
      assert.equal(status, 400);
      assert.ok(message.startsWith(`${unfinishedParam}: `), message);
    });
  }

  test(`${name}: the choice "validated" is Gemini's VALIDATED, and auto elsewhere, reported`, async () => {
    const response = await send({ ...validated, tools: [own] });
    assert.equal(response.status, 200, await response.text());
    const sent = objectOf(JSON.parse(gateway.lastSeen().body));
    if (upstream === "gemini") {
      assert.deepEqual(
        [sent["toolConfig"], response.headers.get("x-factory-proxy-dropped")],
        [{ functionCallingConfig: { mode: "VALIDATED" } }, null],
      );
    } else {
      const auto = upstream === "anthropic-messages" ? { type: "auto" } : "auto";
      assert.deepEqual([sent["tool_choice"], fields(response)], [auto, [choice]]);
    }
  });
}

/** The tools that an upstream was sent. */
function namesIn(body: string): unknown[] {
  return objectsOf(objectOf(JSON.parse(body))["tools"]).flatMap((tool) => {
    const declared = objectsOf(tool["functionDeclarations"]);
    return (declared.length > 0 ? declared : [objectOf(tool["function"] ?? tool)]).map((one) => one["name"] ?? one["type"]);
  });
}

test("a hosted step that is over is left out and reported, and the answer goes on", async () => {
  const input = [
    { role: "user", content: "Draw a ship." },
    { type: "image_generation_call", id: "ig_1", status: "completed", result: "AAAA" },
    { role: "assistant", content: "Here it is." },
    { role: "user", content: "And a harbour." },
  ];
  for (const upstream of ["openai-chat", "anthropic-messages", "gemini"] as const) {
    gateway.upstream.script([{ say: { text: "ok" } }]);
    const tools = [{ type: "image_generation" }];
    const response = await gateway.call("/v1/responses", { body: { model: MODELS[upstream], input, tools } });
    assert.deepEqual(
      [response.status, (response.headers.get("x-factory-proxy-dropped") ?? "").split(",").sort()],
      [200, ["input.image_generation_call", "tools.image_generation"]],
      await response.text(),
    );
  }
});

test("a list of allowed tools keeps those that are there; where only hosted ones were allowed, none may be called", async () => {
  const allowed = (mode: string, tools: readonly Members[]): Members => ({ tool_choice: { type: "allowed_tools", mode, tools } });
  const tools = [{ type: "function", name: "look", parameters: NOTHING }, { type: "image_generation" }, { type: "web_search" }];
  const [look, draw, search] = [{ type: "function", name: "look" }, { type: "image_generation" }, { type: "web_search" }];
  const rows: readonly (readonly [more: Members, choice: Readonly<Partial<Record<ProtocolId, unknown>>>])[] = [
    [
      allowed("required", [look, draw, search]),
      { "openai-chat": "required", gemini: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["look"] } } },
    ],
    [
      allowed("auto", [draw]),
      { "openai-chat": "none", "anthropic-messages": { type: "none" }, gemini: { functionCallingConfig: { mode: "NONE" } } },
    ],
  ];
  for (const [more, choices] of rows) {
    for (const [upstream, choice] of Object.entries(choices) as [ProtocolId, unknown][]) {
      gateway.upstream.script([{ say: { text: "ok" } }]);
      const { path, body } = ask("openai-responses", { model: MODELS[upstream], more: { tools, ...more } });
      const response = await gateway.call(path, { body });
      assert.equal(response.status, 200, await response.text());
      const sent = objectOf(JSON.parse(gateway.lastSeen().body));
      assert.deepEqual(sent["tool_choice"] ?? sent["toolConfig"], choice, upstream);
    }
  }
});

const SEARCHES = ["web_search", "web_search_2025_08_26", "web_search_2027_01_31", "web_search_preview", "web_search_preview_2025_03_11"];
for (const type of SEARCHES) {
  test(`${type} is the web search, whose versions come without asking anybody here`, async () => {
    for (const [path, question] of [
      ["/v1/responses", { input: "Hello there" }],
      ["/v1/chat/completions", { messages: [{ role: "user", content: "Hello there" }] }],
    ] as const) {
      const response = await gateway.call(path, { body: { model: "claude-sonnet-5", tools: [{ type }], ...question } });
      assert.deepEqual([response.status, response.headers.get("x-factory-proxy-dropped")], [200, null], await response.text());
      assert.deepEqual((JSON.parse(gateway.lastSeen().body) as { tools: unknown }).tools, [
        { type: "web_search_20250305", name: "web_search" },
      ]);
    }
  });
}
