// Claude's prompt cache for clients of every protocol: what of twenty turns is read from it, and who marks the prompt.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { converse } from "../support/conversation.ts";
import { ask, MODELS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways, type RunningGateway } from "../support/gateway.ts";
import { PromptCache } from "../support/prompt-cache.ts";
import { objectsOf } from "../support/reading.ts";

const { gatewayWith } = await startGateways();
const auto = await gatewayWith({});
const off = await gatewayWith({ PROMPT_CACHE: "off" });
const bare = await gatewayWith({ SYSTEM_PROMPT: "" });

const TURNS = 20;
/** As much as agents tell a model about themselves. */
const INSTRUCTIONS = "Work with care, and say what you have done. ".repeat(800);
const CLAUDE = ["claude-opus-4-8", "claude-sonnet-4-5-20250929"];

function withInstructions(protocol: ProtocolId, body: JsonObject): JsonObject {
  switch (protocol) {
    case "openai-chat":
      return { ...body, messages: [{ role: "system", content: INSTRUCTIONS }, ...objectsOf(body["messages"])] as JsonObject[] };
    case "openai-responses":
      return { ...body, instructions: INSTRUCTIONS };
    // Its clients set marks themselves, and their bodies stay as they are.
    case "anthropic-messages":
      return { ...body, system: INSTRUCTIONS, cache_control: { type: "ephemeral" } };
    case "gemini":
      return { ...body, systemInstruction: { parts: [{ text: INSTRUCTIONS }] } };
  }
}

interface Talk {
  readonly protocol: ProtocolId;
  readonly model: string;
  readonly stream: boolean;
  /** Whether the client sends no reasoning back, as most Chat clients do. */
  readonly forgets?: boolean;
}

interface Cached {
  /** Of all input tokens. */
  readonly share: number;
  /** Requests that found less than all of the one before. */
  readonly moved: readonly number[];
}

function withoutReasoning(answer: string): string {
  const { choices, ...rest } = JSON.parse(answer) as { choices: { message: object }[] };
  const message = { ...choices[0]?.message, reasoning_details: undefined, reasoning_content: undefined };
  return JSON.stringify({ ...rest, choices: [{ ...choices[0], message }] });
}

/** Twenty turns, and what the cache would have given of them. */
async function talk(gateway: RunningGateway, { protocol, model, stream, forgets = false }: Talk): Promise<Cached> {
  const cache = new PromptCache();
  const conversation = converse(protocol);
  for (let turn = 0; turn < TURNS; turn++) {
    const { path, body } = conversation.request({ model, stream });
    const response = await gateway.call(path, { body: withInstructions(protocol, body) });
    const answer = await response.text();
    assert.equal(response.status, 200, answer);
    cache.see(gateway.lastSeen().body);
    const { calls } = conversation.hear(forgets ? withoutReasoning(answer) : answer, stream);
    if (calls.length === 0) conversation.say(`And what about place number ${turn}, and the places near it?`);
  }
  return { share: cache.cachedTokens / cache.inputTokens, moved: cache.moved };
}

function assertCached({ share, moved }: Cached): void {
  assert.deepEqual(moved, []);
  assert.ok(share >= 0.9, `${share}`);
}

for (const protocol of PROTOCOLS) {
  for (const model of CLAUDE) {
    for (const stream of [false, true]) {
      test(`prompt cache: ${protocol} reads 90 % of twenty turns with ${model} from it${stream ? ", streaming" : ""}`, async () => {
        assertCached(await talk(auto, { protocol, model, stream }));
      });
    }
  }

  test(`prompt cache: our own system prompt moves no prefix of ${protocol}`, async () => {
    const options = { protocol, model: "claude-opus-4-8", stream: false };
    const [withPrompt, without] = [await talk(auto, options), await talk(bare, options)];
    assertCached(withPrompt);
    assertCached(without);
  });
}

for (const model of CLAUDE) {
  test(`prompt cache: a Chat client that sends no reasoning back reads 90 % of twenty turns with ${model} from it`, async () => {
    const cached = await talk(auto, { protocol: "openai-chat", model, stream: false, forgets: true });
    // With a budget the messages are read anew wherever thinking has to be switched off or on again; the instructions are not.
    assertCached(model.includes("4-5") ? { ...cached, moved: [] } : cached);
  });
}

const FOREIGN = PROTOCOLS.filter((protocol) => protocol !== "anthropic-messages");
const MARK = { type: "ephemeral" };

