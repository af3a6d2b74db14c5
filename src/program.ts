// Wires all parts of the program behind one function that answers requests.
// Does not read the environment, listen, or touch the outside world other than through its ports.

import { GatewayError } from "./errors.ts";
import { createApp } from "./http/app.ts";
import { storeView } from "./http/store-view.ts";
import { metricsPage, type MetricsPage } from "./http/metrics.ts";
import { WrongKeys } from "./http/admin/wrong-keys.ts";
import type { CurrentParts } from "./http/admin/administration.ts";
import { LiveStreams } from "./http/admin/live-stream.ts";
import { isPublicPath, linkPath } from "./http/admin/routes.ts";
import { Sessions } from "./http/admin/sessions.ts";
import { lazySite, siteSettings } from "./http/admin/site-loader.ts";
import type { Site } from "./http/admin/site.ts";
import { BodyMemory } from "./gateway/body-memory.ts";
import { Attempts } from "./gateway/retry.ts";
import { isLoopback, type Config } from "./config/config.ts";
import { secretsOf } from "./config/secrets.ts";
import { createObservation, type Observation } from "./gateway/observation.ts";
import { createGateway, type Gateway, type GatewaySettings } from "./gateway/gateway.ts";
import { CallViews } from "./gateway/call-views.ts";
import { Inspector, type OwnCalls } from "./gateway/inspection.ts";
import { LiveCalls } from "./gateway/live-calls.ts";
import { ledgerObserver } from "./gateway/usage-row.ts";
import { Sockets } from "./gateway/socket.ts";
import { sendByFetch } from "./upstream/http-fetch.ts";
import { keyIds } from "./upstream/key-ids.ts";
import { KeyPool } from "./upstream/key-pool.ts";
import { ANONYMOUS, Keys } from "./access/keys.ts";
import { KeyRing } from "./access/key-ring.ts";
import { createAdmission } from "./access/admission.ts";
import { Limiter } from "./access/limiter.ts";
import { quotaJson, QuotaReports, type QuotaReport } from "./access/quota-report.ts";
import { reportAccount } from "./access/account-report.ts";
import { Concurrency } from "./access/concurrency.ts";
import { openLog, type Log } from "./telemetry/log.ts";
import { Redactor } from "./telemetry/redaction.ts";
import type { Pool } from "./models/catalog.ts";
import { Models, type Target } from "./models/models.ts";
import { priceOf, type Cost } from "./models/price.ts";
import type { Usage } from "./protocol/canonical.ts";
import type { Fetch } from "./runtime/ports.ts";
import { ledgerOf } from "./program/ledger.ts";
import { planOf, type Plan } from "./program/plan.ts";
import type { Facts, World } from "./program/world.ts";
import { createUpstream, type SizeLimits } from "./upstream/upstream.ts";

export interface Program {
  readonly fetch: Fetch;
  /** The largest frame of a WebSocket; the connection of a larger one is closed without an answer. */
  readonly maxFrameBytes: number;
  /** The log as currently configured: read it each time. */
  readonly log: Log;
  /** The client keys. */
  readonly ring: KeyRing;
  /** The running calls, and what is kept of the latest ones. */
  readonly calls: OwnCalls;
  /** A path with a token that signs a browser in to the dashboard once. Null: only ADMIN_KEY signs in, or there is no dashboard. */
  readonly signInPath: () => string | null;
  /**
   * Applies a configuration to requests from now on; running calls keep theirs. Variables that need a restart according to variables.ts must be
   * unchanged.
   */
  readonly reload: (config: Config) => void;
  /** Accepts no new calls; resolves when the running ones have ended. */
  readonly drain: () => Promise<void>;
  /** Ends each running call at once, with an error in its protocol and its log line. */
  readonly endCalls: () => void;
}

const MEBIBYTE = 1024 * 1024;

/** For a call without an answer when the server has to stop. */
const CUT_OFF = { headers: { "retry-after": "5" } };

/** All WebSockets together may remember this many of the largest bodies. */
const REMEMBERED_BODIES = 4;
/** At most this fraction of MAX_BODY_MEMORY, in characters. */
const REMEMBERED_SHARE = 4;

/** Limits on what one answer may make the gateway hold. */
const LIMITS: SizeLimits = { maxEventLength: 64 * MEBIBYTE, maxReplyBytes: 256 * MEBIBYTE };

