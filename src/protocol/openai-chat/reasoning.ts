// How much reasoning a request asks for, both directions. Reasoning itself is mapped with turns and answers, its proofs in seals.ts.
// Never sends a level that the model would reject.

import type { CanonicalRequest, Effort, Loss, Reasoning, Turn } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import type { Capabilities } from "./capabilities.ts";
import { WORDS } from "./wire.ts";

/** Ascending. */
const EFFORTS: readonly Effort[] = WORDS.reasoning_effort.known;

export function decodeReasoning(body: Fields): Reasoning | null {
  const effort = body.optionalWord("reasoning_effort", WORDS.reasoning_effort);
  return effort === null ? null : { mode: effort === "none" ? "off" : "on", effort, budgetTokens: null, display: null };
}

export interface ReasoningTarget {
  readonly capabilities: Capabilities;
  readonly losses: Loss[];
  readonly hasTools: boolean;
}

/** The level of `reasoning_effort`; null: the model decides. */
export function encodeReasoning(request: CanonicalRequest, { capabilities, losses, hasTools }: ReasoningTarget): Effort | null {
  const field = request.names.reasoning;
  const report = (reason: string): void => void losses.push({ field, severity: "reported", reason });
  const wanted = wantedEffort(request);
  if (capabilities.toolsForbidReasoning && hasTools) {
    if (wanted !== "none") report("Over Chat Completions this model accepts tools only without reasoning.");
    return "none";
  }
  if (wanted === null) return null;
  if (capabilities.efforts.length === 0) {
    if (wanted !== "none") report("The model does not reason.");
    return null;
  }
  const fitted = fitEffort(wanted, capabilities.efforts);
  // A level that was derived from a budget was not the client's own word.
  const isOwnWord = request.reasoning?.effort === wanted || wanted === "none" || lastEffort(request.turns) === wanted;
  if (fitted !== wanted && isOwnWord) report(`The model has no effort "${wanted}"; "${fitted}" was sent.`);
  return fitted;
}

function wantedEffort({ turns, reasoning }: CanonicalRequest): Effort | null {
  const own = lastEffort(turns);
  if (own !== null || reasoning === null) return own;
  if (reasoning.mode === "off") return "none";
  if (reasoning.effort !== null) return reasoning.effort;
  if (reasoning.budgetTokens !== null) return effortOfBudget(reasoning.budgetTokens);
  return reasoning.mode === "on" ? "medium" : null;
}

/** A system turn's effort applies from there on. */
function lastEffort(turns: readonly Turn[]): Effort | null {
  return turns.findLast((turn) => turn.effort !== null)?.effort ?? null;
}

function effortOfBudget(tokens: number): Effort {
  if (tokens <= 512) return "minimal";
  if (tokens <= 1024) return "low";
  if (tokens <= 8192) return "medium";
  return tokens <= 24576 ? "high" : "xhigh";
}

/** The level itself, the next lower one, or the lowest. */
function fitEffort(wanted: Effort, known: readonly Effort[]): Effort {
  const rank = EFFORTS.indexOf(wanted);
  const fitting = known.findLast((effort) => EFFORTS.indexOf(effort) <= rank && (effort !== "none" || wanted === "none"));
  return fitting ?? known.find((effort) => effort !== "none") ?? known[0] ?? wanted;
}
