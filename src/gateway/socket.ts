// WebSockets that speak the Responses API: each request is a call of its own, as if it had come over HTTP, and each event of its answer is a
// frame. A socket takes one request at a time, and remembers its last response, from which the next may continue.
// Does not admit, prepare or log a call, which the gateway does, or remember more than the limit on all sockets together.

import { GatewayError } from "../errors.ts";
import type { After, Socket, SocketListener } from "../runtime/ports.ts";
import { sseDecoder, type SseLimits } from "../wire/sse.ts";
import type { BodyMemory, BodyShare } from "./body-memory.ts";
import type { Gateway } from "./gateway.ts";
import type { Call, IncomingRequest } from "./request.ts";
import { ClientBody } from "./client-body.ts";
import { AnswerFrames, readFrame, planFrame, refusalFrame, type CreateFrame, type Remembered } from "./socket-frames.ts";

export interface SocketPorts {
  readonly gateway: Pick<Gateway, "answer" | "warmUp" | "refuse">;
  readonly bodyMemory: BodyMemory;
  readonly after: After;
  readonly newId: () => string;
}

export interface SocketSettings {
  readonly limits: SseLimits;
  /** How long a client may wait for a frame before it gets a keep-alive; null: no keep-alives. */
  readonly keepAliveMs: () => number | null;
  /** How much all sockets together may remember, in UTF-16 units. */
  readonly maxRemembered: number;
}

interface SocketContext {
  readonly ports: SocketPorts;
  readonly settings: SocketSettings;
  /** Called when a socket opens, has answered, and closes. */
  readonly changed: (socket: ResponseSocket) => void;
}

/** Tells clients to reconnect. */
const GOING_AWAY = 1001;
const UNSUPPORTED = 1003;
const POLICY = 1008;
/** How many refusals may wait for a client to read them. */
const MOST_UNREAD_REFUSALS = 100;
/** How long a stream may go on after the event that ends its response. */
const LINGER_MS = 1000;

/** All open sockets. */
export class Sockets {
  /** Least recently used first. */
  readonly #open = new Set<ResponseSocket>();
  readonly #context: SocketContext;
  #isDraining = false;
  #onEmpty = (): void => {};

  constructor(ports: SocketPorts, settings: SocketSettings) {
    this.#context = { ports, settings, changed: (socket) => this.#changed(socket) };
  }

