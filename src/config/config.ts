// Reads the configuration from the environment, the command line and files, which are passed in as values: one frozen Config, or every fault
// at once. What can be set is listed in variables.ts.
// Never reads the environment or a file itself, and never shows a secret.

import type { LogLevel } from "../errors.ts";
import { isObject, parseOrUndefined, type Json } from "../wire/json.ts";
import type { Redactor } from "../telemetry/redaction.ts";
import type { Endpoints, ModelSetting } from "../models/catalog.ts";
import type { ProtocolId } from "../protocol/canonical.ts";
import { withOwnPath } from "../protocol/own-path.ts";
import { keysOf, type KeysConfig } from "./keys.ts";
import { readModelTable } from "./model-table.ts";
import { parseNetwork, type Network } from "./networks.ts";
import { observingOf, type ObservingConfig } from "./observing.ts";
import { quotaOf, type QuotaConfig } from "./quota.ts";
import type { Fault, Settings } from "./settings.ts";
import { readSettings, readText, type ConfigSource } from "./source.ts";
import { ENDPOINT_PATHS, VARIABLES, type VariableName } from "./variables.ts";

export type { Fault } from "./settings.ts";

export interface Config extends KeysConfig, QuotaConfig, ObservingConfig {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Number of processes; null: one for each core. */
  readonly workers: number | null;
  /** Who needs no client key: nobody, or callers on this machine. */
  readonly anonymous: "off" | "loopback";
  /** Absolute http(s) URLs. */
  readonly endpoints: Endpoints;
  /** Null: no system prompt is added. */
  readonly systemPrompt: string | null;
  /** `auto`: where a client marks nothing for caching and the provider needs a mark, the prompt gets one. */
  readonly promptCache: "auto" | "off";
  /** Limit in tokens for a Messages request that sets none; null: the model's own limit. */
  readonly defaultMaxTokens: number | null;
  /** Headers that are added to every upstream request, or replace its own; lower-case names. */
  readonly upstreamHeaders: Readonly<Record<string, string>>;
  readonly logLevel: LogLevel;
  /** What is kept of the latest calls for the inspector. */
  readonly inspect: "off" | "headers" | "bodies";
  /** Limit on what is kept, in bytes. */
  readonly inspectBytes: number;
  /** Names of client keys whose calls are not recorded. */
  readonly inspectExcept: readonly string[];
  readonly maxBodyBytes: number;
  /** Limit on the bytes of all request bodies, and what is made of them; null: no limit. */
  readonly maxBodyMemory: number | null;
  /** How long nothing of a request's body may come; null: no limit. */
  readonly bodyTimeoutMs: number | null;
  /** How long a connection may take for the head of its next request; null: no limit. */
  readonly headTimeoutMs: number | null;
  /** The most open connections; null: no limit. */
  readonly maxConnections: number | null;
  /** Answers 400 where a conversion would drop something and report it in a header. */
  readonly strict: boolean;
  /** Repairs and sends what a conversion would refuse with 400. */
  readonly lenient: boolean;
  /** How long running answers may go on after a signal to stop; 0 ends them at once. */
  readonly shutdownTimeoutMs: number;
  /** Until the upstream's host accepts a connection; null: no limit. */
  readonly connectTimeoutMs: number | null;
  /** Until the first byte of an answer; null: no limit. */
  readonly firstByteTimeoutMs: number | null;
  /** Silence between two bytes of an answer; null: no limit. */
  readonly idleTimeoutMs: number | null;
  /** Until the answer is complete; null: no limit. */
  readonly totalTimeoutMs: number | null;
  /** Further attempts after the first; 0: none. */
  readonly retries: number;
  readonly retryBudgetMs: number;
  readonly retryLost: boolean;
  /** How long a stream may be silent before the client gets a keep-alive; null: no keep-alives. */
  readonly keepAliveMs: number | null;
  /** Whether a late non-streaming answer begins with white space, under a status 200 that may turn out to be wrong. */
  readonly keepAliveNonStreaming: boolean;
  /** Concurrent calls; null: no limit. */
  readonly maxCalls: number | null;
  readonly maxCallsPerKey: number | null;
  readonly maxHeaderBytes: number;
  /** Whether /v1/responses accepts WebSockets. */
  readonly webSocket: boolean;
  /** Origins of web pages, as browsers send them. */
  readonly corsOrigins: readonly string[];
  /** Names of this machine besides localhost; lower case, without a port. */
  readonly allowedHosts: readonly string[];
  /** Whether the dashboard and the admin API are on. */
  readonly ui: boolean;
  /** Reverse proxies that are trusted to say where a visitor of the dashboard comes from. */
  readonly trustedProxies: readonly Network[];
  /** `sqlite:`, `sqlite:<path>`, `postgres://...` or `memory:`. Secret where it holds a password. */
  readonly databaseUrl: string;
  /** Null: the platform's usual folder for data. */
  readonly dataDir: string | null;
  /** Whether calls of known keys go on while the database can't be reached. */
  readonly storeDown: "serve" | "refuse";
  /** Whether a usage row is kept for every call. */
  readonly ledger: boolean;
  /** How long rows are kept; null: for ever. */
  readonly ledgerDays: number | null;
  /** By how many percent fewer credits a token costs when it is read from a cache. */
  readonly cacheDiscountPercent: number;
  /** Additional rows for the model table. */
  readonly models: readonly ModelSetting[];
}

