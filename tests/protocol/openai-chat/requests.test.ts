// Requests of Chat Completions, both ways: what a client's body means, and what a Chat upstream is sent.
// A row names the pitfall (PROTOCOLS section B) or the row of section A that it stands for; whole values are compared.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatCompletionCreateParamsBase } from "openai/resources/chat/completions/completions";
import { GatewayError } from "../../../src/errors.ts";
import type {
  CanonicalRequest,
  Loss,
  Part,
  Reasoning,
  TextPart,
  ToolCallPart,
  ToolResultPart,
  Turn,
} from "../../../src/protocol/canonical.ts";
import { bareRequest } from "../../../src/protocol/exchange.ts";
import { sealProof } from "../../../src/protocol/seals.ts";
import { openaiChat } from "../../../src/protocol/openai-chat/codec.ts";
import type { FIELDS } from "../../../src/protocol/openai-chat/wire.ts";
import { LEGACY_NAMES, NAMES } from "../../../src/protocol/openai-chat/wire.ts";

type Body = Readonly<Record<string, unknown>>;

const HI = { role: "user", content: "Hi" };
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const PDF = "JVBERi0xLjQKJeLjz9MKMSAwIG9iago8PD4+CmVuZG9iag==";

const text = (value: string, more: Partial<TextPart> = {}): TextPart => ({
  type: "text",
  text: value,
  annotations: [],
  cache: null,
  proof: null,
  ...more,
});
const user = (...parts: Part[]): Turn => ({ role: "user", parts, effort: null });
const assistant = (...parts: Part[]): Turn => ({ role: "assistant", parts, effort: null });
const system = (...parts: Part[]): Turn => ({ role: "system", parts, effort: null });
const call = (callId: string, name: string, args: string, more: Partial<ToolCallPart> = {}): ToolCallPart => ({
  type: "tool-call",
  callId,
  name,
  kind: "function",
  arguments: args,
  cache: null,
  proof: null,
  ...more,
});
const result = (callId: string, content: ToolResultPart["content"], more: Partial<ToolResultPart> = {}): ToolResultPart => ({
  type: "tool-result",
  callId,
  name: null,
  kind: "function",
  content,
  isError: null,
  cache: null,
  ...more,
});
const reasoning = (value: string, more: Partial<Extract<Part, { type: "reasoning" }>> = {}): Part => ({
  type: "reasoning",
  text: value,
  redacted: false,
  proof: null,
  ...more,
});
const fn = (name: string, more: object = {}): CanonicalRequest["tools"][number] => ({
  type: "function",
  name,
  namespace: null,
  description: null,
  schema: null,
  strict: null,
  cache: null,
  ...more,
});
const custom = (name: string, more: object = {}): CanonicalRequest["tools"][number] => ({
  type: "custom",
  name,
  namespace: null,
  description: null,
  grammar: null,
  ...more,
});
const toolCall = (id: string, name: string, args: string): object => ({ id, type: "function", function: { name, arguments: args } });

// ---- Decode --------------------------------------------------------------------------------------------------------

const DECODED: CanonicalRequest = {
  ...bareRequest({ model: "m", stream: false }),
  names: NAMES,
  turns: [user(text("Hi"))],
};
const SEALED = sealProof({ origin: "anthropic", data: "signature" }, null);
const SEALED_CALL = sealProof({ origin: "google", data: "thought" }, null);

