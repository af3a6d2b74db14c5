// What the official clients do beyond one call: their own tool loops, parsed answers, lists of models, counted tokens, refusals
// that they handle. Each against a model of another protocol, in front of the strict scripted upstream.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { GoogleGenAI } from "@google/genai";
import { APICallError, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import OpenAI, { NotFoundError } from "openai";
import type { RunnableToolFunctionWithParse } from "openai/lib/RunnableFunction";
import { CLIENTS } from "./support/clients/clients.ts";
import { sentIn } from "./support/clients/sent.ts";
import { FACTORY_KEY, startGateway } from "./support/gateway.ts";
import { objectOf } from "./support/reading.ts";
import type { Answer, Seen } from "./support/upstream.ts";

const gateway = await startGateway({ environment: { LOG_LEVEL: "debug" } });
after(() => gateway.stop());

const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0, logLevel: "error" });
const google = new GoogleGenAI({ apiKey: gateway.key, httpOptions: { baseUrl: gateway.url } });
const aiOpenai = createOpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key });

const MODELS = ["claude-haiku-4-5-20251001", "gpt-5.2", "glm-4.6", "gemini-2.5-pro"];
const SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false } as const;

/** The turns of each request that the upstream answered while something was done. */
async function requestsOf<Result>(act: () => Promise<Result>): Promise<{ result: Result; turns: string[][] }> {
  const before = gateway.upstream.requests.length;
  const result = await act();
  const answered = gateway.upstream.requests.slice(before).filter((seen) => refuseThreads(seen) === null);
  return { result, turns: answered.map((seen) => sentIn(seen).turns.map(({ role }) => role)) };
}

/** What a Messages upstream without threads says, after which the SDK goes on without them. */
function refuseThreads({ protocol, body }: Seen): Answer | null {
  if (protocol !== "anthropic-messages" || !("thread" in JSON.parse(body))) return null;
  const details = { error_code: "thread_unsupported_request", unsupported: ["thread"] };
  const error = { type: "invalid_request_error", message: "This model holds no threads.", details };
  return { status: 400, body: JSON.stringify({ type: "error", error }) };
}

const ONE_LOOP = [["user"], ["user", "assistant", "tools"]];

