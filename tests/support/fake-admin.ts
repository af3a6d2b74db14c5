// An administrator's view of a made-up gateway, for the pages: plenty of varied values, the same each time, with hostile texts among them.

import { GatewayError } from "../../src/errors.ts";
import type {
  Admin,
  BudgetView,
  HealthView,
  KeyView,
  KeyWordsJson,
  ModelView,
  RequestQuery,
  RequestView,
  SettingView,
  UsageCounts,
  UsageRequest,
  UsageView,
} from "../../src/http/admin/admin.ts";
import type { LiveCall, LiveEvent } from "../../src/gateway/live-calls.ts";
import { CATALOG } from "../../src/models/catalog.ts";

/** Texts that would do harm if a page took them for HTML, for a script or for a formula. */
export const HOSTILE = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "'-alert(1)-'",
  "</title></textarea><svg/onload=alert(1)>",
  "javascript:alert(1)",
  '=HYPERLINK("http://evil.example","x")',
  "\u202Etxt.exe\u0000",
  "{{constructor.constructor('alert(1)')()}}",
  "名字 <b>粗体</b> & 'quotes'",
  "a".repeat(300),
] as const;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export interface FakeAdmin extends Admin {
  /** Tells every watcher. */
  tell(event: LiveEvent): void;
  /** What was done, in order: `cancel live-1`. */
  readonly done: readonly string[];
}

export interface FakeWorld {
  /** Unix time in milliseconds. */
  readonly nowMs: number;
  /** Rows of the ledger. */
  readonly calls: number;
  /** Whether names and texts of clients are hostile. */
  readonly isHostile: boolean;
  readonly store?: "sqlite" | "postgres";
}