const DECODE: readonly (readonly [what: string, body: Body | string, expected: Partial<CanonicalRequest>])[] = [
  ["A.1: model and stream switch", { model: "gpt-4.1", stream: true }, { model: "gpt-4.1", stream: true }],
  [
    "1, 3, 5: leading system and developer messages become blocks, one in the middle keeps its place",
    {
      messages: [
        { role: "developer", content: "A" },
        { role: "system", content: [{ type: "text", text: "B" }] },
        HI,
        { role: "system", content: "C" },
      ],
    },
    { system: [text("A"), text("B")], turns: [user(text("Hi")), system(text("C"))] },
  ],
  [
    "4: instructions alone are a request without turns",
    { messages: [{ role: "system", content: "A" }] },
    { system: [text("A")], turns: [] },
  ],
  [
    "7, 9: tool messages and the user message after them are one turn",
    {
      messages: [
        HI,
        { role: "assistant", content: "", tool_calls: [toolCall("a", "f", "{}"), toolCall("b", "f", "{}")] },
        { role: "tool", tool_call_id: "a", content: "1" },
        { role: "tool", tool_call_id: "b", content: "2" },
        { role: "user", content: "And?" },
      ],
    },
    {
      turns: [
        user(text("Hi")),
        assistant(call("a", "f", "{}"), call("b", "f", "{}")),
        user(result("a", [text("1")]), result("b", [text("2")]), text("And?")),
      ],
    },
  ],
  [
    "15: an empty content beside tool calls is no text",
    {
      messages: [HI, { role: "assistant", content: "", tool_calls: [toolCall("a", "f", "")] }],
    },
    { turns: [user(text("Hi")), assistant(call("a", "f", ""))] },
  ],
  [
    "16: white space is kept; the protocols that reject it leave it out",
    { messages: [{ role: "user", content: " " }] },
    { turns: [user(text(" "))] },
  ],
  ["27: a name of the one speaker is dropped", { messages: [{ ...HI, name: "ann" }] }, {}],
  [
    "27: names of several speakers are reported",
    {
      messages: [
        { ...HI, name: "ann" },
        { ...HI, name: "bob" },
        { ...HI, name: "ann" },
      ],
    },
    {
      turns: [user(text("Hi"), text("Hi"), text("Hi"))],
      losses: [{ field: "messages[1].name", severity: "reported", reason: "Messages of other protocols do not name their speaker." }],
    },
  ],
  [
    "31: a data URL with parameters",
    {
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: `data:image/png;charset=utf-8;base64,${PNG}` } }] }],
    },
    { turns: [user({ type: "image", source: { type: "base64", mediaType: "image/png", data: PNG }, detail: null, cache: null })] },
  ],
  [
    "31: a data URL that is percent-encoded",
    {
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:image/svg+xml,%3Csvg%2F%3E" } }] }],
    },
    {
      turns: [user({ type: "image", source: { type: "base64", mediaType: "image/svg+xml", data: "PHN2Zy8+" }, detail: null, cache: null })],
    },
  ],
  [
    "32: magic bytes win over the declared type, and image/jpg is image/jpeg",
    {
      messages: [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: `data:image/jpg;base64,${PNG}` } },
            { type: "image_url", image_url: { url: "data:image/jpg;base64,AAAA", detail: "high" } },
          ],
        },
      ],
    },
    {
      turns: [
        user(
          { type: "image", source: { type: "base64", mediaType: "image/png", data: PNG }, detail: null, cache: null },
          { type: "image", source: { type: "base64", mediaType: "image/jpeg", data: "AAAA" }, detail: "high", cache: null },
        ),
      ],
    },
  ],
  [
    "35: a file, by its bytes with and without a data URL",
    {
      messages: [
        {
          role: "user",
          content: [
            { type: "file", file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${PDF}` } },
            { type: "file", file: { file_data: PDF } },
          ],
        },
      ],
    },
    {
      turns: [
        user(
          {
            type: "file",
            source: { type: "base64", mediaType: "application/pdf", data: PDF },
            filename: "a.pdf",
            context: null,
            citations: null,
            cache: null,
          },
          {
            type: "file",
            source: { type: "base64", mediaType: "application/pdf", data: PDF },
            filename: null,
            context: null,
            citations: null,
            cache: null,
          },
        ),
      ],
    },
  ],
  [
    "36: a PDF in the place of an image is a file",
    {
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: `data:application/pdf;base64,${PDF}` } }] }],
    },
    {
      turns: [
        user({
          type: "file",
          source: { type: "base64", mediaType: "application/pdf", data: PDF },
          filename: null,
          context: null,
          citations: null,
          cache: null,
        }),
      ],
    },
  ],
  [
    "42: a result is no error because its JSON has such a key",
    {
      messages: [
        HI,
        { role: "assistant", tool_calls: [toolCall("a", "f", "{}")] },
        { role: "tool", tool_call_id: "a", content: '{"error":null}' },
      ],
    },
    { turns: [user(text("Hi")), assistant(call("a", "f", "{}")), user(result("a", [text('{"error":null}')]))] },
  ],
  [
    "44: sound is carried as such; who cannot take it says so",
    {
      messages: [{ role: "user", content: [{ type: "input_audio", input_audio: { data: "UklG", format: "mp3" } }] }],
    },
    { turns: [user({ type: "audio", source: { type: "base64", mediaType: "audio/mp3", data: "UklG" } })] },
  ],
  [
    "A.4: an unknown content part stays what it is, and no other protocol takes it",
    {
      messages: [{ role: "user", content: [{ type: "video_url", video_url: { url: "https://example.com/v.mp4" } }] }],
    },
    {
      turns: [
        user({
          type: "opaque",
          protocol: "openai-chat",
          name: "video_url",
          value: '{"type":"video_url","video_url":{"url":"https://example.com/v.mp4"}}',
          severity: "refused",
        }),
      ],
    },
  ],
  [
    "A.4: a refusal in the history, as member and as part",
    {
      messages: [
        HI,
        { role: "assistant", content: null, refusal: "No." },
        HI,
        { role: "assistant", content: [{ type: "refusal", refusal: "Never." }] },
      ],
    },
    {
      turns: [
        user(text("Hi")),
        assistant({ type: "refusal", text: "No." }),
        user(text("Hi")),
        assistant({ type: "refusal", text: "Never." }),
      ],
    },
  ],
  [
    "54, 70: a schema stays the text that it was written as",
    '{"model":"m","messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"f","parameters":{ "z": 1.0, "a": 12345678901234567890 },"strict":true}}]}',
    { tools: [fn("f", { schema: '{ "z": 1.0, "a": 12345678901234567890 }', strict: true })] },
  ],
  [
    "70: arguments that a client sends as an object keep their digits",
    '{"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":{"n":12345678901234567890}}}]}]}',
    { turns: [user(text("Hi")), assistant(call("a", "f", '{"n":12345678901234567890}'))] },
  ],
  [
    "56: cache marks in either spelling, where null says nothing (113)",
    {
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "a", prompt_cache_breakpoint: { mode: "explicit", ttl: "12h" } },
            { type: "text", text: "b", cache_control: { type: "ephemeral", ttl: "5m" } },
            { type: "text", text: "c", cache_control: null },
          ],
        },
      ],
      tools: [{ type: "function", function: { name: "f" }, cache_control: { type: "ephemeral" } }],
    },
    {
      turns: [user(text("a", { cache: { ttl: "1h" } }), text("b", { cache: { ttl: "5m" } }), text("c"))],
      tools: [fn("f", { cache: { ttl: null } })],
    },
  ],
  [
    "A.11: a cache mark on a whole message, as OpenCode sends it, is its last part's, and one on a call the call's",
    {
      messages: [
        { role: "system", content: "S", cache_control: { type: "ephemeral" } },
        {
          role: "user",
          content: [
            { type: "text", text: "a" },
            { type: "text", text: "b" },
          ],
          cache_control: { type: "ephemeral", ttl: "1h" },
        },
        {
          role: "assistant",
          content: "c",
          cache_control: { type: "ephemeral" },
          tool_calls: [
            { id: "x", type: "function", function: { name: "f", arguments: "{}" }, cache_control: { type: "ephemeral", ttl: "5m" } },
            { id: "y", type: "function", function: { name: "f", arguments: "{}" } },
          ],
        },
        { role: "tool", tool_call_id: "x", content: "1", cache_control: null },
        { role: "tool", tool_call_id: "y", content: [{ type: "text", text: "2" }], cache_control: { type: "ephemeral" } },
      ],
    },
    {
      system: [text("S", { cache: { ttl: null } })],
      turns: [
        user(text("a"), text("b", { cache: { ttl: "1h" } })),
        assistant(text("c"), call("x", "f", "{}", { cache: { ttl: "5m" } }), call("y", "f", "{}", { cache: { ttl: null } })),
        user(result("x", [text("1")]), result("y", [text("2")], { cache: { ttl: null } })),
      ],
    },
  ],
  [
    "A.11: a part's own cache mark stays, whatever its message says",
    {
      messages: [
        {
          role: "user",
          content: [{ type: "text", text: "a", cache_control: { type: "ephemeral", ttl: "5m" } }],
          cache_control: { type: "ephemeral", ttl: "1h" },
        },
      ],
    },
    { turns: [user(text("a", { cache: { ttl: "5m" } }))] },
  ],
  [
    "A.11: a cache mark on a message without a part that could carry it is dropped, and said to be",
    {
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: null, refusal: "No.", cache_control: { type: "ephemeral" } },
      ],
    },
    {
      turns: [user(text("Hi")), assistant({ type: "refusal", text: "No." })],
      losses: [
        {
          field: "messages[1].cache_control",
          severity: "dropped",
          reason: "Nothing in this message could carry a cache mark; caching is a matter of cost alone.",
        },
      ],
    },
  ],
  ["60: an empty list of tools is none", { tools: [] }, { tools: [] }],
  [
    "61: tool_choice none keeps the tools",
    { tools: [{ type: "function", function: { name: "f" } }], tool_choice: "none" },
    { tools: [fn("f")], toolChoice: { type: "none" } },
  ],
  [
    "62: one call at a time without a tool choice",
    { tools: [{ type: "function", function: { name: "f" } }], parallel_tool_calls: false },
    {
      tools: [fn("f")],
      parallelToolCalls: false,
    },
  ],
  [
    "65: a tool choice that is an object",
    {
      tools: [{ type: "function", function: { name: "f" } }],
      tool_choice: { type: "function", function: { name: "f" } },
    },
    { tools: [fn("f")], toolChoice: { type: "named", name: "f" } },
  ],
  [
    "A.6: allowed tools",
    {
      tools: [
        { type: "function", function: { name: "f" } },
        { type: "custom", custom: { name: "g" } },
      ],
      tool_choice: { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [{ type: "custom", custom: { name: "g" } }] } },
    },
    { tools: [fn("f"), custom("g")], toolChoice: { type: "subset", names: ["g"], required: false } },
  ],
  [
    "67: custom tools, their calls and their results",
    {
      messages: [
        HI,
        { role: "assistant", tool_calls: [{ id: "p", type: "custom", custom: { name: "patch", input: "a\nb" } }] },
        { role: "tool", tool_call_id: "p", content: "ok" },
      ],
      tools: [
        {
          type: "custom",
          custom: { name: "patch", description: "d", format: { type: "grammar", grammar: { syntax: "regex", definition: ".*" } } },
        },
      ],
    },
    {
      turns: [
        user(text("Hi")),
        assistant(call("p", "patch", "a\nb", { kind: "custom" })),
        user(result("p", [text("ok")], { kind: "custom" })),
      ],
      tools: [custom("patch", { description: "d", grammar: { syntax: "regex", definition: ".*" } })],
    },
  ],
  [
    "A.5: hosted tools beside functions: search is one that others have, the rest is nobody else's",
    {
      tools: [
        { type: "web_search_20250305", name: "web_search", max_uses: 3, allowed_domains: ["example.com"] },
        { type: "image_generation" },
      ],
    },
    {
      tools: [
        { type: "web-search", allowedDomains: ["example.com"], blockedDomains: [], location: null, contextSize: null, maxUses: 3 },
        { type: "opaque", protocol: "openai-chat", name: "image_generation", value: '{"type":"image_generation"}', severity: "refused" },
      ],
    },
  ],
  [
    "CLIENTS 7: a search in the words of several vendors is one",
    { tools: [{ type: "web_search" }, { type: "function", function: { name: "f" } }, { type: "web_search_20250305", name: "web_search" }] },
    {
      tools: [{ type: "web-search", allowedDomains: [], blockedDomains: [], location: null, contextSize: null, maxUses: null }, fn("f")],
    },
  ],
  [
    "A.5: Gemini's search among the functions, and a function without a type",
    { tools: [{ googleSearch: {} }, { function: { name: "f" } }] },
    {
      tools: [{ type: "web-search", allowedDomains: [], blockedDomains: [], location: null, contextSize: null, maxUses: null }, fn("f")],
    },
  ],
  [
    "A.5: web_search_options",
    {
      web_search_options: { search_context_size: "high", user_location: { type: "approximate", approximate: { country: "NO" } } },
    },
    {
      tools: [
        {
          type: "web-search",
          allowedDomains: [],
          blockedDomains: [],
          location: { city: null, region: null, country: "NO", timezone: null },
          contextSize: "high",
          maxUses: null,
        },
      ],
    },
  ],
  [
    "A.7: functions, from before there were tools",
    {
      messages: [
        HI,
        { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } },
        { role: "function", name: "f", content: "1" },
      ],
      functions: [{ name: "f", parameters: { type: "object" } }],
      function_call: { name: "f" },
    },
    {
      names: LEGACY_NAMES,
      turns: [user(text("Hi")), assistant(call("call_0", "f", "{}")), user(result("call_0", [text("1")], { name: "f" }))],
      tools: [fn("f", { schema: '{"type":"object"}' })],
      toolChoice: { type: "named", name: "f" },
      parallelToolCalls: false,
    },
  ],
  [
    "A.8: a sealed proof comes back on its thought, its hidden thought, its text and its call",
    {
      messages: [
        HI,
        {
          role: "assistant",
          content: "Yes.",
          reasoning_content: "mm.",
          reasoning_details: [
            { type: "reasoning.text", index: 0, text: "Hmm.", signature: SEALED },
            { type: "reasoning.encrypted", index: 1, data: SEALED },
            { type: "reasoning.encrypted", index: 2, data: SEALED_CALL, id: "content" },
          ],
          tool_calls: [{ ...toolCall("a", "f", "{}"), extra_content: { google: { thought_signature: SEALED_CALL } } }],
        },
      ],
    },
    {
      turns: [
        user(text("Hi")),
        assistant(
          reasoning("Hmm.", { proof: { origin: "anthropic", data: "signature" } }),
          reasoning("", { redacted: true, proof: { origin: "anthropic", data: "signature" } }),
          text("Yes.", { proof: { origin: "google", data: "thought" } }),
          call("a", "f", "{}", { proof: { origin: "google", data: "thought" } }),
        ),
      ],
    },
  ],
  [
    "85, A.8: proofs that nobody sealed are ignored; the readable thought stays, without a proof",
    {
      messages: [
        HI,
        {
          role: "assistant",
          content: "Yes.",
          reasoning_content: "Hmm.",
          reasoning_details: [
            { type: "reasoning.text", text: "Hmm.", signature: "bare" },
            { type: "reasoning.encrypted", data: "gw1.anthropic.!" },
          ],
          tool_calls: [{ ...toolCall("a", "f", "{}"), extra_content: { google: { thought_signature: "bare" } } }],
        },
      ],
    },
    { turns: [user(text("Hi")), assistant(reasoning("Hmm."), text("Yes."), call("a", "f", "{}"))] },
  ],
  [
    "92: effort none switches reasoning off",
    { reasoning_effort: "none" },
    { reasoning: { mode: "off", effort: "none", budgetTokens: null, display: null } },
  ],
  [
    "A.8: every other effort is a level",
    { reasoning_effort: "xhigh" },
    { reasoning: { mode: "on", effort: "xhigh", budgetTokens: null, display: null } },
  ],
  ["101: stop as a string", { stop: "END" }, { stop: ["END"] }],
  [
    "A.10: limits and sampling, the newer name first",
    {
      max_tokens: 5,
      max_completion_tokens: 6,
      temperature: 0,
      top_p: 0.5,
      seed: 7,
      presence_penalty: 1,
      frequency_penalty: -1,
      logprobs: true,
      top_logprobs: 2,
    },
    {
      maxOutputTokens: 6,
      sampling: { temperature: 0, topP: 0.5, topK: null, seed: 7, presencePenalty: 1, frequencyPenalty: -1, topLogprobs: 2 },
    },
  ],
  ["A.10: logprobs alone ask for the chosen token's", { logprobs: true }, { sampling: { ...DECODED.sampling, topLogprobs: 0 } }],
  [
    "106: several answers are refused elsewhere, one is nothing special",
    { n: 2 },
    {
      extensions: [
        {
          protocol: "openai-chat",
          field: "n",
          value: "2",
          severity: "refused",
          reason: "Several answers to one call exist in Chat Completions alone; send the call several times.",
        },
      ],
    },
  ],
  [
    "A.4, A.10: what asks for nothing special leaves no trace",
    { n: 1, modalities: ["text"], audio: { voice: "alloy" }, response_format: { type: "text" }, metadata: null, user: null },
    {},
  ],
  [
    "A.4: a spoken answer is refused elsewhere",
    { modalities: ["text", "audio"], audio: { voice: "alloy", format: "mp3" } },
    {
      extensions: [
        {
          protocol: "openai-chat",
          field: "modalities",
          value: '["text","audio"]',
          severity: "refused",
          reason: "Spoken answers exist in Chat Completions alone.",
        },
        {
          protocol: "openai-chat",
          field: "audio",
          value: '{"voice":"alloy","format":"mp3"}',
          severity: "refused",
          reason: "Spoken answers exist in Chat Completions alone.",
        },
      ],
    },
  ],
  [
    "107: a schema for the answer",
    {
      response_format: { type: "json_schema", json_schema: { name: "n", schema: { type: "object" }, strict: true } },
    },
    { output: { type: "json-schema", name: "n", description: null, schema: '{"type":"object"}', strict: true } },
  ],
  [
    "A.9: any JSON object, and how much to say",
    { response_format: { type: "json_object" }, verbosity: "low" },
    { output: { type: "json-object" }, verbosity: "low" },
  ],
  [
    "A.13: identity, labels, tier, storage, cache key",
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
    "A.13: a tier that Chat alone has",
    { service_tier: "scale" },
    {
      extensions: [
        {
          protocol: "openai-chat",
          field: "service_tier",
          value: '"scale"',
          severity: "reported",
          reason: "The model's own protocol has no such member.",
        },
      ],
    },
  ],
  [
    "123: the usage chunk is asked for",
    { stream: true, stream_options: { include_usage: true, include_obfuscation: false } },
    { stream: true, includeUsage: true },
  ],
  [
    "115: members that nobody knows are reported, on top and inside",
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
      turns: [user(text("Hi")), assistant(text("Yo"))],
      tools: [fn("f")],
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
        { field: "tools[0].function.eager", severity: "reported", reason: "The model's own protocol has no such member here." },
        { field: "messages[0].weight", severity: "reported", reason: "The model's own protocol has no such member here." },
      ],
    },
  ],
];

for (const [what, body, expected] of DECODE) {
  test(`decoding a request, ${what}`, () => {
    const written = typeof body === "string" ? body : JSON.stringify({ model: "m", messages: [HI], ...body });
    const decoded = openaiChat.request.decode({ body: written, headers: {}, path: null });
    // The order of members is the order of the body, which says nothing.
    const sorted = (request: CanonicalRequest): object => ({
      ...request,
      extensions: request.extensions.toSorted((a, b) => (a.field < b.field ? -1 : 1)),
    });
    assert.deepEqual(sorted(decoded), sorted({ ...DECODED, ...expected }));
  });
}

const WRONG: readonly (readonly [what: string, body: Body | string, param: string | null])[] = [
  ["not JSON", "{", null],
  ["trailing commas (116)", '{"model":"m",}', null],
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
  ["an unknown effort", { reasoning_effort: "extreme" }, "reasoning_effort"],
  ["a tool choice of another protocol", { tool_choice: { type: "any" } }, "tool_choice"],
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

// ---- Encode --------------------------------------------------------------------------------------------------------

/** A client of another protocol, whose words the losses have to use. */
const THEIR_NAMES = {
  ...NAMES,
  turns: "contents",
  system: "instructions",
  reasoning: "thinking",
  topK: "top_k",
  maxOutputTokens: "max_tokens",
  output: "text.format",
};
const REQUEST: CanonicalRequest = {
  ...bareRequest({ model: "gpt-4.1", stream: false }),
  names: THEIR_NAMES,
  turns: [user(text("Hi"))],
};
const on = (more: Partial<Reasoning>): Reasoning => ({ mode: "on", effort: null, budgetTokens: null, display: null, ...more });
const reported = (field: string, reason: string): Loss => ({ field, severity: "reported", reason });
const refused = (field: string, reason: string): Loss => ({ field, severity: "refused", reason });
const dropped = (field: string, reason: string): Loss => ({ field, severity: "dropped", reason });
const NO_THOUGHTS = dropped("contents.reasoning", "The model takes no earlier thoughts back, or those of the running tool loop alone.");
const SAMPLING = DECODED.sampling;
const NO_SAMPLING = "The model takes no sampling parameters while it reasons.";

type Encoded = { readonly body?: Body; readonly losses?: readonly Loss[] };
const ENCODE: readonly (readonly [what: string, request: Partial<CanonicalRequest>, expected: Encoded])[] = [
  [
    "2: a system turn at the end stays there, and its effort wins",
    {
      model: "glm-5.1",
      reasoning: on({ effort: "high" }),
      turns: [user(text("Hi")), { role: "system", parts: [text("Now")], effort: "low" }],
    },
    { body: { messages: [HI, { role: "system", content: "Now" }], reasoning_effort: "low" } },
  ],
  [
    "6: instructions for a server that is not OpenAI's are one system message, a string",
    {
      model: "kimi-k2.6",
      system: [text("A"), text("B")],
    },
    { body: { messages: [{ role: "system", content: "A\n\nB" }, HI] } },
  ],
  [
    "6: OpenAI's reasoning models get developer, with the boundaries of the blocks",
    {
      model: "gpt-5.1",
      system: [text("A"), text("B")],
      turns: [user(text("Hi")), system(text("C"))],
    },
    {
      body: {
        messages: [
          {
            role: "developer",
            content: [
              { type: "text", text: "A" },
              { type: "text", text: "B" },
            ],
          },
          HI,
          { role: "developer", content: "C" },
        ],
      },
    },
  ],
  ["6: its other models get system", { system: [text("A")] }, { body: { messages: [{ role: "system", content: "A" }, HI] } }],
  [
    "8, 9: results first, each its own message, then the text that stood between them",
    {
      turns: [
        user(text("Hi")),
        assistant(call("a", "f", "{}"), call("b", "f", "{}")),
        user(result("b", [text("2")]), text("Then?"), result("a", [text("1")])),
      ],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}"), toolCall("b", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "1" },
          { role: "tool", tool_call_id: "b", content: "2" },
          { role: "user", content: "Then?" },
        ],
      },
    },
  ],
  [
    "A.3: a refusal without words is no message",
    { model: "glm-5", turns: [user(text("Hi")), assistant({ type: "refusal", text: "" }), user(text("And?"))] },
    { body: { model: "glm-5", messages: [HI, { role: "user", content: "And?" }] } },
  ],
  [
    "12: a call without a result gets one that says so",
    { turns: [user(text("Hi")), assistant(call("a", "f", "{}")), user(text("Stop"))] },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "Error: The call was interrupted before it gave a result." },
          { role: "user", content: "Stop" },
        ],
      },
      losses: [refused("contents", "Call a of f has no result.")],
    },
  ],
  [
    "14: two calls of one turn with one id are told apart, and so are their results",
    {
      turns: [
        user(text("Hi")),
        assistant(call("a", "f", "{}"), call("a", "f", "{}")),
        user(result("a", [text("1")]), result("a", [text("2")]), text("")),
      ],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}"), toolCall("a_1", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "1" },
          { role: "tool", tool_call_id: "a_1", content: "2" },
        ],
      },
    },
  ],
  [
    "17, 71: a turn of calls alone has content null, a call without arguments an empty object",
    {
      turns: [user(text("Hi")), assistant(call("a", "f", "")), user(result("a", []))],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "" },
        ],
      },
    },
  ],
  [
    "22, 23: text around calls is one message, text first",
    {
      turns: [user(text("Hi")), assistant(text("A"), call("a", "f", "{}"), text("B")), user(result("a", [text("1")]))],
      model: "glm-5.1",
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: "AB", tool_calls: [toolCall("a", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "1" },
        ],
      },
    },
  ],
  [
    "30: text alone is a string for servers that take nothing else",
    { model: "deepseek-v4-pro", turns: [user(text("A"), text("B"))] },
    {
      body: { messages: [{ role: "user", content: "A\n\nB" }] },
    },
  ],
  [
    "37: images by URL and as bytes",
    {
      turns: [
        user(
          { type: "image", source: { type: "url", url: "https://example.com/a.png", mediaType: null }, detail: "low", cache: null },
          { type: "image", source: { type: "base64", mediaType: null, data: PNG }, detail: null, cache: null },
        ),
      ],
    },
    {
      body: {
        messages: [
          {
            role: "user",
            content: [
              { type: "image_url", image_url: { url: "https://example.com/a.png", detail: "low" } },
              { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
            ],
          },
        ],
      },
    },
  ],
  [
    "38, 40: a result's texts are lines, its image follows all results with the call's id",
    {
      model: "kimi-k2.6",
      turns: [
        user(text("Hi")),
        assistant(call("a", "f", "{}"), call("b", "f", "{}")),
        user(
          result("a", [
            text("1"),
            text("2"),
            { type: "image", source: { type: "url", url: "https://example.com/a.png", mediaType: null }, detail: null, cache: null },
          ]),
          result("b", [
            { type: "image", source: { type: "url", url: "https://example.com/b.png", mediaType: null }, detail: null, cache: null },
          ]),
        ),
      ],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}"), toolCall("b", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "1\n2" },
          { role: "tool", tool_call_id: "b", content: "The result follows in the next user message." },
          {
            role: "user",
            content: [
              { type: "text", text: "Returned by tool call a:" },
              { type: "image_url", image_url: { url: "https://example.com/a.png" } },
              { type: "text", text: "Returned by tool call b:" },
              { type: "image_url", image_url: { url: "https://example.com/b.png" } },
            ],
          },
        ],
      },
    },
  ],
  [
    "41: a failed call says so, unless its text does",
    {
      turns: [
        user(text("Hi")),
        assistant(call("a", "f", "{}"), call("b", "f", "{}")),
        user(result("a", [text("no such file")], { isError: true }), result("b", [text("Error: denied")], { isError: true })),
      ],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}"), toolCall("b", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "Error: no such file" },
          { role: "tool", tool_call_id: "b", content: "Error: denied" },
        ],
      },
    },
  ],
  [
    "43: a document of text is text with its title, and what was said about it",
    {
      turns: [
        user({
          type: "file",
          source: { type: "text", text: "Body" },
          filename: "Title",
          context: "From the wiki",
          citations: true,
          cache: null,
        }),
      ],
      model: "glm-5.1",
    },
    {
      body: { messages: [{ role: "user", content: "From the wiki\n\nTitle\n\nBody" }] },
      losses: [reported("contents.citations", "Chat Completions does not cite documents.")],
    },
  ],
  [
    "A.4, 44: what Chat cannot take is refused, each kind by name, and a note stands in its place",
    {
      turns: [
        user(
          text("Hi"),
          { type: "image", source: { type: "file-id", id: "i", owner: "anthropic-messages" }, detail: null, cache: null },
          {
            type: "file",
            source: { type: "url", url: "https://example.com/a.pdf", mediaType: null },
            filename: null,
            context: null,
            citations: null,
            cache: null,
          },
          {
            type: "file",
            source: { type: "file-id", id: "f", owner: "anthropic-messages" },
            filename: null,
            context: null,
            citations: null,
            cache: null,
          },
          { type: "audio", source: { type: "base64", mediaType: "audio/ogg", data: "T2dn" } },
          { type: "video", source: { type: "url", url: "https://example.com/v.mp4", mediaType: null } },
          { type: "opaque", protocol: "anthropic-messages", name: "container_upload", value: "{}", severity: "refused" },
        ),
      ],
    },
    {
      body: {
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "Hi" },
              { type: "text", text: "[image left out: Chat Completions takes images by URL or as bytes.]" },
              { type: "text", text: "[file left out: Chat Completions takes files as bytes, not by URL.]" },
              { type: "text", text: "[file left out: The file was uploaded elsewhere; this model's upstream cannot read it.]" },
              { type: "text", text: "[audio left out: Chat Completions takes sound as wav or mp3 bytes.]" },
              { type: "text", text: "[video left out: Chat Completions takes no video.]" },
            ],
          },
        ],
      },
      losses: [
        refused("contents.image", "Chat Completions takes images by URL or as bytes."),
        refused("contents.file", "Chat Completions takes files as bytes, not by URL."),
        refused("contents.file", "The file was uploaded elsewhere; this model's upstream cannot read it."),
        refused("contents.audio", "Chat Completions takes sound as wav or mp3 bytes."),
        refused("contents.video", "Chat Completions takes no video."),
        refused("contents.container_upload", "A container_upload block is understood by the protocol that it came from alone."),
      ],
    },
  ],
  [
    "48, 49: names that do not fit become short and stay the same in calls, choice and history",
    {
      tools: [fn("mcp.files/read"), fn("n".repeat(80))],
      toolChoice: { type: "named", name: "mcp.files/read" },
      turns: [user(text("Hi")), assistant(call("a", "mcp.files/read", "{}")), user(result("a", [text("1")]))],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "mcp_files_read_9c0bda67", "{}")] },
          { role: "tool", tool_call_id: "a", content: "1" },
        ],
        tools: [
          { type: "function", function: { name: "mcp_files_read_9c0bda67" } },
          { type: "function", function: { name: `${"n".repeat(55)}_eafb2c05` } },
        ],
        tool_choice: { type: "function", function: { name: "mcp_files_read_9c0bda67" } },
      },
    },
  ],
  [
    "50: an object schema gets its properties",
    {
      tools: [
        fn("f", { schema: '{ "type": "object" }' }),
        fn("g", { schema: "{}" }),
        fn("h", { schema: '{"type":"object","properties":{"a":{}}}' }),
      ],
    },
    {
      body: {
        tools: [
          { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } },
          { type: "function", function: { name: "g", parameters: { type: "object", properties: {} } } },
          { type: "function", function: { name: "h", parameters: { type: "object", properties: { a: {} } } } },
        ],
      },
    },
  ],
  [
    "56: cache marks go out only where they are understood",
    {
      system: [text("A", { cache: { ttl: "1h" } })],
      tools: [fn("f", { cache: { ttl: null } })],
    },
    {
      body: { messages: [{ role: "system", content: "A" }, HI], tools: [{ type: "function", function: { name: "f" } }] },
      losses: [
        dropped("prompt_cache_breakpoint", "The upstream finds cached prefixes by itself."),
        dropped("tools.prompt_cache_breakpoint", "The upstream finds cached prefixes by itself."),
      ],
    },
  ],
  [
    "A.11: where they are, the last four, on results too",
    {
      model: "gpt-5.6",
      system: [text("A", { cache: { ttl: null } }), text("B", { cache: { ttl: "1h" } })],
      turns: [
        user(text("1", { cache: { ttl: "5m" } }), text("2", { cache: { ttl: null } })),
        assistant(call("a", "f", "{}")),
        user(result("a", [text("3")], { cache: { ttl: null } })),
      ],
    },
    {
      body: {
        messages: [
          {
            role: "developer",
            content: [
              { type: "text", text: "A" },
              { type: "text", text: "B", prompt_cache_breakpoint: { mode: "explicit", ttl: "12h" } },
            ],
          },
          {
            role: "user",
            content: [
              { type: "text", text: "1", prompt_cache_breakpoint: { mode: "explicit" } },
              { type: "text", text: "2", prompt_cache_breakpoint: { mode: "explicit" } },
            ],
          },
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: [{ type: "text", text: "3", prompt_cache_breakpoint: { mode: "explicit" } }] },
        ],
      },
    },
  ],
  [
    "60: a tool choice without tools is left out; a demand that nobody can meet is refused",
    { toolChoice: { type: "required" }, parallelToolCalls: false },
    {
      losses: [refused("tool_choice", "A tool call is demanded, but there is no tool that the model could call.")],
    },
  ],
  [
    "A.6: a demand for a tool that is not among the others is refused",
    { tools: [fn("f")], toolChoice: { type: "named", name: "g" } },
    {
      body: { tools: [{ type: "function", function: { name: "f" } }] },
      losses: [refused("tool_choice", "There is no tool g that the model could call.")],
    },
  ],
  [
    "A.6: so is a choice of some tools of which one is unknown",
    { tools: [fn("f")], toolChoice: { type: "subset", names: ["f", "g"], required: false } },
    {
      body: { tools: [{ type: "function", function: { name: "f" } }] },
      losses: [refused("tool_choice", "There is no tool g that the model could call.")],
    },
  ],
  [
    "61, 63: none keeps the tools, and one call at a time is said",
    { tools: [fn("f")], toolChoice: { type: "none" }, parallelToolCalls: false },
    {
      body: { tools: [{ type: "function", function: { name: "f" } }], tool_choice: "none", parallel_tool_calls: false },
    },
  ],
  [
    "63: the o-series knows no such switch, and never calls in parallel",
    { model: "o3", tools: [fn("f")], parallelToolCalls: false },
    {
      body: { tools: [{ type: "function", function: { name: "f" } }] },
    },
  ],
  [
    "66: tools forbid reasoning on the newest models over Chat",
    { model: "gpt-5.4", tools: [fn("f")], reasoning: on({ effort: "high" }) },
    {
      body: { tools: [{ type: "function", function: { name: "f" } }], reasoning_effort: "none" },
      losses: [reported("thinking", "Over Chat Completions this model takes tools only without reasoning.")],
    },
  ],
  [
    "67: a custom tool for a server without them is a function with one string, in the history too",
    {
      model: "glm-5.1",
      tools: [custom("patch", { description: "Patches.", grammar: { syntax: "lark", definition: "start: x" } })],
      turns: [
        user(text("Hi")),
        assistant(call("p", "patch", 'a "b"', { kind: "custom" })),
        user(result("p", [text("ok")], { kind: "custom" })),
      ],
      toolChoice: { type: "named", name: "patch" },
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("p", "patch", '{"input":"a \\"b\\""}')] },
          { role: "tool", tool_call_id: "p", content: "ok" },
        ],
        tools: [
          {
            type: "function",
            function: {
              name: "patch",
              description: "Patches.\n\nThe input follows this lark grammar:\nstart: x",
              parameters: {
                type: "object",
                properties: { input: { type: "string", description: "The whole input, as plain text." } },
                required: ["input"],
                additionalProperties: false,
              },
            },
          },
        ],
        tool_choice: { type: "function", function: { name: "patch" } },
      },
      losses: [reported("tools.patch", "The model cannot be held to a grammar; it is told the grammar instead.")],
    },
  ],
  [
    "67: and itself for a model that has them",
    {
      model: "gpt-5.1",
      tools: [custom("patch", { grammar: { syntax: "lark", definition: "start: x" } }), fn("f")],
      turns: [
        user(text("Hi")),
        assistant(call("p", "patch", "a", { kind: "custom" })),
        user(result("p", [text("ok")], { kind: "custom" })),
      ],
      toolChoice: { type: "subset", names: ["patch", "f"], required: false },
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [{ id: "p", type: "custom", custom: { name: "patch", input: "a" } }] },
          { role: "tool", tool_call_id: "p", content: "ok" },
        ],
        tools: [
          { type: "custom", custom: { name: "patch", format: { type: "grammar", grammar: { syntax: "lark", definition: "start: x" } } } },
          { type: "function", function: { name: "f" } },
        ],
        tool_choice: {
          type: "allowed_tools",
          allowed_tools: {
            mode: "auto",
            tools: [
              { type: "custom", custom: { name: "patch" } },
              { type: "function", function: { name: "f" } },
            ],
          },
        },
      },
    },
  ],
  [
    "A.6: allowed tools alone for a server without that choice",
    { model: "kimi-k2.6", tools: [fn("f"), fn("g")], toolChoice: { type: "subset", names: ["g"], required: true } },
    {
      body: { tools: [{ type: "function", function: { name: "g" } }], tool_choice: "required" },
      losses: [reported("tool_choice", "The model gets the allowed tools alone, which changes its prompt cache.")],
    },
  ],
  [
    "55, 69: hosted tools: search is reported, what only another protocol runs keeps its severity",
    {
      tools: [
        { type: "web-search", allowedDomains: [], blockedDomains: [], location: null, contextSize: null, maxUses: null },
        { type: "opaque", protocol: "anthropic-messages", name: "code_execution", value: "{}", severity: "refused" },
      ],
    },
    {
      losses: [
        reported("tools", "The model's upstream has no web search; the model answers without it."),
        refused("tools.code_execution", "The tool code_execution is run by another provider; this model's upstream has none like it."),
      ],
    },
  ],
  [
    "A.5: search on a model that searches",
    {
      model: "gpt-5-search-api",
      tools: [
        {
          type: "web-search",
          allowedDomains: ["example.com"],
          blockedDomains: [],
          location: { city: "Oslo", region: null, country: "NO", timezone: null },
          contextSize: "low",
          maxUses: null,
        },
      ],
    },
    {
      body: {
        web_search_options: {
          search_context_size: "low",
          user_location: { type: "approximate", approximate: { city: "Oslo", country: "NO" } },
        },
      },
      losses: [reported("tools", "Web search in Chat Completions takes no lists of domains and no limit of uses.")],
    },
  ],
  [
    "72: arguments that were cut stay as they are",
    {
      turns: [user(text("Hi")), assistant(call("a", "f", '{"a":"b')), user(result("a", [text("1")]))],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", '{"a":"b')] },
          { role: "tool", tool_call_id: "a", content: "1" },
        ],
      },
    },
  ],
  [
    "73: a call id that is too long is short and the same on both sides",
    {
      turns: [user(text("Hi")), assistant(call("x".repeat(41), "f", "{}")), user(result("x".repeat(41), [text("1")]))],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("call_fb64f7a7b268920b", "f", "{}")] },
          { role: "tool", tool_call_id: "call_fb64f7a7b268920b", content: "1" },
        ],
      },
    },
  ],
  [
    "A.7: Mistral's ids have nine characters",
    {
      model: "mistral-large-latest",
      turns: [user(text("Hi")), assistant(call("toolu_01", "f", "{}")), user(result("toolu_01", [text("1")]))],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("cf56858b0", "f", "{}")] },
          { role: "tool", tool_call_id: "cf56858b0", content: "1" },
        ],
      },
    },
  ],
  [
    "93: reasoning goes back inside of the running tool loop alone, and no proof ever",
    {
      model: "deepseek-v4-pro",
      turns: [
        user(text("Hi")),
        assistant(reasoning("Old."), call("a", "f", "{}")),
        user(result("a", [text("1")])),
        assistant(reasoning("Old too."), text("Done.")),
        user(text("Again")),
        assistant(reasoning("Now.", { proof: { origin: "anthropic", data: "s" } }), call("b", "f", "{}")),
        user(result("b", [text("2")])),
      ],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "1" },
          { role: "assistant", content: "Done." },
          { role: "user", content: "Again" },
          { role: "assistant", content: null, reasoning_content: "Now.", tool_calls: [toolCall("b", "f", "{}")] },
          { role: "tool", tool_call_id: "b", content: "2" },
        ],
      },
      losses: [NO_THOUGHTS],
    },
  ],
  [
    "94, 93: OpenAI gets none, and a turn of nothing else is left out",
    {
      turns: [user(text("Hi")), assistant(reasoning("Hmm.", { proof: { origin: "openai", data: "s" } })), user(text("So?"))],
    },
    { body: { messages: [HI, { role: "user", content: "So?" }] }, losses: [NO_THOUGHTS] },
  ],
  [
    "A.8: a budget becomes a level, without a word about it",
    { model: "gpt-5", reasoning: on({ budgetTokens: 31999 }) },
    { body: { reasoning_effort: "high" } },
  ],
  [
    "A.8: a level that the model does not know becomes the next lower one",
    { model: "kimi-k2.6", reasoning: on({ effort: "max" }) },
    {
      body: { reasoning_effort: "high" },
      losses: [reported("thinking", 'The model knows no effort "max"; it gets "high".')],
    },
  ],
  [
    "A.8: what cannot be switched off gets the lowest",
    { model: "o3", reasoning: { mode: "off", effort: null, budgetTokens: null, display: null } },
    {
      body: { reasoning_effort: "low" },
      losses: [reported("thinking", 'The model knows no effort "none"; it gets "low".')],
    },
  ],
  [
    "A.8: as much as the model wants is nothing to say",
    { model: "gpt-5.1", reasoning: { mode: "adaptive", effort: null, budgetTokens: null, display: "auto" } },
    {},
  ],
  [
    "A.8: a model that does not reason is not asked to",
    { reasoning: on({ effort: "high" }) },
    { losses: [reported("thinking", "The model does not reason.")] },
  ],
  ["97: the limit under the name that the model knows", { model: "gpt-5", maxOutputTokens: 100 }, { body: { max_completion_tokens: 100 } }],
  ["97: and under the old one elsewhere", { model: "glm-5.1", maxOutputTokens: 100 }, { body: { max_tokens: 100 } }],
  [
    "96: no output at all can be asked of Messages alone",
    { maxOutputTokens: 0 },
    { losses: [refused("max_tokens", "Only Messages can be asked for no output at all.")] },
  ],
  [
    "103: a reasoning model takes neither sampling nor stop sequences; defaults need no word",
    {
      model: "gpt-5",
      stop: ["END"],
      sampling: { ...SAMPLING, temperature: 0.2, topP: 1, topK: 5, seed: 1, presencePenalty: 0 },
    },
    {
      body: { seed: 1 },
      losses: [
        reported("temperature", NO_SAMPLING),
        reported("stop", "The model takes no stop sequences while it reasons."),
        reported("top_k", "Chat Completions has no such parameter."),
      ],
    },
  ],
  [
    "103: unless it does not reason",
    { model: "gpt-5.1", reasoning: on({ effort: "none" }), stop: ["END"], sampling: { ...SAMPLING, temperature: 0.2 } },
    {
      body: { reasoning_effort: "none", stop: ["END"], temperature: 0.2 },
    },
  ],
  [
    "A.10: four stop sequences",
    { stop: ["1", "2", "3", "4", "5"] },
    {
      body: { stop: ["1", "2", "3", "4"] },
      losses: [reported("stop", "Chat Completions takes 4 stop sequences; the first ones were sent.")],
    },
  ],
  ["A.10: log probabilities", { sampling: { ...SAMPLING, topLogprobs: 2 } }, { body: { logprobs: true, top_logprobs: 2 } }],
  [
    "A.10: log probabilities are refused where the model would refuse them",
    { model: "gpt-5.1", sampling: { ...SAMPLING, topLogprobs: 0 } },
    { body: {}, losses: [refused("logprobs", "The model gives no log probabilities while it reasons.")] },
  ],
  [
    "107: a schema for the answer, with a name where it has none",
    {
      output: { type: "json-schema", name: null, description: null, schema: '{"type":"object"}', strict: null },
    },
    { body: { response_format: { type: "json_schema", json_schema: { name: "response", schema: { type: "object" } } } } },
  ],
  [
    "A.9: a JSON object needs the word in the prompt",
    { output: { type: "json-object" }, system: [text("A")] },
    {
      body: {
        messages: [
          {
            role: "system",
            content: [
              { type: "text", text: "A" },
              { type: "text", text: "Answer with one JSON object." },
            ],
          },
          HI,
        ],
        response_format: { type: "json_object" },
      },
    },
  ],
  [
    "109: a long name of a user is hashed, not cut",
    { model: "gpt-5.1", endUser: `{"device":"${"d".repeat(70)}","session":"1"}` },
    {
      body: { safety_identifier: "f2aa4f886d1689f7c0faf658041e77e1" },
    },
  ],
  [
    "A.13: what OpenAI has",
    {
      model: "gpt-5.1",
      endUser: "u",
      metadata: { a: "1" },
      store: true,
      serviceTier: "flex",
      cacheKey: "k",
      verbosity: "low",
    },
    { body: { safety_identifier: "u", metadata: { a: "1" }, store: true, service_tier: "flex", prompt_cache_key: "k", verbosity: "low" } },
  ],
  [
    "A.13: labels without storage would be a 400",
    { metadata: { a: "1" } },
    {
      losses: [{ field: "metadata", severity: "dropped", reason: "Labels are kept with stored answers alone." }],
    },
  ],
  [
    "A.13: what other servers do not have",
    {
      model: "glm-5.1",
      endUser: "u",
      metadata: { a: "1" },
      store: true,
      serviceTier: "priority",
      cacheKey: "k",
      verbosity: "low",
    },
    {
      body: { user: "u" },
      losses: [
        reported("verbosity", "The model has no setting for how much it says."),
        reported("store", "The model's upstream keeps no answers for later."),
        reported("service_tier", "The model's upstream has one tier alone."),
        dropped("metadata", "The model's upstream keeps no labels."),
        dropped("prompt_cache_key", "The model's upstream finds cached prefixes by itself."),
      ],
    },
  ],
  [
    "110: a cache key where the server groups by it",
    { model: "kimi-k2.6", cacheKey: "session-1" },
    { body: { prompt_cache_key: "session-1" } },
  ],
  [
    "111: the billing line of Claude Code is no instruction",
    { system: [text("x-anthropic-billing-header: cc_version=2.1; cch=00000;"), text("Be brief.")] },
    {
      body: { messages: [{ role: "system", content: "Be brief." }, HI] },
    },
  ],
  [
    "123: a client of another protocol is always told the usage",
    { stream: true },
    { body: { stream: true, stream_options: { include_usage: true } } },
  ],
  ["123: a client of Chat as it wants", { names: NAMES, stream: true }, { body: { stream: true } }],
  [
    "A.0: a refusal in the history of another server is plain text",
    {
      model: "glm-5.1",
      turns: [user(text("Hi")), assistant({ type: "refusal", text: "No." }), user(text("Why?"))],
    },
    { body: { messages: [HI, { role: "assistant", content: "No." }, { role: "user", content: "Why?" }] } },
  ],
  [
    "A.12: what another protocol alone understands is said, in its severity",
    {
      extensions: [
        { protocol: "anthropic-messages", field: "container", value: '"c"', severity: "reported", reason: "No containers here." },
        { protocol: "openai-chat", field: "logit_bias", value: '{"5": -1}', severity: "reported", reason: "-" },
      ],
      losses: [reported("messages[0].x", "-")],
    },
    { body: { logit_bias: { "5": -1 } }, losses: [reported("container", "No containers here."), reported("messages[0].x", "-")] },
  ],
];

for (const [what, request, expected] of ENCODE) {
  test(`encoding a request, ${what}`, () => {
    const encoded = openaiChat.request.encode({ ...REQUEST, ...request });
    const body = { model: request.model ?? REQUEST.model, messages: [HI], ...expected.body };
    assert.deepEqual({ ...encoded, body: JSON.parse(encoded.body) as unknown }, { body, headers: {}, losses: expected.losses ?? [] });
  });
}

test("encoding a request, 70: arguments and schemas keep every character", () => {
  const schema = '{ "type": "object", "properties": { "n": { "maximum": 12345678901234567890, "multipleOf": 1.0 } } }';
  const args = '{ "n": 12345678901234567890 , "f":1.50}';
  const { body } = openaiChat.request.encode({
    ...REQUEST,
    tools: [fn("f", { schema })],
    turns: [user(text("Hi")), assistant(call("a", "f", args)), user(result("a", [text("1")]))],
  });
  assert.ok(body.includes(`"parameters":${schema}`));
  assert.ok(body.includes(`"arguments":${JSON.stringify(args)}`));
});

// ---- Edits ---------------------------------------------------------------------------------------------------------

const PROMPT = 'You are "Droid".\n';
const EDITS: readonly (readonly [what: string, body: string, edited: string])[] = [
  [
    "117: in front of the messages, every other character as it was",
    ' { "x" : 1.50 ,"messages":\t[ {"role":"user","content":"Hi"} ],"model" : "a" }',
    ' { "x" : 1.50 ,"messages":\t[{"role":"system","content":"You are \\"Droid\\".\\n"}, {"role":"user","content":"Hi"} ],"model" : "b" }',
  ],
  ["into an empty list", '{"model":"a","messages":[]}', '{"model":"b","messages":[{"role":"system","content":"You are \\"Droid\\".\\n"}]}'],
  [
    "never doubled: a leading message begins with it",
    '{"model":"a","messages":[{"role":"developer","content":[{"type":"text","text":"You are \\"Droid\\".\\nAnd kind."}]},{"role":"user","content":"Hi"}]}',
    '{"model":"b","messages":[{"role":"developer","content":[{"type":"text","text":"You are \\"Droid\\".\\nAnd kind."}]},{"role":"user","content":"Hi"}]}',
  ],
  [
    "never doubled: the second of the leading messages",
    '{"model":"a","messages":[{"role":"system","content":"A"},{"role":"system","content":"You are \\"Droid\\".\\n"}]}',
    '{"model":"b","messages":[{"role":"system","content":"A"},{"role":"system","content":"You are \\"Droid\\".\\n"}]}',
  ],
  [
    "a user who says the same is no instruction",
    '{"model":"a","messages":[{"role":"user","content":"You are \\"Droid\\".\\n"}]}',
    '{"model":"b","messages":[{"role":"system","content":"You are \\"Droid\\".\\n"},{"role":"user","content":"You are \\"Droid\\".\\n"}]}',
  ],
  ["messages that are no list are the upstream's to reject", '{"model":"a","messages":"Hi"}', '{"model":"b","messages":"Hi"}'],
];

for (const [what, body, edited] of EDITS) {
  test(`editing a body, ${what}`, () => assert.equal(openaiChat.request.edit(body, { model: "b", systemPrompt: PROMPT }), edited));
}

const SEALED_BODIES: readonly (readonly [what: string, before: string, after: string])[] = [
  [
    "a thought's proof, the list with it",
    `{"model":"m","messages":[{"role":"assistant","reasoning_content":"Hm.", "reasoning_details":[{"signature":"${SEALED_CALL}"}], "content":"A"}]}`,
    '{"model":"m","messages":[{"role":"assistant","reasoning_content":"Hm.", "content":"A"}]}',
  ],
  [
    "a call's proof, and only ours of a list",
    `{"model":"m","messages":[{"reasoning_details":[{"data":"theirs"} , {"data":"${SEALED_CALL}"}],"tool_calls":[ {"id":"a","extra_content":{"google":{"thought_signature":"${SEALED_CALL}"}}} ]}]}`,
    '{"model":"m","messages":[{"reasoning_details":[{"data":"theirs"}],"tool_calls":[ {"id":"a"} ]}]}',
  ],
  [
    "nothing of anybody else",
    '{"model":"m","messages":[{"content":"\\"gw1.x","reasoning_details":[{"data":"theirs"}],"tool_calls":[{"extra_content":{}}]}]}',
    '{"model":"m","messages":[{"content":"\\"gw1.x","reasoning_details":[{"data":"theirs"}],"tool_calls":[{"extra_content":{}}]}]}',
  ],
];

for (const [what, before, after] of SEALED_BODIES) {
  test(`A.8: what other vendors sealed is taken out of a conversation that goes to a Chat upstream: ${what}`, () => {
    assert.equal(openaiChat.request.edit(before, { model: null, systemPrompt: null }), after);
  });
}
