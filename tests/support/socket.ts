// Test support: a client of the Responses API over WebSocket, which keeps everything that it receives.
// Does not answer for the server, or know its expected answers.

import { CLIENT_KEY, until, type RunningGateway } from "./gateway.ts";

/** A frame of the server. */
export type Frame = Readonly<Record<string, unknown>>;

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

interface SocketClientOptions {
  readonly key?: string | null;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Init {
  readonly headers: Readonly<Record<string, string>>;
}
/** Both runtimes accept headers, which are not in the standard. */
const Client = WebSocket as unknown as new (url: string, init: Init) => WebSocket;

export class SocketClient {
  /** Every text frame, in order. */
  readonly texts: string[] = [];
  closed: Closed | null = null;
  readonly #socket: WebSocket;

  /** `key`: null sends none. */
  constructor({ url }: Pick<RunningGateway, "url">, { key = CLIENT_KEY, path = "/v1/responses", headers = {} }: SocketClientOptions = {}) {
    const shown = key === null ? {} : { authorization: `Bearer ${key}` };
    this.#socket = new Client(`${url.replace("http", "ws")}${path}`, { headers: { ...shown, ...headers } });
    this.#socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => void this.texts.push(String(data)));
    this.#socket.addEventListener("close", ({ code, reason }) => void (this.closed ??= { code, reason }));
    this.#socket.addEventListener("error", () => {});
  }

  get frames(): Frame[] {
    return this.texts.map((text) => JSON.parse(text) as Frame);
  }

  /** Resolves when it is open, or has failed to open. */
  async opened(): Promise<this> {
    await until(() => this.#socket.readyState === WebSocket.OPEN || this.closed !== null, "the socket to open");
    return this;
  }

  /** Text or bytes are sent as they are; anything else as a request for a response. */
  send(frame: string | Uint8Array<ArrayBuffer> | object): void {
    const isRaw = typeof frame === "string" || frame instanceof Uint8Array;
    this.#socket.send(isRaw ? frame : JSON.stringify({ type: "response.create", ...frame }));
  }

  /** Sends a request, and returns the frames of its answer. */
  async ask(request: object): Promise<Frame[]> {
    const from = this.texts.length;
    this.send(request);
    await this.until((frames) => frames.slice(from).some(isLast), "the end of an answer");
    return this.frames.slice(from);
  }

  async until(condition: (frames: Frame[]) => boolean, what: string): Promise<void> {
    await until(() => this.closed !== null || condition(this.frames), what);
    if (!condition(this.frames)) throw new Error(`The socket was closed (${JSON.stringify(this.closed)}) before ${what}.`);
  }

  async untilClosed(): Promise<Closed> {
    await until(() => this.closed !== null, "the socket to close");
    return this.closed ?? { code: 0, reason: "" };
  }

  close(): void {
    this.#socket.close();
  }
}

const LAST = /^response\.(?:completed|incomplete|failed)$/;

function isLast({ type, status }: Frame): boolean {
  return (typeof type === "string" && LAST.test(type)) || (type === "error" && status !== undefined);
}
