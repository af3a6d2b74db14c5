// The values of the admin API as JSON Schema, maintained by hand beside admin.ts; a test checks real answers against them.

/** The part of OpenAPI 3.1's JSON Schema that is used here. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly (string | null)[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly $ref?: string;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: string | number;
}

export const TEXT: Schema = { type: "string" };
const NUMBER: Schema = { type: "number" };
const COUNT: Schema = { type: "integer" };
const FLAG: Schema = { type: "boolean" };
const TIME: Schema = { type: "string", format: "date-time" };
const MS: Schema = { type: "number", description: "Milliseconds." };

export function words(...known: readonly string[]): Schema {
  return { type: "string", enum: known };
}

export function list(items: Schema): Schema {
  return { type: "array", items };
}

export function reference(name: SchemaName): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: "null" }] };
}

function mapOf(values: Schema): Schema {
  return { type: "object", additionalProperties: values };
}

/** All members are required. */
export function object(properties: Readonly<Record<string, Schema>>, description?: string): Schema {
  return { type: "object", properties, required: Object.keys(properties), ...(description === undefined ? {} : { description }) };
}

/** Any member may be left out. */
export function partial(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: "object", properties, ...(required.length === 0 ? {} : { required }) };
}

const PROTOCOL = words("openai-chat", "openai-responses", "anthropic-messages", "gemini");
const COUNT_OR_WORD: Schema = { type: ["integer", "string", "null"] };

const RULES = {
  models: orNull(list(TEXT)),
  rpm: orNull(COUNT),
  tpm: orNull(COUNT),
  parallel: orNull(COUNT),
  budgets: orNull(list(TEXT)),
  soft: orNull(TEXT),
  zone: orNull(TEXT),
};

const KEY_WORDS = {
  note: orNull(TEXT),
  expires: { ...orNull(TEXT), description: "`30d`, `30d after first use`, a date, a time." },
  off: FLAG,
  models: { ...orNull(list(TEXT)), description: "Names, globs and pools (`@core`); a leading `!` denies." },
  rpm: { ...COUNT_OR_WORD, description: "Requests per minute." },
  tpm: { ...COUNT_OR_WORD, description: "Tokens per minute." },
  parallel: { ...COUNT_OR_WORD, description: "Concurrent calls." },
  budgets: { ...orNull(list(TEXT)), description: "`5usd/day`, `20M-credits/5h`, `500k-tokens/session`." },
  soft: { ...orNull(TEXT), description: "`80`, or `80:glm-5.2`." },
  zone: { ...orNull(TEXT), description: "IANA name." },
};

const LEDGER_ROW = {
  id: TEXT,
  at: TIME,
  requestId: TEXT,
  key: orNull(TEXT),
  client: orNull(TEXT),
  session: orNull(TEXT),
  agent: orNull(TEXT),
  route: TEXT,
  protocol: TEXT,
  modelAsked: orNull(TEXT),
  modelServed: orNull(TEXT),
  provider: orNull(TEXT),
  pool: orNull(words("standard", "core")),
  factoryKey: orNull(TEXT),
  status: orNull(COUNT),
  finish: { ...TEXT, description: "`end`, `length`, `tool`, `cancelled`, `cut`, or `error:<kind>`." },
  streaming: FLAG,
  admissionMs: orNull(MS),
  firstByteMs: orNull(MS),
  totalMs: MS,
  inputTokens: orNull(COUNT),
  cacheReadTokens: orNull(COUNT),
  cacheWrite5mTokens: orNull(COUNT),
  cacheWrite1hTokens: orNull(COUNT),
  outputTokens: orNull(COUNT),
  reasoningTokens: orNull(COUNT),
  source: words("upstream", "counted", "estimated"),
  credits: orNull(NUMBER),
  usd: orNull(NUMBER),
  priceDate: orNull(TEXT),
  tries: COUNT,
  fallback: orNull(TEXT),
  losses: COUNT,
  isInspected: FLAG,
};

const COUNTS = {
  calls: COUNT,
  errors: COUNT,
  inputTokens: COUNT,
  cacheReadTokens: COUNT,
  cacheWriteTokens: COUNT,
  outputTokens: COUNT,
  reasoningTokens: COUNT,
  totalTokens: COUNT,
  cacheHitRate: { ...orNull(NUMBER), description: "The share of all input, from 0 to 1." },
  credits: NUMBER,
  usd: { ...orNull(NUMBER), description: "An estimate. Null: none of the calls has a known price." },
  unpriced: COUNT,
};

const MESSAGE = { headers: mapOf(TEXT), body: orNull(TEXT), bodyBytes: COUNT, isCut: FLAG };
const RATES = { input: NUMBER, output: NUMBER, cacheRead: NUMBER, cacheWrite: NUMBER, cacheWrite1h: NUMBER };