for (const model of MODELS) {
  for (const stream of [false, true]) {
    test(`openai's runTools calls the tool of ${model} and goes on, ${stream ? "streamed" : "whole"}`, async () => {
      const asked: unknown[] = [];
      const look: RunnableToolFunctionWithParse<object> = {
        type: "function",
        function: {
          name: "look",
          description: "Looks at a city.",
          parameters: { ...SCHEMA, required: [...SCHEMA.required] },
          parse: (text) => JSON.parse(text) as object,
          function: (input) => {
            asked.push(input);
            return "Rain.";
          },
        },
      };
      const { result, turns } = await requestsOf(() => {
        const params = { model, messages: [{ role: "user" as const, content: "Look at Paris" }], tools: [look] };
        const { completions } = openai.chat;
        return stream ? completions.runTools({ ...params, stream }).finalContent() : completions.runTools(params).finalContent();
      });
      assert.deepEqual({ result, asked, turns }, { result: "The tool says: Rain.", asked: [{ city: "Paris" }], turns: ONE_LOOP });
    });

    test(`anthropic's toolRunner calls the tool of ${model} and goes on, ${stream ? "streamed" : "whole"}`, async () => {
      const asked: unknown[] = [];
      const look = betaTool({
        name: "look",
        description: "Looks at a city.",
        inputSchema: SCHEMA,
        run: (input) => {
          asked.push(input);
          return "Rain.";
        },
      });
      gateway.upstream.script(refuseThreads);
      const { result, turns } = await requestsOf(() =>
        anthropic.beta.messages
          .toolRunner({ model, max_tokens: 1024, messages: [{ role: "user", content: "Look at Paris" }], tools: [look], stream })
          .runUntilDone(),
      );
      const texts = result.content.map((block) => (block.type === "text" ? block.text : block.type));
      assert.deepEqual({ texts, asked, turns }, { texts: ["The tool says: Rain."], asked: [{ city: "Paris" }], turns: ONE_LOOP });
    });
  }

  test(`the AI SDK's own loop calls the tool of ${model} and goes on, whole and streamed`, async () => {
    for (const run of [generateText, streamText]) {
      const asked: unknown[] = [];
      const look = tool({
        description: "Looks at a city.",
        inputSchema: jsonSchema<{ city: string }>(SCHEMA),
        execute: (input) => {
          asked.push(input);
          return "Rain.";
        },
      });
      const { result, turns } = await requestsOf(async () => {
        const params = { model: aiOpenai.chat(model), prompt: "Look at Paris", tools: { look }, stopWhen: stepCountIs(3), maxRetries: 0 };
        return await (
          await run(params)
        ).text;
      });
      assert.deepEqual({ result, asked, turns }, { result: "The tool says: Rain.", asked: [{ city: "Paris" }], turns: ONE_LOOP });
    }
  });

  test(`openai's parse gives the answer of ${model} as a value`, async () => {
    const chat = await openai.chat.completions.parse({
      model,
      messages: [{ role: "user", content: "Where to?" }],
      response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema: SCHEMA } },
    });
    const response = await openai.responses.parse({
      model,
      input: "Where to?",
      text: { format: { type: "json_schema", name: "answer", strict: true, schema: SCHEMA } },
    });
    assert.deepEqual([chat.choices[0]?.message.content, response.output_text], ['{"city":"Paris"}', '{"city":"Paris"}']);
  });

  test(`a Responses client that leaves the history of ${model} to the server gets an answer, or is told what to do`, async () => {
    const first = await openai.responses.create({ model, input: "Hello there" });
    const second = openai.responses.create({ model, input: "And now?", previous_response_id: first.id });
    if (model === "gpt-5.2") {
      // The request is the upstream's own: it passes as it is.
      await second;
      assert.equal(JSON.parse(gateway.lastSeen().body).previous_response_id, first.id);
      return;
    }
    await assert.rejects(second, { status: 400, param: "previous_response_id", code: "unsupported_by_upstream" });
  });
}

test("the AI SDK's OpenAI provider is told how to hold a conversation with a model of another provider", async () => {
  // It stores by default, and then refers to its own items by id; with `store: false` it sends them.
  const model = aiOpenai.responses("claude-haiku-4-5-20251001");
  const messages = [
    { role: "user" as const, content: "Hello there" },
    ...(await generateText({ model, prompt: "Hello there", maxRetries: 0 })).response.messages,
    { role: "user" as const, content: "And now?" },
  ];
  await assert.rejects(generateText({ model, messages, maxRetries: 0 }), (error) => {
    assert.ok(APICallError.isInstance(error));
    assert.equal(error.statusCode, 400);
    assert.match(error.message, /store/);
    return true;
  });
  const stateless = await generateText({ model, messages, maxRetries: 0, providerOptions: { openai: { store: false } } });
  assert.equal(stateless.text, "You said: And now?");
});

test("the models are listed and described in the shape that each client knows", async () => {
  const ofOpenai: string[] = [];
  for await (const model of openai.models.list()) ofOpenai.push(model.id);
  const ofAnthropic: string[] = [];
  for await (const model of anthropic.models.list()) ofAnthropic.push(model.id);
  const ofGoogle: string[] = [];
  for await (const model of await google.models.list()) ofGoogle.push(String(model.name));
  assert.deepEqual(ofOpenai, ofAnthropic);
  assert.deepEqual(
    ofGoogle,
    ofOpenai.map((id) => `models/${id}`),
  );
  for (const model of MODELS) assert.ok(ofOpenai.includes(model), model);
  const retrieved = await openai.models.retrieve("gpt-5-2025-08-07");
  assert.deepEqual([retrieved.id, retrieved.created, retrieved.owned_by], ["gpt-5-2025-08-07", Date.UTC(2025, 7, 7) / 1000, "openai"]);
  const described = await google.models.get({ model: "gemini-2.5-pro" });
  assert.deepEqual(
    [described.name, described.inputTokenLimit, described.outputTokenLimit, described.supportedActions],
    ["models/gemini-2.5-pro", 1_048_576, 65_535, ["generateContent", "countTokens"]],
  );
  const { id, type, display_name: name } = await anthropic.models.retrieve("claude-haiku-4-5-20251001");
  assert.deepEqual([id, type, name], ["claude-haiku-4-5-20251001", "model", "claude-haiku-4-5-20251001"]);
  await assert.rejects(openai.models.retrieve("no-such-model"), { status: 404, code: "model_not_found" });
  await assert.rejects(anthropic.models.retrieve("no-such-model"), { status: 404 });
});

