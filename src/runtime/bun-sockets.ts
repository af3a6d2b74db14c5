// Connections to upstreams on Bun, plain and over TLS. Bun itself tries all addresses of a host at once, checks certificates against it, and
// respects NODE_EXTRA_CA_CERTS. It can't cancel a connection that is being established, so the host is first dialled, which can be cancelled.

import { dialAddress } from "./dial.ts";
import type { ConnectTcp, TcpEvents, TcpSocket } from "./ports.ts";

interface Socket extends TcpSocket {
  readonly data: TcpEvents;
}
type Handlers = Readonly<Record<string, ((socket: Socket, ...details: never[]) => void) | "uint8array">>;
export interface BunConnect {
  connect(options: {
    readonly hostname: string;
    readonly port: number;
    readonly data: TcpEvents;
    readonly tls?: { readonly serverName: string; readonly ALPNProtocols: Uint8Array };
    readonly socket: Handlers;
  }): Promise<unknown>;
}

const PLAIN: Handlers = {
  // Not Bun's default, which is a type of its own whose chunks cost more.
  binaryType: "uint8array",
  open(socket) {
    socket.data.opened(socket);
    socket.data.ready();
  },
  data: ({ data }, bytes: Uint8Array) => data.received(bytes),
  drain: ({ data }) => data.drained(),
  close: ({ data }, error?: Error) => data.closed(error ?? null),
  // A broken TLS connection, or a bug of this program in one of the other handlers.
  error(socket, error: Error) {
    socket.data.closed(error);
    socket.terminate();
  },
  connectError: ({ data }, error: Error) => data.closed(error),
};

const SECURE: Handlers = {
  ...PLAIN,
  open: (socket) => socket.data.opened(socket),
  handshake(socket, isTrusted: boolean, fault: Error | null) {
    if (isTrusted) return socket.data.ready();
    socket.data.closed(fault ?? new Error("TLS handshake failed"));
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
  return ({ host, port, isSecure }, events) => {
    const dialling = new AbortController();
    const options = { hostname: host, port, data: events };
    void dialAddress({ host, port }, dialling.signal).then(() => {
      if (dialling.signal.aborted) return;
      const connecting = isSecure
        ? bun.connect({
            ...options,
            tls: { serverName: IP_ADDRESS.test(host) ? "" : host.replace(LAST_DOT, ""), ALPNProtocols: HTTP_1 },
            socket: SECURE,
          })
        : bun.connect({ ...options, socket: PLAIN });
      // `connectError` has reported it already.
      connecting.catch(() => {});
    });
    return () => dialling.abort();
  };
}
