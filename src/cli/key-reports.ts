// Says what there is: all keys, one with all that counts for it, whether a model is allowed.
// Never changes anything.

import { budgetStates, EMPTY, limitsOf } from "../access/accounts.ts";
import { ROWS_WITHOUT_KEY } from "../access/key-changes.ts";
import { keyJson, rulesJson } from "../access/key-json.ts";
import { DEFAULT_ROW, effectiveRules } from "../access/key-ring.ts";
import { stateOf } from "../access/key-records.ts";
import { modelRule, printBudget, printInstant } from "../access/key-words.ts";
import { Calendar } from "../access/windows.ts";
import { CommandError, EXIT_FAILED, type Context, type Input } from "./command.ts";
import { modelNamed, recordOf, recordsIn } from "./key-records.ts";
import { keyList, keyPage, standingJson, type Shown } from "./key-tables.ts";

export async function list(_: Input, context: Context): Promise<void> {
  const records = await recordsIn(context);
  context.show(
    records.map((record) => ({ ...keyJson(record), state: stateOf(record, context.now()) })),
    () => (records.length === 0 ? "There are no keys. factory-proxy keys add NAME makes one." : keyList(records, context)),
  );
}

export async function show(input: Input, context: Context): Promise<void> {
  const shown = await shownKey(input.operand(0), context);
  const { record, effective, budgets } = shown;
  const standing = {
    state: stateOf(record, context.now()),
    effective: rulesJson(effective),
    standing: budgets.map(standingJson),
  };
  context.show({ ...keyJson(record), ...standing }, () => keyPage(shown, context));
}

export async function shownKey(name: string, context: Context): Promise<Shown> {
  const store = await context.store();
  const record = await recordOf(name, context);
  const rules = (await store.keys()).find((row) => row.name === DEFAULT_ROW)?.rules ?? null;
  const effective = effectiveRules(record.rules, rules);
  const limits = limitsOf({ rules: effective, raises: record.raises });
  if (limits === null || ROWS_WITHOUT_KEY[0] === name) return { record, effective, budgets: [] };
  const account = (await store.account({ key: name, scope: "" })) ?? EMPTY;
  const budgets = budgetStates({ key: account, session: null }, limits, { nowMs: context.now(), calendar: new Calendar() });
  return { record, effective, budgets };
}

export async function check(input: Input, context: Context): Promise<number> {
  const [name, model] = [input.operand(0), input.text("model")];
  if (model === null) throw CommandError.wrongUse("--model is missing: factory-proxy keys check NAME --model <name>.");
  const { record, effective, budgets } = await shownKey(name, context);
  const reason = refusalOf({ record, effective, budgets }, model, context);
  const message = reason === null ? `${name} may use ${model}.` : `${name} may not use ${model}: ${reason.text}.`;
  context.show({ allowed: reason === null, reason: reason?.reason ?? null, message }, () => message);
  return reason === null ? 0 : EXIT_FAILED;
}

interface Reason {
  readonly reason: "disabled" | "expired" | "model" | "budget";
  readonly text: string;
}

function refusalOf({ record, effective, budgets }: Shown, model: string, context: Context): Reason | null {
  const state = stateOf(record, context.now());
  if (state === "off") return { reason: "disabled", text: "the key is switched off" };
  if (state === "expired") return { reason: "expired", text: "the key has expired" };
  const { id, ruled } = modelNamed(model, context);
  if (effective.models !== null && !modelRule(effective.models)(ruled)) {
    return {
      reason: "model",
      text: `its models are ${effective.models.join(",")}, and this one is ${id}${ruled.pool === null ? "" : ` of @${ruled.pool}`}`,
    };
  }
  const empty = budgets.find(({ used, amount }) => used >= amount);
  if (empty === undefined) return null;
  const again = empty.resetMs === null ? "" : `, which resets at ${printInstant(empty.resetMs)}`;
  return {
    reason: "budget",
    text: `it has used its budget of ${printBudget({ ...empty.budget, amount: empty.amount })}${again}`,
  };
}
