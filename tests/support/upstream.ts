// A scripted upstream: one HTTP server on loopback that speaks Factory's endpoints in all four protocols, the same on Bun and on Deno.
// It answers what a script says (a fixture, a text, faults on demand) and records each request. Without a script it holds a small conversation
// (reply-content.ts), and refuses what a strict provider would (strict*.ts). `bun run demo` runs against it as well.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { isObject, type JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { AwakeClock } from "./awake.ts";
import { loadCase } from "./fixtures.ts";
import { parseRequest, type ParsedRequest } from "./parsed-request.ts";
import type { ProofBook } from "./proof-book.ts";
import { refuseRequest } from "./providers.ts";
import { complete, replyTo, type ReplyContent } from "./reply-content.ts";
import { errorBody, Refusal } from "./strict.ts";
import { encodeReply, type WireReply } from "./wire-reply.ts";

/** A request that the upstream got. Live: `left` and `done` change while it is being answered. */
export interface Seen {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** As text, byte for byte. */
  readonly body: string;
  /** Null for a path that is no endpoint. */
  readonly protocol: ProtocolId | null;
  /** When the request had come in, in milliseconds of `performance.now()`. */
  readonly atMs: number;
  /** When the client closed the connection before its answer was complete; null while it has not. */
  leftAtMs: number | null;
  /** How many events or pieces of the answer have been written. */
  written: number;
  /** Resolves when the connection is done with this request, however it ended. */
  readonly done: Promise<void>;
}

export interface Answer {
  /** What to say, in the endpoint's protocol, whole or streamed as the request asks. */
  readonly say?: Partial<Omit<ReplyContent, "usage">>;
  /** A fixture of the endpoint's protocol, whole or streamed as the request asks. */
  readonly fixture?: string;
  /** An error in the endpoint's shape. */
  readonly error?: { readonly status: number; readonly message: string; readonly code?: string };
  /** The body as it is. */
  readonly body?: string;
  /** A stream as it is: one piece each. */
  readonly events?: readonly string[];

  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answer whole (true) or streamed (false) whatever was asked for. */
  readonly whole?: boolean;

  /** Stop for ever: before the head, after the head, or after so many events. */
  readonly hang?: "before-head" | "after-head" | { readonly afterEvents: number };
  /** Wait after so many events until something has happened, then go on. */
  readonly hold?: { readonly afterEvents: number; readonly until: Promise<void> };
  /** Stop early, when what came before has been read: `end` closes the answer as if it were complete, `destroy` breaks the connection. */
  readonly cut?: {
    readonly after: { readonly events: number } | { readonly bytes: number };
    readonly how: "end" | "destroy";
    /** Resolves when it has. Unset: at once, or a moment later, whether or not. */
    readonly read?: Promise<void>;
  };
  /** An error event in the endpoint's shape after so many events; then the answer ends. */
  readonly fail?: { readonly afterEvents: number; readonly message: string };
  /** Milliseconds to wait before each event. */
  readonly delayMs?: number;
  /** Break the connection instead of an answer. */
  readonly reset?: boolean;
  /** One byte at a time. */
  readonly byteByByte?: boolean;
  readonly gzip?: boolean;
  /** All of the body at once, packed; `headers` says how. */
  readonly pack?: (bytes: Uint8Array) => Uint8Array;
}

/** What to answer; null leaves it to the built-in conversation. */
export type Script = (request: Seen, index: number) => Answer | null;

export interface UpstreamOptions {
  /** The bearer key that every request must carry; any other is refused with 401. Unset: nobody checks. */
  readonly key?: string;
  /** How many of the latest requests to keep. Unset: all. */
  readonly remembered?: number;
  /** Says something else than the built-in conversation, which still refuses what a strict provider would. */
  readonly converse?: Conversing;
  /** Remembers the proofs that are given out, and refuses all others. Unset: a proof is known by its vendor's mark. */
  readonly proofs?: ProofBook;
}

