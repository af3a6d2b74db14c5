// Every path of the program as one table, and what follows from it: which methods a path takes, and which path was meant.
// Never answers anything; app.ts gives each row its handler.

import { GatewayError } from "../errors.ts";
import type { Route } from "../gateway/request.ts";
import { nearest } from "../models/nearest.ts";
import type { ProtocolId } from "../protocol/canonical.ts";

interface Row {
  /** A trailing `/*` stands for the rest of the path, `/:name` for one segment. The first row that matches path and method answers. */
  readonly path: string;
  /** GET includes HEAD. */
  readonly method: "GET" | "POST";
  /** Whether it answers without a key. */
  readonly isPublic: boolean;
  /** A description for people; null: a row that only refers the client elsewhere, and is not listed. */
  readonly about: string | null;
  /** Matches the real paths of a `/*`; for other paths the row does not exist. Unset: matches all. */
  readonly paths?: RegExp;
}

/** A row that the gateway answers. With `endpoint`, the request goes there whatever the model. */
export interface CallRow extends Row, Route {
  /** `explain` answers with what would be sent upstream. */
  readonly handler: "answer" | "explain";
  readonly about: string;
}

export interface PageRow extends Row {
  readonly protocol: null;
  readonly handler:
    | "overview"
    | "health"
    | "ready"
    | "stream"
    | "hello"
    | "metrics"
    | "models"
    | "model"
    | "quota"
    | "usage"
    | "balance"
    | "subscription"
    | "billed";
}

export type RouteRow = CallRow | PageRow;

/** Gemini's paths end in a method, `/models/gemini-2.5-pro:generateContent`. Pages of single models are below /v1/models too. */
const WITH_METHOD = /:\w+$/;
const WITHOUT_METHOD = /^(?!.*:\w+$)/;

/** The paths that clients call. */
export const CALLS: readonly CallRow[] = [
  call("/v1/chat/completions", "openai-chat", { about: "OpenAI Chat Completions, every model" }),
  call("/v1/responses", "openai-responses", { about: "OpenAI Responses, every model; over WebSocket too" }),
  call("/v1/messages", "anthropic-messages", { about: "Anthropic Messages, every model" }),
  call("/v1/messages/count_tokens", "anthropic-messages", { endpoint: "count-tokens", about: "Anthropic token count, every model" }),
  call("/v1/responses/input_tokens", "openai-responses", { endpoint: "count-tokens", about: "OpenAI token count, every model" }),
  call("/v1beta/models/*", "gemini", { about: "Gemini generateContent, streamGenerateContent and countTokens, every model" }),
  call("/v1beta/tunedModels/*", "gemini", { about: "same as /v1beta/models, for tuned models" }),
  call("/v1/models/*", "gemini", { about: "same as /v1beta/models, for newer Gemini SDKs", paths: WITH_METHOD }),
  call("/anthropic/v1/messages/count_tokens", "anthropic-messages", { endpoint: "count-tokens", about: "same as without /anthropic" }),
  call("/anthropic", "anthropic-messages", { endpoint: "messages", about: "Factory's Messages endpoint, whatever the model" }),
  call("/anthropic/v1/messages", "anthropic-messages", { endpoint: "messages", about: "the same as /anthropic" }),
  call("/bedrock/model/:model/invoke", "anthropic-messages", { form: "bedrock", about: "Bedrock's InvokeModel, every model" }),
  call("/bedrock/model/:model/invoke-with-response-stream", "anthropic-messages", {
    form: "bedrock",
    about: "Bedrock's InvokeModelWithResponseStream, every model",
  }),
  call("/bedrock/v1/messages", "anthropic-messages", {
    endpoint: "bedrock",
    about: "the endpoint of BEDROCK_TARGET_URL, whatever the model",
  }),
  call("/bedrock/v1/messages/count_tokens", "anthropic-messages", { endpoint: "count-tokens", about: "same as without /bedrock" }),
  call("/openai/v1/chat/completions", "openai-chat", { endpoint: "chat", about: "Factory's Chat endpoint, whatever the model" }),
  call("/openai", "openai-responses", { endpoint: "responses", about: "Factory's Responses endpoint, whatever the model" }),
  call("/openai/v1/responses", "openai-responses", { endpoint: "responses", about: "the same as /openai" }),
  call("/openai/v1/responses/input_tokens", "openai-responses", { endpoint: "count-tokens", about: "same as without /openai" }),
  call("/gpt", "openai-responses", { endpoint: "responses", about: "the same as /openai" }),
  call("/glm", "openai-chat", { endpoint: "chat", about: "the same as /openai/v1/chat/completions" }),
];

