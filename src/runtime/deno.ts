// What the program needs from Deno: listening, WebSockets, hashes, and sending and reading bodies.

import process from "node:process";
import { DenoServer, type DenoConnection, type DenoHttp, type DenoListener, type OpenConnection } from "./deno-server.ts";
import { memoryBytes } from "./memory.ts";
import type { Fetch, Runtime, Server, SocketListener } from "./ports.ts";

interface DenoSocket {
  readonly bufferedAmount: number;
  readonly readyState: number;
  addEventListener(type: "open" | "error" | "close", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  send(text: string): void;
  close(code: number, reason: string): void;
}
interface DenoApi {
  upgradeWebSocket(
    request: Request,
    options: { readonly idleTimeout: number },
  ): { readonly socket: DenoSocket; readonly response: Response };
  readonly version: { readonly deno: string };
  readonly permissions: { querySync(permission: DenoPermission): { readonly state: string } };
  systemMemoryInfo(): { readonly total: number };
  readonly stdin: { isTerminal(): boolean };
  readonly stderr: { isTerminal(): boolean };
  readonly stdout: { isTerminal(): boolean; write(bytes: Uint8Array): Promise<number> };
  listen(options: { readonly hostname: string; readonly port: number; readonly reusePort?: boolean }): DenoListener;
  /** No longer documented by Deno. */
  readonly serveHttp?: (connection: DenoConnection) => DenoHttp;
  serve(options: DenoServeOptions, fetch: DenoFetch): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
}
interface DenoServeOptions {
  readonly hostname: string;
  readonly port: number;
  readonly onListen: () => void;
  readonly onError: (error: unknown) => Response;
}
interface DenoPermission {
  readonly name: string;
  readonly kind?: string;
  readonly path?: string;
}
/** A connection over a Unix socket has no host name. */
type DenoFetch = (request: Request, info?: { readonly remoteAddr: { readonly hostname?: string } }) => ReturnType<Fetch>;

const NEEDED_PERMISSIONS = ["run", "net", "env", "read", "write"];
const PERMISSIONS = [...NEEDED_PERMISSIONS, "sys", "ffi", "import"];
const PIECE_BYTES = 64 * 1024;
/** About what one read of a connection yields. */
const READ_BYTES = 16 * 1024;
const ENCODER = new TextEncoder();
/** A client that does not answer a ping for this long has left. */
const SOCKET_TIMEOUT_S = 120;
const OPEN = 1;
const TOO_BIG = 1009;
/** How much a client may leave unread before the next frame waits. */
const MOST_UNREAD_BYTES = 1024 * 1024;
/** Deno does not report when a client has read on. */
const LOOK_AGAIN_MS = 5;

export function denoRuntime(): Runtime {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a runtime names itself by a global that no shared type declares
  const deno = (globalThis as unknown as { readonly Deno: DenoApi }).Deno;
  const { hash } = process.getBuiltinModule("node:crypto");
  const may = (permission: DenoPermission): boolean => deno.permissions.querySync(permission).state === "granted";
  return {
    name: `deno ${deno.version.deno}`,

    listen({ host, port, maxFrameBytes, isShared = false, ...limits }, fetch) {
      const { serveHttp } = deno;
      // Deno requires `--unstable-net` wherever the option is set at all.
      const address = { hostname: host, port, ...(isShared ? { reusePort: true } : {}) };
      if (serveHttp === undefined) return servedByDeno(address, connected(fetch, { deno, maxFrameBytes }), deno);
      const answer = (request: Request, { address: client, signal, upgraded }: OpenConnection): ReturnType<Fetch> =>
        fetch(request, {
          address: () => client,
          signal,
          upgrade: (listener) => upgrade(request, listener, { deno, maxFrameBytes, upgraded }),
        });
      return new DenoServer({ listener: deno.listen(address), serveHttp, answer }, limits);
    },

    // Deno calls `onListen` before the next turn of the event loop when it serves the module.
    entryPoint({ fetch, maxFrameBytes, start, served }) {
      let isServed = false;
      setTimeout(() => {
        if (!isServed) start();
      }, 0);
      return {
        fetch: connected(fetch, { deno, maxFrameBytes }),
        onListen: ({ hostname, port }) => {
          isServed = true;
          served({ host: hostname, port });
        },
      };
    },

    startHint: 'Never mind the warning about "deno serve", which is Deno\'s own: that command would ignore HOST and PORT.',

    liftLimits: () => false,

    // A permission that is limited to a list can't be queried, so a worker would have to do without it.
    workerCommand() {
      if (process.platform !== "linux") return { fault: "Several processes can share a port on Linux only." };
      const granted = PERMISSIONS.filter((name) => may({ name }));
      const missing = NEEDED_PERMISSIONS.filter((name) => !granted.includes(name)).map((name) => `--allow-${name}`);
      if (missing.length > 0) return { fault: `Deno needs ${missing.join(", ")} for that, without a list.` };
      const flags = granted.length === PERMISSIONS.length ? ["--allow-all"] : granted.map((name) => `--allow-${name}`);
      return [process.execPath, "run", "--no-prompt", "--unstable-net", ...flags, ...process.argv.slice(1)];
    },

    // Without these permissions Deno would prompt the person.
    memoryBytes() {
      const machineBytes = may({ name: "sys", kind: "systemMemoryInfo" }) ? deno.systemMemoryInfo().total : null;
      return may({ name: "read", path: "/sys/fs/cgroup" }) ? memoryBytes(machineBytes) : machineBytes;
    },

    sha256: (text) => hash("sha256", text, "buffer"),

    isTerminal: (stream) => deno[stream].isTerminal(),

    envFiles: [],

    mayRead: (path) => may({ name: "read", path }),

    // `fs.write` and `console.log` would wait for the reader on the only thread, and the latter ends the process on a full disk.
    write: (bytes) => deno.stdout.write(bytes),

    connectTcp: null,

    // Deno's fetch resends text or bytes by itself when a kept connection breaks before the answer, though the first request may have
    // been billed, and copies them more than once. With a stream it does neither. The length is then conveyed by HTTP/2, or by
    // chunks.
    bodySource(body) {
      const bytes = typeof body === "string" ? ENCODER.encode(body) : body;
      let at = 0;
      return new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (at < bytes.length) controller.enqueue(bytes.subarray(at, (at += PIECE_BYTES)));
            if (at >= bytes.length) controller.close();
          },
        },
        { highWaterMark: 0 },
      );
    },

    // Deno reads each chunk into 64 KiB, cleared before, unless it is given a smaller buffer: that is slow, and much for a waiting stream.
    bodyReader(body) {
      let reader: ReadableStreamBYOBReader;
      try {
        reader = body.getReader({ mode: "byob" });
      } catch {
        // A decompressed body can't be read this way.
        return body.getReader();
      }
      return {
        async read() {
          const { done, value } = await reader.read(new Uint8Array(READ_BYTES));
          return done ? { done } : { done, value };
        },
        cancel: (reason) => reader.cancel(reason),
      };
    },
  };
}