/** Numbers from 0 up to 1, the same ones for the same seed. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

const MODELS = ["claude-opus-5", "claude-sonnet-5", "claude-haiku-4-5-20251001", "gpt-5.6-sol", "glm-5.2", "gemini-3.5-pro"];
const KEYS = ["alice", "bob", "ci", "design-team", "env-1"];
const CLIENTS = ["claude-code", "codex", "gemini-cli", "openai-python", "cline"];

export function fakeAdmin({ nowMs, calls, isHostile, store = "sqlite" }: FakeWorld): FakeAdmin {
  const roll = dice(calls + 7);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(roll() * items.length)] as Item;
  const iso = (ms: number): string => new Date(ms).toISOString();
  const text = (plain: string): string => (isHostile && roll() < 0.4 ? pick(HOSTILE) : plain);
  const rows = Array.from({ length: calls }, (_one, at) => requestRow(at, { nowMs, roll, pick, text, iso }));
  const listeners = new Set<(event: LiveEvent) => void>();
  const done: string[] = [];
  const keys = new Map(keyViews({ nowMs, iso, isHostile }).map((key) => [key.name, key]));

  const existing = (name: string): KeyView => {
    const key = keys.get(name);
    if (key === undefined) throw new GatewayError("not-found", `There is no key "${name}".`);
    return key;
  };
  const keep = (key: KeyView): KeyView => {
    keys.set(key.name, key);
    return key;
  };
  const live = liveCalls({ nowMs, iso, isHostile, count: calls === 0 ? 0 : 6 });
  const counts = (chosen: readonly RequestView[]): UsageCounts => countsOf(chosen);

  return {
    done,
    tell: (event) => {
      for (const listener of listeners) listener(event);
    },
    live: () =>
      Promise.resolve({
        replica: isHostile ? HOSTILE[0] : "gateway-1",
        calls: live,
        minute: Array.from({ length: 60 }, (_one, at) =>
          calls === 0
            ? { calls: 0, errors: 0, outputTokens: 0 }
            : { calls: (at * 7) % 5, errors: at % 17 === 3 ? 1 : 0, outputTokens: (at * 131) % 900 },
        ),
      }),
    watch: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    running: (id) => {
      const call = live.find((one) => one.id === id);
      return Promise.resolve(call === undefined ? null : { call, inspection: null });
    },
    cancel: (id) => {
      done.push(`cancel ${id}`);
      return Promise.resolve(live.some((call) => call.id === id));
    },
    requests: (query) => {
      const found = rows.filter((row) => fits(row, query, nowMs));
      const from = query.cursor === null ? 0 : Number(query.cursor);
      const next = from + query.limit;
      const running = query.cursor === null && query.status === null ? live.toReversed() : [];
      return Promise.resolve({ running, rows: found.slice(from, next), next: next < found.length ? String(next) : null });
    },
    request: (id) => {
      const request = rows.find((row) => row.id === id);
      return Promise.resolve(request === undefined ? null : { request, inspection: null, price: null });
    },
    usage: (query) => Promise.resolve(usageView(rows, query, { counts, nowMs })),
    quota: () => Promise.resolve(quotaPage(nowMs, iso)),
    keys: () => Promise.resolve([...keys.values()]),
    key: (name) => Promise.resolve(keys.get(name) ?? null),
    addKey: ({ name, ...words }) => {
      done.push(`add ${name}`);
      if (keys.has(name)) throw new GatewayError("invalid-request", `There is a key "${name}" already.`);
      const record = keep({ ...keyView(name, { nowMs, iso }), ...worded(words) });
      return Promise.resolve({ key: "fp-test0000000000000000000000000000", record });
    },
    changeKey: (name, words) => {
      done.push(`change ${name} ${JSON.stringify(words)}`);
      const key = existing(name);
      const state = words.off === undefined ? key.state : words.off ? "off" : "on";
      return Promise.resolve(keep({ ...key, ...worded(words), state }));
    },
    rotateKey: (name, { grace }) => {
      done.push(`rotate ${name} ${grace ?? ""}`);
      return Promise.resolve({ key: "fp-test1111111111111111111111111111", record: existing(name) });
    },
    raiseKey: (name, { amount, until }) => {
      done.push(`raise ${name} ${amount} ${until ?? ""}`);
      const key = existing(name);
      return Promise.resolve(keep({ ...key, raises: [...key.raises, { amount, until: until ?? iso(nowMs + DAY_MS) }] }));
    },
    removeKey: (name) => {
      done.push(`remove ${name}`);
      existing(name);
      keys.delete(name);
      return Promise.resolve();
    },
    models: () => modelViews(isHostile),
    health: () => healthView({ nowMs, iso, isHostile, store }),
    doctor: () =>
      Promise.resolve({
        at: iso(nowMs),
        checks: [
          { id: "host.clock", state: "ok", what: "The clock is 12 ms from Factory's.", why: null, fix: null },
          {
            id: "network.dns",
            state: "warn",
            what: isHostile ? HOSTILE[1] : "The name resolves in 2.1 seconds.",
            why: "Each new connection waits for it.",
            fix: "Use a resolver that is nearer.",
          },
          {
            id: "keys.factory",
            state: "fail",
            what: "Factory refuses the key.",
            why: "Every call fails.",
            fix: "Set FACTORY_API_KEY anew.",
          },
          { id: "request.live", state: "skip", what: "No call was sent.", why: null, fix: null },
        ],
      }),
    reload: () => {
      done.push("reload");
      return { changed: ["MODEL_FILE"], needRestart: ["PORT"], fault: null };
    },
    playgroundKey: () => Promise.resolve({ key: "fp-playground", expires: iso(nowMs + HOUR_MS) }),
    signedOut: ({ id }) => {
      done.push(`signed out ${id}`);
      return Promise.resolve();
    },
  };
}

interface Making {
  readonly nowMs: number;
  readonly roll: () => number;
  readonly pick: <Item>(items: readonly Item[]) => Item;
  readonly text: (plain: string) => string;
  readonly iso: (ms: number) => string;
}

function requestRow(at: number, { nowMs, roll, pick, text, iso }: Making): RequestView {
  const asked = pick(MODELS);
  const isFallback = roll() < 0.05;
  const isBad = roll() < 0.08;
  const inputTokens = Math.floor(roll() * 9_000);
  const cacheReadTokens = Math.floor(roll() * 60_000);
  const outputTokens = Math.floor(roll() * 2_500);
  const status = isBad ? pick([400, 429, 502, 503, 529]) : 200;
  const firstByteMs = Math.floor(200 + roll() * 3_000);
  return {
    id: `c${String(at).padStart(7, "0")}`,
    at: iso(nowMs - at * 97_000 - Math.floor(roll() * 40_000)),
    requestId: text(`req-${at}`),
    key: text(pick(KEYS)),
    client: text(pick(CLIENTS)),
    session: roll() < 0.7 ? `session-${Math.floor(at / 40)}` : null,
    agent: null,
    route: "/v1/messages",
    protocol: "anthropic-messages",
    modelAsked: text(asked),
    modelServed: isBad ? null : isFallback ? "glm-5.2" : asked,
    provider: "anthropic",
    pool: "standard",
    factoryKey: "1f2e3d4c",
    status,
    finish: isBad
      ? pick(["error:rate-limited", "error:upstream-failed", "cut"])
      : pick(["end", "end", "tool", "tool", "length", "cancelled"]),
    streaming: true,
    admissionMs: 0,
    firstByteMs: isBad ? null : firstByteMs,
    totalMs: firstByteMs + Math.floor(roll() * 40_000),
    inputTokens: isBad ? null : inputTokens,
    cacheReadTokens: isBad ? null : cacheReadTokens,
    cacheWrite5mTokens: isBad ? null : 0,
    cacheWrite1hTokens: isBad ? null : 0,
    outputTokens: isBad ? null : outputTokens,
    reasoningTokens: isBad ? null : Math.floor(outputTokens / 3),
    source: "upstream",
    credits: isBad ? null : (inputTokens + outputTokens + cacheReadTokens / 10) * 2,
    usd: isBad || asked === "glm-5.2" ? null : (inputTokens * 5 + cacheReadTokens * 0.5 + outputTokens * 25) / 1e6,
    priceDate: "2026-11-28",
    tries: isFallback ? 2 : 1,
    fallback: isFallback ? asked : null,
    losses: roll() < 0.1 ? 2 : 0,
    isInspected: at < 500,
  };
}

function fits(row: RequestView, query: RequestQuery, nowMs: number): boolean {
  const same = (wanted: string | null, value: string | null): boolean => wanted === null || wanted === value;
  return (
    same(query.key, row.key) &&
    same(query.client, row.client) &&
    same(query.session, row.session) &&
    (query.model === null || query.model === row.modelServed || query.model === row.modelAsked) &&
    statusFits(query.status, row) &&
    (query.q === null || row.id.includes(query.q) || row.requestId.includes(query.q)) &&
    Date.parse(row.at) >= sinceMs(query.since, nowMs) &&
    (query.until === null || Date.parse(row.at) < Date.parse(query.until))
  );
}

function statusFits(wanted: string | null, { status, finish }: RequestView): boolean {
  const isBad = finish === "cut" || finish.startsWith("error:");
  if (wanted === null) return true;
  if (wanted === "ok") return !isBad;
  if (wanted === "error") return isBad;
  if (wanted === "cut" || wanted === "cancelled") return finish === wanted;
  return wanted.endsWith("xx") ? String(status).startsWith(wanted.slice(0, 1)) : String(status) === wanted;
}

const SPANS: Readonly<Record<string, number>> = { h: HOUR_MS, d: DAY_MS };

function sinceMs(since: string | null, nowMs: number): number {
  if (since === null) return 0;
  const [, count = "", unit = ""] = /^(\d+)([hd])$/.exec(since) ?? [];
  return count === "" ? Date.parse(since) : nowMs - Number(count) * (SPANS[unit] ?? 0);
}

function countsOf(rows: readonly RequestView[]): UsageCounts {
  const sum = (of: (row: RequestView) => number | null): number => rows.reduce((all, row) => all + (of(row) ?? 0), 0);
  const inputTokens = sum((row) => row.inputTokens);
  const cacheReadTokens = sum((row) => row.cacheReadTokens);
  const outputTokens = sum((row) => row.outputTokens);
  const input = inputTokens + cacheReadTokens;
  return {
    calls: rows.length,
    errors: rows.filter(({ finish }) => finish === "cut" || finish.startsWith("error:")).length,
    inputTokens,
    cacheReadTokens,
    cacheWriteTokens: 0,
    outputTokens,
    reasoningTokens: sum((row) => row.reasoningTokens),
    totalTokens: input + outputTokens,
    cacheHitRate: input === 0 ? null : cacheReadTokens / input,
    credits: sum((row) => row.credits),
    usd: rows.some(({ usd }) => usd !== null) ? sum((row) => row.usd) : null,
    unpriced: rows.filter(({ usd, status }) => usd === null && status === 200).length,
  };
}

interface Counting {
  readonly counts: (rows: readonly RequestView[]) => UsageCounts;
  readonly nowMs: number;
}

/** In UTC, whatever the zone. */
function usageView(rows: readonly RequestView[], query: UsageRequest, { counts, nowMs }: Counting): UsageView {
  const { by, split, zone } = query;
  const filter: RequestQuery = { ...query, status: null, q: null, cursor: null, limit: 1 };
  const chosen = rows.filter((row) => fits(row, filter, nowMs));
  const dimension = (row: RequestView, of: UsageRequest["by"] | NonNullable<UsageRequest["split"]>): string | null => {
    if (of === "hour") return row.at.slice(0, 13);
    if (of === "day") return row.at.slice(0, 10);
    if (of === "week") return iso8601Monday(row.at);
    if (of === "month") return row.at.slice(0, 7);
    return of === "model" ? (row.modelServed ?? row.modelAsked) : row[of];
  };
  const groups = Map.groupBy(chosen, (row) => JSON.stringify([dimension(row, by), split === null ? null : dimension(row, split)]));
  const lines = [...groups].map(([name, group]) => {
    const [own, other] = JSON.parse(name) as [string | null, string | null];
    return { name: own, split: other, ...counts(group) };
  });
  return { by, zone, lines: lines.toSorted((one, other) => ((one.name ?? "") < (other.name ?? "") ? -1 : 1)), totals: counts(chosen) };
}

