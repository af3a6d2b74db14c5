// Room: upstream (row 3).
// In:  one POST for an upstream, already encoded, and the client's signal.
// Out: its answer, looked at up to the first event, as a source of chunks; or a GatewayError with the upstream's own status.
// Never does: follow a redirect, send anything to a host that the configuration does not name, show an upstream's address.

import { GatewayError } from "./errors.ts";
import { rowOf } from "./json.ts";
import type { ReplyEvent } from "./protocol/canonical.ts";
import type { Codec, Exchange } from "./protocol/codec.ts";
import { truncated } from "./protocol/fold.ts";
import { sseDecoder, type ByteSource, type SseLimits } from "./stream.ts";

export interface UpstreamPorts {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Reads a body in the way that suits the runtime; a plain reader where there is none. */
  readonly reader?: (body: ReadableStream<Uint8Array>) => ByteSource;
  /** Sees whether a host takes connections, which no fetch tells. Resolves when it does, refuses, or the signal ends it; never rejects. */
  readonly dial?: (url: string, signal: AbortSignal) => Promise<void>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Calls back once after `ms`; returns what takes it back. */
  readonly after: (ms: number, callback: () => void) => () => void;
}

/** Milliseconds; null is no limit. */
export interface UpstreamTimeouts {
  /** Until the host takes a connection; asked only where it has not answered of late. */
  readonly connectMs: number | null;
  /** From sending the request to the head of the answer. */
  readonly firstByteMs: number | null;
  /** Between two chunks of the answer, while the client is waiting for one. */
  readonly idleMs: number | null;
  readonly totalMs: number | null;
}

export interface UpstreamLimits extends SseLimits {
  /** The longest whole answer that is held in memory to be decoded, in bytes. */
  readonly maxReplyBytes: number;
}

export interface UpstreamCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether a stream was asked for. */
  readonly stream: boolean;
  /** Of the client's connection. */
  readonly signal: AbortSignal;
  /** What differs from the usual limits on time. */
  readonly timeouts: Partial<UpstreamTimeouts>;
  /** Of the upstream's protocol. */
  readonly codec: Codec;
  readonly exchange: Exchange;
}

/** An answer to hand on. The caller owns `source`: it reads it to the end or cancels it. */
export interface UpstreamAnswer {
  readonly type: "stream" | "whole";
  readonly status: number;
  readonly headers: Headers;
  readonly source: ByteSource;
}

/** An answer that is an error; `body` is what the upstream wrote, whatever it was. */
export interface UpstreamRefusal {
  readonly type: "refusal";
  readonly error: GatewayError;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export interface Upstream {
  /** @throws GatewayError when there is no answer at all: unreachable, silent, broken, or the client has left. */
  post(call: UpstreamCall): Promise<UpstreamAnswer | UpstreamRefusal>;
}

export function createUpstream(ports: UpstreamPorts, settings: { timeouts: UpstreamTimeouts; limits: UpstreamLimits }): Upstream {
  const { timeouts, limits } = settings;
  /** Origin -> when it last answered. Only those of the configuration come in here. */
  const answeredAt = new Map<string, number>();
  return {
    async post(call) {
      const connection = new Connection(ports, { ...timeouts, ...call.timeouts }, call.signal);
      const { origin } = new URL(call.url);
      if (ports.now() - (answeredAt.get(origin) ?? -Infinity) > KNOWN_FOR_MS) await connection.reach(call.url);
      const response = await connection.open(call);
      answeredAt.set(origin, ports.now());
      const answer = { status: response.status, headers: response.headers, source: connection };
      if (response.status >= 300 && response.status < 400) {
        await connection.cancel();
        throw new GatewayError(
          "upstream-failed",
          "The upstream answered with a redirect, which this proxy does not follow. Check the configured URLs.",
        );
      }
      if (response.status >= 400) {
        const body = await readText(connection, MAX_ERROR_BYTES);
        const error = call.codec.error.decode(response.status, body, Object.fromEntries(response.headers));
        return { type: "refusal", error, status: response.status, headers: response.headers, body };
      }
      const isStream = response.headers.get("content-type")?.includes("text/event-stream") ?? false;
      if (!isStream) {
        // Once the first bytes are there the head may go out; until then a failure still has a status of its own.
        const { value } = await connection.read();
        return { ...answer, type: "whole", source: replay(value === undefined ? [] : [value], connection) };
      }
      const first = await peek(connection, call, limits);
      if (first.error === null) return { ...answer, type: "stream", source: first.source };
      await connection.cancel();
      return { type: "refusal", error: first.error, status: first.error.status, headers: response.headers, body: "" };
    },
  };
}

const MAX_ERROR_BYTES = 1024 * 1024;
/** How long a host that has answered is taken to be there. */
const KNOWN_FOR_MS = 60_000;

/** One request to the upstream and the body of its answer, under the limits on time. */
class Connection implements ByteSource {
  readonly #ports: UpstreamPorts;
  readonly #timeouts: UpstreamTimeouts;
  readonly #client: AbortSignal;
  readonly #abort = new AbortController();
  readonly #timers = new Set<() => void>();
  readonly #onClientLeft = (): void => this.#stop(new GatewayError("cancelled", "The client closed the connection."));
  #reader: ByteSource | null = null;
  /** Why the connection was stopped from this side. */
  #stopped: GatewayError | null = null;
  /** When the present read began; null while none is under way. */
  #readingSince: number | null = null;
  #isWatching = false;

