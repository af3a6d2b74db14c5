// The Responses codec, requests of its own clients: what each form decodes to, and what is edited in passing.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResponseCreateParams } from "openai/resources/responses/responses";
import { GatewayError } from "../../../src/errors.ts";
import type { CanonicalRequest, Part, TextPart, Turn } from "../../../src/protocol/canonical.ts";
import { bareRequest } from "../../../src/protocol/exchange.ts";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";
import { FIELDS, NAMES, type Fate } from "../../../src/protocol/openai-responses/wire.ts";

const text = (said: string): TextPart => ({ type: "text", text: said, annotations: [], cache: null, proof: null });
const user = (...parts: Part[]): Turn => ({ role: "user", parts, effort: null });
const assistant = (...parts: Part[]): Turn => ({ role: "assistant", parts, effort: null });
const system = (...parts: Part[]): Turn => ({ role: "system", parts, effort: null });
const call = (callId: string, name: string, args: string, kind: "function" | "custom" = "function"): Part => ({
  type: "tool-call",
  callId,
  name,
  kind,
  arguments: args,
  cache: null,
  proof: null,
});
const result = (callId: string, content: (TextPart & Part)[], kind: "function" | "custom" = "function"): Part => ({
  type: "tool-result",
  callId,
  name: null,
  kind,
  content,
  isError: null,
  cache: null,
});
const extension = (field: string, value: string, severity: "dropped" | "reported" | "refused", reason: string) => ({
  protocol: "openai-responses" as const,
  field,
  value,
  severity,
  reason,
});

const EMPTY: CanonicalRequest = {
  ...bareRequest({ model: "m", stream: false }),
  names: NAMES,
  includeUsage: true,
};
const HI = { turns: [user(text("Hi"))] };

function decode(body: object | string): CanonicalRequest {
  const wire = typeof body === "string" ? body : JSON.stringify({ model: "m", ...body });
  return openaiResponses.request.decode({ body: wire, headers: {}, path: null });
}

const REASONING = { type: "reasoning", text: "", redacted: false, proof: { origin: "openai", data: "gAAA" } } as const;
const GOOGLE = "gw1.google.c2lnbmF0dXJl";

interface Row {
  readonly what: string;
  readonly body: object | string;
  readonly expected: Partial<CanonicalRequest>;
}

