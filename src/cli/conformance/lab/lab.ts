// A scripted upstream for the gateway under test: it finds a case's mark in a request, and answers with that case's script.
// Knows the paths of Factory and of the providers. Never calls anybody.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import type { ProtocolId } from "../../../protocol/canonical.ts";
import { isObject, listAt, objectIn, pick, printed, textAt, type Json, type JsonObject } from "../wire.ts";
import { callOf, contentOf } from "./reply-content.ts";
import { errorOf } from "./wire-error.ts";
import { encodeReply, type WireReply } from "./wire-reply.ts";

/** A request that the lab received. */
export interface SeenRequest {
  readonly protocol: ProtocolId;
  readonly isCount: boolean;
  readonly stream: boolean;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Byte for byte. */
  readonly text: string;
  readonly body: JsonObject;
  readonly serial: number;
  /** What the lab's model says, in the protocol of the request. */
  readonly encode: (said: Parameters<typeof encodeReply>[1]) => WireReply;
  /** Resolves with the time, in milliseconds of `performance.now()`, at which the gateway closed the connection before the answer was complete. */
  readonly left: Promise<number>;
}

/** The lab's next step: sends text or bytes, waits, or breaks the connection. */
export type Step = string | Uint8Array | { readonly pauseMs: number } | typeof HANG | typeof BREAK;

export const HANG = Symbol("sends nothing more, and keeps the connection");
export const BREAK = Symbol("breaks the connection");

export interface Plan {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the head is held back; default 0. */
  readonly headAfterMs?: number;
  /** Default: none. If the first step is HANG or BREAK, not even the head is sent. */
  readonly steps: readonly Step[];
  /** Whether the head is sent even then. */
  readonly hasHead?: boolean;
}

/** A script that sends a text at once. */
export interface AnswerPlan extends Plan {
  readonly steps: readonly string[];
}

export type Script = (seen: SeenRequest) => Plan;

/** An answer, streamed where that was requested. */
export function answer(
  seen: SeenRequest,
  said: Parameters<typeof encodeReply>[1],
  headers: Readonly<Record<string, string>> = {},
): AnswerPlan {
  const told = seen.encode(said);
  return { headers: { ...typeOf(seen), ...headers }, steps: seen.stream ? told.events.map(({ text }) => text) : [told.whole] };
}

export function typeOf({ stream }: Pick<SeenRequest, "stream">): { readonly "content-type": string } {
  return { "content-type": stream ? "text/event-stream; charset=utf-8" : "application/json" };
}

/** The default script: calls the first tool that it is offered, or says a sentence. */
const BY_DEFAULT: Script = (seen) => {
  if (!hasTurns(seen)) return refusal(seen, { status: 400, message: "There are no messages." });
  if (/no-such-model/.test(textAt(seen.body, "model"))) return refusal(seen, { status: 404, message: "The lab has no such model." });
  const hasResult = /"tool_result"|"function_call_output"|"functionResponse"|"role":\s?"tool"/.test(seen.text);
  const name = toolNames(seen.body)[0];
  return answer(
    seen,
    contentOf(name === undefined || hasResult ? {} : { calls: [callOf(`call_lab${seen.serial}`, '{"location":"Paris"}', name)] }),
  );
};

export function toolNames(body: JsonObject): string[] {
  return toolsIn(body)
    .map(nameOf)
    .filter((name) => name !== "");
}

/** The first member of a tool's arguments; null: its schema names none. */
export function firstMember(body: JsonObject, name: string): string | null {
  const tool = toolsIn(body).find((one) => nameOf(one) === name);
  const properties = SCHEMAS.map((path) => pick(tool, `${path}.properties`)).find(isObject);
  return Object.keys(properties ?? {})[0] ?? null;
}
const SCHEMAS = ["input_schema", "parameters", "parametersJsonSchema", "parameters_json_schema", "function.parameters"];

