// Small faults of a correct gateway, each with the area in which it must lose points, and a case that must fail there.

import type { AreaName } from "../../../src/cli/conformance/areas.ts";
import { PLAIN_TEXT } from "../../../src/cli/conformance/lab/reply-content.ts";
import type { About, Broken } from "./broken-gateway.ts";

export interface Mutant extends Broken {
  /** What is wrong. */
  readonly name: string;
  readonly area: AreaName;
  /** A case that fails. */
  readonly fails: string;
  /** Default: a model of Anthropic's and one of OpenAI's. */
  readonly models?: readonly string[];
}

type Data = Record<string, unknown>;
type Edit = (data: Data, index: number) => Data | readonly Data[] | null;

const CHAT = /chat\/completions$/;
const RESPONSES = /responses$/;
const MESSAGES = /\/messages$/;
const GEMINI = /enerateContent$/;

/** Changes the events of a protocol's streams. */
function events(path: RegExp, edit: Edit): Broken {
  return { front: { reply: (body, about) => (about.status === 200 && about.stream && path.test(about.path) ? edited(body, edit) : body) } };
}

function edited(text: string, edit: Edit): string {
  let index = 0;
  return text.replaceAll(/(event: .+\n)?data: (\{.*\})\n\n/g, (whole, name: string | undefined, json: string) => {
    const before = JSON.parse(json) as Data;
    const after = edit(structuredClone(before), index++);
    const all: readonly Data[] = after === null ? [] : Array.isArray(after) ? (after as Data[]) : [after as Data];
    if (all.length === 1 && JSON.stringify(all[0]) === JSON.stringify(before)) return whole;
    return all.map((data) => `${name === undefined ? "" : `event: ${String(data["type"])}\n`}data: ${JSON.stringify(data)}\n\n`).join("");
  });
}

/** Changes the text of a protocol's answers. */
function told(path: RegExp, change: (body: string, about: About) => string, streams = [true, false]): Broken {
  return { front: { reply: (body, about) => (path.test(about.path) && streams.includes(about.stream) ? change(body, about) : body) } };
}

/** Changes what goes upstream. */
function upstream(change: (text: string) => string): Broken {
  return { back: { request: change } };
}

/** Whether an upstream's answer was the one with signs of life in it. */
function isPinged(body: string): boolean {
  return body.includes(PLAIN_TEXT.split(" ")[1] ?? "");
}

function choice(data: Data): Data {
  return ((data["choices"] as Data[] | undefined) ?? [])[0] ?? {};
}

function delta(data: Data): Data {
  return (choice(data)["delta"] as Data | undefined) ?? {};
}

const OPENAI_ERROR = JSON.stringify({ error: { message: "Wrong.", type: "invalid_request_error", param: null, code: null } });
const DONE = "data: [DONE]\n\n";
const CLAUDE_AND_GEMINI = ["claude-sonnet-5", "gemini-2.5-pro"];

