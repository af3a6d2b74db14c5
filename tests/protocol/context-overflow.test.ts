// A context that is full, in the words of every provider, and what only sounds like one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CODECS } from "../../src/protocol/codecs.ts";
import { exchange } from "../support/canonical.ts";
import { PROTOCOLS } from "../support/fixtures.ts";

interface Row {
  readonly whose: string;
  readonly body: object;
  readonly status?: number;
}

const openAi = (message: string, code: unknown = "invalid_request_error", type = "invalid_request_error"): object => ({
  error: { message, type, param: null, code },
});

const FULL: readonly Row[] = [
  { whose: "OpenAI, by code", body: openAi("Too much.", "context_length_exceeded") },
  {
    whose: "OpenAI, Responses",
    body: openAi("Your input exceeds the context window of this model. Please adjust your input and try again.", null),
  },
  {
    whose: "OpenAI, Chat",
    body: openAi("Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300112 tokens.", null),
  },
  {
    whose: "Anthropic",
    body: { type: "error", error: { type: "invalid_request_error", message: "prompt is too long: 210000 tokens > 200000 maximum" } },
  },
  {
    whose: "Anthropic, with the answer's limit",
    body: {
      type: "error",
      error: { type: "invalid_request_error", message: "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000" },
    },
  },
  { whose: "Gemini", body: openAi("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", 400) },
  { whose: "Vertex", body: openAi("The input token count is 1200000 but model only supports up to 1048576.", 400) },
  {
    whose: "xAI",
    body: {
      code: "Client specified an invalid argument",
      error: "This model's maximum prompt length is 500000 but the request contains 907154 tokens.",
    },
  },
  { whose: "Moonshot", body: openAi("Invalid request: Your request exceeded model token limit: 262144 (requested: 270000)", null) },
  { whose: "Z.ai, by code", body: openAi("Prompt 超长", "1261") },
  { whose: "Z.ai, by number", body: openAi("Please shorten it.", 1261) },
  { whose: "Z.ai, in English", body: openAi("Prompt exceeds max length", null) },
  { whose: "Z.ai, by another code", body: openAi("tokens in request more than max tokens allowed", "1210") },
  {
    whose: "DeepSeek",
    body: openAi(
      "This model's maximum context length is 131072 tokens. However, you requested 131749 tokens (131749 in the messages, 0 in the completion).",
    ),
  },
  {
    whose: "MiniMax",
    body: { type: "error", error: { type: "bad_request_error", message: "invalid params, context window exceeds limit (2013)" } },
  },
  { whose: "MiniMax, as its own fault", body: openAi("invalid params, context window exceeds limit (2013)", null), status: 500 },
  { whose: "Fireworks", body: openAi("The prompt is too long: 140177, model maximum context length: 131071") },
  {
    whose: "vLLM, flat",
    body: {
      object: "error",
      message: "This model's maximum context length is 8192 tokens.",
      type: "BadRequestError",
      param: null,
      code: 400,
    },
  },
  {
    whose: "vLLM, of the prompt alone",
    body: openAi("The decoder prompt (length 40000) is longer than the maximum model length of 32768.", 400),
  },
  { whose: "vLLM, newer", body: openAi("The prompt (total length 40000) is too long to fit into the model (context length 32768).", 400) },
  { whose: "vLLM, newest", body: openAi("You passed 40001 input tokens. However, the model's context length is only 32768 tokens.", 400) },
  { whose: "SGLang", body: openAi("The input (40000 tokens) is longer than the model's context length (32768 tokens).", 400) },
  {
    whose: "llama.cpp",
    body: openAi("the request exceeds the available context size, try increasing it", 400, "exceed_context_size_error"),
  },
  { whose: "Groq", body: openAi("Please reduce the length of the messages or completion.", null) },
  { whose: "Bedrock", body: { message: "Input is too long for requested model." } },
  {
    whose: "GitHub Copilot",
    body: openAi("prompt token count of 140000 exceeds the limit of 128000", "model_max_prompt_tokens_exceeded"),
  },
  { whose: "GitHub Copilot, without its code", body: openAi("prompt token count of 140000 exceeds the limit of 128000", null) },
  { whose: "Cohere", body: openAi("too many tokens: total number of tokens in this prompt cannot exceed 4081 - received 5000", null) },
  {
    whose: "Together",
    body: openAi("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens", null),
    status: 422,
  },
  { whose: "TGI", body: openAi("Input validation error: `inputs` must have less than 4096 tokens. Given: 5000", null), status: 422 },
  {
    whose: "SiliconFlow",
    body: { code: 20015, message: "length of prompt_tokens (131073) must be less than max_seq_len (131072).", data: null },
  },
  {
    whose: "LM Studio",
    body: openAi("Trying to keep the first 13000 tokens. However, the model is loaded with context length of only 4096 tokens.", null),
  },
  { whose: "Volcengine", body: openAi("Total tokens of image and text exceed max message tokens.", null) },
  { whose: "Baidu", body: openAi("prompt tokens too long", null) },
  { whose: "TensorRT", body: openAi("Prompt length (9000) exceeds maximum input length (8192)", null) },
  { whose: "Alibaba", body: openAi("Input length 98305 exceeds the maximum length 98304", null) },
  { whose: "Amazon Nova", body: { message: "Input Tokens Exceeded: Number of input tokens exceeds maximum length." } },
  { whose: "StepFun", body: openAi("the total length of messages exceeds the max context length", null) },
  { whose: "in Chinese", body: openAi("输入长度超过模型最大上下文长度", null) },
  { whose: "Factory's own envelope", body: { detail: "This model's maximum context length is 200000 tokens.", status: 400 } },
  { whose: "a proxy that calls it too large", body: openAi("prompt is too long", null), status: 413 },
];