const PAGES: readonly PageRow[] = [
  page("/", "overview", { isPublic: true, about: "what this server is, and its paths" }),
  page("/health", "health", { isPublic: true, about: "whether the process is alive" }),
  page("/v1/health", "health", { isPublic: true, about: "the same as /health" }),
  page("/health/stream", "stream", { isPublic: true, about: "five events in 600 ms, to test whether a proxy buffers streams" }),
  page("/ready", "ready", { isPublic: true, about: "whether it accepts new calls" }),
  page("/metrics", "metrics", { isPublic: true, about: "metrics for Prometheus; METRICS_KEY or ADMIN_KEY opens them" }),
  page("/api/hello", "hello", { isPublic: true, about: "what some clients check before they start" }),
  page("/v1/models", "models", {
    about: "the models that the key may use, in the format of OpenAI, Anthropic, Gemini or Codex clients",
  }),
  page("/v1/models/*", "model", { about: "one model, by its id or an alias", paths: WITHOUT_METHOD }),
  page("/quota", "quota", { about: "what is left of the plan, with a forecast" }),
  page("/v1/usage", "usage", { about: "what is left of the key's budgets, as cc-switch reads it" }),
  page("/user/balance", "balance", { about: "what is left of the key's budgets, as one number" }),
  page("/dashboard/billing/subscription", "subscription", { about: "the key's budget, as one-api clients read it" }),
  page("/dashboard/billing/usage", "billed", { about: "how much of the key's budget is used, in cents" }),
  page("/v1/dashboard/billing/subscription", "subscription", { about: "same as without /v1" }),
  page("/v1/dashboard/billing/usage", "billed", { about: "same as without /v1" }),
  page("/v1beta/models", "models", { about: "the models, in Gemini's format" }),
  page("/v1beta/models/*", "model", { about: "one model, in Gemini's format", paths: WITHOUT_METHOD }),
];

export const ROUTES: readonly RouteRow[] = [
  ...CALLS,
  ...CALLS.map((row) => ({ ...row, path: `/explain${row.path}`, handler: "explain" as const })),
  ...PAGES,
];

function call(
  path: string,
  protocol: ProtocolId,
  { endpoint = null, ...row }: Partial<Pick<CallRow, "endpoint" | "form">> & Pick<CallRow, "about" | "paths">,
): CallRow {
  return { path, method: "POST", isPublic: false, handler: "answer", protocol, endpoint, ...row };
}

function page(path: string, handler: PageRow["handler"], row: Partial<Pick<Row, "isPublic">> & Pick<Row, "about" | "paths">): PageRow {
  return { path, method: "GET", isPublic: false, handler, protocol: null, ...row };
}

/** The pages that `GET /` lists. */
export function pagePaths(): string[] {
  return PAGES.filter(({ about }) => about !== null).map(({ path }) => path);
}

/** The rows of a path, for all methods. */
function rowsAt(path: string): readonly RouteRow[] {
  return ROUTES.filter((row) => {
    if (row.path.includes("/:")) return patternOf(row.path).test(path);
    if (!row.path.endsWith("/*")) return path === row.path;
    return path.startsWith(row.path.slice(0, -1)) && (row.paths?.test(path) ?? true);
  });
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/:\w+/g, "[^/]+")}$`);
}

/** The route of calls in this protocol on this path; null: there is none. */
export function answeringAt(path: string, protocol: ProtocolId): Route | null {
  const row = rowsAt(path).find((one): one is CallRow => one.protocol === protocol && one.handler === "answer");
  return row === undefined || row.endpoint === "count-tokens" ? null : { protocol, endpoint: row.endpoint };
}

/** Whether Gemini's clients call this path, with their key in the query. */
export function takesQueryKey(path: string): boolean {
  return OF_GEMINI.test(canonicalPath(path));
}

const OF_GEMINI = /^(?:\/explain)?\/(?:v1beta|v1\/models)(?:\/|$)/;

/** The protocol whose clients call this path; null where that is ambiguous. */
export function clientsAt(path: string): Pick<CallRow, "protocol" | "form"> | null {
  return rowsAt(path).find((row) => row.protocol !== null) ?? null;
}

/**
 * Why no route matches: the path takes other methods, or does not exist. Hono's own `method-not-allowed` was considered (4.13). It is
 * middleware, so every path would have a chain of handlers, and it looks at a 404 that has been answered: by then the gateway has
 * logged it. Nor does it know that a Gemini path without a method, which a `/*` matches, does not exist.
 */