function iso8601Monday(at: string): string {
  const day = new Date(at);
  return new Date(day.getTime() - ((day.getUTCDay() + 6) % 7) * DAY_MS).toISOString().slice(0, 10);
}

function quotaPage(nowMs: number, iso: (ms: number) => string): object {
  const window = (pool: string, name: string, [used, hours, full]: readonly [number | null, number | null, number | null]): object => ({
    pool,
    window: name,
    used_percent: used,
    resets_at: hours === null ? null : iso(nowMs + hours * HOUR_MS),
    forecast: used === null ? null : { full_at: full === null ? null : iso(nowMs + full * HOUR_MS) },
  });
  return {
    object: "quota",
    schema_version: 1,
    state: "works",
    reason: null,
    as_of: iso(nowMs - 20_000),
    plan: "max",
    windows: [
      window("standard", "5h", [72.4, 2.2, 1.1]),
      window("standard", "7d", [31, 76, null]),
      window("standard", "30d", [12.8, 411, null]),
      window("core", "5h", [0, null, null]),
      window("core", "7d", [100, 30, 0]),
      window("core", "30d", [null, null, null]),
    ],
    extra_usage: { allowed: true, balance_usd: 14.2 },
  };
}

interface Times {
  readonly nowMs: number;
  readonly iso: (ms: number) => string;
}