const DECODED: readonly Row[] = [
  { what: "a string as input is one user message", body: { input: "Hi" }, expected: HI },
  {
    what: "an item with a role and no type is a message, whatever its parts are called",
    body: { input: [{ role: "user", content: [{ type: "output_text", text: "Hi" }] }] },
    expected: HI,
  },
  { what: "a message's name is left out, not refused", body: { input: [{ role: "user", name: "Ola", content: "Hi" }] }, expected: HI },
  {
    what: "instructions and the developer messages in front are the system prompt, one part a block",
    body: {
      instructions: "A",
      input: [
        {
          role: "developer",
          content: [
            { type: "input_text", text: "B" },
            { type: "input_text", text: "C" },
          ],
        },
        { role: "system", content: "D" },
        { role: "user", content: "Hi" },
      ],
    },
    expected: { system: [text("A"), text("B"), text("C"), text("D")], ...HI },
  },
  {
    what: "a developer message in the middle or at the end keeps its place",
    body: {
      input: [
        { role: "user", content: "Hi" },
        { role: "developer", content: "Now be brief." },
        { role: "user", content: "Go" },
        { role: "system", content: "End" },
      ],
    },
    expected: { turns: [user(text("Hi")), system(text("Now be brief.")), user(text("Go")), system(text("End"))] },
  },
  {
    what: "messages and calls of one answer stay in order in one turn",
    body: {
      input: [
        { role: "assistant", content: "a" },
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
        { role: "assistant", content: "b" },
      ],
    },
    expected: { turns: [assistant(text("a"), call("1", "f", "{}"), text("b"))] },
  },
  {
    what: "reasoning without an id and with null content",
    body: {
      input: [
        { type: "reasoning", summary: [], content: null, encrypted_content: "gAAA" },
        { type: "function_call", status: "completed", call_id: "1", name: "f", arguments: "{}" },
      ],
    },
    expected: { turns: [assistant(REASONING, call("1", "f", "{}"))] },
  },
  {
    what: "reasoning that this proxy marked as unsigned has no proof",
    body: {
      input: [
        { id: "rs_1", type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: "gw1.unsigned" },
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
      ],
    },
    expected: { turns: [assistant({ type: "reasoning", text: "Hm.", redacted: false, proof: null }, call("1", "f", "{}"))] },
  },
  {
    what: "reasoning without content of any kind says nothing",
    body: {
      input: [
        { type: "reasoning", id: "rs_1", summary: [] },
        { role: "user", content: "Hi" },
      ],
    },
    expected: HI,
  },
  {
    what: "a proof of another maker comes out of its seal; hidden thoughts stay hidden",
    body: {
      input: [
        { type: "reasoning", summary: [{ type: "summary_text", text: "Hm" }], encrypted_content: "gw1.anthropic.c2ln" },
        { type: "reasoning", summary: [], encrypted_content: "gw1.anthropic.ZGF0YQ.redacted" },
      ],
    },
    expected: {
      turns: [
        assistant(
          { type: "reasoning", text: "Hm", redacted: false, proof: { origin: "anthropic", data: "sig" } },
          { type: "reasoning", text: "", redacted: true, proof: { origin: "anthropic", data: "data" } },
        ),
      ],
    },
  },
  {
    what: "Gemini's signature of a call, carried in an item behind it, is the call's again",
    body: {
      input: [
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
        { type: "reasoning", summary: [], encrypted_content: `${GOOGLE}.previous` },
        { type: "function_call_output", call_id: "1", output: "ok" },
      ],
    },
    expected: {
      turns: [
        assistant({ ...call("1", "f", "{}"), proof: { origin: "google", data: "signature" } } as Part),
        user(result("1", [text("ok")])),
      ],
    },
  },
  {
    what: "arguments stay the text that they are",
    body: '{"model":"m","input":[{"type":"function_call","call_id":"1","name":"f","arguments":"{ \\"n\\":12345678901234567890"}]}',
    expected: { turns: [assistant(call("1", "f", '{ "n":12345678901234567890'))] },
  },
  {
    what: "results as text and as parts",
    body: {
      input: [
        { type: "function_call_output", call_id: "1", output: "" },
        {
          type: "function_call_output",
          call_id: "2",
          output: [
            { type: "input_text", text: "a" },
            { type: "input_text", text: "b" },
          ],
        },
        { type: "custom_tool_call_output", call_id: "3", output: "c" },
      ],
    },
    expected: { turns: [user(result("1", []), result("2", [text("a"), text("b")]), result("3", [text("c")], "custom"))] },
  },
  {
    what: "data URLs with parameters, percent-encoded, a PDF sent as an image; an image's URL is a string",
    body: {
      input: [
        {
          role: "user",
          content: [
            { type: "input_image", image_url: "data:image/PNG;charset=utf-8;base64,AAAA" },
            { type: "input_image", image_url: "data:application/pdf;base64,JVBERi0=" },
            { type: "input_file", file_data: "data:text/plain,%C3%B8l%21" },
            { type: "input_file", file_data: "JVBERi0=", filename: "a.pdf" },
            { type: "input_image", image_url: "https://example.com/a.png", detail: "original" },
          ],
        },
      ],
    },
    expected: {
      turns: [
        user(
          { type: "image", source: { type: "base64", mediaType: "image/png", data: "AAAA" }, detail: null, cache: null },
          {
            type: "file",
            source: { type: "base64", mediaType: "application/pdf", data: "JVBERi0=" },
            filename: null,
            context: null,
            citations: null,
            cache: null,
          },
          {
            type: "file",
            source: { type: "base64", mediaType: "text/plain", data: "w7hsIQ==" },
            filename: null,
            context: null,
            citations: null,
            cache: null,
          },
          {
            type: "file",
            source: { type: "base64", mediaType: "application/pdf", data: "JVBERi0=" },
            filename: "a.pdf",
            context: null,
            citations: null,
            cache: null,
          },
          { type: "image", source: { type: "url", url: "https://example.com/a.png", mediaType: null }, detail: "original", cache: null },
        ),
      ],
    },
  },
  {
    what: "a part that came later than this program keeps its place, and no other protocol can have it",
    body: { input: [{ role: "user", content: [{ type: "input_scent", scent: "salt" }] }] },
    expected: {
      turns: [
        user({
          type: "opaque",
          protocol: "openai-responses",
          name: "input_scent",
          value: '{"type":"message","role":"user","content":[{"type":"input_scent","scent":"salt"}]}',
          severity: "refused",
        }),
      ],
    },
  },
  {
    what: "schemas stay the text that they are, strict stays unsaid, deferred tools are sent in full, extra members are told",
    body: '{"model":"m","input":"Hi","tools":[{"type":"function","name":"f","parameters":{"type":"object", "properties":{"z":{},"a":{"maximum":1e2}}},"strict":null,"defer_loading":true,"output_schema":{}}]}',
    expected: {
      ...HI,
      tools: [
        {
          type: "function",
          name: "f",
          namespace: null,
          description: null,
          schema: '{"type":"object", "properties":{"z":{},"a":{"maximum":1e2}}}',
          strict: null,
          cache: null,
        },
      ],
      losses: [{ field: "tools.output_schema", severity: "reported", reason: "No other protocol has output_schema on a tool." }],
    },
  },
  {
    what: "custom tools keep their grammar",
    body: {
      input: "Hi",
      tools: [
        { type: "custom", name: "c", format: { type: "grammar", syntax: "lark", definition: "start: /x/" } },
        { type: "custom", name: "d", format: { type: "text" } },
      ],
    },
    expected: {
      ...HI,
      tools: [
        { type: "custom", name: "c", namespace: null, description: null, grammar: { syntax: "lark", definition: "start: /x/" } },
        { type: "custom", name: "d", namespace: null, description: null, grammar: null },
      ],
    },
  },
  {
    what: "a namespace is flattened; calls in the history and choices get the same names",
    body: {
      tools: [
        { type: "namespace", name: "crew", description: "Mates.", tools: [{ type: "function", name: "wake" }] },
        { type: "namespace", name: "mcp__x__", description: "", tools: [{ type: "function", name: "mcp__x__y" }] },
      ],
      tool_choice: {
        type: "allowed_tools",
        mode: "required",
        tools: [{ type: "function", name: "wake", namespace: "crew" }, { type: "web_search" }],
      },
      input: [{ type: "function_call", call_id: "1", name: "wake", namespace: "crew", arguments: "{}" }],
    },
    expected: {
      turns: [assistant(call("1", "crew__wake", "{}"))],
      tools: [
        { type: "function", name: "crew__wake", namespace: "crew", description: null, schema: null, strict: null, cache: null },
        { type: "function", name: "mcp__x__mcp__x__y", namespace: "mcp__x__", description: null, schema: null, strict: null, cache: null },
      ],
      toolChoice: { type: "subset", names: ["crew__wake", "web_search"], required: true },
      losses: [{ field: "tools.namespace.description", severity: "dropped", reason: "A namespace has no description elsewhere." }],
    },
  },
  {
    what: "Codex: tools in an item of the input are the request's tools; a tool that stands twice counts once",
    body: {
      tools: [{ type: "function", name: "f" }],
      input: [
        {
          type: "additional_tools",
          role: "developer",
          tools: [
            { type: "function", name: "f", description: "again" },
            { type: "custom", name: "g" },
          ],
        },
        { role: "user", content: "Hi" },
      ],
    },
    expected: {
      ...HI,
      tools: [
        { type: "function", name: "f", namespace: null, description: null, schema: null, strict: null, cache: null },
        { type: "custom", name: "g", namespace: null, description: null, grammar: null },
      ],
    },
  },
  {
    what: "web search is mapped; of hosted tools a search for tools may be left out, others may not",
    body: {
      input: "Hi",
      tools: [
        {
          type: "web_search",
          external_web_access: false,
          filters: { allowed_domains: ["example.com"] },
          search_context_size: "high",
          user_location: { type: "approximate", city: "Bergen" },
        },
        { type: "tool_search" },
        { type: "code_interpreter", container: { type: "auto" } },
      ],
    },
    expected: {
      ...HI,
      tools: [
        {
          type: "web-search",
          allowedDomains: ["example.com"],
          blockedDomains: [],
          location: { city: "Bergen", region: null, country: null, timezone: null },
          contextSize: "high",
          maxUses: null,
        },
        { type: "opaque", protocol: "openai-responses", name: "tool_search", value: '{"type":"tool_search"}', severity: "reported" },
        {
          type: "opaque",
          protocol: "openai-responses",
          name: "code_interpreter",
          value: '{"type":"code_interpreter","container":{"type":"auto"}}',
          severity: "refused",
        },
      ],
      losses: [
        { field: "tools.external_web_access", severity: "reported", reason: "Another provider's search can't be kept off the live web." },
      ],
    },
  },
  {
    what: "tools that only programs may call, and calls by programs, are refused elsewhere",
    body: {
      tools: [{ type: "function", name: "f", allowed_callers: ["programmatic"] }],
      input: [{ type: "function_call", call_id: "1", name: "f", arguments: "{}", caller: { type: "program", caller_id: "p" } }],
    },
    expected: {
      turns: [assistant(call("1", "f", "{}"))],
      tools: [{ type: "function", name: "f", namespace: null, description: null, schema: null, strict: null, cache: null }],
      losses: [
        { field: "tools.allowed_callers", severity: "refused", reason: "Elsewhere every tool is called by the model directly." },
        { field: "input.caller", severity: "refused", reason: "Elsewhere every call is the model's own; this one was a program's." },
      ],
    },
  },
  ...(["auto", "none", "required"] as const).map((choice) => ({
    what: `tool_choice ${choice}`,
    body: { input: "Hi", tool_choice: choice },
    expected: { ...HI, toolChoice: { type: choice } },
  })),
  {
    what: "a choice that is an object names its tool",
    body: { input: "Hi", tool_choice: { type: "function", name: "f" } },
    expected: { ...HI, toolChoice: { type: "named", name: "f" } },
  },
  {
    what: "a choice of a hosted tool goes back to its own protocol alone",
    body: { input: "Hi", tool_choice: { type: "mcp", server_label: "s" } },
    expected: {
      ...HI,
      extensions: [extension("tool_choice", '{"type":"mcp","server_label":"s"}', "refused", "This hosted tool exists at OpenAI only.")],
    },
  },
  {
    what: "an effort is a mode and a level",
    body: { input: "Hi", reasoning: { effort: "high", summary: "concise" } },
    expected: { ...HI, reasoning: { mode: "on", effort: "high", budgetTokens: null, display: "concise" } },
  },
  {
    what: "the effort none switches reasoning off",
    body: { input: "Hi", reasoning: { effort: "none" } },
    expected: { ...HI, reasoning: { mode: "off", effort: "none", budgetTokens: null, display: null } },
  },
  {
    what: "who only wants to see it leaves the effort to the model",
    body: { input: "Hi", reasoning: { summary: "auto" } },
    expected: { ...HI, reasoning: { mode: "adaptive", effort: null, budgetTokens: null, display: "auto" } },
  },
  { what: "empty reasoning says nothing", body: { input: "Hi", reasoning: { effort: null } }, expected: HI },
  {
    what: "an update of the configuration in the input counts from there on",
    body: {
      reasoning: { effort: "low" },
      input: [
        { role: "user", content: "Hi" },
        { type: "configuration_update", reasoning: { effort: "max" } },
      ],
    },
    expected: { ...HI, reasoning: { mode: "on", effort: "max", budgetTokens: null, display: null } },
  },
  {
    what: "the format of the answer, with its schema as text",
    body: '{"model":"m","input":"Hi","text":{"format":{"type":"json_schema","name":"n","schema":{"b":1.0,"a":2},"strict":true},"verbosity":"low"}}',
    expected: {
      ...HI,
      output: { type: "json-schema", name: "n", description: null, schema: '{"b":1.0,"a":2}', strict: true },
      verbosity: "low",
    },
  },
  { what: "text is no format", body: { input: "Hi", text: { format: { type: "text" } } }, expected: HI },
  {
    what: "numbers, tier, keys and ids",
    body: {
      input: "Hi",
      stream: true,
      max_output_tokens: 5,
      temperature: 0,
      top_p: 0.5,
      top_logprobs: 0,
      include: ["reasoning.encrypted_content", "message.output_text.logprobs"],
      service_tier: "flex",
      prompt_cache_key: "k",
      user: "u",
      store: false,
      metadata: { a: "b" },
      parallel_tool_calls: false,
    },
    expected: {
      ...HI,
      stream: true,
      maxOutputTokens: 5,
      sampling: { ...EMPTY.sampling, temperature: 0, topP: 0.5, topLogprobs: 0 },
      serviceTier: "flex",
      cacheKey: "k",
      endUser: "u",
      store: false,
      metadata: { a: "b" },
      parallelToolCalls: false,
    },
  },
  {
    what: "what is stored at OpenAI can't go elsewhere",
    body: {
      previous_response_id: "resp_1",
      conversation: { id: "c" },
      prompt: { id: "p" },
      background: true,
      input: [{ type: "item_reference", id: "msg_1" }],
    },
    expected: {
      turns: [
        assistant({
          type: "opaque",
          protocol: "openai-responses",
          name: "item_reference",
          value: '{"type":"item_reference","id":"msg_1"}',
          severity: "refused",
        }),
      ],
      losses: [
        {
          field: "input.item_reference",
          severity: "refused",
          reason: "The item it names is stored at OpenAI, if anywhere. With `store: false` a client sends the items themselves.",
        },
      ],
      extensions: [
        extension(
          "previous_response_id",
          '"resp_1"',
          "refused",
          "The earlier answers are stored at OpenAI; another provider can't read them. Send them in input.",
        ),
        extension(
          "conversation",
          '{"id":"c"}',
          "refused",
          "The conversation is stored at OpenAI; another provider can't read it. Send its items in input.",
        ),
        extension("prompt", '{"id":"p"}', "refused", "The prompt is stored at OpenAI; another provider can't read it. Send its text."),
        extension("background", "true", "refused", "An answer in the background needs a server that keeps it; this proxy keeps nothing."),
      ],
    },
  },
  {
    what: "members that nobody knows are told, defaults are not",
    body: {
      input: "Hi",
      client_metadata: { session_id: "s" },
      background: false,
      truncation: "disabled",
      max_tool_calls: 2,
      include: ["web_search_call.results"],
      service_tier: "scale",
      user: "u",
      safety_identifier: "s",
    },
    expected: {
      ...HI,
      endUser: "s",
      extensions: [
        extension("include", '["web_search_call.results"]', "dropped", "Only OpenAI's own items have these details."),
        extension("service_tier", '"scale"', "reported", "No other protocol has this tier."),
        extension("user", '"u"', "dropped", "safety_identifier already names the end user."),
        extension("client_metadata", '{"session_id":"s"}', "reported", "No other protocol has client_metadata."),
        extension("background", "false", "dropped", "An answer in the background needs a server that keeps it; this proxy keeps nothing."),
        extension("truncation", '"disabled"', "dropped", "No other protocol shortens a conversation by itself."),
        extension("max_tool_calls", "2", "reported", "No other protocol limits the number of calls."),
      ],
    },
  },
  {
    what: "phases of several messages are told once",
    body: {
      input: [
        { role: "assistant", phase: "commentary", content: "a" },
        { role: "assistant", phase: "final_answer", content: "b" },
      ],
    },
    expected: {
      turns: [assistant(text("a"), text("b"))],
      losses: [{ field: "input.phase", severity: "reported", reason: "No other protocol tells commentary from the final answer." }],
    },
  },
  {
    what: "a cache breakpoint marks its part",
    body: { input: [{ role: "user", content: [{ type: "input_text", text: "Hi", prompt_cache_breakpoint: { mode: "explicit" } }] }] },
    expected: { turns: [user({ ...text("Hi"), cache: { ttl: null } })] },
  },
];

