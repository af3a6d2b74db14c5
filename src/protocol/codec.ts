// Room: codec (row 1).
// The shape that every protocol's codec has, and the few rules that all four share.
// decode: wire -> canonical. encode: canonical -> wire. Codecs are pure and synchronous: no clock, no random, no I/O.

import { GatewayError } from "../errors.ts";
import { JsonText, parse, type Json } from "../wire/json.ts";
import { firstItem, members, type Member } from "../wire/json-edit.ts";
import type { Machine, SseEvent } from "../wire/pump.ts";
import type {
  CanonicalRequest,
  FieldNames,
  JsonSource,
  Loss,
  Origin,
  ProtocolId,
  Proof,
  Reply,
  ReplyEvent,
  TokenLogprob,
} from "./canonical.ts";

/** A request as it came through a door. */
export interface WireRequest {
  /** JSON text. */
  readonly body: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Model and stream switch where the protocol keeps them in the path (Gemini); null otherwise. */
  readonly path: { readonly model: string; readonly stream: boolean } | null;
  /** Of `body`, where they have been found already. */
  readonly members?: readonly Member[];
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
  /** Where the protocol keeps the stream switch in the path (Gemini): the switch to write into the body. Others leave it alone. */
  readonly stream?: boolean | null;
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
}

/**
 * An exchange without the turns that led to it: what an encoder keeps of it while an answer is under way. The turns may be megabytes, and an
 * answer takes minutes.
 */
export function withoutConversation({ request, id, createdAtS }: Exchange): Exchange {
  return { request: { ...request, turns: [] }, id, createdAtS };
}

/**
 * An exchange whose strings are its own, but for the turns, which no codec keeps: an engine lets a string that was cut out of a body hold on
 * to the whole text of it.
 */
export function detached({ request: { turns, ...rest }, id, createdAtS }: Exchange): Exchange {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what was printed a moment ago
  const own = JSON.parse(JSON.stringify(rest)) as typeof rest;
  return { request: { ...own, turns }, id, createdAtS };
}

/**
 * What a codec keeps of an answer in its protocol's own form, so that an upstream that paused can be asked for the rest. One for all
 * answers to one call.
 */
export interface Continuation {
  /** Whether an answer may pause in the middle of a part, which then goes on in the next answer. */
  readonly seamless: boolean;
  /** Told of each event of a streamed answer, before it is decoded. */
  event(event: SseEvent): void;
  /** Told of a whole answer. */
  whole(body: string): void;
  /** At a pause: the request that asks for the rest, made from the one that came first. Null: nothing makes this answer go on. */
  resume(body: string): string | null;
}

export interface EncodedError {
  /** The protocol's status for this error (e.g. Messages says 529 where others say 503). */
  readonly status: number;
  readonly body: string;
}

export interface Codec {
  readonly id: ProtocolId;
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
    /** A whole answer. @throws GatewayError `upstream-failed` when it is none. */
    decode(body: string, exchange: Exchange): Reply;
    encode(reply: Reply, exchange: Exchange): string;
    /** Never throws: what is wrong with the stream comes out as `reply-error`. `end()` reports truncation. */
    decoder(exchange: Exchange): Machine<SseEvent, ReplyEvent>;
    /** Takes parts one at a time, in order; put `inOrder()` before it. */
    encoder(exchange: Exchange): Machine<ReplyEvent, SseEvent>;
    /** The text that keeps a silent stream of this protocol alive; it stands between two events and means nothing. */
    readonly keepAlive: string;
    /** For answers that may end as `paused`; absent, or null for an exchange, where none does. */
    continuation?(exchange: Exchange): Continuation | null;
  };
  readonly error: {
    /** `body` may be anything: JSON, text, HTML, nothing. Status and `retry-after` are never lost. */
    decode(status: number, body: string, headers: Readonly<Record<string, string>>): GatewayError;
    encode(error: GatewayError, requestId: string): EncodedError;
    /** The event that ends a stream which can't go on and was not encoded by `reply.encoder`. */
    event(error: GatewayError): SseEvent;
  };
}

/** A request that says nothing but its head; for calls whose body is not decoded. */
export function bareRequest(head: Pick<RequestHead, "model" | "stream">): CanonicalRequest {
  return {
    names: CANONICAL_NAMES,
    model: head.model,
    stream: head.stream,
    system: [],
    turns: [],
    tools: [],
    toolChoice: null,
    parallelToolCalls: null,
    reasoning: null,
    output: null,
    verbosity: null,
    maxOutputTokens: null,
    stop: [],
    sampling: { temperature: null, topP: null, topK: null, seed: null, presencePenalty: null, frequencyPenalty: null, topLogprobs: null },
    endUser: null,
    metadata: null,
    cacheKey: null,
    serviceTier: null,
    store: null,
    includeUsage: false,
    extensions: [],
    losses: [],
  };
}

