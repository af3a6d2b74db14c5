// Whatever comes in, from either side: each route answers in its own shape, nothing breaks, nothing hangs.
// Bodies of clients and answers of upstreams are those of the fixtures and recordings, mutated. `FUZZ_RUNS=<number>` tries more of them,
// `FUZZ_SEED=<number>` others. A failure prints its seed and path, and the smallest mutation that still fails.

import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { CALLS } from "../src/http/routes.ts";
import { compose, type Program } from "../src/program.ts";
import { runtime } from "../src/runtime/runtime.ts";
import type { SocketListener } from "../src/runtime/ports.ts";
import { unpack } from "../src/runtime/unpack.ts";
import { readConfig } from "../src/config/config.ts";
import { Redactor } from "../src/telemetry/redaction.ts";
import { isObject, type JsonObject } from "../src/wire/json.ts";
import type { ProtocolId } from "../src/protocol/canonical.ts";
import { CODECS } from "../src/protocol/codecs.ts";
import { loadCases, PROTOCOLS, type Case } from "./support/fixtures.ts";
import { asSse, framesIn } from "./support/frames.ts";
import { until } from "./support/gateway.ts";
import { exchangeFor, isTerminal, sseEvents } from "./support/laws.ts";
import { byteMutation, eventMutation, joined, mutateBytes, mutateJson, mutateStream, valueMutation } from "./support/mutations.ts";
import type { SseEvent } from "../src/wire/sse.ts";
import { complete } from "./support/reply-content.ts";
import { encodeReply, type WireReply } from "./support/wire-reply.ts";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 5);
const SEED = Number(process.env["FUZZ_SEED"] ?? 20_261_122);
const SETTINGS = { seed: SEED, numRuns: RUNS };

// ---- The program under test --------------------------------------------------------------------------------------

const HOST = "http://upstream.test";
const ENDPOINTS: Readonly<Record<string, ProtocolId | "count">> = {
  "/api/llm/a/v1/messages": "anthropic-messages",
  "/api/llm/a/v1/messages/count_tokens": "count",
  "/api/llm/o/v1/responses": "openai-responses",
  "/api/llm/o/v1/chat/completions": "openai-chat",
  "/api/llm/g/v1/generate": "gemini",
};
const MODELS: Readonly<Record<ProtocolId, string>> = {
  "openai-chat": "glm-5.2",
  "openai-responses": "gpt-5.5",
  "anthropic-messages": "claude-sonnet-5",
  gemini: "gemini-2.5-pro",
};

interface Sent {
  readonly url: string;
  readonly body: string;
}

/** What Bedrock's clients get where others get events. */
const FRAMED = "application/vnd.amazon.eventstream";

interface Seen {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  /** Whether the answer is an estimate, for which nobody is asked. */
  readonly isEstimated: boolean;
  readonly sent: readonly Sent[];
  readonly lines: readonly JsonObject[];
}

/** What an upstream answers; null: a good answer in the endpoint's protocol, whole or streamed as was asked. */
type Upstream = (() => Response) | null;

/** One call through the whole program, with its own log and its own upstream. `exchange` is how the client speaks with the program. */
async function call(request: Request, upstream: Upstream = null, exchange: Exchanging = overHttp): Promise<Seen> {
  const sent: Sent[] = [];
  const lines: JsonObject[] = [];
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const program = compose(
    CONFIG,
    {
      fetch: (url, init) => {
        const body = String(init.body);
        sent.push({ url, body });
        return Promise.resolve(upstream === null ? goodAnswer(url, body) : upstream());
      },
      after(ms, callback) {
        const timer = setTimeout(() => {
          timers.delete(timer);
          callback();
        }, ms);
        timers.add(timer);
        return () => {
          timers.delete(timer);
          clearTimeout(timer);
        };
      },
      now: Date.now,
      monotonic: () => performance.now(),
      random: () => 0.5,
      newId: () => "6f1c2f3e-0000-4000-8000-000000000000",
      sha256: runtime.sha256,
      unpack,
      sink: (line) => lines.push(JSON.parse(line) as JsonObject),
      logFormat: "json",
    },
    { version: "0", runtime: "fuzz" },
  );
  const { response, text } = await exchange(program, request);
  const type = response.headers.get("content-type") ?? "";
  // What is left of an upstream's answer may be let go a moment after the client has got the end.
  await until(() => timers.size === 0, "the last timer to be taken back");
  const { status, headers } = response;
  return { status, type, text, isEstimated: headers.has("x-factory-proxy-estimated"), sent, lines };
}

