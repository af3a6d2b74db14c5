// How much a client wants the model to think, and thoughts in the history, both directions. One table converts between budgets and levels.
// Never raises `max_tokens`, which includes thinking.

import type { JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, Effort, Loss, Reasoning, ReasoningPart } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import type { Capabilities } from "./capabilities.ts";
import type { LossContext } from "./media.ts";
import { NAMES, ORIGIN, WORDS } from "./wire.ts";
import type * as wire from "./wire.ts";

// ---- Decode ------------------------------------------------------------------------------------------------------

const EFFORTS = WORDS["output_config.effort"].known;

/** `between_tools` has no canonical word: like any unknown one it is read as adaptive, and the request keeps the member itself. */
export function decodeReasoning(thinking: Fields | null, effort: Effort | null): Reasoning | null {
  if (thinking === null) return effort === null ? null : { mode: "adaptive", effort, budgetTokens: null, display: null };
  const type = thinking.word("type", WORDS["thinking.type"]);
  return {
    mode: type === "disabled" ? "off" : type === "enabled" ? "on" : "adaptive",
    effort,
    budgetTokens: thinking.optionalInteger("budget_tokens"),
    display: decodeDisplay(thinking),
  };
}

function decodeDisplay(thinking: Fields): Reasoning["display"] {
  const display = thinking.optionalWord("display", WORDS["thinking.display"]);
  if (display === null) return null;
  return display === "omitted" ? "none" : "auto";
}

// ---- Encode ------------------------------------------------------------------------------------------------------

export interface ReasoningContext {
  readonly capabilities: Capabilities;
  /** As it will be sent. */
  readonly maxTokens: number;
  /** Whether a tool call is required. */
  readonly forced: boolean;
  /** From the last system turn that sets one, where the model has none inside the conversation; wins over the request's. */
  readonly turnEffort: Effort | null;
  /** Whether the conversation ends in a tool loop whose call was made without a signed thought. */
  readonly unsignedLoop: boolean;
  readonly losses: Loss[];
}

export interface EncodedReasoning {
  readonly thinking: JsonObject | null;
  readonly effort: Effort | null;
}

const MIN_BUDGET = 1024;
const BUDGETS: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: MIN_BUDGET,
  low: MIN_BUDGET,
  medium: 8_192,
  high: 24_576,
  xhigh: 32_768,
  max: Number.POSITIVE_INFINITY,
};

export function encodeReasoning(request: CanonicalRequest, context: ReasoningContext): EncodedReasoning {
  const { reasoning } = request;
  const { capabilities, turnEffort } = context;
  const lost = (reason: string): void => void context.losses.push({ field: request.names.reasoning, severity: "reported", reason });
  if (reasoning === null) return { thinking: null, effort: turnEffort === null ? null : fitEffort(turnEffort, capabilities, lost) };
  const effort = turnEffort ?? reasoning.effort;
  if (reasoning.mode === "off" || effort === "none") return switchOff(effort, capabilities, lost);
  if (capabilities.thinking === "none") {
    lost("This model's thinking effort cannot be set.");
    return { thinking: null, effort: null };
  }
  const budget = reasoning.budgetTokens;
  const manual =
    capabilities.thinking === "manual" ||
    (capabilities.thinking === "either" && budget !== null && !context.forced && !context.unsignedLoop);
  if (manual) return think({ ...request, reasoning: { ...reasoning, effort } }, context, lost);
  const level = effort ?? (budget === null ? null : levelOf(budget));
  return {
    thinking: { type: "adaptive", ...encodeDisplay(request) },
    effort: level === null ? null : fitEffort(level, capabilities, lost),
  };
}

type Lost = (reason: string) => void;