function nameOf(tool: unknown): string {
  return textAt(tool, "name") || textAt(tool, "function.name");
}

function toolsIn(body: JsonObject): readonly unknown[] {
  return listAt(body, "tools").flatMap((tool) => declared(tool));
}

/** Google accepts both spellings of its names. */
function declared(tool: unknown): readonly unknown[] {
  const names = ["functionDeclarations", "function_declarations"].filter((name) => Array.isArray(pick(tool, name)));
  return names.length === 0 ? [tool] : names.flatMap((name) => listAt(tool, name));
}

const MARK = /lab-mark-(\d+)/;

export class Lab {
  readonly #scripts = new Map<string, Script>();
  readonly #seen = new Map<string, SeenRequest[]>();
  readonly #server: Server;
  #models: readonly string[] = [];
  #marks = 0;
  #serial = 0;

  constructor() {
    this.#server = createServer((incoming, outgoing) => void this.#take(incoming, outgoing));
    this.#server.keepAliveTimeout = 0;
  }

  /** Resolves to the port. Rejects with a code where it can't listen. */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** The models that it lists, for gateways that pass such requests on. */
  offer(models: readonly string[]): void {
    this.#models = models;
  }

  /** A mark for the requests of a case; where the lab finds it, it follows the script. */
  mark(script: Script | undefined): string {
    const mark = String(++this.#marks);
    if (script !== undefined) this.#scripts.set(mark, script);
    this.#seen.set(mark, []);
    return `lab-mark-${mark}`;
  }

  /** The requests with this mark so far. */
  seenOf(mark: string): readonly SeenRequest[] {
    return this.#seen.get(mark.slice("lab-mark-".length)) ?? [];
  }

  async #take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const left = new Promise<number>((resolve) => {
      outgoing.once("close", () => {
        if (!outgoing.writableFinished) resolve(performance.now());
      });
    });
    outgoing.on("error", () => {
      // The gateway has left; "close" reports it.
    });
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of incoming) if (chunk instanceof Uint8Array) chunks.push(chunk);
    } catch {
      return;
    }
    const bytes = Buffer.concat(chunks);
    const text = (incoming.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes).toString("utf8");
    const seen = this.#seenFrom(incoming, { text, left });
    const list = seen === null ? this.#listFor(incoming) : null;
    if (list !== null) return void outgoing.writeHead(200, { "content-type": "application/json" }).end(printed(list));
    if (seen === null)
      return void outgoing.writeHead(404, { "content-type": "application/json" }).end('{"error":{"message":"The lab has no such path."}}');
    // The last one: earlier ones belong to earlier turns.
    const mark = [...text.matchAll(new RegExp(MARK, "g"))].at(-1)?.[1] ?? "";
    this.#seen.get(mark)?.push(seen);
    const plan = seen.isCount ? countPlan(seen) : (this.#scripts.get(mark) ?? BY_DEFAULT)(seen);
    await perform(plan, outgoing);
  }

  /** Its models, or one of them, in the provider's format; null: the request is for something else. */
  #listFor({ method, url = "/", headers }: IncomingMessage): Json | null {
    const [, version = "", id] = /^(.*)\/models(?:\/([^?]+))?(?:\?|$)/.exec(url) ?? [];
    const ids = this.#models.filter((model) => id === undefined || model === decodeURIComponent(id));
    if (method !== "GET" || !/\/models/.test(url) || ids.length === 0) return null;
    const rows = ids.map((model) => listed(model, { isGemini: version.includes("v1beta"), isAnthropic: "anthropic-version" in headers }));
    if (id !== undefined) return rows[0] ?? null;
    return version.includes("v1beta") ? { models: rows } : { object: "list", data: rows, has_more: false };
  }

  #seenFrom(incoming: IncomingMessage, { text, left }: { readonly text: string; readonly left: Promise<number> }): SeenRequest | null {
    const url = new URL(incoming.url ?? "/", "http://lab");
    const protocol = protocolAt(url.pathname);
    if (protocol === null || incoming.method !== "POST") return null;
    const body = objectIn(text) ?? {};
    const serial = ++this.#serial;
    const model = textAt(body, "model") || (/\/models\/([^:/]+):/.exec(url.pathname)?.[1] ?? "lab");
    const includeUsage = pick(body, "stream_options.include_usage") === true;
    return {
      protocol,
      isCount: /count_tokens$|input_tokens$|:countTokens$/.test(url.pathname),
      stream: protocol === "gemini" ? isGeminiStream(url, incoming.headers.accept ?? "") : body["stream"] === true,
      headers: Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])),
      text,
      body,
      serial,
      encode: (said) => encodeReply(protocol, said, { model, serial, includeUsage }),
      left,
    };
  }
}

