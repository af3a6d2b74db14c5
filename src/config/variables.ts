// Everything that can be set, as a table, and texts made from it: the help on settings, .env.example, the README's table.
// Never reads a value; config.ts does.

import { wrapped } from "./wrapped.ts";

export interface Variable {
  readonly name: string;
  /** The default where the variable is unset or empty; "": none. */
  readonly default: string;
  /** The unit of a plain number. */
  readonly unit: "seconds" | null;
  readonly isSecret: boolean;
  /** Whether the value is used verbatim: surrounding spaces count, and "" is a value. */
  readonly isVerbatim: boolean;
  /** Whether a change applies to a running server, for calls that begin after it. */
  readonly reload: boolean;
  readonly help: string;
}

interface Traits {
  readonly unit?: "seconds";
  readonly isSecret?: boolean;
  readonly isVerbatim?: boolean;
  readonly reload?: boolean;
}

const SECRET: Traits = { isSecret: true };
const SECONDS: Traits = { unit: "seconds" };
const RESTART: Traits = { reload: false };
const BASE = "https://api.factory.ai";
/** Path of each endpoint below `FACTORY_BASE_URL`. */
export const ENDPOINT_PATHS = {
  messages: "/api/llm/a/v1/messages",
  responses: "/api/llm/o/v1/responses",
  chat: "/api/llm/o/v1/chat/completions",
  gemini: "/api/llm/g/v1/generate",
} as const;