export function refusalAt(path: string, method: string): GatewayError {
  const listed = rowsAt(path).filter(({ about }) => about !== null);
  const methods = new Set(listed.flatMap((row) => (row.method === "GET" ? ["GET", "HEAD"] : [row.method])));
  if (methods.size > 0 && !methods.has(method)) {
    const allow = [...methods].join(", ");
    return new GatewayError("method-not-allowed", `${path} accepts ${allow}, not ${method}.`, { headers: { allow } });
  }
  const why = NOT_OFFERED.find(([paths]) => paths.test(path))?.[1];
  if (why !== undefined) return new GatewayError("not-found", `There is no path ${path}. ${why} GET / lists all paths.`);
  const isExplained = path.startsWith(EXPLAIN);
  const known = ROUTES.filter((row) => row.about !== null && row.path !== path && row.path.startsWith(EXPLAIN) === isExplained);
  const shown = new Map(known.map((row) => [row.path.replace(/\/\*$/, ""), row.path]));
  shown.delete(path);
  const [meant] = nearest(path, shown.keys(), Math.floor(path.length / 2));
  const hint = meant === undefined ? "" : `Did you mean ${shown.get(meant) ?? meant}? `;
  return new GatewayError("not-found", `There is no path ${path}. ${hint}GET / lists all paths.`);
}

const EXPLAIN = "/explain/";

/** Requests that clients know, Factory's API lacks, and no similar path can replace. The first match counts. */
const NOT_OFFERED: readonly (readonly [paths: RegExp, why: string])[] = [
  [/\/bedrock\/model\/.+\/count-tokens$/, "Count with POST /bedrock/v1/messages/count_tokens."],
  [/\/bedrock\/model\//, "Only Bedrock's InvokeModel and InvokeModelWithResponseStream are supported."],
  [/^(?:\/explain)?\/openai\/deployments(?:\/|$)/, "Azure-style paths are not supported. Set the client's base URL to /openai/v1."],
  [
    /\/responses\/compact$/,
    "Factory's API has no endpoint for compaction. Ask the model for a summary with POST /v1/responses, as Codex does.",
  ],
  [/\/(?:responses|chat\/completions)\/./, "Responses are not stored here. Send the conversation with POST /v1/responses."],
  [/\/embeddings$|:(?:batch)?embed\w+$/i, "Factory's API has no embeddings."],
  [/\/batches(?:\/|$)|:batch\w+$/, "Factory's API has no batches. Send each request separately."],
  [
    /\/(?:files|uploads|images|audio|videos|moderations|fine_tuning|vector_stores|assistants|threads|conversations|realtime)(?:\/|$)/,
    "Factory's API has no such endpoint.",
  ],
];

const PATHS: ReadonlySet<string> = new Set(ROUTES.map(({ path }) => path));
const V1_PATHS =
  /^(\/explain)?(\/anthropic|\/openai|\/bedrock)?(\/(?:chat\/completions|responses|responses\/input_tokens|messages|messages\/count_tokens|models(?:\/.*)?))$/;
const V1_TWICE = /^((?:\/explain)?(?:\/anthropic|\/openai|\/bedrock)?)\/v1(?=\/v1(?:beta)?\/)/;

/** Normalizes a client's path: single slashes, none at the end, `/v1` exactly once. */
export function canonicalPath(path: string): string {
  if (PATHS.has(path)) return path;
  const single = path.replaceAll(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
  const once = single.replace(V1_TWICE, "$1");
  return once.replace(V1_PATHS, "$1$2/v1$3");
}