/** The configuration can't be used. `message` lists every fault on a line of its own; it and the faults are safe to show. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** With each value quoted and shortened, or hidden where any of it may be a key. */
  readonly faults: readonly Fault[];

  /** The only way from input to output, so that no fault bypasses it. */
  constructor(faults: readonly Fault[], redactor: Redactor) {
    const shown = faults.map((fault) => shownFault(fault, redactor));
    super(
      shown
        .map(({ name, value, problem }) => `${name}${value === null ? "" : ` (${value})`} ${problem}${problem.endsWith("?") ? "" : "."}`)
        .join("\n"),
    );
    this.faults = shown;
  }
}

function shownFault({ name, value, problem }: Fault, redactor: Redactor): Fault {
  const shownName = redactor.typed(name);
  if (shownName === null) return { name: "A name", value: HIDDEN, problem: redactor.text(problem) };
  return { name: shownName, value: value === null ? null : quoted(redactor.typed(value)), problem: redactor.text(problem) };
}

function quoted(typed: string | null): string {
  if (typed === null) return HIDDEN;
  return JSON.stringify(typed.length > SHOWN_CHARACTERS ? `${typed.slice(0, SHOWN_CHARACTERS)}…` : typed);
}

const HIDDEN = "not shown, as it may hold a key";
const SHOWN_CHARACTERS = 60;

const MAX_PORT = 65_535;
const MOST_WORKERS = 256;
const MOST_DAYS = 36_500;
const MOST_CALLS = 1_000_000;
const MOST_TOKENS = 10_000_000;
const KIBIBYTE = 1024;
const BODY_RANGE = { min: KIBIBYTE, max: 256 * KIBIBYTE ** 2 };
/** The memory assumed for a machine that does not report it, in bytes. */
const UNKNOWN_MEMORY = 2 * KIBIBYTE ** 3;

const HOST_NAME = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|(?=.*:.*:)[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?)$/;
const BRACKETS = /^\[(.*)\]$/;
const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|::ffff:127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/i;

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Headers that this program or the connection sets itself. */
const OWN_HEADERS: ReadonlySet<string> = new Set(
  (
    "authorization connection content-length host keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer " +
    "transfer-encoding upgrade"
  ).split(" "),
);

