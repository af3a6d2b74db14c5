// Test support: the whole program, listening.
// In:  environment variables as a user would set them, and what the scripted upstream is to answer.
// Out: the address of the composed program in front of that upstream, a way to call it, and its log, line by line.
// Never does: reach into a room; all goes through configuration, HTTP and log, as in production.

import { compose } from "../../src/program.ts";
import { readConfig } from "../../src/config/config.ts";
import { dial } from "../../src/runtime/dial.ts";
import { bodyReader, bodySource, listen, runtimeName, sha256 } from "../../src/runtime/runtime.ts";
import { AwakeClock } from "./awake.ts";
import { startUpstream, type ScriptedUpstream, type Seen } from "./upstream.ts";

export const VERSION = "9.8.7";
export const FACTORY_KEY = "fk-factory-key-of-the-tests";
export const CLIENT_KEY = "client-key-of-the-tests";

export interface GatewayOptions {
  /** Laid over the keys and the upstream's address; undefined takes a variable away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The text of the file that `CONFIG_PATH` names. */
  readonly modelTable?: string;
  /** Shared with another gateway, which then stops it. */
  readonly upstream?: ScriptedUpstream;
}

export type LogLine = Readonly<Record<string, unknown>>;

export interface CallOptions {
  readonly method?: string;
  /** Text as it is; anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The client key, as bearer; null sends none. */
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
  /** The line that a call ends with; waits for it. `response` also by its `x-request-id`. */
  lineOf(response: Response | string): Promise<LogLine>;
  /** The latest request that the upstream got. */
  lastSeen(): Seen;
  stop(): Promise<void>;
}

export async function startGateway(options: GatewayOptions = {}): Promise<RunningGateway> {
  const upstream = options.upstream ?? (await startUpstream());
  const lines: LogLine[] = [];
  const config = readConfig({
    environment: {
      FACTORY_BASE_URL: upstream.url,
      FACTORY_API_KEY: FACTORY_KEY,
      PROXY_API_KEY: CLIENT_KEY,
      // What is not about retries should not wait for them.
      RETRIES: "0",
      ...(options.modelTable === undefined ? {} : { CONFIG_PATH: "models.json" }),
      ...options.environment,
    },
    arguments: [],
    file: (path) => (path === "models.json" ? (options.modelTable ?? null) : null),
  });
  const clock = new AwakeClock();
  const program = compose(
    config,
    {
      fetch: (url, init) => fetch(url, init),
      sender: bodySource,
      reader: bodyReader,
      dial,
      after: clock.after,
      now: Date.now,
      monotonic: clock.now,
      random: () => 0.5,
      newId: () => crypto.randomUUID(),
      sha256,
      sink: (line) => lines.push(JSON.parse(line) as LogLine),
      logFormat: "json",
    },
    { version: VERSION, runtime: runtimeName },
  );
  const server = listen({ host: "127.0.0.1", port: 0, fetch: program.fetch });
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
    async stop() {
      if (options.upstream === undefined) await upstream.stop();
      await server.drain();
    },
  };
}

/** Only a guard: what is waited for comes soon, but machines are shared. */
const PATIENCE_MS = 30_000;

/** Waits for what must happen, and says what did not. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const clock = new AwakeClock();
  const endMs = clock.now() + PATIENCE_MS;
  while (!condition()) {
    if (clock.now() > endMs) throw new Error(`Waited in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/**
 * Holds what is told to take no longer than `mostMs`, where a busy machine may take longer now and then: every try must come to its end,
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
