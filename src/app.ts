// Room: app (row 5). The map: every path of the program on one page. The only room with Hono.
// In:  an HTTP request. Out: the response of the gateway, or of one of the few pages that stand here.
// Never does: look into a body, or answer in another shape than the one that the path's clients understand.

import { Hono, type Context } from "hono";
import { cors } from "hono/cors";
import { TrieRouter } from "hono/router/trie-router";
import { GatewayError } from "./errors.ts";
import type { Call, Door, Gateway } from "./gateway.ts";
import { requestIdOf } from "./headers.ts";
import type { Keys } from "./keys.ts";
import type { Model, Models } from "./models.ts";
import type { ProtocolId } from "./protocol/canonical.ts";

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

interface DoorRow extends Door {
  readonly path: string;
  readonly about: string;
}

/** Every door. With `endpoint` the bytes go there whatever the model; without, the model decides. First match wins. */
export const DOORS: readonly DoorRow[] = [
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

const OWN_PATHS = ["/", "/health", "/v1/health", "/ready", "/api/hello", "/v1/models"];

/** Nothing here is a page: a browser must not guess, frame, embed or remember any of it. */
const SAFE_HEADERS: readonly (readonly [string, string])[] = [
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
  ["cross-origin-resource-policy", "same-origin"],
  ["referrer-policy", "no-referrer"],
];

export function createApp(ports: AppPorts, facts: AppFacts): Hono {
  const { gateway, keys, models } = ports;
  // The default router compiles all routes into one expression, which costs a start more than it saves on so few.
  const app = new Hono({ router: new TrieRouter(), getPath: (request) => canonicalPath(new URL(request.url).pathname) });
  const startedMs = ports.now();

  app.use(async (c, next) => {
    await next();
    for (const [name, value] of SAFE_HEADERS) c.res.headers.set(name, value);
  });
  if (facts.corsOrigins.length > 0) {
    const exposeHeaders = [
      "x-request-id",
      "x-factory-proxy-dropped",
      "x-factory-proxy-attempts",
      "x-factory-proxy-fallback",
      "retry-after",
    ];
    app.use(cors({ origin: [...facts.corsOrigins], exposeHeaders, maxAge: 600 }));
  }
  app.use(async (c, next) => {
    if (headerBytes(c.req.raw.headers) <= facts.maxHeaderBytes) return next();
    const text = `The head of the request is larger than ${facts.maxHeaderBytes} bytes (MAX_HEADER_BYTES).`;
    return refuse(c, () => new GatewayError("too-large", text, { status: 431 }));
  });

  const health = (c: Context): Response =>
    c.json({
      status: "ok",
      timestamp: new Date(ports.now()).toISOString(),
      uptime: Math.floor((ports.now() - startedMs) / 1000),
      version: facts.version,
      runtime: facts.runtime,
    });
  app.get("/health", health);
  app.get("/v1/health", health);
  app.get("/ready", (c) => {
    if (!ports.isDraining()) return c.json({ status: "ready" });
    return c.json({ status: "stopping" }, 503, { "retry-after": "5" });
  });
  app.get("/api/hello", (c) => c.json({ message: "hello" }));
  app.get("/", (c) =>
    c.json({
      name: "factory-proxy",
      about: "A gateway between any AI client and Factory's LLM API.",
      version: facts.version,
      status: "ok",
      doors: DOORS.map(({ path, protocol, about }) => ({ method: "POST", path, protocol, about })),
      pages: OWN_PATHS,
    }),
  );

  const callOf = (c: Context, door: Door): Call => ({
    request: c.req.raw,
    door,
    requestId: requestIdOf(c.req.raw.headers, ports.newId),
    path: null,
    framing: "sse",
  });
  /** Answers an error in the shape that this path's clients understand, once the caller has shown a key. */
  const refuse = (c: Context, error: () => GatewayError): Response => {
    const call = callOf(c, { protocol: protocolOf(c.req.path, c.req.raw.headers), endpoint: null });
    try {
      keys.identify(c.req.raw.headers, c.req.query("key") ?? null);
    } catch (unauthenticated) {
      return gateway.refuse(call, unauthenticated);
    }
    return gateway.refuse(call, error());
  };

  const list = (c: Context, answer: () => object): Response => {
    try {
      keys.identify(c.req.raw.headers, c.req.query("key") ?? null);
      return c.json(answer());
    } catch (error) {
      return gateway.refuse(callOf(c, { protocol: protocolOf(c.req.path, c.req.raw.headers), endpoint: null }), error);
    }
  };
  app.get("/v1/models", (c) => list(c, () => modelList(models.list(), isAnthropic(c))));
  app.get("/v1/models/:id{.+}", (c) => list(c, () => modelPage(models.entry(c.req.param("id")), isAnthropic(c))));

  for (const [prefix, serve] of [["", gateway.answer] as const, ["/explain", gateway.explain] as const]) {
    for (const door of DOORS) {
      app.post(prefix + door.path, (c, next) => {
        if (door.protocol !== "gemini") return serve(callOf(c, door));
        const path = geminiPath(c.req.path);
        if (path === null) return next();
        return serve({ ...callOf(c, door), path, framing: path.stream && c.req.query("alt") !== "sse" ? "json-array" : "sse" });
      });
    }
  }

  // Codex tries a WebSocket first; 426 makes it use HTTP at once.
  app.get("/v1/responses", (c) => {
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket") return refuse(c, () => wrongMethod(c, "POST"));
    return c.json(
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
  for (const path of [...OWN_PATHS, "/v1/models/:id{.+}"]) {
    app.all(path, (c, next) => (NAMES_METHOD.test(c.req.path) ? next() : refuse(c, () => wrongMethod(c, "GET, HEAD"))));
  }
  for (const { path } of DOORS) app.all(path, (c, next) => (c.req.method === "POST" ? next() : refuse(c, () => wrongMethod(c, "POST"))));
  app.notFound((c) => refuse(c, () => unknownPath(c)));
  app.onError((error, c) => gateway.refuse(callOf(c, { protocol: protocolOf(c.req.path, c.req.raw.headers), endpoint: null }), error));
  return app;
}

const V1_PATHS = /^\/(?:chat\/completions|responses|messages|messages\/count_tokens|models(?:\/.*)?)$/;

/** One spelling for what clients send: single slashes, none at the end, `/v1` once, and put in where it was left out. */
export function canonicalPath(path: string): string {
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

function headerBytes(headers: Headers): number {
  let bytes = 0;
  for (const [name, value] of headers) bytes += name.length + value.length + ": \r\n".length;
  return bytes;
}

function isAnthropic(c: Context): boolean {
  return c.req.header("anthropic-version") !== undefined;
}

/** Which protocol's clients come to a path that is no door. */
function protocolOf(path: string, headers: Headers): ProtocolId {
  if (path.startsWith("/explain/")) return protocolOf(path.slice("/explain".length), headers);
  const door = DOORS.find((row) => path === row.path || (row.path.endsWith("/*") && path.startsWith(row.path.slice(0, -1))));
  // Below /v1/models stand the pages of OpenAI's and Anthropic's clients too.
  const isPage = path.startsWith("/v1/models/") && !NAMES_METHOD.test(path);
  if (door !== undefined && !isPage) return door.protocol;
  return headers.has("anthropic-version") || path.includes("/messages") ? "anthropic-messages" : "openai-chat";
}

function wrongMethod(c: Context, allow: string): GatewayError {
  return new GatewayError("method-not-allowed", `${c.req.path} takes ${allow}, not ${c.req.method}.`, { headers: { allow } });
}

function unknownPath(c: Context): GatewayError {
  const prefix = c.req.path.startsWith("/explain/") ? "/explain" : "";
  const doors = DOORS.map(({ path }) => prefix + path.replace(/\/\*$/, ""));
  const nearest = [...doors, ...OWN_PATHS].toSorted((a, b) => distance(c.req.path, a) - distance(c.req.path, b))[0];
  return new GatewayError("not-found", `There is no ${c.req.path} here. The nearest path is ${nearest}; GET / lists all of them.`);
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
