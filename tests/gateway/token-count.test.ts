// Counting tokens: who is asked, what the answer says, and how far an estimate is off. No count is ever a call that generates.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { estimateTokens } from "../../src/gateway/token-estimate.ts";
import { request, user } from "../support/canonical.ts";
import { ask, errorIn, MODELS } from "../support/dialects.ts";
import { startGateways, type RunningGateway } from "../support/gateway.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({ SYSTEM_PROMPT: "" });

const COUNT_PATH = "/api/llm/a/v1/messages/count_tokens";
type Counting = Exclude<ProtocolId, "openai-chat">;
const CLIENTS: readonly Counting[] = ["anthropic-messages", "openai-responses", "gemini"];
const ESTIMATED = [MODELS["openai-chat"], MODELS["openai-responses"], MODELS.gemini, "minimax-m2.5"];
const CLAUDE = MODELS["anthropic-messages"];

/** Path and body of a count as a client of the protocol asks for it. */
function askCount(client: Counting, model: string, more: object = {}): { path: string; body: Record<string, unknown> } {
  const { body } = ask(client, { model, system: "Be brief.", more: { ...more } });
  const { max_tokens: _, ...counted } = body as Record<string, unknown>;
  const path = {
    "anthropic-messages": "/v1/messages/count_tokens",
    "openai-responses": "/v1/responses/input_tokens",
    gemini: `/v1beta/models/${model}:countTokens`,
  }[client];
  return { path, body: counted };
}

function shaped(client: Counting, tokens: number): object {
  if (client === "gemini") return { totalTokens: tokens };
  return client === "openai-responses" ? { object: "response.input_tokens", input_tokens: tokens } : { input_tokens: tokens };
}

async function countedBy(
  through: RunningGateway,
  { path, body }: { path: string; body: unknown },
): Promise<{ status: number; body: object; estimated: string | null }> {
  const response = await through.call(path, { body });
  return { status: response.status, body: (await response.json()) as object, estimated: response.headers.get("x-factory-proxy-estimated") };
}

// ---- Who is asked ------------------------------------------------------------------------------------------------

for (const client of CLIENTS) {
  test(`${client}: Claude's upstream counts, and gets nothing that its endpoint refuses`, async () => {
    upstream.script([{ body: '{"input_tokens": 42}', headers: { "content-type": "application/json" } }]);
    const before = upstream.requests.length;
    const limits = {
      "anthropic-messages": {},
      "openai-responses": { max_output_tokens: 500, temperature: 0.5, stream: false, store: false, prompt_cache_key: "k" },
      gemini: { generationConfig: { temperature: 0.5, maxOutputTokens: 500 } },
    };
    const answer = await countedBy(gateway, askCount(client, CLAUDE, limits[client]));
    assert.deepEqual(answer, { status: 200, body: shaped(client, 42), estimated: null });
    const seen = upstream.requests.slice(before);
    assert.deepEqual(
      seen.map(({ path }) => path),
      [COUNT_PATH],
    );
    const sent = JSON.parse(seen[0]?.body ?? "") as Record<string, unknown>;
    const allowed = ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"];
    assert.deepEqual([sent["model"], Object.keys(sent).filter((key) => !allowed.includes(key))], [CLAUDE, []]);
    assert.match(seen[0]?.body ?? "", /Be brief\..*Hello there|Hello there.*Be brief\./);
  });

  for (const model of ESTIMATED.filter((one) => !one.startsWith("minimax"))) {
    test(`${client}: tokens of ${model} are estimated, and nobody is asked; the log says so`, async () => {
      const before = upstream.requests.length;
      const known = gateway.lines.length;
      const { status, body, estimated } = await countedBy(gateway, askCount(client, model));
      const tokens = Number(Object.values(body).at(-1));
      assert.deepEqual({ status, body, estimated }, { status: 200, body: shaped(client, tokens), estimated: "input_tokens" });
      assert.ok(tokens >= 8 && tokens <= 20, String(tokens));
      const lines = gateway.lines.slice(known).map((line) => [line["event"], line["status"], line["usageSource"], line["error"]]);
      assert.deepEqual(lines, [["request", 200, "estimated", undefined]]);
      assert.equal(upstream.requests.length, before);
    });
  }

  test(`${client}: where the upstream turns out to count nothing, the estimate stands in, for large bodies too`, async () => {
    for (const length of [10, 3_000_000]) {
      for (const status of [404, 405, 501]) {
        upstream.script([{ error: { status, message: "No such endpoint." } }]);
        const { path, body } = askCount(client, CLAUDE);
        const padded = JSON.stringify(body).replace("Hello there", "word ".repeat(length / 5));
        const before = upstream.requests.length;
        const answer = await countedBy(gateway, { path, body: padded });
        assert.deepEqual([answer.status, answer.estimated], [200, "input_tokens"], `${status}`);
        const tokens = Number(Object.values(answer.body).at(-1));
        assert.ok(Math.abs(tokens - length / 5 - 10) < length / 50 + 8, String(tokens));
        assert.deepEqual(
          upstream.requests.slice(before).map(({ path: at }) => at),
          [COUNT_PATH],
        );
      }
    }
  });

  test(`${client}: any other error of the endpoint that counts is the client's to see`, async () => {
    upstream.script([{ error: { status: 429, message: "Slow down." } }]);
    const { path, body } = askCount(client, CLAUDE);
    const error = await errorIn(client, await gateway.call(path, { body }));
    assert.deepEqual([error.status, error.message], [429, "Slow down."]);
  });

  test(`${client}: an unknown model and a body without a conversation are refused as a call is`, async () => {
    const unknown = askCount(client, "claud-opus-4-8");
    assert.equal((await gateway.call(unknown.path, { body: unknown.body })).status, 404);
    assert.equal((await gateway.call(askCount(client, "glm-5").path, { body: "[]" })).status, 400);
    assert.equal((await gateway.call(unknown.path, { body: unknown.body, key: null })).status, 401);
  });
}

