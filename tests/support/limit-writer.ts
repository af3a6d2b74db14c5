// A process that admits calls of a key with a budget for as long as it lives, and prints a dot for each call that may go out. To be killed.

import { writeSync } from "node:fs";
import process from "node:process";
import { Limiter } from "../../src/access/limiter.ts";
import { openStore } from "../../src/access/stores/stores.ts";
import { grantOf, estimateOf } from "./limits.ts";
import { usageRow } from "./stored.ts";

const [address = "", name = ""] = process.argv.slice(2);
const after = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};
const store = openStore(address, { dataDir: null, isRequired: true }, { after, lost: () => {} });
// Until then calls would be counted only here.
await store.ready;
const soon = (callback: () => void): void => void setImmediate(callback);
const limiter = new Limiter({ store, now: Date.now, after, soon, newId: () => crypto.randomUUID() }, { storeDown: "serve", ledger: true });
const grant = grantOf({ requestsPerMinute: 1e6, budgets: [{ amount: 1e9, unit: "tokens", period: "ever" }] });
const caller = { id: "alice", grant, upstreamKey: "fk-1" };
for (let count = 0; ; count++) {
  const id = `${name}-${count}`;
  const limits = limiter.limitsOf(caller);
  if (limits === null) throw new Error("The key has limits.");
  const asked = estimateOf({ tokens: 10 });
  const row = (): ReturnType<typeof usageRow> => usageRow(id);
  const ask = { id, limits, session: () => "s1", asked, soft: null, row, protocol: "openai-chat", isCodex: false } as const;
  const granted = await limiter.reserve(caller, ask);
  writeSync(1, ".");
  // Every fifth one continues for as long as the process lives.
  if (count % 5 > 0) granted.settle({ tokens: 10 });
  await new Promise((resolve) => setTimeout(resolve, count % 3));
}
