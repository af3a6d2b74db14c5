// Listens on Deno: accepts connections, serves HTTP on each, notices clients that leave, and closes idle and surplus connections.
// Never decides what is answered. `Deno.serve` does all this by itself, but does not notice a client that leaves before the answer begins if its
// body came after its head, waits for a head for ever, and ends the process when no file descriptor is left for the next connection.

import type { ConnectionLimits, Server } from "./ports.ts";

export interface DenoListener {
  readonly addr: { readonly port: number };
  accept(): Promise<DenoConnection>;
  close(): void;
}
export interface DenoConnection {
  readonly remoteAddr: { readonly hostname?: string };
  setNoDelay(noDelay: boolean): void;
  close(): void;
}
export interface DenoHttp {
  /** Null, or a rejection, once the client has closed the connection. */
  nextRequest(): Promise<DenoExchange | null>;
  /** Accepts no further request, and cuts off what has not been answered. Throws when called twice. */
  close(): void;
}
interface DenoExchange {
  readonly request: Request;
  /** Resolves when the answer has gone out; rejects when it can't go out, or when its body breaks. */
  respondWith(response: Response): Promise<void>;
}

/** A connection, for the handler of its requests. */
export interface OpenConnection {
  readonly address: string | null;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** It is a WebSocket from now on. Returns a function that reports its end. */
  readonly upgraded: () => () => void;
}

interface Ports {
  readonly listener: DenoListener;
  readonly serveHttp: (connection: DenoConnection) => DenoHttp;
  readonly answer: (request: Request, connection: OpenConnection) => Response | Promise<Response>;
}

/** Why accepting fails: the client has reset the connection already, which is harmless, or the process may open no more files. */
const GONE_AT_ONCE = "ENOTCONN";
const OUT_OF_DESCRIPTORS = "EMFILE";
/** How long to wait after such a failure before accepting again. */
const ACCEPT_AGAIN_MS = 50;
/** How long the last answer of a connection has to go out after Deno has taken it. */
const LAST_BYTES_MS = 1000;
/** The share of file descriptors that connections may use after they ran out: the rest is for calls to the upstream. */
const SHARE_OF_DESCRIPTORS = 0.75;
const LEAST_CONNECTIONS = 8;

export class DenoServer implements Server {
  readonly port: number;
  readonly #ports: Ports;
  readonly #headTimeoutMs: number | null;
  #maxConnections: number;
  readonly #open = new Set<ServedConnection>();
  /** Connections without a pending answer, the longest idle first, and since when. */
  readonly #waiting = new Map<ServedConnection, number>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isDraining = false;
  #drained: (() => void) | null = null;

  constructor(ports: Ports, { headTimeoutMs, maxConnections }: ConnectionLimits) {
    this.port = ports.listener.addr.port;
    this.#ports = ports;
    this.#headTimeoutMs = headTimeoutMs;
    this.#maxConnections = maxConnections ?? Infinity;
    void this.#accept();
  }

  drain(): Promise<void> {
    this.#isDraining = true;
    this.#ports.listener.close();
    for (const [connection, sinceMs] of this.#waiting) closeLater(connection, sinceMs);
    return new Promise((resolve) => {
      this.#drained = resolve;
      this.#resolveIfDrained();
    });
  }

  async #accept(): Promise<void> {
    while (!this.#isDraining) {
      try {
        this.#take(await this.#ports.listener.accept());
      } catch (error) {
        // None of these errors is a reason to stop accepting.
        if (this.#isDraining) return;
        const code = error instanceof Error && "code" in error ? error.code : null;
        if (code === GONE_AT_ONCE) continue;
        if (code === OUT_OF_DESCRIPTORS) this.#makeRoom();
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_AGAIN_MS));
      }
    }
  }

  #makeRoom(): void {
    this.#maxConnections = Math.min(this.#maxConnections, Math.max(LEAST_CONNECTIONS, this.#open.size * SHARE_OF_DESCRIPTORS));
    while (this.#open.size > this.#maxConnections && this.#closeLongestWaiting());
  }

  #take(accepted: DenoConnection): void {
    if (this.#open.size >= this.#maxConnections && !this.#closeLongestWaiting()) return accepted.close();
    const address = accepted.remoteAddr.hostname ?? null;
    let http: DenoHttp;
    try {
      accepted.setNoDelay(true);
      http = this.#ports.serveHttp(accepted);
    } catch {
      // The client left at once.
      return;
    }
    const connection = new ServedConnection(http, address, {
      answer: this.#ports.answer,
      waits: () => this.#wait(connection),
      works: () => void this.#waiting.delete(connection),
      closed: () => {
        this.#open.delete(connection);
        this.#waiting.delete(connection);
        this.#resolveIfDrained();
      },
    });
    this.#open.add(connection);
    void connection.serve();
  }

  #wait(connection: ServedConnection): void {
    if (this.#isDraining) return closeLater(connection, performance.now());
    this.#waiting.set(connection, performance.now());
    this.#watch();
  }

  /** One timer for all: the first to become idle is the first to be closed. */
  #watch(): void {
    const [since] = this.#waiting.values();
    if (this.#headTimeoutMs === null || this.#timer !== null || since === undefined) return;
    const limitMs = this.#headTimeoutMs;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        for (const [connection, sinceMs] of this.#waiting) {
          if (performance.now() - sinceMs < limitMs) break;
          connection.close();
        }
        this.#watch();
      },
      since + limitMs - performance.now(),
    );
  }

  /** Returns whether there was one. */
  #closeLongestWaiting(): boolean {
    const [connection] = this.#waiting.keys();
    connection?.close();
    return connection !== undefined;
  }

  #resolveIfDrained(): void {
    if (this.#drained === null || this.#open.size > 0) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#drained();
  }
}

