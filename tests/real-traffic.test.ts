// What real clients send, through a listening gateway, to upstreams of all four protocols that refuse what strict providers refuse.
// The requests are our own in the clients' structure; where recorded ones are at hand, they go the same ways.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { JsonObject } from "../src/wire/json.ts";
import type { ProtocolId } from "../src/protocol/canonical.ts";
import * as traffic from "./support/clients/traffic.ts";
import { ask, errorIn, eventsIn, MODELS, textOf as answerText } from "./support/dialects.ts";
import { loadCases, PROTOCOLS } from "./support/fixtures.ts";
import { CLIENT_KEY, FACTORY_KEY, startGateway, until, type RunningGateway } from "./support/gateway.ts";
import { has, objectOf, objectsOf, textOf } from "./support/reading.ts";
import { obeysStreamGrammar } from "./support/stream-grammar.ts";
import { requestText, rawCall } from "./support/wire.ts";

let gateway: RunningGateway;
before(async () => {
  gateway = await startGateway({ environment: { SYSTEM_PROMPT: "", WEBSOCKET: "off" } });
});
after(() => gateway.stop());

/** Sends what a client sends for a model of the upstream's protocol; gives its whole stream and what the upstream got. */
async function pass(client: traffic.RealClient, upstream: ProtocolId): Promise<{ stream: string; sent: JsonObject; response: Response }> {
  const { path, headers, body } = client.send(MODELS[upstream]);
  const response = await gateway.call(path, { headers, body });
  const stream = await response.text();
  assert.equal(response.status, 200, `${client.name} -> ${upstream}: ${stream}`);
  const seen = gateway.lastSeen();
  assert.equal(seen.protocol, upstream);
  return { stream, sent: objectOf(JSON.parse(seen.body)), response };
}

/** Pairs where the client's own words go to a server that does not know them. */
const OWN_FAULT: ReadonlySet<string> = new Set(["Cline -> openai-chat"]);

for (const client of traffic.REAL_CLIENTS) {
  for (const upstream of PROTOCOLS) {
    const name = `${client.name} -> ${upstream}`;
    if (OWN_FAULT.has(name)) continue;
    test(`${name}: what it sends is taken, and what it gets is a stream of its protocol`, async () => {
      const { stream, sent } = await pass(client, upstream);
      const includeUsage = client.send("m").body["stream_options"] !== undefined;
      if (client.protocol !== upstream) obeysStreamGrammar(client.protocol, stream, { includeUsage });
      // The conversation has arrived: the words of the user, of a tool, and the instructions.
      const said = JSON.stringify(sent);
      for (const text of ["How full is the disk?", "42%", "agent in a terminal"]) {
        if (JSON.stringify(client.send("m").body).includes(text)) assert.ok(said.includes(text), `${text} is in ${said}`);
      }
    });
  }
}

for (const one of loadCases().cases.filter(({ origin }) => origin === "client")) {
  const { request, protocol } = one;
  if (request === null) continue;
  for (const upstream of PROTOCOLS) {
    test(`recorded, ${one.name} -> ${upstream}: it is taken, and answered in its protocol`, async () => {
      const { path } = ask(protocol, { model: MODELS[upstream], stream: true });
      const recorded = objectOf(JSON.parse(request.body));
      const body = protocol === "gemini" ? recorded : { ...recorded, model: MODELS[upstream] };
      const version = request.headers["anthropic-version"];
      const response = await gateway.call(path, { body, headers: version === undefined ? {} : { "anthropic-version": version } });
      const stream = await response.text();
      assert.equal(response.status, 200, stream);
      if (protocol !== upstream) obeysStreamGrammar(protocol, stream, { includeUsage: has(recorded, "stream_options") });
    });
  }
}

// ---- Anthropic's SDKs ----------------------------------------------------------------------------------------------