function listed(id: string, { isGemini, isAnthropic }: { readonly isGemini: boolean; readonly isAnthropic: boolean }): JsonObject {
  if (isGemini) return { name: `models/${id}`, displayName: id, supportedGenerationMethods: ["generateContent", "countTokens"] };
  if (isAnthropic) return { type: "model", id, display_name: id, created_at: "2026-01-01T00:00:00Z" };
  return { id, object: "model", created: 1_767_225_600, owned_by: "lab" };
}

function protocolAt(path: string): ProtocolId | null {
  if (path.endsWith("/chat/completions")) return "openai-chat";
  if (/\/responses(?:\/input_tokens)?$/.test(path)) return "openai-responses";
  if (/\/messages(?:\/count_tokens)?$/.test(path)) return "anthropic-messages";
  return /\/generate$|:(?:stream)?[gG]enerateContent$|:countTokens$/.test(path) ? "gemini" : null;
}

/** Factory's path is the same in both cases. */
function isGeminiStream({ pathname, searchParams }: URL, accept: string): boolean {
  if (pathname.endsWith("/generate")) return accept.includes("text/event-stream");
  return searchParams.get("alt") === "sse" || pathname.includes(":stream");
}

/** Like a provider: nothing to answer. */
function hasTurns({ body }: SeenRequest): boolean {
  return ["messages", "input", "contents"].some((name) => name in body);
}

function countPlan({ protocol }: SeenRequest): Plan {
  const body = protocol === "gemini" ? { totalTokens: 42 } : { input_tokens: 42, object: "response.input_tokens" };
  return { headers: { "content-type": "application/json" }, steps: [JSON.stringify(body)] };
}

/** An error in the format of the provider that the request is meant for. */
export function refusal(seen: SeenRequest, refused: Parameters<typeof errorOf>[1], headers: Readonly<Record<string, string>> = {}): Plan {
  return {
    status: refused.status,
    headers: { "content-type": "application/json", ...headers },
    steps: [printed(errorOf(seen.protocol, refused))],
  };
}

/** Gives written bytes a moment to leave before the connection breaks. */
const BREAK_MS = 30;

async function perform(
  { status = 200, headers = {}, headAfterMs = 0, steps, hasHead = false }: Plan,
  outgoing: ServerResponse,
): Promise<void> {
  if (headAfterMs > 0) await pause(headAfterMs);
  const [first] = steps;
  if (first === HANG && !hasHead) return;
  if (first === BREAK && !hasHead) return void outgoing.destroy();
  outgoing.writeHead(status, headers);
  outgoing.flushHeaders();
  for (const step of steps) {
    if (outgoing.destroyed) return;
    if (step === HANG) return;
    if (step === BREAK) {
      await pause(BREAK_MS);
      return void outgoing.destroy();
    }
    if (typeof step === "object" && "pauseMs" in step) await pause(step.pauseMs);
    else await write(outgoing, step);
  }
  outgoing.end();
}

function write(outgoing: ServerResponse, bytes: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => void outgoing.write(bytes, () => resolve()));
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