/** Somewhat more than a body may have, so that a body that is slightly too large gets an error that says so. */
export function maxFrameBytesOf({ maxBodyBytes }: Pick<Config, "maxBodyBytes">): number {
  return 2 * maxBodyBytes;
}

/** `config.proxyKeys` must not be empty unless each client brings its own Factory key. */
export function compose(config: Config, world: World, facts: Facts): Program {
  const lasting = lastingParts(config, world, () => current);
  const { ring, concurrency, sockets, limiter, ledger, running } = lasting;
  const observation = observationOf(config, { lasting, world, facts }, () => current);
  const metrics = metricsOf({ observation, world }, () => current);
  const site = siteOf({ lasting, world, facts }, () => current);
  let current = assemble(config, { lasting, world, facts, site, observation, metrics, before: null });
  observation.start();
  limiter?.start();
  ledger?.start();
  return {
    // Until the store is open, nobody knows which keys count.
    fetch: (request, connection) =>
      ring.opening === null ? current.app(request, connection) : ring.opening.then(() => current.app(request, connection)),
    maxFrameBytes: maxFrameBytesOf(config),
    get log() {
      return current.log;
    },
    ring,
    calls: lasting.calls,
    signInPath: () => (current.config.ui && isLocal(current.config, world) ? linkPath(lasting.sessions.makeLink()) : null),
    reload(next) {
      const before = current;
      current = assemble(next, { lasting, world, facts, site, observation, metrics, before });
      ring.takeNamed(next.proxyKeys);
      if (current.plan.quota !== before.plan.quota) before.plan.quota.stop();
    },
    async drain() {
      current.plan.quota.stop();
      lasting.streams.closeAll();
      await Promise.all([concurrency.drain(), sockets.drain()]);
      await limiter?.close();
      await ledger?.stop();
      await observation.stop();
    },
    endCalls: () => running.endAll(new GatewayError("stopped", "The server stopped before the answer was complete.", CUT_OFF)),
  };
}

/** The parts that live as long as the process, across configurations. */
type Lasting = ReturnType<typeof lastingParts>;

/** The parts made from one configuration. */
interface Assembly {
  readonly config: Config;
  readonly app: Fetch;
  readonly gateway: Gateway;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly plan: Plan;
  /** What an administrator sees of it. */
  readonly administered: CurrentParts;
}

function lastingParts(config: Config, world: World, current: () => Assembly) {
  const { store, now, monotonic, newId, sha256, after, background = after, soon } = world;
  const { storeDown, maxBodyBytes, maxBodyMemory } = config;
  const ledger = ledgerOf(config, world, (event, fields) => current().log.warning(event, fields));
  // An open WebSocket outlives a configuration; each of its requests is a call of its own.
  const gateway: Gateway = {
    answer: (call) => current().gateway.answer(call),
    explain: (call) => current().gateway.explain(call),
    warmUp: (call) => current().gateway.warmUp(call),
    refuse: (call, error) => current().gateway.refuse(call, error),
  };
  const keepAliveMs = (): number | null => current().config.keepAliveMs;
  const sessions = new Sessions({ store: store ?? null, now, random: randomBytes, sha256 });
  const streams = new LiveStreams(background);
  const bodyMemory = new BodyMemory(maxBodyMemory);
  const running = new LiveCalls({ now, after: background });
  const inspector = new Inspector(() => current().config);
  const calls: OwnCalls = {
    live: () => running.live(),
    watch: (listener) => running.watch(listener),
    cancel: (id) => running.cancel(id),
    waiting: (id) => ledger?.waiting(id) ?? null,
    inspection: (id) => inspector.inspection(id),
    isInspected: (id) => inspector.isInspected(id),
  };
  return {
    startedMs: now(),
    running,
    inspector,
    calls,
    views: new CallViews({ own: calls, peers: world.peers ?? null, after: background }),
    ring: new KeyRing({ named: config.proxyKeys, store: store ?? null, storeDown }, { sha256, now, after: background }),
    keyId: keyIds(sha256),
    // For these, each configuration has its own limits and keys, on shared counts and key rests.
    concurrency: new Concurrency({ maxCalls: null, maxCallsPerKey: null }),
    bodyMemory,
    pool: new KeyPool([], monotonic),
    // Conversations that the plan's guard has admitted.
    admitted: new Set<string>(),
    limiter: store === undefined ? null : new Limiter({ store, now, newId, after: background, soon }, { storeDown, ledger: config.ledger }),
    ledger,
    sockets: new Sockets(
      { after, newId, gateway, bodyMemory },
      {
        limits: LIMITS,
        keepAliveMs,
        // What sockets hold between two calls must leave room for the calls.
        maxRemembered: Math.min(REMEMBERED_BODIES * maxBodyBytes, (maxBodyMemory ?? Infinity) / REMEMBERED_SHARE),
      },
    ),
    store: storeView(store, config),
    sessions,
    streams,
  };
}