const CANONICAL_NAMES: FieldNames = {
  model: "model",
  system: "system",
  turns: "turns",
  tools: "tools",
  toolChoice: "toolChoice",
  parallelToolCalls: "parallelToolCalls",
  reasoning: "reasoning",
  output: "output",
  verbosity: "verbosity",
  maxOutputTokens: "maxOutputTokens",
  stop: "stop",
  temperature: "temperature",
  topP: "topP",
  topK: "topK",
  seed: "seed",
  presencePenalty: "presencePenalty",
  frequencyPenalty: "frequencyPenalty",
  topLogprobs: "topLogprobs",
  endUser: "endUser",
  metadata: "metadata",
  cacheKey: "cacheKey",
  cache: "cache",
  serviceTier: "serviceTier",
  store: "store",
};

/**
 * The head of a body that holds model and stream switch itself. `list` names the member with the conversation's items.
 * @throws GatewayError `invalid-request` when the body is not a JSON object or names no model.
 */
export function bodyHead({ body, members: found }: WireRequest, list: string): RequestHead {
  let model: Json = null;
  let stream = false;
  let conversation = "";
  for (const { key, valueStart, valueEnd } of found ?? members(body)) {
    if (key === "model") model = parse(body.slice(valueStart, valueEnd));
    else if (key === "stream") stream = body.startsWith("true", valueStart);
    else if (key === list) conversation = firstItem(body, valueStart);
  }
  if (typeof model !== "string" || model === "") {
    throw new GatewayError("invalid-request", "model should be the name of a model, e.g. one that GET /v1/models lists.", {
      param: "model",
    });
  }
  return { model, stream, conversation };
}

const SEAL = "gw1.";
// A length of 4n + 1 is nobody's encoding.
const BASE64URL = /^(?:[\w-]{4})*(?:[\w-]{2,3})?$/;

/**
 * The text that carries a proof through a client which speaks another protocol: `gw1.<origin>.<data, base64url>`.
 * Proofs go to clients of their own protocol unsealed.
 */
export function sealProof(proof: Proof, own: Origin | null): string {
  if (proof.origin === own) return proof.data;
  return `${SEAL}${proof.origin}.${base64url(proof.data)}`;
}

/** The reverse of `sealProof`: unsealed text belongs to the client protocol's own vendor. */
export function openProof(text: string, own: Origin): Proof {
  if (!text.startsWith(SEAL)) return { origin: own, data: text };
  const [origin, data] = text.slice(SEAL.length).split(".", 2);
  if (data === undefined || !BASE64URL.test(data) || (origin !== "openai" && origin !== "anthropic" && origin !== "google")) {
    return { origin: own, data: text };
  }
  return { origin, data: fromBase64url(data) };
}

function base64url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromBase64url(text: string): string {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder().decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
}

/** Stands for the logarithm of what is hardly possible, which is no number in JSON; OpenAI's own word. */
const UNLIKELY = -9999;

/** A token as an upstream told it. Bytes that were not told are those of its text. */
export function tokenLogprob(told: { readonly token?: unknown; readonly bytes?: unknown; readonly logprob?: unknown }): TokenLogprob {
  const token = typeof told.token === "string" ? told.token : "";
  const bytes = Array.isArray(told.bytes) ? told.bytes.filter((byte) => typeof byte === "number") : [...new TextEncoder().encode(token)];
  const number = told.logprob instanceof JsonText ? Number(told.logprob.text) : told.logprob;
  const logprob = typeof number === "number" && Number.isFinite(number) ? number : UNLIKELY;
  // Some print the zero of a certain token with a sign.
  return { token, bytes, logprob: logprob === 0 ? 0 : logprob };
}

/** What becomes of a request's extensions and nested losses when `target` is to carry it. */
export function lossesFor(request: CanonicalRequest, target: ProtocolId): Loss[] {
  const losses = request.extensions
    .filter((extension) => extension.protocol !== target)
    .map(({ field, severity, reason }): Loss => ({ field, severity, reason }));
  return [...losses, ...request.losses];
}

/** The one loss of all prompt-cache marks on parts, or on tools, for an upstream that takes none there; none where there are no marks. */
export function lostMarks(request: CanonicalRequest, where: "parts" | "tools"): Loss[] {
  const isMarked = (item: object): boolean => "cache" in item && item.cache !== null;
  const parts = [...request.system, ...request.turns.flatMap((turn) => turn.parts)];
  const marked =
    where === "tools"
      ? request.tools.some(isMarked)
      : parts.some((part) => isMarked(part) || (part.type === "tool-result" && part.content.some(isMarked)));
  if (!marked) return [];
  const field = where === "tools" ? `${request.names.tools}.${request.names.cache}` : request.names.cache;
  return [{ field, severity: "dropped", reason: "The upstream finds cached prefixes by itself." }];
}

/** The extensions that `target` gets back, as members of its body. */
export function ownExtensions(request: CanonicalRequest, target: ProtocolId): [string, JsonSource][] {
  return request.extensions.filter((extension) => extension.protocol === target).map(({ field, value }) => [field, value]);
}