for (const [generation, headers] of [
  ["1.x", { "anthropic-version": "2026-10-21", authorization: `Bearer ${CLIENT_KEY}` }],
  ["0.x", { "anthropic-version": "2023-06-01", "x-api-key": CLIENT_KEY }],
] as const) {
  for (const upstream of PROTOCOLS) {
    test(`Anthropic's SDK ${generation} is let in with its version and its kind of key -> ${upstream}`, async () => {
      const { path, body } = ask("anthropic-messages", { model: MODELS[upstream] });
      const response = await gateway.call(path, { body, headers, key: null });
      const answer = await response.text();
      assert.equal(response.status, 200, answer);
      assert.equal(answerText("anthropic-messages", answer), "You said: Hello there");
      const seen = gateway.lastSeen();
      assert.equal(seen.headers["authorization"], `Bearer ${FACTORY_KEY}`);
      assert.equal(seen.headers["x-api-key"], undefined);
      assert.equal(seen.headers["anthropic-version"], upstream === "anthropic-messages" ? headers["anthropic-version"] : undefined);
    });
  }
}

// ---- Threads -------------------------------------------------------------------------------------------------------

for (const thread of [{ type: "create" }, { type: "continue", previous_message_id: "msg_1" }]) {
  for (const upstream of PROTOCOLS) {
    test(`a thread to ${thread.type} is ${upstream === "anthropic-messages" ? "Anthropic's to hold" : "refused so that the tool runner goes on without"} -> ${upstream}`, async () => {
      const { path, body } = ask("anthropic-messages", { model: MODELS[upstream], more: { thread } });
      const count = gateway.upstream.requests.length;
      const response = await gateway.call(path, { body, headers: { "anthropic-beta": "message-threads-2026-08-12" } });
      const answer = objectOf(await response.json());
      if (upstream === "anthropic-messages") {
        assert.equal(response.status, 200);
        assert.deepEqual(objectOf(JSON.parse(gateway.lastSeen().body))["thread"], thread);
        return;
      }
      assert.equal(response.status, 400);
      const { type, details } = objectOf(answer["error"]);
      assert.deepEqual([answer["type"], type], ["error", "invalid_request_error"]);
      assert.deepEqual(details, { error_code: "thread_unsupported_request", unsupported: ["thread"] });
      assert.equal(gateway.upstream.requests.length, count, "nothing was sent without its history");
    });
  }
}

// ---- Google's SDKs -------------------------------------------------------------------------------------------------

for (const prefix of ["/v1/models", "/v1beta/models", "/v1/models/models", "/v1beta/models/models"]) {
  for (const upstream of PROTOCOLS) {
    test(`@google/genai of every generation finds its route under ${prefix} -> ${upstream}`, async () => {
      const body = { contents: [{ role: "user", parts: [{ text: "Hello there" }] }] };
      const response = await gateway.call(`${prefix}/${MODELS[upstream]}:generateContent`, {
        body,
        key: null,
        headers: { "x-goog-api-key": CLIENT_KEY },
      });
      const answer = await response.text();
      assert.equal(response.status, 200, answer);
      assert.equal(answerText("gemini", answer), "You said: Hello there");
    });
  }
}

test("and OpenAI's list of models stands under the same prefix", async () => {
  const list = objectOf(await (await gateway.call("/v1/models", { method: "GET" })).json());
  assert.equal(list["object"], "list");
  const one = objectOf(await (await gateway.call(`/v1/models/${MODELS.gemini}`, { method: "GET" })).json());
  assert.deepEqual([one["id"], one["object"]], [MODELS.gemini, "model"]);
});

// ---- Claude Code ---------------------------------------------------------------------------------------------------

test("Claude Code's own words reach Claude as they were, its betas too", async () => {
  const { sent } = await pass(traffic.claudeCode, "anthropic-messages");
  assert.deepEqual(sent, traffic.claudeCode.send(MODELS["anthropic-messages"]).body);
  const asked = traffic.claudeCode.send("m").headers;
  for (const header of ["anthropic-beta", "anthropic-version"]) assert.equal(gateway.lastSeen().headers[header], asked[header]);
});

