// What is measured.
// The gateway runs as a user would run it, with its defaults: it logs, checks keys and puts its system prompt in. nginx passes
// the same bytes through with one worker and without a log: the limit. "direct" is the upstream itself.
// Does not start a peer, or leave a configuration outside the temporary folder.

import { execFileSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { requestBytes } from "./http.ts";
import type { Address, Asked } from "./load.ts";
import { endProcess, firstAnswer, freePort, isRunning, listenerOf, startProcess } from "./process.ts";
import { ROUTE_PATHS, type WireProtocol } from "./requests.ts";

export const RUNTIMES = ["executable", "bun", "deno"] as const;
export type RuntimeName = (typeof RUNTIMES)[number];

export interface Target {
  /** A runtime, `nginx`, `direct`, or the name of a peer. */
  readonly name: string;
  readonly version: string;
  readonly pid: number | null;
  address(asked: Asked): Address;
  stop(): Promise<void>;
}

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Where the gateways keep what they remember; whoever starts any removes it. */
export const STORES = `${tmpdir()}/factory-proxy-bench-stores-${process.pid}`;
const EXECUTABLE = `${ROOT}dist/factory-proxy`;
const CLIENT_KEY = "bench-client-key";
export const UPSTREAM_PATHS: Readonly<Record<WireProtocol, string>> = {
  messages: "/api/llm/a/v1/messages",
  responses: "/api/llm/o/v1/responses",
  chat: "/api/llm/o/v1/chat/completions",
};
const COMMANDS: Readonly<Record<RuntimeName, readonly string[]>> = {
  executable: [EXECUTABLE],
  bun: [process.execPath, "src/main.ts"],
  deno: [denoPath(), "run", "-q", "--no-check", "--allow-net", "--allow-env", "--allow-read", "--allow-write", "src/main.ts"],
};

export interface Upstream {
  readonly child: ChildProcess;
  readonly port: number;
}

export async function startUpstream(port: number): Promise<Upstream> {
  const child = startProcess([process.execPath, fileURLToPath(new URL("upstream.ts", import.meta.url)), String(port)], { piped: true });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout?.once("data", (bytes) => resolve(String(bytes)));
    child.once("exit", () => reject(new Error(`The upstream can't listen on port ${port}.`)));
  });
  return { child, port: Number(line) };
}

/** The upstream as a target: what a call takes without anything between. */
export function directTarget({ port }: Upstream): Target {
  return {
    name: "direct",
    version: "",
    pid: null,
    address: ({ upstream }) => ({ port, path: UPSTREAM_PATHS[upstream], key: CLIENT_KEY }),
    stop: () => Promise.resolve(),
  };
}