test("the bytes of a client that speaks Claude's protocol pass, and so does the answer", async () => {
  const answer = ' {"input_tokens": 7, "later": true}\n';
  upstream.script([{ body: answer, headers: { "content-type": "application/json" } }]);
  const body = ` ${JSON.stringify(askCount("anthropic-messages", CLAUDE).body, null, 3)}`;
  const response = await gateway.call("/v1/messages/count_tokens", { body });
  assert.equal(await response.text(), answer);
  assert.equal(gateway.lastSeen().body, body);
});

test("Gemini's clients may wrap all of the request, with instructions and tools, into generateContentRequest", async () => {
  const { path, body } = askCount("gemini", "glm-5", {
    tools: [{ functionDeclarations: [{ name: "look", description: "Looks a word up in the dictionary." }] }],
  });
  const bare = await countedBy(gateway, { path, body });
  const wrapped = await countedBy(gateway, { path, body: { generateContentRequest: { model: "models/glm-5", ...body } } });
  assert.deepEqual(wrapped, bare);
  upstream.script([{ body: '{"input_tokens": 42}', headers: { "content-type": "application/json" } }]);
  const native = askCount("gemini", CLAUDE);
  const answer = await countedBy(gateway, { path: native.path, body: { generateContentRequest: native.body } });
  assert.deepEqual(answer, { status: 200, body: { totalTokens: 42 }, estimated: null });
});

test("a conversation that is stored elsewhere can't be estimated", async () => {
  for (const [path, body, field] of [
    ["/v1/responses/input_tokens", { model: "gpt-5.5", input: "Hi", previous_response_id: "resp_1" }, "previous_response_id"],
    ["/v1/responses/input_tokens", { model: "gpt-5.5", input: "Hi", conversation: "conv_1" }, "conversation"],
    ["/v1/responses/input_tokens", { model: "gpt-5.5", prompt: { id: "pmpt_1" } }, "prompt"],
    [
      "/v1beta/models/gemini-2.5-pro:countTokens",
      { generateContentRequest: { contents: [{ role: "user", parts: [{ text: "Hi" }] }], cachedContent: "cachedContents/1" } },
      "cachedContent",
    ],
  ] as const) {
    const protocol = path.startsWith("/v1beta") ? "gemini" : "openai-responses";
    const { status, message } = await errorIn(protocol, await gateway.call(path, { body }));
    const advice = "Stored content can't be counted here. Send it in the request itself.";
    assert.deepEqual([status, message], [400, `${field}: ${advice}`]);
  }
});

test("newer Gemini SDKs count below /v1/models, and native bases have the counts of their protocol", async () => {
  const gemini = askCount("gemini", "glm-5");
  const responses = askCount("openai-responses", "glm-5");
  const messages = askCount("anthropic-messages", "glm-5");
  for (const { path, body } of [
    { path: "/v1/models/glm-5:countTokens", body: gemini.body },
    { path: "/v1beta/tunedModels/glm-5:countTokens", body: gemini.body },
    { path: "/openai/v1/responses/input_tokens", body: responses.body },
    { path: "/openai/responses/input_tokens", body: responses.body },
    { path: "/responses/input_tokens", body: responses.body },
    { path: "/anthropic/v1/messages/count_tokens", body: messages.body },
    { path: "/bedrock/v1/messages/count_tokens", body: messages.body },
    { path: "/messages/count_tokens", body: messages.body },
  ]) {
    const { status, estimated } = await countedBy(gateway, { path, body });
    assert.deepEqual([status, estimated], [200, "input_tokens"], path);
  }
});

