// Which request parameters a model accepts, by its id at the upstream. An id that is not in the table goes by its family.
// Never routes, and says nothing of a model except which parameters it rejects.
// Sources (read 2026-11): the notes on `reasoning.effort` and `prompt_cache_options` in OpenAI's API reference; the upstream errors quoted in
// openai-agents-python#2089 and opencode#4451; https://platform.openai.com/docs/models; xAI's notes on grok-4; Factory's on gpt-5-codex.

import type { Effort } from "../canonical.ts";
import type { ModelLimits } from "../codec.ts";

/** The request parameters that a model takes. */
export interface Capabilities {
  /** Whether it accepts `reasoning` and returns encrypted reasoning. */
  readonly reasons: boolean;
  /** The accepted levels of `reasoning.effort`, weakest first; null: all of them; empty: it rejects the parameter. */
  readonly efforts: readonly Effort[] | null;
  /** When it accepts temperature, top_p and top_logprobs. */
  readonly sampling: "always" | "without-reasoning" | "never";
  /** Whether it accepts `text.verbosity`. */
  readonly verbosity: boolean;
  /** Whether it accepts `anyOf`, `oneOf`, `allOf`, `enum` and `not` at the root of a tool's schema. */
  readonly rootKeywords: boolean;
  /** Whether it reports the pages that a web search found when `include` asks for them. */
  readonly searchSources: boolean;
  /** Whether it accepts `prompt_cache_breakpoint`. */
  readonly breakpoints: boolean;
  /** The largest accepted `max_output_tokens`; more is a 400. Null: not known. */
  readonly maxOutputTokens: number | null;
}

const UNKNOWN: Capabilities = {
  reasons: true,
  efforts: null,
  sampling: "always",
  verbosity: true,
  rootKeywords: true,
  searchSources: false,
  breakpoints: false,
  maxOutputTokens: null,
};
const OPENAI: Capabilities = { ...UNKNOWN, searchSources: true };
const PLAIN: Capabilities = { ...OPENAI, reasons: false, efforts: [], verbosity: false, rootKeywords: false };
const O_SERIES: Capabilities = {
  ...OPENAI,
  efforts: ["low", "medium", "high"],
  sampling: "never",
  verbosity: false,
  rootKeywords: false,
  maxOutputTokens: 100_000,
};
const GPT_5: Capabilities = {
  ...OPENAI,
  efforts: ["minimal", "low", "medium", "high"],
  sampling: "never",
  maxOutputTokens: 128_000,
};
const GPT_5_1: Capabilities = { ...GPT_5, efforts: ["none", "low", "medium", "high"], sampling: "without-reasoning" };
const GPT_5_2: Capabilities = { ...GPT_5_1, efforts: ["none", "low", "medium", "high", "xhigh"] };
const GPT_NEXT: Capabilities = { ...GPT_5_1, efforts: null, breakpoints: true, maxOutputTokens: null };

/** An id stands for itself and for `<id>-...`; one that ends in a separator for everything that begins with it. The longest match counts. */
const MODELS: readonly (readonly [id: string, capabilities: Capabilities])[] = [
  ["gpt-3.5", PLAIN],
  ["gpt-4", PLAIN],
  ["gpt-4o", { ...PLAIN, maxOutputTokens: 16_384 }],
  ["gpt-4.1", { ...PLAIN, maxOutputTokens: 32_768 }],
  ["gpt-4.5", PLAIN],
  ["chatgpt", PLAIN],
  ["gpt-5-chat", { ...PLAIN, rootKeywords: true }],
  ["o1", O_SERIES],
  ["o3", O_SERIES],
  ["o4", O_SERIES],
  ["gpt-5", GPT_5],
  ["gpt-5-pro", { ...GPT_5, efforts: ["high"] }],
  ["gpt-5-codex", { ...GPT_5, efforts: [] }],
  ["codex", { ...GPT_5, efforts: ["low", "medium", "high"], rootKeywords: false }],
  ["gpt-5.1", GPT_5_1],
  ["gpt-5.1-codex", { ...GPT_5_1, efforts: ["low", "medium", "high"] }],
  ["gpt-5.1-codex-max", { ...GPT_5_1, efforts: ["low", "medium", "high", "xhigh"] }],
  ["gpt-5.2", GPT_5_2],
  ["gpt-5.2-codex", { ...GPT_5_2, efforts: ["low", "medium", "high", "xhigh"] }],
  ["gpt-5.3-codex", { ...GPT_5_2, efforts: ["low", "medium", "high", "xhigh"] }],
  ["gpt-5.3", GPT_5_2],
  ["gpt-5.4", GPT_5_2],
  ["gpt-5.5", GPT_5_2],
  ["gpt-", GPT_NEXT],
  ["grok-4", { ...UNKNOWN, efforts: [] }],
  ["grok-4.", UNKNOWN],
];

export function capabilitiesOf(model: string): Capabilities {
  let found = UNKNOWN;
  let length = 0;
  for (const [id, capabilities] of MODELS) {
    if (id.length <= length || !belongsTo(model, id)) continue;
    found = capabilities;
    length = id.length;
  }
  return found;
}

function belongsTo(model: string, id: string): boolean {
  if (!model.startsWith(id)) return false;
  return model.length === id.length || model[id.length] === "-" || id.endsWith("-") || id.endsWith(".");
}

export function limitsOf(model: string): ModelLimits {
  const { maxOutputTokens, efforts, verbosity } = capabilitiesOf(model);
  return { outputTokens: maxOutputTokens, efforts, verbosity };
}
