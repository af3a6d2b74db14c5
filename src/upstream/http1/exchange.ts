// One POST and its answer over a connection: the request goes out as the other end takes it, the answer is read as it is asked for.
// Never does: send a byte twice, read on while nobody takes what came, leave a connection to the next whose end is not certain.

import type { After, HttpAnswer, HttpBody, HttpCall, ReadWaiter, SocketError, TcpSocket } from "../../runtime/ports.ts";
import { concat, pollFor, readOnce, type Polled } from "../../wire/pump.ts";
import { bodyDecoder, type BodyDecoder } from "./body.ts";
import { HeadReader, HttpFault, type AnswerHead } from "./head.ts";

/** No byte of the request has left this machine. The message is the reason's code, if it has one. */
export class UnsentFault extends Error {}

/** What an exchange is held on. */
export interface Line {
  /** Null while there is no connection yet. */
  readonly socket: TcpSocket | null;
  /** Takes it back for the next one; null: this one sent nothing. */
  keep(headers: ReadonlyMap<string, string> | null): void;
  /** Starts the same on a new one; false: no exchange was held on this one before. */
  again(exchange: Exchange): boolean;
  /** At once. */
  close(): void;
}

export interface ExchangeOptions {
  readonly connected: () => boolean;
  readonly after: After;
}

/** What may lie here while nobody reads; what the runtime reads at once comes on top. */
const MAX_HELD_BYTES = 64 * 1024;
/** What goes on in one turn of the event loop: Bun reads 512 KiB at once, and goes on with the same connection while they come. */
const TURN_BYTES = 128 * 1024;

export class Exchange implements HttpCall, HttpBody, Polled {
  /** What is still to be sent. */
  readonly #pieces: Uint8Array[];
  /** Let go of once it was asked: it may hold on to the request. */
  #connected: (() => boolean) | null;
  readonly #after: After;
  readonly #answering = Promise.withResolvers<HttpAnswer>();
  readonly answer: Promise<HttpAnswer> = this.#answering.promise;
  #sentBytes = 0;
  /** Null: it is over, or has not begun. */
  #line: Line | null = null;
  readonly #reader = new HeadReader();
  #head: AnswerHead | null = null;
  #decoder: BodyDecoder | null = null;
  /** What was not read yet. */
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isPaused = false;
  /** Until the next turn of the event loop. */
  #isResting = false;
  #waiter: ReadWaiter | null = null;
  #fault: Error | null = null;

  constructor(pieces: Uint8Array[], { connected, after }: ExchangeOptions) {
    this.#pieces = pieces;
    this.#connected = connected;
    this.#after = after;
  }

  // ---- The connection ----------------------------------------------------------------------------------------------

  start(line: Line): void {
    this.#line = line;
  }

  /** Bytes can be sent. */
  ready(): void {
    const isWanted = this.#connected?.() ?? true;
    this.#connected = null;
    if (isWanted) this.send();
    else void this.cancel();
  }

  send(): void {
    const pieces = this.#pieces;
    for (let [piece] = pieces; piece !== undefined && this.#line !== null; [piece] = pieces) {
      const count = this.#line.socket?.write(piece) ?? -1;
      // That it is closed comes as an event too.
      if (count < 0) return;
      this.#sentBytes += count;
      if (count < piece.length) return void (pieces[0] = piece.subarray(count));
      pieces.shift();
    }
  }

  received(bytes: Uint8Array): void {
    try {
      this.#take(bytes);
    } catch (error) {
      this.#line?.close();
      this.#end(error instanceof Error ? error : new HttpFault(String(error)));
    }
  }