type Exchanging = (program: Program, request: Request) => Promise<{ readonly response: Response; readonly text: string }>;

const overHttp: Exchanging = async (program, request) => {
  const response = await program.fetch(request);
  const isFramed = response.headers.get("content-type") === FRAMED;
  const text = isFramed ? asSse(framesIn(new Uint8Array(await response.arrayBuffer()))) : await response.text();
  return { response, text };
};

/** The body as a frame of a WebSocket; the text is the frames that come back, a line each. */
const overSocket: Exchanging = async (program, request) => {
  const frames: string[] = [];
  const frame = await request.text();
  const headers = { upgrade: "websocket", authorization: "Bearer fuzz-client-key" };
  const upgrade = (listener: SocketListener): Response => {
    listener.opened({ send: (text) => void frames.push(text.replaceAll("\n", " ")), close: () => listener.closed() });
    listener.text(frame);
    return new Response();
  };
  const response = await program.fetch(new Request(request.url, { headers }), { address: () => null, upgrade });
  await until(() => frames.some(isLastFrame), "the last frame");
  return { response, text: frames.join("\n") };
};

/** Whether a client of a WebSocket, which stays open, knows by this frame that nothing more will come. */
function isLastFrame(text: string): boolean {
  const frame = parsed(text);
  if (!isObject(frame)) return false;
  if (frame["type"] === "error") return typeof frame["status"] === "number";
  return ["response.completed", "response.incomplete", "response.failed"].includes(String(frame["type"]));
}

const CONFIG = readConfig({
  environment: {
    FACTORY_BASE_URL: HOST,
    FACTORY_API_KEY: "fk-fuzz-factory-key",
    PROXY_API_KEY: "fuzz-client-key",
    RETRIES: "0",
    QUOTA_INTERVAL: "0",
  },
  arguments: [],
  file: () => null,
  redactor: new Redactor([]),
});

const SAID = Object.fromEntries(
  PROTOCOLS.map((protocol) => [
    protocol,
    encodeReply(protocol, complete({ model: MODELS[protocol], text: "Well-said." }), { serial: 1, includeUsage: true }),
  ]),
) as Record<ProtocolId, WireReply>;

function goodAnswer(url: string, body: string): Response {
  const protocol = ENDPOINTS[new URL(url).pathname];
  if (protocol === undefined) return new Response("no endpoint", { status: 404 });
  if (protocol === "count") return new Response('{"input_tokens":7}', { headers: { "content-type": "application/json" } });
  const isStream = isObject(parsed(body)) && (parsed(body) as JsonObject)["stream"] === true;
  return new Response(isStream ? SAID[protocol].events.join("") : SAID[protocol].whole, {
    headers: { "content-type": isStream ? "text/event-stream" : "application/json" },
  });
}