/** Schemas refer to each other by these names. */
const SOURCES = {
  Error: object({
    error: object(
      { type: TEXT, message: TEXT, code: orNull(TEXT), param: orNull(TEXT), requestId: TEXT },
      "`message` says what to do, in English, or in Chinese where `accept-language` asks for that.",
    ),
  }),
  SignedIn: object({ key: orNull(TEXT), csrfToken: orNull(TEXT), expires: TIME }),
  Me: object({ key: orNull(named("Key")), csrfToken: orNull(TEXT), expires: TIME }),
  LiveCall: object({
    id: TEXT,
    requestId: TEXT,
    startedAt: TIME,
    key: orNull(TEXT),
    client: orNull(TEXT),
    session: orNull(TEXT),
    protocol: PROTOCOL,
    upstreamProtocol: orNull(PROTOCOL),
    modelAsked: orNull(TEXT),
    modelServed: orNull(TEXT),
    streaming: FLAG,
    phase: words("admitted", "connecting", "waiting", "thinking", "streaming"),
    elapsedMs: MS,
    firstByteMs: orNull(MS),
    outputTokens: COUNT,
    attempts: COUNT,
  }),
  Live: object({
    replica: TEXT,
    calls: list(named("LiveCall")),
    minute: list(object({ calls: COUNT, errors: COUNT, outputTokens: COUNT })),
  }),
  Request: object(LEDGER_ROW),
  RequestList: object({ running: list(named("LiveCall")), rows: list(named("Request")), next: orNull(TEXT) }),
  Message: object(MESSAGE),
  Answer: object({
    ...MESSAGE,
    status: COUNT,
    events: list(object({ atMs: MS, name: TEXT, bytes: COUNT, data: orNull(TEXT) })),
  }),
  Inspection: object({
    kept: words("headers", "bodies"),
    protocol: PROTOCOL,
    upstreamProtocol: orNull(PROTOCOL),
    clientRequest: object({ ...MESSAGE, method: TEXT, path: TEXT }),
    attempts: list(
      object({
        model: TEXT,
        protocol: PROTOCOL,
        url: TEXT,
        request: named("Message"),
        sentMs: MS,
        answeredMs: orNull(MS),
        answer: orNull(named("Answer")),
        why: orNull(TEXT),
      }),
    ),
    clientAnswer: orNull(named("Answer")),
    losses: list(object({ field: TEXT, severity: TEXT, reason: TEXT })),
    error: orNull(object({ kind: TEXT, message: TEXT })),
  }),
  RunningDetail: object({ call: named("LiveCall"), inspection: orNull(named("Inspection")) }),
  Price: object({ ...RATES, longContext: orNull(object({ ...RATES, overTokens: COUNT })), date: TEXT }),
  RequestDetail: object({
    request: named("Request"),
    inspection: orNull(named("Inspection")),
    price: orNull(
      object({
        rates: named("Price"),
        lines: list(
          object({ of: words("input", "cacheRead", "cacheWrite5m", "cacheWrite1h", "output"), tokens: COUNT, rate: NUMBER, usd: NUMBER }),
        ),
      }),
    ),
  }),
  Usage: object({
    by: TEXT,
    zone: TEXT,
    lines: list(object({ name: orNull(TEXT), split: orNull(TEXT), ...COUNTS })),
    totals: object(COUNTS),
  }),
  Quota: object({
    object: TEXT,
    schema_version: COUNT,
    state: TEXT,
    reason: orNull(TEXT),
    as_of: TIME,
    plan: orNull(TEXT),
    windows: list(
      object({
        pool: TEXT,
        window: TEXT,
        used_percent: orNull(NUMBER),
        resets_at: orNull(TIME),
        forecast: orNull(object({ full_at: orNull(TIME) })),
      }),
    ),
    extra_usage: orNull(object({ allowed: orNull(FLAG), balance_usd: orNull(NUMBER) })),
  }),
  Key: object({
    name: TEXT,
    note: orNull(TEXT),
    hint: orNull(TEXT),
    created: TIME,
    expires: orNull(TEXT),
    firstUsed: orNull(TIME),
    off: FLAG,
    ...RULES,
    raises: list(object({ amount: TEXT, until: TIME })),
    previousUntil: orNull(TIME),
    state: words("on", "spent", "off", "expired"),
    kind: words("stored", "environment", "default", "anonymous"),
    effective: object(RULES, "Including what the row `default` adds."),
    budgetsNow: list(object({ unit: TEXT, period: TEXT, amount: NUMBER, used: NUMBER, resetsAt: orNull(TIME) })),
    lastMinute: object({ requests: COUNT, tokens: COUNT }),
    running: COUNT,
  }),
  Keys: object({ keys: list(named("Key")) }),
  NewKey: object({ key: { ...TEXT, description: "Shown only once." }, record: named("Key") }),
  KeyWords: partial(KEY_WORDS),
  NamedKeyWords: partial({ name: TEXT, ...KEY_WORDS }, ["name"]),
  Models: object({
    models: list(
      object({
        id: TEXT,
        aliases: list(TEXT),
        protocol: PROTOCOL,
        provider: orNull(TEXT),
        pool: orNull(words("standard", "core")),
        multiplier: orNull(NUMBER),
        contextTokens: orNull(COUNT),
        outputTokens: orNull(COUNT),
        inputModalities: list(TEXT),
        price: orNull(named("Price")),
        fallback: list(TEXT),
      }),
    ),
  }),
  Health: object({
    version: TEXT,
    runtime: TEXT,
    replica: TEXT,
    startedAt: TIME,
    store: orNull(object({ kind: words("sqlite", "postgres", "memory"), isReachable: FLAG })),
    inspect: words("off", "headers", "bodies"),
    settings: list(
      object({
        name: TEXT,
        value: TEXT,
        source: words("command line", "environment", "file", "default"),
        reload: FLAG,
        help: TEXT,
      }),
    ),
  }),
  Doctor: object({
    at: TIME,
    checks: list(object({ id: TEXT, state: words("ok", "warn", "fail", "skip"), what: TEXT, why: orNull(TEXT), fix: orNull(TEXT) })),
  }),
  Reload: object({ changed: list(TEXT), needRestart: list(TEXT), fault: orNull(TEXT) }),
  PlaygroundKey: object({ key: TEXT, expires: TIME }),
};

export type SchemaName = keyof typeof SOURCES;
export const SCHEMAS: Readonly<Record<SchemaName, Schema>> = SOURCES;

/** As `reference`, for use while the names are being defined. */
function named(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}