test("/explain shows what would be asked, or that nobody would be", async () => {
  const claude = askCount("gemini", CLAUDE);
  const shown = (await (await gateway.call(`/explain${claude.path}`, { body: claude.body })).json()) as { url: string };
  assert.equal(shown.url, `${upstream.url}${COUNT_PATH}`);
  const { path, body } = askCount("anthropic-messages", "glm-5");
  const { status, message } = await errorIn("anthropic-messages", await gateway.call(`/explain${path}`, { body }));
  assert.deepEqual([status, message], [404, "Tokens of glm-5 are estimated here. Nothing would be sent."]);
});

test("the system prompt of the gateway is counted, as it is sent", async () => {
  const prompted = await gatewayWith({ SYSTEM_PROMPT: "word ".repeat(500) });
  const asked = askCount("openai-responses", "glm-5");
  const [with_, without] = [await countedBy(prompted, asked), await countedBy(gateway, asked)];
  const tokens = ({ body }: { body: object }): number => Number(Object.values(body).at(-1));
  assert.ok(Math.abs(tokens(with_) - tokens(without) - 500) < 10, `${tokens(with_)}, ${tokens(without)}`);
});

test("pictures and files count by what they are, not by the length of their base64", async () => {
  const data = "A".repeat(400_000);
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data } };
  const file = { type: "document", source: { type: "base64", media_type: "application/pdf", data } };
  const messages = [{ role: "user", content: [image, file, { type: "text", text: "Compare them." }] }];
  const answer = await countedBy(gateway, { path: "/v1/messages/count_tokens", body: { model: "gemini-2.5-pro", messages } });
  const tokens = Number(Object.values(answer.body)[0]);
  assert.ok(tokens > 12_000 && tokens < 14_500, String(tokens));
  const text = { type: "text", text: "Compare them." };
  for (const source of [image.source, { type: "url", url: "https://example.com/a.png" }]) {
    const pictured = [{ role: "user", content: [{ type: "image", source }, text] }];
    const { body } = await countedBy(gateway, { path: "/v1/messages/count_tokens", body: { model: "glm-5", messages: pictured } });
    const counted = Number(Object.values(body)[0]);
    assert.ok(counted > 250 && counted < 1_700, String(counted));
  }
});

// ---- How far an estimate is off ----------------------------------------------------------------------------------

/** Tokens of each text by OpenAI's o200k_base, counted with gpt-tokenizer. README.md of gateway shows the errors. */
const O200K: Readonly<Record<string, number>> = {
  "english-prose": 162,
  "english-instructions": 121,
  "english-markdown": 185,
  "chinese-prose": 159,
  "chinese-technical": 156,
  typescript: 207,
  python: 235,
  diff: 237,
  "json-schema": 125,
  "log-output": 230,
};
const TEXTS = new URL("../fixtures/texts/", import.meta.url);

test("an estimate is off by 6 % of a text's tokens on average, and by 17 % at most", async () => {
  const names = readdirSync(TEXTS).map((name) => name.replace(".txt", ""));
  assert.deepEqual(names.toSorted(), Object.keys(O200K).toSorted());
  const errors: number[] = [];
  for (const [name, tokens] of Object.entries(O200K)) {
    errors.push(Math.abs((await estimateOf(readFileSync(new URL(`${name}.txt`, TEXTS), "utf8").trimEnd())) / tokens - 1));
  }
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  assert.ok(mean < 0.06 && Math.max(...errors) < 0.17, `mean ${mean}, most ${Math.max(...errors)}`);
});

test("a text of megabytes is estimated by windows of it, in a moment and as well as a short one", async () => {
  const short = Object.keys(O200K).map((name) => readFileSync(new URL(`${name}.txt`, TEXTS), "utf8"));
  const long = short.map((one) => one.repeat(Math.ceil(400_000 / one.length))).join("\n");
  const exact = (await Promise.all(short.map(async (one) => (await estimateOf(one)) * Math.ceil(400_000 / one.length)))).reduce(
    (a, b) => a + b,
  );
  const beganMs = performance.now();
  const tokens = await estimateOf(long);
  assert.ok(performance.now() - beganMs < 1_000);
  assert.ok(Math.abs(tokens / exact - 1) < 0.03, `${tokens} of ${exact}`);
});

/** Of the text alone. */
async function estimateOf(content: string): Promise<number> {
  const of = (said: string): Promise<number> => estimateTokens(request({ turns: [user(said)] }));
  return (await of(content)) - (await of(""));
}