  #take(bytes: Uint8Array): void {
    let at = 0;
    while (this.#decoder === null) {
      at = this.#reader.take(bytes, at);
      if (at === -1) return;
      const head = this.#reader.head();
      if (head.status === 101) throw new HttpFault("the connection was upgraded, which nobody asked for");
      if (head.status < 200) continue;
      this.#head = head;
      this.#decoder = bodyDecoder(head.length);
      this.#answering.resolve({ status: head.status, headers: head.headers, body: this });
    }
    const piece = this.#decoder.take(bytes, at);
    if (this.#decoder.end !== -1) this.#complete(this.#decoder.end === bytes.length);
    if (piece !== null && piece.length > TURN_BYTES) {
      for (let from = 0; from < piece.length; from += TURN_BYTES) this.#hold(piece.subarray(from, from + TURN_BYTES));
      this.#rest();
    } else if (piece !== null && (this.#waiter === null || this.#isResting)) this.#hold(piece);
    else if (piece !== null || this.#line === null) this.#tell(piece ?? undefined);
  }

  #rest(): void {
    if (this.#isResting) return;
    this.#isResting = true;
    this.#after(0, () => {
      this.#isResting = false;
      const waiter = this.#waiter;
      this.#waiter = null;
      if (waiter !== null) pollFor(waiter, this);
    });
  }

  #hold(piece: Uint8Array): void {
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    // Not without need: it costs two calls to the system.
    if (this.#isPaused || this.#heldBytes <= MAX_HELD_BYTES) return;
    this.#isPaused = true;
    this.#line?.socket?.pause();
  }

  #goOn(): void {
    if (this.#isPaused) this.#line?.socket?.resume();
    this.#isPaused = false;
  }

  #tell(piece: Uint8Array | undefined): void {
    // Then it is told what comes before.
    if (this.#isResting) return;
    const waiter = this.#waiter;
    this.#waiter = null;
    if (this.#fault === null) waiter?.came(piece);
    else waiter?.broke(this.#fault);
  }

  /** `isClean`: nothing came behind it. */
  #complete(isClean: boolean): void {
    this.#goOn();
    // What is left of a request that was answered early can't be taken back.
    if (isClean && this.#head?.isKept === true && this.#pieces.length === 0) this.#line?.keep(this.#head.headers);
    else this.#line?.close();
    this.#line = null;
  }

  /** The connection is closed, or none came about. */
  closed(error: SocketError | null): void {
    if (this.#line === null) return;
    if (this.#head?.length === "close" && error === null) this.#end(null);
    else if (this.#sentBytes > 0) this.#end(error ?? new Error("The connection was closed."));
    else if (!this.#line.again(this)) this.#end(new UnsentFault(error?.code ?? error?.message ?? "closed", { cause: error }));
  }

  /** Null: that was the end of the body. */
  #end(fault: Error | null): void {
    this.#line = null;
    this.#fault = fault;
    if (this.#head === null) this.#answering.reject(fault);
    this.#tell(undefined);
  }

  // ---- Whoever asked -------------------------------------------------------------------------------------------------

  poll(waiter: ReadWaiter): Uint8Array | null | undefined {
    const piece = this.#isResting ? undefined : this.#held.shift();
    if (piece !== undefined) {
      this.#heldBytes -= piece.length;
      if (this.#heldBytes <= MAX_HELD_BYTES) this.#goOn();
      if (piece.length === TURN_BYTES) this.#rest();
      return piece;
    }
    if (!this.#isResting && this.#fault !== null) throw this.#fault;
    if (!this.#isResting && this.#line === null) return undefined;
    this.#waiter = waiter;
    return null;
  }

  read(): ReturnType<HttpBody["read"]> {
    return readOnce(this);
  }

  async all(): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array[] = [];
    for (;;) {
      // Of a short answer all is there.
      const piece = this.#line === null && this.#fault === null ? this.#held.shift() : (await this.read()).value;
      if (piece === undefined) return concat(pieces);
      pieces.push(piece);
    }
  }

  /** A read that waits gets nothing more. */
  cancel(): Promise<void> {
    this.#held.length = 0;
    const line = this.#line;
    if (line === null) return Promise.resolve();
    this.#line = null;
    if (this.#sentBytes === 0) line.keep(null);
    else line.close();
    if (this.#head === null) this.#answering.reject(new Error("The call was cancelled."));
    // Later, as whoever cancels may be about to end what waits.
    return Promise.resolve().then(() => this.#tell(undefined));
  }
}
