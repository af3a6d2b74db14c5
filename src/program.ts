// Wires all parts of the program behind one function that answers requests.
// Never does: read the environment, listen, or touch the outside world other than through its ports.

import { GatewayError } from "./errors.ts";
import { createApp, type StoreView } from "./http/app.ts";
import { BodyMemory } from "./gateway/body-memory.ts";
import { RunningCalls } from "./gateway/call.ts";
import { Attempts } from "./gateway/retry.ts";
import type { Config } from "./config/config.ts";
import type { ConnectionPorts } from "./upstream/connection.ts";
import { createGateway } from "./gateway/gateway.ts";
import { ledgerObserver } from "./gateway/usage-row.ts";
import { Sockets } from "./gateway/socket.ts";
import { keyIds } from "./upstream/key-ids.ts";
import { KeyPool } from "./upstream/key-pool.ts";
import { Keys } from "./access/keys.ts";
import { KeyRing, type Sha256 } from "./access/key-ring.ts";
import { createAdmission } from "./access/admission.ts";
import { Limiter } from "./access/limiter.ts";
import { Quota } from "./access/quota.ts";
import { QuotaGuard } from "./access/quota-guard.ts";
import { QuotaReports } from "./access/quota-report.ts";
import { reportAccount } from "./access/account-report.ts";
import { Ledger, type Spill } from "./access/ledger.ts";
import { Concurrency } from "./access/concurrency.ts";
import type { Store } from "./access/store.ts";
import { openLog, type Log } from "./telemetry/log.ts";
import { Redactor } from "./telemetry/redaction.ts";
import type { Pool } from "./models/catalog.ts";
import { Models, type Target } from "./models/models.ts";
import { priceOf, type Cost } from "./models/price.ts";
import type { Usage } from "./protocol/canonical.ts";
import type { After, Fetch, Unpack } from "./runtime/ports.ts";
import { createUpstream, type SizeLimits } from "./upstream/upstream.ts";

export interface World extends Pick<ConnectionPorts, "fetch" | "sender" | "reader" | "dial" | "after"> {
  /** As `after`, for what comes back again and again: it keeps no process from its end. Absent: `after`. */
  readonly background?: After;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  /** Calls back when what has come in by now has been looked at. Absent: at once. */
  readonly soon?: (callback: () => void) => void;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** A UUID. */
  readonly newId: () => string;
  readonly sha256: Sha256;
  /** Absent: there are no keys but those of the configuration, and nothing is remembered. */
  readonly store?: Store;
  /** Where usage rows wait while the store is away. Absent: few wait, in memory. */
  readonly spill?: Spill;
  /** Undoes what a client, or an upstream, compressed. */
  readonly unpack: Unpack;
  /** Gets each log line. */
  readonly sink: (line: string) => void;
  readonly logFormat: "text" | "json";
}

export interface Facts {
  readonly version: string;
  readonly runtime: string;
}

export interface Program {
  readonly fetch: Fetch;
  /** Of a WebSocket; what is larger is not worth an answer. */
  readonly maxFrameBytes: number;
  readonly log: Log;
  /** The client keys. */
  readonly ring: KeyRing;
  /** Takes no new calls from now on; resolves when the running ones have ended. */
  readonly drain: () => Promise<void>;
  /** Ends each running call at once, with an error in its protocol and its log line. */
  readonly endCalls: () => void;
}

const LIKELY_SECRET_LENGTH = 16;
const MEBIBYTE = 1024 * 1024;

/** For a call that has not begun to be answered when the server has to stop. */
const CUT_OFF = { headers: { "retry-after": "5" } };

/** How many of the largest bodies all WebSockets together may remember. */
const REMEMBERED_BODIES = 4;
/** And how small a part of MAX_BODY_MEMORY that may be at most, in characters. */
const REMEMBERED_SHARE = 4;

/** What one answer may make the gateway hold. */
const LIMITS: SizeLimits = { maxEventLength: 64 * MEBIBYTE, maxReplyBytes: 256 * MEBIBYTE };