/** Reads everything, including `.env`. @throws ConfigError with every fault. */
export function readConfig(source: ConfigSource): Config {
  const { settings } = readSettings(source);
  const base = baseOf(settings);
  const endpoints = endpointsOf(settings, base);
  const config: Config = {
    ...addressOf(settings),
    workers: settings.text("WORKERS").toLowerCase() === "auto" ? null : settings.wholeNumber("WORKERS", { min: 1, max: MOST_WORKERS }),
    ...keysOf(settings),
    anonymous: settings.oneOf("ANONYMOUS", ["off", "loopback"]),
    endpoints,
    systemPrompt: settings.text("SYSTEM_PROMPT").trim() === "" ? null : settings.text("SYSTEM_PROMPT"),
    promptCache: settings.oneOf("PROMPT_CACHE", ["auto", "off"]),
    defaultMaxTokens: settings.wholeNumber("DEFAULT_MAX_TOKENS", { min: 0, max: MOST_TOKENS }) || null,
    upstreamHeaders: headersOf(settings),
    logLevel: settings.oneOf("LOG_LEVEL", ["info", "debug", "warning", "error"]),
    inspect: settings.oneOf("INSPECT", ["headers", "off", "bodies"]),
    inspectBytes: settings.bytes("INSPECT_BYTES", { min: KIBIBYTE ** 2, max: 4 * KIBIBYTE ** 3 }),
    inspectExcept: settings.list("INSPECT_EXCEPT"),
    maxBodyBytes: settings.bytes("MAX_BODY_BYTES", BODY_RANGE),
    maxBodyMemory: settings.share("MAX_BODY_MEMORY", () => source.memoryBytes?.() ?? UNKNOWN_MEMORY),
    bodyTimeoutMs: settings.limit("BODY_TIMEOUT"),
    headTimeoutMs: settings.limit("HEADER_TIMEOUT"),
    maxConnections: settings.wholeNumber("MAX_CONNECTIONS", { min: 0, max: MOST_CALLS }) || null,
    ...strictnessOf(settings),
    shutdownTimeoutMs: settings.duration("SHUTDOWN_TIMEOUT"),
    connectTimeoutMs: settings.limit("UPSTREAM_CONNECT_TIMEOUT"),
    firstByteTimeoutMs: settings.limit("UPSTREAM_FIRST_BYTE_TIMEOUT"),
    idleTimeoutMs: settings.limit("UPSTREAM_IDLE_TIMEOUT"),
    totalTimeoutMs: settings.limit("UPSTREAM_TOTAL_TIMEOUT"),
    retries: settings.wholeNumber("RETRIES", { min: 0, max: 10 }),
    retryBudgetMs: settings.duration("RETRY_BUDGET"),
    retryLost: settings.isOn("RETRY_LOST"),
    keepAliveMs: settings.limit("KEEP_ALIVE_INTERVAL"),
    keepAliveNonStreaming: settings.isOn("KEEP_ALIVE_WHOLE"),
    maxCalls: settings.wholeNumber("MAX_CALLS", { min: 0, max: MOST_CALLS }) || null,
    maxCallsPerKey: settings.wholeNumber("MAX_CALLS_PER_KEY", { min: 0, max: MOST_CALLS }) || null,
    maxHeaderBytes: settings.bytes("MAX_HEADER_BYTES", { min: KIBIBYTE, max: KIBIBYTE ** 2 }),
    webSocket: settings.oneOf("WEBSOCKET", ["on", "off"]) === "on",
    corsOrigins: originsOf(settings),
    allowedHosts: hostsOf(settings),
    ui: settings.oneOf("UI", ["on", "off"]) === "on",
    trustedProxies: networksOf(settings),
    databaseUrl: databaseOf(settings),
    dataDir: settings.given("DATA_DIR"),
    storeDown: settings.oneOf("STORE_DOWN", ["serve", "refuse"]),
    ledger: settings.oneOf("LEDGER", ["on", "off"]) === "on",
    ledgerDays: settings.wholeNumber("LEDGER_DAYS", { min: 0, max: MOST_DAYS }) || null,
    cacheDiscountPercent: settings.wholeNumber("CACHE_DISCOUNT", { min: 0, max: 100 }),
    ...quotaOf(settings, { base, endpoints }),
    ...observingOf(settings),
    models: modelsOf(source, settings),
  };
  if (config.anonymous !== "off" && config.upstreamKey === null) {
    settings.fault("ANONYMOUS", "needs FACTORY_API_KEY, because a caller without a key brings no Factory key either");
  }
  if (settings.faults.length > 0) throw new ConfigError(settings.faults, source.redactor.with(settings.secrets));
  return frozen(config);
}

function modelsOf(source: ConfigSource, settings: Settings): ModelSetting[] {
  const path = settings.given("CONFIG_PATH");
  if (path === null) return [];
  const { text, problem } = readText(source, path);
  if (problem !== null) settings.fault("CONFIG_PATH", problem);
  return text === null ? [] : readModelTable(text, { settings, nameFaults: source.nameFaults ?? (() => []) });
}

/** Whether only programs on this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

function addressOf(settings: Settings): Pick<Config, "host" | "port"> {
  const host = settings.text("HOST").replace(BRACKETS, "$1");
  if (!HOST_NAME.test(host))
    settings.fault("HOST", "must be an address or a host name to listen on, without a scheme or a port, e.g. 127.0.0.1, ::1 or 0.0.0.0");
  return { host, port: settings.wholeNumber("PORT", { min: 0, max: MAX_PORT }) };
}

function originsOf(settings: Settings): string[] {
  return settings.list("CORS_ORIGINS").flatMap((text) => {
    const origin = ORIGIN.exec(text)?.[1];
    // Browsers write the origins of web pages in only one way; origins of programs are compared as they are.
    if (origin !== undefined && (!WEB_SCHEME.test(text) || (URL.canParse(text) && new URL(text).origin === origin))) return [origin];
    settings.fault(
      "CORS_ORIGINS",
      "must be origins separated by commas, each with a scheme, a host and its port if it has one, e.g. http://localhost:3000",
    );
    return [];
  });
}

const ORIGIN = /^([a-z][a-z\d+.-]*:\/\/[^\s/?#@\\*]*)\/?$/i;
const WEB_SCHEME = /^(?:https?|wss?|ftp):/i;

function hostsOf(settings: Settings): string[] {
  const hosts = settings.list("ALLOWED_HOSTS").map((host) => host.toLowerCase());
  if (hosts.every((host) => ALLOWED_HOST.test(host))) return hosts;
  settings.fault("ALLOWED_HOSTS", "must be host names separated by commas, without a scheme or a port, e.g. llm.example.org");
  return [];
}

/** In the form of a Host header, where an IPv6 address has brackets. */
const ALLOWED_HOST = /^(?:[a-z\d_](?:[\w.-]{0,252})|\[[\da-f:.]+\])$/;

