// How late the event loop is while a store is written for calls that come steadily: usage rows, reservations, and what goes over into the database
// file. The loop does nothing else.
// Does not use the network.

import type { Limits } from "../../src/access/accounts.ts";
import type { KeyGrant, KeyRules } from "../../src/access/client-key.ts";
import { Ledger } from "../../src/access/ledger.ts";
import { Limiter } from "../../src/access/limiter.ts";
import type { Store } from "../../src/access/store.ts";
import { uuidAt } from "../../src/gateway/headers.ts";
import type { After } from "../../src/runtime/ports.ts";
import { grantOf, limits, estimateOf } from "../support/limits.ts";
import { usageRow } from "../support/stored.ts";
import { pause } from "./measure.ts";

const CALLS_A_STEP = 5;
const STEP_MS = 5;
const LOOK_MS = 1;
const SESSIONS = 16;

/** By how much a timer of a millisecond is late. */
export interface LagResult {
  readonly callsASecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

interface LagOptions {
  readonly ms: number;
  readonly rules: Partial<KeyRules>;
  readonly after: After;
}

export async function measureLag(store: Store, { ms, rules, after }: LagOptions): Promise<LagResult> {
  const soon = (callback: () => void): void => void setImmediate(callback);
  const ports = { store, now: Date.now, after, soon, newId: () => crypto.randomUUID() };
  const limiter = new Limiter(ports, { storeDown: "refuse", ledger: true });
  const ledger = new Ledger({ store, spill: null, now: Date.now, after, report: () => {} }, { keepMs: null });
  const startMs = performance.now();
  const calls = comingCalls(new Caller(limiter, ledger, rules), startMs + ms);
  const lags: number[] = [];
  for (let beforeMs = startMs; beforeMs < startMs + ms;) {
    await pause(LOOK_MS);
    const nowMs = performance.now();
    lags.push(Math.max(0, nowMs - beforeMs - LOOK_MS));
    beforeMs = nowMs;
  }
  const count = await calls;
  await limiter.close();
  await ledger.stop();
  lags.sort((one, other) => one - other);
  const at = (share: number): number => lags[Math.floor(lags.length * share)] ?? 0;
  return { callsASecond: count / (ms / 1000), p50Ms: at(0.5), p99Ms: at(0.99), maxMs: lags.at(-1) ?? 0 };
}

/** How many there were, once all have ended. */
async function comingCalls(caller: Caller, endMs: number): Promise<number> {
  const calls: Promise<void>[] = [];
  for (; performance.now() < endMs; await pause(STEP_MS)) for (let left = CALLS_A_STEP; left > 0; left--) calls.push(caller.call());
  await Promise.all(calls);
  return calls.length;
}

/** Calls of one key. */
class Caller {
  readonly #limiter: Limiter;
  readonly #ledger: Ledger;
  readonly #caller: { readonly id: string; readonly grant: KeyGrant; readonly upstreamKey: string };
  readonly #limits: Limits;
  #count = 0;

  constructor(limiter: Limiter, ledger: Ledger, rules: Partial<KeyRules>) {
    this.#limiter = limiter;
    this.#ledger = ledger;
    this.#caller = { id: "bench", grant: grantOf(rules), upstreamKey: "" };
    this.#limits = limits(rules);
  }

  async call(): Promise<void> {
    const id = uuidAt(Date.now(), crypto.randomUUID());
    const session = `session-${this.#count++ % SESSIONS}`;
    const row = usageRow(id, { requestId: id, atMs: Date.now(), session, key: "bench" });
    const ask = {
      id,
      limits: this.#limits,
      session: () => session,
      asked: estimateOf({ tokens: 100, usd: 0.001 }),
      soft: null,
      row: () => row,
    };
    const granted = await this.#limiter.reserve(this.#caller, { ...ask, protocol: "anthropic-messages", isCodex: false });
    await pause(STEP_MS);
    granted.settle({ tokens: 90, usd: 0.0009 });
    this.#ledger.add(row);
  }
}
