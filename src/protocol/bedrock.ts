// Bedrock's form of the Messages protocol: model and stream switch in the path, betas in the body, errors in AWS's format.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html (read 2026-11).
// Does not touch what a Messages body and its events say.

import type { GatewayError } from "../errors.ts";
import type { Frame } from "../wire/event-stream.ts";
import { isObject, parse, parseOrUndefined, type Json, type JsonObject } from "../wire/json.ts";
import { cut, members, type Member, type Splice } from "../wire/json-edit.ts";
import type { SseEvent } from "../wire/sse.ts";
import type { EncodedError, WireRequest } from "./codec.ts";

// ---- Requests ----------------------------------------------------------------------------------------------------

/** Region and maker of the model: `us.anthropic.`, `global.anthropic.`, `openai.`. */
const MAKER = /^(?:[a-z]{2,6}(?:-gov)?\.)?(?:anthropic|google|minimax|mistral|moonshot(?:ai)?|nvidia|openai|qwen|xai|zai)\./;
const PROFILE = /^arn:aws[\w-]*:bedrock:.*\//;
/** `-v1:0`, `-v2`, `-1:0`, optionally with a context size: `-v1:0:200k`. */
const VERSION = /(?:-v\d+(?::\d+k?)*|-\d+(?::\d+k?)+)$/;
const NUMBERED_VERSION = /(?<=^claude-.*)-v\d+(?::\d+k?)+$/;
/** What Claude Code may append to any name. */
const BRACKETS = /(?:\[\w+\])*$/;

/** The model's own name for one in Bedrock's spelling; other names stay as they are. */
export function modelOf(id: string): string {
  const profile = id.replace(PROFILE, "");
  const [brackets = ""] = BRACKETS.exec(profile) ?? [];
  const plain = profile.slice(0, profile.length - brackets.length);
  const bare = plain.replace(MAKER, "");
  if (bare === "") return id;
  // Without a maker it may be any name, and may end in `-v2`.
  return bare.replace(bare === plain && profile === id ? NUMBERED_VERSION : VERSION, "") + brackets;
}

/** Members that do not belong to a Messages body, or that the path contains. */
export const OUTSIDE_BODY = ["model", "stream", "anthropic_version", "anthropic_beta"] as const;
const OUTSIDE: ReadonlySet<string> = new Set(OUTSIDE_BODY);

/** Turns a body in Bedrock's form into a Messages body, by removing what only Bedrock reads. */
export function withoutOutside(found: readonly Member[]): Splice[] {
  const spans = found.map(({ key, start, valueEnd }) => ({ key, start, end: valueEnd }));
  return cut(spans, new Set(spans.filter(isOutside)));
}

export function isOutside({ key }: Pick<Member, "key">): boolean {
  return OUTSIDE.has(key);
}

/** The headers that a client of Messages would have sent: with the betas from the body. */
export function headersOf({ body, headers, members: found }: WireRequest): Record<string, string> {
  const member = (found ?? members(body)).find(({ key }) => key === "anthropic_beta");
  const value = member === undefined ? null : parse(body.slice(member.valueStart, member.valueEnd));
  const named = Array.isArray(value) ? value.filter((beta): beta is string => typeof beta === "string" && BETA.test(beta)) : [];
  if (named.length === 0) return headers;
  const own = headers["anthropic-beta"]?.split(",").map((beta) => beta.trim()) ?? [];
  return { ...headers, "anthropic-beta": [...new Set([...own, ...named])].join(",") };
}

const BETA = /^[\w.-]{1,100}$/;

// ---- Answers -----------------------------------------------------------------------------------------------------

/** An event of a Messages stream, pings included, as Bedrock's frame. */
export function frameOf({ event, data }: SseEvent): Frame {
  if (event === "error") return exceptionOf(parseOrUndefined(data));
  return { kind: "event", name: "chunk", payload: JSON.stringify({ bytes: ENCODER.encode(data).toBase64() }) };
}

const ENCODER = new TextEncoder();

/** By Messages error type; one without a row is an error of the model. */
const EXCEPTIONS: ReadonlyMap<unknown, string> = new Map([
  ["invalid_request_error", "validationException"],
  ["request_too_large", "validationException"],
  ["rate_limit_error", "throttlingException"],
  ["overloaded_error", "serviceUnavailableException"],
  ["timeout_error", "modelTimeoutException"],
  ["api_error", "internalServerException"],
]);

function exceptionOf(value: Json | undefined): Frame {
  const name = EXCEPTIONS.get(errorIn(value)["type"]) ?? "modelStreamErrorException";
  return { kind: "exception", name, payload: JSON.stringify({ message: messageIn(value) }) };
}

function errorIn(value: Json | undefined): JsonObject {
  return isObject(value) && isObject(value["error"]) ? value["error"] : {};
}

function messageIn(value: Json | undefined): string {
  const { message } = errorIn(value);
  return typeof message === "string" ? message : "The upstream reported an error without a message.";
}

const ERROR_TYPES: ReadonlyMap<number, string> = new Map([
  [401, "UnrecognizedClientException"],
  [402, "ServiceQuotaExceededException"],
  [403, "AccessDeniedException"],
  [404, "ResourceNotFoundException"],
  [408, "ModelTimeoutException"],
  [409, "ConflictException"],
  [424, "ModelErrorException"],
  [429, "ThrottlingException"],
  [500, "InternalServerException"],
  [504, "ModelTimeoutException"],
]);

/** The same error as in Messages, because clients recognise it by its text, such as that of a full context. */
export function encodeError({ status }: GatewayError, messages: EncodedError): EncodedError {
  const type = ERROR_TYPES.get(status) ?? (status > 500 ? "ServiceUnavailableException" : "ValidationException");
  const message = messageIn(parseOrUndefined(messages.body));
  return { status, headers: { "x-amzn-errortype": type }, body: JSON.stringify({ message }) };
}
