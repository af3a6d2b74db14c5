// Going on after a pause, protocol by protocol: what the codecs keep of an answer, and the request that they make of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../src/wire/json.ts";
import type { Tool } from "../../src/protocol/canonical.ts";
import type { Codec, Continuation } from "../../src/protocol/codec.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { exchange } from "../support/canonical.ts";
import { sseEvents } from "../support/laws.ts";
import { gemini, messages, type Candidate, type Told, type Turn } from "../support/pauses.ts";

const SEARCH: Tool = { type: "web-search", allowedDomains: [], blockedDomains: [], location: null, contextSize: null, maxUses: null };
const SEARCHING = exchange({ tools: [SEARCH], maxOutputTokens: 1000 });

const WAYS: readonly { readonly name: string; readonly tell: (continuation: Continuation, told: Told) => void }[] = [
  { name: "whole", tell: (continuation, { whole }) => continuation.nonStreaming(whole) },
  {
    name: "streamed",
    tell: (continuation, { events }) => {
      for (const event of sseEvents(events.join(""))) continuation.event(event);
    },
  },
];

function continuationOf(codec: Codec, of = SEARCHING): Continuation {
  return codec.reply.continuation?.(of) ?? assert.fail("the answers to this request may pause");
}

// ---- Messages ----------------------------------------------------------------------------------------------------

const text = (value: string, more: JsonObject = {}): JsonObject => ({ type: "text", text: value, ...more });
const search = (id: string, query: string): JsonObject => ({ type: "server_tool_use", id, name: "web_search", input: { query } });
const found = (id: string, encrypted: string): JsonObject => ({
  type: "web_search_tool_result",
  tool_use_id: id,
  content: [{ type: "web_search_result", url: "https://example.com", title: 'É \u2028 "t"', encrypted_content: encrypted, page_age: null }],
});
const CITATION: JsonObject = {
  type: "web_search_result_location",
  url: "https://example.com",
  title: "t",
  cited_text: "Six.",
  encrypted_index: "Eo8B==",
};
const THOUGHT: JsonObject = { type: "thinking", thinking: "Where do I look?", signature: "c2lnbmF0dXJl" };

const ASKED = '{"model":"m","max_tokens":1000,"messages":[{"role":"user","content":"When?"}],"stream":true}';
const asked = (max: number, blocks: readonly JsonObject[], more = ""): string =>
  `{${more}"model":"m","max_tokens":${max},"messages":[{"role":"user","content":"When?"},${JSON.stringify({ role: "assistant", content: blocks })}],"stream":true}`;

interface Row {
  readonly what: string;
  readonly turns: readonly Turn[];
  /** The last request. */
  readonly request: string | null;
  readonly of?: ReturnType<typeof exchange>;
  readonly body?: string;
}

const FIRST: readonly JsonObject[] = [THOUGHT, text("I look it up."), search("srvtoolu_1", "high tide"), found("srvtoolu_1", "EjR==")];
const SECOND: readonly JsonObject[] = [
  { type: "redacted_thinking", data: "aGlkZGVu" },
  text("At six.", { citations: [CITATION, { ...CITATION, cited_text: "At six." }] }),
  search("srvtoolu_2", "low tide"),
];

const TURNS: readonly Row[] = [
  {
    what: "the turn so far is the last message, thoughts, searches and their results included",
    turns: [{ blocks: FIRST }],
    request: asked(995, FIRST),
  },
  {
    what: "a second pause has one message of all blocks, and the tokens of both answers count against the limit",
    turns: [
      { blocks: FIRST, usage: { input: 10, output: 400 } },
      { blocks: SECOND, usage: { input: 10, output: 500 } },
    ],
    request: asked(100, [...FIRST, ...SECOND]),
  },
  {
    what: "a container that was in use stays in use",
    turns: [{ blocks: FIRST, container: "container_1" }],
    request: asked(995, FIRST, '"container":"container_1",'),
  },
  {
    what: "blank text, which the API refuses, is left out",
    turns: [{ blocks: [text(""), ...FIRST, text("\n\n")] }],
    request: asked(995, FIRST),
  },
  {
    what: "the model's own limit stays where the client has set none",
    turns: [{ blocks: FIRST }],
    request: asked(1000, FIRST),
    of: exchange({ tools: [SEARCH] }),
  },
  {
    what: "a call that waits for the client's tools is not gone on with",
    turns: [{ blocks: [...FIRST, { type: "tool_use", id: "toolu_1", name: "f", input: {} }] }],
    request: null,
  },
  { what: "an answer of nothing is not gone on with", turns: [{ blocks: [text("")] }], request: null },
  { what: "the client's limit ends it", turns: [{ blocks: FIRST, usage: { input: 1, output: 1000 } }], request: null },
  {
    what: "so does one that leaves no room behind the budget for thinking",
    turns: [{ blocks: FIRST, usage: { input: 1, output: 400 } }],
    request: null,
    body: ASKED.replace('"stream"', '"thinking":{"type":"enabled","budget_tokens":600},"stream"'),
  },
];

for (const { what, turns, request, of, body = ASKED } of TURNS) {
  for (const way of WAYS) {
    test(`anthropic-messages, ${way.name}: ${what}`, () => {
      const continuation = continuationOf(CODECS["anthropic-messages"], of);
      const requests = turns.map((turn) => {
        way.tell(continuation, messages(turn));
        return continuation.resume(body);
      });
      assert.equal(requests.at(-1), request);
      assert.equal(continuation.seamless, false);
    });
  }
}