for (const upstream of ["openai-chat", "openai-responses", "gemini"] as const) {
  test(`Claude Code's billing line, betas, marks and thinking object stay behind, its deferred tool and last word do not -> ${upstream}`, async () => {
    const { sent, response } = await pass(traffic.claudeCode, upstream);
    const said = JSON.stringify(sent);
    for (const word of ["x-anthropic-billing-header", "cache_control", "defer_loading", "context_management", "$type", '"thinking"']) {
      assert.ok(!said.includes(word), `${word} is not in ${said}`);
    }
    assert.ok(said.includes("NotebookEdit"), "the deferred tool is sent in full");
    assert.ok(said.indexOf("42%") < said.indexOf("Answer in one line."), "the last system message stands behind the result");
    assert.equal(gateway.lastSeen().headers["anthropic-beta"], undefined);
    assert.equal(response.headers.get("x-factory-proxy-dropped"), null, "nothing that matters was lost");
  });
}

test("the effort of Claude Code's last message is the one that counts", async () => {
  const { sent } = await pass(traffic.claudeCode, "openai-responses");
  assert.equal(objectOf(sent["reasoning"])["effort"], "low");
  assert.equal(objectsOf(sent["input"]).at(-1)?.["role"], "developer");
  assert.equal(sent["prompt_cache_key"], "s-1");
});

test("a stream for a model that is not there is 404, and asked again without stream it is the same", async () => {
  for (const stream of [true, false]) {
    const { path, body } = ask("anthropic-messages", { model: "claud-opus-4-8", stream });
    const { status, type } = await errorIn("anthropic-messages", await gateway.call(path, { body }));
    assert.deepEqual([status, type], [404, "not_found_error"]);
  }
});

test("retry-after reaches Claude Code from every upstream", async () => {
  for (const upstream of PROTOCOLS) {
    gateway.upstream.script([{ error: { status: 429, message: "Slow down." }, headers: { "retry-after": "37" } }]);
    const { path, body } = ask("anthropic-messages", { model: MODELS[upstream], stream: true });
    const response = await gateway.call(path, { body });
    await response.text();
    assert.deepEqual([response.status, response.headers.get("retry-after")], [429, "37"], upstream);
  }
});

// ---- Tools, and Codex ----------------------------------------------------------------------------------------------

/** Names of the tools that an upstream was told of. */
function toolNames(protocol: ProtocolId, sent: JsonObject): string[] {
  const tools = objectsOf(sent["tools"]);
  switch (protocol) {
    case "openai-chat":
      return tools.map((tool) => textOf(objectOf(tool["function"] ?? tool["custom"])["name"]));
    case "gemini":
      return tools.flatMap((tool) => objectsOf(tool["functionDeclarations"])).map((tool) => textOf(tool["name"]));
    default:
      return tools.map((tool) => textOf(tool["name"] ?? tool["type"]));
  }
}

const CODEX_TOOLS: readonly (readonly [client: traffic.RealClient, tools: Readonly<Partial<Record<ProtocolId, readonly string[]>>>])[] = [
  [
    traffic.codex,
    {
      "openai-chat": ["exec_command", "multi_agent_v1__spawn_agent"],
      "anthropic-messages": ["exec_command", "multi_agent_v1__spawn_agent", "web_search"],
      gemini: ["exec_command", "multi_agent_v1__spawn_agent"],
    },
  ],
  [
    traffic.codexWithCustomTools,
    {
      "openai-chat": ["apply_patch", "exec_command", "multi_agent_v1__spawn_agent", "tool_search"],
      "anthropic-messages": ["apply_patch", "exec_command", "multi_agent_v1__spawn_agent", "tool_search", "web_search"],
      gemini: ["apply_patch", "exec_command", "multi_agent_v1__spawn_agent", "tool_search"],
    },
  ],
  [
    traffic.codexLite,
    {
      "openai-chat": ["exec_command", "multi_agent_v1__spawn_agent"],
      "anthropic-messages": ["exec_command", "multi_agent_v1__spawn_agent"],
      gemini: ["exec_command", "multi_agent_v1__spawn_agent"],
    },
  ],
];

