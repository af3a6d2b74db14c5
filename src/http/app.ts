// Gives each row of routes.ts its handler. The only folder that uses Hono; answers to calls come from the gateway.
// Never looks into a body, or answers in a format that the path's clients do not understand.

import { Hono } from "hono";
import { cors } from "hono/cors";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { GatewayError, REASON_HEADER } from "../errors.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Sockets } from "../gateway/socket.ts";
import { lingering } from "../gateway/client-body.ts";
import { requestIdOf, SAFE_HEADERS } from "../gateway/headers.ts";
import { incomingRequest, type Call, type IncomingRequest, type Route } from "../gateway/request.ts";
import type { Caller, Keys } from "../access/keys.ts";
import type { After, Connection, Fetch } from "../runtime/ports.ts";
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
  REASON_HEADER,
  "x-factory-proxy-limit",
  "server-timing",
  "retry-after",
];

/** The program as one function. */
export function createApp(ports: AppPorts, facts: AppFacts): Fetch {
  const app = new App(ports, facts);
  return (request, connection) => app.answer(request, connection);
}

class App {
  readonly #ports: AppPorts;
  readonly #facts: AppFacts;
  readonly #pages: ReturnType<typeof createPages>;
  /** Calls that bypass Hono by their path: without middleware they need nothing of its context, a tenth of what a call allocates. */
  readonly #direct: ReadonlyMap<string, CallRow>;
  /** Built for the first request that needs it, which saves a tenth of the start. */
  #hono: Hono<Env> | null = null;

  constructor(ports: AppPorts, facts: AppFacts) {
    this.#ports = ports;
    this.#facts = facts;
    this.#pages = createPages(ports, facts);
    this.#direct = new Map(facts.corsOrigins.length > 0 ? [] : CALL_ROWS.map((row) => [row.path, row]));
  }

