// Room: runtime (row 5). The only file that names Bun or Deno.
// In:  a function that answers requests, and where to listen.
// Out: a server that listens and can stop; what the runtime is called; the runtime's own limits lifted; a
//      reader of bodies that suits it.
// Never does: know what is served.

import { fstatSync, statSync } from "node:fs";
import process from "node:process";
import type { BodyReader, Fetch } from "./ports.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly fetch: Fetch;
}

export interface Server {
  readonly port: number;
  /** Accepts nothing new; resolves when running answers have ended. */
  drain(): Promise<void>;
}

interface BunServer {
  readonly port: number;
  stop(closeActiveConnections?: boolean): Promise<void>;
}
interface BunRuntime {
  readonly version: string;
  readonly SHA256: { hash(text: string): Uint8Array };
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    readonly fetch: Fetch;
    readonly idleTimeout: number;
    readonly maxRequestBodySize: number;
    readonly development: boolean;
    readonly reusePort: boolean;
  }): BunServer;
  spawn(options: {
    readonly cmd: readonly string[];
    readonly env: Record<string, string | undefined>;
    readonly stdio: readonly string[];
  }): {
    readonly exited: Promise<number>;
  };
}
interface DenoServer {
  readonly addr: { readonly port: number };
  readonly finished: Promise<void>;
  shutdown(): Promise<void>;
}
interface DenoRuntime {
  readonly version: { readonly deno: string };
  readonly stdout: { isTerminal(): boolean };
  serve(
    options: {
      readonly hostname: string;
      readonly port: number;
      readonly onListen: () => void;
      readonly onError: (error: unknown) => Response;
    },
    fetch: Fetch,
  ): DenoServer;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a runtime names itself by a global that no shared type declares
const { Bun: bun, Deno: deno } = globalThis as unknown as { readonly Bun?: BunRuntime; readonly Deno?: DenoRuntime };

/** Name and version, e.g. `bun 1.4.5`. */
export const runtimeName: string =
  bun !== undefined ? `bun ${bun.version}` : deno !== undefined ? `deno ${deno.version.deno}` : `node ${process.version}`;

/**
 * Listens. @throws Error with code `EADDRINUSE` when the port is taken, another code when the host can't be had.
 */
export function listen({ host, port, fetch }: ListenOptions): Server {
  if (bun !== undefined) {
    // Bun.serve would close a connection that is silent for 10 s and answer large bodies itself; both limits are ours.
    // In development mode it also prints a broken stream's error with source code to stderr; the log has it already.
    const server = bun.serve({
      hostname: host,
      port,
      fetch,
      idleTimeout: 0,
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      // Without development mode Bun would let a second copy listen on the same port and take every other call.
      reusePort: false,
    });
    return { port: server.port, drain: () => server.stop() };
  }
  if (deno !== undefined) {
    const server = deno.serve({ hostname: host, port, onListen: () => {}, onError: () => new Response(null, { status: 500 }) }, fetch);
    return { port: server.addr.port, drain: () => server.shutdown() };
  }
  throw new Error("This program runs on Bun and on Deno.");
}

/** SHA-256 of a text, as 32 bytes. Bun has it at hand: its `node:crypto` takes 2 ms and 5 MB to load. */
export const sha256: (text: string) => Uint8Array = bun === undefined ? nodeSha256() : (text) => bun.SHA256.hash(text);

function nodeSha256(): (text: string) => Uint8Array {
  const { hash } = process.getBuiltinModule("node:crypto");
  return (text) => hash("sha256", text, "buffer");
}

/** Whether a person reads what the program prints. On Bun the module that knows takes 3 ms and 5 MB to load: asked where it may be so. */
export function isTerminal(): boolean {
  if (deno !== undefined) return deno.stdout.isTerminal();
  const stdout = fstatSync(STDOUT);
  if (!stdout.isCharacterDevice() || stdout.rdev === statSync(NOWHERE, { throwIfNoEntry: false })?.rdev) return false;
  return process.getBuiltinModule("node:tty").isatty(STDOUT);
}

const STDOUT = 1;
const NOWHERE = "/dev/null";

const PIECE_BYTES = 64 * 1024;

/**
 * A body as it is sent. Deno's fetch sends text or bytes a second time by itself when a connection that was kept open breaks before the
 * answer, though the first may have been billed, and copies them more than once; a stream it does neither with. The length is then told by
 * HTTP/2, or by chunks.
 */
export function bodySource(body: string | Uint8Array<ArrayBuffer>): string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> {
  if (deno === undefined) return body;
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
}

const ENCODER = new TextEncoder();

/** About what one read of a connection brings. */
const READ_BYTES = 16 * 1024;

/** Reads a body. Deno reads each piece into 64 KiB, cleared before, unless it is given less: that is slow, and much for a stream that waits. */
export function bodyReader(body: ReadableStream<Uint8Array>): BodyReader {
  if (deno === undefined) return body.getReader();
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    // A body that was unpacked on the way can't be read so.
    return body.getReader();
  }
  return {
    async read() {
      const { done, value } = await reader.read(new Uint8Array(READ_BYTES));
      return done ? { done } : { done, value };
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

const CONNECTION_LIMIT = "BUN_CONFIG_MAX_HTTP_REQUESTS";
const MOST_CONNECTIONS = "65535";
/** More than MAX_HEADER_BYTES can be set to, so that what exceeds it is answered in words; the runtime's own refusal has none. */
const MOST_HEADER_BYTES = 1024 * 1024 + 16 * 1024;

/**
 * Bun's fetch runs 256 requests at once, its server takes heads up to 16 KiB, and both read other limits only when the process
 * starts, so the program starts itself again with them. Returns false when nothing has to be done; otherwise never returns, or, where a
 * process can't replace itself (Windows), resolves never and leaves the work to a child.
 */
export function liftRuntimeLimits(): false | Promise<never> {
  if (bun === undefined || process.env[CONNECTION_LIMIT] !== undefined) return false;
  const headerLimit = `--max-http-header-size=${MOST_HEADER_BYTES}`;
  const options = [process.env["BUN_OPTIONS"] ?? "", headerLimit].join(" ").trim();
  const env = { ...process.env, [CONNECTION_LIMIT]: MOST_CONNECTIONS, BUN_OPTIONS: options };
  // In the executable argv[1] is a path inside it, not an argument.
  const isExecutable = import.meta.url.includes("$bunfs") || import.meta.url.includes("~BUN");
  const command = [process.execPath, ...process.argv.slice(isExecutable ? 2 : 1)];
  if (typeof process.execve === "function" && process.platform !== "win32") process.execve(process.execPath, command, env);
  const child = bun.spawn({ cmd: command, env, stdio: ["inherit", "inherit", "inherit"] });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
  return child.exited.then((code) => process.exit(code));
}

/** Where a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a runtime that serves a module by itself (`deno serve`, Deno Deploy, an importing program) takes as default export. */
export interface EntryPoint {
  readonly fetch?: Fetch;
  readonly onListen?: (address: { readonly hostname: string; readonly port: number }) => void;
}

interface EntryOptions {
  /** Whether the module is the one that the process was started with. */
  readonly isMain: boolean;
  /** Called once where the program has to listen by itself. */
  readonly start: () => void;
  /** Called once where the runtime listens for it. */
  readonly served: (address: Address) => void;
}

/**
 * The default export of the main module. Bun must not see `fetch` on the module that it runs, or it would serve it a second time;
 * Deno calls `onListen` before the next turn of the event loop when it serves the module. (Where it does not, it prints a hint
 * that it could; `deno serve` knows neither HOST nor PORT, though.)
 */
export function entryPoint(fetch: Fetch, { isMain, start, served }: EntryOptions): EntryPoint {
  if (!isMain) return { fetch };
  if (deno === undefined) {
    queueMicrotask(start);
    return {};
  }
  let isServed = false;
  setTimeout(() => {
    if (!isServed) start();
  }, 0);
  return {
    fetch,
    onListen: ({ hostname, port }) => {
      isServed = true;
      served({ host: hostname, port });
    },
  };
}
