// What the program needs of Bun: how it listens, hashes, and reads bodies, and how its limits are lifted.

import { fstatSync, statSync } from "node:fs";
import process from "node:process";
import type { Fetch, Runtime } from "./ports.ts";

interface BunServer {
  readonly port: number;
  stop(closeActiveConnections?: boolean): Promise<void>;
  requestIP(request: Request): { readonly address: string } | null;
}
interface BunApi {
  readonly version: string;
  readonly SHA256: { hash(text: string): Uint8Array };
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    readonly fetch: (request: Request, server: BunServer) => ReturnType<Fetch>;
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

const CONNECTION_LIMIT = "BUN_CONFIG_MAX_HTTP_REQUESTS";
const MOST_CONNECTIONS = "65535";
/** More than MAX_HEADER_BYTES can be set to, so that this program answers what exceeds it; the runtime's own refusal says nothing. */
const MOST_HEADER_BYTES = 1024 * 1024 + 16 * 1024;
const STDOUT = 1;
const NOWHERE = "/dev/null";

export function bunRuntime(): Runtime {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a runtime names itself by a global that no shared type declares
  const bun = (globalThis as unknown as { readonly Bun: BunApi }).Bun;
  return {
    name: `bun ${bun.version}`,

    listen({ host, port }, fetch) {
      // Bun.serve would close a connection that is silent for 10 s and answer large bodies itself; both limits are ours.
      // In development mode it also prints a broken stream's error with source code to stderr; the log has it already.
      const server = bun.serve({
        hostname: host,
        port,
        fetch: (request, itself) => fetch(request, { address: () => itself.requestIP(request)?.address ?? null }),
        idleTimeout: 0,
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
        development: false,
        // Without development mode Bun would let a second copy listen on the same port and take every other call.
        reusePort: false,
      });
      return { port: server.port, drain: () => server.stop() };
    },

    // Bun must not see `fetch` on the module that it runs, or it would serve it a second time.
    entryPoint({ start }) {
      queueMicrotask(start);
      return {};
    },

    // Bun's fetch runs 256 requests at once, and its server takes heads up to 16 KiB.
    liftLimits() {
      if (process.env[CONNECTION_LIMIT] !== undefined) return false;
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
    },

    // `node:crypto` would take 2 ms and 5 MB to load.
    sha256: (text) => bun.SHA256.hash(text),

    // The module that knows takes 3 ms and 5 MB to load: asked only where it may be so.
    isTerminal() {
      const stdout = fstatSync(STDOUT);
      if (!stdout.isCharacterDevice() || stdout.rdev === statSync(NOWHERE, { throwIfNoEntry: false })?.rdev) return false;
      return process.getBuiltinModule("node:tty").isatty(STDOUT);
    },

    bodySource: (body) => body,

    bodyReader: (body) => body.getReader(),
  };
}
