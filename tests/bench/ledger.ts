// What keys, limits and the ledger cost: the CPU time that they add to a call, what a million rows take to be reported, and what more of them
// take to be written. The program runs in
// this process, in front of an upstream in memory, with a real SQLite file. Variants take turns, so that whatever else the machine does meets
// all of them.
// Does not use the network, or leave a file behind.

import { mkdirSync, statSync } from "node:fs";
import process from "node:process";
import type { KeyRules } from "../../src/access/client-key.ts";
import type { Store, UsageDimension, UsageRow } from "../../src/access/store.ts";
import { openStore } from "../../src/access/stores/stores.ts";
import { readConfig } from "../../src/config/config.ts";
import { uuidAt } from "../../src/gateway/headers.ts";
import { compose, type Program } from "../../src/program.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { unpack } from "../../src/runtime/unpack.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { keyRecord, usageRow } from "../support/stored.ts";
import { measureLag, type LagResult } from "./loop-lag.ts";
import { pause } from "./measure.ts";
import { LIMITS } from "./scenarios.ts";

const KEY = "bench-client-key";
const ADMITS_ALL: Partial<KeyRules> = {
  requestsPerMinute: 1e9,
  tokensPerMinute: 1e12,
  parallel: 1000,
  budgets: [{ amount: 1e9, unit: "usd", period: "day" }],
};
/** `over`: which one it is compared with. */
const VARIANTS = [
  { name: "LEDGER=off, INSPECT=off", ledger: "off", inspect: "off", rules: {}, over: 0, maxUs: null },
  { name: "inspector, headers", ledger: "off", inspect: "headers", rules: {}, over: 0, maxUs: LIMITS.inspectedUs },
  { name: "ledger, a key without limits", ledger: "on", inspect: "headers", rules: {}, over: 1, maxUs: LIMITS.unlimitedUs },
  {
    name: "ledger, a key with requests, tokens, budget, parallel",
    ledger: "on",
    inspect: "headers",
    rules: ADMITS_ALL,
    over: 1,
    maxUs: LIMITS.limitedUs,
  },
] as const;
/** Longer than what is gathered waits to be written. */
const WRITTEN_MS = 150;
/** Rounds in which the engine still optimizes, on threads whose time counts here: 5 seconds in all, most of it for a call of a key with limits. */
const WARM_UP = 40;

export interface LedgerResult {
  readonly variant: string;
  readonly clients: number;
  /** Microseconds, the least of all rounds. */
  readonly cpuUs: number;
  /** Over the variant that it is compared with. */
  readonly addedUs: number;
  /** The bar for that. Null: there is none. */
  readonly maxUs: number | null;
}

export interface ReportResult {
  readonly report: string;
  readonly cpuMs: number;
}

