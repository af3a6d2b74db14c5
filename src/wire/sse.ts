// Server-sent events: bytes to events, wherever the bytes are cut, and events to text.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation (read 2026-11)
// Does not know a protocol, or hold more than one event.

import { GatewayError } from "../errors.ts";
import type { Machine } from "./machine.ts";

/** One server-sent event; `event` is null when the stream did not name it. */
export interface SseEvent {
  readonly event: string | null;
  readonly data: string;
}

export interface SseLimits {
  /** The longest event to hold, in UTF-16 units of its text. */
  readonly maxEventLength: number;
}

export interface SseDecoder extends Machine<Uint8Array, SseEvent> {
  /** How much of an incomplete event is held, in UTF-16 units. */
  readonly heldLength: number;
}

/**
 * Bytes -> events, wherever the bytes are cut. Accepts LF, CRLF and CR, a byte order mark, comments, several data lines, and a
 * last event without its blank line, unless its data is cut off: data that is not complete JSON is dropped.
 * Its `step` throws GatewayError `upstream-failed` when one event outgrows the limit.
 */
export function sseDecoder(limits: SseLimits): SseDecoder {
  return new Decoder(limits);
}

/** Without a closure for each line: this runs for every line of every answer. */
class Decoder implements SseDecoder {
  readonly #limits: SseLimits;
  // The byte order mark is removed below: Deno's decoder removes it at the start of every chunk, even where it is text.
  readonly #utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  #isFirst = true;
  /** Null between two steps: an event may keep alive the text of everything that came with it. */
  #out: SseEvent[] | null = null;
  /** The incomplete line, in the chunks it came in: a long one is joined once. */
  #begun: string[] = [];
  #begunLength = 0;
  /** The last chunk ended with a CR, whose LF may come with the next. */
  #afterReturn = false;
  #event: string | null = null;
  #data: string | null = null;

  constructor(limits: SseLimits) {
    this.#limits = limits;
  }

  get heldLength(): number {
    return this.#begunLength + (this.#data?.length ?? 0);
  }

