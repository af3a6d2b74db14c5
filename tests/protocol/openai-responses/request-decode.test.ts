// Requests of clients of the Responses API: what each form decodes to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../../src/errors.ts";
import type { CanonicalRequest } from "../../../src/protocol/canonical.ts";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";
import { NAMES } from "../../../src/protocol/openai-responses/wire.ts";
import {
  anthropic,
  assistant,
  base64,
  call,
  customTool,
  file,
  google,
  image,
  openai,
  reasoning,
  request,
  result,
  system,
  text,
  tool,
  url,
  user,
} from "../../support/canonical.ts";

const extension = (field: string, value: string, severity: "dropped" | "reported" | "refused", reason: string) => ({
  protocol: "openai-responses" as const,
  field,
  value,
  severity,
  reason,
});

const EMPTY = request({ names: NAMES, includeUsage: true });
const HI = { turns: [user("Hi")] };

function decode(body: object | string): CanonicalRequest {
  const wire = typeof body === "string" ? body : JSON.stringify({ model: "m", ...body });
  return openaiResponses.request.decode({ body: wire, headers: {}, path: null });
}

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
    expected: { turns: [user("Hi"), system("Now be brief."), user("Go"), system("End")] },
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
    expected: { turns: [assistant(reasoning("", { proof: openai("gAAA") }), call("1", "f", "{}"))] },
  },
  {
    what: "reasoning that this proxy marked as unsigned has no proof",
    body: {
      input: [
        { id: "rs_1", type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: "gw1.unsigned" },
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
      ],
    },
    expected: { turns: [assistant(reasoning("Hm."), call("1", "f", "{}"))] },
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
      turns: [assistant(reasoning("Hm", { proof: anthropic("sig") }), reasoning("", { redacted: true, proof: anthropic("data") }))],
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
      turns: [assistant(call("1", "f", "{}", { proof: google("signature") })), user(result("1", "ok"))],
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
    expected: { turns: [user(result("1", []), result("2", [text("a"), text("b")]), result("3", "c", { kind: "custom" }))] },
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
          image(base64("image/png", "AAAA")),
          file(base64("application/pdf", "JVBERi0=")),
          file(base64("text/plain", "w7hsIQ==")),
          file(base64("application/pdf", "JVBERi0="), { filename: "a.pdf" }),
          image(url("https://example.com/a.png"), { detail: "original" }),
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
      tools: [tool("f", { schema: '{"type":"object", "properties":{"z":{},"a":{"maximum":1e2}}}' })],
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
      tools: [customTool("c", { grammar: { syntax: "lark", definition: "start: /x/" } }), customTool("d")],
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
      tools: [tool("crew__wake", { namespace: "crew" }), tool("mcp__x__mcp__x__y", { namespace: "mcp__x__" })],
      toolChoice: { type: "subset", names: ["crew__wake", "web_search"], required: true },
      losses: [
        { field: "tools.namespace.description", severity: "dropped", reason: "Other protocols have no description for a group of tools." },
      ],
    },
  },
  {
    what: "Codex: tools in an item of the input are the request's tools; of a tool that stands twice the later one counts",
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
      tools: [tool("f", { description: "again" }), customTool("g")],
    },
  },
  {
    what: "web search is mapped; hosted tools may be left out",
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
          severity: "reported",
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
      tools: [tool("f")],
      losses: [
        { field: "tools.allowed_callers", severity: "refused", reason: "In other protocols the model calls every tool directly." },
        { field: "input.caller", severity: "refused", reason: "In other protocols only the model makes calls; a program made this one." },
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
      extensions: [extension("tool_choice", '{"type":"mcp","server_label":"s"}', "refused", "Only OpenAI has this hosted tool.")],
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
        extension("user", '"u"', "dropped", "safety_identifier already names the end user."),
        extension("service_tier", '"scale"', "reported", 'The value "scale" is unknown and was left out.'),
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
      losses: [{ field: "input.phase", severity: "reported", reason: "No other protocol distinguishes commentary from the final answer." }],
    },
  },
  {
    what: "a cache breakpoint marks its part",
    body: { input: [{ role: "user", content: [{ type: "input_text", text: "Hi", prompt_cache_breakpoint: { mode: "explicit" } }] }] },
    expected: { turns: [user(text("Hi", { cache: { ttl: null } }))] },
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
    what: "a choice that is a number",
    body: { input: "Hi", tool_choice: 1 },
    param: "tool_choice",
    message: /should be a JSON object/,
  },
  {
    what: "a format without a schema",
    body: { input: "Hi", text: { format: { type: "json_schema", name: "n" } } },
    param: "text.format.schema",
    message: /should be a JSON Schema/,
  },
  {
    what: "an effort that is a number",
    body: { input: "Hi", reasoning: { effort: 3 } },
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

// ---- Head --------------------------------------------------------------------------------------------------------

test("head: model, stream and the first item as it was written", () => {
  const sent = {
    body: '{ "input": [ {"role": "user",  "content":"Hi"}, {} ], "stream":true,"model":"gpt-5" }',
    headers: {},
    path: null,
  };
  assert.deepEqual(openaiResponses.request.head(sent), {
    model: "gpt-5",
    stream: true,
    conversation: '{"role": "user",  "content":"Hi"}',
  });
});
