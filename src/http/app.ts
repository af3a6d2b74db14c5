// Room: app (row 5). The map: every path of the program on one page. The only room with Hono.
// In:  an HTTP request. Out: the response of the gateway, or of one of the few pages that stand here.
// Never does: look into a body, or answer in another shape than the one that the path's clients understand.

import { Hono, type Context } from "hono";
import { cors } from "hono/cors";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { requestIdOf, SAFE_HEADERS } from "../gateway/headers.ts";
import { incomingRequest, type Call, type IncomingRequest, type Route } from "../gateway/request.ts";
import type { Keys } from "../access/keys.ts";
import type { Model } from "../models/catalog.ts";
import type { Models } from "../models/models.ts";
import type { ProtocolId } from "../protocol/canonical.ts";

export interface AppPorts {
  readonly gateway: Gateway;
  readonly keys: Keys;
  readonly models: Models;
  /** Whether the program is about to stop. */
  readonly isDraining: () => boolean;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly newId: () => string;
}

export interface AppFacts {
  readonly version: string;
  /** Name and version of the runtime. */
  readonly runtime: string;
  /** Origins of web pages that may call; none others may. */
  readonly corsOrigins: readonly string[];
  readonly maxHeaderBytes: number;
}

interface RouteRow extends Route {
  readonly path: string;
  readonly about: string;
}

/** Every route. With `endpoint` the bytes go there whatever the model; without, the model decides. First match wins. */
export const ROUTES: readonly RouteRow[] = [
  { path: "/v1/chat/completions", protocol: "openai-chat", endpoint: null, about: "OpenAI Chat Completions, every model" },
  { path: "/v1/responses", protocol: "openai-responses", endpoint: null, about: "OpenAI Responses, every model" },
  { path: "/v1/messages", protocol: "anthropic-messages", endpoint: null, about: "Anthropic Messages, every model" },
  {
    path: "/v1/messages/count_tokens",
    protocol: "anthropic-messages",
    endpoint: "count-tokens",
    about: "Anthropic token count, Claude models",
  },
  { path: "/v1beta/models/*", protocol: "gemini", endpoint: null, about: "Gemini generateContent and streamGenerateContent, every model" },
  { path: "/v1beta/tunedModels/*", protocol: "gemini", endpoint: null, about: "the same" },
  { path: "/v1/models/*", protocol: "gemini", endpoint: null, about: "the same, as newer Gemini SDKs call it" },
  { path: "/anthropic/v1/messages/count_tokens", protocol: "anthropic-messages", endpoint: "count-tokens", about: "native: token count" },
  { path: "/anthropic", protocol: "anthropic-messages", endpoint: "messages", about: "native: Factory's Messages endpoint" },
  { path: "/anthropic/*", protocol: "anthropic-messages", endpoint: "messages", about: "native: Factory's Messages endpoint" },
  { path: "/bedrock/*", protocol: "anthropic-messages", endpoint: "bedrock", about: "native: Claude on Bedrock" },
  { path: "/openai/v1/chat/completions", protocol: "openai-chat", endpoint: "chat", about: "native: Factory's Chat endpoint" },
  { path: "/openai/*", protocol: "openai-responses", endpoint: "responses", about: "native: Factory's Responses endpoint" },
  { path: "/gpt", protocol: "openai-responses", endpoint: "responses", about: "native: Factory's Responses endpoint" },
  { path: "/glm", protocol: "openai-chat", endpoint: "chat", about: "native: Factory's Chat endpoint" },
];

const ROUTE_PATHS: ReadonlySet<string> = new Set(ROUTES.map(({ path }) => path));
const OWN_PATHS = ["/", "/health", "/v1/health", "/ready", "/api/hello", "/v1/models"];

type Env = { Bindings: IncomingRequest };
type PageContext = Context<Env>;

