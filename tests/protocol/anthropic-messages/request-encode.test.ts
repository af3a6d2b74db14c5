// What an upstream is sent: limits, sampling, the answer's format, cache marks, and what other models take.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anthropicMessages } from "../../../src/protocol/anthropic-messages/codec.ts";
import { assistant, call, result, system, text, user } from "../../support/canonical.ts";
import { ASKED, BEFORE, BLANK, CURRENT, declared, decode, isSent, LOOK, lost, message, SENT, words, type EncodeRow } from "./requests.ts";

const SAMPLED = { ...BLANK.sampling };
const JSON_SCHEMA = '{"type":"object","properties":{"n":{"type":"integer","minimum":1.50,"description":"Count."}},"required":["n"]}';
const NO_SAMPLING = "This model accepts no sampling parameters.";

const ROWS: readonly EncodeRow[] = [
  { what: "the smallest request", request: {}, body: SENT, headers: CURRENT },
  { what: "the stream switch", request: { stream: true }, body: { ...SENT, stream: true } },
  {
    what: "of more than four cache marks the last four stay",
    request: {
      tools: [declared("look", { cache: { ttl: null } })],
      system: [text("A", { cache: { ttl: null } }), text("B", { cache: { ttl: null } })],
      turns: [
        user(text("C", { cache: { ttl: null } })),
        assistant(text("D", { cache: { ttl: null } })),
        user(text("E", { cache: { ttl: "5m" } })),
      ],
    },
    body: {
      ...SENT,
      tools: [LOOK],
      system: [words("A"), { ...words("B"), cache_control: { type: "ephemeral" } }],
      messages: [
        message("user", { ...words("C"), cache_control: { type: "ephemeral" } }),
        message("assistant", { ...words("D"), cache_control: { type: "ephemeral" } }),
        message("user", { ...words("E"), cache_control: { type: "ephemeral", ttl: "5m" } }),
      ],
    },
  },
  // Parameters
  { what: "without a limit the model's own", request: { maxOutputTokens: null }, body: { ...SENT, max_tokens: 128000 } },
  {
    what: "without a limit an older model's own",
    request: { model: "claude-opus-4-1-20250805", maxOutputTokens: null },
    body: { ...SENT, model: "claude-opus-4-1-20250805", max_tokens: 32000 },
  },
  {
    what: "a limit beyond what the model has",
    request: { model: "claude-3-5-haiku-20241022", maxOutputTokens: 20000 },
    body: { ...SENT, model: "claude-3-5-haiku-20241022", max_tokens: 8192 },
    losses: [lost("limit", "reported", "This model's limit is 8192 output tokens.")],
  },
  {
    what: "a model that takes no sampling gets none, and the current API version",
    request: { sampling: { ...SAMPLED, temperature: 1, topP: 0.5, topK: 5 } },
    body: SENT,
    losses: [lost("temperature", "dropped", NO_SAMPLING), lost("top_p", "reported", NO_SAMPLING), lost("top_k", "reported", NO_SAMPLING)],
  },
  {
    what: "a model that takes sampling gets temperature or top_p, clamped, and the API version before",
    request: { model: "claude-sonnet-4-6", sampling: { ...SAMPLED, temperature: 1.5, topP: 0.5, topK: 5 } },
    body: { ...SENT, model: "claude-sonnet-4-6", temperature: 1, top_k: 5 },
    headers: BEFORE,
    losses: [
      lost("temperature", "reported", "Messages accepts a temperature of at most 1."),
      lost("top_p", "reported", "This model accepts temperature or top_p, not both."),
    ],
  },
  {
    what: "thinking strips sampling, and with it the reason for the API version before",
    request: {
      model: "claude-sonnet-4-6",
      sampling: { ...SAMPLED, temperature: 0.5 },
      reasoning: { mode: "adaptive", effort: null, budgetTokens: null, display: "auto" },
    },
    body: { ...SENT, model: "claude-sonnet-4-6", thinking: { type: "adaptive", display: "summarized" } },
    losses: [lost("temperature", "reported", "Claude models accept no sampling parameters while they think.")],
  },
  {
    what: "what Messages does not have",
    request: {
      sampling: { ...SAMPLED, seed: 7, presencePenalty: 0, frequencyPenalty: 0.5, topLogprobs: 0 },
      verbosity: "low",
      metadata: { a: "b" },
      store: true,
      cacheKey: "k",
      serviceTier: "flex",
      endUser: "u",
      stop: ["\n", "END"],
    },
    body: { ...SENT, stop_sequences: ["END"], metadata: { user_id: "u" } },
    losses: [
      lost("seed", "reported", "Messages has no seed."),
      lost("presence_penalty", "dropped", "Messages has no penalties for repetition."),
      lost("frequency_penalty", "reported", "Messages has no penalties for repetition."),
      lost("top_logprobs", "refused", "Messages does not return log probabilities."),
      lost("verbosity", "reported", "Messages has no setting for the length of an answer."),
      lost("metadata", "dropped", "Messages does not store labels."),
      lost("store", "reported", "Nothing is stored for later retrieval."),
      lost("metadata.user_id.session_id", "dropped", "Anthropic finds cached prefixes by their content."),
      lost("stop_sequences", "reported", "Messages accepts no stop sequence that is only white space."),
      lost("service_tier", "reported", "Messages has no cheaper tier for calls that can wait."),
    ],
  },
  { what: "a service tier", request: { serviceTier: "priority" }, body: { ...SENT, service_tier: "auto" } },
  // Output
  {
    what: "a schema is sent where the model holds to it, its constraints in words",
    request: { output: { type: "json-schema", name: "n", description: null, schema: JSON_SCHEMA, strict: true } },
    body: {
      ...SENT,
      output_config: {
        format: {
          type: "json_schema",
          schema: {
            type: "object",
            properties: { n: { type: "integer", description: "Count.\n{minimum: 1.5}" } },
            required: ["n"],
            additionalProperties: false,
          },
        },
      },
    },
  },
  {
    what: "a model that takes no schema answers through a tool",
    request: {
      model: "claude-3-5-haiku-20241022",
      output: { type: "json-schema", name: "n", description: null, schema: JSON_SCHEMA, strict: true },
    },
    body: {
      ...SENT,
      model: "claude-3-5-haiku-20241022",
      tools: [{ name: "json", description: "Gives the answer. Call it to answer.", input_schema: JSON.parse(JSON_SCHEMA) as object }],
      tool_choice: { type: "tool", name: "json" },
    },
  },
  {
    what: "the tool that stands in for a schema gets another name than the client's own",
    request: {
      model: "claude-3-5-haiku-20241022",
      tools: [declared("json")],
      output: { type: "json-schema", name: null, description: "A.", schema: JSON_SCHEMA, strict: null },
    },
    body: {
      ...SENT,
      model: "claude-3-5-haiku-20241022",
      tools: [
        { ...LOOK, name: "json" },
        { name: "answer_as_json", description: "A.", input_schema: JSON.parse(JSON_SCHEMA) as object },
      ],
      tool_choice: { type: "any" },
    },
  },
  {
    what: "a schema that refers to itself is one that no grammar holds",
    request: {
      output: {
        type: "json-schema",
        name: null,
        description: null,
        schema: '{"type":"object","properties":{"next":{"$ref":"#"}},"additionalProperties":false}',
        strict: null,
      },
    },
    body: {
      ...SENT,
      tools: [
        {
          name: "json",
          description: "Gives the answer. Call it to answer.",
          input_schema: { type: "object", properties: { next: { $ref: "#" } }, additionalProperties: false },
        },
      ],
      tool_choice: { type: "tool", name: "json" },
    },
  },
  {
    what: "JSON without a schema is an instruction",
    request: { system: [text("A")], output: { type: "json-object" } },
    body: { ...SENT, system: [words("A"), words("Answer with one JSON object and nothing else: no introduction, no code fence.")] },
    losses: [lost("output_config.format", "reported", "Messages has no JSON mode; the model is told to answer with one JSON object.")],
  },
  // Other models
  {
    what: "models of other makers get what every server takes",
    request: {
      model: "minimax-m2.5",
      maxOutputTokens: null,
      turns: [user("A"), system("S")],
      sampling: { ...SAMPLED, temperature: 0.5, topP: 0.5 },
      reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null },
    },
    body: { model: "minimax-m2.5", max_tokens: 32000, temperature: 0.5, top_p: 0.5, messages: [message("user", words("A"), words("S"))] },
    headers: BEFORE,
    losses: [lost("thinking", "reported", "This model's thinking effort cannot be set.")],
  },
];