export const VARIABLES = {
  FACTORY_API_KEY: variable(
    "",
    "Your Factory key (fk-..., from app.factory.ai/settings/api-keys), sent only to Factory. Without it, each client must send its own.",
    SECRET,
  ),
  FACTORY_API_KEYS: variable(
    "",
    "More Factory keys of the same organisation, separated by commas, to use while another is rejected or rate-limited.",
    SECRET,
  ),
  FACTORY_AI_TOKEN: variable("", "Another name for FACTORY_API_KEY, which wins if both are set.", SECRET),
  PROXY_API_KEY: variable(
    "",
    "The keys your clients send, separated by commas. Each may have a name: alice=secret. If there is a Factory key but no client key, here or made with `keys add`, each run makes a random key and prints it once.",
    SECRET,
  ),
  ANONYMOUS: variable(
    "off",
    "Who may call without a client key: off (nobody) or loopback (any program on this machine). Do not use loopback behind a reverse proxy on the same machine.",
  ),
  PORT: variable("8000", "The port to listen on; 0 picks a free one.", RESTART),
  HOST: variable("127.0.0.1", "The address to listen on. Any address that other machines can reach needs a client key.", RESTART),
  WORKERS: variable(
    "1",
    "How many processes share the port on Linux, or auto for one per core. They act as one server with exact key limits. MAX_BODY_MEMORY and INSPECT_BYTES are split between them; MAX_CALLS, MAX_CALLS_PER_KEY and MAX_CONNECTIONS apply to each.",
    RESTART,
  ),
  FACTORY_BASE_URL: variable(BASE, "The base URL of Factory's API. Organisations in the EU use https://api.eu.factory.ai."),
  ANTHROPIC_TARGET_URL: variable(
    BASE + ENDPOINT_PATHS.messages,
    "The full URL of the Messages endpoint; without a path it gets /v1/messages. The default follows FACTORY_BASE_URL.",
  ),
  OPENAI_TARGET_URL: variable(
    BASE + ENDPOINT_PATHS.responses,
    "The full URL of the Responses endpoint; without a path it gets /v1/responses. The default follows FACTORY_BASE_URL.",
  ),
  CHAT_TARGET_URL: variable(
    BASE + ENDPOINT_PATHS.chat,
    "The full URL of the Chat Completions endpoint; without a path it gets /v1/chat/completions. The default follows FACTORY_BASE_URL.",
  ),
  GEMINI_TARGET_URL: variable(
    BASE + ENDPOINT_PATHS.gemini,
    "The full URL of the Gemini endpoint; without a path it gets /v1beta/models/{model}:generateContent. The default follows FACTORY_BASE_URL.",
  ),
  BEDROCK_TARGET_URL: variable(
    BASE + ENDPOINT_PATHS.messages,
    "The full URL behind /bedrock/v1/messages. The default follows ANTHROPIC_TARGET_URL.",
  ),
  SYSTEM_PROMPT: variable(
    "You are Droid, an AI software engineering agent built by Factory.",
    "Text to put before the client's own instructions. An empty value turns this off.",
    { isVerbatim: true },
  ),
  PROMPT_CACHE: variable(
    "auto",
    "auto adds Claude's cache markers to agents' prompts when their client speaks another protocol and sends none; off leaves that to the client.",
  ),
  DEFAULT_MAX_TOKENS: variable(
    "0",
    "max_tokens for Claude, which requires it, when the client sends none; 0 means the largest value the model accepts.",
  ),
  UPSTREAM_HEADERS: variable(
    "",
    'Headers to add to requests to Factory, or to replace in them, as a JSON object: {"x-name": "value"}.',
    SECRET,
  ),
  CONFIG_PATH: variable("", "The path of the model file, a JSON file that changes or adds models."),
  STRICT: variable(
    "0",
    "1 rejects a request with 400 if converting it would drop something. Otherwise a response header names what was dropped.",
  ),
  LENIENT: variable("0", "1 repairs requests that conversion would otherwise reject with 400."),
  LOG_FORMAT: variable("auto", "json (one JSON object per line), text (for people), or auto: text on a terminal, JSON elsewhere."),
  LOG_LEVEL: variable("info", "debug (adds headers and bodies, with keys masked), info, warning or error."),
  MAX_BODY_BYTES: variable("64MiB", "The largest request body to accept, from 1KiB to 256MiB. A plain number is in bytes.", RESTART),
  MAX_BODY_MEMORY: variable(
    "25%",
    "How much memory all request bodies and their conversions may use at once: a size, or a percentage of the machine's or container's memory; 0 means no limit. Beyond it, large requests get 503 and small ones pass.",
  ),
  HEADER_TIMEOUT: variable(
    "15",
    "How long a connection may take to send the headers of its next request before it is closed; 0 means no limit. Bun gives a new connection 10 to 12 seconds.",
    { ...SECONDS, ...RESTART },
  ),
  MAX_CONNECTIONS: variable(
    "10000",
    "How many connections may be open at once on Deno; 0 means no limit. A new one replaces the one idle longest. Bun has no such limit.",
    RESTART,
  ),
  BODY_TIMEOUT: variable(
    "30",
    "How long a request body may pause, and how long one below 256 KiB may take in total; 0 means no limit.",
    SECONDS,
  ),
  UPSTREAM_CONNECT_TIMEOUT: variable(
    "10",
    "How long to wait for Factory's host to accept a connection, unless it answered within the last minute; 0 means no limit.",
    SECONDS,
  ),
  UPSTREAM_FIRST_BYTE_TIMEOUT: variable("600", "How long to wait for Factory to start an answer; 0 means no limit.", SECONDS),
  UPSTREAM_IDLE_TIMEOUT: variable("300", "How long an answer may pause once it has started; 0 means no limit.", SECONDS),
  UPSTREAM_TOTAL_TIMEOUT: variable("0", "How long a complete answer may take; 0 means no limit.", SECONDS),
  RETRIES: variable(
    "2",
    "How many times to retry a call if Factory is overloaded, rate-limits it or can't be reached; 0 turns retries off.",
  ),
  RETRY_BUDGET: variable(
    "4",
    "How long one call may wait for all its retries together. If Factory asks for a wait of more than 2 seconds, the client is told to wait.",
    SECONDS,
  ),
  RETRY_LOST: variable("0", "1 also retries when the connection broke after the request was sent. That request may be billed twice."),
  KEEP_ALIVE_INTERVAL: variable(
    "15",
    "How long a stream may be silent before the client gets a keep-alive; 0 turns keep-alives off.",
    SECONDS,
  ),
  KEEP_ALIVE_WHOLE: variable(
    "0",
    "1 sends white space while a non-streaming answer takes longer than KEEP_ALIVE_INTERVAL. Its status is then 200 even if the call fails.",
  ),
  MAX_CALLS: variable("5000", "How many calls may run at once; 0 means no limit."),
  MAX_CALLS_PER_KEY: variable("0", "How many calls with the same client key may run at once; 0 means no limit."),
  MAX_HEADER_BYTES: variable(
    "32KiB",
    "The largest total size of a request's headers, from 1KiB to 1MiB. Deno itself accepts no more than 64KiB.",
  ),
  WEBSOCKET: variable("on", "off answers WebSocket handshakes on /v1/responses with 426, so that Codex uses HTTP."),
  INSPECT: variable(
    "headers",
    "What the dashboard keeps of the latest 1,000 calls, only in memory: off (nothing), headers (headers with keys masked, sizes and times, but no prompts or answers; at most 50 calls per second that succeed at the first attempt) or bodies (prompts and answers too). A change discards what was kept.",
  ),
  INSPECT_BYTES: variable("64MiB", "How much memory INSPECT may use, from 1MiB to 4GiB. New calls replace the oldest."),
  INSPECT_EXCEPT: variable("", "Names of client keys whose calls INSPECT never keeps, separated by commas."),
  LEDGER: variable("on", "off records no calls, so the usage command has nothing to report. Budgets still count.", RESTART),
  LEDGER_DAYS: variable("400", "How many days to keep the record of each call; 0 means forever. Daily totals are always kept.", RESTART),
  CACHE_DISCOUNT: variable("90", "The discount in percent on credits for tokens read from a cache. Factory does not publish this."),
  QUOTA_INTERVAL: variable(
    "60",
    "How often to ask Factory what is left of your plan while there are calls; 0 means never. GET /quota and the quota command show the answer.",
    SECONDS,
  ),
  QUOTA_GUARD: variable(
    "off",
    "When a window of the plan is used to this percentage, e.g. 95, new conversations go to QUOTA_GUARD_MODEL, so that running ones can continue; off disables this.",
  ),
  QUOTA_GUARD_MODEL: variable(
    "",
    "The model that QUOTA_GUARD switches to. The default is the first Core model that the key may use; without one, the call is refused.",
  ),
  CORS_ORIGINS: variable(
    "",
    "Origins of web pages that may call this server, separated by commas, with any scheme: http://localhost:3000,app://obsidian.md.",
  ),
  ALLOWED_HOSTS: variable(
    "",
    "More host names, separated by commas, under which local programs may call without a client key and a local reverse proxy may reach the dashboard.",
  ),
  DATABASE_URL: variable(
    "sqlite:",
    "Where client keys, limits and usage are kept: sqlite: (a file in DATA_DIR), sqlite:<path>, postgres://<user>:<password>@<host>/<database>, which several servers may share, or memory:.",
    { ...SECRET, ...RESTART },
  ),
  DATA_DIR: variable(
    "",
    "The folder for the server's own files. The default is the platform's data folder: ~/.local/share/factory-proxy, ~/Library/Application Support/factory-proxy or %LOCALAPPDATA%\\factory-proxy.",
    RESTART,
  ),
  STORE_DOWN: variable(
    "serve",
    "What happens to calls while the database can't be reached: serve (known keys may call, with their last known limits) or refuse (503).",
    RESTART,
  ),
  ADMIN_KEY: variable(
    "",
    "The key for the dashboard at /ui and the admin API, at least 16 characters. It can't be used for calls. On a loopback address, `factory-proxy ui` signs you in without it; on any other address the dashboard is off until it is set.",
    SECRET,
  ),
  UI: variable("on", "off turns off the dashboard at /ui and the admin API."),
  TRUSTED_PROXIES: variable(
    "",
    "Addresses of reverse proxies, separated by commas, e.g. 127.0.0.1,10.0.0.0/8. The dashboard trusts their x-forwarded-for, x-forwarded-host and x-forwarded-proto.",
  ),
  METRICS_KEY: variable(
    "",
    "The key for GET /metrics (Prometheus), at least 16 characters; ADMIN_KEY works too. Without either, metrics are only for programs on this machine, and only from a server on a loopback address.",
    SECRET,
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: variable(
    "",
    "Where to send traces and metrics, as OTLP/JSON over HTTP, e.g. http://127.0.0.1:4318; /v1/traces and /v1/metrics are appended. Without it, nothing is sent.",
    RESTART,
  ),
  OTEL_EXPORTER_OTLP_HEADERS: variable("", "Headers to send with traces and metrics: name=value, separated by commas, %-escaped.", {
    ...SECRET,
    ...RESTART,
  }),
  OTEL_SERVICE_NAME: variable("factory-proxy", "The service name in traces and metrics.", RESTART),
  OTEL_RESOURCE_ATTRIBUTES: variable("", "More resource attributes, separated by commas: deployment.environment.name=test.", RESTART),
  OTEL_TRACES_SAMPLER: variable(
    "parentbased_always_on",
    "Which calls to trace: always_on, always_off, traceidratio, or one of these with the prefix parentbased_, which follows the client's traceparent.",
    RESTART,
  ),
  OTEL_TRACES_SAMPLER_ARG: variable("1", "The share of calls that traceidratio traces, from 0 to 1.", RESTART),
  OTEL_METRIC_EXPORT_INTERVAL: variable("60000", "Milliseconds between metric reports.", RESTART),
  OTEL_GENAI: variable(
    "both",
    "Names of the metrics about models: latest (gen_ai.client.inference.*), 1.41 (gen_ai.client.operation.* and gen_ai.client.token.usage, which most tools chart) or both.",
    RESTART,
  ),
  SHUTDOWN_TIMEOUT: variable("30", "How long running answers may continue after a stop signal; 0 ends them at once.", SECONDS),
} as const;

export type VariableName = keyof typeof VARIABLES;

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type of an object's keys is lost on the way
export const VARIABLE_NAMES = Object.keys(VARIABLES) as readonly VariableName[];

interface Option {
  readonly flag: string;
  /** The placeholder for its value in the help; null for a switch. */
  readonly value: string | null;
  /** The variable that it sets. */
  readonly variable: VariableName | null;
  readonly help: string;
}

export const OPTIONS: readonly Option[] = [
  { flag: "port", value: "number", variable: "PORT", help: "Sets PORT." },
  { flag: "host", value: "address", variable: "HOST", help: "Sets HOST." },
  { flag: "config", value: "path", variable: "CONFIG_PATH", help: "Sets CONFIG_PATH." },
  { flag: "env-file", value: "path", variable: null, help: "Reads variables from this file instead of .env." },
  { flag: "version", value: null, variable: null, help: "Prints the version." },
  { flag: "help", value: null, variable: null, help: "Prints this help." },
];

function variable(
  value: string,
  help: string,
  { unit, isSecret = false, isVerbatim = false, reload = true }: Traits = {},
): Omit<Variable, "name"> {
  return { default: value, unit: unit ?? null, isSecret, isVerbatim, reload, help };
}

function rows(): Variable[] {
  return Object.entries(VARIABLES).map(([name, row]) => ({
    name,
    ...row,
    help: row.reload ? row.help : `${row.help} Changes need a restart.`,
  }));
}

const INDENT = 6;

/** What `help settings` prints: all settings, those that a word names, or else those that mention it. "": none. */
export function settingsHelp(word: string): string {
  const all = rows();
  const wanted = word.toUpperCase();
  const named = all.filter(({ name }) => name === wanted);
  const chosen = named.length > 0 ? named : all.filter(({ name, help }) => `${name} ${help}`.toUpperCase().includes(wanted));
  const texts = chosen.map((row) =>
    [`  ${row.name}`, ...wrapped(row.help, INDENT), ...wrapped(`Default: ${shownDefault(row)}`, INDENT)].join("\n"),
  );
  return word === "" ? [SETTINGS_HEAD, "", ...texts].join("\n") : texts.join("\n");
}

const SETTINGS_HEAD = [
  "Settings are variables, in the environment or in a .env file. Options take precedence over the environment, and the environment over the file.",
  "Changes to the file take effect without a restart, unless a variable says otherwise. SIGHUP makes the server read it at once.",
]
  .flatMap((line) => wrapped(line))
  .join("\n");

/** The text of `.env.example`: every variable with its default, commented out except for the keys. */
export function envExample(): string {
  const blocks = rows().map((row) => {
    const unit = row.unit === null ? "" : ` In ${row.unit}.`;
    const line = `${row.name}=${row.isVerbatim ? JSON.stringify(row.default) : row.default}`;
    return `# ${row.help}${unit}\n${KEYS.has(row.name) ? "" : "#"}${line}\n`;
  });
  return [
    "# Settings of factory-proxy. Copy this file to .env and change what you need. Environment variables take precedence.",
    "# Commented lines show the defaults. Keep .env private: it contains keys.\n",
    ...blocks,
  ].join("\n");
}

const KEYS: ReadonlySet<string> = new Set<VariableName>(["FACTORY_API_KEY", "PROXY_API_KEY"]);

/** The README's table of variables, in Markdown. */
export function variablesTable(): string {
  const lines = rows().map(
    (row) => `| \`${row.name}\` | ${row.default === "" ? "none" : `\`${row.default}\`${unitOf(row)}`} | ${row.help} |`,
  );
  return ["| Variable | Default | What it does |", "|---|---|---|", ...lines, ""].join("\n");
}

function shownDefault(row: Variable): string {
  return row.default === "" ? "none" : row.default + unitOf(row);
}

function unitOf({ unit, default: value }: Variable): string {
  return unit === "seconds" && value !== "0" ? " seconds" : "";
}