/** Without the time, and without what an error has on a WebSocket alone. */
function common(event: string): string {
  return event.replaceAll(/"created_at":\d+/g, "").replace(/,"status":\d{3}\}$/, "}");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function requestTo(path: string, body: BodyInit, headers: Readonly<Record<string, string>> = {}): Request {
  return new Request(`http://gateway.test${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers, authorization: "Bearer fuzz-client-key" },
    body,
  });
}

// ---- What must be true -------------------------------------------------------------------------------------------

type Shape = ProtocolId | "bedrock";

function shapeOf({ protocol, form }: (typeof CALLS)[number]): Shape {
  return form ?? protocol;
}

/** An error in the shape that the protocol's clients read. */
function assertErrorShape(protocol: Shape, { status, text }: Seen): void {
  const body = parsed(text);
  if (protocol === "bedrock") return assert.ok(isObject(body) && typeof body["message"] === "string", text);
  const error = isObject(body) && isObject(body["error"]) ? body["error"] : {};
  assert.equal(typeof error["message"], "string", `an error of ${protocol}: ${text}`);
  if (protocol === "gemini") assert.deepEqual([error["code"], typeof error["status"]], [status, "string"], text);
  else assert.equal(typeof error["type"], "string", text);
  if (protocol === "anthropic-messages") assert.equal((body as JsonObject)["type"], "error", text);
}

function assertLog({ lines }: Seen): void {
  const requests = lines.filter((line) => line["event"] === "request");
  assert.equal(requests.length, 1, "one line for one call");
  assert.notEqual(requests[0]?.["error"], "internal", JSON.stringify(requests[0]));
}

/** Either the client is told what is wrong, or the upstream gets a call that makes sense and the client its answer. */
function assertAnswered(protocol: Shape, seen: Seen): void {
  assertLog(seen);
  if (seen.status !== 200) {
    assert.ok(seen.status >= 400 && seen.status < 500, `${seen.status} ${seen.text}`);
    assert.deepEqual(seen.sent, [], "what is refused is not sent");
    return assertErrorShape(protocol, seen);
  }
  if (seen.isEstimated) return assert.deepEqual(seen.sent, [], "nobody is asked for an estimate");
  assert.equal(seen.sent.length, 1);
  const [{ url, body } = { url: "", body: "" }] = seen.sent;
  assert.ok(ENDPOINTS[url.slice(HOST.length)] !== undefined && url.startsWith(HOST), url);
  const value = parsed(body);
  assert.ok(isObject(value) && typeof value["model"] === "string" && value["model"] !== "", body.slice(0, 500));
  assert.match(seen.text.slice(0, 100_000), /Well-said\.|input_tokens|"totalTokens"/);
}

// ---- Requests ----------------------------------------------------------------------------------------------------

const { cases } = loadCases();
const SMALL = '{"model":"glm-5.2","messages":[{"role":"user","content":"Hello"}],"max_tokens":10}';

function bodiesOf(protocol: ProtocolId): Case[] {
  return cases.filter((one) => one.protocol === protocol && one.request !== null);
}

function pathFor(route: (typeof CALLS)[number], one: Case, { isCount = false } = {}): string {
  const rest =
    route.protocol === "gemini"
      ? `${MODELS.gemini}:${isCount ? "countTokens" : one.request?.path?.stream === true ? "streamGenerateContent" : "generateContent"}`
      : "v1";
  return route.path.replace("*", rest).replace(":model", MODELS["anthropic-messages"]);
}

for (const route of CALLS) {
  const bodies = bodiesOf(route.protocol);
  const someCase = fc.nat(bodies.length - 1).map((index) => bodies[index] as Case);
  const model = fc.constantFrom(
    ...(route.endpoint === null || route.endpoint === "count-tokens" ? Object.values(MODELS) : [MODELS["anthropic-messages"]]),
  );

  test(`POST ${route.path}: a body with changed values gets an answer or an error of its protocol`, () =>
    fc.assert(
      fc.asyncProperty(someCase, model, fc.array(valueMutation, { minLength: 1, maxLength: 4 }), async (one, name, mutations) => {
        const { body = SMALL, headers } = one.request ?? {};
        const path = pathFor(route, one, { isCount: mutations.length === 1 }).replace(MODELS.gemini, name);
        const asked = route.protocol === "gemini" ? body : JSON.stringify({ ...(JSON.parse(body) as object), model: name });
        assertAnswered(shapeOf(route), await call(requestTo(path, mutateJson(asked, mutations), headers)));
      }),
      SETTINGS,
    ));

  test(`POST ${route.path}: a body with changed bytes gets an answer or an error of its protocol`, () =>
    fc.assert(
      fc.asyncProperty(someCase, fc.array(byteMutation, { minLength: 1, maxLength: 4 }), async (one, mutations) => {
        const { body = SMALL, headers } = one.request ?? {};
        const bytes = mutateBytes(new TextEncoder().encode(body), mutations);
        assertAnswered(shapeOf(route), await call(requestTo(pathFor(route, one), bytes as Uint8Array<ArrayBuffer>, headers)));
      }),
      SETTINGS,
    ));
}

const PACKERS: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};

for (const [encoding, pack] of Object.entries(PACKERS)) {
  const someRoute = fc.constantFrom(...CALLS.filter(({ endpoint }) => endpoint === null));

  test(`a body packed by ${encoding}, with changed bytes, gets an answer or an error of its protocol`, () =>
    fc.assert(
      fc.asyncProperty(someRoute, fc.nat(), fc.array(byteMutation, { maxLength: 3 }), async (route, index, mutations) => {
        const bodies = bodiesOf(route.protocol);
        const one = bodies[index % bodies.length] as Case;
        const { body = SMALL, headers } = one.request ?? {};
        const bytes = mutateBytes(pack(new TextEncoder().encode(body)), mutations);
        const request = requestTo(pathFor(route, one), bytes as Uint8Array<ArrayBuffer>, { ...headers, "content-encoding": encoding });
        const seen = await call(request);
        assertAnswered(shapeOf(route), seen);
        if (mutations.length === 0) assert.equal(seen.text, (await call(requestTo(pathFor(route, one), body, headers))).text);
      }),
      SETTINGS,
    ));
}

test("WebSocket /v1/responses: a frame with changed values or bytes gets an answer, or one error", () =>
  fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...bodiesOf("openai-responses")),
      fc.constantFrom(...Object.values(MODELS)),
      fc.array(valueMutation, { maxLength: 3 }),
      fc.array(byteMutation, { maxLength: 2 }),
      async (one, model, mutations, byteMutations) => {
        const { body = SMALL } = one.request ?? {};
        const frame = mutateJson(JSON.stringify({ type: "response.create", ...(JSON.parse(body) as object), model }), mutations);
        const bytes = mutateBytes(new TextEncoder().encode(frame), byteMutations);
        // What is no UTF-8 never gets here: the runtime closes such a socket.
        const seen = await call(requestTo("/v1/responses", new TextDecoder().decode(bytes)), null, overSocket);
        assertLog(seen);
        const frames = seen.text.split("\n");
        assert.deepEqual(
          frames.map(isLastFrame),
          frames.map((_, index) => index === frames.length - 1),
        );
        if (frames.length === 1) assert.deepEqual(seen.sent, [], "what is refused is not sent");
        else assert.ok(seen.text.includes("Well-said.") || seen.sent.length === 0, seen.text.slice(0, 500));
      },
    ),
    SETTINGS,
  ));

const ODD_BODIES: Readonly<Record<string, string>> = {
  nothing: "",
  "white space": " \n\t",
  "half a million brackets": "[".repeat(500_000),
  "half a million braces": '{"a":'.repeat(500_000),
  "a bare number": "7",
  "a number of 100,000 digits": `{"model":"glm-5.2","max_tokens":${"9".repeat(100_000)},"messages":[{"role":"user","content":"Hello"}]}`,
  "a key of 100,000 characters": `{"model":"glm-5.2","${"k".repeat(100_000)}":1,"messages":[{"role":"user","content":"Hello"}]}`,
  "10,000 members": `{"model":"glm-5.2",${Array.from({ length: 10_000 }, (_, index) => `"m${index}":0`).join(",")}}`,
  "10,000 messages": `{"model":"glm-5.2","messages":[${Array.from({ length: 10_000 }, () => "{}").join(",")}]}`,
  "a million values": `{"model":"glm-5.2","messages":[${"0,".repeat(1_000_000)}0]}`,
  "the model twice": '{"model":"glm-5.2","model":"gpt-5.5","messages":[]}',
  "a model of 10,000 characters": `{"model":"${"m".repeat(10_000)}","messages":[{"role":"user","content":"Hello"}]}`,
  "a model that is a path": '{"model":"../../etc/passwd","messages":[{"role":"user","content":"Hello"}],"max_tokens":9}',
  "a model with line ends": '{"model":"glm\\r\\nx-injected: 1","messages":[{"role":"user","content":"Hello"}]}',
};

for (const [name, body] of Object.entries(ODD_BODIES)) {
  test(`every route answers ${name}`, async () => {
    for (const route of CALLS) assertAnswered(shapeOf(route), await call(requestTo(pathFor(route, cases[0] as Case), body)));
  });
}

const PATH_PIECES = [
  "/v1",
  "/v1beta",
  "/models",
  "/glm-5.2",
  "/gemini-2.5-pro",
  ":generateContent",
  ":streamGenerateContent",
  ":countTokens",
  "/responses/input_tokens",
  "/compact",
  "/..",
  "/%2e%2e",
  "%",
  "%E0%A4%A",
  "/v1beta/models/%E0%A4%A:generateContent",
  "%00",
  "%2f",
  "//",
  "/explain",
  "/messages",
  "/chat/completions",
  "/openai",
  "/anthropic",
  "/bedrock",
  "?alt=sse",
  "?key=x",
  "?alt=%ZZ",
  "#x",
  "/\u{1f30a}",
  "/@upstream.test",
  "/http://evil.test",
];

for (const [path, status] of [
  ["/v1beta/models/%E0%A4%A:generateContent", 404],
  ["/v1/models/%:streamGenerateContent", 404],
  ["/explain/v1beta/models/%ff:generateContent", 404],
  ["/v1beta/models/a%00b:generateContent", 404],
] as const) {
  test(`POST ${path}: escapes that are none are ${status}`, async () => {
    const seen = await call(requestTo(path, SMALL));
    assert.equal(seen.status, status, seen.text);
    assertAnswered("gemini", seen);
  });
}

test("every path gets an answer or an error of some protocol", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...PATH_PIECES), { minLength: 1, maxLength: 6 }),
      fc.constantFrom("POST", "GET", "PUT", "DELETE", "OPTIONS", "HEAD"),
      async (pieces, method) => {
        const path = `/${pieces.join("")}`.replace("/%2e%2e", "/%252e");
        if (!URL.canParse(`http://gateway.test${path}`)) return;
        const hasBody = method === "POST" || method === "PUT";
        const request = new Request(`http://gateway.test${path}`, {
          method,
          headers: { authorization: "Bearer fuzz-client-key" },
          ...(hasBody ? { body: SMALL } : {}),
        });
        const seen = await call(request);
        assert.ok(seen.status < 500, `${method} ${path}: ${seen.status} ${seen.text}`);
        for (const line of seen.lines) assert.notEqual(line["error"], "internal", JSON.stringify(line));
        for (const { url } of seen.sent) assert.ok(url.startsWith(`${HOST}/api/llm/`), url);
      },
    ),
    { ...SETTINGS, numRuns: RUNS * 10 },
  ));

