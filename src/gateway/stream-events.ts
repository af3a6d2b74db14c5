// The events of a stream, from the chunks in which it passed: server-sent events, Bedrock's frames, items of a JSON array.
// Runs when somebody looks at a call, never while it passes.

import { isObject, parseOrUndefined } from "../wire/json.ts";
import { concat } from "../wire/pump.ts";
import { printSse, sseDecoder, type SseEvent } from "../wire/sse.ts";
import type { Passed } from "./call-recording.ts";

export interface TimedEvent {
  /** When the chunk arrived that completed the event; milliseconds since the call began. */
  readonly atMs: number;
  readonly name: string;
  readonly bytes: number;
  readonly data: string;
}

export function textOf(pieces: readonly (Uint8Array | string)[]): string {
  const utf8 = new TextDecoder();
  const text = pieces.map((piece) => (typeof piece === "string" ? piece : utf8.decode(piece, { stream: true }))).join("");
  return text + utf8.decode();
}

export function streamEvents({ pieces, times }: Passed): TimedEvent[] {
  const first = pieces?.[0];
  if (pieces === null || times === null || first === undefined) return [];
  return isFrame(bytesOf(first)) ? frames(pieces, times) : serverSent(pieces, times);
}

function serverSent(pieces: readonly (Uint8Array | string)[], times: readonly number[]): TimedEvent[] {
  const decoder = sseDecoder({ maxEventLength: Number.POSITIVE_INFINITY });
  const found: TimedEvent[] = [];
  const add = (events: readonly SseEvent[], atMs: number): void => {
    for (const event of events) {
      const { data } = event;
      found.push({ atMs, name: event.event ?? nameIn(data), bytes: ENCODER.encode(printSse(event)).length, data });
    }
  };
  for (const [index, piece] of pieces.entries()) add(decoder.step(bytesOf(piece)), times[index] ?? 0);
  add(decoder.end(), times.at(-1) ?? 0);
  return found;
}

/** The type of an event without a name of its own. */
function nameIn(data: string): string {
  if (data === DONE) return DONE;
  const value = parseOrUndefined(data);
  if (!isObject(value)) return "message";
  for (const key of ["type", "object"]) if (typeof value[key] === "string") return value[key].slice(0, LONGEST_NAME);
  if (value["error"] !== undefined) return "error";
  return value["candidates"] === undefined && value["usageMetadata"] === undefined ? "message" : "GenerateContentResponse";
}

const DONE = "[DONE]";
const LONGEST_NAME = 100;

// ---- Frames: https://smithy.io/2.0/aws/amazon-eventstream.html (read 2026-11) ---------------------------------------

const PRELUDE_BYTES = 12;
const CHECKSUM_BYTES = 4;
const STRING = 7;

/** Text never begins with a zero byte; a frame's length does up to 16 MiB. */
function isFrame(bytes: Uint8Array): boolean {
  return bytes[0] === 0;
}

function frames(pieces: readonly (Uint8Array | string)[], times: readonly number[]): TimedEvent[] {
  const found: TimedEvent[] = [];
  let held = new Uint8Array();
  for (const [index, piece] of pieces.entries()) {
    held = concat([held, bytesOf(piece)]);
    for (;;) {
      const length = held.length < PRELUDE_BYTES ? Infinity : new DataView(held.buffer, held.byteOffset).getUint32(0);
      if (length > held.length || length < PRELUDE_BYTES + CHECKSUM_BYTES) break;
      found.push({ atMs: times[index] ?? 0, bytes: length, ...frameOf(held.subarray(0, length)) });
      held = held.subarray(length);
    }
  }
  return found;
}

/** Events of Messages lie inside frames that are all called `chunk`, in base64. */
function frameOf(frame: Uint8Array): { readonly name: string; readonly data: string } {
  const headersEnd = PRELUDE_BYTES + new DataView(frame.buffer, frame.byteOffset).getUint32(4);
  const payload = DECODER.decode(frame.subarray(headersEnd, -CHECKSUM_BYTES));
  const value = parseOrUndefined(payload);
  const inner = isObject(value) && typeof value["bytes"] === "string" ? value["bytes"] : null;
  if (inner === null) return { name: frameName(frame.subarray(PRELUDE_BYTES, headersEnd)), data: payload };
  const data = DECODER.decode(Uint8Array.fromBase64(inner));
  return { name: nameIn(data), data };
}

function frameName(headers: Uint8Array): string {
  for (let at = 0; at < headers.length;) {
    const nameEnd = at + 1 + (headers[at] ?? 0);
    const name = DECODER.decode(headers.subarray(at + 1, nameEnd));
    const valueStart = nameEnd + 3;
    if (headers[nameEnd] !== STRING) break;
    at = valueStart + (headers[nameEnd + 1] ?? 0) * 256 + (headers[nameEnd + 2] ?? 0);
    if (name === ":event-type" || name === ":exception-type") return DECODER.decode(headers.subarray(valueStart, at));
  }
  return "frame";
}

// ---- Items of a JSON array -------------------------------------------------------------------------------------------

export function jsonItems({ pieces, times }: Passed): TimedEvent[] {
  const found: TimedEvent[] = [];
  const utf8 = new TextDecoder();
  let [text, depth, isString, isEscaped] = ["", 0, false, false];
  for (const [index, piece] of (pieces ?? []).entries()) {
    for (const character of typeof piece === "string" ? piece : utf8.decode(piece, { stream: true })) {
      if (depth > 0 || character === "{") text += character;
      if (isString) {
        if (!isEscaped && character === '"') isString = false;
        isEscaped = !isEscaped && character === "\\";
      } else if (character === '"') isString = true;
      else if (character === "{") depth++;
      else if (character === "}" && --depth === 0) {
        found.push({ atMs: times?.[index] ?? 0, name: nameIn(text), bytes: ENCODER.encode(text).length, data: text });
        text = "";
      }
    }
  }
  return found;
}

function bytesOf(piece: Uint8Array | string): Uint8Array {
  return typeof piece === "string" ? ENCODER.encode(piece) : piece;
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
