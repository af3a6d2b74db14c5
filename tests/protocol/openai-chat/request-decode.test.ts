// Requests of Chat clients: the members of the body, and what becomes of those that have no canonical home.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatCompletionCreateParamsBase } from "openai/resources/chat/completions/completions";
import { GatewayError } from "../../../src/errors.ts";
import { openaiChat } from "../../../src/protocol/openai-chat/codec.ts";
import { type FIELDS } from "../../../src/protocol/openai-chat/wire.ts";
import { assistant, base64, call, image, tool, url, user } from "../../support/canonical.ts";
import { HI, testDecoding } from "./request-cases.ts";

test("a loss speaks of the limit by the name that the client sent", () => {
  const nameOf = (limits: object): string => {
    const body = JSON.stringify({ model: "gpt-5", messages: [{ role: "user", content: "Hi" }], ...limits });
    return openaiChat.request.decode({ body, headers: {}, path: null }).names.maxOutputTokens;
  };
  assert.deepEqual([{ max_tokens: 5 }, { max_completion_tokens: 5, max_tokens: 5 }, { max_completion_tokens: 5 }, {}].map(nameOf), [
    "max_tokens",
    "max_completion_tokens",
    "max_completion_tokens",
    "max_completion_tokens",
  ]);
});

testDecoding([
  ["model and stream switch", { model: "gpt-4.1", stream: true }, { model: "gpt-4.1", stream: true }],
  ["stop as a string", { stop: "END" }, { stop: ["END"] }],
  [
    "several answers are refused elsewhere, one is nothing special",
    { n: 2 },
    {
      extensions: [
        {
          protocol: "openai-chat",
          field: "n",
          value: "2",
          severity: "refused",
          reason: "This model is served through an API that returns one answer per call. Send the call several times.",
        },
      ],
    },
  ],
  [
    "members that ask for nothing special leave no trace",
    { n: 1, modalities: ["text"], audio: { voice: "alloy" }, response_format: { type: "text" }, metadata: null, user: null },
    {},
  ],
  [
    "a spoken answer is refused elsewhere",
    { modalities: ["text", "audio"], audio: { voice: "alloy", format: "mp3" } },
    {
      extensions: [
        {
          protocol: "openai-chat",
          field: "modalities",
          value: '["text","audio"]',
          severity: "refused",
          reason: "Only Chat Completions has spoken answers.",
        },
        {
          protocol: "openai-chat",
          field: "audio",
          value: '{"voice":"alloy","format":"mp3"}',
          severity: "refused",
          reason: "Only Chat Completions has spoken answers.",
        },
      ],
    },
  ],
  [
    "identity, labels, tier, storage, cache key",
    {
      user: "u",
      safety_identifier: "s",
      metadata: { a: "1", b: 2 },
      service_tier: "priority",
      store: true,
      prompt_cache_key: "k",
    },
    { endUser: "s", metadata: { a: "1", b: "2" }, serviceTier: "priority", store: true, cacheKey: "k" },
  ],
  [
    "an answer in pictures, which no other protocol gives on request",
    { modalities: ["image", "text"] },
    {
      extensions: [
        {
          protocol: "openai-chat",
          field: "modalities",
          value: '["image","text"]',
          severity: "reported",
          reason: "Other protocols answer in text.",
        },
      ],
    },
  ],
  [
    "a tier that Chat alone has",
    { service_tier: "scale" },
    {
      extensions: [
        {
          protocol: "openai-chat",
          field: "service_tier",
          value: '"scale"',
          severity: "reported",
          reason: 'The value "scale" is unknown and was left out.',
        },
      ],
    },
  ],
  [
    "the usage chunk is asked for",
    { stream: true, stream_options: { include_usage: true, include_obfuscation: false } },
    { stream: true, includeUsage: true },
  ],
  [
    "members inside of settings, media, marks and calls are left out without a word",
    {
      stream_options: { include_usage: true, x: 1 },
      response_format: { type: "json_schema", x: 1, json_schema: { schema: {}, x: 1 } },
      messages: [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: "https://example.com/a.png", x: 1 }, cache_control: { type: "ephemeral", x: 1 } },
            { type: "input_audio", input_audio: { data: "UklG", format: "mp3", x: 1 } },
          ],
        },
        { role: "assistant", tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{}", x: 1 } }] },
      ],
      tools: [{ type: "function", function: { name: "f" } }],
      tool_choice: { type: "function", x: 1, function: { name: "f", x: 1 } },
    },
    {
      includeUsage: true,
      output: { type: "json-schema", name: null, description: null, schema: "{}", strict: null },
      turns: [
        user(image(url("https://example.com/a.png"), { cache: { ttl: null } }), { type: "audio", source: base64("audio/mp3", "UklG") }),
        assistant(call("a", "f", "{}")),
      ],
      tools: [tool("f")],
      toolChoice: { type: "named", name: "f" },
    },
  ],
  [
    "members that nobody knows are reported, on top and inside",
    {
      x_house: { a: 1 },
      logit_bias: { "5": -1 },
      prediction: { type: "content", content: "Hi" },
      messages: [
        { ...HI, weight: 1 },
        { role: "assistant", content: "Yo", weight: 0, annotations: [] },
      ],
      tools: [{ type: "function", function: { name: "f", eager: true } }],
    },
    {
      turns: [user("Hi"), assistant("Yo")],
      tools: [tool("f")],
      extensions: [
        {
          protocol: "openai-chat",
          field: "logit_bias",
          value: '{"5":-1}',
          severity: "reported",
          reason: "No other protocol can favour single tokens.",
        },
        {
          protocol: "openai-chat",
          field: "prediction",
          value: '{"type":"content","content":"Hi"}',
          severity: "dropped",
          reason: "A predicted answer only speeds up Chat Completions.",
        },
        {
          protocol: "openai-chat",
          field: "x_house",
          value: '{"a":1}',
          severity: "reported",
          reason: "The model's own protocol has no such member.",
        },
      ],
      losses: [
        { field: "tools[0].function.eager", severity: "reported", reason: "The model's own protocol has no such field." },
        { field: "messages[0].weight", severity: "reported", reason: "The model's own protocol has no such field." },
      ],
    },
  ],
]);