/** `config.proxyKeys` must not be empty unless each client brings its own Factory key. */
export function compose(config: Config, world: World, facts: Facts): Program {
  const { now, newId, sha256 } = world;
  // Headers and addresses of the operator's own may hold keys under names that nobody knows.
  const addresses = [...Object.values(config.endpoints), ...config.models.flatMap(({ target }) => target ?? [])];
  const queryValues = addresses.flatMap((url) => [...new URL(url).searchParams.values()]);
  const password = URL.canParse(config.databaseUrl) ? new URL(config.databaseUrl).password : "";
  const likelySecrets = [...Object.values(config.upstreamHeaders), ...queryValues, password].filter(
    (value) => value.length >= LIKELY_SECRET_LENGTH,
  );
  const redactor = new Redactor([...config.proxyKeys.map(({ key }) => key), ...config.upstreamKeys, ...likelySecrets]);
  const log = openLog({ level: config.logLevel, format: world.logFormat, sink: world.sink, now, redactor });
  const { proxyKeys, upstreamKey, anonymous, corsOrigins, allowedHosts } = config;
  const { background = world.after } = world;
  const ring = new KeyRing({ named: proxyKeys, store: world.store ?? null }, { sha256, now, after: background });
  const keys = new Keys({ ring, upstreamKey, anonymous, web: { corsOrigins, allowedHosts } }, sha256);
  const models = new Models({ endpoints: config.endpoints, models: config.models });
  const timeouts = {
    connectMs: config.connectTimeoutMs,
    firstByteMs: config.firstByteTimeoutMs,
    idleMs: config.idleTimeoutMs,
    totalMs: config.totalTimeoutMs,
  };
  const upstream = createUpstream({ ...world, now: world.monotonic }, { timeouts, limits: LIMITS });
  const attempts = new Attempts(
    { upstream, pool: new KeyPool(config.upstreamKeys, world.monotonic), after: world.after, now, random: world.random },
    { retries: config.retries, budgetMs: config.retryBudgetMs, retryLost: config.retryLost },
  );
  const concurrency = new Concurrency({ maxCalls: config.maxCalls, maxCallsPerKey: config.maxCallsPerKey });
  const { systemPrompt, promptCache, defaultMaxTokens, strict, lenient, maxBodyBytes, upstreamHeaders } = config;
  const { keepAliveMs, keepAliveNonStreaming, bodyTimeoutMs } = config;
  const prompting = { systemPrompt, promptCache, defaultMaxTokens, strict, lenient };
  const userAgent = `factory-proxy/${facts.version}`;
  const running = new RunningCalls();
  const bodyMemory = new BodyMemory(config.maxBodyMemory);
  const { store } = world;
  const limiter =
    store === undefined
      ? null
      : new Limiter({ store, now, newId, after: background, soon: world.soon }, { storeDown: config.storeDown, ledger: config.ledger });
  limiter?.start();
  const ledger = ledgerOf(config, world, log);
  ledger?.start();
  const keyId = keyIds(sha256);
  const { quota, guard } = planOf(config, world, { keyId, userAgent });
  const { quotaGuardModel } = config;
  if (quotaGuardModel !== null && !models.knows(quotaGuardModel)) log.warning("unknown QUOTA_GUARD_MODEL", { model: quotaGuardModel });
  const ports = {
    ...world,
    quota,
    guard,
    running,
    bodyMemory,
    models,
    attempts,
    limiter,
    log,
    redactor,
    observers: ledger === null ? [] : [ledgerObserver(ledger)],
    admission: createAdmission({ keys, concurrency, limiter }),
    priceOf: (target: Target, usage: Usage): Cost => priceOf(target, usage, config),
    keyId,
  };
  const gateway = createGateway(ports, {
    ...prompting,
    maxBodyBytes,
    bodyTimeoutMs,
    upstreamHeaders,
    keepAliveMs,
    keepAliveNonStreaming,
    limits: LIMITS,
    userAgent,
  });
  const settings = { corsOrigins, maxHeaderBytes: config.maxHeaderBytes, webSocket: config.webSocket };
  // What sockets hold between two calls must leave room for these.
  const maxRemembered = Math.min(REMEMBERED_BODIES * maxBodyBytes, (config.maxBodyMemory ?? Infinity) / REMEMBERED_SHARE);
  const sockets = new Sockets({ ...world, gateway, bodyMemory }, { limits: LIMITS, keepAliveMs, maxRemembered });
  // The rows of clients with keys of their own are about other plans.
  const ownLedger = upstreamKey === null ? null : (store ?? null);
  const poolOf = (name: string): Pool | null => (models.knows(name) ? models.entry(name).pool : null);
  const reports = new QuotaReports({ store: ownLedger, now, poolOf });
  const app = createApp(
    {
      gateway,
      sockets,
      keys,
      models,
      store: storeView(world.store, config),
      quota: async (caller) => reports.report(await quota.read(caller.upstreamKey)),
      account: (caller, dates) => reportAccount(caller, dates, { store: store ?? null, limiter, ring, now }),
      isDraining: () => concurrency.isDraining,
      now,
      after: world.after,
      newId,
    },
    { ...facts, ...settings },
  );
  // While the store is being opened nobody knows whose keys count.
  const fetch: Fetch = (request, connection) =>
    ring.opening === null ? app(request, connection) : ring.opening.then(() => app(request, connection));
  const drain = async (): Promise<void> => {
    quota.stop();
    await Promise.all([concurrency.drain(), sockets.drain()]);
    await limiter?.close();
    await ledger?.stop();
  };
  const endCalls = (): void =>
    running.endAll(new GatewayError("overloaded", "The server stopped before the answer was complete.", CUT_OFF));
  // What is not much larger than a body may be gets an error that says so.
  return { fetch, maxFrameBytes: 2 * maxBodyBytes, log, ring, drain, endCalls };
}

