// What the program asks of the outside world, as types: a runtime supplies them, a test scripts them.
// Never holds code.

/** What a runtime knows of the connection that a request came over. */
export interface Connection {
  /** The IP address at its other end; null where there is none. */
  address(): string | null;
  /** Aborted when the client leaves. Absent: the request's own signal says so. */
  readonly signal?: AbortSignal;
  /** Makes the body of an answer that goes out over it. Absent: a plain web stream. */
  readonly body?: BodyMaker;
  /** Makes a WebSocket of it; what comes back is the answer to the request. Null: the request is no handshake of a WebSocket. */
  upgrade(listener: SocketListener): Response | null;
}

/** How the process stands. */
export interface ProcessFigures {
  readonly residentBytes: number;
  /** CPU time since it began. */
  readonly cpuSeconds: number;
  /** Log lines that were lost since then, because nobody took them. */
  readonly logLinesLost: number;
}

/** The program as one function. Never rejects. Without a connection no request becomes a WebSocket. */
export type Fetch = (request: Request, connection?: Connection) => Response | Promise<Response>;

/** The server's end of a WebSocket. What is sent through one that is closed is lost without a word. */
export interface Socket {
  /** Sends a text frame. Wait for the promise, where there is one, before the next: the client does not keep up. */
  send(text: string): Promise<void> | undefined;
  /** Closes it behind all that was sent. */
  close(code: number, reason: string): void;
}

/** Is told what happens on a WebSocket. */
export interface SocketListener {
  /** First, and once. */
  opened(socket: Socket): void;
  text(text: string): void;
  /** A frame that is no text; what it holds nobody asked for. */
  binary(): void;
  /** Last, and once, whoever closed it. */
  closed(): void;
}

/** Calls back once after `ms` milliseconds. Returns what takes it back; calling that later does nothing. */
export type After = (ms: number, callback: () => void) => () => void;

/**
 * Writes to standard output, and resolves to how many bytes were written, which may be fewer. The event loop goes on while nobody reads, and
 * the process can still end. One write at a time.
 */
export type Write = (bytes: Uint8Array) => Promise<number>;

/** Reads a body piece by piece. One read at a time. */
export interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  /**
   * Reads without a promise for each piece: what is there already, undefined at the end, null where the waiter is told later, once. Throws what
   * `read` rejects with. Absent: `read` is all there is.
   */
  poll?(waiter: ReadWaiter): Uint8Array | null | undefined;
  /** Lets go of the rest. */
  cancel(reason?: unknown): Promise<void>;
}

/** Waits for the next piece of a body. Neither may throw. */
export interface ReadWaiter {
  /** Undefined: the body has ended. */
  came(piece: Uint8Array | undefined): void;
  broke(error: unknown): void;
}

/** Where the bytes of a body go. */
export interface BodyWriter {
  write(bytes: Uint8Array): void;
  /** Whether the client has enough for now. */
  readonly isFull: boolean;
  /** The body is complete. */
  close(): void;
  /** Breaks the connection off: the body is not complete. */
  fail(error: unknown): void;
}

/** What writes a body. */
export interface BodyFlow {
  /** First, and once; never where the client has left before. */
  start(writer: BodyWriter): void;
  /** Writes until the client has enough, or the body is over. Never rejects. One at a time. */
  flow(): Promise<void>;
  /** The client has left. */
  cancel(reason?: unknown): Promise<void>;
}

/** Makes a body in the way that suits the runtime. */
export type BodyMaker = (flow: BodyFlow) => ReadableStream<Uint8Array>;

/**
 * The body as it was before it was packed. Its `read` throws what the source throws, and an error of its own where the bytes are not of that
 * encoding. Null: this runtime does not know the encoding.
 */
export type Unpack = (encoding: string, source: BodyReader, options: UnpackOptions) => BodyReader | null;

export interface UnpackOptions {
  /** How much the reader will take: an encoding that asks for much more memory than that is refused. */
  readonly maxBytes: number;
}

/** The other processes on the same port. What is asked and answered has to be JSON. */
export interface Peers {
  /** This process among them, from 1. */
  readonly index: number;
  /** What each of the others answers. One that says nothing within a moment is left out. Never rejects. */
  ask(question: Question): Promise<readonly unknown[]>;
  /** Says how this process answers questions about something. One at which it throws stays unanswered. */
  answers(about: string, how: (question: Question) => unknown): void;
}

export interface Question {
  readonly about: string;
  readonly [detail: string]: unknown;
}

/** What a request is sent with. */
export type Body = string | Uint8Array<ArrayBuffer>;

/** A POST to an upstream. */
export interface HttpRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

/** The body of an answer; one that has none is over at once. */
export interface HttpBody extends BodyReader {
  /** All of it, where nothing has been read of it. */
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
  /** Closes the connection at once. Once the answer is complete that does nothing. Never rejects. */
  cancel(): Promise<void>;
}