/** Deno reports an answer as out when it has taken its last bytes: if closed at once, the connection would lose them. */
function closeLater(connection: ServedConnection, sinceMs: number): void {
  setTimeout(() => connection.close(), Math.max(0, sinceMs + LAST_BYTES_MS - performance.now()));
}

interface ConnectionListener {
  readonly answer: Ports["answer"];
  /** No answer is pending. */
  readonly waits: () => void;
  readonly works: () => void;
  /** Once. */
  readonly closed: () => void;
}

class ServedConnection implements OpenConnection {
  readonly address: string | null;
  readonly #http: DenoHttp;
  readonly #listener: ConnectionListener;
  readonly #leaving = new AbortController();
  #running = 0;
  #isClosed = false;
  #isWebSocket = false;

  constructor(http: DenoHttp, address: string | null, listener: ConnectionListener) {
    this.#http = http;
    this.address = address;
    this.#listener = listener;
  }

  get signal(): AbortSignal {
    return this.#leaving.signal;
  }

  readonly upgraded = (): (() => void) => {
    this.#isWebSocket = true;
    return this.#listener.closed;
  };

  /** Until either side closes the connection. */
  async serve(): Promise<void> {
    this.#listener.waits();
    try {
      for (;;) {
        const exchange = await this.#http.nextRequest();
        if (exchange === null) break;
        this.#running++;
        this.#listener.works();
        void this.#answer(exchange);
      }
    } catch {
      // What came was not a request, which Deno has answered, or the connection broke.
    }
    this.close();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#running > 0 && !this.#isWebSocket) this.#leaving.abort();
    try {
      this.#http.close();
    } catch {
      // It is already closed.
    }
    if (!this.#isWebSocket) this.#listener.closed();
  }

  async #answer(exchange: DenoExchange): Promise<void> {
    const { request } = exchange;
    let isLast = false;
    try {
      const response = isServed(request) ? await this.#listener.answer(request, this) : notServed();
      if (response.status === LEFT) throw new Error("The client has left, or what it sent is no body.");
      // Deno hides a length after `transfer-encoding`: what another reader takes for the rest of this body is not a request.
      if (request.headers.has("transfer-encoding")) response.headers.set("connection", "close");
      isLast = response.headers.get("connection") === "close";
      await exchange.respondWith(asItIs(response));
    } catch {
      this.close();
    }
    this.#running--;
    if (this.#isClosed || this.#isWebSocket) return;
    // Deno closes it itself, but waits for ever for a client that has sent half a body and then nothing.
    if (isLast) setTimeout(() => this.close(), LAST_BYTES_MS);
    else if (this.#running === 0) this.#listener.waits();
  }
}

/**
 * Deno speaks HTTP/2 as well, whose requests have no Host header, and does not report the cancellation of one of many on a connection:
 * its call would run on, and be billed. A page costs nothing, and HTTP/1.0 probes request one without a host.
 */
function isServed({ method, headers }: Request): boolean {
  return headers.has("host") || method === "GET" || method === "HEAD";
}

function notServed(): Response {
  const text = "This server speaks HTTP/1.1. A request needs a Host header; HTTP/2 is not served here.\n";
  return new Response(text, { status: 505, headers: { "content-type": "text/plain", connection: "close" } });
}

/** A status that nobody reads. */
const LEFT = 499;
const UNCHANGED = "no-transform";

/** Deno would compress an answer that does not forbid it. */
function asItIs(response: Response): Response {
  const { headers, status } = response;
  if (status === 101) return response;
  const control = headers.get("cache-control");
  if (control === null || !control.includes(UNCHANGED)) headers.append("cache-control", UNCHANGED);
  return response;
}