test("anthropic-messages: only a turn in which the API runs tools may pause, so that nothing is kept of others", () => {
  const { reply } = CODECS["anthropic-messages"];
  const own: Tool = { type: "function", name: "f", namespace: null, description: null, schema: null, strict: null, cache: null };
  const hosted: Tool = { type: "opaque", protocol: "anthropic-messages", name: "web_fetch", value: "{}", severity: "refused" };
  assert.deepEqual(
    [[], [own], [{ ...hosted, protocol: "gemini" as const }]].map((tools) => reply.continuation?.(exchange({ tools }))),
    [null, null, null],
  );
  assert.ok(reply.continuation?.(exchange({ tools: [hosted] })));
});

const INTO_TEXT = (said: JsonObject): string[] => [
  `data: ${JSON.stringify({ type: "content_block_start", index: 0, content_block: text("") })}\n\n`,
  `data: ${JSON.stringify({ type: "content_block_delta", index: 0, ...said })}\n\n`,
];
for (const [what, events] of [
  ["a delta of an unknown kind", INTO_TEXT({ delta: { type: "compaction_delta", content: "?" } })],
  ["a delta without its block", INTO_TEXT({ index: 7, delta: { type: "text_delta", text: "?" } })],
  ["a search that is not all there", messages({ blocks: [search("s", "tide")] }).events.filter((event) => !event.includes('\\"}"'))],
] as const) {
  test(`anthropic-messages: ${what} can't be repeated exactly, so the turn is not gone on with`, () => {
    const continuation = continuationOf(CODECS["anthropic-messages"]);
    for (const event of sseEvents(events.join(""))) continuation.event(event);
    assert.equal(continuation.resume(ASKED), null);
  });
}

test("anthropic-messages: what a search found goes back as it was written, numbers that no double holds included", () => {
  const result = '{"type":"web_search_tool_result","tool_use_id":"s","content":[{"b":12345678901234567890,"1":1.0,"a":"\\u00e9"}]}';
  const continuation = continuationOf(CODECS["anthropic-messages"]);
  continuation.event({ event: "content_block_start", data: `{"type":"content_block_start","index":0,"content_block":${result}}` });
  const request = continuation.resume(ASKED);
  assert.equal(request, asked(1000, []).replace('"content":[]', `"content":[${result}]`));
});

// ---- Gemini ------------------------------------------------------------------------------------------------------

const GENERATE = '{"model":"gemini-2.5-pro","contents":[{"role":"user","parts":[{"text":"Write."}]}],"stream":true}';
const withToken = (token: string): string => GENERATE.replace("{", `{"continuationToken":"${token}",`);
const WORDS: readonly JsonObject[] = [{ text: "Once " }, { text: "upon" }];

const CANDIDATES: readonly { what: string; candidates: readonly Candidate[]; requests: readonly (string | null)[] }[] = [
  {
    what: "the same request with the answer's token asks for the rest; a second token takes the place of the first",
    candidates: [
      { parts: WORDS, token: "QQ==" },
      { parts: WORDS, token: "Qg==" },
    ],
    requests: [withToken("QQ=="), withToken("Qg==")],
  },
  { what: "without a token nothing goes on", candidates: [{ parts: WORDS }], requests: [null] },
  {
    what: "a token that was used already would only repeat the answer",
    candidates: [
      { parts: WORDS, token: "QQ==" },
      { parts: WORDS, token: "QQ==" },
    ],
    requests: [withToken("QQ=="), null],
  },
];
for (const { what, candidates, requests } of CANDIDATES) {
  for (const way of WAYS) {
    test(`gemini, ${way.name}: ${what}`, () => {
      const continuation = continuationOf(CODECS.gemini);
      const made = candidates.map((candidate) => {
        way.tell(continuation, gemini(candidate));
        return continuation.resume(GENERATE);
      });
      assert.deepEqual(made, requests);
      assert.equal(continuation.seamless, true);
    });
  }
}

const listen = (continuation: Continuation, tellings: readonly Told[]): void => {
  for (const { events } of tellings) for (const event of sseEvents(events.join(""))) continuation.event(event);
};

test("gemini: the token stands beside the reason, which a chunk of counts may follow, or in a JSON array", () => {
  const counted = continuationOf(CODECS.gemini);
  listen(counted, [gemini({ parts: WORDS, token: "QQ==" }), { whole: "", events: ['data: {"usageMetadata":{"promptTokenCount":9}}\n\n'] }]);
  const listed = continuationOf(CODECS.gemini);
  listed.nonStreaming(`[${gemini({ parts: WORDS, token: "Qg==" }).whole}]`);
  assert.deepEqual([counted.resume(GENERATE), listed.resume("{}")], [withToken("QQ=="), '{"continuationToken":"Qg=="}']);
});

test("gemini: a token in the middle of a stream, for one that breaks off there, would repeat the words behind it", () => {
  const continuation = continuationOf(CODECS.gemini);
  const [midway = ""] = gemini({ parts: [{ text: "Once " }], token: "QQ==" }).events;
  listen(continuation, [
    { whole: "", events: [midway.replace('"finishReason":"CONTINUATION",', "")] },
    gemini({ parts: [{ text: "upon" }] }),
  ]);
  assert.equal(continuation.resume(GENERATE), null);
});

test("the protocols of OpenAI have no pause, so there is nothing to go on with", () => {
  for (const protocol of ["openai-chat", "openai-responses"] as const) assert.ok(!("continuation" in CODECS[protocol].reply));
});