/** Sends a POST. Asks `connected`, once there is a connection and before a byte of it goes out, whether it may. */
export type Send = (request: HttpRequest, connected: () => boolean) => HttpCall;

/** A connection to an upstream, as the runtime has it. */
export interface TcpSocket {
  /** How many of the bytes were taken; the others may come again at `drained`. Below 0: it is closed. */
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  /** At once. */
  terminate(): void;
  /** Whether it keeps the process from its end. */
  ref(): void;
  unref(): void;
}

/** Is told what happens on a connection. */
export interface TcpEvents {
  /** It can be closed from now on. */
  opened(socket: TcpSocket): void;
  /** Bytes can be sent: over TLS, whoever is at the other end has proven to be who it should be. */
  ready(): void;
  /** The bytes belong to whoever gets them. */
  received(bytes: Uint8Array): void;
  drained(): void;
  /** Last, whether or not it was ever open. Null: it ended in order. */
  closed(error: SocketError | null): void;
}

export interface SocketError extends Error {
  /** Of the system or of TLS, e.g. `ECONNREFUSED`. */
  readonly code?: string;
}

export interface TcpAddress {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Over TLS, with a certificate that is checked against the host. */
  readonly isSecure: boolean;
}

/** Connects to whichever of the host's addresses takes it. What it returns takes that back as long as nothing was `opened`. */
export type ConnectTcp = (address: TcpAddress, events: TcpEvents) => () => void;

/** Where a server listens. */
export interface Address {
  readonly host: string;
  /** When listening, 0 is any free one. */
  readonly port: number;
}

/** What connections may take; a runtime that can't keep to it says so in README.md. */
export interface ConnectionLimits {
  /** How long one may take, in milliseconds, for the head of its next request; null is no limit. */
  readonly headTimeoutMs: number | null;
  /** How many may be open at once; null is no limit. One that waits for a request makes room, one with a running answer never. */
  readonly maxConnections: number | null;
}

export interface ListenOptions extends Address, ConnectionLimits {
  /** A WebSocket whose client sends a larger frame is closed with 1009. */
  readonly maxFrameBytes: number;
  /** Whether other processes listen on the same port, each for its part of the connections. On Linux only. */
  readonly isShared?: boolean;
}

export interface Server {
  readonly port: number;
  /** Accepts nothing new; resolves when running answers have ended. */
  drain(): Promise<void>;
}

/** What a runtime that serves a module by itself (`deno serve`, Deno Deploy, an importing program) takes as default export. */
export interface EntryPoint {
  /** Runtimes tell it more than a request, each in its own way. */
  readonly fetch?: (request: Request, ...more: never[]) => ReturnType<Fetch>;
  readonly onListen?: (address: { readonly hostname: string; readonly port: number }) => void;
}

export interface EntryOptions {
  readonly fetch: Fetch;
  readonly maxFrameBytes: number;
  /** Called once where the program has to listen by itself. */
  readonly start: () => void;
  /** Called once where the runtime listens for it. */
  readonly served: (address: Address) => void;
}

/** Why there can't be several workers, and what to do: a sentence. */
export interface WorkersFault {
  readonly fault: string;
}

/** Everything in which runtimes differ. */
export interface Runtime {
  /** Name and version, e.g. `bun 1.4.5`. */
  readonly name: string;
  /** Listens. @throws Error with code `EADDRINUSE` when the port is taken, with another code when the host can't be used. */
  listen(options: ListenOptions, fetch: Fetch): Server;
  /** The default export of the module that the process was started with. */
  entryPoint(options: EntryOptions): EntryPoint;
  /**
   * Lifts limits that the runtime reads only when the process starts, by starting the program again. Returns false when nothing has to be
   * done; otherwise never returns, or, where a process can't replace itself, returns a promise that never resolves.
   */
  liftLimits(): false | Promise<never>;
  /** The command line by which this program starts itself again as a worker that shares its port, or why that can't be done. */
  readonly workerCommand: () => readonly [string, ...string[]] | WorkersFault;
  /** How much memory the process may use; null where it may not ask. Never asks a person for permission. */
  readonly memoryBytes: () => number | null;
  /** SHA-256 of a text, as 32 bytes. */
  readonly sha256: (text: string) => Uint8Array;
  /** Whether a person reads what the program prints, or types what it reads. */
  isTerminal(stream: "stdin" | "stdout" | "stderr"): boolean;
  /** Whether the runtime itself puts into the environment what `.env` of the working directory says. */
  readonly loadsEnvFile: boolean;
  /** Whether a file or folder may be read without anybody being asked. */
  readonly mayRead: (path: string) => boolean;
  readonly write: Write;
  /** Null: its own `fetch` is what this runtime sends with. */
  readonly connectTcp: ConnectTcp | null;
  /** A body as `fetch` sends it. */
  readonly bodySource: (body: Body) => Body | ReadableStream<Uint8Array>;
  readonly bodyReader: (body: ReadableStream<Uint8Array>) => BodyReader;
}