  /** For a handshake whose caller was admitted. */
  listener(call: Call): SocketListener {
    return new ResponseSocket(call, this.#context);
  }

  /** Closes each socket once its response has ended; resolves when all are closed. */
  drain(): Promise<void> {
    this.#isDraining = true;
    for (const socket of this.#open) socket.leave();
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#onEmpty = resolve));
  }

  #changed(socket: ResponseSocket): void {
    this.#open.delete(socket);
    if (socket.isOpen) this.#open.add(socket);
    if (this.#isDraining) {
      socket.leave();
      if (this.#open.size === 0) this.#onEmpty();
      return;
    }
    let length = 0;
    for (const { rememberedLength } of this.#open) length += rememberedLength;
    for (const one of this.#open) {
      if (length <= this.#context.settings.maxRemembered) return;
      length -= one.rememberedLength;
      // A client that reconnects sends its whole conversation; one whose conversation was forgotten would fail.
      one.leave();
    }
  }
}

class ResponseSocket implements SocketListener {
  readonly #handshake: Handshake;
  readonly #context: SocketContext;
  #socket: Socket | null = null;
  #remembered: Remembered | null = null;
  /** The request whose answer is not complete. */
  #asking: Asked | null = null;
  /** Resolves when all answers so far have been read to their end. */
  #turn: Promise<void> = Promise.resolve();
  #isLeaving = false;
  #unreadRefusals = 0;
  #cancel = (): void => {};

  constructor({ request, route, path, framing }: Call, context: SocketContext) {
    // Read now: once the socket is open, the runtime can't tell it from a request any more.
    const address = request.address();
    const own = { headers: ownHeaders(request.headers), address: () => address, raw: null, signal: null, body: null };
    this.#handshake = { request: { ...request, ...own }, route, path, framing };
    this.#context = context;
  }

  get isOpen(): boolean {
    return this.#socket !== null;
  }

  get rememberedLength(): number {
    return this.#remembered?.conversation.length ?? 0;
  }

  opened(socket: Socket): void {
    this.#socket = socket;
    this.#context.changed(this);
  }

  text(text: string): void {
    const memory = this.#context.ports.bodyMemory.share();
    try {
      // Counts the frame itself; the call counts what it makes of it.
      memory.add(text.length);
      const frame = readFrame(text, this.#remembered);
      if (frame === null) return memory.keep(0);
      if (this.#asking !== null) throw inProgress();
      const { conversation, generates } = frame;
      const leaving = new AbortController();
      const asked = { call: this.#call(frame, leaving.signal), leaving, conversation, generates, memory };
      this.#asking = asked;
      this.#turn = this.#turn.then(() => this.#respond(asked));
    } catch (error) {
      memory.keep(0);
      void this.#refuse(error);
    }
  }

  binary(): void {
    this.#socket?.close(UNSUPPORTED, "Send text frames.");
  }

  closed(): void {
    this.#socket = null;
    this.#remembered = null;
    this.#cancel();
    this.#context.changed(this);
  }

  /** Closes the socket once its response has ended. */
  leave(): void {
    this.#isLeaving = true;
    if (this.#asking === null) this.#socket?.close(GOING_AWAY, "The server is closing this connection. Open a new one.");
  }

  async #send(text: string): Promise<void> {
    await this.#socket?.send(text);
  }

  /** Reports a bad frame, in the shape and with the log line of a call. */
  async #refuse(error: unknown): Promise<void> {
    if (++this.#unreadRefusals > MOST_UNREAD_REFUSALS) this.#socket?.close(POLICY, "Too many answers are waiting to be read.");
    else await this.#sendRefusal(this.#context.ports.gateway.refuse(this.#call(null, null), error));
    this.#unreadRefusals--;
  }

  async #sendRefusal(response: Response): Promise<void> {
    await this.#send(refusalFrame(response.status, await response.text(), response.headers));
  }

  async #respond(asked: Asked): Promise<void> {
    this.#cancel = () => asked.leaving.abort();
    try {
      if (this.#socket !== null) await this.#answer(asked);
    } catch (error) {
      await this.#refuse(error);
    }
    asked.memory.keep(0);
    this.#cancel = () => {};
    if (this.#asking === asked) this.#asking = null;
    if (this.#socket === null) return;
    this.#context.changed(this);
    if (this.#isLeaving) this.leave();
  }

  async #answer(asked: Asked): Promise<void> {
    const { gateway } = this.#context.ports;
    const { call } = asked;
    const { response, signs } = await this.#waiting(asked.generates ? gateway.answer(call) : gateway.warmUp(call));
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
    if (response.body === null || !isStream) return this.#sendRefusal(response);
    const reader = response.body.getReader();
    const abort = this.#cancel;
    this.#cancel = () => {
      // The client has left. Cancel the answer first, so that it does not take the upstream's end for a failure.
      cancelQuietly(reader);
      abort();
    };
    const plan = planFrame(response.headers);
    if (plan !== null) await this.#send(plan);
    const frames = new AnswerFrames(asked, signs);
    let stopWaiting = (): void => {};
    const decoder = sseDecoder(this.#context.settings.limits);
    for (;;) {
      const { done, value } = await reader.read();
      const events = value === undefined ? decoder.end() : decoder.step(value);
      for (const event of events) {
        const texts = frames.step(event);
        if (frames.isComplete && this.#asking === asked) {
          // The client may go on now, without waiting for a stream that has nothing more to say and does not end.
          stopWaiting = this.#context.ports.after(LINGER_MS, () => cancelQuietly(reader));
          this.#remembered = frames.remembered ?? this.#remembered;
          this.#asking = null;
        }
        for (const text of texts) await this.#send(text);
      }
      if (done) break;
    }
    stopWaiting();
    for (const text of frames.end()) await this.#send(text);
  }

  /** Sends keep-alives until the answer begins. Returns their number, from which the answer's events are numbered on. */
  async #waiting(answer: Promise<Response>): Promise<{ readonly response: Response; readonly signs: number }> {
    const { ports, settings } = this.#context;
    const everyMs = settings.keepAliveMs();
    let signs = 0;
    let stop = (): void => {};
    const watch = (): void => {
      if (everyMs === null) return;
      stop = ports.after(everyMs, () => {
        void this.#send(JSON.stringify({ type: "keepalive", sequence_number: signs++ }));
        watch();
      });
    };
    watch();
    const response = await answer;
    stop();
    return { response, signs };
  }

  /** The call as it would have come over HTTP. */
  #call(frame: CreateFrame | null, signal: AbortSignal | null): Call {
    const { request, ...handshake } = this.#handshake;
    const bytes = UTF8.encode(frame?.body ?? "");
    const headers = { ...request.headers, ...frame?.headers, "content-length": String(bytes.length) };
    const raw = new Request("http://localhost", { method: "POST" });
    return {
      ...handshake,
      // A Response, not the request, which lives as long as the answer: Deno's keeps a body that was read.
      request: { ...request, headers, raw, signal: () => signal ?? raw.signal, body: new ClientBody(new Response(bytes)) },
      requestId: this.#context.ports.newId(),
    };
  }
}

/** A request for a response without its body: it lives as long as the answer. */
interface Asked extends Pick<CreateFrame, "conversation" | "generates"> {
  readonly call: Call;
  readonly leaving: AbortController;
  readonly memory: BodyShare;
}

/** What a socket keeps of the request that opened it. */
interface Handshake extends Omit<Call, "request" | "requestId"> {
  readonly request: Omit<IncomingRequest, "raw" | "signal" | "body"> & { readonly raw: null; readonly signal: null; readonly body: null };
}

const UTF8 = new TextEncoder();
const OF_THE_HANDSHAKE = ["openai-beta", "content-encoding", "transfer-encoding", "upgrade", "connection"];
const SOCKET_BETA = /^responses_websockets=/;

/** The headers of the handshake that apply to every call. */
function ownHeaders(said: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = { ...said };
  const beta = headers["openai-beta"];
  for (const name of OF_THE_HANDSHAKE) delete headers[name];
  const betas = (beta ?? "").split(/\s*,\s*/).filter((one) => one !== "" && !SOCKET_BETA.test(one));
  return betas.length === 0 ? headers : { ...headers, "openai-beta": betas.join(",") };
}

/** Errors are ignored: the client has left, or has the whole answer. */
function cancelQuietly(reader: ReadableStreamDefaultReader<Uint8Array>): void {
  reader.cancel().catch(() => {});
}

function inProgress(): GatewayError {
  const advice = "A WebSocket runs one response at a time. Wait until the current one ends, or open another WebSocket.";
  return new GatewayError("invalid-request", advice, { code: "response_in_progress" });
}
