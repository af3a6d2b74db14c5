// The matrix sees what it should: each thing that a request or a reply says is noticed when a conversion loses or changes it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalRequest, Logprob, Part, Reply } from "../../src/protocol/canonical.ts";
import {
  assistant,
  base64,
  call,
  customTool,
  file,
  google,
  image,
  reasoning,
  request,
  result,
  system,
  text,
  tool as functionTool,
  url,
  user,
} from "./canonical.ts";
import { replyDifferences, requestDifferences } from "./facts.ts";

const PROOF = google("c2ln");
const CACHE = { ttl: "1h" } as const;
const signedCall = (callId: string, name: string): Part => call(callId, name, '{"a":1}', { proof: PROOF });
const failedResult = (callId: string, words: string): Part => result(callId, [text(words), image(url("https://a"))], { isError: true });

const REQUEST: CanonicalRequest = {
  ...request({ stream: true }),
  system: [text("one"), text("two", { cache: CACHE })],
  turns: [
    user(
      text("hello"),
      text("there", { cache: CACHE }),
      image(base64("image/png", "AA"), { detail: "low" }),
      file({ type: "text", text: "doc" }, { filename: "f", context: "c", citations: true }),
      { type: "audio", source: base64("audio/wav", "AA") },
    ),
    assistant(reasoning("hm", { proof: PROOF }), text("I look"), signedCall("c1", "look"), signedCall("c2", "hear")),
    user(failedResult("c1", "seen"), failedResult("c2", "heard")),
    { ...system("short now"), effort: "low" },
    assistant({ type: "refusal", text: "no" }),
  ],
  tools: [
    functionTool("look", { namespace: "eyes", description: "d", schema: "{}", strict: true, cache: CACHE }),
    customTool("patch", { grammar: { syntax: "lark", definition: "x" } }),
    {
      type: "web-search",
      allowedDomains: ["a"],
      blockedDomains: ["b"],
      location: { city: "c", region: null, country: null, timezone: null },
      contextSize: "low",
      maxUses: 2,
    },
    { type: "opaque", protocol: "gemini", name: "codeExecution", value: "{}", severity: "refused" },
  ],
  toolChoice: { type: "named", name: "look" },
  parallelToolCalls: false,
  reasoning: { mode: "on", effort: "low", budgetTokens: 2000, display: "auto" },
  output: { type: "json-schema", name: "n", description: "d", schema: "{}", strict: true },
  verbosity: "low",
  maxOutputTokens: 9,
  stop: ["x", "y"],
  sampling: { temperature: 0, topP: 0.5, topK: 3, seed: 4, presencePenalty: 0.1, frequencyPenalty: 0.2, topLogprobs: 0 },
  endUser: "u",
  metadata: { a: "b" },
  cacheKey: "k",
  serviceTier: "flex",
  store: true,
};

const REPLY: Reply = {
  id: "r",
  model: "m",
  parts: [
    reasoning("hm", { redacted: true, proof: PROOF }),
    text("a", {
      proof: PROOF,
      logprobs: [{ token: "a", bytes: [97], logprob: -1, top: [{ token: "\\xf0", bytes: [240], logprob: -2 }] }],
      annotations: [{ type: "url-citation", url: "https://a", title: null, start: null, end: null, quote: null }],
    }),
    signedCall("c1", "look"),
    {
      type: "opaque",
      protocol: "gemini",
      name: "codeExecution",
      value: "{}",
      severity: "reported",
      search: { query: "q", sources: [{ url: "https://a", title: null }], hasFailed: false },
    },
  ],
  usage: { inputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 2, outputTokens: 3, reasoningTokens: 1 },
  finish: { kind: "stop-sequence", raw: "stop", stopSequence: "x", explanation: "e" },
};

test("a request or a reply does not differ from itself", () => {
  assert.deepEqual(requestDifferences(REQUEST, REQUEST), []);
  assert.deepEqual(replyDifferences(REPLY, REPLY), []);
});

/** The request with another turn in the place of one. */
function turns(index: number, edit: (parts: readonly Part[]) => readonly Part[]): Partial<CanonicalRequest> {
  return { turns: REQUEST.turns.map((one, at) => (at === index ? { ...one, parts: edit(one.parts) } : one)) };
}

