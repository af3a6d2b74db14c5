// The interface of every protocol's codec. decode: wire -> canonical. encode: canonical -> wire.
// Codecs are pure and synchronous: no clock, no random, no I/O.

import type { GatewayError } from "../errors.ts";
import type { Parsed } from "../wire/json.ts";
import type { Member } from "../wire/json-edit.ts";
import type { Machine } from "../wire/machine.ts";
import type { SseEvent } from "../wire/sse.ts";
import type { CanonicalRequest, Effort, Loss, ProtocolId, Reply, ReplyEvent } from "./canonical.ts";

/** A request as it came through a route. */
export interface WireRequest {
  /** JSON text. */
  readonly body: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Model and stream switch where the protocol keeps them in the path (Gemini, Bedrock); null otherwise. */
  readonly path: { readonly model: string; readonly stream: boolean } | null;
  /** The members of `body`, if they have been found already. */
  readonly members?: readonly Member[];
  /** `body` parsed; the decoder may keep parts of it. Absent: not parsed, or used already. */
  readonly parsed?: Parsed | undefined;
}

/** What routing needs to know of a request, read without decoding the rest. */
export interface RequestHead {
  readonly model: string;
  readonly stream: boolean;
  /** Text that is the same for all turns of one conversation: its first item as written. */
  readonly conversation: string;
}

/** The named edits: the only changes to a body whose protocol the upstream speaks. Null: leave as it is. */
export interface Edits {
  readonly model: string | null;
  /** Put in front of the client's own instructions, unless it is there already. */
  readonly systemPrompt: string | null;
  /** Where the protocol keeps the stream switch in the path (Gemini, Bedrock): the switch to write into the body. Others leave it alone. */
  readonly stream?: boolean | null;
  /**
   * Added where the protocol requires an output limit and the client set none (Messages): tokens, or null for the model's own limit.
   * Absent: nothing is added.
   */
  readonly defaultMaxTokens?: number | null;
}

export interface EncodedRequest {
  /** JSON text. */
  readonly body: string;
  /** The protocol's own headers, e.g. `anthropic-version`; lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Includes those of severity `refused`; the caller decides what they mean. */
  readonly losses: readonly Loss[];
}

/** What a reply codec may know of its call. */
export interface Exchange {
  /** The request as the client's codec decoded it. */
  readonly request: CanonicalRequest;
  /** Lower-case letters and digits, unique per call; used where the upstream gives no id. */
  readonly id: string;
  /** Unix time in seconds, for `created` fields. */
  readonly createdAtS: number;
  /** Set where a decoder gets only the beginning and the end of an answer. */
  readonly isExcerpt?: boolean;
}

export type Ending = Pick<Reply, "usage" | "finish">;

/**
 * What a codec keeps of an answer in its protocol's own form, so that a paused upstream can be asked for the rest. One for all
 * answers to one call.
 */
export interface Continuation {
  /** Whether an answer may pause inside a part, which then continues in the next answer. */
  readonly seamless: boolean;
  /** Notes each event of a streamed answer before it is decoded. */
  event(event: SseEvent): void;
  /** Notes a non-streaming answer. */
  nonStreaming(body: string): void;
  /** At a pause: the request for the rest, made from the first request. Null: this answer can't be continued. */
  resume(body: string): string | null;
}

/** Keep-alives that are numbered events, for one stream. Runs are bytes of complete events. */
export interface SignsOfLife {
  /** Takes each run that goes out and returns it: the same bytes, or, after a keep-alive, with corrected numbers. */
  pass(run: Uint8Array): Uint8Array;
  /** Whether a run holds more than comments. */
  isLife(run: Uint8Array): boolean;
  /** The next keep-alive; null where an event would be invalid: before the first one, and after the last. */
  sign(): string | null;
}

export interface EncodedError {
  /** The protocol's status for this error (e.g. 529 in Messages, 503 elsewhere). */
  readonly status: number;
  readonly body: string;
  /** Headers in which a protocol states the kind of an error; lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a codec knows of a model, for lists of models. */
export interface ModelLimits {
  /** The most tokens of one answer; null: not known. */
  readonly outputTokens: number | null;
  /**
   * In ascending order: those that `encode` expresses, as another word or as a budget. Empty: the model does not reason. Null: not
   * known.
   */
  readonly efforts: readonly Effort[] | null;
  /** Whether it accepts a preference for short or long answers. */
  readonly verbosity: boolean;
}

/** Writes a streamed answer. */
export interface StreamEncoder extends Machine<ReplyEvent, SseEvent> {
  /** What `printSse` makes of `step`'s result, without calling it, for the most frequent events. Null: use `step`. Absent: always use `step`. */
  printed?(event: ReplyEvent): string | null;
}

export interface Codec {
  readonly id: ProtocolId;
  readonly limitsOf: (model: string) => ModelLimits;
  readonly request: {
    /** @throws GatewayError `invalid-request`, naming the field and what it should be. */
    decode(request: WireRequest): CanonicalRequest;
    encode(request: CanonicalRequest): EncodedRequest;
    /** @throws GatewayError `invalid-request` when the body is not JSON or names no model. */
    head(request: WireRequest): RequestHead;
    /** Applies the edits to the text; every other character stays as it is. `found`: its members, if they are known. */
    edit(body: string, edits: Edits, found?: readonly Member[]): string;
  };
  readonly reply: {
    /** A non-streaming answer. @throws GatewayError `upstream-failed` when it is none. */
    decode(body: string, exchange: Exchange): Reply;
    /**
     * What `decode` says of an answer's end, without building the answer. Numbers are read by the runtime's parser, which may round them.
     * @throws GatewayError as `decode` does.
     */
    ending(body: string, exchange: Exchange): Ending;
    encode(reply: Reply, exchange: Exchange): string;
    /** Never throws: a fault in the stream becomes a `reply-error`. `end()` reports truncation. */
    decoder(exchange: Exchange): Machine<SseEvent, ReplyEvent>;
    /** Takes parts one at a time, in order; put `inOrder()` before it. */
    encoder(exchange: Exchange): StreamEncoder;
    /** Text that keeps a silent stream of this protocol alive; it goes between two events and has no meaning. */
    readonly keepAlive: string;
    /** For protocols whose clients count events and accept only those as signs of life. Absent: `keepAlive` is enough. */
    readonly signsOfLife?: () => SignsOfLife;
    /** For answers that may end as `paused`; absent, or null for an exchange: none does. */
    continuation?(exchange: Exchange): Continuation | null;
  };
  readonly error: {
    /** `body` may be anything: JSON, text, HTML, nothing. Keeps the status and `retry-after`. */
    decode(status: number, body: string, headers: Readonly<Record<string, string>>): GatewayError;
    encode(error: GatewayError, requestId: string): EncodedError;
    /** An upstream's own error body, with the code or type by which clients of this protocol recognise it. Most are unchanged. */
    edit(body: string, error: GatewayError): string;
    /** The event that ends a stream which can't continue and was not encoded by `reply.encoder`. */
    event(error: GatewayError): SseEvent;
    /** All events that end such a stream. `passed`: its first and its last events. Absent: `event` alone ends it. */
    events?(error: GatewayError, passed: readonly SseEvent[]): SseEvent[];
  };
}