  step(bytes: Uint8Array): SseEvent[] {
    const out: SseEvent[] = (this.#out = []);
    this.#lines(this.#utf8.decode(bytes, STREAM));
    this.#out = null;
    return out;
  }

  end(): SseEvent[] {
    const out: SseEvent[] = (this.#out = []);
    this.#lines(this.#utf8.decode());
    if (this.#begunLength > 0) this.#line(this.#begun.join(""), 0, this.#begunLength);
    if (this.#data !== null && isWhole(this.#data)) this.#dispatch();
    return out;
  }

  #dispatch(): void {
    if (this.#data !== null) this.#out?.push({ event: this.#event, data: this.#data });
    this.#event = null;
    this.#data = null;
  }

  #line(text: string, start: number, end: number): void {
    if (start === end) return this.#dispatch();
    const dataStart = valueAfter(text, "data", { start, end });
    if (dataStart !== -1) {
      const value = text.slice(dataStart, end);
      this.#data = this.#data === null ? value : `${this.#data}\n${value}`;
      if (this.#data.length > this.#limits.maxEventLength) throw tooLong(this.#limits);
      return;
    }
    const eventStart = valueAfter(text, "event", { start, end });
    if (eventStart !== -1) this.#event = text.slice(eventStart, end);
  }

  #lines(text: string): void {
    let start = 0;
    if (this.#isFirst && text !== "") {
      this.#isFirst = false;
      if (text.charCodeAt(0) === BYTE_ORDER_MARK) start = 1;
    }
    if (this.#afterReturn && text !== "") {
      this.#afterReturn = false;
      if (text.charCodeAt(0) === FEED) start = 1;
    }
    let feed = text.indexOf("\n", start);
    let carriage = text.indexOf("\r", start);
    while (feed !== -1 || carriage !== -1) {
      const isReturn = carriage !== -1 && (feed === -1 || carriage < feed);
      const end = isReturn ? carriage : feed;
      if (this.#begunLength === 0) this.#line(text, start, end);
      else this.#begunLine(text.slice(start, end));
      start = end + 1;
      if (isReturn) {
        if (start === text.length) this.#afterReturn = true;
        else if (text.charCodeAt(start) === FEED) start++;
        carriage = text.indexOf("\r", start);
      }
      if (feed < start && feed !== -1) feed = text.indexOf("\n", start);
    }
    if (start === text.length) return;
    this.#begun.push(start === 0 ? text : text.slice(start));
    this.#begunLength += text.length - start;
    if (this.#begunLength > this.#limits.maxEventLength) throw tooLong(this.#limits);
  }

  #begunLine(last: string): void {
    const whole = this.#begun.join("") + last;
    this.#begun = [];
    this.#begunLength = 0;
    this.#line(whole, 0, whole.length);
  }
}

const STREAM = { stream: true };

/**
 * Where the value of a line's field of this name begins; -1 for a line with another field. Compares names, because searching a line without a
 * colon for one would run to the end of all lines.
 */
function valueAfter(text: string, name: string, { start, end }: { readonly start: number; readonly end: number }): number {
  const nameEnd = start + name.length;
  if (nameEnd > end || !text.startsWith(name, start)) return -1;
  if (nameEnd === end) return end;
  if (text.charCodeAt(nameEnd) !== COLON) return -1;
  return nameEnd + 1 < end && text.charCodeAt(nameEnd + 1) === SPACE ? nameEnd + 2 : nameEnd + 1;
}

/** Whether an event's data is complete. */
export function isWhole(data: string): boolean {
  if (data.trim() === "[DONE]") return true;
  try {
    JSON.parse(data);
    return true;
  } catch {
    return false;
  }
}

const BYTE_ORDER_MARK = 0xfeff;
const SPACE = 0x20;
const COLON = 0x3a;
const FEED = 0x0a;
const RETURN = 0x0d;

function tooLong(limits: SseLimits): GatewayError {
  const mebibytes = Math.round(limits.maxEventLength / 1024 / 1024);
  return new GatewayError("upstream-failed", `The upstream sent one event of more than ${mebibytes} MiB, the limit of this proxy.`);
}

/**
 * Events -> text: one data line, LF only, always a closing blank line. The data is JSON: a line end in it (in a schema that is
 * kept verbatim) is white space, and becomes a space.
 */
export function printSse({ event, data }: SseEvent): string {
  const line = data.includes("\n") || data.includes("\r") ? data.replace(LINE_ENDS, " ") : data;
  return event === null ? `data: ${line}\n\n` : `event: ${event}\ndata: ${line}\n\n`;
}

const LINE_ENDS = /[\r\n]/g;

// ---- Where events end, in bytes that are not decoded ---------------------------------------------------------------

export const BLANK_LINE = new Uint8Array([FEED, FEED]);
/** How many bytes of the longest blank line, CR LF CR LF, can precede its last one. */
export const MAX_BEFORE_BOUNDARY = 3;

/** The offset after the first blank line that follows something; 0: none. */
export function firstBoundary(bytes: Uint8Array, from = 0): number {
  let hasText = false;
  let isLineStart = false;
  for (let at = from; at < bytes.length; at++) {
    const code = bytes[at];
    if (code !== FEED && code !== RETURN) {
      hasText = true;
      isLineStart = false;
      continue;
    }
    if (code === RETURN && bytes[at + 1] === FEED) at++;
    if (isLineStart && hasText) return at + 1;
    isLineStart = true;
  }
  return 0;
}

/**
 * The offset after the last blank line in a chunk; 0: none. `before` is what came before the chunk and is still held: the
 * blank line may begin there.
 */
export function lastBoundary(chunk: Uint8Array, before: Uint8Array): number {
  const { length } = chunk;
  // Nearly all chunks end with one.
  if (length > 1 && chunk[length - 1] === FEED && chunk[length - 2] === FEED) return length;
  return new Boundaries(chunk, before).last(length);
}

const NOTHING_BEFORE = new Uint8Array();

/** Finds blank lines from last to first. Remembers line ends of both kinds, so that a chunk without one of them is searched for it only once. */
export class Boundaries {
  readonly #bytes: Uint8Array;
  readonly #before: Uint8Array;
  #feed = Infinity;
  #carriage = Infinity;

  constructor(bytes: Uint8Array, before: Uint8Array = NOTHING_BEFORE) {
    this.#bytes = bytes;
    this.#before = before;
  }

  /** The offset after the last blank line before `from`, which never grows from one call to the next; 0: none. */
  last(from: number): number {
    for (let end = from - 1; end >= 0; end--) {
      const code = this.#bytes[end];
      if (code !== FEED && code !== RETURN) {
        // Jump to the next line end instead of walking there.
        end = this.#lineEnd(end) + 1;
        continue;
      }
      const previous = this.#at(end - 1);
      if (code === RETURN) {
        if (previous === RETURN) return end + 1;
        continue;
      }
      if (previous === FEED) return end + 1;
      if (previous !== RETURN) continue;
      const first = this.#at(end - 2);
      if (first === FEED || first === RETURN) return end + 1;
    }
    return 0;
  }

  #at(index: number): number | undefined {
    return index >= 0 ? this.#bytes[index] : this.#before.at(index);
  }

  /** The offset of the last one up to `end`; -1: none. */
  #lineEnd(end: number): number {
    if (this.#feed > end) this.#feed = this.#bytes.lastIndexOf(FEED, end);
    if (this.#carriage > end) this.#carriage = this.#bytes.lastIndexOf(RETURN, end);
    return Math.max(this.#feed, this.#carriage);
  }
}

/** Whether some line is a data line: comments and blank lines make no event. */
export function holdsEvent(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length;) {
    // The beginning of "data".
    if (bytes[at] === 0x64 && bytes[at + 1] === 0x61 && bytes[at + 2] === 0x74 && bytes[at + 3] === 0x61) return true;
    while (at < bytes.length && bytes[at] !== FEED && bytes[at] !== RETURN) at++;
    at++;
  }
  return false;
}