for (const { whose, body, status = 400 } of FULL) {
  test(`a context that is full: ${whose}`, () => {
    for (const protocol of PROTOCOLS) {
      const { kind, status: told, code } = CODECS[protocol].error.decode(status, JSON.stringify(body), {});
      assert.deepEqual({ kind, told, code }, { kind: "upstream-rejected", told: 400, code: "context_length_exceeded" }, protocol);
    }
  });
}

const OTHERS: readonly (readonly [what: string, status: number, message: string])[] = [
  ["tokens a minute", 429, "Rate limit reached for gpt-5.5 on tokens per min (TPM): Limit 30000, Used 20000, Requested 31000."],
  ["a request too large for the rate", 429, "Request too large for gpt-5.5 on tokens per min (TPM): Limit 30000, Requested 90000."],
  [
    "Groq's rate",
    413,
    "Request too large for model `llama-3.3-70b-versatile` on tokens per minute (TPM): Limit 12000, Requested 13000, please reduce your message size.",
  ],
  ["a rate in the words of a context", 429, "Limit 12000 tokens per minute. Please reduce the length of the messages or try again later."],
  ["Gemini's rate", 429, "Quota exceeded: exceeds the maximum number of input tokens per minute allowed"],
  ["tokens of any kind", 429, "Too many tokens, please wait before trying again."],
  ["a key", 401, "The key is not for models whose prompt is too long"],
  ["a large image", 400, "The image is too large for the model: 9000x9000 pixels"],
  ["the answer's limit, at Gemini", 400, "maxOutputTokens exceeds the maximum number of tokens allowed (65536)"],
  ["bytes", 413, "Request exceeds the maximum size"],
  ["a long string", 400, "Invalid 'metadata.a': string too long. Expected a string with maximum length 512, but got 600."],
  ["a long list", 400, "Invalid 'stop': array too long. Expected an array with maximum length 4."],
  ["the answer's limit alone", 400, "max_tokens: 200000 > 64000, which is the maximum allowed number of output tokens for claude-opus-4-8"],
  ["a plan", 429, "Extra usage is required for long context requests."],
  ["an image", 400, "image exceeds 5 MB maximum: 7340032 bytes > 5242880 bytes"],
  ["a quota", 429, "You exceeded your current quota, please check your plan and billing details."],
  ["a name", 400, "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64."],
];

for (const [what, status, message] of OTHERS) {
  test(`no full context: ${what}`, () => {
    for (const protocol of PROTOCOLS) {
      const error = CODECS[protocol].error.decode(status, JSON.stringify(openAi(message, null)), {});
      assert.deepEqual([error.status, error.code], [status, null], protocol);
    }
  });
}

test("an error inside of a stream is recognised as well", () => {
  const message = "This model's maximum prompt length is 5 but the request contains 9 tokens.";
  const events = {
    "openai-chat": { event: null, data: JSON.stringify({ error: { message, code: "invalid_argument" } }) },
    "openai-responses": {
      event: "response.failed",
      data: JSON.stringify({ type: "response.failed", response: { status: "failed", error: { code: "server_error", message } } }),
    },
    "anthropic-messages": { event: "error", data: JSON.stringify({ type: "error", error: { type: "api_error", message } }) },
    gemini: { event: null, data: JSON.stringify({ error: { code: 500, message, status: "INTERNAL" } }) },
  } as const;
  for (const protocol of PROTOCOLS) {
    const decoder = CODECS[protocol].reply.decoder(exchange());
    const last = decoder.step(events[protocol]).at(-1);
    assert.ok(last?.type === "reply-error", protocol);
    assert.deepEqual([last.error.status, last.error.code, last.error.message], [400, "context_length_exceeded", message], protocol);
  }
});
