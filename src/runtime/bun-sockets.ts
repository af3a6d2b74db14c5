// Connections to upstreams on Bun, plain and over TLS. Bun itself tries all addresses of a host at once, checks certificates against it, and
// respects NODE_EXTRA_CA_CERTS. It can't cancel a connection before it opens. One that is given up before then is abandoned: it is closed as
// soon as it opens. Until then, new connections to that host are dialled first, which can be cancelled, so abandoned ones don't pile up.

import { dialAddress } from "./dial.ts";
import type { ConnectTcp, SocketError, TcpAddress, TcpEvents, TcpSocket } from "./ports.ts";

/** Who hears of a connection. */
interface Listener {
  events: TcpEvents;
}
interface Socket extends TcpSocket {
  readonly data: Listener;
}
type Handlers = Readonly<Record<string, ((socket: Socket, ...details: never[]) => void) | "uint8array">>;
export interface BunConnect {
  connect(options: {
    readonly hostname: string;
    readonly port: number;
    readonly data: Listener;
    readonly tls?: { readonly serverName: string; readonly ALPNProtocols: Uint8Array };
    readonly socket: Handlers;
  }): Promise<unknown>;
}

/** Instead of whoever gave a connection up, or has heard its end. */
const NOBODY: TcpEvents = {
  opened: (socket) => socket.terminate(),
  ready() {},
  received() {},
  drained() {},
  closed() {},
};

/** Bun tells some ends twice. */
function end({ data }: Socket, error?: SocketError | null): void {
  const { events } = data;
  data.events = NOBODY;
  events.closed(error ?? null);
}

const PLAIN: Handlers = {
  // Not Bun's default, which is a type of its own whose chunks cost more.
  binaryType: "uint8array",
  open(socket) {
    socket.data.events.opened(socket);
    socket.data.events.ready();
  },
  data: ({ data }, bytes: Uint8Array) => data.events.received(bytes),
  drain: ({ data }) => data.events.drained(),
  close: end,
  // A broken TLS connection, or a bug of this program in one of the other handlers.
  error(socket, error: Error) {
    end(socket, error);
    socket.terminate();
  },
  connectError: end,
};

const SECURE: Handlers = {
  ...PLAIN,
  open: (socket) => socket.data.events.opened(socket),
  handshake(socket, isTrusted: boolean, fault: Error | null) {
    if (isTrusted) return socket.data.events.ready();
    end(socket, fault ?? new Error("TLS handshake failed"));
    socket.terminate();
  },
};

/** Servers are not asked for these by name (RFC 6066); the certificate is checked against them all the same. */
const IP_ADDRESS = /^[\d.]+$|:/;
/** The trailing dot of a complete name: neither certificates nor requests for one have it (RFC 6066). */
const LAST_DOT = /\.$/;
/** In TLS's format: length, then bytes. */
const HTTP_1 = new TextEncoder().encode("\u0008http/1.1");

export function bunConnectTcp(bun: BunConnect): ConnectTcp {
  /** How many abandoned connections to a host and port have neither opened nor failed. */
  const abandoned = new Map<string, number>();
  const count = (place: string, change: number): void => {
    const left = (abandoned.get(place) ?? 0) + change;
    if (left === 0) abandoned.delete(place);
    else abandoned.set(place, left);
  };

  // Its closures hold the listener and not the events: nothing of a call lives on in a connection that it abandoned.
  const connect = (address: TcpAddress, listener: Listener): (() => void) => {
    const connecting = bun.connect(optionsOf(address, listener));
    // `connectError` has reported it already.
    const settled = connecting.catch(() => {});
    return () => {
      if (listener.events === NOBODY) return;
      listener.events = NOBODY;
      count(placeOf(address), 1);
      void settled.then(() => count(placeOf(address), -1));
    };
  };

  return (address, events) => {
    const listener: Listener = { events };
    if (!abandoned.has(placeOf(address))) return connect(address, listener);
    const dialling = new AbortController();
    let giveUp = (): void => dialling.abort();
    void dialAddress({ host: address.host, port: address.port }, dialling.signal).then(() => {
      if (!dialling.signal.aborted) giveUp = connect(address, listener);
    });
    return () => giveUp();
  };
}

function placeOf({ host, port }: TcpAddress): string {
  return `${host}:${port}`;
}

function optionsOf({ host, port, isSecure }: TcpAddress, data: Listener): Parameters<BunConnect["connect"]>[0] {
  const options = { hostname: host, port, data };
  if (!isSecure) return { ...options, socket: PLAIN };
  const serverName = IP_ADDRESS.test(host) ? "" : host.replace(LAST_DOT, "");
  return { ...options, tls: { serverName, ALPNProtocols: HTTP_1 }, socket: SECURE };
}