  constructor(ports: UpstreamPorts, timeouts: UpstreamTimeouts, client: AbortSignal) {
    this.#ports = ports;
    this.#timeouts = timeouts;
    this.#client = client;
  }

  /** Goes before `open`: nothing is sent to a host that takes no connection in time. */
  async reach(url: string): Promise<void> {
    const { connectMs } = this.#timeouts;
    if (connectMs === null || this.#ports.dial === undefined) return;
    this.#follow();
    const reached = this.#limit(connectMs, "The upstream took no connection within", CONNECT_LIMIT);
    await this.#ports.dial(url, this.#abort.signal);
    reached();
    if (this.#stopped !== null) throw this.#stopped;
  }

  async open(call: UpstreamCall): Promise<Response> {
    this.#follow();
    this.#limit(this.#timeouts.totalMs, "The upstream did not finish within", "UPSTREAM_TOTAL_TIMEOUT");
    const answered = this.#limit(this.#timeouts.firstByteMs, "The upstream did not begin to answer within", "UPSTREAM_FIRST_BYTE_TIMEOUT");
    try {
      const response = await this.#ports.fetch(call.url, {
        method: "POST",
        headers: call.headers,
        body: call.body,
        redirect: "manual",
        signal: this.#abort.signal,
        ...RUNTIME_LIMITS_OFF,
      });
      const body = unpacked(response);
      this.#reader = !body ? null : (this.#ports.reader?.(body) ?? body.getReader());
      if (body !== undefined || response.status >= 400) return response;
    } catch (error) {
      this.#release();
      throw this.#stopped ?? unanswered(error);
    } finally {
      answered();
    }
    await this.cancel();
    throw new GatewayError("upstream-failed", "The upstream compressed its answer, unasked, in a way that can't be read here.");
  }

  #follow(): void {
    if (this.#client.aborted) throw new GatewayError("cancelled", "The client closed the connection.");
    this.#client.addEventListener("abort", this.#onClientLeft, { once: true });
  }

  async read(): Promise<{ done: boolean; value?: Uint8Array | undefined }> {
    if (this.#reader === null) return { done: true };
    this.#watch();
    try {
      const result = await this.#reader.read();
      if (result.done) this.#release();
      if (result.done && this.#stopped !== null) throw this.#stopped;
      return result;
    } catch (error) {
      this.#release();
      throw (
        this.#stopped ??
        new GatewayError("upstream-failed", "The connection to the upstream broke before the answer was complete.", { cause: error })
      );
    } finally {
      this.#readingSince = null;
    }
  }

  async cancel(): Promise<void> {
    this.#release();
    this.#abort.abort();
    try {
      await this.#reader?.cancel();
    } catch {
      // The connection is gone already, which is what was wanted.
    }
  }

  /** Cancels the reader too: on Deno (2.9) an abort no longer reaches a body once its response has been garbage-collected. */
  #stop(error: GatewayError): void {
    this.#stopped ??= error;
    void this.cancel();
  }

  #release(): void {
    this.#client.removeEventListener("abort", this.#onClientLeft);
    for (const takeBack of this.#timers) takeBack();
    this.#timers.clear();
  }

  /** Stops the connection after `ms`; returns what takes the limit back. */
  #limit(ms: number | null, sentence: string, name: string): () => void {
    if (ms === null) return () => {};
    const takeBack = this.#ports.after(ms, () => this.#stop(timeout(sentence, ms, name)));
    this.#timers.add(takeBack);
    return () => {
      takeBack();
      this.#timers.delete(takeBack);
    };
  }

  /** Notes that a read has begun. One timer a connection, set again only when it fires: chunks come by the thousand. */
  #watch(): void {
    const { idleMs } = this.#timeouts;
    this.#readingSince = this.#ports.now();
    if (this.#isWatching || idleMs === null) return;
    this.#isWatching = true;
    const wait = (ms: number): void => {
      const takeBack = this.#ports.after(ms, () => {
        this.#timers.delete(takeBack);
        const silentMs = this.#readingSince === null ? 0 : this.#ports.now() - this.#readingSince;
        if (silentMs >= idleMs) this.#stop(timeout("The upstream fell silent for more than", idleMs, "UPSTREAM_IDLE_TIMEOUT"));
        else wait(idleMs - silentMs);
      });
      this.#timers.add(takeBack);
    };
    wait(idleMs);
  }
}

