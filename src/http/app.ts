// Gives each row of routes.ts its handler. The only folder with Hono; the answers to calls come from the gateway.
// Never looks into a body, or answers in another shape than the one that the path's clients understand.

import { Hono, type Context } from "hono";
import { cors } from "hono/cors";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Sockets } from "../gateway/socket.ts";
import { lingering } from "../gateway/client-body.ts";
import { requestIdOf, SAFE_HEADERS, streamHeaders } from "../gateway/headers.ts";
import { incomingRequest, type Call, type IncomingRequest, type Route } from "../gateway/request.ts";
import type { AccountReport, Dates } from "../access/account-report.ts";
import type { Caller, Keys } from "../access/keys.ts";
import { modelRefusal } from "../access/limits.ts";
import { quotaJson, type QuotaReport } from "../access/quota-report.ts";
import type { Model } from "../models/catalog.ts";
import type { Models } from "../models/models.ts";
import { modelOf } from "../protocol/bedrock.ts";
import type { After, Connection, Fetch } from "../runtime/ports.ts";
import { balancePage, billedPage, subscriptionPage, usagePage } from "./account-pages.ts";
import { isAdminPath } from "./admin/routes.ts";
import type { MetricsPage } from "./metrics.ts";
import { frontPage, wantsHtml } from "./front-page.ts";
import type { StoreView } from "./store-view.ts";
import { timedEvents } from "./timed-events.ts";
import { modelList, modelPage, type PageShape } from "./models-page.ts";
import {
  answeringAt,
  CALLS,
  canonicalPath,
  clientsAt,
  pagePaths,
  refusalAt,
  ROUTES,
  takesQueryKey,
  type CallRow,
  type PageRow,
} from "./routes.ts";

export interface AppPorts {
  readonly gateway: Gateway;
  readonly sockets: Pick<Sockets, "listener">;
  readonly keys: Keys;
  readonly models: Models;
  /** Whether the caller may ask a model. */
  readonly mayUse: (caller: Caller, model: Model) => boolean;
  /** Null: there is none. */
  readonly store: () => StoreView | null;
  /** Of the plan behind the caller's Factory key. */
  readonly quota: (caller: Caller) => Promise<QuotaReport>;
  readonly metrics: MetricsPage;
  /** The dashboard and the admin API. Null: they are off, so that the path is none. */
  readonly site: (incoming: IncomingRequest) => Promise<Response> | null;
  readonly account: (caller: Caller, dates: Dates) => Promise<AccountReport>;
  /** Whether the program is about to stop. */
  readonly isDraining: () => boolean;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly after: After;
  readonly newId: () => string;
}

export interface AppFacts {
  readonly version: string;
  /** Name and version of the runtime. */
  readonly runtime: string;
  /** When the program started, in Unix milliseconds. */
  readonly startedMs: number;
  /** Origins of web pages that may call; none others may. */
  readonly corsOrigins: readonly string[];
  readonly maxHeaderBytes: number;
  /** Whether WebSockets may be opened. */
  readonly webSocket: boolean;
  /** Whether there is a dashboard. */
  readonly ui: boolean;
}

type Env = { Bindings: IncomingRequest };
type PageContext = Context<Env>;

/** What browsers may show to a page of another origin. */
const EXPOSED_HEADERS = [
  "x-request-id",
  "x-factory-proxy-dropped",
  "x-factory-proxy-attempts",
  "x-factory-proxy-fallback",
  "x-factory-proxy-estimated",
  "x-factory-proxy-budget",
  "x-factory-proxy-quota",
  "x-factory-proxy-reason",
  "x-factory-proxy-limit",
  "server-timing",
  "retry-after",
];

