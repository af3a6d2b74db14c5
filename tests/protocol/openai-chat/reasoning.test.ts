// How much reasoning a request asks for, both directions.

import { text, tool, user } from "../../support/canonical.ts";
import { HI, on, reported, testDecoding, testEncoding } from "./request-cases.ts";

testDecoding([
  [
    "effort none switches reasoning off",
    { reasoning_effort: "none" },
    { reasoning: { mode: "off", effort: "none", budgetTokens: null, display: null } },
  ],
  [
    "every other effort is a level",
    { reasoning_effort: "xhigh" },
    { reasoning: { mode: "on", effort: "xhigh", budgetTokens: null, display: null } },
  ],
]);

testEncoding([
  [
    "a system turn at the end stays there, and its effort wins",
    {
      model: "glm-5.1",
      reasoning: on({ effort: "high" }),
      turns: [user("Hi"), { role: "system", parts: [text("Now")], effort: "low" }],
    },
    { body: { messages: [HI, { role: "system", content: "Now" }], reasoning_effort: "low" } },
  ],
  [
    "tools forbid reasoning on the newest models over Chat",
    { model: "gpt-5.4", tools: [tool("f")], reasoning: on({ effort: "high" }) },
    {
      body: { tools: [{ type: "function", function: { name: "f" } }], reasoning_effort: "none" },
      losses: [reported("thinking", "Over Chat Completions this model accepts tools only without reasoning.")],
    },
  ],
  [
    "a budget becomes a level, without a word about it",
    { model: "gpt-5", reasoning: on({ budgetTokens: 31999 }) },
    { body: { reasoning_effort: "high" } },
  ],
  [
    "a level that the model does not know becomes the next lower one",
    { model: "kimi-k2.6", reasoning: on({ effort: "max" }) },
    {
      body: { reasoning_effort: "high" },
      losses: [reported("thinking", 'The model has no effort "max"; "high" was sent.')],
    },
  ],
  [
    "what cannot be switched off gets the lowest",
    { model: "o3", reasoning: { mode: "off", effort: null, budgetTokens: null, display: null } },
    {
      body: { reasoning_effort: "low" },
      losses: [reported("thinking", 'The model has no effort "none"; "low" was sent.')],
    },
  ],
  [
    "as much as the model wants is nothing to say",
    { model: "gpt-5.1", reasoning: { mode: "adaptive", effort: null, budgetTokens: null, display: "auto" } },
    {},
  ],
  [
    "a model that does not reason is not asked to",
    { reasoning: on({ effort: "high" }) },
    { losses: [reported("thinking", "The model does not reason.")] },
  ],
]);
