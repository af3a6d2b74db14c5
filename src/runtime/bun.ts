// What the program needs from Bun: listening, WebSockets, hashes, reading bodies, and lifting Bun's limits.

import { fstatSync, statSync, write } from "node:fs";
import process from "node:process";
import { bunConnectTcp, type BunConnect } from "./bun-sockets.ts";
import { isProxied } from "./dial.ts";
import { memoryBytes } from "./memory.ts";
import type { BodyFlow, BodyWriter, Connection, Fetch, Runtime, SocketListener } from "./ports.ts";

interface BunServer {
  readonly port: number;
  stop(closeActiveConnections?: boolean): Promise<void>;
  requestIP(request: Request): { readonly address: string } | null;
  /** How long the request's connection may be silent; 0: no limit. */
  timeout(request: Request, seconds: number): void;
  upgrade(request: Request, options: { readonly data: SocketData }): boolean;
}
interface SocketData {
  readonly listener: SocketListener;
  /** Waits until the client has taken what was sent. */
  waiting: (() => void)[];
}
interface BunSocket {
  readonly data: SocketData;
  /** -1: the client does not keep up. */
  send(text: string): number;
  close(code: number, reason: string): void;
}
interface BunSocketHandler {
  readonly maxPayloadLength: number;
  readonly idleTimeout: number;
  open(socket: BunSocket): void;
  message(socket: BunSocket, message: unknown): void;
  drain(socket: BunSocket): void;
  close(socket: BunSocket): void;
}
/** A stream that writes directly to the connection, without a queue. */
interface DirectController {
  /** How much was taken; a promise of it where the client does not keep up. */
  write(bytes: Uint8Array): number | Promise<number>;
  flush(): void;
  /** With an error, breaks the connection. */
  close(error?: unknown): void;
}
interface DirectSource {
  readonly type: "direct";
  pull(controller: DirectController): Promise<void>;
  cancel(reason?: unknown): Promise<void>;
}
interface BunApi extends BunConnect {
  readonly version: string;
  readonly SHA256: { hash(text: string): Uint8Array };
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    readonly fetch: (request: Request, server: BunServer) => ReturnType<Fetch>;
    readonly websocket: BunSocketHandler;
    readonly idleTimeout: number;
    readonly maxRequestBodySize: number;
    readonly development: boolean;
    readonly reusePort: boolean;
  }): BunServer;
  /** The factor by which code runs more often before it is compiled. */
  readonly unsafe: { setJITPolicy(scale: number): void };
  spawn(options: {
    readonly cmd: readonly string[];
    readonly env: Record<string, string | undefined>;
    readonly stdio: readonly string[];
  }): {
    readonly exited: Promise<number>;
  };
}

const CONNECTION_LIMIT = "BUN_CONFIG_MAX_HTTP_REQUESTS";
const MOST_CONNECTIONS = "65535";
/** Above the maximum of MAX_HEADER_BYTES, so that this program answers what exceeds that; the runtime's own refusal has no text. */
const HEADER_LIMIT = `--max-http-header-size=${1024 * 1024 + 16 * 1024}`;
/** A client that does not answer a ping for this long has left. */
const SOCKET_TIMEOUT_S = 120;
/** Bun's maximum. */
const MOST_IDLE_S = 255;
/** The executable compiles less while it starts (see package.json): hardly anything runs a second time by then. */
const START_MS = 1000;
/** https://bun.com/docs/runtime/environment-variables, read 2026-11-29. */
const ENV_FILES = ["", ".production", ".development", ".test"].flatMap((mode) => [`.env${mode}`, `.env${mode}.local`]);
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const NOWHERE = "/dev/null";