// ---- Answers -----------------------------------------------------------------------------------------------------

/** How a client wants its answer; only Gemini's clients know arrays. */
type Manner = "stream" | "array" | "whole";

/** Smallest requests, whose answers the upstream then spoils. */
function ask(client: ProtocolId, { model, manner }: { readonly model: string; readonly manner: Manner }): Request {
  const stream = manner !== "whole";
  switch (client) {
    case "openai-chat":
      return requestTo("/v1/chat/completions", JSON.stringify({ model, stream, messages: [{ role: "user", content: "Hello" }] }));
    case "openai-responses":
      return requestTo("/v1/responses", JSON.stringify({ model, stream, input: "Hello" }));
    case "anthropic-messages":
      return requestTo("/v1/messages", JSON.stringify({ model, stream, max_tokens: 99, messages: [{ role: "user", content: "Hello" }] }));
    case "gemini":
      return requestTo(`/v1beta/models/${model}:${GEMINI_METHODS[manner]}`, JSON.stringify({ contents: [{ parts: [{ text: "Hello" }] }] }));
  }
}

const GEMINI_METHODS: Readonly<Record<Manner, string>> = {
  stream: "streamGenerateContent?alt=sse",
  array: "streamGenerateContent",
  whole: "generateContent",
};

/** The items of a JSON array as the events that they would have been. */
function asEvents(text: string): string {
  return (JSON.parse(text) as unknown[]).map((item) => `data: ${JSON.stringify(item)}\n\n`).join("");
}

