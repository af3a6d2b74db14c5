// The records of keys in the store, and those that the store need not hold: keys of PROXY_API_KEY, and rows without a key.

import { isSpent, type BudgetState } from "./accounts.ts";
import type { KeyRecord } from "./client-key.ts";
import { emptyRecord, ROWS_WITHOUT_KEY } from "./key-changes.ts";
import { DEFAULT_ROW, expiresMs } from "./key-ring.ts";
import type { Store } from "./store.ts";

export interface RecordSource {
  readonly store: Store;
  /** Names of the keys of PROXY_API_KEY. */
  readonly named: readonly string[];
  readonly nowMs: number;
}

/** `default` first; includes keys of PROXY_API_KEY, of which the store may know nothing. */
export async function allRecords({ store, named, nowMs }: RecordSource): Promise<readonly KeyRecord[]> {
  const stored = await store.keys();
  const missing = named.filter((name) => !stored.some((record) => record.name === name));
  const records = [...stored, ...missing.map((name) => emptyRecord(name, nowMs))];
  return records.toSorted((one, other) => Number(other.name === DEFAULT_ROW) - Number(one.name === DEFAULT_ROW));
}

/** Changes a key's row in the store; a key of PROXY_API_KEY, or `default`, gets its row this way. Null: there is no such key. */
export async function changeRecord(
  name: string,
  make: (before: KeyRecord) => KeyRecord,
  { store, named, nowMs }: RecordSource,
): Promise<KeyRecord | null> {
  const kept = await store.updateKey(name, make);
  if (kept !== null) return kept;
  if (!ROWS_WITHOUT_KEY.includes(name) && !named.includes(name)) return null;
  const record = make(emptyRecord(name, nowMs));
  if (await store.insertKey(record)) return record;
  return (await store.updateKey(name, make)) ?? record;
}

/** `spent`: a budget is used up. `row`: its limits count, but there is no key. */
export type KeyState = "active" | "spent" | "off" | "expired" | "row";

/** `budgets`: the states of the key's budgets. */
export function stateOf(
  record: KeyRecord,
  { nowMs, budgets }: { readonly nowMs: number; readonly budgets: readonly BudgetState[] },
): KeyState {
  if (ROWS_WITHOUT_KEY.includes(record.name)) return "row";
  if (record.isOff) return "off";
  const endMs = expiresMs(record, null);
  if (endMs !== null && nowMs >= endMs) return "expired";
  return budgets.some(isSpent) ? "spent" : "active";
}
