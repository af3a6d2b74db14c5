// Room: openai-responses (row 2), models.
// In:  a model's id as the upstream knows it.
// Out: what that model takes of the request's parameters. The table is data; an id that it does not hold goes by its family.
// Never does: route, or say what a model can do beyond the parameters that it rejects.
// Sources (read 2026-11): the notes on `reasoning.effort` and `prompt_cache_options` in OpenAI's API reference; the upstream
// errors quoted in openai-agents-python#2089 and opencode#4451; the limits on https://platform.openai.com/docs/models; FACTORY.md for gpt-5-codex; xAI's model notes for grok-4.

import type { Effort } from "../canonical.ts";

export interface ModelFacts {
  /** Whether it takes `reasoning` and gives encrypted reasoning. */
  readonly reasons: boolean;
  /** The levels of `reasoning.effort` that it takes, weakest first; null: all of them; empty: it rejects the parameter. */
  readonly efforts: readonly Effort[] | null;
  /** When it takes temperature, top_p and top_logprobs. */
  readonly sampling: "always" | "without-reasoning" | "never";
  /** Whether it takes `text.verbosity`. */
  readonly verbosity: boolean;
  /** Whether it takes `prompt_cache_breakpoint`. */
  readonly breakpoints: boolean;
  /** The most that `max_output_tokens` may ask for; more is a 400. Null where it is not known. */
  readonly maxOutputTokens: number | null;
}

const PLAIN: ModelFacts = {
  reasons: false,
  efforts: [],
  sampling: "always",
  verbosity: false,
  breakpoints: false,
  maxOutputTokens: null,
};
const O_SERIES: ModelFacts = {
  reasons: true,
  efforts: ["low", "medium", "high"],
  sampling: "never",
  verbosity: false,
  breakpoints: false,
  maxOutputTokens: 100_000,
};
const GPT_5: ModelFacts = {
  reasons: true,
  efforts: ["minimal", "low", "medium", "high"],
  sampling: "never",
  verbosity: true,
  breakpoints: false,
  maxOutputTokens: 128_000,
};
const GPT_5_1: ModelFacts = { ...GPT_5, efforts: ["none", "low", "medium", "high"], sampling: "without-reasoning" };
const GPT_5_2: ModelFacts = { ...GPT_5_1, efforts: ["none", "low", "medium", "high", "xhigh"] };
const GPT_NEXT: ModelFacts = { ...GPT_5_1, efforts: null, breakpoints: true, maxOutputTokens: null };
const UNKNOWN: ModelFacts = {
  reasons: true,
  efforts: null,
  sampling: "always",
  verbosity: true,
  breakpoints: false,
  maxOutputTokens: null,
};

/** An id stands for itself and for `<id>-...`, one that ends in a separator for all that begin with it; the longest that fits is taken. */
const FACTS: readonly (readonly [id: string, facts: ModelFacts])[] = [
  ["gpt-3.5", PLAIN],
  ["gpt-4", PLAIN],
  ["gpt-4o", { ...PLAIN, maxOutputTokens: 16_384 }],
  ["gpt-4.1", { ...PLAIN, maxOutputTokens: 32_768 }],
  ["gpt-4.5", PLAIN],
  ["chatgpt", PLAIN],
  ["gpt-5-chat", PLAIN],
  ["o1", O_SERIES],
  ["o3", O_SERIES],
  ["o4", O_SERIES],
  ["gpt-5", GPT_5],
  ["gpt-5-pro", { ...GPT_5, efforts: ["high"] }],
  ["gpt-5-codex", { ...GPT_5, efforts: [] }],
  ["codex", { ...GPT_5, efforts: ["low", "medium", "high"] }],
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

export function factsOf(model: string): ModelFacts {
  let found = UNKNOWN;
  let length = 0;
  for (const [id, facts] of FACTS) {
    if (id.length <= length || !belongsTo(model, id)) continue;
    found = facts;
    length = id.length;
  }
  return found;
}

function belongsTo(model: string, id: string): boolean {
  if (!model.startsWith(id)) return false;
  return model.length === id.length || model[id.length] === "-" || id.endsWith("-") || id.endsWith(".");
}

const LEVELS: readonly Effort[] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/** The nearest level that the model takes, the stronger of two that are equally near; null when it takes none. */
export function nearestEffort(wanted: Effort, { efforts }: ModelFacts): Effort | null {
  if (efforts === null || efforts.includes(wanted)) return wanted;
  const distance = (effort: Effort): number => Math.abs(LEVELS.indexOf(effort) - LEVELS.indexOf(wanted));
  let nearest: Effort | null = null;
  for (const effort of efforts) if (nearest === null || distance(effort) <= distance(nearest)) nearest = effort;
  return nearest;
}

/** Effort for a budget in tokens: the upper bound of each level, as most gateways draw them (PROTOCOLS A.8). */
const BUDGETS: readonly (readonly [upTo: number, effort: Effort])[] = [
  [0, "none"],
  [512, "minimal"],
  [1024, "low"],
  [8192, "medium"],
  [24_576, "high"],
];

export function effortOfBudget(tokens: number): Effort {
  return BUDGETS.find(([upTo]) => tokens <= upTo)?.[1] ?? "xhigh";
}
