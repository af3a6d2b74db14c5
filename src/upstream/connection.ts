// One POST and its connection, with timeouts: the head of the response, then its body chunk by chunk, or a GatewayError that says which
// timeout expired or how the connection broke.
// Does not follow a redirect, look into a body, or leave a timer or a listener behind.

import { GatewayError } from "../errors.ts";
import type { After, BodyReader, HttpAnswer, HttpCall, HttpRequest, ReadWaiter, Send, Unpack } from "../runtime/ports.ts";
import { onAbort } from "../wire/abort.ts";
import { NOTHING, polled, readOnce, type Polled } from "../wire/pump.ts";
import { UnsentFault } from "./http1/exchange.ts";

export interface ConnectionPorts {
  readonly send: Send;
  /** Decompresses an answer that the upstream compressed unasked. */
  readonly unpack: Unpack;
  /** Monotonic time in milliseconds. */
  readonly now: () => number;
  readonly after: After;
}

/** In milliseconds; null: no limit. */
export interface UpstreamTimeouts {
  /** Until the host accepts a connection; with `fetch`, checked only for a host that has not answered recently. */
  readonly connectMs: number | null;
  /** From sending the request to the beginning of the answer: its head, or a stream's first event. An error has to be complete by then. */
  readonly firstByteMs: number | null;
  /** Between two chunks of the answer, while the client is waiting for one. */
  readonly idleMs: number | null;
  readonly totalMs: number | null;
}

export interface Outgoing extends HttpRequest {
  /** How much of `totalMs` the call has used before, when it continues a paused answer; milliseconds. */
  readonly spentMs?: number;
}

export interface ConnectionOptions {
  readonly timeouts: UpstreamTimeouts;
  /** Limit on what a compressed answer may decompress to. */
  readonly maxUnpackedBytes: number;
  /** Aborted when the client leaves. */
  readonly client: AbortSignal;
  /** Told when the request goes out, and may stop it then. Absent: nobody is told. */
  readonly owner?: Owner | undefined;
}

export interface Owner {
  goesOut(connection: Pick<Connection, "stop">): void;
}

/** The code of an error that means nothing was sent: the same request can be sent again without being billed twice. */
export const UNREACHABLE = "upstream_unreachable";

type LimitName = keyof UpstreamTimeouts;

/** The name of each timeout, for the client and in the configuration. */
const LIMITS: Readonly<Record<LimitName, { readonly sentence: string; readonly variable: string; readonly code?: string }>> = {
  connectMs: { sentence: "The upstream did not accept a connection within", variable: "UPSTREAM_CONNECT_TIMEOUT", code: UNREACHABLE },
  firstByteMs: { sentence: "The upstream did not start to answer within", variable: "UPSTREAM_FIRST_BYTE_TIMEOUT" },
  idleMs: { sentence: "The upstream sent nothing for more than", variable: "UPSTREAM_IDLE_TIMEOUT" },
  totalMs: { sentence: "The upstream did not finish within", variable: "UPSTREAM_TOTAL_TIMEOUT" },
};
const LIMIT_NAMES = ["connectMs", "firstByteMs", "idleMs", "totalMs"] as const satisfies readonly LimitName[];

/** One request to the upstream and the body of its answer, with timeouts. */
export class Connection implements Polled, ReadWaiter {
  readonly #ports: ConnectionPorts;
  readonly #timeouts: UpstreamTimeouts;
  readonly #maxUnpackedBytes: number;
  readonly #client: AbortSignal;
  readonly #owner: Owner | undefined;
  /** Stops listening for a client that leaves. Null: not listening. */
  #unfollow: (() => void) | null = null;
  #call: HttpCall | null = null;
  #answer: HttpAnswer | null = null;
  /** The decompressed body. Null: it was not compressed, or nothing has been read yet. */
  #reader: Polled | null = null;
  #waiter: ReadWaiter | null = null;
  /** Why the connection was stopped from this side. */
  #stopped: GatewayError | null = null;
  /** When each running timeout began. */
  readonly #since: Record<LimitName, number | null> = { connectMs: null, firstByteMs: null, idleMs: null, totalMs: null };
  #stopTimer: (() => void) | null = null;
  #isReleased = false;

  constructor(ports: ConnectionPorts, { timeouts, maxUnpackedBytes, client, owner }: ConnectionOptions) {
    this.#ports = ports;
    this.#timeouts = timeouts;
    this.#maxUnpackedBytes = maxUnpackedBytes;
    this.#client = client;
    this.#owner = owner;
  }

