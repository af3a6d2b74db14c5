// How much an upstream is asked to think, and the thoughts of the history that it gets back.

import { test } from "node:test";
import { assistant, reasoning, text, user } from "../../support/canonical.ts";
import { declared, isSent, LOOK, LOOP, LOOP_SENT, lost, message, SENT, words, type EncodeRow } from "./requests.ts";

const UNSIGNED = lost("input.reasoning", "dropped", "Claude models accept only thoughts that they signed.");

const ROWS: readonly EncodeRow[] = [
  {
    what: "thoughts go back to their maker, and nowhere else",
    request: {
      turns: [
        user("A"),
        assistant(
          reasoning("mine", { proof: { origin: "anthropic", data: "s1" } }),
          reasoning("", { proof: { origin: "anthropic", data: "s2" } }),
          reasoning("", { redacted: true, proof: { origin: "anthropic", data: "s3" } }),
          reasoning("theirs", { proof: { origin: "openai", data: "s4" } }),
          reasoning("nobody's"),
          text("B", { proof: { origin: "google", data: "s5" } }),
        ),
        user("C"),
      ],
    },
    body: {
      ...SENT,
      messages: [
        message("user", words("A")),
        message(
          "assistant",
          { type: "thinking", thinking: "mine", signature: "s1" },
          { type: "thinking", thinking: "", signature: "s2" },
          { type: "redacted_thinking", data: "s3" },
          words("B"),
        ),
        message("user", words("C")),
      ],
    },
    losses: [UNSIGNED],
  },
  {
    what: "a tool loop that began without a thought goes on without one",
    request: {
      model: "claude-sonnet-4-5",
      tools: [declared("look")],
      turns: LOOP,
      reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null },
    },
    body: { ...SENT, model: "claude-sonnet-4-5", tools: [LOOK], thinking: { type: "disabled" }, messages: LOOP_SENT },
    losses: [
      lost(
        "thinking",
        "reported",
        "The last tool call was made without a thought that this model signed; it cannot start thinking in the middle of a tool loop.",
      ),
    ],
  },
  {
    what: "a tool loop goes on without a thought also where a later assistant turn says nothing",
    request: {
      model: "claude-sonnet-4-5",
      tools: [declared("look")],
      turns: [...LOOP, assistant("\n")],
      reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null },
    },
    body: { ...SENT, model: "claude-sonnet-4-5", tools: [LOOK], thinking: { type: "disabled" }, messages: LOOP_SENT },
    losses: [
      lost(
        "thinking",
        "reported",
        "The last tool call was made without a thought that this model signed; it cannot start thinking in the middle of a tool loop.",
      ),
    ],
  },
  {
    what: "a budget is capped below the limit, never the limit raised",
    request: {
      model: "claude-sonnet-4-5",
      maxOutputTokens: 8000,
      reasoning: { mode: "on", effort: null, budgetTokens: 9000, display: null },
    },
    body: { ...SENT, model: "claude-sonnet-4-5", max_tokens: 8000, thinking: { type: "enabled", budget_tokens: 6000 } },
  },
  {
    what: "the smallest effort is the smallest budget that the API takes",
    request: {
      model: "claude-sonnet-4-5",
      maxOutputTokens: 8000,
      reasoning: { mode: "on", effort: "minimal", budgetTokens: null, display: null },
    },
    body: { ...SENT, model: "claude-sonnet-4-5", max_tokens: 8000, thinking: { type: "enabled", budget_tokens: 1024 } },
  },
  {
    what: "no room for thinking",
    request: { model: "claude-sonnet-4-5", reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null } },
    body: { ...SENT, model: "claude-sonnet-4-5", thinking: { type: "disabled" } },
    losses: [lost("thinking", "reported", "Thinking needs at least 1024 of the 1000 tokens that the whole answer may have.")],
  },
  {
    what: "a budget is a level for a model that takes levels; clients of other protocols see the thoughts",
    request: { reasoning: { mode: "on", effort: null, budgetTokens: 9000, display: null } },
    body: { ...SENT, thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "high" } },
  },
  {
    what: "a budget is a budget for a model that takes both",
    request: {
      model: "claude-opus-4-6",
      maxOutputTokens: 16000,
      reasoning: { mode: "on", effort: null, budgetTokens: 9000, display: "none" },
    },
    body: { ...SENT, model: "claude-opus-4-6", max_tokens: 16000, thinking: { type: "enabled", budget_tokens: 9000, display: "omitted" } },
  },
  {
    what: "a level that the model does not know becomes the next lower one",
    request: { model: "claude-opus-4-6", reasoning: { mode: "on", effort: "xhigh", budgetTokens: null, display: "detailed" } },
    body: { ...SENT, model: "claude-opus-4-6", thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "high" } },
    losses: [lost("thinking", "reported", "This model does not know the effort xhigh; high was sent.")],
  },
  {
    what: "thinking that is not wanted is switched off, since models think by themselves",
    request: { model: "claude-opus-4-8", reasoning: { mode: "off", effort: "none", budgetTokens: null, display: null } },
    body: { ...SENT, model: "claude-opus-4-8", thinking: { type: "disabled" } },
  },
  {
    what: "a model that always thinks is asked to do so as little as possible",
    request: { model: "claude-fable-5", reasoning: { mode: "off", effort: "none", budgetTokens: null, display: null } },
    body: { ...SENT, model: "claude-fable-5", output_config: { effort: "low" } },
    losses: [lost("thinking", "reported", "This model always thinks; it was asked to think as little as possible.")],
  },
  {
    what: "a model that cannot stop between tools thinks there alone",
    request: { model: "claude-sonnet-5-5", reasoning: { mode: "off", effort: "none", budgetTokens: null, display: null } },
    body: { ...SENT, model: "claude-sonnet-5-5", thinking: { type: "between_tools" } },
    losses: [lost("thinking", "reported", "This model still thinks between tool calls.")],
  },
  {
    what: "without thinking Opus 5 takes no effort above high",
    request: { reasoning: { mode: "off", effort: "max", budgetTokens: null, display: null } },
    body: { ...SENT, thinking: { type: "disabled" }, output_config: { effort: "high" } },
    losses: [lost("thinking", "reported", "Without thinking, this model accepts no effort above high; max was lowered.")],
  },
];

for (const row of ROWS) test(`an upstream is sent: ${row.what}`, () => isSent(row));
