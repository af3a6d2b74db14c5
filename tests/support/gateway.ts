// The composed program, listening in front of the scripted upstream: its address, a way to call it, and its log, line by line.
// Never reaches into a folder of src/: everything goes through configuration, HTTP and log, as in production.

import { after } from "node:test";
import { compose, type Program } from "../../src/program.ts";
import type { Store } from "../../src/access/store.ts";
import { readConfig, type Config } from "../../src/config/config.ts";
import { nameFaults } from "../../src/models/name-faults.ts";
import type { Operator } from "../../src/http/admin/operator.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { unpack } from "../../src/runtime/unpack.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { AwakeClock } from "./awake.ts";
import { ask, MODELS, type Way } from "./dialects.ts";
import { realSend } from "./sending.ts";
import { startUpstream, type ScriptedUpstream, type Seen } from "./upstream.ts";

export const VERSION = "9.8.7";
export const FACTORY_KEY = "fk-factory-key-of-the-tests";
export const CLIENT_KEY = "client-key-of-the-tests";

export interface GatewayOptions {
  /** Laid over the keys and the upstream's address; undefined removes a variable. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The text of the file that `CONFIG_PATH` names. */
  readonly modelTable?: string;
  /** Default: one that follows the wall clock. */
  readonly clock?: Pick<AwakeClock, "now" | "after">;
  /** Absent: there is no store. */
  readonly store?: Store;
  /** What an administrator may have the process do. Absent: nothing. */
  readonly operator?: Operator;
  /** Shared with another gateway, which then stops it. */
  readonly upstream?: ScriptedUpstream;
}

export type LogLine = Readonly<Record<string, unknown>>;

export interface CallOptions {
  readonly method?: string;
  /** A string is sent as it is; anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The client key, as a bearer token; null sends none. */
  readonly key?: string | null;
  readonly signal?: AbortSignal;
}

