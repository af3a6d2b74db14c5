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
  /** Of `body`, where they have been found already. */
  readonly members?: readonly Member[];
  /** Of `body`; whoever decodes may keep parts of it. Absent: nobody has parsed it, or somebody has that already. */
  readonly parsed?: Parsed | undefined;
}

/** What routing needs to know of a request; read without decoding the rest. */
export interface RequestHead {
  readonly model: string;
  readonly stream: boolean;
  /** Text that stays the same over all turns of one conversation: its first item as written. */
  readonly conversation: string;
}

/** The named edits: all that ever changes in a body whose protocol the upstream speaks. Null: leave as it is. */
export interface Edits {
  readonly model: string | null;
  /** Put in front of the client's own instructions unless it stands there already. */
  readonly systemPrompt: string | null;
  /** Where the protocol keeps the stream switch in the path (Gemini, Bedrock): the switch to write into the body. Others leave it alone. */
  readonly stream?: boolean | null;
  /**
   * Put in where the protocol demands a limit on the answer and the client set none (Messages): tokens, or null for the model's own limit.
   * Absent: nothing is put in.
   */
  readonly defaultMaxTokens?: number | null;
}

export interface EncodedRequest {
  /** JSON text. */
  readonly body: string;
  /** What the protocol wants said in headers, e.g. `anthropic-version`; lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Includes those of severity `refused`; the caller decides what they mean. */
  readonly losses: readonly Loss[];
}

/** What a reply codec may know of the call that it answers. */
export interface Exchange {
  /** The request as the client's codec decoded it. */
  readonly request: CanonicalRequest;
  /** Lower-case letters and digits, unique per call; stands in where the upstream gives no id. */
  readonly id: string;
  /** Unix time in seconds, for `created` fields. */
  readonly createdAtS: number;
  /** Set where a decoder is shown only the beginning and the end of an answer. */
  readonly isExcerpt?: boolean;
}

export type Ending = Pick<Reply, "usage" | "finish">;

/**
 * What a codec keeps of an answer in its protocol's own form, so that an upstream that paused can be asked for the rest. One for all
 * answers to one call.
 */
export interface Continuation {
  /** Whether an answer may pause in the middle of a part, which then goes on in the next answer. */
  readonly seamless: boolean;
  /** Takes note of each event of a streamed answer, before it is decoded. */
  event(event: SseEvent): void;
  /** Takes note of a non-streaming answer. */
  nonStreaming(body: string): void;
  /** At a pause: the request that asks for the rest, made from the one that came first. Null: nothing makes this answer go on. */
  resume(body: string): string | null;
}

/** Signs of life that are events with a number, for one stream. Runs are bytes of complete events. */
export interface SignsOfLife {
  /** Takes each run that goes out, and gives it back: the same bytes, or, behind a sign, with the numbers that are then right. */
  pass(run: Uint8Array): Uint8Array;
  /** Whether there is more than comments in a run. */
  isLife(run: Uint8Array): boolean;
  /** The sign that goes out next; null where an event would be wrong: before the first one, and behind the last. */
  sign(): string | null;
}

export interface EncodedError {
  /** The protocol's status for this error (e.g. Messages says 529 where others say 503). */
  readonly status: number;
  readonly body: string;
  /** Where a protocol says what kind of error it is in a header; lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a codec knows of a model, for lists of models. */
export interface ModelLimits {
  /** The most tokens of one answer; null where that is not known. */
  readonly outputTokens: number | null;
  /**
   * Rising: those of which `encode` makes something, be it another word or a budget. Empty: the model does not reason. Null: nobody knows
   * which it takes.
   */
  readonly efforts: readonly Effort[] | null;
  /** Whether it takes a wish for short or long answers as such. */
  readonly verbosity: boolean;
}

/** Writes a streamed answer. */
export interface StreamEncoder extends Machine<ReplyEvent, SseEvent> {
  /** What `printSse` makes of `step`, which is not asked then: for what most answers are made of. Null: `step` has to say it. Absent: of all. */
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
    /** Splices the edits into the text; every other character stays as it is. `found`: its members, where they are known. */
    edit(body: string, edits: Edits, found?: readonly Member[]): string;
  };
  readonly reply: {
    /** A non-streaming answer. @throws GatewayError `upstream-failed` when it is none. */
    decode(body: string, exchange: Exchange): Reply;
    /**
     * What `decode` says of the end of an answer; the answer itself is not made. Numbers are read as the runtime does, which may round them.
     * @throws GatewayError as `decode` does.
     */
    ending(body: string, exchange: Exchange): Ending;
    encode(reply: Reply, exchange: Exchange): string;
    /** Never throws: what is wrong with the stream comes out as `reply-error`. `end()` reports truncation. */
    decoder(exchange: Exchange): Machine<SseEvent, ReplyEvent>;
    /** Takes parts one at a time, in order; put `inOrder()` before it. */
    encoder(exchange: Exchange): StreamEncoder;
    /** The text that keeps a silent stream of this protocol alive; it stands between two events and means nothing. */
    readonly keepAlive: string;
    /** For protocols whose clients count events, and take nothing else for life. Absent: `keepAlive` is all there is. */
    readonly signsOfLife?: () => SignsOfLife;
    /** For answers that may end as `paused`; absent, or null for an exchange, where none does. */
    continuation?(exchange: Exchange): Continuation | null;
  };
  readonly error: {
    /** `body` may be anything: JSON, text, HTML, nothing. Status and `retry-after` are never lost. */
    decode(status: number, body: string, headers: Readonly<Record<string, string>>): GatewayError;
    encode(error: GatewayError, requestId: string): EncodedError;
    /** An upstream's own error body, made recognisable for clients of this protocol: by its code, its type. Most stay as they are. */
    edit(body: string, error: GatewayError): string;
    /** The event that ends a stream which can't go on and was not encoded by `reply.encoder`. */
    event(error: GatewayError): SseEvent;
  };
}