for (const [client, byProtocol] of CODEX_TOOLS) {
  for (const [upstream, names] of Object.entries(byProtocol) as [ProtocolId, readonly string[]][]) {
    test(`the tools of ${client.name} reach every model -> ${upstream}`, async () => {
      const { sent, response } = await pass(client, upstream);
      assert.deepEqual(toolNames(upstream, sent), names);
      assert.notEqual(response.headers.get("x-request-id"), null, "it prints the id in its errors");
      const dropped = response.headers.get("x-factory-proxy-dropped") ?? "";
      assert.ok(dropped.split(",").includes("client_metadata"), dropped);
    });
  }
}

for (const upstream of ["openai-chat", "anthropic-messages", "gemini"] as const) {
  test(`a call of Codex's namespaced and custom tools comes back as it declared them <- ${upstream}`, async () => {
    gateway.upstream.script([
      {
        say: {
          calls: [
            { id: "call_1", name: "multi_agent_v1__spawn_agent", custom: false, arguments: '{"command":"look"}' },
            { id: "call_2", name: "apply_patch", custom: false, arguments: '{"input":"*** Begin Patch\\n"}' },
          ],
        },
      },
    ]);
    const { stream } = await pass(traffic.codexWithCustomTools, upstream);
    obeysStreamGrammar("openai-responses", stream, { includeUsage: true });
    const last = objectOf(JSON.parse(eventsIn(stream).at(-1)?.data ?? "{}"));
    const calls = objectsOf(objectOf(last["response"])["output"]).filter((item) => textOf(item["type"]).endsWith("_call"));
    assert.deepEqual(
      calls.map(({ type, name, namespace, call_id, arguments: args, input }) => ({ type, name, namespace, call_id, args, input })),
      [
        {
          type: "function_call",
          name: "spawn_agent",
          namespace: "multi_agent_v1",
          call_id: "call_1",
          args: '{"command":"look"}',
          input: undefined,
        },
        {
          type: "custom_tool_call",
          name: "apply_patch",
          namespace: undefined,
          call_id: "call_2",
          args: undefined,
          input: "*** Begin Patch\n",
        },
      ],
    );
  });
}

test("Codex's own body reaches GPT as it was", async () => {
  for (const client of [traffic.codex, traffic.codexWithCustomTools, traffic.codexLite]) {
    const { sent } = await pass(client, "openai-responses");
    assert.deepEqual(sent, client.send(MODELS["openai-responses"]).body);
  }
});

test("with WEBSOCKET=off Codex's WebSocket handshake gets 426 at once, with the key that it sends", async () => {
  const headers = {
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    authorization: `Bearer ${CLIENT_KEY}`,
  };
  const call = rawCall(gateway.url, requestText("GET /v1/responses", headers));
  await until(() => call.text().includes("\r\n\r\n"), "the answer");
  assert.match(call.text(), /^HTTP\/1\.1 426 /);
  call.leave();
});

// ---- Copilot and Cline ---------------------------------------------------------------------------------------------

for (const upstream of ["openai-responses", "anthropic-messages", "gemini"] as const) {
  test(`Copilot's custom tool over Chat is called and comes back as one <- ${upstream}`, async () => {
    const isOwn = upstream === "openai-responses";
    const text = "*** Begin Patch\n+über\n";
    gateway.upstream.script([
      { say: { calls: [{ id: "call_1", name: "apply_patch", custom: isOwn, arguments: isOwn ? text : JSON.stringify({ input: text }) }] } },
    ]);
    const { stream, sent } = await pass(traffic.copilot, upstream);
    assert.deepEqual(toolNames(upstream, sent), ["apply_patch", "bash"]);
    obeysStreamGrammar("openai-chat", stream, { includeUsage: false });
    const chunks = eventsIn(stream).slice(0, -1);
    const deltas = chunks.flatMap(({ data }) =>
      objectsOf(objectOf(objectsOf(objectOf(JSON.parse(data))["choices"])[0]?.["delta"])["tool_calls"]),
    );
    assert.deepEqual([deltas[0]?.["type"], objectOf(deltas[0]?.["custom"])["name"]], ["custom", "apply_patch"]);
    assert.equal(deltas.map((delta) => textOf(objectOf(delta["custom"])["input"])).join(""), text);
  });
}