/** Reads the current configuration at each use. */
function siteOf({ lasting, world, facts }: Pick<Surroundings, "lasting" | "world" | "facts">, current: () => Assembly): Site {
  const { ring, views: calls, sessions, streams, concurrency, startedMs } = lasting;
  const { store = null, operator = null, now, monotonic, after, newId, sha256, unpack } = world;
  const parts = { store, ring, calls, sessions, streams, operator, now, monotonic, after, newId, sha256, unpack };
  return lazySite({
    ...parts,
    random: randomBytes,
    facts: { ...facts, replica: world.replica ?? newId().slice(0, REPLICA_LENGTH), startedMs },
    current: () => current().administered,
    settings: () => siteSettings(current().config, isLocal(current().config, world)),
    isDraining: () => concurrency.isDraining,
    failed: (error, requestId) => current().log.error("admin request failed", { requestId, error }),
  });
}

/** Reads the current names, keys and plan at each use. */
function observationOf(
  config: Config,
  { lasting, world, facts }: Pick<Surroundings, "lasting" | "world" | "facts">,
  current: () => Assembly,
): Observation {
  const { running, ring, limiter, ledger, startedMs } = lasting;
  const { fetch, random, store = null, now, monotonic, after, background = after, newId, peers = null, figures = () => null } = world;
  return createObservation(
    {
      running,
      ring,
      limiter,
      ledger,
      store,
      figures,
      peers,
      facts,
      fetch,
      random,
      now,
      monotonic,
      newId,
      startedMs,
      after: background,
      known: {
        isModel: (name) => current().administered.models.knows(name),
        isKey: (name) => name === ANONYMOUS || ring.has(name),
      },
      plan: () => {
        const {
          config: { upstreamKey },
          plan,
        } = current();
        return upstreamKey === null ? null : plan.quota.known(upstreamKey);
      },
      report: (event, fields) => current().log.warning(event, fields),
    },
    config.otlp,
  );
}

function metricsOf(
  { observation, world }: { readonly observation: Observation; readonly world: World },
  current: () => Assembly,
): MetricsPage {
  return metricsPage({
    text: observation.text,
    keys: () => [current().config.metricsKey, current().config.adminKey].filter((key) => key !== null),
    isLocal: () => isLocal(current().config, world),
    web: () => current().config,
    wrongKeys: new WrongKeys(world.now),
    sha256: world.sha256,
  });
}

const REPLICA_LENGTH = 8;

function isLocal({ host }: Config, world: World): boolean {
  return world.isLocal?.() ?? isLoopback(host);
}

function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

interface Surroundings {
  readonly lasting: Lasting;
  readonly world: World;
  readonly facts: Facts;
  readonly site: Site;
  readonly observation: Observation;
  readonly metrics: MetricsPage;
  /** The parts of the previous configuration. Null: this is the first. */
  readonly before: Assembly | null;
}