  /** Call `begun` when the answer has begun: a head alone may be all that comes. */
  async open(request: Outgoing): Promise<HttpAnswer> {
    this.#follow();
    const { spentMs } = request;
    // Where connecting has no timeout of its own, the other timeouts include it.
    if (this.#timeouts.connectMs === null) this.#expect(spentMs);
    else this.#begin("connectMs");
    try {
      this.#call = this.#ports.send(request, () => this.#connected(spentMs));
      const answer = await this.#call.answer;
      this.#answer = answer;
      const packing = packingOf(answer);
      if (packing === null) return answer;
      const plain = this.#ports.unpack(packing, answer.body, { maxBytes: MAX_WINDOW_BYTES });
      // For an error the status is enough.
      this.#reader = polled(plain !== null ? this.#withinLimit(plain) : { ...NOTHING, cancel: (reason) => answer.body.cancel(reason) });
      if (plain !== null || answer.status >= 400) return answer;
    } catch (error) {
      this.#release();
      throw this.#stopped ?? unanswered(error, new URL(request.url).host);
    }
    await this.cancel();
    throw new GatewayError(
      "upstream-failed",
      "The upstream compressed its answer without being asked, in an encoding that can't be read here.",
    );
  }

  #expect(spentMs = 0): void {
    this.#begin("totalMs", spentMs);
    this.#begin("firstByteMs");
  }

  #connected(spentMs: number | undefined): boolean {
    if (this.#timeouts.connectMs !== null) this.#expect(spentMs);
    this.#since.connectMs = null;
    this.#owner?.goesOut(this);
    return this.#stopped === null;
  }

  /** Ends the timeout for the beginning of the answer. */
  begun(): void {
    this.#since.firstByteMs = null;
  }

  #withinLimit(plain: BodyReader): BodyReader {
    let bytes = 0;
    return {
      read: async () => {
        const found = await plain.read();
        bytes += found.value?.length ?? 0;
        if (bytes > this.#maxUnpackedBytes) this.stop(tooMuch(this.#maxUnpackedBytes));
        if (this.#stopped !== null) throw this.#stopped;
        return found;
      },
      cancel: (reason) => plain.cancel(reason),
    };
  }

  #follow(): void {
    if (this.#client.aborted) throw new GatewayError("cancelled", "The client closed the connection.");
    this.#unfollow ??= onAbort(this.#client, () => this.stop(new GatewayError("cancelled", "The client closed the connection.")));
  }

  read(): ReturnType<BodyReader["read"]> {
    return readOnce(this);
  }

  poll(waiter: ReadWaiter): Uint8Array | null | undefined {
    const reader = (this.#reader ??= polled(this.#answer?.body ?? NOTHING));
    this.#begin("idleMs");
    this.#waiter = waiter;
    try {
      const piece = reader.poll(this);
      return piece === null ? null : this.#took(piece);
    } catch (error) {
      throw this.#broken(error);
    }
  }

  came(piece: Uint8Array | undefined): void {
    if (piece === undefined && this.#stopped !== null) this.broke(this.#stopped);
    else this.#waiter?.came(this.#took(piece));
  }

  broke(error: unknown): void {
    this.#waiter?.broke(this.#broken(error));
  }

  #broken(error: unknown): GatewayError {
    this.#since.idleMs = null;
    // The connection may still be open: perhaps only the answer is broken.
    void this.cancel();
    const message = "The connection to the upstream broke before the answer was complete.";
    return this.#stopped ?? new GatewayError("upstream-failed", message, { cause: error });
  }

  #took(piece: Uint8Array | undefined): Uint8Array | undefined {
    this.#since.idleMs = null;
    if (piece !== undefined) return piece;
    this.#release();
    if (this.#stopped !== null) throw this.#stopped;
    return undefined;
  }

  /**
   * The whole body in one piece, if nothing of it was read yet; silences in between are not seen. Null where it may be longer than this, or does
   * not say: also for a compressed one, whose length says nothing about the result.
   */
  async short(maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const answer = this.#answer;
    if (answer === null || this.#reader !== null) return null;
    const length = answer.headers.get("content-length");
    if (length === undefined || Number(length) > maxBytes) return null;
    this.#begin("idleMs");
    try {
      const bytes = await answer.body.all();
      this.#took(undefined);
      return bytes;
    } catch (error) {
      throw this.#broken(error);
    }
  }

  async cancel(): Promise<void> {
    this.#release();
    await this.#call?.cancel();
    try {
      await this.#reader?.cancel();
    } catch {
      // The connection is gone already, as intended.
    }
  }

  /** Whoever waits for the answer, or reads it, gets this error, unless the connection was stopped before. */
  stop(error: GatewayError): void {
    this.#stopped ??= error;
    void this.cancel();
  }

  #release(): void {
    this.#unfollow?.();
    this.#stopTimer?.();
    this.#stopTimer = null;
    this.#isReleased = true;
  }

  /** One timer for the whole connection, set again when it fires: chunks come by the thousand. */
  #begin(name: LimitName, spentMs = 0): void {
    const limitMs = this.#timeouts[name];
    if (limitMs === null) return;
    this.#since[name] = this.#ports.now() - spentMs;
    if (spentMs > 0) this.#stopTimer = (this.#stopTimer?.(), null);
    if (this.#stopTimer === null && !this.#isReleased) this.#wait(Math.min(this.#shortestMs(), Math.max(0, limitMs - spentMs)));
  }

  #wait(ms: number): void {
    this.#stopTimer = this.#ports.after(ms, () => {
      const now = this.#ports.now();
      let nextMs = this.#shortestMs();
      for (const name of LIMIT_NAMES) {
        const [limitMs, since] = [this.#timeouts[name], this.#since[name]];
        if (limitMs === null || since === null) continue;
        if (now - since >= limitMs) return this.stop(timeout(name, limitMs));
        nextMs = Math.min(nextMs, limitMs - (now - since));
      }
      this.#wait(nextMs);
    });
  }

