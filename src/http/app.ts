// Gives each row of routes.ts its handler. The only folder that uses Hono; answers to calls come from the gateway.
// Never looks into a body, or answers in a format that the path's clients do not understand.

import { Hono } from "hono";
import { cors } from "hono/cors";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Sockets } from "../gateway/socket.ts";
import { lingering } from "../gateway/client-body.ts";
import { requestIdOf, SAFE_HEADERS } from "../gateway/headers.ts";
import { incomingRequest, type Call, type IncomingRequest, type Route } from "../gateway/request.ts";
import type { Caller, Keys } from "../access/keys.ts";
import type { Connection, Fetch } from "../runtime/ports.ts";
import { isAdminPath } from "./admin/routes.ts";
import { bedrockPath, clientsOf, geminiPath, socketRoute } from "./call-paths.ts";
import { createPages, NOBODY, type Env, type PageContext, type PageFacts, type PagePorts } from "./pages.ts";
import { canonicalPath, refusalAt, ROUTES, takesQueryKey, type CallRow } from "./routes.ts";

export interface AppPorts extends PagePorts {
  readonly gateway: Gateway;
  readonly sockets: Pick<Sockets, "listener">;
  readonly keys: Keys;
  /** The dashboard and the admin API. Null: they are off, and the path does not exist. */
  readonly site: (incoming: IncomingRequest) => Promise<Response> | null;
  readonly newId: () => string;
}

export interface AppFacts extends PageFacts {
  /** Origins of web pages that may call; no others may. */
  readonly corsOrigins: readonly string[];
  readonly maxHeaderBytes: number;
  /** Whether WebSockets are accepted. */
  readonly webSocket: boolean;
}

/** Headers that browsers may show to a page of another origin. */
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
  /** Calls `answer` if the caller has a valid key; otherwise answers with an error in the format that this path's clients understand. */
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
      // One look-up in a map for most paths. Hono builds a chain of calls for a path with several handlers, so each has only one.
      router: new RegExpRouter(),
      getPath: (_request, options) => canonicalPath(options?.env?.path ?? "/"),
    });
    if (facts.corsOrigins.length > 0) {
      app.use(async (c, next) => {
        await next();
        // An answer that cors() gives by itself does not have them yet.
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
  // Built for the first request that needs it, which saves a tenth of the start: calls bypass it.
  let app: Hono<Env> | null = null;
  // Without middleware these paths need nothing of a Hono context, which is a tenth of what a call allocates.
  const direct = new Map(facts.corsOrigins.length > 0 ? [] : CALL_ROWS.map((row) => [row.path, row]));

  const openSocket = (incoming: IncomingRequest, route: Route, connection: Connection): Response | Promise<Response> =>
    guarded(incoming, () => {
      // Browsers send no preflight before opening a WebSocket, and any page may open one.
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

  /** A client that is refused before its whole body has come must not go on sending for ever. */
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
      // Bypasses Hono, since no middleware may change the answer that the runtime has made.
      return facts.webSocket && connection !== undefined ? openSocket(incoming, route, connection) : upgradeRequired();
    }
    const refused = guarded(incoming, () => {
      const text = `The head of the request is larger than ${facts.maxHeaderBytes} bytes (MAX_HEADER_BYTES).`;
      throw new GatewayError("too-large", text, { status: 431 });
    });
    return finished(incoming, refused);
  };
}

/** Calls on a fixed path, with everything in their bodies. */
const CALL_ROWS = ROUTES.filter((row): row is CallRow => row.protocol !== null && row.form === undefined && !/\/[*:]/.test(row.path));

/** Codex tries a WebSocket first. With 426 it uses HTTP at once; after any other status it retries for seconds, or fails. */
function upgradeRequired(): Response {
  const error = {
    message: "This server takes no WebSockets. Send POST /v1/responses.",
    type: "invalid_request_error",
    param: null,
    code: "upgrade_required",
  };
  return Response.json({ error }, { status: 426, headers: SAFE_HEADERS });
}