/** What the built-in conversation says; `serial` is the number of the request. */
type Conversing = (heard: ParsedRequest, serial: number) => ReplyContent;

export interface ScriptedUpstream {
  /** `http://127.0.0.1:<port>`, what `FACTORY_BASE_URL` is set to. */
  readonly url: string;
  /** Every request so far, unless fewer are remembered. */
  readonly requests: readonly Seen[];
  /** From now on: a function, or answers for the next requests, after which the built-in conversation goes on. */
  script(script: Script | readonly Answer[]): void;
  /** How many requests are being answered right now. */
  openConnections(): number;
  /** Closes the connections that are kept open for later. */
  closeIdle(): void;
  /** Breaks what is open and closes the port. */
  stop(): Promise<void>;
}

const ENDPOINTS: Readonly<Record<string, ProtocolId>> = {
  "/api/llm/a/v1/messages": "anthropic-messages",
  "/api/llm/a/v1/messages/count_tokens": "anthropic-messages",
  "/api/llm/o/v1/responses": "openai-responses",
  "/api/llm/o/v1/chat/completions": "openai-chat",
  "/api/llm/g/v1/generate": "gemini",
};
const COUNT_PATH = "/api/llm/a/v1/messages/count_tokens";

export async function startUpstream(options: UpstreamOptions = {}): Promise<ScriptedUpstream> {
  const requests: Seen[] = [];
  let script: Script = () => null;
  let open = 0;
  let count = 0;
  const server = createServer((incoming, outgoing) => {
    open++;
    void receive(incoming, outgoing, () => open--).then(async (seen) => {
      count++;
      requests.push(seen);
      if (requests.length > (options.remembered ?? Infinity)) requests.shift();
      await answer(seen, script(seen, count - 1), {
        outgoing,
        key: options.key ?? null,
        serial: count,
        proofs: options.proofs,
        converse: options.converse ?? replyTo,
      });
    });
  });
  // Connections stay open for later. Closed after a time, they would break a call that begins just then.
  server.keepAliveTimeout = 0;
  const url = await listen(server);
  return {
    url,
    requests,
    script(next) {
      if (typeof next === "function") {
        script = next;
        return;
      }
      const queue = [...next];
      script = () => queue.shift() ?? null;
    },
    openConnections: () => open,
    closeIdle: () => server.closeIdleConnections(),
    stop: () => stop(server),
  };
}

/**
 * An address that nobody listens on, nor will by chance: the system gives no port this low to anybody who leaves the choice to it.
 * Port 1 is one of those that Deno's fetch does not even try.
 */
export const CLOSED = "http://127.0.0.1:2";

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

// ---- Receiving ---------------------------------------------------------------------------------------------------

async function receive(incoming: IncomingMessage, outgoing: ServerResponse, closed: () => void): Promise<Seen> {
  let end: () => void = () => {};
  const done = new Promise<void>((resolve) => (end = resolve));
  // Set before the body is read: a client may leave while it is still sending.
  let leftAtMs: number | null = null;
  const seenBy: { seen: Seen | null } = { seen: null };
  outgoing.once("close", () => {
    if (!outgoing.writableFinished && !endedHere.has(outgoing)) leftAtMs = performance.now();
    if (seenBy.seen !== null) seenBy.seen.leftAtMs = leftAtMs;
    closed();
    end();
  });
  outgoing.on("error", () => {
    // The client has left; "close" says so.
  });
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Uint8Array);
  } catch {
    // The client left while sending.
  }
  const path = incoming.url ?? "/";
  const seen: Seen = {
    method: incoming.method ?? "",
    path,
    headers: Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])),
    body: Buffer.concat(chunks).toString("utf8"),
    protocol: ENDPOINTS[path.split("?")[0] ?? ""] ?? null,
    atMs: performance.now(),
    leftAtMs,
    written: 0,
    done,
  };
  seenBy.seen = seen;
  return seen;
}

/** Answers whose connection this side broke on purpose. */
const endedHere = new WeakSet<ServerResponse>();

// ---- Answering ---------------------------------------------------------------------------------------------------

