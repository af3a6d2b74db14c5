// Turns that any upstream accepts: calls and results paired, ids unique; and the repairs that were needed. Never knows a protocol.

import type { CanonicalRequest, Loss, Part, ToolResultPart, Turn } from "./canonical.ts";

export interface PairedTurns {
  readonly turns: readonly Turn[];
  /** `refused` for what had to be invented or demoted; `reported` for duplicates. */
  readonly losses: readonly Loss[];
}

/** Joins adjacent turns of the same role (system turns stay separate) and drops empty turns. */
export function mergeTurns(turns: readonly Turn[]): Turn[] {
  const merged: Turn[] = [];
  // The parts of the last turn, if it is a joined one; the original turns are not changed.
  let joined: Part[] | null = null;
  for (const turn of turns) {
    if (turn.parts.length === 0 && turn.effort === null) continue;
    const last = merged.at(-1);
    if (last === undefined || last.role !== turn.role || turn.role === "system") {
      merged.push(turn);
      joined = null;
      continue;
    }
    if (joined === null) {
      joined = [...last.parts];
      merged[merged.length - 1] = { ...last, parts: joined };
    }
    for (const part of turn.parts) joined.push(part);
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
  const report: Report = { field: request.names.turns, losses: [] };
  const merged = mergeTurns(request.turns);
  const asked = answersOf(merged);
  const used = new Set<Part>();
  for (const answers of asked) for (const found of answers.values()) for (const result of resultsIn(found)) used.add(result);
  const turns: Turn[] = [];
  merged.forEach((turn, index) => {
    turns.push(turn.role === "assistant" ? turn : withoutResults(turn, used, report));
    const paired = pairedResults(turn, asked[index] ?? new Map(), report);
    if (paired.length > 0) turns.push({ role: "user", parts: paired, effort: null });
  });
  return { turns: mergeTurns(turns), losses: report.losses };
}

/** Whether each call has its result in the next turn, and each result its call in the turn before, in any order. */
export function arePaired(turns: readonly Turn[]): boolean {
  let calls: readonly string[] = [];
  for (const turn of turns) {
    if (!sameIds(calls, idsOf(turn, "tool-result"))) return false;
    calls = idsOf(turn, "tool-call");
  }
  return calls.length === 0;
}

function idsOf({ parts }: Turn, type: "tool-call" | "tool-result"): readonly string[] {
  let ids: string[] | null = null;
  for (const part of parts) if (part.type === type) (ids ??= []).push(part.callId);
  return ids ?? NO_IDS;
}

const NO_IDS: readonly string[] = [];

/** Each once. */
function sameIds(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false;
  if (some.length < 2) return some[0] === others[0];
  const ids = new Set(some);
  return ids.size === some.length && new Set(others).size === some.length && others.every((id) => ids.has(id));
}

/** Makes call ids unique in the whole request: a reused id gets its turn's number. Expects paired turns. */
export function uniqueCallIds(turns: readonly Turn[]): readonly Turn[] {
  return areUnique(turns) ? turns : withUniqueCallIds(turns);
}

function areUnique(turns: readonly Turn[]): boolean {
  const ids = new Set<string>();
  let count = 0;
  for (const { parts } of turns) {
    for (const part of parts) {
      if (part.type !== "tool-call") continue;
      ids.add(part.callId);
      count++;
    }
  }
  return ids.size === count;
}

function withUniqueCallIds(turns: readonly Turn[]): Turn[] {
  const taken = new Set<string>();
  // The present names of the calls of the last assistant turn, by their old ids.
  let renamed = new Map<string, Renamed>();
  return turns.map((turn, index) => {
    if (turn.role === "assistant") renamed = new Map();
    // How many names of this turn were tried for an id; all of those are taken.
    const attempts = new Map<string, number>();
    const parts = turn.parts.map((part): Part => {
      if (part.type === "tool-call") {
        const names = renamed.get(part.callId) ?? { callIds: [], answered: 0 };
        renamed.set(part.callId, names);
        let { callId } = part;
        let attempt = attempts.get(callId) ?? 0;
        while (taken.has(callId)) callId = `${part.callId}_${index}${++attempt === 1 ? "" : `_${attempt}`}`;
        attempts.set(part.callId, attempt);
        taken.add(callId);
        names.callIds.push(callId);
        return { ...part, callId };
      }
      if (part.type !== "tool-result") return part;
      const names = renamed.get(part.callId);
      if (names === undefined) return part;
      const callId = names.callIds[names.answered] ?? part.callId;
      // The last one stands for everything after it.
      if (names.answered < names.callIds.length - 1) names.answered++;
      return { ...part, callId };
    });
    return { ...turn, parts };
  });
}

interface Renamed {
  /** In the order of the calls. */
  readonly callIds: string[];
  /** How many of them have a result; the last one never has. */
  answered: number;
}

interface Report {
  readonly field: string;
  readonly losses: Loss[];
}

/** The results for the calls of one turn that share an id. */
interface Answers {
  /** How many calls share it. */
  calls: number;
  /** Those up to the next assistant turn. */
  readonly own: ToolResultPart[];
  /** Those after that, up to a turn with a call of the same id. */
  readonly late: ToolResultPart[];
}

/** For each turn, by the ids of its calls, in order. */
function answersOf(turns: readonly Turn[]): Map<string, Answers>[] {
  // The latest calls of each id, and those of the latest assistant turn.
  const last = new Map<string, Answers>();
  let open = new Map<string, Answers>();
  return turns.map(({ role, parts }) => {
    const asked = new Map<string, Answers>();
    if (role === "assistant") open = asked;
    for (const part of parts) {
      if (part.type !== "tool-call") continue;
      const { callId } = part;
      if (role !== "assistant") {
        // It answers no call, but ends the results of the call before.
        if (last.get(callId) !== open.get(callId)) last.delete(callId);
        continue;
      }
      const answers = asked.get(callId) ?? { calls: 0, own: [], late: [] };
      answers.calls++;
      asked.set(callId, answers);
      last.set(callId, answers);
    }
    for (const part of parts) {
      if (part.type !== "tool-result" || asked.has(part.callId)) continue;
      const answers = last.get(part.callId);
      (answers === open.get(part.callId) ? answers?.own : answers?.late)?.push(part);
    }
    return asked;
  });
}

function resultsIn({ own, late }: Answers): readonly ToolResultPart[] {
  return own.length > 0 ? own : late;
}

/** A result for each call of a turn, in the order of the calls. */
function pairedResults(turn: Turn, asked: ReadonlyMap<string, Answers>, { field, losses }: Report): Part[] {
  for (const [callId, answers] of asked) {
    if (resultsIn(answers).length <= answers.calls) continue;
    losses.push({ field, severity: "reported", reason: `Call ${callId} has several results; the last one was sent.` });
  }
  const taken = new Map<string, number>();
  return turn.parts.flatMap((part): Part[] => {
    const answers = part.type === "tool-call" ? asked.get(part.callId) : undefined;
    if (part.type !== "tool-call" || answers === undefined) return [];
    const { callId, name, kind } = part;
    const results = resultsIn(answers);
    const place = taken.get(callId) ?? 0;
    taken.set(callId, place + 1);
    // Calls that share an id take its results in turn; otherwise the last result counts.
    const result = answers.calls > 1 ? results[place] : results.at(-1);
    if (result !== undefined) return [{ ...result, name, kind }];
    losses.push({ field, severity: "refused", reason: `Call ${callId} of ${name} has no result.` });
    return [missingResult(callId, name, kind)];
  });
}

/** Removes the results that were matched to their call; the others answer nothing and become text. */
function withoutResults(turn: Turn, used: ReadonlySet<Part>, report: Report): Turn {
  if (!turn.parts.some((part) => part.type === "tool-result")) return turn;
  const parts = turn.parts.flatMap((part): readonly Part[] => {
    if (part.type !== "tool-result") return [part];
    if (used.has(part)) return [];
    report.losses.push({
      field: report.field,
      severity: "refused",
      reason: `The result for ${part.callId} does not match an earlier call.`,
    });
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
