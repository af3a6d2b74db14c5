// What is kept of one call for the inspector while it runs: references to what the call holds anyway, and when each chunk passed.
// Does not parse, redact or copy anything, except the runtime's header objects, and a chunk that lies in a much larger buffer.

import { GatewayError } from "../errors.ts";
import type { Loss, ProtocolId } from "../protocol/canonical.ts";
import type { CallSummary } from "../telemetry/call-summary.ts";
import type { Redactor } from "../telemetry/redaction.ts";
import type { UpstreamAnswer, UpstreamRefusal } from "../upstream/upstream.ts";
import { compact } from "../wire/pump.ts";
import type { BodyText } from "./body.ts";
import type { IncomingRequest } from "./request.ts";

export interface RecordedCall {
  readonly summary: Readonly<CallSummary>;
  /** Knows all secrets of the call. */
  readonly redaction: Redactor;
}

/** The count of bytes held for all calls. */
export interface RecordingRing {
  /** Limit for one message, in bytes. */
  readonly maxMessageBytes: number;
  /** Reports that this many more bytes are held; may drop this or another recording. */
  hold(recording: CallRecording, bytes: number): void;
  /** Reports that the recording is complete. */
  ended(recording: CallRecording): void;
}

/** The body of a message as it passed. */
export interface Passed {
  /** In bytes, kept or not; for a text that is not kept, in UTF-16 units. */
  bytes: number;
  /** Null: not kept. */
  pieces: (Uint8Array | string)[] | null;
  /** For each chunk, milliseconds since the call began. */
  times: number[] | null;
  isCut: boolean;
}

/** One request to an upstream. */
export interface AttemptRecording {
  readonly model: string;
  readonly protocol: ProtocolId;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Passed;
  readonly sentMs: number;
  answeredMs: number | null;
  /** Null: no answer has come. */
  answer: AnswerRecording | null;
  /** Why the answer was not used, without the error itself, which may hold the upstream's whole text. Null: it was used, or none has come. */
  failure: string | null;
}

export interface AnswerRecording {
  readonly status: number;
  readonly headers: KeptHeaders;
  readonly body: Passed;
  readonly isStream: boolean;
}

/** A map is copied when it is looked at; many never are. */
export type KeptHeaders = ReadonlyMap<string, string> | Readonly<Record<string, string>>;

/** What is kept. */
export interface RecordedFacts {
  readonly kept: "headers" | "bodies";
  readonly protocol: ProtocolId;
  readonly upstreamProtocol: ProtocolId | null;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Passed;
  readonly attempts: readonly AttemptRecording[];
  readonly answer: AnswerRecording | null;
  /** Whether the client asked for a stream. */
  readonly isStream: boolean;
  readonly losses: readonly Loss[];
  readonly error: { readonly kind: string; readonly message: string } | null;
}

interface Outgoing {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

type Result = { readonly found: UpstreamAnswer | UpstreamRefusal } | { readonly thrown: GatewayError };

export class CallRecording {
  summary: Readonly<CallSummary>;
  readonly redactor: Redactor;
  /** Null once it was dropped to make room. */
  headers: Readonly<Record<string, string>> | null;
  readonly body: Passed = passed();
  attempts: AttemptRecording[] = [];
  answer: AnswerRecording | null = null;
  losses: readonly Loss[] = [];
  readonly keepsBodies: boolean;
  /** In bytes. */
  held = 0;
  readonly #ring: RecordingRing;
  #last: AttemptRecording | null = null;

  constructor(request: IncomingRequest, call: RecordedCall, { ring, keepsBodies }: { ring: RecordingRing; keepsBodies: boolean }) {
    this.summary = call.summary;
    this.redactor = call.redaction;
    this.headers = request.headers;
    this.keepsBodies = keepsBodies;
    this.#ring = ring;
    this.#hold(CALL_BYTES + 2 * request.headerBytes);
  }

  /** The client's body has arrived. For a large one, the text without its long strings is kept. */
  received({ text, length }: BodyText): void {
    this.#keep(this.body, text, 0);
    if (text.length < length / 4) this.body.isCut = true;
    this.body.bytes = length;
  }

  sending({ url, headers, body }: Outgoing, atMs: number): void {
    const { upstreamModel, upstreamProtocol, protocol } = this.summary;
    const attempt: AttemptRecording = {
      model: upstreamModel ?? "",
      protocol: upstreamProtocol ?? protocol,
      url,
      headers,
      body: passed(),
      sentMs: atMs,
      answeredMs: null,
      answer: null,
      failure: null,
    };
    if (this.headers === null) return;
    this.#last = attempt;
    this.attempts.push(attempt);
    this.#keep(attempt.body, body, atMs);
  }