interface Desk {
  readonly outgoing: ServerResponse;
  readonly key: string | null;
  readonly serial: number;
  readonly proofs: ProofBook | undefined;
  readonly converse: Conversing;
}

async function answer(seen: Seen, scripted: Answer | null, desk: Desk): Promise<void> {
  try {
    refuseKey(seen, desk);
    await deliver(seen, scripted !== null && isSaying(scripted) ? scripted : { ...converse(seen, desk), ...scripted }, desk);
  } catch (error) {
    const refusal = error instanceof Refusal ? error : new Refusal(`The scripted upstream broke: ${String(error)}`, { status: 500 });
    await deliver(seen, { status: refusal.status, body: errorBody(seen.protocol, refusal) }, desk);
  }
}

function refuseKey(seen: Seen, { key }: Desk): void {
  if (key === null || seen.headers["authorization"] === `Bearer ${key}`) return;
  throw new Refusal("Incorrect API key provided.", { status: 401, code: "invalid_api_key" });
}

/** Whether a scripted answer says what the body is, and not only how it travels. */
function isSaying({ say: said, fixture, error, body, events, hang, reset }: Answer): boolean {
  return [said, fixture, error, body, events].some((one) => one !== undefined) || hang === "before-head" || reset === true;
}

/** The conversation that goes on when nobody said otherwise. @throws Refusal as a strict provider would. */
function converse(seen: Seen, { proofs }: Desk): Answer {
  if (seen.protocol === null) throw new Refusal(`No endpoint at ${seen.path}.`, { status: 404 });
  if (seen.method !== "POST") throw new Refusal("Method not allowed.", { status: 405 });
  const body = parsed(seen);
  const isCount = seen.path.split("?")[0] === COUNT_PATH;
  refuseRequest(seen.protocol, { body, headers: seen.headers, isCount });
  proofs?.refuseUnknown(seen.protocol, body);
  return isCount ? { body: JSON.stringify({ input_tokens: seen.body.length >> 2 }) } : {};
}

function parsed(seen: Seen): JsonObject {
  try {
    const body: unknown = JSON.parse(seen.body);
    if (isObject(body)) return body;
  } catch {
    // Falls through to the refusal.
  }
  throw new Refusal("We could not parse the JSON body of your request.");
}

/** The bytes of an answer, in the pieces in which they are written. */
interface Written {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly pieces: readonly string[];
}

async function deliver(seen: Seen, answerOf: Answer, desk: Desk): Promise<void> {
  const { outgoing } = desk;
  if (answerOf.hang === "before-head") return await seen.done;
  if (answerOf.reset === true) {
    endedHere.add(outgoing);
    outgoing.destroy();
    return;
  }
  const { status, headers, pieces } = compose(seen, answerOf, desk);
  outgoing.writeHead(status, headers);
  outgoing.flushHeaders();
  if (answerOf.hang === "after-head") return await seen.done;
  const cut = answerOf.cut;
  let budget = cut !== undefined && "bytes" in cut.after ? cut.after.bytes : Infinity;
  for (const [index, piece] of pieces.entries()) {
    if (cut !== undefined && "events" in cut.after && index >= cut.after.events) break;
    if (typeof answerOf.hang === "object" && index >= answerOf.hang.afterEvents) return await seen.done;
    if (index === answerOf.hold?.afterEvents) await answerOf.hold.until;
    if (answerOf.delayMs !== undefined) await pause(answerOf.delayMs);
    if (seen.leftAtMs !== null) return;
    const pack = answerOf.gzip === true ? gzipSync : answerOf.pack;
    const whole = pack === undefined ? Buffer.from(piece, "utf8") : pack(Buffer.from(pieces.join(""), "utf8"));
    const bytes = whole.subarray(0, Math.min(whole.length, budget));
    budget -= bytes.length;
    if (answerOf.byteByByte === true) for (const byte of bytes) await write(outgoing, Uint8Array.of(byte));
    else await write(outgoing, bytes);
    seen.written++;
    if (budget <= 0 || pack !== undefined) break;
  }
  if (typeof answerOf.hang === "object") return await seen.done;
  if (cut?.read !== undefined) await Promise.race([cut.read, seen.done]);
  if (cut?.how === "destroy") {
    endedHere.add(outgoing);
    // What was written must have left before the connection breaks.
    await new AwakeClock().pause(cut.read === undefined ? 20 : 200);
    outgoing.destroy();
    return;
  }
  outgoing.end();
}

