// The program's whole API as an OpenAPI document: calls, pages, admin API. Paths come from the tables of routes; the rest is maintained by hand.

import { CALLS, ROUTES, type CallRow, type PageRow } from "../routes.ts";
import { REQUEST_PARAMETERS, USAGE_BY, USAGE_PARAMETERS, USAGE_SPLITS } from "./api-query.ts";
import { object, partial, reference, SCHEMAS, TEXT, words, type Schema, type SchemaName } from "./openapi-schemas.ts";
import { API_ROUTES, SITE_ROUTES, type AdminRoute, type ApiName } from "./routes.ts";

interface Operation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly object[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, object>>;
}

type Paths = Record<string, Record<string, Operation>>;

const JSON_TYPE = "application/json";
const SSE_TYPE = "text/event-stream";

// ---- What is the same everywhere ---------------------------------------------------------------------------------

function content(schema: Schema, type = JSON_TYPE): object {
  return { content: { [type]: { schema } } };
}

function query(name: string, schema: Schema): object {
  return { name, in: "query", required: false, schema };
}

function inPath(path: string): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: "path", required: true, schema: TEXT }));
}

const ANY: Schema = { type: "object" };
const FAILED = { description: "What is wrong, and what to do.", ...content(reference("Error")) };
const CLIENT_FAILED = { description: "What is wrong, in the protocol's own error format.", ...content(ANY) };

// ---- Calls -------------------------------------------------------------------------------------------------------

/** Each protocol's own reference describes bodies and answers. */
const REFERENCES = {
  "openai-chat": "https://platform.openai.com/docs/api-reference/chat",
  "openai-responses": "https://platform.openai.com/docs/api-reference/responses",
  "anthropic-messages": "https://docs.claude.com/en/api/messages",
  gemini: "https://ai.google.dev/api/generate-content",
} as const;

const CLIENT_SECURITY = [{ clientKey: [] }, { clientKeyHeader: [] }, { geminiKeyHeader: [] }];

/** Either of two keys; without any, only on this machine. */
const METRICS_SECURITY = [{ metricsKey: [] }, { adminKey: [] }, {}];

function callOperation(row: CallRow): Operation {
  const isExplained = row.handler === "explain";
  const isCount = row.endpoint === "count-tokens";
  return {
    tags: [isExplained ? "explain" : "calls"],
    summary: isExplained ? `what would be sent upstream for ${row.path.replace("/explain", "")}` : row.about,
    security: CLIENT_SECURITY,
    parameters: inPath(pathOf(row)),
    requestBody: { required: true, description: `See ${REFERENCES[row.protocol]}.`, ...content(ANY) },
    responses: {
      "200": {
        description: isExplained
          ? "The request that would be sent, and what conversion would change or drop. Nothing is sent."
          : `The protocol's own answer${isCount ? "." : "; server-sent events where the request asks for a stream."}`,
        content: { [JSON_TYPE]: { schema: ANY }, ...(isExplained || isCount ? {} : { [SSE_TYPE]: { schema: TEXT } }) },
      },
      default: CLIENT_FAILED,
    },
  };
}

// ---- Pages -------------------------------------------------------------------------------------------------------

const PAGE_ANSWERS: Readonly<Record<PageRow["handler"], Schema>> = {
  overview: partial({
    name: TEXT,
    about: TEXT,
    version: TEXT,
    status: TEXT,
    keys: { type: "array", items: TEXT },
    demo: { type: "boolean" },
    routes: { type: "array" },
    pages: { type: "array" },
  }),
  health: object({ status: TEXT, timestamp: TEXT, uptime: { type: "integer" }, version: TEXT, runtime: TEXT }),
  ready: partial({ status: words("ready", "waiting", "stopping"), store: TEXT, storeState: TEXT }, ["status"]),
  stream: TEXT,
  hello: object({ message: TEXT }),
  metrics: TEXT,
  models: ANY,
  model: ANY,
  quota: reference("Quota"),
  usage: ANY,
  balance: ANY,
  subscription: ANY,
  billed: ANY,
};

const PAGE_TYPES: Readonly<Partial<Record<PageRow["handler"], string>>> = { stream: SSE_TYPE, metrics: "text/plain" };