test("every client's SDK counts tokens for every model: where the upstream counts them it is asked, elsewhere nobody is", async () => {
  const messages = [{ role: "user" as const, content: "Hello there" }];
  for (const model of MODELS) {
    const before = gateway.upstream.requests.length;
    const counts = [
      (await anthropic.messages.countTokens({ model, messages })).input_tokens,
      (await openai.responses.inputTokens.count({ model, input: messages })).input_tokens,
      (await google.models.countTokens({ model, contents: "Hello there" })).totalTokens,
    ];
    for (const count of counts) assert.ok(Number(count) > 2 && Number(count) < 100, `${model}: ${counts.join(", ")}`);
    assert.deepEqual(
      gateway.upstream.requests.slice(before).map(({ path }) => path),
      model.startsWith("claude-") ? counts.map(() => "/api/llm/a/v1/messages/count_tokens") : [],
      model,
    );
  }
});

test("a client without a key, and one that asks for a misspelt model, read in the error what to do", async () => {
  const nobody = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "unused", maxRetries: 0, defaultHeaders: { authorization: null } });
  await assert.rejects(nobody.chat.completions.create({ model: "glm-4.6", messages: [] }), { status: 401, code: "invalid_api_key" });
  const misspelt = openai.chat.completions.create({ model: "glm4.6", messages: [{ role: "user", content: "Hello" }] });
  await assert.rejects(misspelt, (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.equal(error.code, "model_not_found");
    assert.match(error.message, /"glm-4\.6"/);
    return true;
  });
});

test("both generations of Anthropic's client are let in, each with its own key header and API version, and their key stays here", async () => {
  const expected = { "anthropic 1": ["authorization", "2026-10-21"], "anthropic 0": ["x-api-key", "2023-06-01"] } as const;
  for (const [name, [keyHeader, version]] of Object.entries(expected)) {
    const client = CLIENTS.find((one) => one.name === name);
    assert.ok(client);
    const place = { url: gateway.url, key: gateway.key, model: "claude-haiku-4-5-20251001" };
    const told = await client.start(place, {}).say([{ type: "text", text: "Hello there" }], { mode: "whole" });
    assert.equal(told.text, "You said: Hello there");
    const { headers } = gateway.lastSeen();
    assert.deepEqual([headers["anthropic-version"], headers["authorization"]], [version, `Bearer ${FACTORY_KEY}`]);
    assert.ok(!JSON.stringify(headers).includes(gateway.key));
    // What came in, as the debug log has it, with its key masked.
    const asked = objectOf(gateway.lines.findLast((line) => line["event"] === "client request")?.["headers"]);
    assert.deepEqual(
      ["authorization", "x-api-key"].filter((header) => header in asked),
      [keyHeader],
    );
  }
});

test("a developer message and several system messages reach every model in order", async () => {
  const expected = ["You are Droid, an AI software engineering agent built by Factory.", "Be brief.", "Be kind."].join("\n\n");
  for (const model of MODELS) {
    for (const role of ["system", "developer"] as const) {
      await openai.chat.completions.create({
        model,
        messages: [
          { role, content: "Be brief." },
          { role, content: "Be kind." },
          { role: "user", content: "Hello there" },
        ],
      });
      assert.equal(sentIn(gateway.lastSeen()).system, expected, `${model}, ${role}`);
    }
  }
});