function compose(seen: Seen, answerOf: Answer, desk: Desk): Written {
  const { serial } = desk;
  const error = answerOf.error;
  if (error !== undefined) {
    const body = errorBody(seen.protocol, { status: error.status, message: error.message, param: null, code: error.code ?? null });
    return { status: error.status, headers: { "content-type": "application/json", ...answerOf.headers }, pieces: [body] };
  }
  if (answerOf.body !== undefined) return written(answerOf, "application/json", [answerOf.body]);
  if (answerOf.events !== undefined) return written(answerOf, "text/event-stream; charset=utf-8", answerOf.events);
  const protocol = seen.protocol ?? "openai-chat";
  const body = answerOf.say === undefined && answerOf.fixture === undefined ? parsed(seen) : leniently(seen);
  const heard = parseRequest(protocol, body, /[?&]alt=sse/.test(seen.path));
  const telling: WireReply =
    answerOf.fixture !== undefined
      ? tellFixture(protocol, answerOf.fixture)
      : encodeReply(
          protocol,
          answerOf.say === undefined ? desk.converse(heard, serial) : complete({ model: heard.model, ...answerOf.say }),
          {
            serial,
            includeUsage: heard.includeUsage,
          },
        );
  desk.proofs?.issue(protocol, JSON.parse(telling.whole) as JsonObject);
  const isWhole = answerOf.whole ?? !heard.stream;
  if (isWhole) return written(answerOf, "application/json", [telling.whole]);
  const fail = answerOf.fail;
  const events = fail === undefined ? telling.events : [...telling.events.slice(0, fail.afterEvents), errorEvent(protocol, fail.message)];
  return written(answerOf, "text/event-stream; charset=utf-8", events);
}

function written(answerOf: Answer, contentType: string, pieces: readonly string[]): Written {
  return {
    status: answerOf.status ?? 200,
    headers: {
      "content-type": contentType,
      "x-request-id": "req_scripted",
      ...(answerOf.gzip === true ? { "content-encoding": "gzip" } : {}),
      ...answerOf.headers,
    },
    pieces,
  };
}

function tellFixture(protocol: ProtocolId, name: string): WireReply {
  const { reply, stream } = loadCase(protocol, name);
  // A block ends with its blank line.
  return { whole: reply ?? "", events: (stream ?? "").split(/(?<=\n\n)/) };
}

/** The event with which each provider ends a stream that can't go on. */
export function errorEvent(protocol: ProtocolId, message: string): string {
  switch (protocol) {
    case "anthropic-messages":
      return `event: error\ndata: ${JSON.stringify({ type: "error", error: { type: "overloaded_error", message } })}\n\n`;
    case "openai-responses":
      return `event: error\ndata: ${JSON.stringify({ type: "error", code: "server_error", message, param: null, sequence_number: 9 })}\n\n`;
    case "openai-chat":
      return `data: ${JSON.stringify({ error: { message, type: "server_error", param: null, code: null } })}\n\n`;
    case "gemini":
      return `data: ${JSON.stringify({ error: { code: 503, message, status: "UNAVAILABLE" } })}\n\n`;
  }
}

function leniently(seen: Seen): JsonObject {
  try {
    return parsed(seen);
  } catch {
    return {};
  }
}

/** Resolves when the piece has left or the client has. */
function write(outgoing: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (outgoing.destroyed) return resolve();
    const done = (): void => {
      outgoing.off("close", done);
      resolve();
    };
    outgoing.once("close", done);
    outgoing.write(bytes, done);
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