function pageOperation({ path, handler, isPublic, about }: PageRow): Operation {
  const type = PAGE_TYPES[handler] ?? JSON_TYPE;
  return {
    tags: ["pages"],
    summary: about ?? "",
    security: handler === "metrics" ? METRICS_SECURITY : isPublic ? [] : CLIENT_SECURITY,
    parameters: inPath(pathOf({ path })),
    responses: { "200": { description: about ?? "", ...content(PAGE_ANSWERS[handler], type) }, default: CLIENT_FAILED },
  };
}

// ---- The admin API -----------------------------------------------------------------------------------------------

interface Detail {
  /** Null: there is none. */
  readonly answer: SchemaName | null;
  readonly status?: 201;
  readonly body?: Schema;
  readonly parameters?: readonly object[];
}

const TIMES: Schema = { ...TEXT, description: "`2026-11-01`, `7d` (before now), or ISO 8601." };
const PARAMETERS: Readonly<Record<(typeof REQUEST_PARAMETERS)[number] | (typeof USAGE_PARAMETERS)[number], Schema>> = {
  key: TEXT,
  model: TEXT,
  client: TEXT,
  session: TEXT,
  since: TIMES,
  until: TIMES,
  status: { ...TEXT, description: "A number (`429`), a class (`4xx`), or `ok`, `error`, `cut`, `cancelled`." },
  q: { ...TEXT, description: "Part of an id or request id." },
  cursor: { ...TEXT, description: "The value of `next`." },
  limit: { type: "integer", minimum: 1, maximum: 500, default: 50 },
  by: { ...words(...USAGE_BY), default: "day" },
  split: words(...USAGE_SPLITS),
  zone: { ...TEXT, description: "IANA name.", default: "UTC" },
};

const DETAILS: Readonly<Record<ApiName, Detail>> = {
  me: { answer: "Me" },
  signIn: { answer: "SignedIn", body: object({ key: TEXT }) },
  signOut: { answer: null },
  live: { answer: "Live" },
  running: { answer: "RunningDetail" },
  requests: { answer: "RequestList", parameters: REQUEST_PARAMETERS.map((name) => query(name, PARAMETERS[name])) },
  request: { answer: "RequestDetail" },
  cancel: { answer: null },
  usage: { answer: "Usage", parameters: USAGE_PARAMETERS.map((name) => query(name, PARAMETERS[name])) },
  quota: { answer: "Quota" },
  keys: { answer: "Keys" },
  addKey: { answer: "NewKey", status: 201, body: reference("NamedKeyWords") },
  key: { answer: "Key" },
  changeKey: { answer: "Key", body: reference("KeyWords") },
  removeKey: { answer: null },
  rotateKey: { answer: "NewKey", body: partial({ grace: TEXT }) },
  raiseKey: { answer: "Key", body: partial({ amount: TEXT, until: TEXT }, ["amount"]) },
  models: { answer: "Models" },
  health: { answer: "Health" },
  doctor: { answer: "Doctor" },
  reload: { answer: "Reload" },
  playgroundKey: { answer: "PlaygroundKey" },
};

const ADMIN_SECURITY = [{ adminKey: [] }, { session: [] }];
const LIVE_EVENTS =
  "Events `snapshot` (the schema), `call` (`{type, call}`), `ended` (`{type, id, status, finish, isCounted}`) and `tick` (`{type, calls}`), each with JSON as its data.";

function adminOperation(name: ApiName, route: AdminRoute): Operation {
  const { answer, status = 200, body, parameters = [] } = DETAILS[name];
  const found = answer === null ? {} : content(reference(answer), name === "live" ? SSE_TYPE : JSON_TYPE);
  const description = name === "live" ? LIVE_EVENTS : route.about;
  return {
    tags: ["admin"],
    summary: route.about,
    security: securityOf(route),
    parameters: [...inPath(pathOf(route)), ...parameters, ...(needsToken(route) ? [CSRF_HEADER] : [])],
    ...(body === undefined ? {} : { requestBody: { required: true, ...content(body) } }),
    responses: { [answer === null ? "204" : String(status)]: { description, ...found }, default: FAILED },
  };
}

