// Room: stream (row 1).
// In:  the bytes of an upstream's answer.
// Out: bytes for the client, through pure step machines; server-sent events <-> text.
// Never does: read ahead of the client, keep what could be sent, know a protocol.

import { GatewayError } from "../errors.ts";

/** A pure step machine: values in, values out, and what is left at the end. `end` is called once, after the last step. */
export interface Machine<In, Out> {
  step(input: In): readonly Out[];
  end(): readonly Out[];
}

/** One server-sent event; `event` is null when the stream did not name it. */
export interface SseEvent {
  readonly event: string | null;
  readonly data: string;
}

/** Feeds what `first` puts out into `second`. */
export function chain<A, B, C>(first: Machine<A, B>, second: Machine<B, C>): Machine<A, C> {
  const feed = (values: readonly B[]): C[] => {
    const out: C[] = [];
    for (const value of values) for (const result of second.step(value)) out.push(result);
    return out;
  };
  return {
    step: (input) => feed(first.step(input)),
    end: () => [...feed(first.end()), ...second.end()],
  };
}

/** All that a machine puts out for the given inputs, its end included. */
export function run<In, Out>(machine: Machine<In, Out>, inputs: Iterable<In>): Out[] {
  const out: Out[] = [];
  for (const input of inputs) for (const value of machine.step(input)) out.push(value);
  for (const value of machine.end()) out.push(value);
  return out;
}

/** The chunks in one piece. */
export function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

// ---- Server-sent events ------------------------------------------------------------------------------------------
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation (read 2026-11)

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

// ---- Machines -> web streams -------------------------------------------------------------------------------------

/** How a stream ended. */
export type Outcome = { readonly type: "complete" } | { readonly type: "cancelled" } | { readonly type: "failed"; readonly error: unknown };

/** Where chunks come from; a reader of a web stream is one. */
export interface ByteSource {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  /** Lets go of the rest; closes the connection behind it. */
  cancel(reason?: unknown): Promise<void>;
}

/** A source that has ended. */
export const NOTHING: ByteSource = { read: () => Promise.resolve({ done: true }), cancel: () => Promise.resolve() };

/** The same source, with what has been read of it in front again. */
export function replay(begun: readonly Uint8Array[], rest: ByteSource): ByteSource {
  let at = 0;
  return {
    read() {
      const value = begun[at++];
      return value === undefined ? rest.read() : Promise.resolve({ done: false, value });
    },
    cancel: (reason) => rest.cancel(reason),
  };
}

/** What `through` drives: chunks in, chunks out, and the last words when the source breaks. */
export interface Pump {
  /** Bytes for the client, or null when there are none yet. */
  step(chunk: Uint8Array): Uint8Array | null;
  /** The source ended. */
  end(): Uint8Array | null;
  /** The source, or `step`, failed. Throws where nothing can tell the client but a broken connection. */
  fail(error: unknown): Uint8Array | null;
  /** The client has left: the last moment to take note of what has passed. */
  left?(): void;
  /** True once nothing more may be sent; the rest of the source is then let go. */
  readonly finished: boolean;
}

export interface KeepAlive {
  /** What tells the client that the answer goes on; fits between any two runs of bytes that a pump puts out. */
  readonly bytes: Uint8Array;
  /** How long the client may wait for a byte; null: as long as it takes. */
  readonly everyMs: number | null;
  /** Calls back once after `ms`; returns what takes it back. */
  readonly after: (ms: number, callback: () => void) => () => void;
}

export interface ThroughOptions {
  /** Called exactly once. */
  readonly closed: (outcome: Outcome) => void;
  readonly keepAlive?: KeepAlive;
  /** What has been read of the source already. */
  readonly begun?: readonly Uint8Array[];
}

/**
 * One web stream from source to client. Reads only when the client asks, sends what one chunk yields before it reads the
 * next, and cancels the source when the client leaves.
 */
export function through(source: ByteSource, pump: Pump, { closed, keepAlive, begun = [] }: ThroughOptions): ReadableStream<Uint8Array> {
  // Let go of once it has gone out: a chunk may lie in a buffer many times its size.
  let first = begun;
  let over = false;
  /** Whether the client waits for a byte, and whether it has since the last look. */
  let isWaiting = false;
  let hasSent = false;
  let stopTimer = (): void => {};
  const close = (outcome: Outcome): void => {
    if (over) return;
    over = true;
    stopTimer();
    closed(outcome);
  };
  /** One timer a stream, set again when it fires: a sign of life goes out when nothing else has since the last time. */
  const watch = (controller: ReadableStreamDefaultController<Uint8Array>, { bytes, everyMs, after }: KeepAlive): void => {
    if (everyMs === null) return;
    stopTimer = after(everyMs, () => {
      if (over) return;
      if (isWaiting && !hasSent) controller.enqueue(bytes);
      hasSent = false;
      watch(controller, { bytes, everyMs, after });
    });
  };
  /** Sends bytes and, with an outcome, the end; returns whether there was any of both. */
  const send = (
    controller: ReadableStreamDefaultController<Uint8Array>,
    { out, outcome }: { readonly out: Uint8Array | null; readonly outcome: Outcome | null },
  ): boolean => {
    const hasBytes = out !== null && out.length > 0;
    if (hasBytes) {
      hasSent = true;
      controller.enqueue(out);
    }
    if (outcome === null) return hasBytes;
    controller.close();
    close(outcome);
    return true;
  };
  /** One chunk, or the end of the source. */
  const take = (controller: ReadableStreamDefaultController<Uint8Array>, chunk: Uint8Array | undefined): boolean => {
    const out = chunk === undefined ? pump.end() : pump.step(chunk);
    const isOver = chunk === undefined || pump.finished;
    if (isOver && chunk !== undefined) void drain(source);
    return send(controller, { out, outcome: isOver ? { type: "complete" } : null });
  };
  const fail = (controller: ReadableStreamDefaultController<Uint8Array>, error: unknown): void => {
    void drain(source, true);
    const outcome: Outcome = { type: "failed", error };
    try {
      send(controller, { out: pump.fail(error), outcome });
    } catch (unsendable) {
      close(outcome);
      controller.error(unsendable);
    }
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        try {
          for (const chunk of first) if (!over) take(controller, chunk);
        } catch (error) {
          fail(controller, error);
        }
        first = [];
        if (keepAlive !== undefined && !over) watch(controller, keepAlive);
      },
      async pull(controller) {
        isWaiting = true;
        try {
          for (;;) {
            const { done, value } = await source.read();
            if (over || take(controller, done ? undefined : value)) break;
          }
        } catch (error) {
          if (!over) fail(controller, error);
        }
        isWaiting = false;
      },
      async cancel(reason) {
        try {
          if (!over) pump.left?.();
        } finally {
          close({ type: "cancelled" });
          await source.cancel(reason);
        }
      },
    },
    { highWaterMark: 0 },
  );
}

/** Lets go of what is left of a source whose answer is already complete. */
export async function drain(source: ByteSource, broken = false): Promise<void> {
  try {
    if (broken) return await source.cancel();
    for (let rounds = 0; rounds < 8; rounds++) {
      const { done } = await source.read();
      if (done) return;
    }
    await source.cancel();
  } catch {
    // The answer is complete; how its connection ends says nothing more.
  }
}