/** How it stands with the store, which counts as starting until it has been reached once. Null: there is none. */
function storeView(store: Store | undefined, { storeDown }: Config): () => StoreView | null {
  if (store === undefined) return () => null;
  let hasBeenReached = false;
  store.ready.then(
    () => (hasBeenReached = true),
    () => {},
  );
  return () => {
    const isReachable = store.state() === "ready";
    return { kind: store.kind, isReachable, isUsable: hasBeenReached && (isReachable || storeDown === "serve") };
  };
}

interface Plan {
  readonly quota: Quota;
  /** Null: the plan is used until it is used up. */
  readonly guard: QuotaGuard | null;
}

function planOf(
  { quotaUrl: url, quotaIntervalMs: everyMs, quotaGuardPercent: percent, quotaGuardModel: model, upstreamHeaders }: Config,
  { fetch, store, now, after, random }: World,
  { keyId, userAgent }: { readonly keyId: (key: string) => string; readonly userAgent: string },
): Plan {
  const headers = { "user-agent": userAgent, "x-factory-client": "cli", ...upstreamHeaders };
  const quota = new Quota({ fetch, store: store ?? null, now, after, random, keyId }, { url, everyMs, headers });
  return { quota, guard: percent === null ? null : new QuotaGuard(quota, { percent, model, now }) };
}

/** Null: no rows are kept, or there is nowhere to keep them. */
function ledgerOf({ ledger, ledgerDays }: Config, { store, spill, after, background = after, now }: World, log: Log): Ledger | null {
  if (!ledger || store === undefined) return null;
  const report = (event: string, fields: Readonly<Record<string, unknown>>): void => log.warning(event, fields);
  return new Ledger(
    { store, spill: spill ?? null, after: background, now, report },
    { keepMs: ledgerDays === null ? null : ledgerDays * DAY_MS },
  );
}

const DAY_MS = 24 * 3_600_000;
