// Sends a POST with the runtime's own `fetch`.
// Does not follow a redirect, or leave a cancelled call running.

import type { Body, BodyReader, HttpAnswer, HttpBody, HttpCall, HttpRequest, Send } from "../runtime/ports.ts";

export interface FetchPorts {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Makes a body that suits the runtime. Absent: the body as it is. */
  readonly bodySource?: (body: Body) => Body | ReadableStream<Uint8Array>;
  /** Reads a body in the way that suits the runtime. Absent: with a plain reader. */
  readonly bodyReader?: (body: ReadableStream<Uint8Array>) => BodyReader;
  /** Checks whether a host accepts connections, which no fetch reports. Resolves when it accepts, refuses, or the signal aborts; never rejects. */
  readonly dial?: (url: string, signal: AbortSignal) => Promise<void>;
  /** Monotonic time in milliseconds. */
  readonly now: () => number;
}

/** How long a host that has answered counts as reachable. */
const KNOWN_FOR_MS = 60_000;

// Bun's fetch gives up after 300 s without a byte unless told otherwise; only the timeouts of a connection should apply. It also decompresses
// bodies but keeps their header, where Deno's leaves them compressed when `accept-encoding` is set: here neither decompresses. Other runtimes
// ignore these members. (The standard asks for `duplex` with a body that is a stream.)
const RUNTIME_LIMITS_OFF: RequestInit & { readonly timeout: false; readonly decompress: false; readonly duplex: "half" } = {
  timeout: false,
  decompress: false,
  duplex: "half",
};

export function sendByFetch(ports: FetchPorts): Send {
  /** Origin -> when it last answered. Only configured origins are kept. */
  const answeredAt = new Map<string, number>();
  return (request, connected) => {
    const origin = originOf(request.url);
    const isKnown = ports.now() - (answeredAt.get(origin) ?? -Infinity) <= KNOWN_FOR_MS;
    const answered = (): void => void answeredAt.set(origin, ports.now());
    return new FetchCall(ports, request, { connected, isKnown, answered });
  };
}

/** Scheme, host and port of an absolute URL without a user. */
function originOf(url: string): string {
  const end = url.indexOf("/", url.indexOf("//") + 2);
  return end === -1 ? url : url.slice(0, end);
}

interface FetchOptions {
  readonly connected: () => boolean;
  /** Whether the host has answered recently. */
  readonly isKnown: boolean;
  readonly answered: () => void;
}

class FetchCall implements HttpCall, HttpBody {
  readonly answer: Promise<HttpAnswer>;
  readonly #ports: FetchPorts;
  readonly #abort = new AbortController();
  #response: Response | null = null;
  /** Null until something is read, since a stream is expensive to make. */
  #reader: BodyReader | null = null;

  constructor(ports: FetchPorts, request: HttpRequest, options: FetchOptions) {
    this.#ports = ports;
    this.answer = this.#send(request, options);
  }

  async #send({ url, headers, body }: HttpRequest, { connected, isKnown, answered }: FetchOptions): Promise<HttpAnswer> {
    const { signal } = this.#abort;
    if (!isKnown) await this.#ports.dial?.(url, signal);
    if (signal.aborted || !connected()) throw new Error("The call was cancelled.");
    const response = await this.#ports.fetch(url, {
      method: "POST",
      headers,
      body: this.#ports.bodySource?.(body) ?? body,
      redirect: "manual",
      signal,
      ...RUNTIME_LIMITS_OFF,
    });
    this.#response = response;
    answered();
    const found = new Map<string, string>();
    // The fastest way to walk headers on Bun.
    response.headers.forEach((value, name) => void found.set(name, value));
    return { status: response.status, headers: found, body: this };
  }

  read(): ReturnType<BodyReader["read"]> {
    this.#reader ??= this.#open();
    return this.#reader?.read() ?? Promise.resolve({ done: true });
  }

  #open(): BodyReader | null {
    const body = this.#response?.body ?? null;
    return body === null ? null : (this.#ports.bodyReader?.(body) ?? body.getReader());
  }

  async all(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array((await this.#response?.arrayBuffer()) ?? []);
  }

  /** Cancels the reader too: on Deno (2.9) an abort no longer reaches a body once its response has been garbage-collected. */
  async cancel(): Promise<void> {
    this.#abort.abort();
    try {
      await (this.#reader ?? this.#response?.body)?.cancel();
    } catch {
      // The connection is gone already, as intended.
    }
  }
}
