// What the program needs from the outside world, as types: a runtime implements them, a test scripts them.
// Types only.

/** What a runtime knows of a request's connection. */
export interface Connection {
  /** The IP address of the other end; null: none. */
  address(): string | null;
  /** Aborted when the client leaves. Absent: the request's own signal is. */
  readonly signal?: AbortSignal;
  /** Makes the body of a response for this connection. Absent: a plain web stream. */
  readonly body?: BodyMaker;
  /** Turns it into a WebSocket and returns the response to the request. Null: the request is not a WebSocket handshake. */
  upgrade(listener: SocketListener): Response | null;
}

/** The state of the process. */
export interface ProcessFigures {
  readonly residentBytes: number;
  /** CPU time since it started. */
  readonly cpuSeconds: number;
  /** Log lines lost since then because nobody read them. */
  readonly logLinesLost: number;
}

/** The program as one function. Never rejects. Without a connection, no request becomes a WebSocket. */
export type Fetch = (request: Request, connection?: Connection) => Response | Promise<Response>;

/** The server's end of a WebSocket. Anything sent after it is closed is silently lost. */
export interface Socket {
  /** Sends a text frame. If a promise is returned, the client does not keep up: wait for it before the next frame. */
  send(text: string): Promise<void> | undefined;
  /** Closes it after everything that was sent. */
  close(code: number, reason: string): void;
}

/** Receives the events of a WebSocket. */
export interface SocketListener {
  /** Called first, and once. */
  opened(socket: Socket): void;
  text(text: string): void;
  /** A binary frame, whose content is not used. */
  binary(): void;
  /** Called last, and once, whichever side closed it. */
  closed(): void;
}

/** Calls back once after `ms` milliseconds. Returns a function that cancels it; calling that later does nothing. */
export type After = (ms: number, callback: () => void) => () => void;

/**
 * Writes to standard output, and resolves to how many bytes were written, which may be fewer. Neither blocks the event loop while nobody
 * reads, nor keeps the process alive. One write at a time.
 */
export type Write = (bytes: Uint8Array) => Promise<number>;

/** Reads a body chunk by chunk. One read at a time. */
export interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  /**
   * Reads without a promise for each chunk: returns what is there already, undefined at the end, or null, and then tells the waiter once. Throws
   * what `read` would reject with. Absent: only `read` is available.
   */
  poll?(waiter: ReadWaiter): Uint8Array | null | undefined;
  /** Cancels the rest. */
  cancel(reason?: unknown): Promise<void>;
}

/** Waits for the next chunk of a body. Neither method may throw. */
export interface ReadWaiter {
  /** Undefined: the body has ended. */
  came(piece: Uint8Array | undefined): void;
  broke(error: unknown): void;
}

/** The destination of a body's bytes. */
export interface BodyWriter {
  write(bytes: Uint8Array): void;
  /** Whether the client has enough for now. */
  readonly isFull: boolean;
  /** The body is complete. */
  close(): void;
  /** Breaks the connection, because the body is not complete. */
  fail(error: unknown): void;
}

/** Writes a body. */
export interface BodyFlow {
  /** Called first, and once; not called if the client has left before. */
  start(writer: BodyWriter): void;
  /** Writes until the client has enough, or the body is complete. Never rejects. One call at a time. */
  flow(): Promise<void>;
  /** The client has left. */
  cancel(reason?: unknown): Promise<void>;
}

/** Makes a body that suits the runtime. */
export type BodyMaker = (flow: BodyFlow) => ReadableStream<Uint8Array>;

/**
 * The decompressed body. Its `read` throws what the source throws, and an error of its own where the bytes are not in that
 * encoding. Null: this runtime does not support the encoding.
 */
export type Unpack = (encoding: string, source: BodyReader, options: UnpackOptions) => BodyReader | null;

export interface UnpackOptions {
  /** The limit on the result: an encoding that requires much more memory than that is refused. */
  readonly maxBytes: number;
}

/** The other processes on the same port. Questions and answers must be JSON. */
export interface Peers {
  /** Number of this process, from 1. */
  readonly index: number;
  /** The answers of the others. One that does not answer within a moment is left out. Never rejects. */
  ask(question: Question): Promise<readonly unknown[]>;
  /** Registers how this process answers questions on a topic. If the function throws, the question stays unanswered. */
  answers(about: string, how: (question: Question) => unknown): void;
}

export interface Question {
  readonly about: string;
  readonly [detail: string]: unknown;
}

/** Options of a request. */
export type Body = string | Uint8Array<ArrayBuffer>;

/** A POST to an upstream. */
export interface HttpRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

/** The body of a response; an absent one is over at once. */
export interface HttpBody extends BodyReader {
  /** The whole body, if nothing of it has been read. */
  all(): Promise<Uint8Array<ArrayBuffer>>;
}

export interface HttpAnswer {
  readonly status: number;
  /** By lower-case names; several of one name are joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: HttpBody;
}

export interface HttpCall {
  readonly answer: Promise<HttpAnswer>;
  /** Closes the connection at once; does nothing once the answer is complete. Never rejects. */
  cancel(): Promise<void>;
}