/** The program as one function. */
export function createApp(ports: AppPorts, facts: AppFacts): (request: Request) => Response | Promise<Response> {
  const { gateway, keys, models } = ports;
  const app = new Hono<Env>({
    // One look into a map for most paths. What a path has more than one handler for costs a chain of calls, so there is one each.
    router: new RegExpRouter(),
    getPath: (_request, options) => canonicalPath(options?.env?.path ?? "/"),
  });
  const startedMs = ports.now();

  if (facts.corsOrigins.length > 0) {
    const exposeHeaders = [
      "x-request-id",
      "x-factory-proxy-dropped",
      "x-factory-proxy-attempts",
      "x-factory-proxy-fallback",
      "retry-after",
    ];
    app.use(async (c, next) => {
      await next();
      // What the next one answers by itself has none of them yet.
      for (const [name, value] of Object.entries(SAFE_HEADERS)) c.res.headers.set(name, value);
    });
    app.use(cors({ origin: [...facts.corsOrigins], exposeHeaders, maxAge: 600 }));
  }

  const page = (c: PageContext, body: object, status: 200 | 426 | 503 = 200): Response => c.json(body, status, SAFE_HEADERS);
  const health = (c: PageContext): Response =>
    page(c, {
      status: "ok",
      timestamp: new Date(ports.now()).toISOString(),
      uptime: Math.floor((ports.now() - startedMs) / 1000),
      version: facts.version,
      runtime: facts.runtime,
    });
  app.get("/health", health);
  app.get("/v1/health", health);
  app.get("/ready", (c) => {
    if (!ports.isDraining()) return page(c, { status: "ready" });
    c.header("retry-after", "5");
    return page(c, { status: "stopping" }, 503);
  });
  app.get("/api/hello", (c) => page(c, { message: "hello" }));
  app.get("/", (c) =>
    page(c, {
      name: "factory-proxy",
      about: "A gateway between any AI client and Factory's LLM API.",
      version: facts.version,
      status: "ok",
      doors: ROUTES.map(({ path, protocol, about }) => ({ method: "POST", path, protocol, about })),
      pages: OWN_PATHS,
    }),
  );

  const callOf = (incoming: IncomingRequest, route: Route): Call => ({
    request: incoming,
    route,
    requestId: requestIdOf(incoming.headers, ports.newId),
    path: null,
    framing: "sse",
  });
  const failed = (incoming: IncomingRequest, error: unknown): Response =>
    gateway.refuse(callOf(incoming, { protocol: protocolOf(canonicalPath(incoming.path), incoming), endpoint: null }), error);
  /** Answers an error in the shape that this path's clients understand, once the caller has shown a key. */
  const refuse = (incoming: IncomingRequest, error: () => GatewayError): Response => {
    try {
      keys.identify(incoming.keys);
    } catch (unauthenticated) {
      return failed(incoming, unauthenticated);
    }
    return failed(incoming, error());
  };

  const list = (c: PageContext, answer: () => object): Response => {
    try {
      keys.identify(c.env.keys);
      return page(c, answer());
    } catch (error) {
      return failed(c.env, error);
    }
  };
  app.get("/v1/models", (c) => list(c, () => modelList(models.list(), isAnthropic(c))));
  app.get("/v1/models/:id{.+}", (c) => list(c, () => modelPage(models.entry(c.req.param("id")), isAnthropic(c))));

  const elsewhere = (c: PageContext): Response => refuse(c.env, () => wrongMethod(c.req.path, c.req.method) ?? unknownPath(c.req.path));
  for (const [prefix, serve] of [["", gateway.answer] as const, ["/explain", gateway.explain] as const]) {
    for (const route of ROUTES) {
      app.post(prefix + route.path, (c) => {
        if (route.protocol !== "gemini") return serve(callOf(c.env, route));
        const path = geminiPath(c.req.path);
        if (path === null) return elsewhere(c);
        return serve({ ...callOf(c.env, route), path, framing: path.stream && !c.env.wantsSse ? "json-array" : "sse" });
      });
    }
  }

  // Codex tries a WebSocket first; 426 makes it use HTTP at once.
  app.get("/v1/responses", (c) => {
    if (c.env.headers["upgrade"]?.toLowerCase() !== "websocket") return elsewhere(c);
    return page(
      c,
      {
        error: {
          message: "This server speaks HTTP only: send POST /v1/responses.",
          type: "invalid_request_error",
          param: null,
          code: "upgrade_required",
        },
      },
      426,
    );
  });
  app.notFound(elsewhere);
  app.onError((error, c) => failed(c.env, error));

  return (request) => {
    const incoming = incomingRequest(request);
    if (incoming === null) return new Response(null, { status: 400, headers: SAFE_HEADERS });
    if (incoming.headerBytes <= facts.maxHeaderBytes) return app.fetch(request, incoming);
    const text = `The head of the request is larger than ${facts.maxHeaderBytes} bytes (MAX_HEADER_BYTES).`;
    return refuse(incoming, () => new GatewayError("too-large", text, { status: 431 }));
  };
}