/** The program as one function. */
export function createApp(ports: AppPorts, facts: AppFacts): Fetch {
  const { gateway, keys } = ports;
  const callOf = (incoming: IncomingRequest, route: Route): Call => ({
    request: incoming,
    route,
    requestId: requestIdOf(incoming.headers, ports.newId),
    path: null,
    framing: "sse",
  });
  const failed = (incoming: IncomingRequest, error: unknown): Response =>
    gateway.refuse(callOf(incoming, { ...clientsOf(incoming), endpoint: null }), error);
  /** Answers once the caller has shown a key; an error in the shape that this path's clients understand. */
  const guarded = <Answer extends Response | Promise<Response>>(
    incoming: IncomingRequest,
    answer: (caller: Caller) => Answer,
  ): Answer | Response | Promise<Response> => {
    let caller: Caller;
    try {
      caller = keys.identify(incoming.keys, incoming);
    } catch (refused) {
      const again = keys.identifyAgain(incoming, refused);
      return again.then(answer).catch((error: unknown) => failed(incoming, error));
    }
    try {
      return answer(caller);
    } catch (error) {
      return failed(incoming, error);
    }
  };
  const elsewhere = (c: PageContext): Response | Promise<Response> =>
    guarded(c.env, () => {
      throw refusalAt(c.req.path, c.req.method);
    });

  const pages = createPages(ports, facts);
  const serve = (c: PageContext, row: CallRow): Response | Promise<Response> => {
    if (row.protocol !== "gemini" && row.form === undefined) return gateway[row.handler](callOf(c.env, row));
    const path = row.form === "bedrock" ? bedrockPath(c.req.path) : geminiPath(c.req.path);
    if (path === null) return elsewhere(c);
    const framing = row.protocol === "gemini" && path.stream && !c.env.wantsSse ? "json-array" : "sse";
    const isCount = row.protocol === "gemini" && c.req.path.endsWith(":countTokens");
    const route: Route = isCount ? { protocol: row.protocol, endpoint: "count-tokens" } : row;
    return gateway[row.handler]({ ...callOf(c.env, route), path, framing });
  };

  const routed = (): Hono<Env> => {
    const app = new Hono<Env>({
      // One look into a map for most paths. What a path has more than one handler for costs a chain of calls, so there is one each.
      router: new RegExpRouter(),
      getPath: (_request, options) => canonicalPath(options?.env?.path ?? "/"),
    });
    if (facts.corsOrigins.length > 0) {
      app.use(async (c, next) => {
        await next();
        // What the next one answers by itself has none of them yet.
        for (const [name, value] of Object.entries(SAFE_HEADERS)) c.res.headers.set(name, value);
      });
      app.use(cors({ origin: [...facts.corsOrigins], exposeHeaders: EXPOSED_HEADERS, maxAge: 600 }));
    }
    for (const row of ROUTES) {
      app.on(row.method, row.path, (c) => {
        if (row.protocol !== null) return serve(c, row);
        return row.isPublic ? pages[row.handler](c, NOBODY) : guarded(c.env, (caller) => pages[row.handler](c, caller));
      });
    }
    app.notFound(elsewhere);
    app.onError((error, c) => failed(c.env, error));
    return app;
  };
  // A tenth of the start is saved where it is made for the first request that needs it: calls go past it.
  let app: Hono<Env> | null = null;
  // Without middleware there is nothing that these need of a Hono context, which takes a tenth of what a call allocates.
  const direct = new Map(facts.corsOrigins.length > 0 ? [] : CALL_ROWS.map((row) => [row.path, row]));

  const openSocket = (incoming: IncomingRequest, route: Route, connection: Connection): Response | Promise<Response> =>
    guarded(incoming, () => {
      // Browsers ask no server before they open one, and any page may.
      const { origin } = incoming.headers;
      if (origin !== undefined && !facts.corsOrigins.includes(origin)) {
        const text = "This web page may not open a WebSocket here. Add its origin to CORS_ORIGINS.";
        throw new GatewayError("forbidden", text, { code: "origin_not_allowed" });
      }
      if (ports.isDraining()) throw new GatewayError("stopped", "The server is about to stop.", { headers: { "retry-after": "5" } });
      const opened = connection.upgrade(ports.sockets.listener(callOf(incoming, route)));
      if (opened === null) throw new GatewayError("invalid-request", "This is not a complete WebSocket handshake.");
      return opened;
    });

  /** Whoever is refused before all of the body has come must not go on sending for ever. */
  const finish = ({ body }: IncomingRequest, response: Response): Response | Promise<Response> =>
    body.isOver ? response : lingering(response, body, ports.after);
  const finished = (incoming: IncomingRequest, answer: Response | Promise<Response>): Response | Promise<Response> =>
    answer instanceof Promise ? answer.then((response) => finish(incoming, response)) : finish(incoming, answer);

  return (request, connection) => {
    const incoming = incomingRequest(request, { connection, takesQueryKey });
    if (incoming === null) return new Response(null, { status: 400, headers: { ...SAFE_HEADERS, connection: "close" } });
    if (incoming.headerBytes <= facts.maxHeaderBytes) {
      const answer = isAdminPath(incoming.path) ? ports.site(incoming) : null;
      if (answer !== null)
        return finished(
          incoming,
          answer.catch((error: unknown) => failed(incoming, error)),
        );
      const route = incoming.headers["upgrade"] === undefined ? null : socketRoute(incoming);
      if (route === null) {
        const row = request.method === "POST" ? direct.get(incoming.path) : undefined;
        return finished(
          incoming,
          row === undefined ? (app ??= routed()).fetch(request, incoming) : gateway[row.handler](callOf(incoming, row)),
        );
      }
      // Past Hono, since nothing may be laid over the answer that the runtime has given.
      return facts.webSocket && connection !== undefined ? openSocket(incoming, route, connection) : upgradeRequired();
    }
    const refused = guarded(incoming, () => {
      const text = `The head of the request is larger than ${facts.maxHeaderBytes} bytes (MAX_HEADER_BYTES).`;
      throw new GatewayError("too-large", text, { status: 431 });
    });
    return finished(incoming, refused);
  };
}