  /** The outcome of the latest attempt; a short answer is already complete. */
  answered(result: Result, atMs: number): void {
    const attempt = this.#last;
    if (attempt === null) return;
    attempt.answeredMs = atMs;
    if ("thrown" in result) {
      attempt.failure = result.thrown.message;
      return;
    }
    const { found } = result;
    const headers = this.keepsBodies ? plainHeaders(found.headers) : found.headers;
    const answer = { status: found.status, headers, body: passed(), isStream: found.type === "streaming" };
    attempt.answer = answer;
    if (found.type === "refusal") {
      attempt.failure = found.error.message;
      this.#keep(answer.body, found.body, atMs);
    } else if (found.rest === null) {
      if (found.text !== undefined) this.#keep(answer.body, found.text, atMs);
      else for (const chunk of found.begun) this.#keep(answer.body, chunk, atMs);
    }
  }

  /** A chunk of the upstream's answer, where that is read to its end before anything goes out. */
  read(chunk: Uint8Array, atMs: number): void {
    const body = this.#last?.answer?.body;
    if (body !== undefined) this.#keep(body, chunk, atMs);
  }

  /** The client's answer begins. */
  answering(status: number, headers: Readonly<Record<string, string>>): void {
    if (this.headers === null) return;
    const type = headers["content-type"] ?? "";
    this.answer = { status, headers, body: passed(), isStream: type.startsWith("text/event-stream") || type.endsWith(".eventstream") };
  }

  /** The whole body of a non-streaming answer. */
  sent(body: string | Uint8Array, atMs: number): void {
    if (this.answer !== null) this.#keep(this.answer.body, body, atMs);
  }

  /** A chunk of a streamed answer, and what it was converted to. Null: nothing came in, or nothing goes out. */
  streamed(chunk: Uint8Array | null, out: Uint8Array | null, atMs: number): void {
    const from = this.#last?.answer?.body;
    const to = this.answer?.body;
    if (!this.keepsBodies) {
      if (from !== undefined && chunk !== null) from.bytes += chunk.length;
      if (to !== undefined && out !== null) to.bytes += out.length;
      return;
    }
    if (from !== undefined && chunk !== null) this.#keep(from, chunk, atMs);
    if (to === undefined || out === null) return;
    const last = from?.pieces?.at(-1);
    // The same bytes are held only once.
    if (out === chunk && last instanceof Uint8Array && from?.isCut === false) this.#note(to, last, atMs);
    else this.#keep(to, out, atMs);
  }

  /** The call has ended. Drops the cause of its error, which may be a megabyte of the upstream's answer. */
  ended(): void {
    const { error } = this.summary;
    if (error?.cause !== undefined) this.summary = { ...this.summary, error: new GatewayError(error.kind, error.message) };
    if (this.headers !== null) this.#ring.ended(this);
  }

  facts(): RecordedFacts {
    const { protocol, upstreamProtocol, method, path, streaming, error } = this.summary;
    return {
      kept: this.keepsBodies ? "bodies" : "headers",
      protocol,
      upstreamProtocol,
      method,
      path,
      headers: this.headers ?? {},
      body: this.body,
      attempts: this.attempts,
      answer: this.answer,
      isStream: streaming === true,
      losses: this.losses,
      error: error === null ? null : { kind: error.kind, message: error.message },
    };
  }

  /** Releases everything. */
  drop(): void {
    this.headers = null;
    this.attempts = [];
    this.#last = null;
    this.answer = null;
    this.body.pieces = null;
    this.body.times = null;
    this.body.isCut = true;
  }

  #keep(body: Passed, piece: Uint8Array | string, atMs: number): void {
    body.bytes += piece.length;
    if (!this.keepsBodies || piece.length === 0) return;
    const size = typeof piece === "string" ? 2 * piece.length : piece.length;
    if (body.isCut || this.headers === null || body.bytes > this.#ring.maxMessageBytes || size > this.#ring.maxMessageBytes) {
      body.isCut = true;
      return;
    }
    body.bytes -= piece.length;
    this.#note(body, typeof piece === "string" ? piece : compact(piece), atMs);
    this.#hold(size + PIECE_BYTES);
  }

  #note(body: Passed, piece: Uint8Array | string, atMs: number): void {
    body.bytes += piece.length;
    (body.pieces ??= []).push(piece);
    (body.times ??= []).push(atMs);
  }

  #hold(bytes: number): void {
    this.held += bytes;
    this.#ring.hold(this, bytes);
  }
}

/** As plain data, since a map can't be printed as JSON. */
export function plainHeaders(headers: KeptHeaders): Readonly<Record<string, string>> {
  return isMap(headers) ? Object.fromEntries(headers) : headers;
}

function isMap(headers: KeptHeaders): headers is ReadonlyMap<string, string> {
  return headers instanceof Map;
}

function passed(): Passed {
  return { bytes: 0, pieces: null, times: null, isCut: false };
}

/** About how many bytes a call takes without headers and bodies, and a chunk without its bytes. */
const CALL_BYTES = 2048;
const PIECE_BYTES = 128;