function switchOff(effort: Effort | null, capabilities: Capabilities, lost: Lost): EncodedReasoning {
  if (capabilities.thinking === "none") return { thinking: null, effort: null };
  const level = effort === null || effort === "none" ? null : fitEffort(effort, capabilities, lost);
  if (capabilities.thinkingOff === "never") {
    lost("This model always thinks; it was asked to think as little as possible.");
    return { thinking: null, effort: "low" };
  }
  if (capabilities.thinkingOff === "disabled") return { thinking: { type: "disabled" }, effort: level };
  const capped = level === "xhigh" || level === "max" ? "high" : level;
  if (capped !== level) lost(`Without thinking, this model accepts no effort above high; ${level} was lowered.`);
  if (capabilities.thinkingOff === "up-to-high") return { thinking: { type: "disabled" }, effort: capped };
  lost("This model still thinks between tool calls.");
  return { thinking: { type: "between_tools" }, effort: capped };
}

/** Thinking with a budget. */
function think(request: CanonicalRequest & { readonly reasoning: Reasoning }, context: ReasoningContext, lost: Lost): EncodedReasoning {
  const { reasoning } = request;
  const { capabilities, maxTokens } = context;
  const effort = reasoning.effort === null || capabilities.efforts.length === 0 ? null : fitEffort(reasoning.effort, capabilities, lost);
  const off: EncodedReasoning = { thinking: { type: "disabled" }, effort };
  if (context.forced) {
    lost("This model cannot think when it must call a tool.");
    return off;
  }
  if (context.unsignedLoop) {
    lost("The last tool call was made without a thought that this model signed; it cannot start thinking in the middle of a tool loop.");
    return off;
  }
  const wanted = reasoning.budgetTokens ?? BUDGETS[reasoning.effort ?? "high"];
  const budget = fitBudget(wanted, maxTokens);
  if (budget === null) {
    lost(`Thinking needs at least ${MIN_BUDGET} of the ${maxTokens} tokens that the whole answer may have.`);
    return off;
  }
  return {
    thinking: { type: "enabled", budget_tokens: budget, ...(capabilities.thinking === "either" ? encodeDisplay(request) : {}) },
    effort,
  };
}

/** A budget that leaves room for the answer: the wanted one if it fits, otherwise three quarters; null: none fits. */
function fitBudget(wanted: number, maxTokens: number): number | null {
  if (maxTokens <= MIN_BUDGET) return null;
  const budget = Math.max(MIN_BUDGET, Math.floor(wanted === Number.POSITIVE_INFINITY ? maxTokens : wanted));
  return budget < maxTokens ? budget : Math.max(MIN_BUDGET, Math.floor((maxTokens * 3) / 4));
}

function levelOf(budget: number): Effort {
  const level = EFFORTS.find((effort) => budget <= BUDGETS[effort]) ?? "max";
  return level === "max" ? "xhigh" : level;
}

/** The level itself if the model has it, otherwise the next lower one. */
function fitEffort(effort: Effort, capabilities: Capabilities, lost: Lost): Effort | null {
  if (capabilities.efforts.length === 0) {
    lost("This model has no effort setting.");
    return null;
  }
  // `minimal` is another protocol's word for `low`.
  if (effort === "none" || effort === "minimal") return "low";
  if (capabilities.efforts.includes(effort)) return effort;
  const known: readonly Effort[] = EFFORTS;
  const lower = capabilities.efforts.filter((level) => known.indexOf(level) < known.indexOf(effort)).at(-1) ?? "low";
  lost(`This model does not know the effort ${effort}; ${lower} was sent.`);
  return lower;
}

/** By default the newest models hide their thoughts; clients of other protocols that ask for thinking expect to see them. */
function encodeDisplay({ reasoning, names }: CanonicalRequest): JsonObject {
  const display = reasoning?.display ?? (names === NAMES ? null : "auto");
  if (display === null) return {};
  return { display: display === "none" ? "omitted" : "summarized" };
}

/** A thought goes back only to the maker that signed it. */
export function encodeThought({ text, redacted, proof }: ReasoningPart, { field, losses }: LossContext): wire.Block | null {
  if (proof?.origin === ORIGIN && proof.data !== "") {
    return redacted ? { type: "redacted_thinking", data: proof.data } : { type: "thinking", thinking: text, signature: proof.data };
  }
  const lost = `${field}.reasoning`;
  if (!losses.some((loss) => loss.field === lost)) {
    losses.push({ field: lost, severity: "dropped", reason: "Claude models accept only thoughts that they signed." });
  }
  return null;
}
