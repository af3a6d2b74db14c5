// A client's request: its head, read once; its body as text, within the limit; whether the body is of another protocol than the path.
// Does not decode a body.

import type { BodyShare } from "./body-memory.ts";
import { bodyText, LARGE_BODY, type BodyText } from "./body.ts";
import { GatewayError } from "../errors.ts";
import { presentedKeys } from "../access/keys.ts";
import type { Endpoints } from "../models/catalog.ts";
import type { ProtocolId } from "../protocol/canonical.ts";
import type { WireRequest } from "../protocol/codec.ts";
import type { Member } from "../wire/json-edit.ts";
import type { BodyMaker, BodyReader, Connection } from "../runtime/ports.ts";
import { encodingOf, unpackedBody, type UnpackedOptions } from "./content-encoding.ts";
import { bodyError, ClientBody, refusingFragments, withIdleTimeout, type BodyTimeout } from "./client-body.ts";
import { Gathered } from "../wire/gathered.ts";

/** A request with its head read. */
export interface IncomingRequest {
  /** As the runtime gave it. */
  readonly raw: Request;
  /** Aborted when the client leaves. */
  readonly signal: () => AbortSignal;
  readonly body: ClientBody;
  /** Makes the body of a streamed answer. Absent: a plain web stream. */
  readonly streamed?: BodyMaker | undefined;
  /** As the client wrote it, without the query. */
  readonly path: string;
  /** The value of `?key=`. */
  readonly queryKey: string | null;
  /** Whether `?alt=sse` is set. */
  readonly wantsSse: boolean;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Length of the headers as HTTP/1.1 writes them. */
  readonly headerBytes: number;
  /** The IP address of the client's connection; null where the runtime does not say. */
  readonly address: () => string | null;
  /** The credentials that count, in order. */
  readonly keys: readonly string[];
  /** All credentials that came with the request, in order. */
  readonly secrets: readonly string[];
}

/** The entry point of a call. */
export interface Route {
  readonly protocol: ProtocolId;
  /** A fixed endpoint for this path, whatever the model; null: the model decides. For `count-tokens` the model decides too. */
  readonly endpoint: keyof Endpoints | "count-tokens" | null;
  /** Requests, streams and errors of this protocol are in Bedrock's form. */
  readonly form?: "bedrock";
}

export interface Call {
  readonly request: IncomingRequest;
  readonly route: Route;
  readonly requestId: string;
  /** Model and stream switch, where the path has them. */
  readonly path: WireRequest["path"];
  /** How a streamed answer is framed: Gemini without `alt=sse` streams the items of a JSON array. */
  readonly framing: "sse" | "json-array";
}

/**
 * Null for a request without a usable path (CONNECT, which Bun passes on with an invalid URL); for a Host that holds more than a host, from
 * which Deno would take a path; and for a body with an ambiguous end, which Deno accepts.
 */
export function incomingRequest(request: Request, { connection, takesQueryKey = never }: HeadOptions = {}): IncomingRequest | null {
  const url = URL.parse(request.url);
  if (url === null) return null;
  const headers: Record<string, string> = {};
  let headerBytes = 0;
  // The fastest way to walk headers on Bun.
  request.headers.forEach((value, name) => {
    headers[name] = value;
    headerBytes += name.length + value.length + ": \r\n".length;
  });
  if (MORE_THAN_HOST.test(headers["host"] ?? "")) return null;
  const coding = headers["transfer-encoding"];
  if (coding !== undefined && (coding.toLowerCase() !== "chunked" || headers["content-length"] !== undefined)) return null;
  const hasQuery = url.search !== "";
  const queryKey = hasQuery ? url.searchParams.get("key") : null;
  const path = url.pathname;
  const secrets = presentedKeys(headers, queryKey);
  return {
    raw: request,
    signal: () => connection?.signal ?? request.signal,
    body: new ClientBody(request),
    streamed: connection?.body,
    path,
    queryKey,
    wantsSse: hasQuery && url.searchParams.get("alt") === "sse",
    headers,
    headerBytes,
    address: () => connection?.address() ?? null,
    keys: queryKey === null || takesQueryKey(path) ? secrets : presentedKeys(headers),
    secrets,
  };
}

interface HeadOptions {
  readonly connection?: Connection | undefined;
  /** Whether `?key=` counts on this path. Absent: never. */
  readonly takesQueryKey?: (path: string) => boolean;
}

const never = (): false => false;

