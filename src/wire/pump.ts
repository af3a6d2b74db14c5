// Drives one web stream from an upstream's bytes to a client.
// Does not read ahead of the client, keep what could be sent, or know a protocol.

import type { After, BodyFlow, BodyMaker, BodyReader, BodyWriter, ReadWaiter } from "../runtime/ports.ts";

/** A copy of the chunks in one piece. */
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

/** A copy where keeping these bytes would keep a far larger buffer: Deno reads each chunk, however short, into 16 KiB. */
export function compact(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length ? bytes.slice() : bytes;
}

/** Up to this size, copying bytes (0.1 us) is cheaper than accessing their buffer, which Bun has to make first (1 us). */
const SHORT_BYTES = 4096;

/** The same, but short bytes are always copied. */
export function compactCopy(bytes: Uint8Array): Uint8Array {
  return bytes.length <= SHORT_BYTES ? bytes.slice() : compact(bytes);
}

/** A part of the bytes; a short part is copied. */
export function cut(bytes: Uint8Array, from: number, to: number): Uint8Array {
  if (from === 0 && to === bytes.length) return bytes;
  return to - from <= SHORT_BYTES ? bytes.slice(from, to) : bytes.subarray(from, to);
}

/** The chunks in one piece; a single chunk is returned itself. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  return only !== undefined && chunks.length === 1 ? only : concat(chunks);
}

/** How a stream ended. */
export type Outcome = { readonly type: "complete" } | { readonly type: "cancelled" } | { readonly type: "failed"; readonly error: unknown };

/** A source that has ended. */
export const NOTHING: BodyReader = { read: () => Promise.resolve({ done: true }), cancel: () => Promise.resolve() };

/** The same source, with what has been read of it put back in front. */
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

/** Reads without a promise: the waiter is told. */
export type Polled = Required<BodyReader>;

/** Makes any source pollable. */
export function polled(source: BodyReader): Polled {
  return isPolled(source) ? source : new PolledReads(source);
}

function isPolled(source: BodyReader): source is Polled {
  return source.poll !== undefined;
}

class PolledReads implements Polled {
  readonly #source: BodyReader;
  #waiter: ReadWaiter | null = null;

  constructor(source: BodyReader) {
    this.#source = source;
  }

  poll(waiter: ReadWaiter): null {
    this.#waiter = waiter;
    this.#source.read().then(this.#came, this.#broke);
    return null;
  }

  readonly #came = ({ done, value }: Read): void => this.#waiter?.came(done ? undefined : value);
  readonly #broke = (error: unknown): void => this.#waiter?.broke(error);

  read(): Promise<Read> {
    return this.#source.read();
  }

  cancel(reason?: unknown): Promise<void> {
    return this.#source.cancel(reason);
  }
}

type Read = Awaited<ReturnType<BodyReader["read"]>>;

/** One read of a polled source. */
export function readOnce(source: Pick<Polled, "poll">): Promise<Read> {
  const { promise, resolve, reject } = Promise.withResolvers<Read>();
  const came = (value: Uint8Array | undefined): void => resolve(value === undefined ? { done: true } : { done: false, value });
  pollFor({ came, broke: reject }, source);
  return promise;
}

/** Tells the waiter even of what is there at once. */
export function pollFor(waiter: ReadWaiter, source: Pick<Polled, "poll">): void {
  try {
    const piece = source.poll(waiter);
    if (piece !== null) waiter.came(piece);
  } catch (error) {
    waiter.broke(error);
  }
}

/** What `through` drives: chunks in, chunks out, and the last output when the source breaks. */
export interface Pump {
  /** Bytes for the client, or null when there are none yet. */
  step(chunk: Uint8Array): Uint8Array | null;
  /** The source has ended. */
  end(): Uint8Array | null;
  /** The source, or `step`, failed. Throws where only a broken connection can tell the client. */
  fail(error: unknown): Uint8Array | null;
  /** The client has left: the last chance to note what has passed. */
  left?(): void;
  /** True once nothing more may be sent; then the rest of the source is cancelled. */
  readonly finished: boolean;
}

/** Passes the bytes on. Breaks off where the source does, since nothing else tells the client that its answer is incomplete. */
export const UNTOUCHED: Pump = {
  step: (chunk) => chunk,
  end: () => null,
  fail(error) {
    throw error;
  },
  finished: false,
};

export interface KeepAlive {
  /** Makes the next keep-alive; it goes out between two runs of bytes that a pump emitted. */
  readonly sign: () => Uint8Array;
  /** Whether such a run counts as a sign of life for the client. Absent: any byte does. */
  readonly isLife?: (out: Uint8Array) => boolean;
  /** How long the client may wait for a byte. */
  readonly everyMs: number;
  readonly after: After;
  /** The client has waited that long already: send a keep-alive at once. */
  readonly isDue?: true;
}

export interface ThroughOptions {
  /** Called exactly once. */
  readonly closed: (outcome: Outcome) => void;
  /** Null: no keep-alives. */
  readonly keepAlive?: KeepAlive | null;
  /** Gets a function that ends the stream from outside as if the source had failed; after the end of the stream it does nothing. */
  readonly failing?: (fail: (error: unknown) => void) => void;
  /** What has been read of the source already. */
  readonly begun?: readonly Uint8Array[];
  /** Absent: a plain web stream. */
  readonly body?: BodyMaker | undefined;
}

/** A body that continues when its reader asks for more. */
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
export function through(source: BodyReader, pump: Pump, options: ThroughOptions): ReadableStream<Uint8Array> {
  return (options.body ?? webBody)(new Flow(source, pump, options));
}