function assemble(config: Config, { lasting, world, facts, site, observation, metrics, before }: Surroundings): Assembly {
  const { now, newId, sha256, after } = world;
  // Calls that began under an earlier configuration may still print its secrets.
  const redactor = (before?.redactor ?? new Redactor([])).with(secretsOf(config));
  const log = openLog({ level: config.logLevel, format: config.logFormat ?? world.logFormat, sink: world.sink, now, redactor });
  const { upstreamKey, anonymous, corsOrigins, allowedHosts } = config;
  const { running, inspector, ring, limiter, ledger, keyId, sockets, store, startedMs } = lasting;
  const keys = new Keys({ ring, upstreamKey, anonymous, web: { corsOrigins, allowedHosts }, adminKey: config.adminKey }, sha256);
  const models = new Models({ endpoints: config.endpoints, models: config.models });
  const concurrency = lasting.concurrency.within({ maxCalls: config.maxCalls, maxCallsPerKey: config.maxCallsPerKey });
  const userAgent = `factory-proxy/${facts.version}`;
  const plan = planOf(config, world, { keyId, admitted: lasting.admitted, userAgent, before: before?.plan ?? null });
  const { quotaGuardModel } = config;
  if (quotaGuardModel !== null && !models.knows(quotaGuardModel)) log.warning("unknown QUOTA_GUARD_MODEL", { model: quotaGuardModel });
  const ports = {
    ...world,
    quota: plan.quota,
    guard: plan.guard,
    running,
    inspector,
    bodyMemory: lasting.bodyMemory.within(config.maxBodyMemory),
    models,
    attempts: attemptsOf(config, { lasting, world }),
    limiter,
    log,
    redactor,
    observers: [...(ledger === null ? [] : [ledgerObserver(ledger)]), ...observation.observers],
    tracing: observation.tracing,
    admission: createAdmission({ keys, concurrency, limiter }),
    priceOf: (target: Target, usage: Usage): Cost => priceOf(target, usage, config),
    keyId,
  };
  const gateway = createGateway(ports, gatewaySettings(config, userAgent));
  const quotaOf = quotaReportsOf(world, { models, plan, upstreamKey });
  const app = createApp(
    {
      gateway,
      sockets,
      keys,
      models,
      mayUse: (caller, { id }) => limiter?.modelRule(caller)?.(models.ruled(id)) ?? true,
      store,
      quota: (caller) => quotaOf(caller.upstreamKey),
      metrics,
      site: (incoming) => (config.ui || isPublicPath(incoming.path) ? site(incoming) : null),
      account: (caller, dates) => reportAccount(caller, dates, { store: world.store ?? null, limiter, ring, now }),
      isDraining: () => concurrency.isDraining,
      now,
      after,
      newId,
    },
    { ...facts, startedMs, corsOrigins, maxHeaderBytes: config.maxHeaderBytes, webSocket: config.webSocket, ui: config.ui },
  );
  return { config, app, gateway, log, redactor, plan, administered: administeredOf(config, models, quotaOf) };
}

function administeredOf(
  { inspect, proxyKeys, upstreamKey }: Config,
  models: Models,
  quotaOf: (key: string) => Promise<QuotaReport>,
): CurrentParts {
  return {
    models,
    inspect,
    named: proxyKeys.map(({ name }) => name),
    quota: upstreamKey === null ? null : async () => quotaJson(await quotaOf(upstreamKey)),
  };
}

function gatewaySettings(config: Config, userAgent: string): GatewaySettings {
  const { systemPrompt, promptCache, defaultMaxTokens, strict, lenient, maxBodyBytes, upstreamHeaders } = config;
  const { keepAliveMs, keepAliveNonStreaming, bodyTimeoutMs } = config;
  const prompting = { systemPrompt, promptCache, defaultMaxTokens, strict, lenient };
  return { ...prompting, maxBodyBytes, bodyTimeoutMs, upstreamHeaders, keepAliveMs, keepAliveNonStreaming, limits: LIMITS, userAgent };
}

interface ReportParts extends Pick<Config, "upstreamKey"> {
  readonly models: Models;
  readonly plan: Plan;
}

/** Reports what is left of the plan behind a Factory key. */
function quotaReportsOf({ store, now }: World, { models, plan, upstreamKey }: ReportParts): (key: string) => Promise<QuotaReport> {
  // The rows of clients with their own Factory keys concern other plans.
  const ownLedger = upstreamKey === null ? null : (store ?? null);
  const poolOf = (name: string): Pool | null => (models.knows(name) ? models.entry(name).pool : null);
  const reports = new QuotaReports({ store: ownLedger, now, poolOf });
  return async (key) => reports.report(await plan.quota.read(key));
}

function attemptsOf(config: Config, { lasting, world }: Pick<Surroundings, "lasting" | "world">): Attempts {
  const timeouts = {
    connectMs: config.connectTimeoutMs,
    firstByteMs: config.firstByteTimeoutMs,
    idleMs: config.idleTimeoutMs,
    totalMs: config.totalTimeoutMs,
  };
  const { fetch, now, monotonic, after, random, unpack } = world;
  const send = world.send ?? sendByFetch({ fetch, now: monotonic });
  const upstream = createUpstream({ send, unpack, after, now: monotonic }, { timeouts, limits: LIMITS });
  return new Attempts(
    { upstream, pool: lasting.pool.of(config.upstreamKeys), after, now, random },
    { retries: config.retries, budgetMs: config.retryBudgetMs, retryLost: config.retryLost },
  );
}
