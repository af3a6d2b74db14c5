// Prints, as JSON, how many objects of each kind a call and a delta of its answer allocate, by the runtime's own count. Runs in a Bun process
// without garbage collection; see allocations.test.ts.

import { heapStats } from "bun:jsc";
import process from "node:process";
import { bytesOf, eventsOf, programOver, requestOf, Upstream } from "./in-memory.ts";
import { WAYS, type Way } from "./dialects.ts";

const WARM_UP = 100;
const CALLS = 100;
const FEW = 2;
const MANY = 102;

/** By kind, for one call whose answer has this many deltas. */
async function allocated(way: Way, deltas: number): Promise<Record<string, number>> {
  const upstream = new Upstream();
  const program = programOver(upstream);
  const chunks = bytesOf(eventsOf(way.upstream, deltas));
  const asked = requestOf(way);
  const { url, method } = asked;
  const body = await asked.text();
  // As all clients do.
  const headers = { ...Object.fromEntries(asked.headers), "content-length": String(body.length) };
  const call = async (): Promise<void> => {
    upstream.answer((index) => chunks[index]);
    const reader = (await program.fetch(new Request(url, { method, headers, body }))).body?.getReader();
    while ((await reader?.read())?.done === false);
  };
  for (let count = 0; count < WARM_UP; count++) await call();
  const before = heapStats().objectTypeCounts;
  for (let count = 0; count < CALLS; count++) await call();
  const after = heapStats().objectTypeCounts;
  const found = Object.entries(after).map(([kind, count]): [string, number] => [kind, (count - (before[kind] ?? 0)) / CALLS]);
  return Object.fromEntries(found.filter(([, count]) => count >= 0.05));
}

for (const way of WAYS) {
  if (way.name !== process.argv[2]) continue;
  const few = await allocated(way, FEW);
  const many = await allocated(way, MANY);
  const delta = Object.fromEntries(Object.keys(many).map((kind) => [kind, ((many[kind] ?? 0) - (few[kind] ?? 0)) / (MANY - FEW)]));
  process.stdout.write(JSON.stringify({ call: few, delta }));
}
