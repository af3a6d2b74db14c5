// A process that writes to a store for as long as it lives, and prints a line for each committed transaction. To be killed.

import process from "node:process";
import { openStore } from "../../src/access/stores/stores.ts";
import { account, reservation, usageRow } from "./stored.ts";

const [address = "", name = ""] = process.argv.slice(2);
const after = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};
const store = openStore(address, { dataDir: null, isRequired: true }, { after, lost: () => {} });
const id = { key: "alice", scope: "" };
for (let count = 0; ; count++) {
  const call = `${name}-${count}`;
  await store.transact({ accounts: [id], reservations: [] }, (view) => {
    const running = view.account(id)?.running ?? 0;
    return { accounts: [[id, account(running + 1)]], opened: [reservation(call)], closed: [], result: null };
  });
  process.stdout.write(".");
  await store.append([usageRow(call, { usd: 1 })]);
  // Without a pause, nothing would be printed.
  if (count % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
}
