// Sends one POST to an upstream and looks at its answer up to the first event: an error up to there can still have a status of its own.
// Does not follow a redirect, send to a host that the configuration does not name, or show an upstream's address.

import { Connection, type ConnectionPorts, type Outgoing, type Owner, type UpstreamTimeouts } from "./connection.ts";
import { ERRORS, GatewayError } from "../errors.ts";
import type { ReplyEvent } from "../protocol/canonical.ts";
import type { Codec, Exchange } from "../protocol/codec.ts";
import { factoryError } from "../protocol/factory-error.ts";
import { truncated } from "../protocol/fold.ts";
import type { BodyReader } from "../runtime/ports.ts";
import { glance } from "../wire/json.ts";
import { run } from "../wire/machine.ts";
import { compact, joined, NOTHING, replay } from "../wire/pump.ts";
import { firstBoundary, sseDecoder, type SseEvent, type SseLimits } from "../wire/sse.ts";

export interface SizeLimits extends SseLimits {
  /** The longest answer held in memory for decoding, in bytes. */
  readonly maxReplyBytes: number;
}

export interface UpstreamCall extends Outgoing {
  /** Whether a stream was asked for. */
  readonly stream: boolean;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  readonly owner?: Owner;
  /** Overrides of the usual timeouts. */
  readonly timeouts: Partial<UpstreamTimeouts>;
  /** The codec of the upstream's protocol. */
  readonly codec: Codec;
  readonly exchange: Exchange;
}

/** An answer to pass on. The caller owns `rest`: it reads it to the end or cancels it. */
export interface UpstreamAnswer {
  readonly type: "streaming" | "non-streaming";
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  /** What has been read of its body. */
  readonly begun: readonly Uint8Array[];
  /** What follows; null where `begun` is the whole body, as for a short answer. */
  readonly rest: BodyReader | null;
  /** The whole body as text, where it has been decoded already: decoding again would cost as much. */
  readonly text?: string | undefined;
}