/** For a Deno without `serveHttp`: what only `DenoServer` does is missing then. */
function servedByDeno(
  address: { readonly hostname: string; readonly port: number; readonly reusePort?: boolean },
  fetch: DenoFetch,
  deno: DenoApi,
): Server {
  const server = deno.serve({ ...address, onListen: () => {}, onError: () => new Response(null, { status: 500 }) }, fetch);
  return { port: server.addr.port, drain: () => server.shutdown() };
}

interface Upgrading {
  readonly deno: DenoApi;
  readonly maxFrameBytes: number;
  /** Called once there is a WebSocket; returns a function to call when it is closed. */
  readonly upgraded?: () => () => void;
}

function connected(fetch: Fetch, upgrading: Upgrading): DenoFetch {
  return (request, info) =>
    fetch(request, {
      address: () => info?.remoteAddr.hostname ?? null,
      upgrade: (listener) => upgrade(request, listener, upgrading),
    });
}

function upgrade(request: Request, listener: SocketListener, { deno, maxFrameBytes, upgraded }: Upgrading): Response | null {
  let opened: ReturnType<DenoApi["upgradeWebSocket"]>;
  try {
    opened = deno.upgradeWebSocket(request, { idleTimeout: SOCKET_TIMEOUT_S });
  } catch {
    return null;
  }
  const closed = upgraded?.();
  if (closed !== undefined) opened.socket.addEventListener("close", closed);
  listen(opened.socket, listener, maxFrameBytes);
  return opened.response;
}

function listen(socket: DenoSocket, listener: SocketListener, maxFrameBytes: number): void {
  const unread = (): boolean => socket.readyState === OPEN && socket.bufferedAmount > MOST_UNREAD_BYTES;
  const read = async (): Promise<void> => {
    while (unread()) await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  };
  socket.addEventListener("open", () => {
    listener.opened({
      send(text) {
        if (socket.readyState !== OPEN) return undefined;
        socket.send(text);
        return unread() ? read() : undefined;
      },
      close(code, reason) {
        if (socket.readyState === OPEN) socket.close(code, reason);
      },
    });
  });
  socket.addEventListener("message", ({ data }) => {
    if (typeof data !== "string") listener.binary();
    else if (data.length > maxFrameBytes) socket.close(TOO_BIG, "The frame is too large.");
    else listener.text(data);
  });
  // An error without a listener would end the process; a close event follows, which is all that matters.
  socket.addEventListener("error", () => {});
  socket.addEventListener("close", () => listener.closed());
}
