// What each generation of Gemini supports, by a model's id, with or without a path before it (`models/gemini-2.5-pro`).
// From https://ai.google.dev/gemini-api/docs/thinking, .../thought-signatures and .../function-calling (read 2026-11).
// Does not refuse a model. An unknown id is taken for the newest generation.

import type { Effort } from "../canonical.ts";
import type { ModelLimits } from "../codec.ts";

export type ThinkingLevel = "MINIMAL" | "LOW" | "MEDIUM" | "HIGH";

/** How a model is told to think. */
export type Thinking =
  | { readonly type: "none" }
  /** Tokens; a `min` of 0 means that thinking can be switched off. */
  | { readonly type: "budget"; readonly min: number; readonly max: number }
  /** Lowest first. It cannot be switched off. */
  | { readonly type: "level"; readonly levels: readonly ThinkingLevel[] };

export interface Capabilities {
  /** The largest accepted `maxOutputTokens`; more is a 400. Of the two ranges that Google's endpoints were seen to name, the smaller one. */
  readonly maxOutputTokens: number;
  readonly thinking: Thinking;
  /** Whether schemas are sent as JSON Schema (`parametersJsonSchema`) or lowered to Google's subset (`parameters`). */
  readonly takesJsonSchema: boolean;
  /** Whether a functionResponse may hold images and files, and a part its own media resolution. */
  readonly mediaInResults: boolean;
  /** Whether a function call in the history needs a thought signature. */
  readonly needsSignatures: boolean;
  /** Whether it accepts repetition penalties; others answer 400 to any but 0 (google-gemini/cookbook#1290, vercel/ai#8943). */
  readonly penalties: boolean;
  /** Whether a JSON answer format can be combined with function declarations. */
  readonly formatBesideFunctions: boolean;
}

const BEFORE_2_5: Capabilities = {
  maxOutputTokens: 8_192,
  thinking: { type: "none" },
  takesJsonSchema: false,
  mediaInResults: false,
  needsSignatures: false,
  penalties: true,
  formatBesideFunctions: false,
};

const SINCE_3: Capabilities = {
  maxOutputTokens: 65_535,
  thinking: { type: "level", levels: ["LOW", "MEDIUM", "HIGH"] },
  takesJsonSchema: true,
  mediaInResults: true,
  needsSignatures: true,
  penalties: false,
  formatBesideFunctions: true,
};

const budget = (min: number, max: number): Capabilities => ({
  ...BEFORE_2_5,
  maxOutputTokens: 65_535,
  thinking: { type: "budget", min, max },
  takesJsonSchema: true,
  penalties: false,
});
const levels = (...words: ThinkingLevel[]): Capabilities => ({ ...SINCE_3, thinking: { type: "level", levels: words } });

/** The first match counts. */
const MODELS: readonly (readonly [RegExp, Capabilities])[] = [
  [/gemini-(?:1\.|2\.0|pro$|exp-|ultra)/, BEFORE_2_5],
  [/gemini-2\.5-flash-lite/, budget(0, 24_576)],
  [/gemini-2\.5-flash/, budget(0, 24_576)],
  [/gemini-2/, budget(128, 32_768)],
  [/gemini-3-pro/, levels("LOW", "HIGH")],
  [/gemini-3[\d.]*-flash-lite/, levels("MINIMAL", "LOW", "MEDIUM", "HIGH")],
  // From 3.7 on the lowest level of a Flash model is LOW, as in the row for everything newer.
  [/gemini-3(?:\.[0-6])?-flash/, levels("MINIMAL", "LOW", "MEDIUM", "HIGH")],
];

export function capabilitiesOf(model: string): Capabilities {
  return MODELS.find(([pattern]) => pattern.test(model))?.[1] ?? SINCE_3;
}

/** Replace a budget where a model accepts no level. */
const BUDGET_EFFORTS: readonly Effort[] = ["low", "medium", "high"];

const EFFORTS: Readonly<Record<ThinkingLevel, Effort>> = { MINIMAL: "minimal", LOW: "low", MEDIUM: "medium", HIGH: "high" };

export function limitsOf(model: string): ModelLimits {
  const { maxOutputTokens, thinking } = capabilitiesOf(model);
  return { outputTokens: maxOutputTokens, efforts: effortsOf(thinking), verbosity: false };
}

function effortsOf(thinking: Thinking): readonly Effort[] {
  if (thinking.type === "none") return [];
  if (thinking.type === "level") return thinking.levels.map((level) => EFFORTS[level]);
  return thinking.min === 0 ? ["none", ...BUDGET_EFFORTS] : BUDGET_EFFORTS;
}