const MORE_THAN_HOST = /[/\\?#@,]/;

export interface BodyOptions extends UnpackedOptions {
  /** Absent or null: no limit. */
  readonly timeout?: BodyTimeout | null;
  /** Counts what has come, while it comes. Absent: not counted. */
  readonly memory?: BodyShare;
}

/**
 * The body of a request, decompressed.
 * @throws GatewayError `too-large`, also for bodies without a length and for what decompression yields; `invalid-request` when it is not
 * UTF-8, not in the encoding that it declares (status 415 for an unknown one), or stops coming (status 408); `overloaded`
 * when there is no memory left for it.
 */
export async function readBody({ body, headers }: IncomingRequest, options: BodyOptions): Promise<BodyText> {
  const { maxBytes, timeout = null, memory } = options;
  const encoding = encodingOf(headers["content-encoding"]);
  const declared = headers["content-length"];
  const length = Number(declared ?? Number.NaN);
  if (length > maxBytes) throw tooLarge(maxBytes);
  // First of all: on Bun, merely asking for the body's stream creates one.
  if (encoding !== null || !(length < AT_ONCE)) return await readPieces(body, { ...options, encoding, length });
  const bytes = await body.whole(timeout);
  memory?.add(bytes.length);
  return bodyText(bytes);
}

interface PiecesOptions extends BodyOptions {
  /** Null: not compressed. */
  readonly encoding: string | null;
  /** As declared; NaN where it is not. */
  readonly length: number;
}

async function readPieces(body: ClientBody, options: PiecesOptions): Promise<BodyText> {
  const { maxBytes, timeout = null, memory, encoding, length } = options;
  if (body.isOver) return bodyText(new Uint8Array());
  // Don't wait for what there is no room for.
  if (encoding === null && length > 0) memory?.check(length);
  const whole = refusingFragments(body);
  const { reader, stop } = timeout === null ? { reader: whole, stop: undefined } : withIdleTimeout(whole, timeout);
  const held = (source: BodyReader): BodyReader => (memory === undefined ? source : counted(source, memory));
  try {
    if (encoding !== null) return bodyText(await collect(held(unpackedBody(limited(reader, maxBytes), encoding, options)), maxBytes));
    // Not declared, or declared twice.
    if (Number.isNaN(length)) return bodyText(await collect(held(reader), maxBytes));
    // The runtimes hold clients to a declared length.
    return bodyText(length < LARGE_BODY ? await joined(held(reader)) : await fill(roomFor(length), held(reader)));
  } catch (error) {
    throw bodyError(error);
  } finally {
    stop?.();
  }
}

/** A body that declares less is read in one piece, and has `BODY_TIMEOUT` to come in. */
const AT_ONCE = 256 * 1024;

/** More room than edits of a body usually take. */
const ROOM_FOR_EDITS = 64 * 1024;

function roomFor(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length + ROOM_FOR_EDITS).subarray(0, length);
}

async function fill(bytes: Uint8Array<ArrayBuffer>, source: BodyReader): Promise<Uint8Array<ArrayBuffer>> {
  let at = 0;
  for (;;) {
    const { done, value } = await source.read();
    if (done || value === undefined) return bytes.subarray(0, at);
    bytes.set(value, at);
    at += value.length;
  }
}

async function collect(source: BodyReader, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  return joined(limited(source, maxBytes));
}

async function joined(reader: BodyReader): Promise<Uint8Array<ArrayBuffer>> {
  const gathered = new Gathered();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || value === undefined) return gathered.join();
    gathered.add(value);
  }
}

/** The same source, with its bytes counted; `read` throws `overloaded` where there is no memory for them. */
function counted(source: BodyReader, memory: BodyShare): BodyReader {
  return {
    async read() {
      const found = await source.read();
      try {
        memory.add(found.value?.length ?? 0);
      } catch (error) {
        // At once: otherwise all who read in the same turn would be refused, and nobody served.
        memory.keep(0);
        throw error;
      }
      return found;
    },
    cancel: (reason) => source.cancel(reason),
  };
}

/** The same source. `read` throws `too-large` at the first byte too many, and cancels the rest. */
function limited(source: BodyReader, maxBytes: number): BodyReader {
  let length = 0;
  return {
    async read() {
      const found = await source.read();
      length += found.value?.length ?? 0;
      if (length <= maxBytes) return found;
      await source.cancel();
      throw tooLarge(maxBytes);
    },
    cancel: (reason) => source.cancel(reason),
  };
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError("too-large", `The body is larger than ${maxBytes} bytes (MAX_BODY_BYTES).`);
}

/** Cursor and others send a Responses body to the Chat path: it has `input` where Chat has `messages`. */
export function isResponsesBody(members: readonly Member[]): boolean {
  let hasInput = false;
  for (const { key } of members) {
    if (key === "messages") return false;
    hasInput ||= key === "input";
  }
  return hasInput;
}