  #shortestMs(): number {
    return Math.min(...LIMIT_NAMES.map((name) => this.#timeouts[name] ?? Infinity));
  }
}

/** The largest decompression window (RFC 9659 for zstd, the only encoding that may ask for more). */
const MAX_WINDOW_BYTES = 8 * 1024 * 1024;

/** How an upstream compressed its answer unasked; null: it did not. */
function packingOf({ headers }: HttpAnswer): string | null {
  const packing = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (packing === "" || packing === "identity") return null;
  return packing === "x-gzip" ? "gzip" : packing;
}

const NEVER_SENT: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
]);

/** How Bun and Deno report that no connection was established, e.g. after the system's own timeout of about two minutes. */
const CONNECTING = /Unable to connect|TLS handshake failed|\(Connect\)/;

/** How Bun (by code) and Deno (by text) report that they don't trust a certificate. */
const UNTRUSTED =
  /invalid peer certificate|SELF_SIGNED|_SIGNATURE|ISSUER_CERT|CERT_|ALTNAME_INVALID|self[- ]signed|unable to (?:verify|get)/;

/** Why there is no answer. Bun says so in a code or in its text, Deno in the text of the cause. */
function unanswered(error: unknown, host: string): GatewayError {
  const { code, cause } = error instanceof Error ? (error as Error & { readonly code?: unknown }) : { code: undefined, cause: undefined };
  if (UNTRUSTED.test(`${String(code)} ${String(error)} ${String(cause)}`)) {
    const message =
      "The upstream's certificate is not trusted. If it comes from a certificate authority of your own, set NODE_EXTRA_CA_CERTS to that authority's file.";
    return new GatewayError("upstream-failed", message, { code: UNREACHABLE, cause: unconnected(error, host) });
  }
  const isNeverSent = error instanceof UnsentFault || NEVER_SENT.has(code) || CONNECTING.test(`${String(error)} ${String(cause)}`);
  if (isNeverSent) {
    return new GatewayError("upstream-failed", "Factory could not be reached.", { code: UNREACHABLE, cause: unconnected(error, host) });
  }
  return new GatewayError("upstream-failed", "The connection to the upstream broke before it answered.", {
    code: "upstream_lost",
    cause: new Error(`No answer from ${host}`, { cause: error }),
  });
}

/** Only for the log: clients are not shown the host. */
function unconnected(error: unknown, host: string): Error {
  const message = `Could not connect to ${host}`;
  // Deno's text begins with the URL.
  const [, told] = /\(Connect\): (.+)/.exec(String(error instanceof Error ? error.cause : undefined)) ?? [];
  const reason = error instanceof UnsentFault ? error.message : told;
  return reason === undefined ? new Error(message, { cause: error }) : new Error(`${message}: ${reason}`);
}

function tooMuch(maxBytes: number): GatewayError {
  const text = `The upstream compressed its answer without being asked. It is larger than ${maxBytes} bytes, the limit of this proxy.`;
  return new GatewayError("upstream-failed", text);
}

function timeout(name: LimitName, ms: number): GatewayError {
  const { sentence, variable, code } = LIMITS[name];
  return new GatewayError("upstream-timeout", `${sentence} ${ms / 1000} s (${variable}).`, code === undefined ? {} : { code });
}