/** An answer that is an error; `body` is what the upstream wrote, in whatever form. */
export interface UpstreamRefusal {
  readonly type: "refusal";
  readonly error: GatewayError;
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface Upstream {
  /** @throws GatewayError when there is no answer at all: unreachable, silent, broken, or the client has left. */
  post(call: UpstreamCall): Promise<UpstreamAnswer | UpstreamRefusal>;
}

export function createUpstream(ports: ConnectionPorts, settings: { timeouts: UpstreamTimeouts; limits: SizeLimits }): Upstream {
  const { timeouts, limits } = settings;
  return {
    async post(call) {
      const { signal: client, owner } = call;
      const options = { timeouts: { ...timeouts, ...call.timeouts }, maxUnpackedBytes: limits.maxReplyBytes, client, owner };
      const connection = new Connection(ports, options);
      const response = await connection.open(call);
      const answer = { status: response.status, headers: response.headers };
      const fault = statusFault(response.status);
      if (fault !== null) {
        await connection.cancel();
        if (response.status < 400) throw fault;
        return { type: "refusal", error: fault, status: fault.status, headers: response.headers, body: "" };
      }
      if (response.status >= 400) {
        const body = unframed(await readStart(connection, MAX_ERROR_BYTES), limits);
        const error = call.codec.error.decode(response.status, body, Object.fromEntries(response.headers));
        return { type: "refusal", error, status: response.status, headers: response.headers, body };
      }
      const refusal = (error: GatewayError, body: string): UpstreamRefusal => {
        return { type: "refusal", error, status: error.status, headers: response.headers, body };
      };
      let source: BodyReader = connection;
      const isStream = response.headers.get("content-type")?.toLowerCase().includes("text/event-stream") ?? false;
      if (!isStream) {
        connection.begun();
        // Until the head goes out, a failure can still have a status of its own.
        const short = await connection.short(SHORT_ANSWER_BYTES);
        const { chunks, isWhole } = short === null ? await begin(connection) : { chunks: [short], isWhole: true };
        const rest = isWhole ? null : connection;
        if (openingBracket(chunks) !== null || !EVENT_FIELD.test(beginning(chunks))) {
          const text = isWhole ? shortText(chunks) : undefined;
          const own = ownErrorIn(text);
          return own === null ? { ...answer, type: "non-streaming", begun: chunks, rest, text } : refusal(own.error, own.body);
        }
        source = replay(chunks, rest ?? NOTHING);
      }
      const first = await peek(source, call, limits);
      connection.begun();
      if (first.type === "json") {
        const { chunks, isWhole } = await begin(replay(first.chunks, source));
        const own = isWhole ? ownErrorIn(shortText(chunks)) : null;
        if (own !== null) return refusal(own.error, own.body);
        return { ...answer, type: "non-streaming", begun: chunks, rest: isWhole ? null : source };
      }
      if (first.type === "events") return { ...answer, type: "streaming", begun: first.chunks, rest: source };
      await source.cancel();
      return refusal(first.error, first.body);
    },
  };
}

/** No more than this of an error's body is read. */
const MAX_ERROR_BYTES = 1024 * 1024;
/** How much may come before the first event: comments, for example, which keep a connection alive. */
const MAX_BEFORE_EVENT_BYTES = 1024 * 1024;
/** About what a chunk takes in addition to its bytes. */
const CHUNK_BYTES = 32;
/** A non-streaming answer of at most this size is read before its head goes out; for a longer one the head goes out first. */
const SHORT_ANSWER_BYTES = 64 * 1024;

/** Statuses that no answer with a body can have. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** Null: an answer with this status can be passed on. */
function statusFault(status: number): GatewayError | null {
  if (status < 200 || status > 599 || WITHOUT_BODY.has(status)) {
    return new GatewayError("upstream-failed", `The upstream answered with status ${status}, which this proxy can't pass on.`);
  }
  if (status < 300 || status >= 400) return null;
  return new GatewayError(
    "upstream-failed",
    "The upstream answered with a redirect, which this proxy does not follow. Check the configured URLs.",
  );
}

/** The whole of a short answer, or the beginning of a longer one. */
async function begin(source: BodyReader): Promise<{ chunks: Uint8Array[]; isWhole: boolean }> {
  const chunks: Uint8Array[] = [];
  for (let length = 0; length <= SHORT_ANSWER_BYTES;) {
    const { done, value } = await source.read();
    if (done || value === undefined) return { chunks, isWhole: true };
    chunks.push(compact(value));
    length += value.length;
  }
  return { chunks, isWhole: false };
}

/** Some servers label their streams as JSON, others their JSON as a stream. The first character tells them apart. */
const EVENT_FIELD = /^(?:event|data|id|retry|):/;
const LONGEST_FIELD = 6;

/** The first visible characters of a body, wherever its bytes are cut. */
function beginning(chunks: readonly Uint8Array[]): string {
  const utf8 = new TextDecoder();
  let text = "";
  for (const chunk of chunks) {
    const start = text === "" ? chunk.findIndex((byte) => byte > SPACE) : 0;
    if (start !== -1) text = (text + utf8.decode(chunk.subarray(start, start + 16), { stream: true })).trimStart();
    if (text.length >= LONGEST_FIELD) break;
  }
  return text;
}

const SPACE = 0x20;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const BYTE_ORDER_MARK: ReadonlySet<number> = new Set([0xef, 0xbb, 0xbf]);

/** The bracket that a JSON body begins with; null where it begins with something else. */
export function openingBracket(chunks: readonly Uint8Array[]): "{" | "[" | null {
  for (const chunk of chunks) {
    const byte = firstVisible(chunk);
    if (byte !== undefined) return byte === OPEN_BRACE ? "{" : byte === OPEN_BRACKET ? "[" : null;
  }
  return null;
}

function firstVisible(chunk: Uint8Array): number | undefined {
  // By index, not by iterator or callback: this runs for the first bytes of every answer.
  for (let at = 0; at < chunk.length; at++) {
    const byte = chunk[at] ?? 0;
    if (byte > SPACE && !BYTE_ORDER_MARK.has(byte)) return byte;
  }
  return undefined;
}

/** Undefined: too long for what is looked for. */
function shortText(chunks: readonly Uint8Array[]): string | undefined {
  if (chunks.reduce((length, chunk) => length + chunk.length, 0) > LONGEST_OWN_ERROR) return undefined;
  return UTF8.decode(joined(chunks));
}

/** Factory's own error in the place of a non-streaming answer. */
function ownErrorIn(body = ""): { readonly error: GatewayError; readonly body: string } | null {
  const error = body.includes('"detail"') ? factoryError(glance(body)) : null;
  return error === null ? null : { error, body };
}

const UTF8 = new TextDecoder();

/** In bytes. Nothing shorter that looks like Factory's error is anything else. */
const LONGEST_OWN_ERROR = 16 * 1024;

/** An error's body as JSON where it came as an event. */
function unframed(body: string, limits: SseLimits): string {
  if (!EVENT_FIELD.test(body.slice(0, 64).trimStart())) return body;
  return run(sseDecoder(limits), [new TextEncoder().encode(body)]).find(({ data }) => data !== "")?.data ?? body;
}

type Peeked =
  | { readonly type: "events"; readonly chunks: Uint8Array[] }
  | { readonly type: "json"; readonly chunks: Uint8Array[] }
  | { readonly type: "error"; readonly error: GatewayError; readonly body: string };

/** Reads up to the first event: an error there can still become an HTTP status. */
async function peek(source: BodyReader, call: UpstreamCall, limits: SseLimits): Promise<Peeked> {
  const sse = sseDecoder(limits);
  const chunks: Uint8Array[] = [];
  let length = 0;
  let hasBegun = false;
  const seen = ([event]: readonly SseEvent[]): Peeked | null => {
    if (event === undefined) return null;
    const error = errorIn(call.codec.reply.decoder(call.exchange).step(event));
    if (error === null) return { type: "events", chunks };
    return { type: "error", error, body: factoryError(glance(event.data)) === null ? "" : event.data };
  };
  for (;;) {
    const { done, value } = await source.read();
    if (done || value === undefined) return seen(sse.end()) ?? { type: "error", error: truncated(), body: "" };
    chunks.push(compact(value));
    length += value.length + CHUNK_BYTES;
    const first: number | undefined = hasBegun ? undefined : firstVisible(value);
    if (first === OPEN_BRACE || first === OPEN_BRACKET) return { type: "json", chunks };
    hasBegun ||= first !== undefined;
    // A burst brings the whole answer in one chunk; nothing after its first event is looked at.
    for (let at = 0; at < value.length;) {
      const end = firstBoundary(value, at) || value.length;
      const found = seen(sse.step(value.subarray(at, end)));
      if (found !== null) return found;
      at = end;
    }
    if (length - sse.heldLength > MAX_BEFORE_EVENT_BYTES) {
      await source.cancel();
      const text = `The upstream sent more than ${MAX_BEFORE_EVENT_BYTES} bytes before its first event, the limit of this proxy.`;
      throw new GatewayError("upstream-failed", text);
    }
  }
}

function errorIn(events: readonly ReplyEvent[]): GatewayError | null {
  for (const event of events) if (event.type === "reply-error") return event.error;
  return null;
}

/** The same source, but it fails with GatewayError `upstream-failed`, and is cancelled, beyond this many bytes. */
export function bounded(source: BodyReader, maxBytes: number): BodyReader {
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

/** The beginning of an error's body as text, up to about this many bytes; the rest is cancelled. If the body breaks off, what arrived of it. */
async function readStart(source: BodyReader, maxBytes: number): Promise<string> {
  const utf8 = new TextDecoder();
  let text = "";
  try {
    for (let length = 0; length <= maxBytes;) {
      const { done, value } = await source.read();
      if (done || value === undefined) return text + utf8.decode();
      text += utf8.decode(value, { stream: true });
      length += value.length;
    }
    await source.cancel();
  } catch (error) {
    if (!(error instanceof GatewayError) || ERRORS[error.kind].blame !== "upstream") throw error;
  }
  return text;
}

/**
 * A whole body as text; `begun` is what has been read of it.
 * @throws GatewayError `upstream-failed` when it is larger than the limit.
 */
export async function readText(rest: BodyReader | null, maxBytes: number, begun: readonly Uint8Array[] = []): Promise<string> {
  const utf8 = new TextDecoder();
  const within = bounded(replay(begun, rest ?? NOTHING), maxBytes);
  let text = "";
  for (;;) {
    const { done, value } = await within.read();
    if (done || value === undefined) return text + utf8.decode();
    text += utf8.decode(value, { stream: true });
  }
}
