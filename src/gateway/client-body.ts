// The body of a request while it arrives: read once, by whoever wants it, for as long as something comes. What is left of it when the answer is
// there is read for a moment only.
// Does not hold more than one chunk.

import { GatewayError } from "../errors.ts";
import type { After, BodyReader } from "../runtime/ports.ts";

type Read = Awaited<ReturnType<BodyReader["read"]>>;

/** The two ends of a wait. */
export interface BodyTimeout {
  /** How long nothing may come. */
  readonly ms: number;
  readonly after: After;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
}

export class ClientBody implements BodyReader {
  /** Null once all of it has been read: a runtime's own body may go on holding what was read of it. */
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
      throw broken(cause);
    }
  }

  /**
   * All of the body at once, which is much cheaper on Bun than piece by piece. What comes can't be seen meanwhile, so all of it has to come in
   * time. Once, and instead of `read`.
   */
  whole(timeout: BodyTimeout | null): Promise<Uint8Array<ArrayBuffer>> {
    // One promise with all of it: this is on the way of every call.
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
          reject(broken(cause));
        },
      );
    });
  }

  /** Whoever does not want the rest leaves it to `lingering`. */
  cancel(): Promise<void> {
    return Promise.resolve();
  }

  #end(): void {
    this.#isOver = true;
    this.#raw = null;
    this.#source = null;
  }

  /** Lets go of the rest. */
  async leave(): Promise<void> {
    const source = this.#source;
    this.#end();
    await source?.cancel().catch(() => {});
  }
}

const NO_BYTES = Promise.resolve(new ArrayBuffer());

/** Why a body can't be read. */
export function broken(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  if (cause instanceof RangeError || /out of memory/i.test(String(cause)))
    return new GatewayError("overloaded", "The server has no memory for this request.", { cause, headers: { "retry-after": "5" } });
  return new GatewayError("cancelled", "The client closed the connection before its request was complete.", { cause });
}

/** So many pieces a body may come in, however short they are. */
const FREE_PIECES = 10_000;
/** Those beyond must have so many bytes on average. */
const LEAST_PIECE_BYTES = 64;

/** The same source, whose `read` throws when it comes in crumbs: each takes as long as a piece of any other size does. */
export function unfragmented(source: BodyReader): BodyReader {
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
  const text = `The body comes in too many pieces of less than ${LEAST_PIECE_BYTES} bytes. Send it in larger ones.`;
  return new GatewayError("invalid-request", text, { code: "body_fragmented" });
}

/** The same source, whose `read` throws once nothing has come for too long. Call `stop` when no more is wanted. */
export function whileItComes(source: BodyReader, { ms, after, monotonic }: BodyTimeout): { reader: BodyReader; stop: () => void } {
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
  const text = `Nothing more of the body came for ${ms / 1000} seconds (BODY_TIMEOUT).`;
  return new GatewayError("invalid-request", text, { status: 408, code: "body_timeout" });
}

const MOST_LEFT_BYTES = 1024 * 1024;
const MOST_LEFT_MS = 2000;
/** What a piece counts at least: reading it takes as long. */
const CRUMB_BYTES = 256;
const ANSWERED_MS = 200;

/**
 * An answer to a request whose body has not all come: the answer first, then what a client sends before it looks, then the end of the
 * connection. The declared length shows the client the end of the answer; a stream is what both runtimes close the connection behind.
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
      await readOn(body, after);
      // Deno takes no more of it behind the declared length.
      if (!isCancelled) controller.close();
    },
    // It says nothing of the client: what that still sends is read on.
    cancel: () => void (isCancelled = true),
  });
  return new Response(stream, { status, headers });
}

async function readOn(body: ClientBody, after: After): Promise<void> {
  const stop = after(MOST_LEFT_MS, () => void body.leave());
  let length = 0;
  try {
    while (!body.isOver && length <= MOST_LEFT_BYTES) length += Math.max((await body.read()).value?.length ?? 0, CRUMB_BYTES);
  } catch {
    // The client has left.
  }
  stop();
  // Deno would read on without end if the body were let go of before the answer is out. Nothing is read meanwhile.
  if (!body.isOver) await new Promise<void>((resolve) => void after(ANSWERED_MS, resolve));
  await body.leave();
}
