// The body of a request while it arrives: read once, for as long as something keeps coming. If the answer is ready first, the rest is read for a
// moment only.
// Does not hold more than one chunk.

import { GatewayError } from "../errors.ts";
import type { After, BodyReader } from "../runtime/ports.ts";

type Read = Awaited<ReturnType<BodyReader["read"]>>;

/** A limit on silence. */
export interface BodyTimeout {
  /** How long nothing may come, in milliseconds. */
  readonly ms: number;
  readonly after: After;
  /** Monotonic time in milliseconds. */
  readonly monotonic: () => number;
}

export class ClientBody implements BodyReader {
  /** Null once all of it has been read, since a runtime's own body may keep hold of what was read. */
  #raw: Pick<Request, "body" | "arrayBuffer"> | null;
  #source: BodyReader | null = null;
  #isOver = false;

  constructor(raw: Pick<Request, "body" | "arrayBuffer">) {
    this.#raw = raw;
  }

  /** Whether nothing more will come. */
  get isOver(): boolean {
    return this.#isOver || (this.#source === null && (this.#raw?.body ?? null) === null);
  }

  async read(): Promise<Read> {
    if (this.isOver) return { done: true };
    this.#source ??= this.#raw?.body?.getReader() ?? null;
    try {
      const found = (await this.#source?.read()) ?? { done: true };
      if (found.done) this.#end();
      return found;
    } catch (cause) {
      this.#end();
      throw bodyError(cause);
    }
  }

  /**
   * The whole body at once, which is much cheaper on Bun than chunk by chunk. Progress can't be seen, so all of it has to come within the
   * timeout. Call it once, and instead of `read`.
   */
  whole(timeout: BodyTimeout | null): Promise<Uint8Array<ArrayBuffer>> {
    // A single promise, because every call passes through here.
    return new Promise((resolve, reject) => {
      const stop = timeout?.after(timeout.ms, () => reject(stalled(timeout.ms)));
      (this.#raw?.arrayBuffer() ?? NO_BYTES).then(
        (bytes) => {
          this.#end();
          stop?.();
          resolve(new Uint8Array(bytes));
        },
        (cause: unknown) => {
          this.#end();
          stop?.();
          reject(bodyError(cause));
        },
      );
    });
  }

  /** Does nothing: `lingering` reads the rest. */
  cancel(): Promise<void> {
    return Promise.resolve();
  }

  #end(): void {
    this.#isOver = true;
    this.#raw = null;
    this.#source = null;
  }

  /** Stops reading and cancels the rest. */
  async leave(): Promise<void> {
    const source = this.#source;
    this.#end();
    await source?.cancel().catch(() => {});
  }
}

const NO_BYTES = Promise.resolve(new ArrayBuffer());

/** Why a body can't be read. */
export function bodyError(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  if (cause instanceof RangeError || /out of memory/i.test(String(cause)))
    return new GatewayError("overloaded", "The server has no memory left for this request.", { cause, headers: { "retry-after": "5" } });
  return new GatewayError("cancelled", "The client closed the connection before its request was complete.", { cause });
}

/** A body may come in this many chunks, however short they are. */
const FREE_PIECES = 10_000;
/** Beyond that, chunks must have this many bytes on average. */
const LEAST_PIECE_BYTES = 64;

/** The same source, but `read` throws when the body comes in tiny chunks: each takes as long to handle as a large one. */
export function refusingFragments(source: BodyReader): BodyReader {
  let pieces = 0;
  let length = 0;
  return {
    async read() {
      const found = await source.read();
      if (found.done) return found;
      length += found.value?.length ?? 0;
      if (++pieces > FREE_PIECES && length < pieces * LEAST_PIECE_BYTES) throw fragmented();
      return found;
    },
    cancel: (reason) => source.cancel(reason),
  };
}

function fragmented(): GatewayError {
  const text = `The body came in too many chunks of less than ${LEAST_PIECE_BYTES} bytes. Send larger chunks.`;
  return new GatewayError("invalid-request", text, { code: "body_fragmented" });
}

/** The same source, but `read` throws after a silence that is too long. Call `stop` when no more is wanted. */
export function withIdleTimeout(source: BodyReader, { ms, after, monotonic }: BodyTimeout): { reader: BodyReader; stop: () => void } {
  let lastMs = monotonic();
  let giveUp: (error: GatewayError) => void = () => {};
  let stop = (): void => {};
  const watch = (waitMs: number): void => {
    stop = after(waitMs, () => {
      const leftMs = lastMs + ms - monotonic();
      if (leftMs > 0) watch(leftMs);
      else giveUp(stalled(ms));
    });
  };
  watch(ms);
  const reader: BodyReader = {
    read: () =>
      new Promise((resolve, reject) => {
        giveUp = reject;
        source.read().then((found) => {
          lastMs = monotonic();
          resolve(found);
        }, reject);
      }),
    cancel: (reason) => source.cancel(reason),
  };
  return { reader, stop: () => stop() };
}

function stalled(ms: number): GatewayError {
  const text = `No more of the body arrived for ${ms / 1000} seconds (BODY_TIMEOUT).`;
  return new GatewayError("invalid-request", text, { status: 408, code: "body_timeout" });
}

const MOST_LEFT_BYTES = 1024 * 1024;
const MOST_LEFT_MS = 2000;
/** What a chunk counts as at least, since reading it takes as long. */
const CRUMB_BYTES = 256;
const ANSWERED_MS = 200;

/**
 * Answers a request whose body has not all come: first the answer, then the rest that the client sends before it looks, then the end of the
 * connection. The declared length shows the client where the answer ends; both runtimes close the connection after a stream.
 */
export async function lingering(response: Response, body: ClientBody, after: After): Promise<Response> {
  const { status } = response;
  const headers = new Headers(response.headers);
  headers.set("connection", "close");
  if (response.body === null) return new Response(null, { status, headers });
  const bytes = new Uint8Array(await response.arrayBuffer());
  headers.set("content-length", String(bytes.length));
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(bytes);
      await drainBriefly(body, after);
      // Deno takes no more than the declared length.
      if (!isCancelled) controller.close();
    },
    // This does not mean that the client has left: what it still sends is read.
    cancel: () => void (isCancelled = true),
  });
  return new Response(stream, { status, headers });
}

async function drainBriefly(body: ClientBody, after: After): Promise<void> {
  const stop = after(MOST_LEFT_MS, () => void body.leave());
  let length = 0;
  try {
    while (!body.isOver && length <= MOST_LEFT_BYTES) length += Math.max((await body.read()).value?.length ?? 0, CRUMB_BYTES);
  } catch {
    // The client has left.
  }
  stop();
  // Deno would go on reading for ever if the body were cancelled before the answer is out. Nothing is read meanwhile.
  if (!body.isOver) await new Promise<void>((resolve) => void after(ANSWERED_MS, resolve));
  await body.leave();
}
