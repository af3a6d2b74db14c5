// Requests for a Responses upstream: the body that is sent for a client of any protocol, and what it could not carry.
// Turns, tools and reasoning have test files of their own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";
import { sampling, system, text, user } from "../../support/canonical.ts";
import { inputText, loss, message, OPTIONAL, PLAIN, SENT, testEncoding } from "./encoded.ts";

const CLOSED =
  '{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"}}},"required":["a"],"additionalProperties":false}';

testEncoding([
  { what: "nothing is stored, and reasoning travels encrypted", request: {}, body: SENT },
  { what: "it is stored when the client said so", request: { store: true }, body: { ...SENT, store: true } },
  { what: "a model that does not reason is asked for no reasoning", request: { model: "gpt-4.1" }, body: PLAIN },
  { what: "the stream switch", request: { stream: true }, body: { ...SENT, stream: true } },

  // ---- Instructions
  {
    what: "blocks of the system prompt are joined in instructions",
    request: { system: [text("A"), text("B")] },
    body: { ...SENT, instructions: "A\n\nB" },
  },
  {
    what: "a system prompt alone is a message, since input must not be empty",
    request: { system: [text("A"), text("B")], turns: [] },
    body: { ...SENT, input: [message("developer", inputText("A"), inputText("B"))] },
  },
  {
    what: "where the model knows cache breakpoints, a marked prompt keeps them in a message",
    request: { model: "gpt-5.6", system: [text("A", { cache: { ttl: "1h" } }), text("B")] },
    body: {
      ...SENT,
      model: "gpt-5.6",
      input: [message("developer", { ...inputText("A"), prompt_cache_breakpoint: { mode: "explicit" } }, inputText("B")), ...SENT.input],
    },
  },
  {
    what: "cache marks are left out for models that take no breakpoints",
    request: { system: [text("A", { cache: { ttl: null } })] },
    body: { ...SENT, instructions: "A" },
    losses: [loss("cache", "dropped", "The upstream finds cached prefixes by itself.")],
  },
  {
    what: "a system turn in the middle keeps its place; the effort that it sets wins",
    request: {
      reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null },
      turns: [user("Hi"), system("Now"), user("Go"), { ...system("End"), effort: "low" }],
    },
    body: {
      ...SENT,
      reasoning: { effort: "low", summary: "auto" },
      input: [
        ...SENT.input,
        message("developer", inputText("Now")),
        message("user", inputText("Go")),
        message("developer", inputText("End")),
      ],
    },
  },

  // ---- Output
  {
    what: "a schema for the answer, as it was written, under a name that fits",
    request: { output: { type: "json-schema", name: "a ship", description: null, schema: '{"type":"object","b":1,"a":2}', strict: true } },
    body: {
      ...SENT,
      text: { format: { type: "json_schema", name: "a_ship_135ac58e", schema: { type: "object", b: 1, a: 2 }, strict: true } },
    },
  },
  {
    what: "a schema that holds without a word elsewhere is strict where that is sure to be taken",
    request: { output: { type: "json-schema", name: "n", description: null, schema: CLOSED, strict: null } },
    body: { ...SENT, text: { format: { type: "json_schema", name: "n", schema: JSON.parse(CLOSED) as object, strict: true } } },
  },
  {
    what: "a schema with optional members is not made strict",
    request: { output: { type: "json-schema", name: "n", description: null, schema: OPTIONAL, strict: null } },
    body: { ...SENT, text: { format: { type: "json_schema", name: "n", schema: JSON.parse(OPTIONAL) as object } } },
  },
  {
    what: "a schema without a name gets one, and one without a type says that it is an object's",
    request: { output: { type: "json-schema", name: null, description: "D", schema: "{}", strict: null }, verbosity: "low" },
    body: {
      ...SENT,
      text: { format: { type: "json_schema", name: "answer", description: "D", schema: { type: "object" } }, verbosity: "low" },
    },
  },
  {
    what: "JSON mode needs the word in the input, so instructions that have it go there",
    request: { output: { type: "json-object" }, system: [text("Answer as JSON.")] },
    body: {
      ...SENT,
      text: { format: { type: "json_object" } },
      input: [message("developer", inputText("Answer as JSON.")), ...SENT.input],
    },
  },
  {
    what: "JSON mode where nobody has said the word",
    request: { output: { type: "json-object" }, system: [text("Be brief.")] },
    body: {
      ...SENT,
      instructions: "Be brief.",
      text: { format: { type: "json_object" } },
      input: [message("developer", inputText("Answer with one JSON object.")), ...SENT.input],
    },
  },
  {
    what: "JSON mode where the word stands there",
    request: { output: { type: "json-object" }, turns: [user("Json, please")] },
    body: { ...SENT, text: { format: { type: "json_object" } }, input: [message("user", inputText("Json, please"))] },
  },
  {
    what: "a model without verbosity",
    request: { model: "gpt-4.1", verbosity: "high" },
    body: PLAIN,
    losses: [loss("verbosity", "reported", "gpt-4.1 has no verbosity setting.")],
  },

  // ---- Limits and sampling
  { what: "the limit of the answer", request: { maxOutputTokens: 100 }, body: { ...SENT, max_output_tokens: 100 } },
  {
    what: "a limit below 16 is raised",
    request: { maxOutputTokens: 1 },
    body: { ...SENT, max_output_tokens: 16 },
    losses: [loss("maxOutputTokens", "reported", "The Responses API accepts no limit below 16, so 16 was sent.")],
  },
  {
    what: "a limit of zero is no question",
    request: { maxOutputTokens: 0 },
    body: { ...SENT, max_output_tokens: 16 },
    losses: [loss("maxOutputTokens", "refused", "The Responses API always answers; it can't just fill a cache.")],
  },
  { what: "stop sequences need no field", request: { stop: ["END"] }, body: SENT },
  {
    what: "sampling for a model that samples",
    request: {
      model: "gpt-4.1",
      sampling: sampling({ temperature: 0, topP: 0.5, topK: 3, seed: 7, presencePenalty: 0, frequencyPenalty: 0.5 }),
    },
    body: { ...PLAIN, temperature: 0, top_p: 0.5 },
    losses: [
      loss("topK", "reported", "The Responses API has no top_k."),
      loss("seed", "reported", "The Responses API has no seed."),
      loss("frequencyPenalty", "reported", "The Responses API has no penalties."),
    ],
  },
  {
    what: "a model that reasons takes no sampling",
    request: { sampling: sampling({ temperature: 0.2, topP: 0.5 }) },
    body: SENT,
    losses: [
      loss("temperature", "reported", "gpt-5.2 accepts no sampling parameters while it reasons."),
      loss("topP", "reported", "gpt-5.2 accepts no sampling parameters while it reasons."),
    ],
  },
  {
    what: "values that are the default are not missed",
    request: { sampling: sampling({ temperature: 1, topP: 1 }) },
    body: SENT,
  },
  {
    what: "without reasoning it samples",
    request: {
      sampling: sampling({ temperature: 0.2 }),
      reasoning: { mode: "off", effort: null, budgetTokens: null, display: null },
    },
    body: { ...SENT, temperature: 0.2, reasoning: { effort: "none" } },
  },
  {
    what: "log probabilities are refused while the model reasons",
    request: { sampling: sampling({ topLogprobs: 2 }) },
    body: SENT,
    losses: [loss("topLogprobs", "refused", "gpt-5.2 returns no log probabilities while it reasons.")],
  },
  {
    what: "log probabilities, of the chosen tokens alone",
    request: {
      sampling: sampling({ topLogprobs: 0 }),
      reasoning: { mode: "off", effort: null, budgetTokens: null, display: null },
    },
    body: {
      ...SENT,
      top_logprobs: 0,
      reasoning: { effort: "none" },
      include: ["reasoning.encrypted_content", "message.output_text.logprobs"],
    },
  },

  // ---- Identity
  {
    what: "end user, metadata, cache key, tier",
    request: { endUser: "u".repeat(100), metadata: { a: "b" }, cacheKey: "session-1", serviceTier: "flex" },
    body: {
      ...SENT,
      safety_identifier: "c1c5f6311fd6bcf86634d741b13414ee",
      metadata: { a: "b" },
      prompt_cache_key: "session-1",
      service_tier: "flex",
    },
  },
  {
    what: "what another protocol's client said in its own members is told",
    request: {
      extensions: [{ protocol: "openai-chat", field: "logit_bias", value: "{}", severity: "reported", reason: "R" }],
      losses: [loss("messages.name", "dropped", "N")],
    },
    body: SENT,
    losses: [loss("logit_bias", "reported", "R"), loss("messages.name", "dropped", "N")],
  },
]);

test("encode: a client of this protocol gets its own words back, without another protocol's defaults", () => {
  const body =
    '{"model":"gpt-4.1","instructions":"A","input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"B"}]},{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}],"tools":[{"type":"function","name":"f","parameters":{"type":"object"}}],"max_output_tokens":5,"stream":true,"previous_response_id":"resp_1"}';
  const decoded = openaiResponses.request.decode({ body, headers: {}, path: null });
  assert.deepEqual(JSON.parse(openaiResponses.request.encode(decoded).body), JSON.parse(body));
});