/** Sends a POST. Calls `connected` once there is a connection and before a byte goes out, to ask whether it may. */
export type Send = (request: HttpRequest, connected: () => boolean) => HttpCall;

/** A connection to an upstream. */
export interface TcpSocket {
  /** How many bytes were accepted; send the others again at `drained`. Negative: the connection is closed. */
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  /** At once. */
  terminate(): void;
  /** Whether it keeps the process alive. */
  ref(): void;
  unref(): void;
}

/** Receives the events of a connection. */
export interface TcpEvents {
  /** From now on it can be closed. */
  opened(socket: TcpSocket): void;
  /** Bytes can be sent. Over TLS, the other end's certificate has been checked. */
  ready(): void;
  /** The receiver owns the bytes. */
  received(bytes: Uint8Array): void;
  drained(): void;
  /** Called last, whether or not it was ever open. Null: it ended properly. */
  closed(error: SocketError | null): void;
}

export interface SocketError extends Error {
  /** A code of the system or of TLS, e.g. `ECONNREFUSED`. */
  readonly code?: string;
}

export interface TcpAddress {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Over TLS; the certificate is checked against the host. */
  readonly isSecure: boolean;
}

/**
 * Connects to whichever of the host's addresses accepts first. `closed` may be called before this returns. Returns a function that gives the
 * connection up: call it before `opened` only. No event follows.
 */
export type ConnectTcp = (address: TcpAddress, events: TcpEvents) => () => void;

/** The address of a server. */
export interface Address {
  readonly host: string;
  /** When listening, 0 is any free one. */
  readonly port: number;
}

/** Limits on connections; gaps of a runtime are listed in README.md. */
export interface ConnectionLimits {
  /** How long one may take, in milliseconds, for the head of its next request; null: no limit. */
  readonly headTimeoutMs: number | null;
  /** The most open connections; null: no limit. An idle one makes room, one with a running answer never does. */
  readonly maxConnections: number | null;
}

export interface ListenOptions extends Address, ConnectionLimits {
  /** A WebSocket whose client sends a larger frame is closed with 1009. */
  readonly maxFrameBytes: number;
  /** Whether other processes listen on the same port and share its connections. Linux only. */
  readonly isShared?: boolean;
}

export interface Server {
  readonly port: number;
  /** Accepts nothing new; resolves when running answers have ended. */
  drain(): Promise<void>;
}

/** The default export for a runtime that serves a module by itself (`deno serve`, Deno Deploy, an importing program). */
export interface EntryPoint {
  /** Runtimes pass more than a request, each in its own way. */
  readonly fetch?: (request: Request, ...more: never[]) => ReturnType<Fetch>;
  readonly onListen?: (address: { readonly hostname: string; readonly port: number }) => void;
}

export interface EntryOptions {
  readonly fetch: Fetch;
  readonly maxFrameBytes: number;
  /** Called once where the program has to listen itself. */
  readonly start: () => void;
  /** Called once where the runtime listens for it. */
  readonly served: (address: Address) => void;
}

/** Why there can't be several workers, and what to do, as a sentence. */
export interface WorkersFault {
  readonly fault: string;
}

/** Everything that differs between runtimes. */
export interface Runtime {
  /** Name and version, e.g. `bun 1.4.5`. */
  readonly name: string;
  /** @throws Error with code `EADDRINUSE` when the port is taken, with another code when the host can't be used. */
  listen(options: ListenOptions, fetch: Fetch): Server;
  /** The default export of the main module. */
  entryPoint(options: EntryOptions): EntryPoint;
  /**
   * Lifts limits that the runtime reads only when the process starts, by restarting the program. Returns false when nothing has to be
   * done; otherwise never returns, or, where a process can't replace itself, returns a promise that never resolves.
   */
  liftLimits(): false | Promise<never>;
  /** The command that starts this program as a worker on a shared port, or why that is not possible. */
  readonly workerCommand: () => readonly [string, ...string[]] | WorkersFault;
  /** How much memory the process may use; null where that can't be read. Never prompts for a permission. */
  readonly memoryBytes: () => number | null;
  /** SHA-256 of a text, as 32 bytes. */
  readonly sha256: (text: string) => Uint8Array;
  /** Tells a person at a terminal what to make of what the runtime itself prints when the program listens by itself. Null: it prints nothing. */
  readonly startHint: string | null;
  /** Whether a stream is a terminal. */
  isTerminal(stream: "stdin" | "stdout" | "stderr"): boolean;
  /** Files of the working directory that the runtime itself may have loaded into the environment. */
  readonly envFiles: readonly string[];
  /** Whether a file or folder may be read without a prompt. */
  readonly mayRead: (path: string) => boolean;
  readonly write: Write;
  /** Null: this runtime sends with its own `fetch`. */
  readonly connectTcp: ConnectTcp | null;
  /** A body for `fetch`. */
  readonly bodySource: (body: Body) => Body | ReadableStream<Uint8Array>;
  readonly bodyReader: (body: ReadableStream<Uint8Array>) => BodyReader;
}
