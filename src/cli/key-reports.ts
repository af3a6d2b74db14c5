// Reports on keys: all of them, one with everything that applies to it, whether a model is allowed.
// Never changes anything.

import {
  amountsOf,
  budgetStates,
  EMPTY,
  isSpent,
  limitsOf,
  reserve,
  type Choice,
  type Estimate,
  type Refusal,
} from "../access/accounts.ts";
import type { KeyRecord } from "../access/client-key.ts";
import { keyJson, rulesJson } from "../access/key-json.ts";
import { DEFAULT_ROW, effectiveRules } from "../access/key-ring.ts";
import { stateOf } from "../access/key-records.ts";
import { modelRule, printBudget, printInstant } from "../access/limit-syntax.ts";
import { shown, unpricedUnit } from "../access/limits.ts";
import { loadedEstimate, outputsIn } from "../access/output-medians.ts";
import type { Store } from "../access/store.ts";
import { Calendar } from "../access/windows.ts";
import type { Target } from "../models/models.ts";
import { priceOf } from "../models/price.ts";
import { CommandError, EXIT_FAILED, type Context, type Input } from "./command.ts";
import { modelNamed, recordOf, recordsIn } from "./key-records.ts";
import { keyList, keyPage, standingJson, type Shown } from "./key-tables.ts";

export async function list(_: Input, context: Context): Promise<void> {
  const [store, records] = [await context.store(), await recordsIn(context)];
  const keys = await Promise.all(records.map((record) => shownOf(record, { store, records, nowMs: context.now() })));
  context.show(
    keys.map(({ record, state }) => ({ ...keyJson(record), state })),
    () => (keys.length === 0 ? "No keys yet. Run `factory-proxy keys add NAME` to make one." : keyList(keys, context)),
  );
}

export async function show(input: Input, context: Context): Promise<void> {
  const key = await shownKey(input.operand(0), context);
  const { record, effective, budgets, state } = key;
  const standing = {
    state,
    effective: rulesJson(effective),
    standing: budgets.map(standingJson),
  };
  context.show({ ...keyJson(record), ...standing }, () => keyPage(key, context));
}

export async function shownKey(name: string, context: Context): Promise<Shown> {
  const store = await context.store();
  return shownOf(await recordOf(name, context), { store, records: await store.keys(), nowMs: context.now() });
}

interface Around {
  readonly store: Store;
  /** With the row `default`, where it exists. */
  readonly records: readonly KeyRecord[];
  readonly nowMs: number;
}

async function shownOf(record: KeyRecord, { store, records, nowMs }: Around): Promise<Shown> {
  const { name } = record;
  const defaults = records.find((row) => row.name === DEFAULT_ROW)?.rules ?? null;
  const effective = effectiveRules(record.rules, defaults);
  const limits = name === DEFAULT_ROW ? null : limitsOf({ rules: effective, raises: record.raises });
  const account = limits === null ? EMPTY : ((await store.account({ key: name, scope: "" })) ?? EMPTY);
  const budgets = limits === null ? [] : budgetStates({ key: account, session: null }, limits, { nowMs, calendar: new Calendar() });
  return { record, effective, account, budgets, state: stateOf(record, { nowMs, budgets }) };
}

export async function check(input: Input, context: Context): Promise<number> {
  const [name, model] = [input.operand(0), input.text("model")];
  if (model === null) throw CommandError.wrongUse("Missing --model. Usage: factory-proxy keys check NAME --model <name>.");
  const reason = await refusalOf(await shownKey(name, context), model, context);
  const message = reason === null ? `${name} may use ${model}.` : `${name} may not use ${model}: ${reason.text}.`;
  context.show({ allowed: reason === null, reason: reason?.reason ?? null, message }, () => message);
  return reason === null ? 0 : EXIT_FAILED;
}

interface Reason {
  readonly reason: "disabled" | "expired" | "model" | "budget";
  readonly text: string;
}

async function refusalOf({ record, effective, account, state }: Shown, model: string, context: Context): Promise<Reason | null> {
  if (state === "off") return { reason: "disabled", text: "the key is switched off" };
  if (state === "expired") return { reason: "expired", text: "the key has expired" };
  const { id, target, ruled } = modelNamed(model, context);
  if (effective.models !== null && !modelRule(effective.models)(ruled)) {
    return {
      reason: "model",
      text: `its models are ${effective.models.join(",")}, and this one is ${id}${ruled.pool === null ? "" : ` of @${ruled.pool}`}`,
    };
  }
  const limits = limitsOf({ rules: effective, raises: record.raises });
  if (limits === null) return null;
  const unit = unpricedUnit(limits, target);
  if (unit !== null) return { reason: "model", text: `it has a budget in ${unit}, and what this model costs is not known` };
  const choice = await choiceFor({ key: record.name, target, soft: limits.soft?.model ?? null }, context);
  // Rates and calls at once are a matter of waiting.
  const lasting = { ...limits, requestsPerMinute: null, tokensPerMinute: null, parallel: null };
  const reserved = reserve({ key: account, session: null }, lasting, { ...choice, nowMs: context.now(), calendar: new Calendar() });
  return reserved.type === "refused" && reserved.refusal.reason === "budget" ? budgetReason(reserved.refusal) : null;
}

interface NextCall {
  readonly key: string;
  readonly target: Target;
  /** The model of the key's soft limit. Null: it has none. */
  readonly soft: string | null;
}

/** What a short question is expected to take, as a server estimates it. */
async function choiceFor({ key, target, soft }: NextCall, context: Context): Promise<Choice> {
  const load = outputsIn(await context.store(), context.now);
  const estimate = async (of: Target): Promise<Estimate> => {
    const outputTokens = await loadedEstimate(load, { key, model: of.model });
    const usage = { inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens, reasoningTokens: null };
    return { inputTokens: 0, amounts: amountsOf(usage, priceOf(of, usage, context.config())) };
  };
  return { asked: await estimate(target), soft: soft === null ? null : await estimate(modelNamed(soft, context).target) };
}

function budgetReason({ state, wanted }: Extract<Refusal, { readonly reason: "budget" }>): Reason {
  const { budget, amount, used, resetMs } = state;
  const [words, again] = [printBudget({ ...budget, amount }), resetMs === null ? "" : `, which resets at ${printInstant(resetMs)}`];
  if (isSpent(state)) return { reason: "budget", text: `it has used its budget of ${words}${again}` };
  const [left, call] = [shown(budget.unit, amount - used), shown(budget.unit, wanted)];
  return { reason: "budget", text: `a call may take about ${call} ${budget.unit}, and ${left} is left of its budget of ${words}${again}` };
}