for (const [upstream, names] of [
  ["openai-responses", ["bash", "web_search"]],
  ["anthropic-messages", ["bash", "web_search"]],
  ["gemini", ["bash"]],
] as const) {
  test(`Cline's searches beside functions are one search, or none and said -> ${upstream}`, async () => {
    const { sent, response } = await pass(traffic.cline, upstream);
    assert.deepEqual(toolNames(upstream, sent), names);
    assert.equal(response.headers.get("x-factory-proxy-dropped"), upstream === "gemini" ? "tools.web_search" : null);
  });
}

// ---- Keys ----------------------------------------------------------------------------------------------------------

for (const [how, headers] of Object.entries({
  "a bearer key": { authorization: `Bearer ${CLIENT_KEY}` },
  "x-api-key": { "x-api-key": CLIENT_KEY },
  "x-goog-api-key": { "x-goog-api-key": CLIENT_KEY },
})) {
  test(`${how} opens every route, whatever the client calls itself`, async () => {
    for (const protocol of PROTOCOLS) {
      const { path, body } = ask(protocol, { model: MODELS["openai-responses"] });
      const response = await gateway.call(path, {
        body,
        key: null,
        headers: { ...headers, "user-agent": "claude-cli/2.1.330 (external, cli)" },
      });
      const answer = await response.text();
      assert.equal(response.status, 200, answer);
      assert.equal(answerText(protocol, answer), "You said: Hello there");
      assert.equal(gateway.lastSeen().headers["authorization"], `Bearer ${FACTORY_KEY}`);
      assert.ok(!JSON.stringify(gateway.lastSeen().headers).includes(CLIENT_KEY), "the client's key stays here");
    }
  });
}

// ---- Marks, limits and schemas -------------------------------------------------------------------------------------

test("marks on calls and results, and tools that stream early, go to Claude and to nobody else", async () => {
  for (const client of [traffic.opencodeMessages, traffic.pi]) {
    for (const upstream of PROTOCOLS) {
      const { sent } = await pass(client, upstream);
      const said = JSON.stringify(sent);
      const isOwn = upstream === "anthropic-messages";
      assert.equal(said.includes("cache_control"), isOwn && client === traffic.opencodeMessages, `${client.name} -> ${upstream}`);
      assert.equal(said.includes("eager_input_streaming"), isOwn && client === traffic.pi, `${client.name} -> ${upstream}`);
    }
  }
});

test("OpenCode's marks on whole Chat messages reach Claude, each on its message's last block", async () => {
  const cache_control = { type: "ephemeral" };
  const call = { id: "call_1", type: "function", function: { name: "look", arguments: "{}" } };
  const messages = [
    { role: "system", content: "Be brief.", cache_control },
    { role: "user", content: "Look." },
    { role: "assistant", content: "", tool_calls: [call], cache_control },
    { role: "tool", tool_call_id: "call_1", content: "A fox.", cache_control },
  ];
  const tools = [{ type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } }];
  const response = await gateway.call("/v1/chat/completions", { body: { model: "claude-opus-4-8", messages, tools } });
  assert.deepEqual([response.status, response.headers.get("x-factory-proxy-dropped")], [200, null], await response.text());
  const sent = objectOf(JSON.parse(gateway.lastSeen().body));
  assert.deepEqual(
    [sent["system"], sent["messages"]],
    [
      [{ type: "text", text: "Be brief.", cache_control }],
      [
        { role: "user", content: [{ type: "text", text: "Look." }] },
        { role: "assistant", content: [{ type: "tool_use", id: "call_1", name: "look", input: {}, cache_control }] },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: "call_1", content: [{ type: "text", text: "A fox." }], cache_control }],
        },
      ],
    ],
  );
});

test("both names of the limit mean the same, and content may be null beside calls", async () => {
  for (const [limit, upstream, read] of [
    ["max_tokens", "openai-responses", (sent: JsonObject) => sent["max_output_tokens"]],
    ["max_completion_tokens", "openai-responses", (sent: JsonObject) => sent["max_output_tokens"]],
    ["max_tokens", "gemini", (sent: JsonObject) => objectOf(sent["generationConfig"])["maxOutputTokens"]],
    ["max_completion_tokens", "anthropic-messages", (sent: JsonObject) => sent["max_tokens"]],
  ] as const) {
    const { max_tokens: _, ...body } = traffic.opencodeChat.send(MODELS[upstream]).body;
    const response = await gateway.call("/v1/chat/completions", { body: { ...body, [limit]: 4321 } });
    assert.equal(response.status, 200, await response.text());
    assert.equal(read(objectOf(JSON.parse(gateway.lastSeen().body))), 4321, `${limit} -> ${upstream}`);
  }
});