const NO_RULES = { models: null, rpm: null, tpm: null, parallel: null, budgets: null, soft: null, zone: null };

function keyView(name: string, { nowMs, iso }: Times, more: Partial<KeyView> = {}): KeyView {
  return {
    name,
    note: null,
    hint: "fp-a1…9z",
    created: iso(nowMs - 40 * DAY_MS),
    expires: null,
    firstUsed: iso(nowMs - 39 * DAY_MS),
    off: false,
    ...NO_RULES,
    raises: [],
    previousUntil: null,
    state: "on",
    kind: "stored",
    effective: { ...NO_RULES, ...more },
    budgetsNow: [],
    lastMinute: { requests: 0, tokens: 0 },
    running: 0,
    ...more,
  };
}

function keyViews({ nowMs, iso, isHostile }: Times & Pick<FakeWorld, "isHostile">): KeyView[] {
  const budget = (unit: BudgetView["unit"], period: BudgetView["period"], [used, amount, hours]: readonly number[]): BudgetView => ({
    unit,
    period,
    used: used ?? 0,
    amount: amount ?? 0,
    resetsAt: hours === undefined ? null : iso(nowMs + hours * HOUR_MS),
  });
  const times = { nowMs, iso };
  return [
    keyView("alice", times, {
      note: isHostile ? HOSTILE[0] : "Alice, laptop and desktop",
      models: ["claude-*", "!claude-opus-*", "@core"],
      rpm: 60,
      tpm: 400_000,
      parallel: 4,
      budgets: ["5usd/day", "60usd/month"],
      soft: "80:glm-5.2",
      zone: "Asia/Shanghai",
      budgetsNow: [budget("usd", "day", [4.21, 5, 7.3]), budget("usd", "month", [31.7, 60, 63])],
      lastMinute: { requests: 12, tokens: 88_400 },
      running: 2,
    }),
    keyView("bob", times, {
      note: isHostile ? HOSTILE[3] : "Bob (contractor)",
      expires: iso(nowMs + 12 * DAY_MS),
      budgets: ["20M-credits/week"],
      state: "spent",
      budgetsNow: [budget("credits", "week", [20_400_000, 20_000_000, 40])],
      raises: [{ amount: "5M-credits", until: iso(nowMs + 20 * HOUR_MS) }],
    }),
    keyView("ci", times, { budgets: ["500k-tokens/5h"], budgetsNow: [budget("tokens", "5h", [120_000, 500_000, 3.2])], parallel: 2 }),
    keyView("design-team", times, { off: true, state: "off", note: "Paused until January" }),
    keyView("old-laptop", times, { state: "expired", expires: iso(nowMs - 3 * DAY_MS), firstUsed: null }),
    keyView("env-1", times, { kind: "environment", hint: null }),
    keyView("default", times, { kind: "default", hint: null, rpm: 120, firstUsed: null }),
  ];
}