/** Calls on a path of their own, with all that is asked in their bodies. */
const CALL_ROWS = ROUTES.filter((row): row is CallRow => row.protocol !== null && row.form === undefined && !/\/[*:]/.test(row.path));

type Page = (c: PageContext, caller: Caller) => Response | Promise<Response>;

/** Asks for a page that is for everybody. */
const NOBODY: Caller = { id: "", upstreamKey: "" };

/** What answers each page. */
function createPages(ports: AppPorts, facts: AppFacts): Readonly<Record<PageRow["handler"], Page>> {
  const { models } = ports;
  const accountPage =
    (shape: (account: AccountReport) => object): Page =>
    async (c, caller) =>
      page(c, shape(await ports.account(caller, { from: c.req.query("start_date") ?? null, to: c.req.query("end_date") ?? null })));
  return {
    overview: (c) => {
      c.header("vary", "accept");
      if (wantsHtml(c.env.headers)) return frontPage(facts);
      return page(c, {
        name: "factory-proxy",
        about: "A gateway between any AI client and Factory's LLM API.",
        version: facts.version,
        status: "ok",
        routes: CALLS.map(({ method, path, protocol, about }) => ({ method, path, protocol, about })),
        pages: pagePaths(),
      });
    },
    // The word that the Go program's clients look for.
    health: (c) =>
      page(c, {
        status: "healthy",
        timestamp: new Date(ports.now()).toISOString(),
        uptime: Math.floor((ports.now() - facts.startedMs) / 1000),
        version: facts.version,
        runtime: facts.runtime,
      }),
    ready: (c) => {
      const view = ports.store();
      const store = view === null ? {} : { store: view.kind, ...(view.isReachable ? {} : { storeState: "unreachable" }) };
      if (!ports.isDraining() && view?.isUsable !== false) return page(c, { status: "ready", ...store });
      c.header("retry-after", "5");
      return page(c, { status: ports.isDraining() ? "stopping" : "waiting", ...store }, 503);
    },
    stream: () => new Response(timedEvents(ports.after), { headers: { ...SAFE_HEADERS, ...streamHeaders("sse") } }),
    metrics: (c) => ports.metrics(c.env),
    hello: (c) => page(c, { message: "hello" }),
    models: (c, caller) => {
      const usable = models.list().filter((model) => ports.mayUse(caller, model));
      return page(c, modelList(usable, c.req.query("client_version") === undefined ? shapeOf(c) : "codex"));
    },
    model: (c, caller) => {
      const name = modelIn(c.req.path);
      const model = models.entry(name);
      // As a call of it would be.
      if (!ports.mayUse(caller, model)) throw modelRefusal(caller.id, name);
      return page(c, modelPage(model, shapeOf(c)));
    },
    quota: async (c, caller) => page(c, quotaJson(await ports.quota(caller))),
    usage: accountPage(usagePage),
    balance: accountPage(balancePage),
    subscription: accountPage(subscriptionPage),
    billed: accountPage(billedPage),
  };
}