for (const row of ROWS) test(`an upstream is sent: ${row.what}`, () => isSent(row));

test("schemas and arguments are sent as they were written", () => {
  const schema = '{"type": "object",  "properties": {"z": {"maximum": 18446744073709551615}, "10": {}, "9": {}}}';
  const args = '{ "z": 12345678901234567890,\n "10": 1.50e+02 }';
  const turns = [user("Hi"), assistant(call("c1", "look", args)), user(result("c1", []))];
  const { body } = anthropicMessages.request.encode({ ...ASKED, tools: [declared("look", { schema })], turns });
  assert.ok(body.includes(`"input_schema":${schema}`), body);
  assert.ok(body.includes(`"input":${args}`), body);
});

test("what a client of this protocol said and no other understands goes back as it was", () => {
  const body =
    '{"model":"claude-opus-5","max_tokens":0,"system":[{"type":"text","text":"x-anthropic-billing-header: cch=1;"},{"type":"text","text":"A"}],' +
    '"thinking":{"type":"between_tools"},"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"speed":"fast","zz":[12345678901234567890]}';
  const encoded = anthropicMessages.request.encode(decode(body));
  assert.deepEqual(encoded.losses, []);
  assert.equal(
    encoded.body,
    '{"model":"claude-opus-5","max_tokens":0,"system":[{"type":"text","text":"x-anthropic-billing-header: cch=1;"},{"type":"text","text":"A"}],' +
      '"thinking":{"type":"between_tools"},"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"speed":"fast","zz":[12345678901234567890]}',
  );
});