function worded(words: KeyWordsJson): Partial<KeyView> {
  const { note, expires, off, models, rpm, tpm, parallel, budgets, soft, zone } = words;
  const counts = Object.entries({ rpm, tpm, parallel }).filter(([, value]) => value !== undefined);
  const others = Object.entries({ note, expires, off, models, budgets, soft, zone }).filter(([, value]) => value !== undefined);
  return Object.fromEntries([...counts.map(([name, value]) => [name, value === null ? null : Number(value)] as const), ...others]);
}

function liveCalls({ nowMs, iso, isHostile, count }: Times & { readonly isHostile: boolean; readonly count: number }): LiveCall[] {
  const phases = ["streaming", "thinking", "waiting", "connecting", "admitted", "streaming"] as const;
  return Array.from({ length: count }, (_one, at): LiveCall => {
    const phase = phases[at % phases.length] ?? "waiting";
    const hasBegun = phase === "streaming" || phase === "thinking";
    return {
      id: `live-${at}`,
      requestId: `req-live-${at}`,
      startedAt: iso(nowMs - (count - at) * 7_400),
      key: KEYS[at % KEYS.length] ?? null,
      client: isHostile ? (HOSTILE[at % HOSTILE.length] ?? null) : (CLIENTS[at % CLIENTS.length] ?? null),
      session: null,
      protocol: at % 2 === 0 ? "anthropic-messages" : "openai-responses",
      upstreamProtocol: "anthropic-messages",
      modelAsked: isHostile ? (HOSTILE[(at + 1) % HOSTILE.length] ?? null) : at === 3 ? "gpt-4o" : (MODELS[at] ?? null),
      modelServed: MODELS[at] ?? null,
      streaming: true,
      phase,
      elapsedMs: (count - at) * 7_400,
      firstByteMs: hasBegun ? 812 + at * 97 : null,
      outputTokens: hasBegun ? 140 + at * 333 : 0,
      attempts: at === 2 ? 2 : 1,
    };
  });
}

function modelViews(isHostile: boolean): ModelView[] {
  return CATALOG.map(({ id, protocol, provider, pool, multiplier }, at) => ({
    id,
    aliases: isHostile && at === 2 ? [HOSTILE[0]] : at === 0 ? ["opus", "claude-opus"] : [],
    protocol,
    provider,
    pool,
    multiplier,
    contextTokens: at % 7 === 6 ? null : 200_000 * ((at % 3) + 1),
    outputTokens: at % 7 === 6 ? null : 64_000,
    inputModalities: at % 4 === 3 ? ["text"] : ["text", "image", "pdf"],
    price:
      at % 5 === 4
        ? null
        : { input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25, cacheWrite1h: 10, longContext: null, date: "2026-11-28" },
    fallback: at === 0 ? ["claude-sonnet-5", "glm-5.2"] : [],
  }));
}

function healthView({ nowMs, iso, isHostile, store }: Times & Required<Pick<FakeWorld, "isHostile" | "store">>): HealthView {
  const setting = (name: string, [value, source, help]: readonly [string, SettingView["source"], string], reload = false): SettingView => ({
    name,
    value,
    source,
    reload,
    help,
  });
  return {
    version: "0.1.0",
    runtime: "Bun 1.4.5",
    replica: isHostile ? HOSTILE[0] : "gateway-1",
    startedAt: iso(nowMs - 3 * DAY_MS - 4 * HOUR_MS),
    store: { kind: store, isReachable: true },
    inspect: "headers",
    settings: [
      setting("HOST", ["127.0.0.1", "default", "The address to listen on."]),
      setting("PORT", ["8000", "environment", "The port to listen on."]),
      setting("FACTORY_API_KEY", ["fk-…9z", "file", "The key for Factory's API."]),
      setting("MODEL_FILE", [isHostile ? HOSTILE[1] : "models.json", "environment", "Models, aliases and fallbacks."], true),
      setting("LOG_LEVEL", ["info", "command line", "debug, info, warning or error."], true),
      setting("SYSTEM_PROMPT", ["", "default", "Text that is put in front of every system prompt."], true),
    ],
  };
}