export function bunRuntime(): Runtime {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a runtime names itself by a global that no shared type declares
  const bun = (globalThis as unknown as { readonly Bun: BunApi }).Bun;
  // Only `fetch` can do these: go through proxies, and accept any certificate where it is told to.
  const needsFetch = isProxied(process.env) || process.env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0";
  const connectTcp = needsFetch ? null : bunConnectTcp(bun);
  return {
    name: `bun ${bun.version}`,

    // Bun itself limits the time for a new connection's first head (10 to 12 s), and does not limit the number of connections.
    listen({ host, port, maxFrameBytes, headTimeoutMs, isShared = false }, fetch) {
      const idleTimeout = Math.min(MOST_IDLE_S, Math.ceil((headTimeoutMs ?? 0) / 1000));
      const impatient = (response: Response, request: Request, itself: BunServer): Response => {
        if (response.status >= 400) itself.timeout(request, idleTimeout);
        return response;
      };
      const patient = (request: Request, itself: BunServer): ReturnType<Fetch> => {
        const connection = new BunConnection(request, itself);
        // Only a request with a body can take long. Its connection may be silent until it is closed, or the answer is a refusal.
        if (idleTimeout === 0 || request.method === "GET") return fetch(request, connection);
        itself.timeout(request, 0);
        const answer = fetch(request, connection);
        return answer instanceof Promise ? answer.then((response) => impatient(response, request, itself)) : answer;
      };
      // Bun.serve would refuse large bodies itself; this program has its own limit.
      // In development mode it also prints a broken stream's error with source code to stderr; the log has it already.
      const server = bun.serve({
        hostname: host,
        port,
        fetch: patient,
        websocket: socketHandler(maxFrameBytes),
        idleTimeout,
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
        development: false,
        // By default, Bun would let a second copy listen on the same port and take every other call.
        reusePort: isShared,
      });
      setTimeout(() => bun.unsafe.setJITPolicy(1), START_MS).unref();
      return { port: server.port, drain: () => server.stop() };
    },

    // Bun must not see `fetch` on the module that it runs, or it would serve it a second time.
    entryPoint({ start }) {
      queueMicrotask(start);
      return {};
    },

    // Bun's server accepts heads up to 16 KiB, and its fetch, where that sends the calls, runs 256 of them at once.
    liftLimits() {
      if (process.env[CONNECTION_LIMIT] !== undefined) return false;
      if (process.execArgv.includes(HEADER_LIMIT) && connectTcp !== null) return false;
      const options = [process.env["BUN_OPTIONS"] ?? "", HEADER_LIMIT].join(" ").trim();
      const env = { ...process.env, [CONNECTION_LIMIT]: MOST_CONNECTIONS, BUN_OPTIONS: options };
      const command = ownCommand();
      if (typeof process.execve === "function" && process.platform !== "win32") process.execve(process.execPath, command, env);
      const child = bun.spawn({ cmd: command, env, stdio: ["inherit", "inherit", "inherit"] });
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
      return child.exited.then((code) => process.exit(code));
    },

    workerCommand: () => (process.platform === "linux" ? ownCommand() : { fault: "Several processes can share a port on Linux only." }),

    // Loading `node:os` would take a millisecond.
    memoryBytes: () => memoryBytes(process.constrainedMemory()),

    // Loading `node:crypto` would take 2 ms and 5 MB.
    sha256: (text) => bun.SHA256.hash(text),

    // Loading the module that knows takes 3 ms and 5 MB, so it is asked only where it matters.
    isTerminal(stream) {
      const descriptor = { stdin: STDIN, stdout: STDOUT, stderr: STDERR }[stream];
      const stat = fstatSync(descriptor);
      if (!stat.isCharacterDevice() || stat.rdev === statSync(NOWHERE, { throwIfNoEntry: false })?.rdev) return false;
      return process.getBuiltinModule("node:tty").isatty(descriptor);
    },

    startHint: null,

    // package.json switches it off for the executable.
    envFiles: isExecutable() ? [] : ENV_FILES,

    mayRead: () => true,

    // A thread waits for the reader; Bun has another for anything else that needs one, even on a single core.
    write: (bytes) =>
      new Promise((resolve, reject) => {
        write(STDOUT, bytes, 0, bytes.length, null, (error, written) => (error === null ? resolve(written) : reject(error)));
      }),

    connectTcp,

    bodySource: (body) => body,

    bodyReader: (body) => body.getReader(),
  };
}

function isExecutable(): boolean {
  return import.meta.url.includes("$bunfs") || import.meta.url.includes("~BUN");
}

/** In the executable argv[1] is a path inside it, not an argument. */
function ownCommand(): [string, ...string[]] {
  return [process.execPath, ...(isExecutable() ? process.argv.slice(2) : [...process.execArgv, ...process.argv.slice(1)])];
}

class BunConnection implements Connection {
  readonly #request: Request;
  readonly #server: BunServer;
  readonly body = directBody;

  constructor(request: Request, server: BunServer) {
    this.#request = request;
    this.#server = server;
  }

  address(): string | null {
    return this.#server.requestIP(this.#request)?.address ?? null;
  }

  // Bun has answered by then, and ignores the result.
  upgrade(listener: SocketListener): Response | null {
    return this.#server.upgrade(this.#request, { data: { listener, waiting: [] } }) ? new Response(null) : null;
  }
}

class DirectWriter implements BodyWriter {
  readonly #controller: DirectController;
  #taking: Promise<number> | null = null;

  constructor(controller: DirectController) {
    this.#controller = controller;
  }

  get isFull(): boolean {
    return this.#taking !== null;
  }

  /** Resolves when the client wants more; null: it does already. */
  emptied(): Promise<number> | null {
    const taking = this.#taking;
    this.#taking = null;
    return taking;
  }

  write(bytes: Uint8Array): void {
    const taken = this.#controller.write(bytes);
    if (typeof taken !== "number") this.#taking = taken;
    this.#controller.flush();
  }

  close(): void {
    this.#controller.close();
  }

  fail(error: unknown): void {
    this.#controller.close(error);
  }
}

/** Cheaper than a web stream, whose queue, requests and promises are not needed for each event. */
function directBody(flow: BodyFlow): ReadableStream<Uint8Array> {
  const source: DirectSource = {
    type: "direct",
    async pull(controller) {
      const writer = new DirectWriter(controller);
      flow.start(writer);
      for (;;) {
        await flow.flow();
        const emptied = writer.emptied();
        if (emptied === null) return;
        await emptied;
      }
    },
    cancel: (reason) => flow.cancel(reason),
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no shared type knows this kind of source
  return new ReadableStream(source as unknown as UnderlyingDefaultSource<Uint8Array>);
}

function socketHandler(maxPayloadLength: number): BunSocketHandler {
  const goOn = ({ data }: BunSocket): void => {
    const { waiting } = data;
    data.waiting = [];
    for (const resolve of waiting) resolve();
  };
  return {
    maxPayloadLength,
    idleTimeout: SOCKET_TIMEOUT_S,
    open(socket) {
      socket.data.listener.opened({
        send(text) {
          return socket.send(text) === -1 ? new Promise((resolve) => void socket.data.waiting.push(resolve)) : undefined;
        },
        close: (code, reason) => socket.close(code, reason),
      });
    },
    message({ data: { listener } }, message) {
      if (typeof message === "string") listener.text(message);
      else listener.binary();
    },
    drain: goOn,
    close(socket) {
      goOn(socket);
      socket.data.listener.closed();
    },
  };
}