function inChunks(bytes: Uint8Array, sizes: readonly number[]): ReadableStream<Uint8Array> {
  let at = 0;
  let turn = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      const size = sizes[turn++ % sizes.length] ?? bytes.length;
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  });
}

/** A stream that the client got: over in one way, and only once. */
function assertOneEnd(client: ProtocolId, text: string): void {
  const events = sseEvents(text);
  const decoder = CODECS[client].reply.decoder(exchangeFor(CODECS[client], null));
  const decoded = events.flatMap((event) => [...decoder.step(event)]).concat([...decoder.end()]);
  const ends = decoded.filter(({ type }) => type === "reply-end" || type === "reply-error");
  assert.equal(ends.length, 1, `ends of the client's stream: ${JSON.stringify(ends)}`);
  // Responses says a failure twice, as the API does.
  const isEcho = ({ event }: SseEvent): boolean => client === "openai-responses" && event === "response.failed";
  const terminals = events.filter((event) => !isEcho(event) && (isTerminal(client, event) || isErrorEvent(event)));
  assert.equal(terminals.length, 1, text.slice(-1500));
}

/** A whole answer that the client can read. What Gemini has finish reasons for (no answer, a call that is none) may be said by them. */
function assertWhole(client: ProtocolId, text: string): void {
  try {
    CODECS[client].reply.decode(text, exchangeFor(CODECS[client], null));
  } catch (error) {
    assert.ok(error instanceof Error && client === "gemini", String(error));
    assert.match(error.message, /^The model could not finish its answer/);
  }
}