for (const { what, body, expected } of DECODED) {
  test(`decode: ${what}`, () => assert.deepEqual(decode(body), { ...EMPTY, ...expected }));
}

const WRONG: readonly { what: string; body: object | string; param: string | null; message: RegExp }[] = [
  { what: "a body that is no JSON", body: "{", param: null, message: /not valid JSON/ },
  { what: "no model", body: '{"input":"Hi"}', param: "model", message: /^model should be a string, not absent\.$/ },
  { what: "no input", body: {}, param: "input", message: /^input should be a string or an array of items, not absent\.$/ },
  {
    what: "input that is a number",
    body: { input: 1 },
    param: "input",
    message: /^input should be a string or an array of items, not 1\.$/,
  },
  { what: "an item that is a string", body: { input: ["Hi"] }, param: "input[0]", message: /^input\[0\] should be a JSON object/ },
  {
    what: "an unknown role",
    body: { input: [{ role: "captain", content: "Hi" }] },
    param: "input[0].role",
    message: /user, assistant, system, developer/,
  },
  {
    what: "a call without an id",
    body: { input: [{ type: "function_call", name: "f", arguments: "{}" }] },
    param: "input[0].call_id",
    message: /should be a string/,
  },
  {
    what: "arguments that are an object",
    body: { input: [{ type: "function_call", call_id: "1", name: "f", arguments: {} }] },
    param: "input[0].arguments",
    message: /should be a string/,
  },
  {
    what: "an image without a place",
    body: { input: [{ role: "user", content: [{ type: "input_image" }] }] },
    param: "input[0].content[0].image_url",
    message: /a URL, a data URL, or file_id/,
  },
  { what: "a temperature that is a word", body: { input: "Hi", temperature: "hot" }, param: "temperature", message: /should be a number/ },
  {
    what: "a tool without a name",
    body: { input: "Hi", tools: [{ type: "function" }] },
    param: "tools[0].name",
    message: /should be a string/,
  },
  {
    what: "a choice that does not exist",
    body: { input: "Hi", tool_choice: "always" },
    param: "tool_choice",
    message: /auto, none, required or an object/,
  },
  {
    what: "a format without a schema",
    body: { input: "Hi", text: { format: { type: "json_schema", name: "n" } } },
    param: "text.format.schema",
    message: /should be a JSON Schema/,
  },
  {
    what: "an effort that does not exist",
    body: { input: "Hi", reasoning: { effort: "extreme" } },
    param: "reasoning.effort",
    message: /one of none, minimal/,
  },
  {
    what: "metadata that is not text",
    body: { input: "Hi", metadata: { a: 1 } },
    param: "metadata.a",
    message: /should be a string, not 1/,
  },
];

