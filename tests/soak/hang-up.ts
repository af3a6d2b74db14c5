// A gateway beside the one that is watched: it gets a few calls, then SIGHUP while they run. None of them is cut.
// Never judges whether it goes on then or stops in order.

import { Load } from "./load.ts";
import { startGateway, type Upstream } from "./processes.ts";

const CALLS = 60;
const STREAMS = 40;
/** By then each call has reached the gateway. */
const CALLS_MS = 3000;
/** Longer than the longest of its calls. */
const SETTINGS = { SHUTDOWN_TIMEOUT: "300" };
const GOES_ON_MS = 5000;

interface Round {
  readonly upstream: Upstream;
  readonly folder: string;
  readonly seed: number;
}

/** What was unexpected. */
export async function hangUp(runtime: string, { upstream, folder, seed }: Round): Promise<readonly string[]> {
  const gateway = await startGateway(runtime, { upstream, folder, settings: SETTINGS });
  const load = new Load({ port: gateway.port, seed });
  for (let count = 0; count < CALLS; count++) load.call();
  load.burst(STREAMS);
  await pause(CALLS_MS);
  gateway.signal("SIGHUP");
  await load.done();
  const code = await Promise.race([gateway.ended, pause(GOES_ON_MS).then(() => gateway.stop())]);
  const faults = [...load.unexpected(), ...gateway.complaints, ...linesMissing(load, gateway)];
  if (code !== 0) faults.push(`The gateway ended with ${code}.`);
  return faults.map((fault) => `at SIGHUP: ${fault}`);
}

/** Every call that reached the gateway has one line, or was counted as lost; a client that left at once may not have reached it. */
export function linesMissing(load: Load, gateway: { readonly lines: ReadonlyMap<string, number>; lost(): number }): string[] {
  const written = [...gateway.lines.values()].reduce((sum, count) => sum + count, 0);
  if (written <= load.sent && written + gateway.lost() >= load.sent - load.early) return [];
  return [`${written} log lines, and ${gateway.lost()} lost, for ${load.sent} calls, of which ${load.early} left at once.`];
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
