// How much thinking a request asks for, and reasoning items, both directions.

import { isObject, type Json } from "../../wire/json.ts";
import type { Effort, Proof, Reasoning, ReasoningPart } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import type { Capabilities } from "./capabilities.ts";
import { sealReasoning, unseal } from "./seals.ts";
import type { Target } from "./target.ts";
import { WORDS } from "./wire.ts";
import type * as wire from "./wire.ts";

// ---- The request's setting ---------------------------------------------------------------------------------------

/** The words of `reasoning.effort`, weakest first. */
const EFFORTS: readonly Effort[] = WORDS["reasoning.effort"].known;

/** `update`: the effort that the conversation has set since; null: none. */
export function decodeReasoning(config: Fields | null, update: Effort | null): Reasoning | null {
  config?.ignore("effort", "summary", "generate_summary");
  const effort = update ?? config?.optionalWord("effort", WORDS["reasoning.effort"]) ?? null;
  const summaries = WORDS["reasoning.summary"];
  const display = config?.optionalWord("summary", summaries) ?? config?.optionalWord("generate_summary", summaries) ?? null;
  if (effort === null && display === null) return null;
  return { mode: effort === "none" ? "off" : effort === null ? "adaptive" : "on", effort, budgetTokens: null, display };
}

export interface EncodedReasoning {
  readonly reasoning?: wire.ReasoningConfig;
  /** The effort that applies; null: the model decides. */
  readonly effort: Effort | null;
}

/**
 * A summary is requested when the client wants to see reasoning or did not say: Chat clients get it by default. A client of
 * this protocol has to request it itself.
 */
export function encodeReasoning(target: Target): EncodedReasoning {
  const { model, reasoning, turns } = target.request;
  // The last one counts: a system turn may set the effort from there on.
  const said = turns.findLast((turn) => turn.effort !== null)?.effort ?? null;
  const wanted = said ?? (reasoning === null ? null : effortOf(reasoning));
  if (!target.capabilities.reasons) {
    if (wanted !== null && wanted !== "none") target.lose("reasoning", { reason: `${model} does not reason.` });
    return { effort: "none" };
  }
  const effort = wanted === null ? null : nearestEffort(wanted, target.capabilities);
  if (effort !== wanted) {
    const instead = effort === null ? "it is left to the model" : `${effort} was sent`;
    target.lose("reasoning", { reason: `${model} does not accept the effort ${wanted}; ${instead}.` });
  }
  const display = reasoning?.display ?? (target.own ? "none" : "auto");
  const shows = display !== "none" && effort !== "none";
  if (effort === null && !shows) return { effort };
  return { reasoning: { ...(effort === null ? {} : { effort }), ...(shows ? { summary: display } : {}) }, effort };
}

/** The client's setting as a level; null: the model decides. */
function effortOf({ mode, effort, budgetTokens }: Reasoning): Effort | null {
  if (mode === "off") return "none";
  if (effort !== null) return effort;
  return budgetTokens === null || mode === "adaptive" ? null : effortOfBudget(budgetTokens);
}

/** The upper bound of each level in tokens, as most gateways set them. */
const BUDGETS: readonly (readonly [upTo: number, effort: Effort])[] = [
  [0, "none"],
  [512, "minimal"],
  [1024, "low"],
  [8192, "medium"],
  [24_576, "high"],
];

function effortOfBudget(tokens: number): Effort {
  return BUDGETS.find(([upTo]) => tokens <= upTo)?.[1] ?? "xhigh";
}

/** The closest accepted level, the stronger of two equally close ones; null: none is accepted. */
export function nearestEffort(wanted: Effort, { efforts }: Capabilities): Effort | null {
  if (efforts === null || efforts.includes(wanted)) return wanted;
  const distance = (effort: Effort): number => Math.abs(EFFORTS.indexOf(effort) - EFFORTS.indexOf(wanted));
  let nearest: Effort | null = null;
  for (const effort of efforts) if (nearest === null || distance(effort) <= distance(nearest)) nearest = effort;
  return nearest;
}

// ---- Reasoning items ---------------------------------------------------------------------------------------------

/** Separates the paragraphs of a summary; one canonical part holds them all. */
export const PARAGRAPH = "\n\n";

/** `previous`: the proof belongs to the preceding part; there is no reasoning to show. */
export type ReasoningItem = { readonly type: "part"; readonly part: ReasoningPart } | { readonly type: "previous"; readonly proof: Proof };

interface ReasoningSaid {
  readonly summary?: Json | undefined;
  readonly content?: Json | undefined;
  readonly encrypted_content?: Json | undefined;
}

/** Null when the item has nothing to keep: neither text nor proof. */
export function decodeReasoningItem({ summary, content, encrypted_content: encrypted }: ReasoningSaid): ReasoningItem | null {
  const unsealed = unseal(encrypted);
  if (unsealed?.ofPrevious === true) return { type: "previous", proof: unsealed.proof };
  // The summary, or the raw text where a model shows that instead.
  const text = textOf(summary) || textOf(content);
  if (unsealed === null && text === "") return null;
  return { type: "part", part: { type: "reasoning", text, redacted: unsealed?.redacted ?? false, proof: unsealed?.proof ?? null } };
}

function textOf(paragraphs: Json | undefined): string {
  if (!Array.isArray(paragraphs)) return "";
  return paragraphs
    .map((entry) => (isObject(entry) && typeof entry["text"] === "string" ? entry["text"] : ""))
    .filter((text) => text !== "")
    .join(PARAGRAPH);
}

export function encodeReasoningItem({ text, redacted, proof }: Omit<ReasoningPart, "type">): wire.Reasoning {
  const summary: wire.Summary[] = text === "" ? [] : [{ type: "summary_text", text }];
  return { type: "reasoning", summary, encrypted_content: sealReasoning(proof, redacted) };
}