export interface LedgerOptions {
  readonly folder: string;
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

const after = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

async function storeIn(folder: string): Promise<Store> {
  mkdirSync(folder, { recursive: true });
  const lost = (reason: string): void => {
    throw new Error(reason);
  };
  const store = openStore("sqlite:", { dataDir: folder, isRequired: true }, { after, lost });
  await store.ready;
  return store;
}

// ---- Calls -------------------------------------------------------------------------------------------------------

const ANSWER = JSON.stringify({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-sonnet-5",
  content: [{ type: "text", text: "Hello there. ".repeat(20) }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 20, output_tokens: 80, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
});
const ASKED = JSON.stringify({ model: "claude-sonnet-5", max_tokens: 1000, messages: [{ role: "user", content: "Say hello." }] });

interface Variant {
  readonly program: Program;
  readonly store: Store;
}

async function startVariant(folder: string, { ledger, inspect, rules }: (typeof VARIANTS)[number]): Promise<Variant> {
  const store = await storeIn(folder);
  const record = keyRecord("env-1", { hash: null });
  await store.insertKey({ ...record, rules: { ...record.rules, budgets: null, ...rules } });
  const environment = { FACTORY_API_KEY: "fk-bench-factory-key", PROXY_API_KEY: KEY, LEDGER: ledger, INSPECT: inspect };
  const program = compose(
    readConfig({ environment, arguments: [], file: () => null, redactor: new Redactor([]) }),
    {
      fetch: () => Promise.resolve(new Response(ANSWER, { headers: { "content-type": "application/json" } })),
      after,
      soon: (callback) => void setImmediate(callback),
      now: Date.now,
      monotonic: () => performance.now(),
      random: Math.random,
      newId: () => uuidAt(Date.now(), crypto.randomUUID()),
      sha256: runtime.sha256,
      store,
      unpack,
      sink: () => {},
      logFormat: "json",
    },
    { version: "bench", runtime: runtime.name },
  );
  await program.ring.opening;
  return { program, store };
}

async function call({ program }: Variant, session: string): Promise<void> {
  // Real clients say how long their request is, which spares the gateway a slower way.
  const headers = {
    "x-api-key": KEY,
    "content-type": "application/json",
    "content-length": String(ASKED.length),
    "x-claude-code-session-id": session,
  };
  const response = await program.fetch(new Request("http://gateway.test/v1/messages", { method: "POST", headers, body: ASKED }));
  const text = await response.text();
  if (response.status !== 200) throw new Error(`A call was answered with ${response.status}: ${text}`);
  // The sockets of a server are looked at in turns.
  await new Promise((resolve) => setImmediate(resolve));
}

/** Microseconds for a call, with all that it leaves to be done behind it. */
async function round(variant: Variant, { calls, clients }: { readonly calls: number; readonly clients: number }): Promise<number> {
  const before = process.cpuUsage();
  let left = calls;
  const client = async (index: number): Promise<void> => {
    while (left-- > 0) await call(variant, `session-${index}`);
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  await pause(WRITTEN_MS);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

export async function measureCalls({ folder, rounds, progress }: LedgerOptions): Promise<LedgerResult[]> {
  const variants = await Promise.all(VARIANTS.map((variant, index) => startVariant(`${folder}/calls-${index}`, variant)));
  const results: LedgerResult[] = [];
  for (const clients of [1, 16]) {
    const least = VARIANTS.map(() => Infinity);
    for (let turn = -WARM_UP; turn < rounds; turn++) {
      progress(`${clients} at once, round ${Math.max(0, turn + 1)} of ${rounds}`);
      for (const place of variants.keys()) {
        // None comes always after the same one.
        const index = (place + turn + WARM_UP) % variants.length;
        const variant = variants[index];
        if (variant === undefined) continue;
        const cpuUs = await round(variant, { calls: 1000, clients });
        if (turn >= 0) least[index] = Math.min(least[index] ?? Infinity, cpuUs);
      }
    }
    for (const [index, { name, over, maxUs }] of VARIANTS.entries()) {
      const cpuUs = least[index] ?? 0;
      results.push({ variant: name, clients, cpuUs, addedUs: cpuUs - (least[over] ?? 0), maxUs });
    }
  }
  for (const { program, store } of variants) {
    await program.drain();
    await store.close();
  }
  return results;
}

// ---- Rows --------------------------------------------------------------------------------------------------------

const YEAR_MS = 365 * 86_400_000;
const END_MS = Date.UTC(2026, 10, 28);
const MODELS = ["claude-sonnet-5", "claude-opus-4-5", "gpt-5.5", "glm-5.2", "gemini-3-pro"];
const CLIENTS = ["claude-code", "codex", "opencode"];
const CALLS_A_SESSION = 50;
const SESSIONS_AT_ONCE = 20;
const KEYS = 20;

/** By report: what it asks for, in which zone. */
const REPORTS: Readonly<Record<string, { readonly by: readonly UsageDimension[]; readonly zone: string }>> = {
  daily: { by: ["day", "model"], zone: "UTC" },
  monthly: { by: ["month", "model"], zone: "UTC" },
  models: { by: ["model"], zone: "UTC" },
  keys: { by: ["key", "model"], zone: "UTC" },
  session: { by: ["session", "model"], zone: "UTC" },
  "daily --zone Asia/Shanghai": { by: ["day", "model"], zone: "Asia/Shanghai" },
  "daily --zone Asia/Kolkata": { by: ["day", "model"], zone: "Asia/Kolkata" },
  blocks: { by: ["hour", "model"], zone: "UTC" },
};

/** A year of calls at all hours, of sessions that run beside each other, each with a key, client and model of its own. */
function* rowsOf(count: number): Generator<UsageRow> {
  for (let index = 0; index < count; index++) {
    const generation = Math.floor(index / (SESSIONS_AT_ONCE * CALLS_A_SESSION));
    const session = generation * SESSIONS_AT_ONCE + (index % SESSIONS_AT_ONCE);
    const model = MODELS[session % MODELS.length] ?? null;
    const atMs = Math.floor(END_MS - YEAR_MS + (index / count) * YEAR_MS);
    const id = uuidAt(atMs, crypto.randomUUID());
    yield usageRow(id, {
      atMs,
      requestId: id,
      session: `00000000-0000-4000-8000-${String(session).padStart(12, "0")}`,
      key: `key-${(session * 7) % KEYS}`,
      client: CLIENTS[session % CLIENTS.length] ?? null,
      modelAsked: model,
      modelServed: model,
      finish: index % 4 === 0 ? "end" : "tool",
      inputTokens: index % 100_000,
    });
  }
}

export interface RowsResult {
  readonly rows: number;
  readonly bytesPerRow: number;
  readonly reports: readonly ReportResult[];
  /** While more is written. */
  readonly lag: LagResult;
}

const LAG_MS = 20_000;

export async function measureRows(rows: number, { folder, rounds, progress }: LedgerOptions): Promise<RowsResult> {
  const place = `${folder}/rows`;
  const store = await storeIn(place);
  progress(`${rows} rows`);
  let batch: UsageRow[] = [];
  for (const row of rowsOf(rows)) {
    batch.push(row);
    if (batch.length < 1000) continue;
    await store.append(batch);
    batch = [];
  }
  await store.append(batch);
  const reports: ReportResult[] = [];
  for (const [report, { by, zone }] of Object.entries(REPORTS)) {
    let cpuMs = Infinity;
    for (let turn = 0; turn < rounds; turn++) {
      progress(`usage ${report}`);
      const before = process.cpuUsage();
      await store.sums({ by, zone, sinceMs: null, untilMs: null, key: null, session: null, client: null, model: null });
      const { user, system } = process.cpuUsage(before);
      cpuMs = Math.min(cpuMs, (user + system) / 1000);
    }
    reports.push({ report, cpuMs });
  }
  await store.close();
  const { size } = statSync(`${place}/factory-proxy.db`);
  return { rows, bytesPerRow: size / rows, reports, lag: await lagIn(place, progress) };
}

async function lagIn(place: string, progress: LedgerOptions["progress"]): Promise<LagResult> {
  progress("event loop");
  const store = await storeIn(place);
  const lag = await measureLag(store, { ms: LAG_MS, rules: ADMITS_ALL, after });
  await store.close();
  return lag;
}