for (const { what, body, param, message } of WRONG) {
  test(`decode: ${what} is an error that names its path`, () => {
    assert.throws(
      () => decode(body),
      (error) => error instanceof GatewayError && error.kind === "invalid-request" && error.param === param && message.test(error.message),
    );
  });
}

// ---- Head and edits ----------------------------------------------------------------------------------------------

test("head: model, stream and the first item as it was written", () => {
  const request = {
    body: '{ "input": [ {"role": "user",  "content":"Hi"}, {} ], "stream":true,"model":"gpt-5" }',
    headers: {},
    path: null,
  };
  assert.deepEqual(openaiResponses.request.head(request), {
    model: "gpt-5",
    stream: true,
    conversation: '{"role": "user",  "content":"Hi"}',
  });
});

const SEALED = '{"type":"reasoning","summary":[],"encrypted_content":"gw1.anthropic.c2ln"}';

const EDITS: readonly { what: string; body: string; model?: string; prompt?: string; expected: string }[] = [
  { what: "nothing to do", body: '{ "model" : "a", "n":1e2 }', expected: '{ "model" : "a", "n":1e2 }' },
  {
    what: "the model alone",
    body: '{ "n":1.50, "model" : "a" , "big":12345678901234567890}',
    model: 'b"',
    expected: '{ "n":1.50, "model" : "b\\"" , "big":12345678901234567890}',
  },
  {
    what: "the prompt in front of the client's own words",
    body: '{"instructions":"Be \\u0062rief.","model":"a"}',
    prompt: "P\n",
    expected: '{"instructions":"P\\n\\n\\nBe \\u0062rief.","model":"a"}',
  },
  {
    what: "the prompt where there were no instructions",
    body: '{ "model":"a"}',
    prompt: "P",
    expected: '{ "instructions":"P","model":"a"}',
  },
  {
    what: "the prompt where they were null",
    body: '{"instructions": null ,"model":"a"}',
    prompt: "P",
    expected: '{"instructions": "P" ,"model":"a"}',
  },
  {
    what: "a prompt that stands there already",
    body: '{"instructions":"P\\n\\nmine","model":"a"}',
    prompt: "P",
    expected: '{"instructions":"P\\n\\nmine","model":"a"}',
  },
  { what: "an empty prompt", body: '{"model":"a"}', prompt: "", expected: '{"model":"a"}' },
  {
    what: "instructions that are no string are the upstream's to refuse",
    body: '{"instructions":[1],"model":"a"}',
    prompt: "P",
    expected: '{"instructions":[1],"model":"a"}',
  },
  {
    what: "reasoning that was sealed for another maker is taken out",
    body: `{"model":"a","input":[${SEALED}, {"role":"user","content":"\\"gw1. ]"} ,${SEALED},{"type":"reasoning","encrypted_content":"gAAA"},${SEALED}]}`,
    expected: '{"model":"a","input":[{"role":"user","content":"\\"gw1. ]"} ,{"type":"reasoning","encrypted_content":"gAAA"}]}',
  },
  {
    what: "reasoning that never had a proof is taken out too: OpenAI would look for it in its store",
    body: '{"input":[{"role":"user","content":"A"},{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gw1.unsigned"}]}',
    expected: '{"input":[{"role":"user","content":"A"}]}',
  },
  {
    what: "sealed reasoning that stands alone",
    body: `{"input":[ ${SEALED},${SEALED} ],"model":"a"}`,
    expected: '{"input":[  ],"model":"a"}',
  },
  {
    what: "words that look like a seal",
    body: '{"input":[{"role":"user","content":"gw1.x"}],"model":"a"}',
    expected: '{"input":[{"role":"user","content":"gw1.x"}],"model":"a"}',
  },
];

for (const { what, body, model = null, prompt = null, expected } of EDITS) {
  test(`edit: ${what}`, () => assert.equal(openaiResponses.request.edit(body, { model, systemPrompt: prompt }), expected));
}

// ---- The official type -------------------------------------------------------------------------------------------

test("every member of the official request type is classified, and nothing else", () => {
  // The types say it: a new member in the SDK, or one too many here, does not compile.
  const classified: Readonly<Record<keyof ResponseCreateParams, Fate>> = FIELDS;
  const known: Readonly<Record<keyof typeof FIELDS, Fate>> = classified;
  assert.deepEqual(Object.keys(known), Object.keys(FIELDS).sort());
});