// Bun's fetch gives up after 300 s without a byte unless told otherwise; the limits above are the only ones. It also unpacks bodies and
// keeps their header, where Deno's leaves them packed when `accept-encoding` is named: here neither does. Others ignore the members.
const RUNTIME_LIMITS_OFF: RequestInit & { readonly timeout: false; readonly decompress: false } = { timeout: false, decompress: false };

const FORMATS: Readonly<Record<string, string>> = { gzip: "gzip", "x-gzip": "gzip", deflate: "deflate", br: "brotli", zstd: "zstd" };

/** The body as it was before an upstream packed it without being asked to; undefined when this runtime can't unpack it. */
function unpacked({ body, headers }: Response): ReadableStream<Uint8Array> | null | undefined {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (body === null || encoding === "" || encoding === "identity") return body;
  const format = rowOf(FORMATS, encoding);
  if (format === undefined) return undefined;
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the types know fewer formats than the runtimes
    return body.pipeThrough(new DecompressionStream(format as CompressionFormat));
  } catch {
    // Not every runtime knows every format.
    return undefined;
  }
}

/** The code of an error before which nothing was sent: the same request can be sent again without being billed twice. */
export const UNREACHABLE = "upstream_unreachable";
const CONNECT_LIMIT = "UPSTREAM_CONNECT_TIMEOUT";
const NEVER_SENT: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
]);

/** How Bun and Deno say that no connection came about, e.g. when the system's own limit on that, some two minutes, has passed. */
const CONNECTING = /Unable to connect|TLS handshake failed|\(Connect\)/;

/** Why there is no answer. Bun says it by a code or in its text, Deno in the text of the cause. */
function unanswered(error: unknown): GatewayError {
  const { code, cause } = error instanceof Error ? (error as Error & { readonly code?: unknown }) : { code: undefined, cause: undefined };
  const isNeverSent = NEVER_SENT.has(code) || CONNECTING.test(`${String(error)} ${String(cause)}`);
  if (isNeverSent) return new GatewayError("upstream-failed", "The upstream could not be reached.", { code: UNREACHABLE, cause: error });
  return new GatewayError("upstream-failed", "The connection to the upstream broke before it answered.", {
    code: "upstream_lost",
    cause: error,
  });
}

function timeout(sentence: string, ms: number, name: string): GatewayError {
  return new GatewayError("upstream-timeout", `${sentence} ${ms / 1000} s (${name}).`, name === CONNECT_LIMIT ? { code: UNREACHABLE } : {});
}

/**
 * Reads up to the first event: an error there can still become an HTTP status. What was read comes out of the source again.
 */
async function peek(
  source: ByteSource,
  call: UpstreamCall,
  limits: SseLimits,
): Promise<{ source: ByteSource; error: GatewayError | null }> {
  const sse = sseDecoder(limits);
  const decoder = call.codec.reply.decoder(call.exchange);
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await source.read();
    if (value !== undefined) chunks.push(value);
    const events = done ? [...sse.end()] : value === undefined ? [] : [...sse.step(value)];
    const first = events[0];
    if (first !== undefined) return { source: replay(chunks, source), error: errorIn(decoder.step(first)) };
    if (done) return { source, error: truncated() };
  }
}

function errorIn(events: Iterable<ReplyEvent>): GatewayError | null {
  for (const event of events) if (event.type === "reply-error") return event.error;
  return null;
}

function replay(chunks: Uint8Array[], source: ByteSource): ByteSource {
  return {
    async read() {
      const value = chunks.shift();
      return value === undefined ? source.read() : { done: false, value };
    },
    cancel: (reason) => source.cancel(reason),
  };
}

/** The same source, which fails with GatewayError `upstream-failed`, and is let go, where it has more than so many bytes. */
export function bounded(source: ByteSource, maxBytes: number): ByteSource {
  let bytes = 0;
  return {
    async read() {
      const next = await source.read();
      bytes += next.value?.length ?? 0;
      if (bytes <= maxBytes) return next;
      await source.cancel();
      throw new GatewayError("upstream-failed", `The upstream's answer is larger than ${maxBytes} bytes, the limit of this proxy.`);
    },
    cancel: (reason) => source.cancel(reason),
  };
}

/**
 * A whole body as text.
 * @throws GatewayError `upstream-failed` when it is larger than the limit.
 */
export async function readText(source: ByteSource, maxBytes: number): Promise<string> {
  const utf8 = new TextDecoder();
  const within = bounded(source, maxBytes);
  let text = "";
  for (;;) {
    const { done, value } = await within.read();
    if (done || value === undefined) return text + utf8.decode();
    text += utf8.decode(value, { stream: true });
  }
}
