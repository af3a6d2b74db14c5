// An HTTP/1.1 client for POSTs: connections are kept for the next request while the other end keeps them too.
// Never does: follow a redirect, send through a proxy, unpack, limit times; see connection.ts.

import type { After, ConnectTcp, Send, SocketError, TcpAddress, TcpEvents, TcpSocket } from "../../runtime/ports.ts";
import { Exchange, type Line } from "./exchange.ts";
import { requestBytes, targetOf, type Target } from "./head.ts";

export interface Http1Ports {
  readonly connectTcp: ConnectTcp;
  /** For what no call waits for. */
  readonly after: After;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Sends what this client can't. */
  readonly otherwise: Send;
}

/** Servers, and what balances their load, mostly close what was idle for a minute or longer. */
const IDLE_MS = 55_000;
/** As long as a server says that it keeps it, but for the time that its closing takes to get here. */
const MARGIN_MS = 1_000;
const SWEEP_MS = 5_000;
/** Unused for so long, as some servers close behind an answer without a word of it: what was sent then would be lost. */
const REST_MS = 10;
const KEPT_FOR_S = /(?:^|[,\s])timeout=(\d{1,6})/i;

export function http1(ports: Http1Ports): Send {
  const pools = new Map<string, Pool>();
  /** By URL. Only those of the configuration come in here. */
  const targets = new Map<string, Target | null>();
  return (request, connected) => {
    const target = targets.get(request.url) ?? targetOf(request.url);
    if (target === null) return ports.otherwise(request, connected);
    targets.set(request.url, target);
    const pool = pools.get(target.origin) ?? new Pool(ports, target);
    pools.set(target.origin, pool);
    const exchange = new Exchange(requestBytes(target, request), { connected, after: ports.after });
    pool.take(exchange);
    return exchange;
  };
}

/** The connections to one origin that nobody uses, the latest last. */
class Pool {
  readonly #ports: Http1Ports;
  readonly #address: TcpAddress;
  readonly idle: Link[] = [];
  #isSweeping = false;

  constructor(ports: Http1Ports, address: TcpAddress) {
    this.#ports = ports;
    this.#address = address;
  }

  take(exchange: Exchange): void {
    const nowMs = this.#ports.now();
    let at = this.idle.length - 1;
    while ((this.idle[at]?.restsToMs ?? 0) > nowMs) at--;
    const [link] = at === -1 ? [] : this.idle.splice(at, 1);
    if (link === undefined) this.connect(exchange);
    else link.begin(exchange);
  }

  connect(exchange: Exchange): void {
    const link = new Link(this);
    link.begin(exchange);
    link.takeBack = this.#ports.connectTcp(this.#address, link);
  }

  keep(link: Link, idleMs: number): void {
    const nowMs = this.#ports.now();
    [link.restsToMs, link.endsAtMs] = [nowMs + REST_MS, nowMs + idleMs];
    this.idle.push(link);
    if (!this.#isSweeping) this.#ports.after(SWEEP_MS, this.#sweep);
    this.#isSweeping = true;
  }

  readonly #sweep = (): void => {
    for (const link of this.idle.filter(({ endsAtMs }) => endsAtMs <= this.#ports.now())) link.close();
    this.#isSweeping = this.idle.length > 0;
    if (this.#isSweeping) this.#ports.after(SWEEP_MS, this.#sweep);
  };
}

/** One connection. */
class Link implements Line, TcpEvents {
  readonly #pool: Pool;
  #exchange: Exchange | null = null;
  #isReady = false;
  socket: TcpSocket | null = null;
  takeBack: (() => void) | null = null;
  #isReused = false;
  /** When it is closed unless it is used again. */
  endsAtMs = 0;
  /** When it may be. */
  restsToMs = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  begin(exchange: Exchange): void {
    this.#exchange = exchange;
    exchange.start(this);
    if (!this.#isReady) return;
    this.socket?.ref();
    exchange.ready();
  }

  again(exchange: Exchange): boolean {
    if (this.#isReused) this.#pool.connect(exchange);
    return this.#isReused;
  }

  keep(headers: ReadonlyMap<string, string> | null): void {
    this.#exchange = null;
    this.#isReused ||= headers !== null;
    const [, seconds] = KEPT_FOR_S.exec(headers?.get("keep-alive") ?? "") ?? [];
    const idleMs = seconds === undefined ? IDLE_MS : Math.min(IDLE_MS, Number(seconds) * 1000 - MARGIN_MS);
    if (!this.#isReady || idleMs <= 0) return this.close();
    this.#pool.keep(this, idleMs);
    this.socket?.unref();
  }

  close(): void {
    this.#forget();
    if (this.socket === null) this.takeBack?.();
    else this.socket.terminate();
  }

  #forget(): Exchange | null {
    const at = this.#pool.idle.indexOf(this);
    if (at !== -1) this.#pool.idle.splice(at, 1);
    const exchange = this.#exchange;
    this.#exchange = null;
    return exchange;
  }

  // ---- What happens on it --------------------------------------------------------------------------------------------

  opened(socket: TcpSocket): void {
    this.socket = socket;
    if (this.#exchange === null) this.close();
  }

  ready(): void {
    this.#isReady = true;
    this.#exchange?.ready();
  }

  received(bytes: Uint8Array): void {
    // Nobody has asked: whatever it is, the answer to the next request it must not become.
    if (this.#exchange === null) this.close();
    else this.#exchange.received(bytes);
  }

  drained(): void {
    this.#exchange?.send();
  }

  closed(error: SocketError | null): void {
    this.#forget()?.closed(error);
  }
}