for (const protocol of FOREIGN) {
  test(`prompt cache: PROMPT_CACHE=off leaves it to ${protocol}`, async () => {
    const { share } = await talk(off, { protocol, model: "claude-opus-4-8", stream: false });
    assert.equal(share, 0);
  });
}

async function rootMarkOf(gateway: RunningGateway, path: string, body: object): Promise<unknown> {
  const response = await gateway.call(path, { body });
  assert.equal(response.status, 200, await response.text());
  assert.equal(response.headers.get("x-factory-proxy-dropped"), null);
  return (JSON.parse(gateway.lastSeen().body) as JsonObject)["cache_control"];
}

for (const protocol of FOREIGN) {
  test(`prompt cache: a root mark of ${protocol} goes on to Claude as it is, and to nobody else`, async () => {
    for (const gateway of [auto, off]) {
      for (const mark of [MARK, { type: "ephemeral", ttl: "1h" }]) {
        const { path, body } = ask(protocol, { model: "claude-opus-4-8", more: { cache_control: mark } });
        assert.deepEqual(await rootMarkOf(gateway, path, body), mark);
      }
    }
    for (const target of PROTOCOLS.filter((one) => one !== protocol && one !== "anthropic-messages")) {
      const { path, body } = ask(protocol, { model: MODELS[target], more: { cache_control: MARK } });
      assert.equal(await rootMarkOf(auto, path, body), undefined, target);
    }
    const { path, body } = ask(protocol, { model: "minimax-m3", more: { cache_control: MARK } });
    assert.equal(await rootMarkOf(auto, path, body), undefined, "a model that is not Claude");
  });

  test(`prompt cache: a single question of ${protocol} is not marked, nor is a null mark one`, async () => {
    const { path, body } = ask(protocol, { model: "claude-opus-4-8", more: { cache_control: null } });
    assert.equal(await rootMarkOf(auto, path, body), undefined);
  });
}

const USER = { role: "user", content: "Hello" };
const TOOLS = [{ type: "function", function: { name: "look", parameters: { type: "object" } } }];
const CHAT: readonly (readonly [string, object, unknown])[] = [
  ["tools are marked", { messages: [USER], tools: TOOLS }, MARK],
  ["an earlier answer is marked", { messages: [USER, { role: "assistant", content: "Hi" }, USER] }, MARK],
  [
    "a mark of the client's own is left alone",
    { messages: [{ role: "user", content: [{ type: "text", text: "Hi", cache_control: MARK }] }], tools: TOOLS },
    undefined,
  ],
  ["a mark on a tool is one too", { messages: [USER], tools: [{ ...TOOLS[0], cache_control: MARK }] }, undefined],
];

for (const [name, body, mark] of CHAT) {
  test(`prompt cache: ${name}`, async () => {
    assert.deepEqual(await rootMarkOf(auto, "/v1/chat/completions", { model: "claude-opus-4-8", ...body }), mark);
  });
}

test("prompt cache: neither another model of Messages nor Bedrock gets a root mark of ours", async () => {
  const modelTable = JSON.stringify({ models: [{ id: "claude-opus-4-8", provider: "bedrock_anthropic" }] });
  const bedrock = await gatewayWith({}, { modelTable });
  const body = { messages: [USER], tools: TOOLS };
  assert.equal(await rootMarkOf(bedrock, "/v1/chat/completions", { model: "claude-opus-4-8", ...body }), undefined);
  assert.equal(await rootMarkOf(auto, "/v1/chat/completions", { model: "minimax-m3", ...body }), undefined);
});

test("prompt cache: a root mark counts as one of the four, and stands for the one on the last block", async () => {
  const marked = (text: string): object => ({ type: "text", text, cache_control: MARK });
  const messages = [{ role: "user", content: ["a", "b", "c", "d", "e", "f"].map(marked) }];
  const sent = await rootMarkOf(auto, "/v1/chat/completions", {
    model: "claude-opus-4-8",
    messages,
    cache_control: { ...MARK, ttl: "1h" },
  });
  assert.deepEqual(sent, { ...MARK, ttl: "1h" });
  const { messages: got } = JSON.parse(auto.lastSeen().body) as { messages: { content: { text: string; cache_control?: object }[] }[] };
  assert.deepEqual(
    got[0]?.content.map(({ text, cache_control: mark }) => [text, mark !== undefined]),
    [
      ["a", false],
      ["b", false],
      ["c", true],
      ["d", true],
      ["e", true],
      ["f", false],
    ],
  );
});