for (const client of [traffic.geminiCli, traffic.opencodeGemini]) {
  for (const upstream of ["openai-chat", "openai-responses", "anthropic-messages"] as const) {
    test(`schemas in both of Gemini's forms, calls with and without an id, and its word for no signature: ${client.name} -> ${upstream}`, async () => {
      const { sent } = await pass(client, upstream);
      const said = JSON.stringify(sent);
      assert.ok(!said.includes("skip_thought_signature_validator"), "Google's word is nobody else's");
      assert.ok(!said.includes("OBJECT") && !said.includes("STRING"), "schemas are JSON Schema");
      assert.ok(said.includes("42%"), "the result has found its call");
    });
  }
}

test("Gemini's clients' own words reach Gemini as they were", async () => {
  for (const client of [traffic.geminiCli, traffic.opencodeGemini]) {
    const { sent } = await pass(client, "gemini");
    const { model, stream, ...rest } = sent;
    assert.deepEqual([model, stream, rest], [MODELS.gemini, true, client.send("m").body]);
  }
});

// ---- Errors --------------------------------------------------------------------------------------------------------

/** How each provider says that a conversation no longer fits. */
const TOO_LONG: Readonly<Record<ProtocolId, { readonly message: string; readonly code?: string }>> = {
  "openai-chat": { message: "This model's maximum context length is 131072 tokens. However, you requested 140000 tokens." },
  "openai-responses": { message: "Your input exceeds the context window of this model.", code: "context_length_exceeded" },
  "anthropic-messages": { message: "prompt is too long: 210000 tokens > 200000 maximum" },
  gemini: { message: "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)." },
};

for (const client of PROTOCOLS) {
  for (const upstream of PROTOCOLS) {
    test(`a context that is full is told in the words that the client knows: ${client} <- ${upstream}`, async () => {
      const { message, code } = TOO_LONG[upstream];
      gateway.upstream.script([{ error: { status: 400, message, ...(code === undefined ? {} : { code }) } }]);
      const { path, body } = ask(client, { model: MODELS[upstream], stream: true });
      const error = await errorIn(client, await gateway.call(path, { body }));
      assert.equal(error.status, 400);
      assert.ok(error.message.includes(message), error.message);
      if (client === "anthropic-messages") assert.match(error.message, /^prompt is too long/);
      if (client.startsWith("openai-") && client !== upstream) assert.equal(error.code, "context_length_exceeded");
    });
  }
}

for (const status of [429, 500]) {
  for (const upstream of PROTOCOLS) {
    test(`a ${status} stays one for Gemini's clients, who ask again for more than a minute <- ${upstream}`, async () => {
      gateway.upstream.script([{ error: { status, message: "Not now." } }]);
      const { path, body } = ask("gemini", { model: MODELS[upstream] });
      const error = await errorIn("gemini", await gateway.call(path, { body }));
      assert.deepEqual([error.status, error.message], [status, "Not now."]);
    });
  }
}

// ---- Side requests -------------------------------------------------------------------------------------------------

for (const client of PROTOCOLS) {
  test(`side requests with the same prompt each get their own answer: ${client}`, async () => {
    const model = MODELS["anthropic-messages"];
    const asked = ["title", "answer", "summary"].map((text) =>
      ask(client, { model, text: `For the ${text}: hello`, system: "Same prompt." }),
    );
    const answers = await Promise.all(asked.map(async ({ path, body }) => await (await gateway.call(path, { body })).text()));
    assert.deepEqual(
      answers.map((answer) => answerText(client, answer)),
      ["title", "answer", "summary"].map((text) => `You said: For the ${text}: hello`),
    );
  });
}