/** The request with members of one part changed. */
function part(turnIndex: number, partIndex: number, change: object): Partial<CanonicalRequest> {
  return turns(turnIndex, (parts) => parts.map((one, at) => (at === partIndex ? { ...one, ...change } : one)));
}

function tool(index: number, change: object): Partial<CanonicalRequest> {
  return { tools: REQUEST.tools.map((one, at) => (at === index ? { ...one, ...change } : one)) };
}

const without =
  (index: number) =>
  (parts: readonly Part[]): readonly Part[] =>
    parts.filter((_, at) => at !== index);

/** The request with the parts of two turns changed. */
function both(edits: Readonly<Record<number, (parts: readonly Part[]) => readonly Part[]>>): Partial<CanonicalRequest> {
  return { turns: REQUEST.turns.map((one, at) => ({ ...one, parts: edits[at]?.(one.parts) ?? one.parts })) };
}

const LOST: readonly (readonly [fields: string, change: Partial<CanonicalRequest>])[] = [
  ["model", { model: "other" }],
  ["stream", { stream: false }],
  ["system system.cache", { system: [text("one")] }],
  ["+system", { system: [text("one"), text("and"), text("two", { cache: CACHE })] }],
  ["system.blocks system.cache", { system: [text("one\n\ntwo")] }],
  ["system.cache", { system: [text("one"), text("two")] }],
  ["turns.text", turns(0, without(0))],
  ["turns.text turns.cache", turns(0, without(1))],
  ["turns.text.blocks turns.cache", turns(0, ([, , ...rest]) => [text("hello there"), ...rest])],
  ["+turns.text", turns(0, (parts) => [text("well"), ...parts])],
  ["turns.cache", part(0, 1, { cache: null })],
  ["turns.image turns.image.detail", turns(0, without(2))],
  ["turns.image.detail", part(0, 2, { detail: null })],
  ["turns.file turns.file.filename turns.file.context turns.file.citations", turns(0, without(3))],
  ["turns.file.filename", part(0, 3, { filename: null })],
  ["turns.file.context", part(0, 3, { context: null })],
  ["turns.file.citations", part(0, 3, { citations: null })],
  ["turns.audio", turns(0, without(4))],
  ["turns.reasoning turns.reasoning.proof", turns(1, without(0))],
  ["turns.reasoning.proof", part(1, 0, { proof: null })],
  ["+turns.reasoning.redacted", part(1, 0, { redacted: true })],
  [
    "turns.toolCall turns.toolCall.arguments turns.toolCall.id turns.toolCall.proof turns.toolResult turns.toolResult.isError turns.toolResult.image turns.toolResult.text",
    both({ 1: without(3), 2: without(1) }),
  ],
  ["turns.toolCall", part(1, 2, { name: "listen" })],
  ["turns.toolCall.arguments", part(1, 2, { arguments: "{}" })],
  ["turns.toolCall.proof", part(1, 2, { proof: null })],
  ["+turns.toolCall.custom", part(1, 2, { kind: "custom" })],
  ["turns.order", turns(1, (parts) => [parts[2], parts[3], parts[0], parts[1]].filter((one) => one !== undefined))],
  ["turns.toolResult.text", part(2, 0, { content: [text("something else"), ...imageOf(2, 0)] })],
  ["turns.toolResult.image", part(2, 0, { content: [text("seen")] })],
  ["turns.toolResult.isError", part(2, 1, { isError: null })],
  ["turns.effort", { turns: REQUEST.turns.map((one) => ({ ...one, effort: null })) }],
  ["turns.system", turns(3, () => [])],
  ["turns.refusal", turns(4, () => [])],
  ["tools.namespace", tool(0, { namespace: null })],
  ["tools.description", tool(0, { description: null })],
  ["tools.schema", tool(0, { schema: '{ "type": "object" }' })],
  ["tools.strict", tool(0, { strict: null })],
  ["tools.cache", tool(0, { cache: null })],
  ["tools.grammar", tool(1, { grammar: null })],
  ["tools.webSearch.allowedDomains", tool(2, { allowedDomains: [] })],
  ["tools.webSearch.blockedDomains", tool(2, { blockedDomains: [] })],
  ["tools.webSearch.location", tool(2, { location: null })],
  ["tools.webSearch.contextSize", tool(2, { contextSize: null })],
  ["tools.webSearch.maxUses", tool(2, { maxUses: null })],
  ["tools.opaque", { tools: REQUEST.tools.slice(0, 3) }],
  ["toolChoice", { toolChoice: { type: "auto" } }],
  ["parallelToolCalls", { parallelToolCalls: null }],
  ["reasoning.mode reasoning.effort reasoning.budgetTokens reasoning.display", { reasoning: null }],
  ["output output.name output.description output.schema output.strict", { output: null }],
  ["verbosity", { verbosity: null }],
  ["maxOutputTokens", { maxOutputTokens: 10 }],
  ["stop", { stop: ["x"] }],
  ["temperature", { sampling: { ...REQUEST.sampling, temperature: null } }],
  ["topLogprobs", { sampling: { ...REQUEST.sampling, topLogprobs: null } }],
  ["endUser", { endUser: null }],
  ["metadata", { metadata: null }],
  ["cacheKey", { cacheKey: null }],
  ["serviceTier", { serviceTier: "default" }],
  ["store", { store: false }],
];

