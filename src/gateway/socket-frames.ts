// The frames of a WebSocket that speaks the Responses API: a client's frame as a request over HTTP, what has to be remembered for the next
// one, and the frames of an answer.
// https://developers.openai.com/docs/guides/websocket-mode (read 2026-11), openai-node 7.59.0 `ResponsesClientEvent`, Codex 0.171.
// Keeps nothing itself.

import { GatewayError } from "../errors.ts";
import type { Exchange } from "../protocol/codec.ts";
import { CODECS } from "../protocol/codecs.ts";
import { bareRequest } from "../protocol/exchange.ts";
import { truncated } from "../protocol/fold.ts";
import { cut, items, members, shifted, spliced, type Member, type Span, type Splice } from "../wire/json-edit.ts";
import { isObject, parseOrUndefined, print, type JsonObject } from "../wire/json.ts";
import type { SseEvent } from "../wire/sse.ts";

/** The last response of a socket, which the client's next request may refer to. */
export interface Remembered {
  readonly id: string;
  /** The conversation up to its end: the items of a JSON array, without the brackets. */
  readonly conversation: string;
}

/** A client's request for a response. */
export interface CreateFrame {
  /** The body over HTTP. */
  readonly body: string;
  /** All input items, as in a JSON array, without the brackets. */
  readonly conversation: string;
  /** False: it only announces what its next request will continue from. */
  readonly generates: boolean;
  /** The headers over HTTP. */
  readonly headers: Readonly<Record<string, string>>;
}

interface Field extends Member, Span {
  readonly text: string;
}

/** Null: the frame asks for nothing. @throws GatewayError `invalid-request` */
export function readFrame(text: string, remembered: Remembered | null): CreateFrame | null {
  const fields = members(text).map((one): Field => ({ ...one, end: one.valueEnd, text: text.slice(one.valueStart, one.valueEnd) }));
  const field = (key: string): Field | undefined => fields.find((one) => one.key === key && one.text !== "null");
  const type = field("type");
  const named = parseOrUndefined(type?.text ?? "");
  // Codex reports that it has read a response.
  if (named === "response.processed") return null;
  if (type === undefined || named !== CREATE) {
    const said = typeof named === "string" ? `no event ${JSON.stringify(named.slice(0, SHOWN))}` : "no event without a type";
    throw new GatewayError("invalid-request", `This server takes ${said} on a WebSocket. Send ${CREATE}.`, { param: "type" });
  }
  if (field("stream_id") !== undefined) {
    const advice =
      "A WebSocket on this server runs one response at a time. Leave out stream_id, and open another WebSocket to run more at once.";
    throw new GatewayError("invalid-request", advice, { param: "stream_id", code: "unsupported_parameter" });
  }
  const previous = previousOf(field("previous_response_id"), remembered);
  const input = field("input");
  const own = inputItems(text, input);
  const conversation = [previous?.conversation ?? "", own].filter((some) => some !== "").join(",");
  const splices: Splice[] = [];
  const taken = new Set<Span>();
  const put = (place: Span, json: string): void => void splices.push({ start: place.start, end: place.end, text: json });
  const generate = fields.find(({ key }) => key === "generate");
  if (generate !== undefined) taken.add(generate);
  // Over HTTP, `stream` asks for what a WebSocket does anyway.
  const stream = fields.find(({ key }) => key === "stream");
  if (stream === undefined) put(type, '"stream":true');
  else {
    taken.add(type);
    put({ start: stream.valueStart, end: stream.valueEnd }, "true");
  }
  const link = field("previous_response_id");
  if (link !== undefined) {
    if (input === undefined) put(link, `"input":[${conversation}]`);
    else {
      taken.add(link);
      put({ start: input.valueStart, end: input.valueEnd }, `[${conversation}]`);
    }
  }
  return {
    body: spliced(text, [...splices, ...cut(fields, taken)]),
    conversation,
    generates: generate?.text !== "false",
    headers: headersIn(field("client_metadata")),
  };
}

const CREATE = "response.create";
/** How much of an unknown word is quoted. */
const SHOWN = 100;

