// Requests for Chat upstreams: the members of the body, as each model takes them.

import { NAMES } from "../../../src/protocol/openai-chat/wire.ts";
import { dropped, refused, reported, testEncoding } from "./request-cases.ts";

testEncoding([
  ["the limit under the name that the model knows", { model: "gpt-5", maxOutputTokens: 100 }, { body: { max_completion_tokens: 100 } }],
  ["and under its old name elsewhere", { model: "glm-5.1", maxOutputTokens: 100 }, { body: { max_tokens: 100 } }],
  [
    "no output at all can be asked of Messages alone",
    { maxOutputTokens: 0 },
    { losses: [refused("max_tokens", "Only Messages can be asked for no output at all.")] },
  ],
  [
    "a long name of a user is hashed, not cut",
    { model: "gpt-5.1", endUser: `{"device":"${"d".repeat(70)}","session":"1"}` },
    {
      body: { safety_identifier: "f2aa4f886d1689f7c0faf658041e77e1" },
    },
  ],
  [
    "members that OpenAI has",
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
    "labels without storage would be a 400",
    { metadata: { a: "1" } },
    {
      losses: [{ field: "metadata", severity: "dropped", reason: "Labels are only kept with stored answers." }],
    },
  ],
  [
    "members that other servers do not have",
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
        reported("verbosity", "The model has no setting for the length of an answer."),
        reported("store", "The model's upstream does not store answers."),
        reported("service_tier", "The model's upstream has only one tier."),
        dropped("metadata", "The model's upstream does not store labels."),
        dropped("prompt_cache_key", "The model's upstream finds cached prefixes by itself."),
      ],
    },
  ],
  ["a cache key where the server groups by it", { model: "kimi-k2.6", cacheKey: "session-1" }, { body: { prompt_cache_key: "session-1" } }],
  [
    "a client of another protocol is always told the usage",
    { stream: true },
    { body: { stream: true, stream_options: { include_usage: true } } },
  ],
  ["a client of Chat gets the usage only where it asks", { names: NAMES, stream: true }, { body: { stream: true } }],
  [
    "what another protocol alone understands is said, in its severity",
    {
      extensions: [
        { protocol: "anthropic-messages", field: "container", value: '"c"', severity: "reported", reason: "No containers here." },
        { protocol: "openai-chat", field: "logit_bias", value: '{"5": -1}', severity: "reported", reason: "-" },
      ],
      losses: [reported("messages[0].x", "-")],
    },
    { body: { logit_bias: { "5": -1 } }, losses: [reported("container", "No containers here."), reported("messages[0].x", "-")] },
  ],
]);