function imageOf(turnIndex: number, partIndex: number): readonly Part[] {
  const found = REQUEST.turns[turnIndex]?.parts[partIndex];
  return found?.type === "tool-result" ? found.content.filter((one) => one.type === "image") : [];
}

for (const [fields, change] of LOST) {
  test(`requests: ${fields} is noticed`, () => {
    const found = requestDifferences(REQUEST, { ...REQUEST, ...change }).map(({ field }) => field);
    assert.deepEqual(found.sort(), fields.split(" ").sort());
  });
}

test("requests: saying something where nothing was said loses nothing, where it is one value", () => {
  const bare = request({ stream: true });
  assert.deepEqual(
    requestDifferences(bare, { ...bare, maxOutputTokens: 9, store: false, verbosity: "low", toolChoice: { type: "auto" } }),
    [],
  );
});

/** The reply with another log probability of its text. */
function weighed(change: Partial<Logprob>): Partial<Reply> {
  return {
    parts: REPLY.parts.map((one) =>
      one.type === "text" ? { ...one, logprobs: (one.logprobs ?? []).map((token) => ({ ...token, ...change })) } : one,
    ),
  };
}

const REPLIES: readonly (readonly [fields: string, change: Partial<Reply>])[] = [
  ["reply.model", { model: "" }],
  ["reply.reasoning reply.reasoning.redacted reply.reasoning.proof", { parts: REPLY.parts.slice(1) }],
  [
    "reply.text reply.text.annotations reply.text.proof reply.text.logprobs reply.text.logprobs.bytes",
    { parts: REPLY.parts.filter((_, index) => index !== 1) },
  ],
  ["reply.text.logprobs", weighed({ logprob: -3 })],
  ["reply.text.logprobs reply.text.logprobs.bytes", weighed({ top: [] })],
  ["reply.text.logprobs.bytes", weighed({ top: [{ token: "\\xf0", bytes: [92, 120, 102, 48], logprob: -2 }] })],
  ["reply.opaque reply.search reply.search.sources", { parts: REPLY.parts.slice(0, 3) }],
  ["+reply.text reply.order", { parts: [...REPLY.parts, text("b")] }],
  ["reply.order", { parts: [1, 0, 2, 3].flatMap((index) => REPLY.parts[index] ?? []) }],
  ["reply.finish.kind", { finish: { ...REPLY.finish, kind: "end" } }],
  ["reply.finish.stopSequence", { finish: { ...REPLY.finish, stopSequence: null } }],
  ["reply.finish.explanation", { finish: { ...REPLY.finish, explanation: null } }],
  [
    "reply.usage.cacheReadTokens",
    { usage: { inputTokens: 1, cacheReadTokens: null, cacheWriteTokens: 2, outputTokens: 3, reasoningTokens: 1 } },
  ],
  [
    "reply.usage.inputTokens reply.usage.cacheReadTokens reply.usage.cacheWriteTokens reply.usage.outputTokens reply.usage.reasoningTokens",
    { usage: null },
  ],
];

for (const [fields, change] of REPLIES) {
  test(`replies: ${fields} is noticed`, () => {
    const found = replyDifferences(REPLY, { ...REPLY, ...change }).map(({ field }) => field);
    assert.deepEqual(found.sort(), fields.split(" ").sort());
  });
}