const V1_PATHS = /^\/(?:chat\/completions|responses|messages|messages\/count_tokens|models(?:\/.*)?)$/;

/** One spelling for what clients send: single slashes, none at the end, `/v1` once, and put in where it was left out. */
export function canonicalPath(path: string): string {
  if (ROUTE_PATHS.has(path)) return path;
  const single = path.replaceAll(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
  const once = single.replace(/^\/v1(?=\/v1(?:beta)?\/)/, "");
  return V1_PATHS.test(once) ? `/v1${once}` : once;
}

/** Gemini's paths end in a method: `/models/gemini-2.5-pro:generateContent`. */
const NAMES_METHOD = /:\w+$/;
const GEMINI_CALL = /\/(?:models|tunedModels)\/(.+):(generateContent|streamGenerateContent)$/;

/** Model and stream switch of a Gemini path; null when it names no call that is served here. */
function geminiPath(path: string): Call["path"] {
  const [, escaped, method] = GEMINI_CALL.exec(path) ?? [];
  const model = escaped === undefined ? null : unescaped(escaped);
  return model === null ? null : { model, stream: method === "streamGenerateContent" };
}

/** Null where the escapes are none, or stand for no text. */
function unescaped(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function isAnthropic(c: PageContext): boolean {
  return "anthropic-version" in c.env.headers;
}

/** Which protocol's clients come to a path that is no route. */
function protocolOf(path: string, incoming: IncomingRequest): ProtocolId {
  if (path.startsWith(`${EXPLAIN}/`)) return protocolOf(path.slice(EXPLAIN.length), incoming);
  const route = routeOf(path);
  if (route !== undefined && !isModelPage(path)) return route.protocol;
  return "anthropic-version" in incoming.headers || path.includes("/messages") ? "anthropic-messages" : "openai-chat";
}

const EXPLAIN = "/explain";

function routeOf(path: string): RouteRow | undefined {
  return ROUTES.find((row) => path === row.path || (row.path.endsWith("/*") && path.startsWith(row.path.slice(0, -1))));
}

/** Below /v1/models stand the pages of OpenAI's and Anthropic's clients too. */
function isModelPage(path: string): boolean {
  return path.startsWith("/v1/models/") && !NAMES_METHOD.test(path);
}

/** Null where the path is none of this program's, or takes the method but not what stands behind it. */
function wrongMethod(path: string, method: string): GatewayError | null {
  const isPage = OWN_PATHS.includes(path) || isModelPage(path);
  const isRoute = routeOf(path) !== undefined;
  const methods = isPage ? ["GET", "HEAD"] : ["POST"];
  if ((!isPage && !isRoute) || methods.includes(method)) return null;
  const allow = methods.join(", ");
  return new GatewayError("method-not-allowed", `${path} takes ${allow}, not ${method}.`, { headers: { allow } });
}

function unknownPath(path: string): GatewayError {
  const prefix = path.startsWith(`${EXPLAIN}/`) ? EXPLAIN : "";
  const routes = ROUTES.map((route) => prefix + route.path.replace(/\/\*$/, ""));
  const nearest = [...routes, ...OWN_PATHS].toSorted((a, b) => distance(path, a) - distance(path, b))[0];
  return new GatewayError("not-found", `There is no ${path} here. The nearest path is ${nearest}; GET / lists all of them.`);
}

/** How many characters of two paths differ, counted from both ends; enough to find what was meant. */
function distance(a: string, b: string): number {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  return Math.max(a.length, b.length) - head - tail;
}

/** https://platform.openai.com/docs/api-reference/models, https://docs.claude.com/en/api/models-list (read 2026-11). */
function modelList(models: readonly Model[], anthropic: boolean): object {
  const data = models.map((model) => modelPage(model, anthropic));
  if (!anthropic) return { object: "list", data };
  return { data, has_more: false, first_id: models[0]?.id ?? null, last_id: models.at(-1)?.id ?? null };
}

/** When a model came out is not known here; both protocols want a time, so they get the epoch. */
function modelPage({ id, provider }: Model, anthropic: boolean): object {
  if (anthropic) return { type: "model", id, display_name: id, created_at: "1970-01-01T00:00:00Z" };
  return { id, object: "model", created: 0, owned_by: provider };
}