/** A class instead of closures: one is made for every stream. */
class Flow implements BodyFlow, ReadWaiter {
  readonly #source: Polled;
  readonly #pump: Pump;
  readonly #closed: ThroughOptions["closed"];
  readonly #keepAlive: KeepAlive | null;
  /** Released once it has gone out: a chunk may lie in a much larger buffer. */
  #begun: readonly Uint8Array[];
  #isOver = false;
  /** The failure from outside that came before the stream began. */
  #early: { readonly error: unknown } | null = null;
  #client: BodyWriter | null = null;
  /** Whether the client waits for a byte, and whether it has since the last check. */
  #isWaiting = false;
  #hasSent = false;
  /** Lets the client ask for more. */
  #enough: (() => void) | null = null;
  #stopTimer: (() => void) | null = null;

  constructor(source: BodyReader, pump: Pump, { closed, failing, keepAlive = null, begun = [] }: ThroughOptions) {
    this.#source = polled(source);
    this.#pump = pump;
    this.#closed = closed;
    this.#keepAlive = keepAlive;
    this.#begun = begun;
    failing?.((error) => this.#failFromOutside(error));
  }

  start(writer: BodyWriter): void {
    this.#client = writer;
    try {
      for (const chunk of this.#begun) if (!this.#isOver && this.#early === null) this.#take(writer, chunk);
    } catch (error) {
      this.#fail(writer, error);
    }
    this.#begun = [];
    if (this.#early !== null) this.#fail(writer, this.#early.error);
    if (this.#keepAlive === null || this.#isOver) return;
    if (this.#keepAlive.isDue) writer.write(this.#keepAlive.sign());
    this.#watch(writer, this.#keepAlive);
  }

  flow(): Promise<void> {
    const writer = this.#client;
    if (writer === null || this.#isOver) return Promise.resolve();
    this.#isWaiting = true;
    this.#go(writer, null);
    if (!this.#isWaiting) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#enough = resolve;
    return promise;
  }

  async cancel(reason?: unknown): Promise<void> {
    try {
      if (!this.#isOver) this.#pump.left?.();
    } finally {
      this.#close({ type: "cancelled" });
      await this.#source.cancel(reason);
    }
  }

  came(piece: Uint8Array | undefined): void {
    if (this.#client !== null) this.#go(this.#client, piece);
  }

  broke(error: unknown): void {
    if (this.#client !== null && !this.#isOver) this.#fail(this.#client, error);
    this.#rest();
  }

  /** Passes on what arrived (null: nothing) and whatever else is there, until the client has enough or has to wait. */
  #go(writer: BodyWriter, arrived: Uint8Array | null | undefined): void {
    try {
      for (let piece = arrived === null ? this.#source.poll(this) : arrived; ; piece = this.#source.poll(this)) {
        if (piece === null) return;
        if (this.#isOver || this.#take(writer, piece)) break;
      }
    } catch (error) {
      if (!this.#isOver) this.#fail(writer, error);
    }
    this.#rest();
  }

  #rest(): void {
    this.#isWaiting = false;
    this.#enough?.();
    this.#enough = null;
  }

  /** One chunk, or the end of the source; returns whether the client has enough for now. */
  #take(writer: BodyWriter, chunk: Uint8Array | undefined): boolean {
    const hasBytes = this.#send(writer, chunk === undefined ? this.#pump.end() : this.#pump.step(chunk));
    if (chunk !== undefined && !this.#pump.finished) return hasBytes && writer.isFull;
    if (chunk !== undefined) void drain(this.#source);
    writer.close();
    this.#close({ type: "complete" });
    return true;
  }

  #send(writer: BodyWriter, out: Uint8Array | null): boolean {
    if (out === null || out.length === 0) return false;
    this.#hasSent ||= this.#keepAlive?.isLife?.(out) ?? true;
    writer.write(out);
    return true;
  }

  #fail(writer: BodyWriter, error: unknown): void {
    void drain(this.#source, true);
    try {
      this.#send(writer, this.#pump.fail(error));
      writer.close();
    } catch (unsendable) {
      writer.fail(unsendable);
    }
    this.#close({ type: "failed", error });
  }

  #failFromOutside(error: unknown): void {
    if (this.#isOver) return;
    if (this.#client === null) this.#early = { error };
    else this.#fail(this.#client, error);
  }

  #close(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimer?.();
    this.#closed(outcome);
  }

  /**
   * One timer for the whole stream, set again when it fires. It sends a keep-alive when nothing else has gone out since the last time. It fires
   * twice in the time that a client may wait, since the client's waiting begins anywhere between two checks.
   */
  #watch(writer: BodyWriter, { sign, everyMs, after }: KeepAlive): void {
    const lookMs = everyMs / 2;
    const beat = (): void => {
      if (this.#isOver) return;
      if (this.#isWaiting && !this.#hasSent) writer.write(sign());
      this.#hasSent = false;
      this.#stopTimer = after(lookMs, beat);
    };
    this.#stopTimer = after(lookMs, beat);
  }
}

/** Cancels what is left of a source whose answer is already complete. */
export async function drain(source: BodyReader, broken = false): Promise<void> {
  try {
    if (broken) return await source.cancel();
    for (let rounds = 0; rounds < 8; rounds++) {
      const { done } = await source.read();
      if (done) return;
    }
    await source.cancel();
  } catch {
    // The answer is complete; how its connection ends does not matter.
  }
}