function isErrorEvent({ event, data }: SseEvent): boolean {
  const value = parsed(data);
  return event !== "error" && isObject(value) && isObject(value["error"]) && value["type"] === undefined;
}

/** Whole answers that are none. */
const NO_ANSWERS: readonly string[] = [
  "",
  "null",
  "7",
  '"text"',
  "[]",
  "{}",
  '{"toString":1,"valueOf":2,"constructor":{},"hasOwnProperty":null}',
  '{"__proto__":{"content":[],"choices":[],"output":[],"candidates":[]}}',
  '{"error":{"toString":1,"type":"constructor","code":"toString","message":{"toString":1},"status":"__proto__"}}',
  "[".repeat(100_000),
];

test("an answer that is none is an error, and leaves its line in the log", async () => {
  for (const upstream of PROTOCOLS) {
    for (const client of PROTOCOLS) {
      for (const body of NO_ANSWERS) {
        const seen = await call(ask(client, { model: MODELS[upstream], manner: "whole" }), () => new Response(body));
        assertLog(seen);
        assert.notEqual(seen.lines.find(({ event }) => event === "request")?.["error"], undefined, `${upstream} -> ${client}: ${body}`);
        if (client !== upstream) assertErrorShape(client, seen);
      }
    }
  }
});

const ERROR_BODIES: readonly string[] = [
  ...cases.flatMap(({ error }) => (error === null ? [] : [error.body])),
  '{"error":{"message":"No.","type":"invalid_request_error","param":"model","code":"bad","details":[{"@type":"x"}],"status":"INVALID_ARGUMENT"}}',
  '{"type":"error","error":{"type":"overloaded_error","message":"No.","details":{"error_code":"x"}},"request_id":"req_1"}',
  '[{"error":{"code":429,"message":"No.","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"3s"}]}}]',
  '{"detail":"No.","message":["No."],"error":"No."}',
  "<html>No.</html>",
  "",
];
const ODD_HEADERS: readonly Readonly<Record<string, string>>[] = [
  {},
  { "retry-after": "-1", "content-type": "text/html" },
  { "retry-after": "soon", "retry-after-ms": "NaN" },
  { "retry-after": "1e999", "retry-after-ms": "1e999" },
  { "retry-after": "Thu, 32 Foo 2026 99:99:99 GMT", "x-should-retry": "perhaps" },
  { "request-id": "\u00e4\u00ff", "x-request-id": " ", "openai-organization": "a, b" },
];