const WRONG: readonly (readonly [what: string, body: object | string, param: string | null])[] = [
  ["not JSON", "{", null],
  ["trailing commas", '{"model":"m",}', null],
  ["no object", "[]", null],
  ["no model", { model: undefined }, "model"],
  ["no messages", { messages: undefined }, "messages"],
  ["no message in messages", { messages: [] }, "messages"],
  ["an unknown role", { messages: [{ role: "robot", content: "Hi" }] }, "messages[0].role"],
  ["content of a wrong type", { messages: [{ role: "user", content: 5 }] }, "messages[0].content"],
  ["a part without its text", { messages: [{ role: "user", content: [{ type: "text" }] }] }, "messages[0].content[0].text"],
  [
    "an image in instructions",
    { messages: [{ role: "system", content: [{ type: "image_url", image_url: { url: "https://example.com" } }] }] },
    "messages[0].content",
  ],
  [
    "a file without content",
    { messages: [{ role: "user", content: [{ type: "file", file: {} }] }] },
    "messages[0].content[0].file.file_data",
  ],
  ["a tool result without its call", { messages: [{ role: "tool", content: "1" }] }, "messages[0].tool_call_id"],
  [
    "a call without a name",
    { messages: [{ role: "assistant", tool_calls: [{ id: "a", type: "function", function: {} }] }] },
    "messages[0].tool_calls[0].function.name",
  ],
  [
    "arguments that are no text",
    { messages: [{ role: "assistant", tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: 5 } }] }] },
    "messages[0].tool_calls[0].function.arguments",
  ],
  ["an effort that is no word", { reasoning_effort: 3 }, "reasoning_effort"],
  ["a tool choice of a hosted tool that is not there", { tool_choice: { type: "file_search" } }, "tool_choice"],
  [
    "a tool choice of a tool that is not there",
    { tool_choice: { type: "function", function: { name: "f" } } },
    "tool_choice.function.name",
  ],
  ["alternatives without log probabilities", { top_logprobs: 2 }, "top_logprobs"],
  ["an unknown format", { response_format: { type: "grammar" } }, "response_format.type"],
  ["stop sequences that are no text", { stop: [1] }, "stop[0]"],
  ["a limit that is no number", { max_tokens: "many" }, "max_tokens"],
  ["functions beside tools", { functions: [{ name: "f" }], tools: [{ type: "function", function: { name: "f" } }] }, "functions"],
];

for (const [what, body, param] of WRONG) {
  test(`a request with ${what} is a 400 that names ${param ?? "the place"}`, () => {
    const written = typeof body === "string" ? body : JSON.stringify({ model: "m", messages: [HI], ...body });
    assert.throws(
      () => openaiChat.request.decode({ body: written, headers: {}, path: null }),
      (error) => error instanceof GatewayError && error.kind === "invalid-request" && error.param === param,
    );
  });
}

// Fails to compile when the official request type gets a member that nobody has classified.
const UNCLASSIFIED: Exclude<keyof ChatCompletionCreateParamsBase, keyof typeof FIELDS> extends never ? true : never = true;
test("every member of the official request type is classified", () => assert.equal(UNCLASSIFIED, true));