function page(c: PageContext, body: object, status: 200 | 503 = 200): Response {
  return c.json(body, status, SAFE_HEADERS);
}

/** Where a WebSocket would speak the Responses API; null: the request asks for none, or somewhere else. */
function socketRoute({ raw, path, headers }: IncomingRequest): Route | null {
  if (raw.method !== "GET" || headers["upgrade"]?.toLowerCase() !== "websocket") return null;
  return answeringAt(canonicalPath(path), "openai-responses");
}

/** Codex tries a WebSocket first; 426 makes it use HTTP at once, while after any other status it tries for seconds, or fails. */
function upgradeRequired(): Response {
  const error = {
    message: "This server takes no WebSockets. Send POST /v1/responses.",
    type: "invalid_request_error",
    param: null,
    code: "upgrade_required",
  };
  return Response.json({ error }, { status: 426, headers: SAFE_HEADERS });
}

const GEMINI_CALL = /\/(?:models|tunedModels)\/(.+):(generateContent|streamGenerateContent|countTokens)$/;

/** Model and stream switch of a Gemini path; null when it names no call that is served here. */
function geminiPath(path: string): Call["path"] {
  const [, escaped, method] = GEMINI_CALL.exec(path) ?? [];
  const model = escaped === undefined ? null : unescaped(escaped);
  return model === null ? null : { model, stream: method === "streamGenerateContent" };
}

const BEDROCK_CALL = /\/model\/([^/]+)\/(invoke|invoke-with-response-stream)$/;

/** Model and stream switch of a path of Bedrock's; null where its escapes are none. */
function bedrockPath(path: string): Call["path"] {
  const [, escaped = "%", method] = BEDROCK_CALL.exec(path) ?? [];
  const id = unescaped(escaped);
  return id === null ? null : { model: modelOf(id), stream: method !== "invoke" };
}

/** The model that a page is about: what stands behind `/models/`. */
function modelIn(path: string): string {
  const escaped = path.replace(/^\/v1(?:beta)?\/models\//, "");
  return unescaped(escaped) ?? escaped;
}

/** Null where the escapes are none, or stand for no text. */
function unescaped(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** Newer Gemini SDKs ask for `/v1/models`, as OpenAI's and Anthropic's do. */
function shapeOf(c: PageContext): PageShape {
  const { headers, queryKey } = c.env;
  if ("anthropic-version" in headers) return "anthropic";
  const isGemini = c.req.path.startsWith("/v1beta/") || "x-goog-api-key" in headers || queryKey !== null;
  return isGemini ? "gemini" : "openai";
}

const OF_ANTHROPIC = /\/messages|^\/(?:anthropic|bedrock)\//;
const OF_AWS = /^\/bedrock\/(?!v1\/)/;

/** Whose clients a request comes from, by its path, and where that says nothing by what it looks like. */
function clientsOf({ path, headers }: IncomingRequest): Pick<Route, "protocol" | "form"> {
  const known = clientsAt(canonicalPath(path));
  if (known !== null) return known;
  if (OF_AWS.test(path)) return { protocol: "anthropic-messages", form: "bedrock" };
  if ("anthropic-version" in headers || OF_ANTHROPIC.test(path)) return { protocol: "anthropic-messages" };
  return { protocol: path.includes("/v1beta/") ? "gemini" : "openai-chat" };
}