/** Brings the executable up to date; slow on the first run only. */
export function buildExecutable(): void {
  execFileSync(process.execPath, ["run", "build"], { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
}

export interface Started {
  readonly child: ChildProcess;
  readonly port: number;
  /** `performance.now()` of the moment before the process was made. */
  readonly startedMs: number;
}

/** Starts the gateway without waiting for it. */
export async function launchGateway(runtime: RuntimeName, upstream: Upstream, command = COMMANDS[runtime]): Promise<Started> {
  const port = await freePort();
  // As it is by default: keys, the ledger and the inspector's headers are on, in a file of its own.
  const folder = `${STORES}/${port}`;
  const environment = {
    PORT: String(port),
    FACTORY_BASE_URL: `http://127.0.0.1:${upstream.port}`,
    FACTORY_API_KEY: "fk-bench-factory-key",
    PROXY_API_KEY: CLIENT_KEY,
    DATABASE_URL: "sqlite:",
    DATA_DIR: folder,
  };
  const startedMs = performance.now();
  return { child: startProcess(command, { environment, folder: ROOT }), port, startedMs };
}

export async function startGateway(runtime: RuntimeName, upstream: Upstream, command?: readonly string[]): Promise<Target> {
  const { child, port } = await launchGateway(runtime, upstream, command);
  await answering(child, { port, what: `The gateway (${runtime})` });
  return {
    name: runtime,
    version: versionOf(runtime),
    get pid() {
      return isRunning(child) ? (child.pid ?? null) : null;
    },
    address: ({ client }) => ({ port, path: ROUTE_PATHS[client], key: CLIENT_KEY }),
    stop: () => endProcess(child),
  };
}

function versionOf(runtime: RuntimeName): string {
  if (runtime !== "deno") return `bun ${process.versions["bun"] ?? "?"}`;
  const [first = ""] = execFileSync(denoPath(), ["--version"], { encoding: "utf8" }).split("\n");
  return first.split(" (")[0] ?? first;
}

/** Null where nginx is not installed. */
export async function startNginx(upstream: Upstream, folder: string): Promise<Target | null> {
  const program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx", "/opt/homebrew/bin/nginx"].find(
    existsSync,
  );
  if (program === undefined) return null;
  const port = await freePort();
  mkdirSync(`${folder}/temp`, { recursive: true });
  writeFileSync(`${folder}/nginx.conf`, nginxConfiguration({ port, upstreamPort: upstream.port, folder }));
  const child = startProcess([program, "-p", folder, "-c", `${folder}/nginx.conf`, "-e", `${folder}/error.log`], { lastSignal: "SIGTERM" });
  await answering(child, { port, what: `nginx (see ${folder}/error.log)` });
  return {
    name: "nginx",
    version: execFileSync("sh", ["-c", `${program} -v 2>&1`], { encoding: "utf8" })
      .trim()
      .replace("nginx version: nginx/", "nginx "),
    pid: child.pid ?? null,
    address: ({ upstream: protocol }) => ({ port, path: UPSTREAM_PATHS[protocol], key: CLIENT_KEY }),
    stop: () => endProcess(child),
  };
}

function nginxConfiguration({ port, upstreamPort, folder }: { port: number; upstreamPort: number; folder: string }): string {
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/temp/${name};`);
  return `
    ${process.getuid?.() === 0 ? "user root;" : ""}
    daemon off;
    worker_processes 1;
    worker_rlimit_nofile 8192;
    pid ${folder}/nginx.pid;
    events { worker_connections 4096; }
    http {
      ${places.join(" ")}
      access_log off;
      client_max_body_size 0;
      keepalive_requests 1000000000;
      upstream model { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 1000000000; }
      server {
        listen 127.0.0.1:${port} backlog=4096;
        location / {
          proxy_pass http://model;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_buffering off;
          proxy_request_buffering off;
        }
      }
    }`;
}

/** A gateway that somebody else has started: `NAME=URL`, where the URL may bring the client key as its user. `headers` are lines. */
export function peerTarget(argument: string, headers: readonly string[]): Target {
  const [name = "", address = ""] = argument.split(/=(.*)/s);
  if (name === "" || !URL.canParse(address)) throw new Error(`--peer takes NAME=URL, not ${argument}.`);
  const url = new URL(address);
  const port = Number(url.port || 80);
  if (url.hostname !== "127.0.0.1" && url.hostname !== "localhost")
    throw new Error("A peer has to listen on 127.0.0.1: nothing here uses the network.");
  return {
    name,
    version: "",
    pid: listenerOf(port),
    address: ({ client }) => ({
      port,
      path: url.pathname.replace(/\/$/, "") + ROUTE_PATHS[client],
      key: url.username || CLIENT_KEY,
      headers,
    }),
    stop: () => Promise.resolve(),
  };
}

async function answering(child: ChildProcess, { port, what }: { port: number; what: string }): Promise<void> {
  const ended = new Promise<never>((_, reject) => {
    child.once("exit", (code) => reject(new Error(`${what} ended with code ${code} before it answered.`)));
    child.once("error", reject);
  });
  ended.catch(() => {});
  const request = requestBytes("/", { host: `127.0.0.1:${port}`, key: CLIENT_KEY, body: "" });
  await Promise.race([firstAnswer(port, { request }), ended]);
}

/** The binary itself: the `deno` of node_modules/.bin is a script of Node, whose CPU time would count. */
function denoPath(): string {
  const packages = `${ROOT}node_modules/@deno`;
  const binaries = (existsSync(packages) ? readdirSync(packages) : []).map((name) => `${packages}/${name}/deno`);
  return binaries.find((path) => existsSync(path) && statSync(path).isFile()) ?? "deno";
}