for (const upstream of PROTOCOLS) {
  const streams = cases.filter((one) => one.protocol === upstream && one.stream !== null);
  const wholes = cases.filter((one) => one.protocol === upstream && one.reply !== null);

  test(`${upstream} -> bedrock: a spoilt stream ends in one terminal event or an exception`, () =>
    fc.assert(
      fc.asyncProperty(
        fc.nat(streams.length - 1),
        fc.array(eventMutation, { maxLength: 4 }),
        fc.array(byteMutation, { maxLength: 2 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }),
        async (index, eventMutations, byteMutations, sizes) => {
          const text = mutateStream(streams[index]?.stream ?? "", eventMutations);
          const bytes = mutateBytes(new TextEncoder().encode(text), byteMutations);
          const answer = (): Response => new Response(inChunks(bytes, sizes), { headers: { "content-type": "text/event-stream" } });
          const path = `/bedrock/model/${MODELS[upstream]}/invoke-with-response-stream`;
          const seen = await call(requestTo(path, '{"max_tokens":99,"messages":[{"role":"user","content":"Hello"}]}'), answer);
          assertLog(seen);
          if (seen.status !== 200) return assertErrorShape("bedrock", seen);
          assert.equal(seen.type, FRAMED);
          if (upstream !== "anthropic-messages") assertOneEnd("anthropic-messages", seen.text);
        },
      ),
      SETTINGS,
    ));

  for (const client of PROTOCOLS) {
    test(`${upstream} -> ${client}: a spoilt stream ends in one terminal event or an error`, () =>
      fc.assert(
        fc.asyncProperty(
          fc.nat(streams.length - 1),
          fc.array(eventMutation, { maxLength: 4 }),
          fc.array(byteMutation, { maxLength: 2 }),
          fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }),
          fc.constantFrom<Manner>("stream", "stream", "whole", client === "gemini" ? "array" : "stream"),
          async (index, eventMutations, byteMutations, sizes, manner) => {
            const text = mutateStream(streams[index]?.stream ?? "", eventMutations);
            const bytes = mutateBytes(new TextEncoder().encode(text), byteMutations);
            const answer = (): Response => new Response(inChunks(bytes, sizes), { headers: { "content-type": "text/event-stream" } });
            const seen = await call(ask(client, { model: MODELS[upstream], manner }), answer);
            assertLog(seen);
            if (seen.status !== 200) return assertErrorShape(client, seen);
            if (manner === "array") assert.ok(Array.isArray(parsed(seen.text)) || client === upstream, seen.text);
            // Where the bytes pass, what an upstream says after its end passes too.
            if (client === upstream) return;
            if (manner === "whole") assertWhole(client, seen.text);
            else assertOneEnd(client, manner === "array" ? asEvents(seen.text) : seen.text);
          },
        ),
        SETTINGS,
      ));

    if (client === "openai-responses") {
      test(`${upstream} -> ${client}: a spoilt stream is the same over a WebSocket, and has an end there`, () =>
        fc.assert(
          fc.asyncProperty(
            fc.nat(streams.length - 1),
            fc.array(eventMutation, { maxLength: 4 }),
            fc.array(byteMutation, { maxLength: 2 }),
            fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }),
            async (index, eventMutations, byteMutations, sizes) => {
              const text = mutateStream(streams[index]?.stream ?? "", eventMutations);
              const bytes = mutateBytes(new TextEncoder().encode(text), byteMutations);
              const answer = (): Response => new Response(inChunks(bytes, sizes), { headers: { "content-type": "text/event-stream" } });
              const body = { type: "response.create", model: MODELS[upstream], input: "Hello", stream: true };
              const streamed = await call(requestTo("/v1/responses", JSON.stringify({ ...body, type: undefined })), answer);
              const seen = await call(requestTo("/v1/responses", JSON.stringify(body)), answer, overSocket);
              const frames = seen.text.split("\n").map(common);
              assertLog(seen);
              if (streamed.status !== 200) {
                assert.deepEqual([frames.length, (parsed(seen.text) as JsonObject)["status"]], [1, streamed.status]);
                return;
              }
              const events = sseEvents(streamed.text).filter(({ data }) => data.trim() !== "[DONE]");
              const told = events.map(({ data }) => common(data.replaceAll("\n", " ")));
              assert.deepEqual(frames.slice(0, told.length), told);
              assert.ok(frames.length - told.length <= 1, "no more than an error behind the events");
            },
          ),
          SETTINGS,
        ));
    }

    test(`${upstream} -> ${client}: a spoilt error stays an error with its status`, () =>
      fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...ERROR_BODIES),
          fc.array(valueMutation, { maxLength: 4 }),
          fc.array(byteMutation, { maxLength: 1 }),
          fc.constantFrom(400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 502, 503, 529, 599),
          fc.constantFrom(...ODD_HEADERS),
          async (body, valueMutations, byteMutations, status, headers) => {
            const bytes = mutateBytes(new TextEncoder().encode(mutateJson(body, valueMutations)), byteMutations);
            const answer = (): Response => new Response(joined([bytes]) as Uint8Array<ArrayBuffer>, { status, headers });
            const seen = await call(ask(client, { model: MODELS[upstream], manner: "stream" }), answer);
            assertLog(seen);
            assert.ok(seen.status >= 400, `${seen.status} ${seen.text}`);
            // A conversation that is too long is a 400, whatever the upstream calls it.
            const isTooLong = seen.status === 400 && /context|too long/i.test(new TextDecoder().decode(bytes));
            if (status < 500 && !isTooLong) assert.equal(seen.status, status);
            // An error of the client's own protocol comes with the bytes that it has.
            if (client !== upstream) assertErrorShape(client, seen);
          },
        ),
        SETTINGS,
      ));

    test(`${upstream} -> ${client}: a spoilt whole answer becomes an answer or an error`, () =>
      fc.assert(
        fc.asyncProperty(
          fc.nat(wholes.length - 1),
          fc.array(valueMutation, { maxLength: 4 }),
          fc.array(byteMutation, { maxLength: 1 }),
          fc.constantFrom<Manner>("stream", "whole", client === "gemini" ? "array" : "whole"),
          async (index, valueMutations, byteMutations, manner) => {
            const text = mutateJson(wholes[index]?.reply ?? "", valueMutations);
            const bytes = mutateBytes(new TextEncoder().encode(text), byteMutations);
            const answer = (): Response =>
              new Response(joined([bytes]) as Uint8Array<ArrayBuffer>, { headers: { "content-type": "application/json" } });
            const seen = await call(ask(client, { model: MODELS[upstream], manner }), answer);
            assertLog(seen);
            if (seen.status !== 200) return assertErrorShape(client, seen);
            if (client === upstream) return;
            if (manner !== "whole") assertOneEnd(client, manner === "array" ? asEvents(seen.text) : seen.text);
            else assertWhole(client, seen.text);
          },
        ),
        SETTINGS,
      ));
  }
}