  answer(request: Request, connection: Connection | undefined): Response | Promise<Response> {
    const incoming = incomingRequest(request, { connection, takesQueryKey });
    if (incoming === null) return new Response(null, { status: 400, headers: { ...SAFE_HEADERS, connection: "close" } });
    if (incoming.headerBytes > this.#facts.maxHeaderBytes) return this.#finished(incoming, this.#refuseHead(incoming));
    const site = isAdminPath(incoming.path) ? this.#ports.site(incoming) : null;
    if (site !== null) return this.#finished(incoming, this.#caught(incoming, site));
    const socket = incoming.headers["upgrade"] === undefined ? null : socketRoute(incoming);
    // Bypasses Hono, since no middleware may change the answer that the runtime has made.
    if (socket !== null)
      return this.#facts.webSocket && connection !== undefined ? this.#openSocket(incoming, socket, connection) : upgradeRequired();
    const row = request.method === "POST" ? this.#direct.get(incoming.path) : undefined;
    if (row === undefined) return this.#finished(incoming, (this.#hono ??= this.#routes()).fetch(request, incoming));
    return this.#finished(incoming, this.#ports.gateway[row.handler](this.#callOf(incoming, row)));
  }

  #routes(): Hono<Env> {
    const app = new Hono<Env>({
      // One look-up in a map for most paths. Hono builds a chain of calls for a path with several handlers, so each has only one.
      router: new RegExpRouter(),
      getPath: (_request, options) => canonicalPath(options?.env?.path ?? "/"),
    });
    const { corsOrigins } = this.#facts;
    if (corsOrigins.length > 0) {
      app.use(async (c, next) => {
        await next();
        // An answer that cors() gives by itself does not have them yet.
        for (const [name, value] of Object.entries(SAFE_HEADERS)) c.res.headers.set(name, value);
      });
      app.use(cors({ origin: [...corsOrigins], exposeHeaders: EXPOSED_HEADERS, maxAge: 600 }));
    }
    for (const row of ROUTES) {
      app.on(row.method, row.path, (c) => {
        if (row.protocol !== null) return this.#call(c, row);
        const page = this.#pages[row.handler];
        return row.isPublic ? page(c, NOBODY) : this.#guarded(c.env, (caller) => page(c, caller));
      });
    }
    app.notFound((c) => this.#elsewhere(c));
    app.onError((error, c) => this.#failed(c.env, error));
    return app;
  }

  #call(c: PageContext, row: CallRow): Response | Promise<Response> {
    const { gateway } = this.#ports;
    if (row.protocol !== "gemini" && row.form === undefined) return gateway[row.handler](this.#callOf(c.env, row));
    const path = row.form === "bedrock" ? bedrockPath(c.req.path) : geminiPath(c.req.path);
    if (path === null) return this.#elsewhere(c);
    const framing = row.protocol === "gemini" && path.stream && !c.env.wantsSse ? "json-array" : "sse";
    const isCount = row.protocol === "gemini" && c.req.path.endsWith(":countTokens");
    const route: Route = isCount ? { protocol: row.protocol, endpoint: "count-tokens" } : row;
    return gateway[row.handler]({ ...this.#callOf(c.env, route), path, framing });
  }

  #callOf(incoming: IncomingRequest, route: Route): Call {
    return { request: incoming, route, requestId: requestIdOf(incoming.headers, this.#ports.newId), path: null, framing: "sse" };
  }

  #openSocket(incoming: IncomingRequest, route: Route, connection: Connection): Response | Promise<Response> {
    return this.#guarded(incoming, () => {
      // Browsers send no preflight before opening a WebSocket, and any page may open one.
      const { origin } = incoming.headers;
      if (origin !== undefined && !this.#facts.corsOrigins.includes(origin)) {
        const text = "This web page may not open a WebSocket here. To allow it, add its origin to CORS_ORIGINS.";
        throw new GatewayError("forbidden", text, { code: "origin_not_allowed" });
      }
      if (this.#ports.isDraining()) throw new GatewayError("stopped", "The server is stopping.", { headers: { "retry-after": "5" } });
      const opened = connection.upgrade(this.#ports.sockets.listener(this.#callOf(incoming, route)));
      if (opened === null) throw new GatewayError("invalid-request", "The WebSocket handshake is incomplete.");
      return opened;
    });
  }

  /** Calls `answer` if the caller has a valid key; otherwise answers with an error in the format that this path's clients understand. */
  #guarded<Answer extends Response | Promise<Response>>(
    incoming: IncomingRequest,
    answer: (caller: Caller) => Answer,
  ): Answer | Response | Promise<Response> {
    const { keys } = this.#ports;
    let caller: Caller;
    try {
      caller = keys.identify(incoming.keys, incoming);
    } catch (refused) {
      const again = keys.identifyAgain(incoming, refused);
      return again.then(answer).catch((error: unknown) => this.#failed(incoming, error));
    }
    try {
      return answer(caller);
    } catch (error) {
      return this.#failed(incoming, error);
    }
  }

  #elsewhere(c: PageContext): Response | Promise<Response> {
    return this.#guarded(c.env, () => {
      throw refusalAt(c.req.path, c.req.method);
    });
  }

  #refuseHead(incoming: IncomingRequest): Response | Promise<Response> {
    return this.#guarded(incoming, () => {
      const text = `The head of the request is larger than ${this.#facts.maxHeaderBytes} bytes (MAX_HEADER_BYTES).`;
      throw new GatewayError("too-large", text, { status: 431 });
    });
  }

  #failed(incoming: IncomingRequest, error: unknown): Response {
    return this.#ports.gateway.refuse(this.#callOf(incoming, { ...clientsOf(incoming), endpoint: null }), error);
  }

  #caught(incoming: IncomingRequest, answer: Promise<Response>): Promise<Response> {
    return answer.catch((error: unknown) => this.#failed(incoming, error));
  }

  #finished(incoming: IncomingRequest, answer: Response | Promise<Response>): Response | Promise<Response> {
    const { after } = this.#ports;
    return answer instanceof Promise ? finishedLater(incoming, answer, after) : finished(incoming, answer, after);
  }
}

/** A client that is refused before its whole body has come must not go on sending for ever. */
function finished({ body }: IncomingRequest, response: Response, after: After): Response | Promise<Response> {
  return body.isOver ? response : lingering(response, body, after);
}

function finishedLater(incoming: IncomingRequest, answer: Promise<Response>, after: After): Promise<Response> {
  return answer.then((response) => finished(incoming, response, after));
}

/** Calls on a fixed path, with everything in their bodies. */
const CALL_ROWS = ROUTES.filter((row): row is CallRow => row.protocol !== null && row.form === undefined && !/\/[*:]/.test(row.path));

/** Codex tries a WebSocket first. With 426 it uses HTTP at once; after any other status it retries for seconds, or fails. */
function upgradeRequired(): Response {
  const error = {
    message: "WebSockets are off on this server. Send POST /v1/responses.",
    type: "invalid_request_error",
    param: null,
    code: "upgrade_required",
  };
  return Response.json({ error }, { status: 426, headers: SAFE_HEADERS });
}
