// Waits until a host accepts a connection, and closes it at once. Never sends a byte, and never reports a refusal: the
// request that follows does.

const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/** Resolves when the host has accepted or refused, or the signal aborts; never rejects. */
export function dial(url: string, signal: AbortSignal): Promise<void> {
  const { hostname, port, protocol } = new URL(url);
  return dialAddress({ host: hostname.replace(BRACKETS, "$1"), port: Number(port) || (DEFAULT_PORTS[protocol] ?? 443) }, signal);
}

/** The same for a known host and port; the host without brackets. */
export async function dialAddress(address: { readonly host: string; readonly port: number }, signal: AbortSignal): Promise<void> {
  // Imported only where it is used: not every place that serves a module has sockets.
  const { connect } = await import("node:net");
  await new Promise<void>((resolve) => {
    const socket = connect({ ...address, autoSelectFamily: true });
    const end = (): void => {
      signal.removeEventListener("abort", end);
      socket.destroy();
      resolve();
    };
    socket.on("connect", end);
    socket.on("error", end);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}

/** Whether requests go through a proxy, so that hosts can't be reached directly. */
export function isProxied(environment: Readonly<Record<string, string | undefined>>): boolean {
  return PROXY_VARIABLES.some((name) => Boolean(environment[name]));
}

const PROXY_VARIABLES = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const BRACKETS = /^\[(.*)\]$/;