export interface RunningGateway {
  readonly url: string;
  /** A client key. */
  readonly key: string;
  readonly upstream: ScriptedUpstream;
  /** Every log line so far. */
  readonly lines: readonly LogLine[];
  call(path: string, options?: CallOptions): Promise<Response>;
  /** The log line at the end of a call; waits for it. `response`: also by its `x-request-id`. */
  lineOf(response: Response | string): Promise<LogLine>;
  /** The latest request that the upstream received. */
  lastSeen(): Seen;
  readonly calls: Program["calls"];
  /** Reloads it with another environment, laid over the usual one. */
  reload(environment: Readonly<Record<string, string | undefined>>): void;
  /** Accepts nothing new; resolves when running calls have ended. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

export async function startGateway(options: GatewayOptions = {}): Promise<RunningGateway> {
  const upstream = options.upstream ?? (await startUpstream());
  const lines: LogLine[] = [];
  const configOf = (environment: GatewayOptions["environment"]): Config =>
    readConfig({
      environment: {
        FACTORY_BASE_URL: upstream.url,
        FACTORY_API_KEY: FACTORY_KEY,
        PROXY_API_KEY: CLIENT_KEY,
        // Tests of other things should not wait for retries.
        RETRIES: "0",
        // Nor should they find requests about the plan among their own.
        QUOTA_INTERVAL: "0",
        ...(options.modelTable === undefined ? {} : { CONFIG_PATH: "models.json" }),
        ...environment,
      },
      arguments: [],
      file: (path) => (path === "models.json" ? (options.modelTable ?? null) : null),
      redactor: new Redactor([]),
      nameFaults,
    });
  const config = configOf(options.environment);
  const clock = options.clock ?? new AwakeClock();
  const program = compose(
    config,
    {
      fetch: (url, init) => fetch(url, init),
      send: realSend({ after: clock.after, now: clock.now }),
      after: clock.after,
      now: Date.now,
      monotonic: clock.now,
      random: () => 0.5,
      newId: () => crypto.randomUUID(),
      sha256: runtime.sha256,
      ...(options.store === undefined ? {} : { store: options.store }),
      ...(options.operator === undefined ? {} : { operator: options.operator }),
      unpack,
      sink: (line) => lines.push(JSON.parse(line) as LogLine),
      logFormat: "json",
    },
    { version: VERSION, runtime: runtime.name },
  );
  const { headTimeoutMs, maxConnections } = config;
  const listening = { host: "127.0.0.1", port: 0, maxFrameBytes: program.maxFrameBytes, headTimeoutMs, maxConnections };
  const server = runtime.listen(listening, program.fetch);
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    key: CLIENT_KEY,
    upstream,
    lines,
    call: (path, { method = "POST", body, headers = {}, key = CLIENT_KEY, signal } = {}) =>
      fetch(url + path, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
        redirect: "manual",
      }),
    async lineOf(response) {
      const id = typeof response === "string" ? response : response.headers.get("x-request-id");
      const find = (): LogLine | undefined => lines.find((line) => line["event"] === "request" && line["requestId"] === id);
      await until(() => find() !== undefined, `the log line of ${id}`);
      return find() ?? {};
    },
    lastSeen() {
      const seen = upstream.requests.at(-1);
      if (seen === undefined) throw new Error("The upstream got no request.");
      return seen;
    },
    calls: program.calls,
    reload: (environment) => program.reload(configOf(environment)),
    drain: program.drain,
    async stop() {
      if (options.upstream === undefined) await upstream.stop();
      await program.drain();
      await server.drain();
    },
  };
}

export interface Gateways {
  readonly upstream: ScriptedUpstream;
  readonly gatewayWith: (environment: Record<string, string>, options?: GatewayOptions) => Promise<RunningGateway>;
}

/** Gateways in front of one upstream, all of which stop after the tests of the file. */
export async function startGateways(): Promise<Gateways> {
  const upstream = await startUpstream();
  const gateways: RunningGateway[] = [];
  after(async () => {
    for (const one of gateways) await one.stop();
    await upstream.stop();
  });
  return {
    upstream,
    async gatewayWith(environment, options = {}) {
      const gateway = await startGateway({ upstream, environment, ...options });
      gateways.push(gateway);
      return gateway;
    },
  };
}

export interface WayCall {
  readonly stream?: boolean;
  readonly signal?: AbortSignal;
  readonly model?: string;
}

/** A call in the client's protocol for a model of the upstream's. */
export function callFor(gateway: RunningGateway, way: Way, { stream = false, signal, model }: WayCall = {}): Promise<Response> {
  const { path, body } = ask(way.client, { model: model ?? MODELS[way.upstream], stream });
  return gateway.call(path, { body, ...(signal === undefined ? {} : { signal }) });
}

export const PASSTHROUGH: Way = { client: "anthropic-messages", upstream: "anthropic-messages", name: "passthrough" };
export const CONVERSION: Way = { client: "openai-chat", upstream: "anthropic-messages", name: "conversion" };
/** For what does not depend on the protocols. */
export const PAIR: readonly Way[] = [PASSTHROUGH, CONVERSION];

/** Only a safeguard: what is waited for comes soon, but machines are shared. */
const LONGEST_WAIT_MS = 30_000;

/** Waits for what must happen; if it does not, the error says what. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const clock = new AwakeClock();
  const endMs = clock.now() + LONGEST_WAIT_MS;
  while (!condition()) {
    if (clock.now() > endMs) throw new Error(`Waited in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/**
 * Checks that something takes no longer than `mostMs`, although a busy machine may take longer now and then: every attempt must finish,
 * and one of them in time.
 */
export async function inTime(mostMs: number, act: () => Promise<number>): Promise<void> {
  const tookMs: number[] = [];
  while (tookMs.length < MOST_TRIES) {
    tookMs.push(await act());
    if (Math.min(...tookMs) < mostMs) return;
  }
  throw new Error(`None of ${MOST_TRIES} took less than ${mostMs} ms: ${tookMs.map(Math.round).join(", ")}.`);
}

const MOST_TRIES = 20;