function previousOf(link: Field | undefined, remembered: Remembered | null): Remembered | null {
  if (link === undefined) return null;
  const id = parseOrUndefined(link.text);
  if (remembered !== null && id === remembered.id) return remembered;
  const named = typeof id === "string" ? ` with id '${id.slice(0, SHOWN)}'` : "";
  const advice = "A WebSocket remembers its own last response only. Send the complete input without previous_response_id.";
  throw new GatewayError("invalid-request", `Previous response${named} not found. ${advice}`, {
    param: "previous_response_id",
    code: "previous_response_not_found",
  });
}

/** The items of `input`; a string stands for one message. */
function inputItems(text: string, input: Field | undefined): string {
  if (input === undefined) return "";
  if (input.text.startsWith('"')) return `{"role":"user","content":${input.text}}`;
  const found = items(text, input.valueStart);
  return text.slice(found[0]?.start ?? 0, found.at(-1)?.end ?? 0);
}

const HEADER_PREFIX = "ws_request_header_";
/** Headers of the handshake that each request renews. */
const RENEWED_HEADER = /^x-codex-(?:turn-metadata|turn-state|window-id)$/;
const CODEX_HEADER = /^x-(?:codex|openai)-[\w-]+$/;
const HEADER_VALUE = /^[\x20-\x7e]+$/;

/** Codex puts headers that change with every request into `client_metadata`, since those of the handshake can't change. */
function headersIn(metadata: Field | undefined): Record<string, string> {
  const said = metadata === undefined ? {} : parseOrUndefined(metadata.text);
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(isObject(said) ? said : {})) {
    const name = key.startsWith(HEADER_PREFIX) ? key.slice(HEADER_PREFIX.length).replaceAll("_", "-") : key;
    const isHeader = name === key ? RENEWED_HEADER.test(name) : CODEX_HEADER.test(name);
    if (isHeader && typeof value === "string" && HEADER_VALUE.test(value)) headers[name] = value;
  }
  return headers;
}

/** What the next request may refer to. `event` ended the response, `done` are its completed items; null where the response has no id. */
function rememberedFrom(conversation: string, event: string, done: readonly string[]): Remembered | null {
  const response = valueOf(event, "response") ?? "{}";
  const id = parseOrUndefined(valueOf(response, "id") ?? "null");
  if (typeof id !== "string") return null;
  const output = valueOf(response, "output") ?? "[]";
  const told = items(output, 0).map(({ start, end }) => output.slice(start, end));
  return { id, conversation: [conversation, ...resendable(told.length > 0 ? told : done)].filter((text) => text !== "").join(",") };
}

/** The text of a member of a JSON object; null where it is missing. */
function valueOf(text: string, key: string): string | null {
  try {
    const member = members(text).find((one) => one.key === key);
    return member === undefined ? null : text.slice(member.valueStart, member.valueEnd);
  } catch {
    return null;
  }
}

/**
 * Output in the form of input. Reasoning without encrypted content is OpenAI's own: the API would look for it in its store, and
 * also for whatever belongs to any item whose id it knows.
 */
function resendable(output: readonly string[]): readonly string[] {
  const kept = output.map((text) => parseOrUndefined(text)).filter((item): item is JsonObject => isObject(item) && !isUnproven(item));
  return kept.length === output.length ? output : kept.map((item) => JSON.stringify({ ...item, id: undefined }));
}

function isUnproven({ type, encrypted_content: proof }: JsonObject): boolean {
  return type === "reasoning" && (typeof proof !== "string" || proof === "");
}

const CODEC = CODECS["openai-responses"];
const EXCHANGE: Exchange = { request: bareRequest({ model: "", stream: true }), id: "", createdAtS: 0 };
const SHOWN_HEADER = /^(?:retry-after(?:-ms)?|request-id|x-(?!accel|content-type|frame).+|openai-.+)$/;

/** An error over HTTP as the API reports it on a WebSocket, with the members that an error has in a stream as well. */
export function refusalFrame(status: number, body: string, headers: Headers): string {
  const error = errorIn(body) ?? errorIn(CODEC.error.encode(CODEC.error.decode(status, body, {}), "").body) ?? {};
  const { code = null, message = "", param = null } = error;
  const shown = [...headers].filter(([name]) => SHOWN_HEADER.test(name));
  return JSON.stringify({ type: "error", status, code, message, param, error, headers: Object.fromEntries(shown) });
}