export const MUTANTS: readonly Mutant[] = [
  // ---- routes
  {
    name: "Messages for Claude alone",
    area: "routes",
    fails: "anthropic-messages is offered",
    front: {
      instead: ({ path, text }) =>
        MESSAGES.test(path) && !text.includes("claude") ? new Response("messages is not supported by openai", { status: 500 }) : null,
    },
  },
  {
    name: "no route for Gemini",
    area: "routes",
    fails: "gemini is offered",
    front: { instead: ({ path }) => (GEMINI.test(path) ? new Response("Not Found", { status: 404 }) : null) },
  },
  {
    name: "no list for Gemini",
    area: "routes",
    fails: "GET /v1beta/models",
    front: { instead: ({ path }) => (path === "/v1beta/models" ? new Response("{}", { status: 404 }) : null) },
  },
  {
    name: "no countTokens",
    area: "routes",
    fails: "gemini countTokens",
    front: { instead: ({ path }) => (path.endsWith(":countTokens") ? new Response("{}", { status: 404 }) : null) },
  },
  {
    name: "/v1beta alone",
    area: "routes",
    fails: "gemini at /v1",
    front: { instead: ({ path }) => (path.startsWith("/v1/models/") && GEMINI.test(path) ? new Response("{}", { status: 404 }) : null) },
  },
  // ---- shapes
  {
    name: "a choice without its index",
    area: "shapes",
    fails: "openai-chat choices",
    ...told(CHAT, (body) => body.replace('"index":0,"message"', '"message"')),
  },
  {
    name: "annotations are left out",
    area: "shapes",
    fails: "openai-responses output",
    ...told(RESPONSES, (body) => body.replaceAll('"annotations":[],', "")),
  },
  {
    name: "a thought without a signature",
    area: "shapes",
    fails: "anthropic-messages content",
    ...told(MESSAGES, (body) => body.replaceAll(/,"signature":"[^"]*"/g, "")),
  },
  {
    name: "the text of the model twice",
    area: "shapes",
    fails: "openai-chat text of the model",
    ...told(CHAT, (body) => body.replace(/"content":"Gr/, '"content":"Grüße Gr'), [false]),
  },
  // ---- stream-grammar
  {
    name: "Chat: no role",
    area: "stream-grammar",
    fails: "openai-chat role",
    ...events(CHAT, (data) => (delete delta(data)["role"], data)),
  },
  {
    name: "Chat: a tool's index counts the text before it",
    area: "stream-grammar",
    fails: "openai-chat tool-index",
    ...events(CHAT, (data) => {
      for (const call of (delta(data)["tool_calls"] as Data[] | undefined) ?? []) call["index"] = Number(call["index"]) + 1;
      return data;
    }),
  },
  { name: "Chat: no [DONE]", area: "stream-grammar", fails: "openai-chat done", ...told(CHAT, (body) => body.replace(DONE, "")) },
  {
    name: "Chat: usage with an empty id",
    area: "stream-grammar",
    fails: "openai-chat identity",
    ...events(CHAT, (data) => (choice(data)["delta"] === undefined ? { ...data, id: "" } : data)),
  },
  {
    name: "Chat: no finish reason",
    area: "stream-grammar",
    fails: "openai-chat finish",
    ...events(CHAT, (data) => (choice(data)["finish_reason"] ? null : data)),
  },
  {
    name: "Messages: events without names",
    area: "stream-grammar",
    fails: "anthropic-messages framing",
    ...told(MESSAGES, (body) => body.replaceAll(/event: .+\n/g, "")),
  },
  {
    name: "Messages: gaps between blocks",
    area: "stream-grammar",
    fails: "anthropic-messages block-index",
    ...events(MESSAGES, (data) => ("index" in data ? { ...data, index: Number(data["index"]) * 2 } : data)),
  },
  {
    name: "Messages: a signature in two pieces",
    area: "stream-grammar",
    fails: "anthropic-messages signature",
    ...events(MESSAGES, (data) => (JSON.stringify(data).includes("signature_delta") ? [data, data] : data)),
  },
  {
    name: "Messages: no message_stop",
    area: "stream-grammar",
    fails: "anthropic-messages stop",
    ...events(MESSAGES, (data) => (data["type"] === "message_stop" ? null : data)),
  },
  {
    name: "Messages: message_start without usage",
    area: "stream-grammar",
    fails: "anthropic-messages start",
    ...events(MESSAGES, (data) => {
      delete (data["message"] as Data | undefined)?.["usage"];
      return data;
    }),
  },
  {
    name: "Messages: blocks are never stopped",
    area: "stream-grammar",
    fails: "anthropic-messages one-block",
    ...events(MESSAGES, (data) => (data["type"] === "content_block_stop" ? null : data)),
  },
  {
    name: "Responses: no response.created",
    area: "stream-grammar",
    fails: "openai-responses created",
    ...events(RESPONSES, (data) => (data["type"] === "response.created" ? null : data)),
  },
  {
    name: "Responses: another item_id",
    area: "stream-grammar",
    fails: "openai-responses item-id",
    ...events(RESPONSES, (data) => ("item_id" in data ? { ...data, item_id: "item_0" } : data)),
  },
  {
    name: "Responses: the end without output",
    area: "stream-grammar",
    fails: "openai-responses output",
    ...events(RESPONSES, (data) =>
      data["type"] === "response.completed" ? { ...data, response: { ...(data["response"] as Data), output: [] } } : data,
    ),
  },
  {
    name: "Responses: another id at the end",
    area: "stream-grammar",
    fails: "openai-responses identity",
    ...events(RESPONSES, (data) =>
      data["type"] === "response.completed" ? { ...data, response: { ...(data["response"] as Data), id: "resp_other" } } : data,
    ),
  },
  {
    name: "Responses: no content_part.added",
    area: "stream-grammar",
    fails: "openai-responses part-added",
    ...events(RESPONSES, (data) => (data["type"] === "response.content_part.added" ? null : data)),
  },
  {
    name: "Responses: no sequence numbers",
    area: "stream-grammar",
    fails: "openai-responses sequence-number",
    ...events(RESPONSES, (data) => (delete data["sequence_number"], data)),
  },
  {
    name: "Gemini: events with names",
    area: "stream-grammar",
    fails: "gemini framing",
    ...told(GEMINI, (body) => body.replaceAll("data: ", "event: chunk\ndata: "), [true]),
  },
  { name: "Gemini: [DONE]", area: "stream-grammar", fails: "gemini framing", ...told(GEMINI, (body) => body + DONE, [true]) },
  {
    name: "Gemini: a finish reason in every chunk",
    area: "stream-grammar",
    fails: "gemini finish",
    ...events(GEMINI, (data) => {
      for (const candidate of (data["candidates"] as Data[] | undefined) ?? []) candidate["finishReason"] ??= "STOP";
      return data;
    }),
  },
  // ---- tools
  {
    name: "a call ends with stop",
    area: "tools",
    fails: "openai-chat call, streamed",
    ...told(CHAT, (body) =>
      body.replaceAll('"tool_calls"}', '"stop"}').replaceAll('"finish_reason":"tool_calls"', '"finish_reason":"stop"'),
    ),
  },
  {
    name: "arguments go through JSON.parse",
    area: "tools",
    fails: "anthropic-messages arguments",
    ...told(MESSAGES, (body) => body.replaceAll("9007199254740993", "9007199254740992")),
  },
  {
    name: "no arguments are an empty text",
    area: "tools",
    fails: "openai-chat call without arguments",
    ...told(CHAT, (body) => body.replaceAll('"arguments":"{}"', '"arguments":""')),
  },
  {
    name: "only the first result goes upstream",
    area: "tools",
    fails: "anthropic-messages results",
    ...upstream((body) => body.replace(/It is 21(?!.*It is 21)/s, "lost")),
  },
  {
    name: "a tool loses its properties",
    area: "tools",
    fails: "openai-chat schema",
    ...upstream((body) => body.replaceAll(/"location"/g, '"place"')),
  },
  // ---- usage
  {
    name: "cached tokens count twice",
    area: "usage",
    fails: "anthropic-messages input",
    ...told(MESSAGES, (body) => body.replaceAll('"input_tokens":20', '"input_tokens":120')),
  },
  {
    name: "no usage in a stream",
    area: "usage",
    fails: "openai-chat tokens are counted, streamed",
    ...events(CHAT, (data) => (choice(data)["delta"] === undefined ? null : data)),
  },
  {
    name: "thoughts count twice",
    area: "usage",
    fails: "gemini output",
    ...told(GEMINI, (body) => body.replaceAll('"candidatesTokenCount":20', '"candidatesTokenCount":30')),
  },
  {
    name: "cached tokens are not told",
    area: "usage",
    fails: "openai-responses cached",
    ...told(RESPONSES, (body) => body.replaceAll('"cached_tokens":100', '"cached_tokens":0')),
  },
  // ---- errors
  {
    name: "OpenAI's errors for everybody",
    area: "errors",
    fails: "anthropic-messages broken JSON",
    front: { reply: (body, { status }) => (status >= 400 ? OPENAI_ERROR : body) },
  },
  {
    name: "a mistake of the client is a 500",
    area: "errors",
    fails: "openai-chat broken JSON",
    front: { status: (status) => (status === 400 ? 500 : status) },
  },
  {
    name: "any key will do",
    area: "errors",
    fails: "openai-responses wrong key",
    front: {
      requestHeaders: (headers) => {
        for (const name of ["x-api-key", "x-goog-api-key"]) headers.delete(name);
        headers.set("authorization", "Bearer client-key-of-the-tests");
      },
    },
  },
  // ---- models
  {
    name: "a list that says not what it is",
    area: "models",
    fails: "OpenAI's list",
    ...told(/\/v1\/models$/, (body) => body.replace('"object":"list",', "")),
  },
  {
    name: "one list for everybody",
    area: "models",
    fails: "Anthropic's list",
    front: { requestHeaders: (headers, { path }) => (path === "/v1/models" ? headers.delete("anthropic-version") : undefined) },
  },
  {
    name: "Gemini's list is empty",
    area: "models",
    fails: "Gemini's list",
    front: { instead: ({ path }) => (path === "/v1beta/models" ? Response.json({ models: [] }) : null) },
  },
  // ---- cuts
  {
    name: "a cut answer gets an end",
    area: "cuts",
    fails: "openai-chat in the text, closed in order",
    ...told(
      CHAT,
      (body) => body.replace(/data: \{"error".*\n\n/, `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n${DONE}`),
      [true],
    ),
  },
  {
    name: "a cut answer just ends",
    area: "cuts",
    fails: "anthropic-messages in the arguments, closed in order",
    ...told(MESSAGES, (body) => body.replace(/event: error\n.*\n\n/, ""), [true]),
  },
  // ---- pings
  {
    name: "pings of the upstream become events",
    area: "pings",
    fails: "openai-responses between all events",
    ...told(RESPONSES, (body) => (isPinged(body) ? body.replace("\n\n", '\n\nevent: ping\ndata: {"type":"ping"}\n\n') : body), [true]),
  },
  {
    name: "comments stick to the next event",
    area: "pings",
    fails: "gemini between all events",
    ...told(GEMINI, (body) => (isPinged(body) ? body.replaceAll("data: ", ": keep-alive\ndata: ") : body), [true]),
  },
  // ---- error-statuses
  {
    name: "too many requests are a 500",
    area: "error-statuses",
    fails: "openai-chat 429",
    front: { status: (status) => (status === 429 ? 500 : status) },
  },
  {
    name: "retry-after is lost",
    area: "error-statuses",
    fails: "anthropic-messages retry-after",
    front: { replyHeaders: (headers) => headers.delete("retry-after") },
  },
  {
    name: "529 for everybody",
    area: "error-statuses",
    fails: "gemini 529",
    front: { status: (status) => (status === 503 ? 529 : status) },
  },
  {
    name: "the upstream's words are lost",
    area: "error-statuses",
    fails: "gemini 400",
    front: { reply: (body, { status }) => (status >= 400 ? body.replaceAll("The lab refuses this, as it was told.", "Failed.") : body) },
  },
  // ---- errors-in-stream
  {
    name: "errors in a stream are swallowed",
    area: "errors-in-stream",
    fails: "openai-chat in the text",
    ...told(CHAT, (body) => body.replace(/data: \{"error".*\n\n/, DONE), [true]),
  },
  {
    name: "errors with status 200 pass",
    area: "errors-in-stream",
    fails: "openai-chat status 200 with an error for a body",
    front: { status: (status) => (status >= 500 ? 200 : status), reply: (body) => body.replace('"error":', '"fault":') },
  },
  // ---- finish-reasons
  {
    name: "out of tokens is a stop",
    area: "finish-reasons",
    fails: "openai-chat out of tokens",
    ...told(CHAT, (body) => body.replaceAll('"finish_reason":"length"', '"finish_reason":"stop"')),
  },
  {
    name: "a finish reason of another protocol",
    area: "finish-reasons",
    fails: "gemini a word of tomorrow, Messages",
    ...told(GEMINI, (body) =>
      body
        .replaceAll('"finishReason":"OTHER"', '"finishReason":"word_of_tomorrow"')
        .replaceAll('"finishReason":"STOP"', '"finishReason":"end_turn"'),
    ),
  },
  // ---- signatures
  {
    name: "signatures do not go back",
    area: "signatures",
    fails: "anthropic-messages back to its own maker",
    ...upstream((body) => body.replaceAll(/,"signature":"[^"]*"/g, "")),
  },
  {
    name: "signatures go to everybody",
    area: "signatures",
    fails: "anthropic-messages not to another maker",
    ...upstream((body) => body.replace(/\}$/, ',"carried":"c2lnbmVkLWJ5LWFudGhyb3BpYw c2lnbmVkLWJ5LW9wZW5haQ"}')),
  },
  // ---- split-utf8
  {
    name: "each chunk is decoded by itself",
    area: "split-utf8",
    fails: "openai-chat after every byte",
    back: { chunk: (bytes) => new TextEncoder().encode(new TextDecoder().decode(bytes)) },
  },
  {
    name: "events end with two line feeds alone",
    area: "split-utf8",
    fails: "anthropic-messages CRLF for line ends, after every third byte",
    back: { reply: (body) => (body.includes("\r\n") ? "" : body) },
  },
  {
    name: "lines of 64 KB at most",
    area: "split-utf8",
    fails: "openai-responses one event of 300 KB",
    back: {
      reply: (body) =>
        body
          .split("\n")
          .map((line) => line.slice(0, 65_536))
          .join("\n"),
    },
  },
  // ---- compression
  {
    name: "the encoding's name without the encoding",
    area: "compression",
    fails: "openai-chat packed by the upstream",
    front: {
      replyHeaders: (headers, { path }) => {
        if (path.endsWith("/chat/completions")) headers.set("content-encoding", "gzip");
      },
    },
  },
  // ---- cancel
  { name: "the upstream is never let go", area: "cancel", fails: "openai-chat in the stream", front: { isDeaf: true } },
  // ---- keep-alives
  {
    name: "streams are collected first",
    area: "keep-alives",
    fails: "openai-chat events are not held back",
    front: { reply: (body) => body },
  },
  // ---- unknown-fields
  {
    name: "unknown members do not go upstream",
    area: "unknown-fields",
    fails: "anthropic-messages in a request of the same protocol",
    ...upstream((body) => body.replace(/,?"member_of_tomorrow":\{[^}]*\}/, "")),
  },
  {
    name: "unknown members of an answer are lost",
    area: "unknown-fields",
    fails: "openai-responses in an answer of the same protocol",
    back: { reply: (body) => body.replaceAll('"reply_member_of_tomorrow":7,', "") },
  },
  {
    name: "unknown members are refused",
    area: "unknown-fields",
    fails: "gemini in a request that is converted",
    front: { request: (body, { path }) => (GEMINI.test(path) && body.includes("member_of_tomorrow") ? "{" : body) },
  },
  // ---- cache-marks
  {
    name: "an hour of cache becomes five minutes",
    area: "cache-marks",
    fails: "Messages to Messages",
    ...upstream((body) => body.replaceAll(',"ttl":"1h"', "")),
  },
  {
    name: "the time in the system prompt",
    area: "cache-marks",
    fails: "the prompt's beginning stays the same",
    ...upstream((body) => body.replace("You are a terse", `It is ${performance.now()}. You are a terse`)),
  },
  {
    name: "no cache key",
    area: "cache-marks",
    fails: "openai-responses prompt_cache_key",
    ...upstream((body) => body.replace(/"prompt_cache_key":"[^"]*",?/, "")),
  },
  // ---- byte-exactness
  {
    name: "requests go through JSON.parse",
    area: "byte-exactness",
    fails: "anthropic-messages a call of the history, at its own provider",
    ...upstream((body) => JSON.stringify(JSON.parse(body))),
  },
  {
    name: "answers go through JSON.parse",
    area: "byte-exactness",
    fails: "gemini a stream of its own provider",
    models: CLAUDE_AND_GEMINI,
    ...told(GEMINI, (body) => body.replaceAll('"index":0', '"index": 0')),
  },
  {
    name: "the tool's properties are sorted",
    area: "byte-exactness",
    fails: "openai-responses the tool's schema",
    ...upstream((body) => body.replace(/("zeta":\{[^}]*\}),("alpha":\{[^}]*\})/, "$2,$1")),
  },
  // ---- claude-code
  {
    name: "betas are not passed on",
    area: "claude-code",
    fails: "anthropic-beta and anthropic-version are passed on",
    back: { requestHeaders: (headers) => headers.delete("anthropic-beta") },
  },
  {
    name: "x-api-key alone",
    area: "claude-code",
    fails: "Bearer in place of x-api-key",
    front: { requestHeaders: (headers, { path }) => (MESSAGES.test(path) ? headers.delete("authorization") : undefined) },
  },
  {
    name: "count_tokens is a 500",
    area: "claude-code",
    fails: "count_tokens",
    front: { instead: ({ path }) => (path.endsWith("count_tokens") ? new Response("{}", { status: 500 }) : null) },
  },
  {
    name: "the attribution line goes to everybody",
    area: "claude-code",
    fails: "the attribution line",
    ...upstream((body) => body.replace(/\}$/, ',"note":"x-anthropic-billing-header: cch=1"}')),
  },
  {
    name: "the last system message is lost",
    area: "claude-code",
    fails: "the system message at the end",
    ...upstream((body) => body.replace("Be brief: this is the end of the conversation.", "")),
  },
  // ---- codex
  {
    name: "a handshake is a 404",
    area: "codex",
    fails: "WebSocket handshake",
    front: { instead: ({ headers }) => (headers.get("upgrade") === null ? null : new Response(null, { status: 404 })) },
  },
  { name: "no x-request-id", area: "codex", fails: "x-request-id", front: { replyHeaders: (headers) => headers.delete("x-request-id") } },
  {
    name: "a custom tool is called as a function",
    area: "codex",
    fails: "apply_patch",
    ...told(RESPONSES, (body) => body.replaceAll("custom_tool_call", "function_call"), [true]),
  },
  {
    name: "no packed bodies",
    area: "codex",
    fails: "a body packed with zstd",
    front: { instead: ({ headers }) => (headers.get("content-encoding") === null ? null : new Response("{}", { status: 415 })) },
  },
  // ---- gemini-cli
  {
    name: "no signature on a call",
    area: "gemini-cli",
    fails: "thoughtSignature of a call",
    models: CLAUDE_AND_GEMINI,
    ...told(GEMINI, (body) => body.replaceAll(/,"thoughtSignature":"[^"]*"/g, "")),
  },
  {
    name: "tokens are counted as text",
    area: "gemini-cli",
    fails: "countTokens",
    ...told(/:countTokens/, (body) => body.replace(/"totalTokens":(\d+)/, '"totalTokens":"$1"')),
  },
  // ---- open-responses
  {
    name: "a response without output",
    area: "open-responses",
    fails: "basic-response",
    ...told(RESPONSES, (body) => body.replace(/"output":\[.*\],"parallel/s, '"output":[],"parallel'), [false]),
  },
  {
    name: "no deltas of arguments",
    area: "open-responses",
    fails: "tool-calling-streaming",
    ...events(RESPONSES, (data) => (data["type"] === "response.function_call_arguments.delta" ? null : data)),
  },
];