const CSRF_HEADER = {
  name: "x-csrf-token",
  in: "header",
  required: false,
  description: "Required with a session cookie; `GET /api/admin/me` returns its value.",
  schema: TEXT,
};

function needsToken({ method, access }: AdminRoute): boolean {
  return method !== "GET" && access !== "nobody";
}

function securityOf({ access }: AdminRoute): Operation["security"] {
  if (access === "nobody") return [];
  return access === "key" ? [...ADMIN_SECURITY, { clientKey: [] }] : ADMIN_SECURITY;
}

/** Media types of the paths beside the API. */
const SITE_TYPES: Readonly<Record<string, string>> = {
  "/openapi.json": JSON_TYPE,
  "/icon.svg": "image/svg+xml",
  "/favicon.ico": "image/svg+xml",
};

function siteOperation(route: AdminRoute): Operation {
  const type = SITE_TYPES[route.path] ?? "text/html";
  return {
    tags: ["dashboard"],
    summary: route.about,
    security: [],
    ...(route.method === "POST" ? { requestBody: content(object({ key: TEXT }), "application/x-www-form-urlencoded") } : {}),
    responses: {
      "200": { description: route.about, ...content(type === JSON_TYPE ? ANY : TEXT, type) },
      ...(type === "text/html" ? { "303": { description: "Where the browser goes next." } } : {}),
    },
  };
}

// ---- All of it ---------------------------------------------------------------------------------------------------

/** A path in OpenAPI's notation. */
export function pathOf({ path, ...row }: Pick<CallRow, "path"> & Partial<Pick<CallRow, "protocol">>): string {
  const isMethod = row.protocol === "gemini";
  return path.replaceAll(/:(\w+)/g, "{$1}").replace(/\*$/, isMethod ? "{model}:{method}" : "{model}");
}

function pathsOf(): Paths {
  const paths: Paths = {};
  const add = (path: string, method: string, operation: Operation): void => {
    (paths[path] ??= {})[method.toLowerCase()] = operation;
  };
  for (const row of ROUTES) {
    if (row.about === null) continue;
    if (row.protocol === null) add(pathOf({ path: row.path }), row.method, pageOperation(row));
    else add(pathOf(row), row.method, callOperation(row));
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type of an object's keys is lost on the way
  for (const [name, route] of Object.entries(API_ROUTES) as readonly (readonly [ApiName, AdminRoute])[]) {
    add(pathOf(route), route.method, adminOperation(name, route));
  }
  for (const route of SITE_ROUTES) add(route.path, route.method, siteOperation(route));
  return paths;
}

const COOKIE_ABOUT = "The session cookie that POST /api/admin/session sets; `__Host-factory-proxy` over TLS.";

export function openApi(version: string): object {
  return {
    openapi: "3.1.0",
    info: {
      title: "Factory Proxy",
      version,
      description: "One server between any AI client and Factory's LLM API. Calls use each protocol's own requests and answers.",
    },
    servers: [{ url: "/" }],
    tags: [
      { name: "calls", description: `What clients call: ${CALLS.length} paths of four protocols.` },
      { name: "explain", description: "What would be sent upstream, without sending it." },
      { name: "pages", description: "What clients and operators read." },
      { name: "admin", description: "For administrators: JSON, times in ISO 8601. Errors have one shape." },
      { name: "dashboard", description: "For browsers." },
    ],
    paths: pathsOf(),
    components: {
      securitySchemes: {
        clientKey: { type: "http", scheme: "bearer", description: "A client key." },
        clientKeyHeader: { type: "apiKey", in: "header", name: "x-api-key" },
        geminiKeyHeader: { type: "apiKey", in: "header", name: "x-goog-api-key" },
        adminKey: { type: "http", scheme: "bearer", description: "ADMIN_KEY." },
        metricsKey: { type: "http", scheme: "bearer", description: "METRICS_KEY." },
        session: { type: "apiKey", in: "cookie", name: "factory-proxy", description: COOKIE_ABOUT },
      },
      schemas: SCHEMAS,
    },
  };
}
