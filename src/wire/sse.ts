// Server-sent events: bytes to events, wherever the bytes are cut, and events to text.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation (read 2026-11)
// Never does: know a protocol, or hold more than one event.

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

/**
 * Bytes -> events, wherever the bytes are cut. Takes LF, CRLF and CR, a byte order mark, comments, several data lines, and a
 * last event without its blank line, unless it was cut off: then it is no JSON, and nobody's.
 * Its `step` throws GatewayError `upstream-failed` when one event outgrows the limit.
 */
export function sseDecoder(limits: SseLimits): Machine<Uint8Array, SseEvent> {
  // The mark is taken off below: Deno's decoder takes it off at the start of every chunk, even where it is text.
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  let isFirst = true;
  let out: SseEvent[] = [];
  // The line that has begun and not ended, in the pieces it came in: a long one is joined once.
  let begun: string[] = [];
  let begunLength = 0;
  // The last text ended in a return, whose feed may come with the next.
  let afterReturn = false;
  let event: string | null = null;
  let data: string | null = null;

  const line = (text: string, start: number, end: number): void => {
    if (start === end) {
      if (data !== null) out.push({ event, data });
      event = null;
      data = null;
      return;
    }
    const colon = text.indexOf(":", start);
    if (colon === start) return;
    const nameEnd = colon === -1 || colon > end ? end : colon;
    let valueStart = Math.min(nameEnd + 1, end);
    if (valueStart < end && text.charCodeAt(valueStart) === SPACE) valueStart++;
    const length = nameEnd - start;
    if (length === 4 && text.startsWith("data", start)) {
      const value = text.slice(valueStart, end);
      data = data === null ? value : `${data}\n${value}`;
      if (data.length > limits.maxEventLength) throw tooLong(limits);
    } else if (length === 5 && text.startsWith("event", start)) {
      event = text.slice(valueStart, end);
    }
  };

  const lines = (text: string): void => {
    let start = 0;
    if (isFirst && text !== "") {
      isFirst = false;
      if (text.charCodeAt(0) === BYTE_ORDER_MARK) start = 1;
    }
    if (afterReturn && text !== "") {
      afterReturn = false;
      if (text.charCodeAt(0) === FEED) start = 1;
    }
    let feed = text.indexOf("\n", start);
    let carriage = text.indexOf("\r", start);
    while (feed !== -1 || carriage !== -1) {
      const isReturn = carriage !== -1 && (feed === -1 || carriage < feed);
      const end = isReturn ? carriage : feed;
      if (begunLength === 0) line(text, start, end);
      else {
        const whole = begun.join("") + text.slice(start, end);
        begun = [];
        begunLength = 0;
        line(whole, 0, whole.length);
      }
      start = end + 1;
      if (isReturn) {
        if (start === text.length) afterReturn = true;
        else if (text.charCodeAt(start) === FEED) start++;
        carriage = text.indexOf("\r", start);
      }
      if (feed < start && feed !== -1) feed = text.indexOf("\n", start);
    }
    if (start === text.length) return;
    begun.push(start === 0 ? text : text.slice(start));
    begunLength += text.length - start;
    if (begunLength > limits.maxEventLength) throw tooLong(limits);
  };

  const taken = (): SseEvent[] => {
    const events = out;
    out = [];
    return events;
  };

  return {
    step(bytes) {
      lines(utf8.decode(bytes, { stream: true }));
      return taken();
    },
    end() {
      lines(utf8.decode());
      if (begunLength > 0) line(begun.join(""), 0, begunLength);
      if (data !== null && isWhole(data)) line("", 0, 0);
      return taken();
    },
  };
}

/** Whether the data of an event is all there. */
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
const FEED = 0x0a;
const SPACE = 0x20;

function tooLong(limits: SseLimits): GatewayError {
  const mebibytes = Math.round(limits.maxEventLength / 1024 / 1024);
  return new GatewayError("upstream-failed", `The upstream sent one event of more than ${mebibytes} MiB, the limit of this proxy.`);
}

/**
 * Events -> text: one data line, LF only, always a closing blank line. The data is JSON: a line end in it (in a schema that is
 * kept as it was written) is white space, and goes out as a space.
 */
export function printSse({ event, data }: SseEvent): string {
  const line = data.includes("\n") || data.includes("\r") ? data.replace(LINE_ENDS, " ") : data;
  return event === null ? `data: ${line}\n\n` : `event: ${event}\ndata: ${line}\n\n`;
}

const LINE_ENDS = /[\r\n]/g;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** The offset behind the first blank line that follows something; 0 when there is none. */
export function firstBoundary(bytes: Uint8Array, from = 0): number {
  let hasText = false;
  let isLineStart = false;
  for (let at = from; at < bytes.length; at++) {
    const code = bytes[at];
    if (code !== LINE_FEED && code !== CARRIAGE_RETURN) {
      hasText = true;
      isLineStart = false;
      continue;
    }
    if (code === CARRIAGE_RETURN && bytes[at + 1] === LINE_FEED) at++;
    if (isLineStart && hasText) return at + 1;
    isLineStart = true;
  }
  return 0;
}