function networksOf(settings: Settings): Network[] {
  return settings.list("TRUSTED_PROXIES").flatMap((text) => {
    const network = parseNetwork(text);
    if (network !== null) return [network];
    settings.fault("TRUSTED_PROXIES", "must be IP addresses or networks separated by commas, e.g. 127.0.0.1,10.0.0.0/8,fd00::/8");
    return [];
  });
}

function baseOf(settings: Settings): string {
  return (settings.url("FACTORY_BASE_URL") ?? VARIABLES.FACTORY_BASE_URL.default).replace(/\/+$/, "");
}

function endpointsOf(settings: Settings, base: string): Endpoints {
  if (base.includes("?")) settings.fault("FACTORY_BASE_URL", "must be a URL without a query, because paths are appended to it");
  const given = (name: VariableName, protocol: ProtocolId): string | null => {
    const url = settings.url(name);
    // A faulty one is "".
    return url === null || url === "" ? url : withOwnPath(url, protocol);
  };
  const messages = given("ANTHROPIC_TARGET_URL", "anthropic-messages") ?? base + ENDPOINT_PATHS.messages;
  return {
    messages,
    responses: given("OPENAI_TARGET_URL", "openai-responses") ?? base + ENDPOINT_PATHS.responses,
    chat: given("CHAT_TARGET_URL", "openai-chat") ?? base + ENDPOINT_PATHS.chat,
    gemini: given("GEMINI_TARGET_URL", "gemini") ?? base + ENDPOINT_PATHS.gemini,
    bedrock: given("BEDROCK_TARGET_URL", "anthropic-messages") ?? messages,
  };
}

function headersOf(settings: Settings): Record<string, string> {
  const text = settings.given("UPSTREAM_HEADERS");
  const value = text === null ? {} : parseOrUndefined(text);
  if (!isObject(value)) {
    settings.fault("UPSTREAM_HEADERS", 'must be a JSON object of header names and values, e.g. {"x-name": "value"}');
    return {};
  }
  const headers: Record<string, string> = {};
  for (const [name, header] of Object.entries(value)) {
    const key = name.toLowerCase();
    const problem = headerProblem(key, header, headers);
    if (problem !== null) settings.faults.push({ name: `${JSON.stringify(name)} in UPSTREAM_HEADERS`, value: null, problem });
    else if (typeof header === "string") headers[key] = header.trim();
  }
  return headers;
}

function headerProblem(name: string, value: Json, known: Readonly<Record<string, string>>): string | null {
  if (!HEADER_NAME.test(name)) return "is not a valid header name";
  if (OWN_HEADERS.has(name)) return "can't be set, because this program or the connection sets it";
  if (Object.hasOwn(known, name)) return "is set twice";
  if (typeof value !== "string" || !HEADER_VALUE.test(value)) return "must be a string without line breaks";
  return null;
}

function databaseOf(settings: Settings): string {
  const address = settings.text("DATABASE_URL");
  const isPostgres = POSTGRES.test(address) && URL.canParse(address);
  if (!isPostgres && address !== "memory:" && !address.startsWith("sqlite:")) {
    settings.fault("DATABASE_URL", "must be sqlite:, sqlite:<path>, memory: or a URL that begins with postgres://");
  }
  return address;
}

const POSTGRES = /^postgres(?:ql)?:\/\//;

function strictnessOf(settings: Settings): Pick<Config, "strict" | "lenient"> {
  const strict = settings.isOn("STRICT");
  const lenient = settings.isOn("LENIENT");
  if (strict && lenient) settings.fault("LENIENT", "can't be combined with STRICT: one repairs what the other rejects");
  return { strict, lenient };
}

function frozen<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === "object" && member !== null) frozen(member);
  return Object.freeze(value);
}
