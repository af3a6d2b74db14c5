// Turns that any upstream accepts: calls and results paired, ids unique; and what had to be repaired for that. Never knows a protocol.

import type { CanonicalRequest, Loss, Part, ToolResultPart, Turn } from "./canonical.ts";

export interface PairedTurns {
  readonly turns: readonly Turn[];
  /** `refused` for what had to be invented or demoted; `reported` for duplicates. */
  readonly losses: readonly Loss[];
}

/** Joins neighbours of the same role (system turns stay apart) and leaves out empty turns. */
export function mergeTurns(turns: readonly Turn[]): Turn[] {
  const merged: Turn[] = [];
  for (const turn of turns) {
    if (turn.parts.length === 0 && turn.effort === null) continue;
    const last = merged.at(-1);
    if (last !== undefined && last.role === turn.role && turn.role !== "system") {
      merged[merged.length - 1] = { ...last, parts: [...last.parts, ...turn.parts] };
    } else {
      merged.push(turn);
    }
  }
  return merged;
}

/**
 * Puts the results of each assistant turn's calls at the head of the user turn that follows it, in the order of the calls;
 * a result that came later than the next assistant turn is fetched from there. A call without a result gets an error result that
 * says so, a result without a call becomes text (both `refused`); of several results for one call the last one stands at the
 * first one's place (`reported`).
 */
export function pairResults(request: CanonicalRequest): PairedTurns {
  const field = request.names.turns;
  const losses: Loss[] = [];
  const turns: Turn[] = [];
  const merged = mergeTurns(request.turns);
  const used = new Set<Part>();
  let index = 0;
  for (let turn = merged[index++]; turn !== undefined; turn = merged[index++]) {
    if (turn.role !== "assistant") {
      turns.push(withoutResults(turn, used, { field, losses }));
      continue;
    }
    turns.push(turn);
    const calls = turn.parts.filter((part) => part.type === "tool-call");
    if (calls.length === 0) continue;
    // Everything up to the next assistant turn answers this one.
    const answers: Turn[] = [];
    for (let next = merged[index]; next !== undefined && next.role !== "assistant"; next = merged[++index]) answers.push(next);
    const results = new Map<string, ToolResultPart[]>();
    for (const { callId } of calls) {
      if (results.has(callId)) continue;
      const own = resultsFor(callId, answers);
      const found = own.length > 0 ? own : lateResults(callId, merged.slice(index));
      for (const result of found) used.add(result);
      results.set(callId, found);
      if (found.length > calls.filter((call) => call.callId === callId).length) {
        losses.push({ field, severity: "reported", reason: `Call ${callId} has several results; the last one was sent.` });
      }
    }
    const paired: Part[] = calls.map((call) => {
      const found = results.get(call.callId) ?? [];
      // Calls that share an id take the results of that id in turn; otherwise the last one counts.
      const shared = calls.filter((other) => other.callId === call.callId);
      const result = shared.length > 1 ? found[shared.indexOf(call)] : found.at(-1);
      if (result !== undefined) return { ...result, name: call.name, kind: call.kind };
      losses.push({ field, severity: "refused", reason: `Call ${call.callId} of ${call.name} has no result.` });
      return missingResult(call.callId, call.name, call.kind);
    });
    const rest = answers.map((answer) => withoutResults(answer, used, { field, losses }));
    turns.push(...mergeTurns([{ role: "user", parts: paired, effort: null }, ...rest]));
  }
  return { turns: mergeTurns(turns), losses };
}

/** Makes call ids unique in the whole request: a reused id gets its turn's number. Expects paired turns. */
export function uniqueCallIds(turns: readonly Turn[]): Turn[] {
  const taken = new Set<string>();
  // What the calls of the last assistant turn are called now, by their old ids, in their order.
  let renamed = new Map<string, string[]>();
  return turns.map((turn, index) => {
    if (turn.role === "assistant") renamed = new Map();
    const parts = turn.parts.map((part): Part => {
      if (part.type === "tool-call") {
        let callId = part.callId;
        for (let attempt = 1; taken.has(callId); attempt++) callId = `${part.callId}_${index}${attempt === 1 ? "" : `_${attempt}`}`;
        taken.add(callId);
        renamed.set(part.callId, [...(renamed.get(part.callId) ?? []), callId]);
        return { ...part, callId };
      }
      if (part.type !== "tool-result") return part;
      const names = renamed.get(part.callId) ?? [];
      return { ...part, callId: (names.length > 1 ? names.shift() : names[0]) ?? part.callId };
    });
    return { ...turn, parts };
  });
}

function resultsFor(callId: string, turns: readonly Turn[]): ToolResultPart[] {
  return turns.flatMap((turn) => turn.parts).flatMap((part) => (part.type === "tool-result" && part.callId === callId ? [part] : []));
}

/** Results that stand behind a later assistant turn, unless they answer a call of the same id there. */
function lateResults(callId: string, later: readonly Turn[]): ToolResultPart[] {
  const again = later.findIndex((turn) => turn.parts.some((part) => part.type === "tool-call" && part.callId === callId));
  return resultsFor(callId, again === -1 ? later : later.slice(0, again));
}

/** Takes out the results that found their call; the others, which answer nothing, become text. */
function withoutResults(turn: Turn, used: ReadonlySet<Part>, report: { readonly field: string; readonly losses: Loss[] }): Turn {
  if (!turn.parts.some((part) => part.type === "tool-result")) return turn;
  const parts = turn.parts.flatMap((part): readonly Part[] => {
    if (part.type !== "tool-result") return [part];
    if (used.has(part)) return [];
    report.losses.push({ field: report.field, severity: "refused", reason: `The result for ${part.callId} answers no call before it.` });
    return part.content;
  });
  return { ...turn, parts };
}

function missingResult(callId: string, name: string, kind: "function" | "custom"): ToolResultPart {
  const text = "The call was interrupted before it gave a result.";
  return {
    type: "tool-result",
    callId,
    name,
    kind,
    content: [{ type: "text", text, annotations: [], cache: null, proof: null }],
    isError: true,
    cache: null,
  };
}
