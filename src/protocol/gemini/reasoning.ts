// How much thinking is asked for, both directions: a budget in tokens for Gemini 2.5, a level for Gemini 3.
// https://ai.google.dev/gemini-api/docs/thinking (read 2026-11). Thoughts themselves are parts: parts-decode.ts, parts-encode.ts.
// Does not ask a model that cannot think to think. A level that the model lacks becomes the nearest one, and that is reported.

import type { JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, Effort, Loss, Reasoning } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import type { Thinking, ThinkingLevel } from "./capabilities.ts";
import { WORDS } from "./wire.ts";

// ---- Decode ------------------------------------------------------------------------------------------------------

const EFFORTS = { THINKING_LEVEL_UNSPECIFIED: null, MINIMAL: "minimal", LOW: "low", MEDIUM: "medium", HIGH: "high" } as const;

export function decodeReasoning(config: Fields | null): Reasoning | null {
  if (config === null) return null;
  config.ignoreRest();
  const level = config.optionalWord("thinkingLevel", WORDS["generationConfig.thinkingConfig.thinkingLevel"]);
  const effort = level === null ? null : EFFORTS[level];
  const budget = config.optionalInteger("thinkingBudget");
  if (budget !== null && budget < -1) throw config.fail("thinkingBudget", "-1, 0 or a number of tokens");
  // Without this, Gemini does not show its thoughts.
  const display = config.optionalBoolean("includeThoughts") === true ? "auto" : "none";
  if (budget === 0) return { mode: "off", effort: null, budgetTokens: null, display };
  const budgetTokens = budget === -1 ? null : budget;
  return { mode: effort === null && budgetTokens === null ? "adaptive" : "on", effort, budgetTokens, display };
}

// ---- Encode ------------------------------------------------------------------------------------------------------

const LEVELS: readonly ThinkingLevel[] = ["MINIMAL", "LOW", "MEDIUM", "HIGH"];

const LEVEL_OF_EFFORT: Readonly<Record<Effort, ThinkingLevel>> = {
  none: "MINIMAL",
  minimal: "MINIMAL",
  low: "LOW",
  medium: "MEDIUM",
  high: "HIGH",
  xhigh: "HIGH",
  max: "HIGH",
};

/** Tokens. */
const BUDGET_OF_EFFORT: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 512,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 32_768,
  max: Number.POSITIVE_INFINITY,
};

/** The effort that a budget of this many tokens stands for. */
function effortOfBudget(tokens: number): Effort {
  if (tokens <= 512) return "minimal";
  if (tokens <= 1024) return "low";
  return tokens <= 8192 ? "medium" : "high";
}

/** The client's setting for the coming turn: a system turn's effort wins over the request's. */
function wanted(request: CanonicalRequest): Reasoning | null {
  const effort = request.turns.findLast((turn) => turn.effort !== null)?.effort ?? null;
  const asked = request.reasoning;
  const all = effort === null ? asked : { budgetTokens: null, display: null, ...asked, mode: "on" as const, effort };
  return all?.effort === "none" ? { ...all, mode: "off" } : all;
}

export function encodeReasoning(
  request: CanonicalRequest,
  { thinking, losses }: { thinking: Thinking; losses: Loss[] },
): JsonObject | null {
  const reasoning = wanted(request);
  if (reasoning === null) return null;
  const report = (reason: string): void => void losses.push({ field: request.names.reasoning, severity: "reported", reason });
  if (thinking.type === "none") {
    if (reasoning.mode !== "off") report("This Gemini model does not think.");
    return null;
  }
  const config: JsonObject = {};
  if (thinking.type === "budget") {
    config["thinkingBudget"] = budgetFor(reasoning, thinking, { limit: request.maxOutputTokens, report });
  } else {
    const level = levelFor(reasoning, { levels: thinking.levels, report });
    if (level !== null) config["thinkingLevel"] = level;
  }
  if (reasoning.mode !== "off" && reasoning.display !== "none") config["includeThoughts"] = true;
  return config;
}

interface BudgetContext {
  /** Tokens of answer and thoughts together. */
  readonly limit: number | null;
  readonly report: (reason: string) => void;
}

function budgetFor(reasoning: Reasoning, range: { min: number; max: number }, { limit, report }: BudgetContext): number {
  if (reasoning.mode === "off") {
    if (range.min > 0) report(`This Gemini model cannot stop thinking; it got its lowest budget, ${range.min} tokens.`);
    return range.min;
  }
  const asked = reasoning.budgetTokens ?? (reasoning.effort === null ? null : BUDGET_OF_EFFORT[reasoning.effort]);
  if (asked === null) return -1;
  const finite = Number.isFinite(asked);
  if (finite && asked > range.max) report(`This Gemini model thinks with at most ${range.max} tokens.`);
  // The answer has to fit in after the thoughts.
  const below = limit === null ? asked : Math.min(asked, limit - 1);
  return Math.max(Math.min(below, range.max), range.min, 1);
}

function levelFor(
  reasoning: Reasoning,
  { levels, report }: { levels: readonly ThinkingLevel[]; report: (reason: string) => void },
): ThinkingLevel | null {
  const lowest = levels[0] ?? null;
  if (reasoning.mode === "off") {
    report(`This Gemini model cannot stop thinking; it got its lowest level, ${lowest}.`);
    return lowest;
  }
  const effort = reasoning.effort ?? (reasoning.budgetTokens === null ? null : effortOfBudget(reasoning.budgetTokens));
  if (effort === null) return null;
  if (effort === "xhigh" || effort === "max") report(`Gemini's highest level is HIGH, which replaced ${effort}.`);
  const place = LEVELS.indexOf(LEVEL_OF_EFFORT[effort]);
  return levels.find((level) => LEVELS.indexOf(level) >= place) ?? levels.at(-1) ?? null;
}
