// Room: upstream (row 3).
// In:  one POST for an upstream, already encoded, and the client's signal.
// Out: its answer, looked at up to the first event, as a source of chunks; or a GatewayError with the upstream's own status.
// Never does: follow a redirect, send anything to a host that the configuration does not name, show an upstream's address.

import { Connection, type ConnectionPorts, type Outgoing, type UpstreamTimeouts } from "./connection.ts";
import { GatewayError } from "./errors.ts";
import type { ReplyEvent } from "./protocol/canonical.ts";
import type { Codec, Exchange } from "./protocol/codec.ts";
import { truncated } from "./protocol/fold.ts";
import { concat, sseDecoder, type ByteSource, type SseLimits } from "./stream.ts";

export interface UpstreamLimits extends SseLimits {
  /** The longest whole answer that is held in memory to be decoded, in bytes. */
  readonly maxReplyBytes: number;
}

export interface UpstreamCall extends Outgoing {
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
  /** All of a whole answer where it was short; `source` has nothing more then. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
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

export function createUpstream(ports: ConnectionPorts, settings: { timeouts: UpstreamTimeouts; limits: UpstreamLimits }): Upstream {
  const { timeouts, limits } = settings;
  /** Origin -> when it last answered. Only those of the configuration come in here. */
  const answeredAt = new Map<string, number>();
  return {
    async post(call) {
      const connection = new Connection(ports, { ...timeouts, ...call.timeouts }, call.signal);
      const origin = originOf(call.url);
      if (ports.now() - (answeredAt.get(origin) ?? -Infinity) > KNOWN_FOR_MS) await connection.reach(call.url);
      const response = await connection.open(call);
      answeredAt.set(origin, ports.now());
      const answer = { status: response.status, headers: response.headers, bytes: null };
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
        // Until the head goes out a failure still has a status of its own.
        const length = response.headers.get("content-length");
        if (length !== null && Number(length) <= SHORT_ANSWER_BYTES) {
          return { ...answer, type: "whole", source: connection, bytes: await connection.rest() };
        }
        const { chunks, isWhole } = await begin(connection);
        return { ...answer, type: "whole", source: replay(chunks, connection), bytes: isWhole ? concat(chunks) : null };
      }
      const first = await peek(connection, call, limits);
      if (first.error === null) return { ...answer, type: "stream", source: first.source };
      await connection.cancel();
      return { type: "refusal", error: first.error, status: first.error.status, headers: response.headers, body: "" };
    },
  };
}

const MAX_ERROR_BYTES = 1024 * 1024;
/** A whole answer up to here is read before its head goes out; of a longer one the head goes out first. */
const SHORT_ANSWER_BYTES = 64 * 1024;
/** How long a host that has answered is taken to be there. */
const KNOWN_FOR_MS = 60_000;

/** Scheme, host and port of an absolute URL without a user. */
function originOf(url: string): string {
  const end = url.indexOf("/", url.indexOf("//") + 2);
  return end === -1 ? url : url.slice(0, end);
}

/** The whole of a short answer, or the beginning of a longer one. */
async function begin(source: ByteSource): Promise<{ chunks: Uint8Array[]; isWhole: boolean }> {
  const chunks: Uint8Array[] = [];
  for (let length = 0; length <= SHORT_ANSWER_BYTES;) {
    const { done, value } = await source.read();
    if (done || value === undefined) return { chunks, isWhole: true };
    chunks.push(value);
    length += value.length;
  }
  return { chunks, isWhole: false };
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

/**
 * A whole body as text.
 * @throws GatewayError `upstream-failed` when it is larger than the limit.
 */
export async function readText(source: ByteSource, maxBytes: number): Promise<string> {
  const utf8 = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await source.read();
    if (done || value === undefined) return text + utf8.decode();
    bytes += value.length;
    if (bytes > maxBytes) {
      await source.cancel();
      throw new GatewayError("upstream-failed", `The upstream's answer is larger than ${maxBytes} bytes, the limit of this proxy.`);
    }
    text += utf8.decode(value, { stream: true });
  }
}
