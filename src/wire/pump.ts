// Drives one web stream from an upstream's bytes to a client.
// Never does: read ahead of the client, keep what could be sent, know a protocol.

import type { After, BodyMaker, BodyReader, BodyWriter } from "../runtime/ports.ts";

/** The chunks in one piece. */
export function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

/** A copy where keeping these bytes would keep far more: Deno reads each piece, however short, into 16 KiB. */
export function alone(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length ? bytes.slice() : bytes;
}

/** The chunks in one piece, which is the only one itself where there is but one. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  return only !== undefined && chunks.length === 1 ? only : concat(chunks);
}

/** How a stream ended. */
export type Outcome = { readonly type: "complete" } | { readonly type: "cancelled" } | { readonly type: "failed"; readonly error: unknown };

/** A source that has ended. */
export const NOTHING: BodyReader = { read: () => Promise.resolve({ done: true }), cancel: () => Promise.resolve() };

/** The same source, with what has been read of it in front again. */
export function replay(begun: readonly Uint8Array[], rest: BodyReader): BodyReader {
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

/** Hands the bytes on. Breaks off where the source does: nothing else tells the client that its answer is incomplete. */
export const UNTOUCHED: Pump = {
  step: (chunk) => chunk,
  end: () => null,
  fail(error) {
    throw error;
  },
  finished: false,
};

export interface KeepAlive {
  /** Makes what tells the client that the answer goes on; it goes out next, between two runs of bytes that a pump put out. */
  readonly sign: () => Uint8Array;
  /** Whether the client takes such a run for life. Absent: any byte is. */
  readonly isLife?: (out: Uint8Array) => boolean;
  /** How long the client may wait for a byte. */
  readonly everyMs: number;
  readonly after: After;
  /** The client has waited that long already: the first bytes go out at once. */
  readonly isDue?: true;
}

export interface ThroughOptions {
  /** Called exactly once. */
  readonly closed: (outcome: Outcome) => void;
  /** Null: the client may wait as long as it takes. */
  readonly keepAlive?: KeepAlive | null;
  /** Gets, at once, what ends the stream from outside as if the source had failed; once the stream is over that does nothing. */
  readonly failing?: (fail: (error: unknown) => void) => void;
  /** What has been read of the source already. */
  readonly begun?: readonly Uint8Array[];
  /** Absent: a plain web stream. */
  readonly body?: BodyMaker | undefined;
}

/** A body that goes on when its reader asks for more. */
export const webBody: BodyMaker = (flow) =>
  new ReadableStream<Uint8Array>(
    {
      start: (controller) =>
        flow.start({
          write: (bytes) => controller.enqueue(bytes),
          isFull: true,
          close: () => controller.close(),
          fail: (error) => controller.error(error),
        }),
      pull: () => flow.flow(),
      cancel: (reason) => flow.cancel(reason),
    },
    { highWaterMark: 0 },
  );

/**
 * One stream from source to client. Reads only when the client asks, sends what one chunk yields before it reads the
 * next, and cancels the source when the client leaves.
 */
export function through(
  source: BodyReader,
  pump: Pump,
  { closed, failing, keepAlive = null, begun = [], body = webBody }: ThroughOptions,
): ReadableStream<Uint8Array> {
  // Let go of once it has gone out: a chunk may lie in a buffer many times its size.
  let first = begun;
  let over = false;
  /** What ended the stream from outside before it began. */
  let early: { readonly error: unknown } | null = null;
  let client: BodyWriter | null = null;
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
  /**
   * One timer a stream, set again when it fires: its bytes go out when nothing else has since the last time. It fires
   * twice in the time that a client may wait, as the client's waiting begins anywhere between two looks.
   */
  const watch = (writer: BodyWriter, { sign, everyMs, after }: KeepAlive): void => {
    const lookMs = everyMs / 2;
    const beat = (): void => {
      if (over) return;
      if (isWaiting && !hasSent) writer.write(sign());
      hasSent = false;
      stopTimer = after(lookMs, beat);
    };
    stopTimer = after(lookMs, beat);
  };
  const send = (writer: BodyWriter, out: Uint8Array | null): boolean => {
    if (out === null || out.length === 0) return false;
    hasSent ||= keepAlive?.isLife?.(out) ?? true;
    writer.write(out);
    return true;
  };
  /** One chunk, or the end of the source; returns whether the client has enough for now. */
  const take = (writer: BodyWriter, chunk: Uint8Array | undefined): boolean => {
    const hasBytes = send(writer, chunk === undefined ? pump.end() : pump.step(chunk));
    if (chunk !== undefined && !pump.finished) return hasBytes && writer.isFull;
    if (chunk !== undefined) void drain(source);
    writer.close();
    close({ type: "complete" });
    return true;
  };
  const fail = (writer: BodyWriter, error: unknown): void => {
    void drain(source, true);
    try {
      send(writer, pump.fail(error));
      writer.close();
    } catch (unsendable) {
      writer.fail(unsendable);
    }
    close({ type: "failed", error });
  };
  failing?.((error) => {
    if (over) return;
    if (client === null) early = { error };
    else fail(client, error);
  });
  return body({
    start(writer) {
      client = writer;
      try {
        for (const chunk of first) if (!over && early === null) take(writer, chunk);
      } catch (error) {
        fail(writer, error);
      }
      first = [];
      if (early !== null) fail(writer, early.error);
      if (keepAlive === null || over) return;
      if (keepAlive.isDue) writer.write(keepAlive.sign());
      watch(writer, keepAlive);
    },
    async flow() {
      const writer = client;
      if (writer === null || over) return;
      isWaiting = true;
      try {
        for (;;) {
          const { done, value } = await source.read();
          if (over || take(writer, done ? undefined : value)) break;
        }
      } catch (error) {
        if (!over) fail(writer, error);
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
  });
}

/** Lets go of what is left of a source whose answer is already complete. */
export async function drain(source: BodyReader, broken = false): Promise<void> {
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