/**
 * What an answer's headers say about the plan, as an event: Codex reads headers only from the handshake. Null where they say nothing.
 * https://github.com/openai/codex/blob/main/codex-rs/codex-api/src/rate_limits.rs (2026-11)
 */
export function planFrame(headers: Headers): string | null {
  const number = (name: string): number | null => (headers.has(name) ? Number(headers.get(name)) : null);
  const window = (word: "primary" | "secondary"): JsonObject | null => {
    const usedPercent = number(`x-codex-${word}-used-percent`);
    if (usedPercent === null) return null;
    const [minutes, resetS] = [number(`x-codex-${word}-window-minutes`), number(`x-codex-${word}-reset-at`)];
    return { used_percent: usedPercent, window_minutes: minutes, reset_at: resetS };
  };
  const [primary, secondary] = [window("primary"), window("secondary")];
  if (primary === null && secondary === null) return null;
  const balance = headers.get("x-codex-credits-balance");
  const isTrue = (name: string): boolean => headers.get(name) === "true";
  const credits =
    balance === null
      ? null
      : { has_credits: isTrue("x-codex-credits-has-credits"), unlimited: isTrue("x-codex-credits-unlimited"), balance };
  return JSON.stringify({ type: "codex.rate_limits", rate_limits: { primary, secondary }, credits });
}

function errorIn(body: string): JsonObject | null {
  const said = parseOrUndefined(body);
  return isObject(said) && isObject(said["error"]) ? said["error"] : null;
}

/** An error that ends a stream. On a WebSocket, which stays open, Codex waits for more unless the error has a status. */
function lastWord(event: string): string {
  const said = parseOrUndefined(event);
  if (!isObject(said) || typeof said["status"] === "number") return event;
  const end = CODEC.reply.decoder(EXCHANGE).step({ event: ERROR, data: event }).at(-1);
  const status = end?.type === "reply-error" ? end.error.status : BROKEN;
  return print({ ...said, status });
}

const ERROR = "error";
const BROKEN = 502;
const DONE = "response.output_item.done";
const LAST = /^(?:error|response\.(?:completed|incomplete|failed))$/;
/** How every known server begins an event. */
const TYPE_FIRST = /^\{\s*"type"\s*:\s*"([^"\\]*)"/;

function typeOf(data: string): string | null {
  const type = TYPE_FIRST.exec(data)?.[1] ?? parseOrUndefined(valueOf(data, "type") ?? "");
  return typeof type === "string" ? type : null;
}

/** The frames of one answer, made from its events. */
export class AnswerFrames {
  /** What the next request may refer to; null before the end, and where the response failed. */
  remembered: Remembered | null = null;
  /** Whether the event that ends a response has come. */
  isComplete = false;
  readonly #conversation: string;
  readonly #numberedFrom: number;
  readonly #done: string[] = [];
  /** Held, since the last event of a stream is written differently. */
  #error: string | null = null;

  /** `numberedFrom`: how many frames the client has already counted. */
  constructor({ conversation }: Pick<CreateFrame, "conversation">, numberedFrom: number) {
    this.#conversation = conversation;
    this.#numberedFrom = numberedFrom;
  }

  step({ data: told }: SseEvent): string[] {
    if (told.trim() === "[DONE]") return [];
    const data = this.#numberedFrom === 0 ? told : shifted(told, { key: "sequence_number", by: this.#numberedFrom });
    const frames = this.#held();
    const said = typeOf(data);
    // A terminal event that can't be parsed does not count.
    const type = said !== null && LAST.test(said) && !isObject(parseOrUndefined(data)) ? null : said;
    if (type === ERROR) {
      this.#error = data;
      return frames;
    }
    if (type === DONE) this.#done.push(valueOf(data, "item") ?? "null");
    if (type !== null && LAST.test(type)) {
      this.isComplete = true;
      if (type !== "response.failed") this.remembered = rememberedFrom(this.#conversation, data, this.#done);
    }
    return [...frames, data];
  }

  end(): string[] {
    const frames = this.#held().map((error) => (this.isComplete ? error : lastWord(error)));
    if (frames.length > 0 || this.isComplete) return frames;
    const { data } = CODEC.error.event(truncated());
    return [lastWord(data)];
  }

  #held(): string[] {
    const frames = this.#error === null ? [] : [this.#error];
    this.#error = null;
    return frames;
  }
}
