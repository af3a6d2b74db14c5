// Requests of Anthropic's Messages API, both ways: what a client's body means, and what a Messages upstream is sent.
// A row names the pitfall (PROTOCOLS section B) or the row of section A that it stands for; whole values are compared.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../../src/errors.ts";
import { anthropicMessages } from "../../../src/protocol/anthropic-messages/codec.ts";
import { FIELDS, NAMES } from "../../../src/protocol/anthropic-messages/wire.ts";
import type {
  CanonicalRequest,
  FieldNames,
  FunctionTool,
  Loss,
  Part,
  TextPart,
  ToolCallPart,
  ToolResultPart,
  Turn,
} from "../../../src/protocol/canonical.ts";
import { bareRequest } from "../../../src/protocol/exchange.ts";
import { sealProof } from "../../../src/protocol/seals.ts";

type Body = Readonly<Record<string, unknown>>;

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const PDF = "JVBERi0xLjQKJSBhIGZpeHR1cmUK";
const HI = { role: "user", content: "Hi" };

const text = (value: string, more: Partial<TextPart> = {}): TextPart => ({
  type: "text",
  text: value,
  annotations: [],
  cache: null,
  proof: null,
  ...more,
});
const user = (...parts: Part[]): Turn => ({ role: "user", parts, effort: null });
const assistant = (...parts: Part[]): Turn => ({ role: "assistant", parts, effort: null });
const system = (...parts: Part[]): Turn => ({ role: "system", parts, effort: null });
const call = (callId: string, name: string, args: string, more: Partial<ToolCallPart> = {}): ToolCallPart => ({
  type: "tool-call",
  callId,
  name,
  kind: "function",
  arguments: args,
  cache: null,
  proof: null,
  ...more,
});
const result = (callId: string, content: ToolResultPart["content"], more: Partial<ToolResultPart> = {}): ToolResultPart => ({
  type: "tool-result",
  callId,
  name: null,
  kind: "function",
  content,
  isError: null,
  cache: null,
  ...more,
});
const reasoning = (value: string, more: Partial<Extract<Part, { type: "reasoning" }>> = {}): Part => ({
  type: "reasoning",
  text: value,
  redacted: false,
  proof: null,
  ...more,
});
const fn = (name: string, more: Partial<FunctionTool> = {}): FunctionTool => ({
  type: "function",
  name,
  namespace: null,
  description: null,
  schema: '{"type":"object","properties":{}}',
  strict: null,
  cache: null,
  ...more,
});

// ---- Decode --------------------------------------------------------------------------------------------------------

const BLANK: CanonicalRequest = {
  ...bareRequest({ model: "claude-opus-5", stream: false }),
  names: NAMES,
  turns: [user(text("Hi"))],
  maxOutputTokens: 64,
  includeUsage: true,
};

function decode(body: Body | string): CanonicalRequest {
  const source = typeof body === "string" ? body : JSON.stringify({ model: "claude-opus-5", max_tokens: 64, messages: [HI], ...body });
  return anthropicMessages.request.decode({ body: source, headers: {}, path: null });
}

interface DecodeRow {
  readonly what: string;
  readonly body: Body;
  readonly differs: Partial<CanonicalRequest>;
}

const BLOCK_FIELDS = "messages[0].content[0]";

const DECODED: readonly DecodeRow[] = [
  {
    what: "30: content as a string is one text block",
    body: { messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }] },
    differs: {},
  },
  { what: "A.3: neighbours of one role are one turn", body: { messages: [HI, HI] }, differs: { turns: [user(text("Hi"), text("Hi"))] } },
  {
    what: "2: the last message is a system message with an effort of its own",
    body: { messages: [HI, { role: "system", content: "Be brief.", output_config: { effort: "low" } }], output_config: { effort: "high" } },
    differs: {
      turns: [user(text("Hi")), { role: "system", parts: [text("Be brief.")], effort: "low" }],
      reasoning: { mode: "adaptive", effort: "high", budgetTokens: null, display: null },
    },
  },
  {
    what: "A.2: a cleared system message counts only until the user speaks again",
    body: { messages: [HI, { role: "system", content: "Once.", clear_at: "next_user_message" }, { role: "assistant", content: "A" }, HI] },
    differs: { turns: [user(text("Hi")), assistant(text("A")), user(text("Hi"))] },
  },
  {
    what: "A.2: a cleared system message counts while the user has not spoken again",
    body: { messages: [HI, { role: "system", content: "Once.", clear_at: "next_user_message" }] },
    differs: { turns: [user(text("Hi")), system(text("Once."))] },
  },
  {
    what: "3, 113: instructions keep their blocks and marks; a null mark is none",
    body: {
      system: [
        { type: "text", text: "A", cache_control: { type: "ephemeral", ttl: "1h" } },
        { type: "text", text: "B", cache_control: null },
      ],
    },
    differs: { system: [text("A", { cache: { ttl: "1h" } }), text("B")] },
  },
  {
    what: "111: the attribution line is no instruction, wherever a prompt was put in front of it",
    body: {
      system: [
        { type: "text", text: "Prompt." },
        { type: "text", text: "x-anthropic-billing-header: cch=1;" },
        { type: "text", text: "A" },
      ],
    },
    differs: {
      system: [text("Prompt."), text("A")],
      extensions: [
        {
          protocol: "anthropic-messages",
          field: "system.attribution",
          value: '{"type":"text","text":"x-anthropic-billing-header: cch=1;"}',
          severity: "dropped",
          reason: "It is a note for Anthropic's billing.",
        },
      ],
    },
  },
  {
    what: "43, A.4: documents of text, of parts with an image, and the rest of what is said about them",
    body: {
      messages: [
        {
          role: "user",
          content: [
            {
              type: "document",
              source: { type: "text", media_type: "text/plain", data: "Log" },
              title: "T",
              context: "C",
              citations: { enabled: true },
            },
            {
              type: "document",
              source: {
                type: "content",
                content: [
                  { type: "text", text: "P" },
                  { type: "image", source: { type: "url", url: "https://example.com/i.png" } },
                ],
              },
              title: "T",
            },
          ],
        },
      ],
    },
    differs: {
      turns: [
        user(
          { type: "file", source: { type: "text", text: "Log" }, filename: "T", context: "C", citations: true, cache: null },
          text("T"),
          text("P"),
          { type: "image", source: { type: "url", url: "https://example.com/i.png", mediaType: null }, detail: null, cache: null },
        ),
      ],
    },
  },
  {
    what: "45: a document of the assistant stays the assistant's",
    body: {
      messages: [
        HI,
        { role: "assistant", content: [{ type: "document", source: { type: "base64", media_type: "application/pdf", data: PDF } }] },
      ],
    },
    differs: {
      turns: [
        user(text("Hi")),
        assistant({
          type: "file",
          source: { type: "base64", mediaType: "application/pdf", data: PDF },
          filename: null,
          context: null,
          citations: null,
          cache: null,
        }),
      ],
    },
  },
  {
    what: "47: a search result is text",
    body: {
      messages: [
        {
          role: "user",
          content: [
            {
              type: "search_result",
              title: "T",
              source: "https://example.com",
              content: [
                { type: "text", text: "A" },
                { type: "text", text: "B" },
              ],
            },
          ],
        },
      ],
    },
    differs: { turns: [user(text("T (https://example.com)\nA\nB"))] },
  },
  {
    what: "85, 87, 95: thoughts with an empty, a real and a foreign proof, hidden ones, and ones without text",
    body: {
      messages: [
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "A", signature: "" },
            { type: "thinking", thinking: "", signature: "sig==" },
            { type: "thinking", thinking: "B", signature: sealProof({ origin: "openai", data: "enc" }, "anthropic") },
            { type: "thinking", thinking: "C", signature: "gw1.unsigned" },
            { type: "redacted_thinking", data: "hidden==" },
            { type: "redacted_thinking", data: "gw1.nobody.???" },
          ],
        },
      ],
    },
    differs: {
      turns: [
        assistant(
          reasoning("A"),
          reasoning("", { proof: { origin: "anthropic", data: "sig==" } }),
          reasoning("B", { proof: { origin: "openai", data: "enc" } }),
          reasoning("C"),
          reasoning("", { redacted: true, proof: { origin: "anthropic", data: "hidden==" } }),
          reasoning("", { redacted: true }),
        ),
      ],
    },
  },
  {
    what: "A.8: the proof of a call and of a text comes back from the block that carried it",
    body: {
      messages: [
        {
          role: "assistant",
          content: [
            { type: "text", text: "A" },
            { type: "redacted_thinking", data: "gw1.google.c2ln.before" },
            { type: "tool_use", id: "t1", name: "f", input: {} },
            { type: "redacted_thinking", data: "gw1.google.c2ln.before" },
          ],
        },
      ],
    },
    differs: {
      turns: [
        assistant(
          text("A", { proof: { origin: "google", data: "sig" } }),
          call("t1", "f", "{}", { proof: { origin: "google", data: "sig" } }),
        ),
      ],
    },
  },
  {
    what: "55: tools that the client runs get the schema that Claude knows by heart",
    body: { tools: [{ type: "bash_20250124", name: "bash" }] },
    differs: {
      tools: [
        fn("bash", {
          description: "Runs a command in a bash session that stays open between calls, and returns what it printed.",
          schema:
            '{"type":"object","properties":{"command":{"type":"string","description":"The command to run. Required unless restart is true."},' +
            '"restart":{"type":"boolean","description":"True starts the session anew."}},"required":[],"additionalProperties":false}',
        }),
      ],
    },
  },
  {
    what: "55: tools that run at Anthropic stay what they are; a web search has equals elsewhere",
    body: {
      tools: [
        { type: "code_execution_20250825", name: "code_execution" },
        { type: "computer_toolset_20260801" },
        { type: "web_search_20260209", name: "web_search", max_uses: 2 },
      ],
    },
    differs: {
      tools: [
        {
          type: "opaque",
          protocol: "anthropic-messages",
          name: "code_execution",
          value: '{"type":"code_execution_20250825","name":"code_execution"}',
          severity: "refused",
        },
        {
          type: "opaque",
          protocol: "anthropic-messages",
          name: "computer_toolset_20260801",
          value: '{"type":"computer_toolset_20260801"}',
          severity: "refused",
        },
        { type: "web-search", allowedDomains: [], blockedDomains: [], location: null, contextSize: null, maxUses: 2 },
      ],
    },
  },
  {
    what: "57: a deferred tool is sent in full; keys that only Anthropic knows are said",
    body: {
      tools: [
        {
          name: "f",
          input_schema: {},
          defer_loading: true,
          eager_input_streaming: true,
          input_examples: [{}],
          allowed_callers: ["code_execution_20260120"],
        },
      ],
    },
    differs: {
      tools: [fn("f", { schema: "{}" })],
      losses: [
        { field: "tools[0].allowed_callers", severity: "refused", reason: "Only code that runs at Anthropic may call this tool." },
        { field: "tools[0].defer_loading", severity: "dropped", reason: "The tool is sent in full." },
        { field: "tools[0].eager_input_streaming", severity: "dropped", reason: "Other providers stream tool arguments by themselves." },
        {
          field: "tools[0].input_examples",
          severity: "reported",
          reason: "Only Anthropic takes examples of a tool's input; put them into its description.",
        },
      ],
    },
  },
  {
    what: "A.2: tools that the conversation withdraws, offers again and defines",
    body: {
      tools: [
        { name: "a", input_schema: {} },
        { name: "b", input_schema: {} },
      ],
      messages: [
        HI,
        {
          role: "system",
          content: [
            { type: "tool_removal", tool: { type: "tool_reference", name: "a" } },
            { type: "tool_removal", tool: { type: "tool_reference", name: "b" } },
            { type: "tool_addition", tool: { type: "tool_reference", name: "a" } },
            { type: "tool_addition", tool: { type: "tool_definition", definition: { name: "c", input_schema: {} } } },
          ],
        },
      ],
    },
    differs: { tools: [fn("a", { schema: "{}" }), fn("c", { schema: "{}" })] },
  },
  {
    what: "63: one call at a time",
    body: { tools: [{ name: "f", input_schema: {} }], tool_choice: { type: "any", disable_parallel_tool_use: true } },
    differs: { tools: [fn("f", { schema: "{}" })], toolChoice: { type: "required" }, parallelToolCalls: false },
  },
  {
    what: "A.8: thinking with a budget, switched off, between tools",
    body: { thinking: { type: "enabled", budget_tokens: 2048, display: "omitted" } },
    differs: { reasoning: { mode: "on", effort: null, budgetTokens: 2048, display: "none" } },
  },
  {
    what: "A.8: thinking switched off",
    body: { thinking: { type: "disabled" } },
    differs: { reasoning: { mode: "off", effort: null, budgetTokens: null, display: null } },
  },
  {
    what: "A.8: thinking between tools alone is as good as adaptive elsewhere, and goes back as it came",
    body: { thinking: { type: "between_tools" }, output_config: { effort: "low", task_budget: { type: "tokens", total: 5 } } },
    differs: {
      reasoning: { mode: "adaptive", effort: "low", budgetTokens: null, display: null },
      extensions: [
        {
          protocol: "anthropic-messages",
          field: "thinking",
          value: '{"type":"between_tools"}',
          severity: "reported",
          reason: "Only Claude models can think between tool calls alone.",
        },
      ],
      losses: [
        {
          field: "output_config.task_budget",
          severity: "reported",
          reason: "Only Claude models are told of a token budget for the whole task.",
        },
      ],
    },
  },
  {
    what: "109, 110: the user and, within, the session that groups requests",
    body: { metadata: { user_id: "user_1_account__session_0000-1" } },
    differs: { endUser: "user_1_account__session_0000-1", cacheKey: "0000-1" },
  },
  {
    what: "A.10: max_tokens 0 asks for no answer",
    body: { max_tokens: 0 },
    differs: {
      maxOutputTokens: null,
      extensions: [
        {
          protocol: "anthropic-messages",
          field: "max_tokens",
          value: "0",
          severity: "refused",
          reason: "Only Anthropic fills its cache without an answer.",
        },
      ],
    },
  },
  {
    what: "A.12, 115: members without a home are judged one by one, unknown ones reported",
    body: { context_management: { edits: [{ type: "clear_tool_uses_20250919" }] }, inference_geo: "eu", zz: 12 },
    differs: {
      extensions: [
        {
          protocol: "anthropic-messages",
          field: "context_management",
          value: '{"edits":[{"type":"clear_tool_uses_20250919"}]}',
          severity: "reported",
          reason: FIELDS.context_management.reason,
        },
        { protocol: "anthropic-messages", field: "inference_geo", value: '"eu"', severity: "refused", reason: FIELDS.inference_geo.reason },
        {
          protocol: "anthropic-messages",
          field: "zz",
          value: "12",
          severity: "reported",
          reason: "The model's own protocol has no such member.",
        },
      ],
    },
  },
  {
    what: "A.12: keeping all thoughts, as Claude Code asks, asks for nothing",
    body: { context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] } },
    differs: {
      extensions: [
        {
          protocol: "anthropic-messages",
          field: "context_management",
          value: '{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]}',
          severity: "dropped",
          reason: FIELDS.context_management.reason,
        },
      ],
    },
  },
  {
    what: "A.4: blocks of hosted tools, of files and of the future",
    body: {
      messages: [
        { role: "user", content: [{ type: "container_upload", file_id: "f" }, { type: "hologram" }] },
        { role: "assistant", content: [{ type: "server_tool_use", id: "s", name: "web_search", input: { q: 1 } }] },
      ],
    },
    differs: {
      turns: [
        user(
          {
            type: "opaque",
            protocol: "anthropic-messages",
            name: "container_upload",
            value: '{"type":"container_upload","file_id":"f"}',
            severity: "refused",
          },
          { type: "opaque", protocol: "anthropic-messages", name: "hologram", value: '{"type":"hologram"}', severity: "refused" },
        ),
        assistant({
          type: "opaque",
          protocol: "anthropic-messages",
          name: "server_tool_use",
          value: '{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}}',
          severity: "reported",
        }),
      ],
    },
  },
  {
    what: "A.7: a call that code at Anthropic made, and what a result may hold",
    body: {
      messages: [
        {
          role: "assistant",
          content: [{ type: "tool_use", id: "t", name: "f", input: {}, caller: { type: "code_execution_20260120", tool_id: "s" } }],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "t", content: [{ type: "tool_reference", tool_name: "g" }, { type: "browser_state" }] },
          ],
        },
      ],
    },
    differs: {
      turns: [assistant(call("t", "f", "{}")), user(result("t", [text("The tool g can be called now.")]))],
      losses: [
        {
          field: `${BLOCK_FIELDS}.caller`,
          severity: "refused",
          reason: "The call was made by code_execution_20260120, which runs at Anthropic alone.",
        },
        {
          field: "messages[1].content[0].content[1]",
          severity: "refused",
          reason: "Only Claude models can read content of type browser_state in a tool's result.",
        },
      ],
    },
  },
];

for (const { what, body, differs } of DECODED) {
  test(`a request means: ${what}`, () => assert.deepEqual(decode(body), { ...BLANK, ...differs }));
}

test("70, 54, 114: arguments and schemas stay as they were written, whatever stands in them", () => {
  const input = '{ "n": 12345678901234567890, "10": 1.50e+02,\n"cache_control": {"type":"ephemeral"} }';
  const schema = '{"type": "object",  "properties": {"b": {"maximum": 18446744073709551615}, "a": {}, "cache_control": {}}}';
  const decoded = decode(
    `{"model":"claude-opus-5","max_tokens":64,"tools":[{"name":"f","input_schema":${schema}}],"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":${input}}]}]}`,
  );
  assert.deepEqual(decoded, { ...BLANK, tools: [fn("f", { schema })], turns: [assistant(call("t", "f", input))] });
});

test("A.10: temperature, top_p, top_k, stop sequences and the tier", () => {
  const decoded = decode({ temperature: 0, top_p: 0.5, top_k: 3, stop_sequences: ["a"], service_tier: "standard_only", stream: true });
  const sampling = { ...BLANK.sampling, temperature: 0, topP: 0.5, topK: 3 };
  assert.deepEqual(decoded, { ...BLANK, sampling, stop: ["a"], serviceTier: "default", stream: true });
});

const WRONG: readonly { readonly what: string; readonly body: Body; readonly param: string; readonly message: string }[] = [
  { what: "no messages", body: { messages: null }, param: "messages", message: "messages should be an array of messages, not null." },
  {
    what: "a role of another protocol",
    body: { messages: [{ role: "tool", content: "x" }] },
    param: "messages[0].role",
    message: 'messages[0].role should be one of user, assistant, system, not "tool".',
  },
  {
    what: "content that is a number",
    body: { messages: [{ role: "user", content: 7 }] },
    param: "messages[0].content",
    message: "messages[0].content should be a string or an array of content blocks, not 7.",
  },
  {
    what: "a block without text",
    body: { messages: [{ role: "user", content: [{ type: "text" }] }] },
    param: "messages[0].content[0].text",
    message: "messages[0].content[0].text should be a string, not absent.",
  },
  {
    what: "an input that is no object",
    body: { messages: [{ role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input: "x" }] }] },
    param: "messages[0].content[0].input",
    message: 'messages[0].content[0].input should be a JSON object, not "x".',
  },
  {
    what: "an unknown tool choice",
    body: { tool_choice: { type: "some" } },
    param: "tool_choice.type",
    message: 'tool_choice.type should be one of auto, any, tool, none, not "some".',
  },
  {
    what: "an unknown effort",
    body: { output_config: { effort: "huge" } },
    param: "output_config.effort",
    message: 'output_config.effort should be one of low, medium, high, xhigh, max, not "huge".',
  },
];

for (const { what, body, param, message } of WRONG) {
  test(`a request is refused by name of the field: ${what}`, () => {
    assert.throws(
      () => decode(body),
      (error) => {
        assert.ok(error instanceof GatewayError);
        assert.deepEqual([error.kind, error.param, error.message], ["invalid-request", param, message]);
        return true;
      },
    );
  });
}

test("CLIENTS 2: a thread is refused with the details by which the official client goes on without one", () => {
  assert.throws(
    () => decode({ thread: { type: "continue", previous_message_id: "msg_1" } }),
    (error) => {
      assert.ok(error instanceof GatewayError);
      const { body, status } = anthropicMessages.error.encode(error, "req-1");
      assert.equal(status, 400);
      assert.deepEqual(JSON.parse(body), {
        type: "error",
        error: {
          type: "invalid_request_error",
          message: "thread: this model's provider holds no threads; send the whole conversation without `thread`.",
          details: { error_code: "thread_unsupported_request", unsupported: ["thread"] },
        },
        request_id: "req-1",
      });
      return true;
    },
  );
});

// ---- Encode --------------------------------------------------------------------------------------------------------

/** A client of another protocol. */
const FOREIGN: FieldNames = { ...NAMES, turns: "input", maxOutputTokens: "limit" };

const ASKED: CanonicalRequest = { ...BLANK, names: FOREIGN, maxOutputTokens: 1000 };
const SENT = { model: "claude-opus-5", max_tokens: 1000, messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }] };
const NOW = { "anthropic-version": "2026-10-21" };
const BEFORE = { "anthropic-version": "2023-06-01" };

interface EncodeRow {
  readonly what: string;
  readonly request: Partial<CanonicalRequest>;
  readonly body: Body;
  readonly headers?: Readonly<Record<string, string>>;
  readonly losses?: readonly Loss[];
}

const say = (field: string, severity: Loss["severity"], reason: string): Loss => ({ field, severity, reason });
const said = (role: string, ...content: object[]): object => ({ role, content });
const words = (value: string): object => ({ type: "text", text: value });
const EMPTY = { type: "object", properties: {} };
const SAMPLED = { ...BLANK.sampling };
const JSON_SCHEMA = '{"type":"object","properties":{"n":{"type":"integer","minimum":1.50,"description":"Count."}},"required":["n"]}';
const LOOK = { name: "look", input_schema: EMPTY };
const USE = { type: "tool_use", id: "c1", name: "look", input: {} };
const LOOP = [user(text("Hi")), assistant(call("c1", "look", "{}")), user(result("c1", [text("Sea.")]))];
const LOOP_SENT = [
  said("user", words("Hi")),
  said("assistant", USE),
  said("user", { type: "tool_result", tool_use_id: "c1", content: [words("Sea.")] }),
];
const UNSIGNED = say("input.reasoning", "dropped", "Claude models take back only thoughts that they signed.");
const NO_SAMPLING = "This model takes no sampling parameters.";

const ENCODED: readonly EncodeRow[] = [
  { what: "the smallest request", request: {}, body: SENT, headers: NOW },
  { what: "A.1: the stream switch", request: { stream: true }, body: { ...SENT, stream: true } },
  // Order and roles
  {
    what: "1: a system message behind a user turn keeps its place, where the model takes it",
    request: { turns: [user(text("A")), system(text("S")), assistant(text("B")), user(text("C"))] },
    body: {
      ...SENT,
      messages: [said("user", words("A")), said("system", words("S")), said("assistant", words("B")), said("user", words("C"))],
    },
  },
  {
    what: "1: for a model that takes none it is user text in the same place",
    request: { model: "claude-sonnet-4-6", turns: [user(text("A")), system(text("S")), assistant(text("B")), user(text("C"))] },
    body: {
      ...SENT,
      model: "claude-sonnet-4-6",
      messages: [said("user", words("A"), words("S")), said("assistant", words("B")), said("user", words("C"))],
    },
  },
  {
    what: "1: between a call and its result it moves behind the result",
    request: { tools: [fn("look")], turns: [...LOOP.slice(0, 2), system(text("S")), ...LOOP.slice(2)] },
    body: { ...SENT, tools: [LOOK], messages: [...LOOP_SENT, said("system", words("S"))] },
  },
  {
    what: "1: where the API allows none, between assistant and user, it is user text too",
    request: { turns: [user(text("A")), assistant(text("B")), system(text("S")), user(text("C"))] },
    body: { ...SENT, messages: [said("user", words("A")), said("assistant", words("B")), said("user", words("S"), words("C"))] },
  },
  {
    what: "1: and where the assistant turn behind it turns out to say nothing, with an effort that counts for the whole request",
    request: { turns: [user(text("A")), { ...system(text("S")), effort: "low" }, assistant(text(" ")), user(text("C"))] },
    body: { ...SENT, messages: [said("user", words("A"), words("S"), words("C"))], output_config: { effort: "low" } },
  },
  {
    what: "1: a system message that says nothing is none, wherever it stands",
    request: { turns: [system(text(" ")), user(text("A")), assistant(text("B")), system(text("")), user(text("C"))] },
    body: { ...SENT, messages: [said("user", words("A")), said("assistant", words("B")), said("user", words("C"))] },
  },
  {
    what: "2: an effort of its own goes along, with the beta that it needs",
    request: { turns: [user(text("A")), { ...system(text("S")), effort: "low" }] },
    body: { ...SENT, messages: [said("user", words("A")), { ...said("system", words("S")), output_config: { effort: "low" } }] },
    headers: { ...NOW, "anthropic-beta": "mid-conversation-output-config-2026-07-01" },
  },
  {
    what: "2: for a model that takes none, the last one holds for the whole request",
    request: {
      model: "claude-opus-4-6",
      turns: [user(text("A")), { ...system(text("S")), effort: "low" }],
      reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null },
    },
    body: {
      ...SENT,
      model: "claude-opus-4-6",
      messages: [said("user", words("A"), words("S"))],
      thinking: { type: "adaptive", display: "summarized" },
      output_config: { effort: "low" },
    },
  },
  {
    what: "3, 5: leading instructions are one array, one block each, with their marks",
    request: { system: [text("A", { cache: { ttl: "1h" } }), text("B", { cache: { ttl: null } })] },
    body: {
      ...SENT,
      system: [
        { ...words("A"), cache_control: { type: "ephemeral", ttl: "1h" } },
        { ...words("B"), cache_control: { type: "ephemeral" } },
      ],
    },
  },
  {
    what: "4: instructions alone get a user turn, with something in it",
    request: { system: [text("A")], turns: [] },
    body: { ...SENT, system: [words("A")], messages: [said("user", words("Continue."))] },
    losses: [say("input", "reported", "Messages needs a user turn; a short one was put in.")],
  },
  {
    what: "A.3: a history that begins with the assistant gets a user turn in front",
    request: { turns: [assistant(text("A")), user(text("B"))] },
    body: {
      ...SENT,
      messages: [
        said("user", words("(The conversation begins with the assistant.)")),
        said("assistant", words("A")),
        said("user", words("B")),
      ],
    },
  },
  {
    what: "7, 9: results stand first, all in one message, in the client's own order",
    request: {
      tools: [fn("look")],
      turns: [
        user(text("Hi")),
        assistant(call("c1", "look", ""), call("c2", "look", "")),
        user(text("So?"), result("c2", [text("B")])),
        user(result("c1", [text("A")])),
      ],
    },
    body: {
      ...SENT,
      tools: [LOOK],
      messages: [
        said("user", words("Hi")),
        said("assistant", USE, { ...USE, id: "c2" }),
        said(
          "user",
          { type: "tool_result", tool_use_id: "c2", content: [words("B")] },
          { type: "tool_result", tool_use_id: "c1", content: [words("A")] },
          words("So?"),
        ),
      ],
    },
  },
  {
    what: "10, 13: a result without a call is refused, and sent as text to who wants it all the same",
    request: { turns: [user(text("Hi"), result("c9", [text("Stray.")]))] },
    body: { ...SENT, messages: [said("user", words("Hi"), words("Stray."))] },
    losses: [say("input", "refused", "The result for c9 answers no call before it.")],
  },
  {
    what: "11: of two results for one call the last is sent",
    request: { tools: [fn("look")], turns: [...LOOP, user(result("c1", [text("Sky.")]))] },
    body: {
      ...SENT,
      tools: [LOOK],
      messages: [...LOOP_SENT.slice(0, 2), said("user", { type: "tool_result", tool_use_id: "c1", content: [words("Sky.")] })],
    },
    losses: [say("input", "reported", "Call c1 has several results; the last one was sent.")],
  },
  {
    what: "12: an interrupted call gets an error for a result",
    request: { tools: [fn("look")], turns: LOOP.slice(0, 2) },
    body: {
      ...SENT,
      tools: [LOOK],
      messages: [
        ...LOOP_SENT.slice(0, 2),
        said("user", {
          type: "tool_result",
          tool_use_id: "c1",
          content: [words("The call was interrupted before it gave a result.")],
          is_error: true,
        }),
      ],
    },
    losses: [say("input", "refused", "Call c1 of look has no result.")],
  },
  {
    what: "14: ids that repeat between turns are told apart, and ids of another alphabet fitted",
    request: {
      tools: [fn("look")],
      turns: [...LOOP, assistant(call("c1", "look", "{}"), call("a.b", "look", "{}")), user(result("c1", []), result("a.b", []))],
    },
    body: {
      ...SENT,
      tools: [LOOK],
      messages: [
        ...LOOP_SENT,
        said("assistant", { ...USE, id: "c1_3" }, { ...USE, id: "a_b_108bf50c" }),
        said("user", { type: "tool_result", tool_use_id: "c1_3" }, { type: "tool_result", tool_use_id: "a_b_108bf50c" }),
      ],
    },
  },
  {
    what: "15, 16: blank text is left out, its mark moved, an empty turn gone and its neighbours joined",
    request: {
      turns: [user(text("A"), text(" ", { cache: { ttl: null } })), assistant(text("")), user(text("B"))],
    },
    body: { ...SENT, messages: [said("user", { ...words("A"), cache_control: { type: "ephemeral" } }, words("B"))] },
  },
  {
    what: "18: a model that continues no assistant turn is asked to go on",
    request: { turns: [user(text("A")), assistant(text("B "))] },
    body: { ...SENT, messages: [said("user", words("A")), said("assistant", words("B ")), said("user", words("Continue."))] },
    losses: [say("input", "reported", 'This model does not continue an assistant turn; the user turn "Continue." was put behind it.')],
  },
  {
    what: "18, 19: one that does gets it without the space at its end",
    request: { model: "claude-sonnet-4-5", turns: [user(text("A")), assistant(text("B \n"))] },
    body: { ...SENT, model: "claude-sonnet-4-5", messages: [said("user", words("A")), said("assistant", words("B"))] },
  },
  // Content
  {
    what: "31, 32: what an image is, its first bytes say",
    request: {
      turns: [
        user(
          { type: "image", source: { type: "base64", mediaType: "image/jpg", data: PNG }, detail: "low", cache: null },
          { type: "image", source: { type: "base64", mediaType: "image/jpg", data: "AAAA" }, detail: null, cache: null },
        ),
      ],
    },
    body: {
      ...SENT,
      messages: [
        said(
          "user",
          { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
          { type: "image", source: { type: "base64", media_type: "image/jpeg", data: "AAAA" } },
        ),
      ],
    },
  },
  {
    what: "33: an image of a format that Messages lacks",
    request: {
      turns: [user({ type: "image", source: { type: "base64", mediaType: "image/svg+xml", data: "PHN2Zz4=" }, detail: null, cache: null })],
    },
    body: {
      ...SENT,
      messages: [said("user", words("[image left out: Messages takes no image of type image/svg+xml. Send jpeg, png, gif or webp.]"))],
    },
    losses: [say("input.image", "refused", "Messages takes no image of type image/svg+xml. Send jpeg, png, gif or webp.")],
  },
  {
    what: "35, 36: a PDF is a document, also where it came as an image",
    request: {
      turns: [
        user(
          {
            type: "file",
            source: { type: "base64", mediaType: null, data: PDF },
            filename: "a.pdf",
            context: null,
            citations: null,
            cache: null,
          },
          { type: "image", source: { type: "base64", mediaType: "application/pdf", data: PDF }, detail: null, cache: null },
          {
            type: "file",
            source: { type: "base64", mediaType: "text/csv; charset=utf-8", data: "YSxi" },
            filename: null,
            context: null,
            citations: null,
            cache: null,
          },
        ),
      ],
    },
    body: {
      ...SENT,
      messages: [
        said(
          "user",
          { type: "document", source: { type: "base64", media_type: "application/pdf", data: PDF }, title: "a.pdf" },
          { type: "document", source: { type: "base64", media_type: "application/pdf", data: PDF } },
          { type: "document", source: { type: "text", media_type: "text/plain", data: "a,b" } },
        ),
      ],
    },
  },
  {
    what: "44, A.4: sound, and files of another provider",
    request: {
      turns: [
        user(
          text("Hi"),
          { type: "audio", source: { type: "base64", mediaType: "audio/wav", data: "UklGRg==" } },
          {
            type: "file",
            source: { type: "file-id", id: "file-1", owner: "openai-chat" },
            filename: null,
            context: null,
            citations: null,
            cache: null,
          },
        ),
      ],
    },
    body: {
      ...SENT,
      messages: [
        said(
          "user",
          words("Hi"),
          words("[audio left out: Messages takes no audio.]"),
          words("[file left out: The file file-1 is stored at another provider, and Messages cannot read it there. Send a PDF or text.]"),
        ),
      ],
    },
    losses: [
      say("input.audio", "refused", "Messages takes no audio."),
      say("input.file", "refused", "The file file-1 is stored at another provider, and Messages cannot read it there. Send a PDF or text."),
    ],
  },
  {
    what: "45: what the assistant showed, the user shows",
    request: {
      turns: [
        user(text("A")),
        assistant(text("B"), {
          type: "image",
          source: { type: "url", url: "https://example.com/i.png", mediaType: null },
          detail: null,
          cache: null,
        }),
        user(text("C")),
      ],
    },
    body: {
      ...SENT,
      messages: [
        said("user", words("A")),
        said("assistant", words("B")),
        said("user", words("C"), { type: "image", source: { type: "url", url: "https://example.com/i.png" } }),
      ],
    },
    losses: [say("input", "reported", "Messages lets only the user show images and files; they were moved behind the assistant's turn.")],
  },
  {
    what: "46, A.4: citations and refusals in the history",
    request: {
      turns: [
        user(
          text("A", {
            annotations: [{ type: "url-citation", url: "https://example.com", title: null, start: null, end: null, quote: null }],
          }),
        ),
        assistant({ type: "refusal", text: "No." }),
        user(text("B")),
      ],
    },
    body: { ...SENT, messages: [said("user", words("A")), said("assistant", words("No.")), said("user", words("B"))] },
    losses: [say("input.annotations", "dropped", "Messages takes back its own citations alone.")],
  },
  {
    what: "A.4: hosted tools of another provider leave call and result together",
    request: {
      turns: [
        user(text("A")),
        assistant({ type: "opaque", protocol: "openai-responses", name: "web_search_call", value: "{}", severity: "reported" }, text("B")),
        user(text("C")),
      ],
    },
    body: { ...SENT, messages: [said("user", words("A")), said("assistant", words("B")), said("user", words("C"))] },
    losses: [say("input.web_search_call", "reported", "Only its own provider understands web_search_call.")],
  },
  // Tools
  {
    what: "48: names of another alphabet are fitted everywhere alike",
    request: {
      tools: [fn("mcp.sea/look", { schema: null })],
      toolChoice: { type: "named", name: "mcp.sea/look" },
      model: "claude-opus-4-8",
      turns: [user(text("Hi")), assistant(call("c1", "mcp.sea/look", "{}")), user(result("c1", [text("Sea.")]))],
    },
    body: {
      ...SENT,
      model: "claude-opus-4-8",
      tools: [{ ...LOOK, name: "mcp_sea_look_32aa9cd0" }],
      tool_choice: { type: "tool", name: "mcp_sea_look_32aa9cd0" },
      messages: [LOOP_SENT[0], said("assistant", { ...USE, name: "mcp_sea_look_32aa9cd0" }), LOOP_SENT[2]],
    },
  },
  {
    what: "60: no tools, no choice",
    request: { toolChoice: { type: "auto" }, parallelToolCalls: false },
    body: SENT,
  },
  {
    what: "A.5: tools of the history are declared when the client declares none",
    request: { turns: LOOP },
    body: { ...SENT, tools: [LOOK], tool_choice: { type: "none" }, messages: LOOP_SENT },
  },
  {
    what: "61: tools that may not be called stay declared",
    request: { tools: [fn("look")], toolChoice: { type: "none" } },
    body: { ...SENT, tools: [LOOK], tool_choice: { type: "none" } },
  },
  {
    what: "62: one call at a time needs a choice to say so",
    request: { tools: [fn("look")], parallelToolCalls: false },
    body: { ...SENT, tools: [LOOK], tool_choice: { type: "auto", disable_parallel_tool_use: true } },
  },
  {
    what: "64: a forced tool wins over thinking with a budget",
    request: {
      model: "claude-sonnet-4-5",
      tools: [fn("look")],
      toolChoice: { type: "required" },
      reasoning: { mode: "on", effort: "low", budgetTokens: null, display: null },
    },
    body: { ...SENT, model: "claude-sonnet-4-5", tools: [LOOK], tool_choice: { type: "any" }, thinking: { type: "disabled" } },
    losses: [say("thinking", "reported", "This model cannot think while it has to call a tool.")],
  },
  {
    what: "A.6: a choice of some tools of which one is unknown is refused",
    request: { tools: [fn("look")], toolChoice: { type: "subset", names: ["look", "nope"], required: true } },
    body: { ...SENT, tools: [LOOK], tool_choice: { type: "any" } },
    losses: [
      say("tool_choice", "refused", "There is no tool nope to call."),
      say("tool_choice", "reported", "Messages cannot narrow the choice; only the tools of the subset were sent."),
    ],
  },
  {
    what: "A.6: a model that cannot be forced",
    request: { model: "claude-opus-5-5", tools: [fn("look")], toolChoice: { type: "required" } },
    body: { ...SENT, model: "claude-opus-5-5", tools: [LOOK], tool_choice: { type: "auto" } },
    losses: [say("tool_choice", "refused", "This model cannot be made to call a tool.")],
  },
  {
    what: "A.6: a tool that is not there, and none at all",
    request: { toolChoice: { type: "required" } },
    body: SENT,
    losses: [say("tool_choice", "refused", "A tool has to be called, but none was sent that this model could call.")],
  },
  {
    what: "A.6: a subset is sent alone",
    request: { tools: [fn("look"), fn("other")], toolChoice: { type: "subset", names: ["look"], required: true } },
    body: { ...SENT, tools: [LOOK], tool_choice: { type: "any" } },
    losses: [say("tool_choice", "reported", "Messages cannot narrow the choice; only the tools of the subset were sent.")],
  },
  {
    what: "67: a custom tool is a function of one text, in the history too",
    request: {
      tools: [
        { type: "custom", name: "patch", namespace: null, description: "Patches.", grammar: { syntax: "lark", definition: "start: /.+/" } },
      ],
      turns: [
        user(text("Hi")),
        assistant(call("c1", "patch", 'a "b"\n', { kind: "custom" })),
        user(result("c1", [text("Done.")], { kind: "custom" })),
      ],
    },
    body: {
      ...SENT,
      tools: [
        {
          name: "patch",
          description: "Patches.\nPut the whole text into `input`, as it is.\nIt has to follow this lark grammar:\nstart: /.+/",
          input_schema: { type: "object", properties: { input: { type: "string" } }, required: ["input"], additionalProperties: false },
        },
      ],
      messages: [
        LOOP_SENT[0],
        said("assistant", { type: "tool_use", id: "c1", name: "patch", input: { input: 'a "b"\n' } }),
        said("user", { type: "tool_result", tool_use_id: "c1", content: [words("Done.")] }),
      ],
    },
    losses: [say("tools[0]", "reported", "Messages cannot hold a tool's text to a grammar; the model is told of it.")],
  },
  {
    what: "68: a tool of a namespace keeps its whole name",
    request: { tools: [fn("crew__call", { namespace: "crew__" })] },
    body: { ...SENT, tools: [{ ...LOOK, name: "crew__call" }] },
  },
  {
    what: "69: a web search is one here too; a hosted tool of another provider is none",
    request: {
      tools: [
        {
          type: "web-search",
          allowedDomains: ["a.example"],
          blockedDomains: ["b.example"],
          location: { city: "Bergen", region: null, country: null, timezone: null },
          contextSize: "low",
          maxUses: 2,
        },
        { type: "opaque", protocol: "openai-responses", name: "image_generation", value: "{}", severity: "refused" },
      ],
    },
    body: {
      ...SENT,
      tools: [
        {
          type: "web_search_20250305",
          name: "web_search",
          allowed_domains: ["a.example"],
          max_uses: 2,
          user_location: { type: "approximate", city: "Bergen" },
        },
      ],
    },
    losses: [
      say("tools[0]", "reported", "Messages takes allowed or blocked domains, not both; the allowed ones were sent."),
      say("tools[0]", "reported", "Messages cannot say how much context a web search may use."),
      say("tools[1]", "refused", "Only its own provider can run image_generation."),
    ],
  },
  {
    what: "71, 72, A.7: arguments that are empty, cut off, or no object",
    request: {
      tools: [fn("look")],
      turns: [
        user(text("Hi")),
        assistant(call("a", "look", " "), call("b", "look", '{"at": "se'), call("c", "look", "[1]")),
        user(result("a", []), result("b", []), result("c", [])),
      ],
    },
    body: {
      ...SENT,
      tools: [LOOK],
      messages: [
        LOOP_SENT[0],
        said(
          "assistant",
          { ...USE, id: "a" },
          { ...USE, id: "b", input: { _raw: '{"at": "se' } },
          { ...USE, id: "c", input: { _raw: "[1]" } },
        ),
        said("user", ...["a", "b", "c"].map((id) => ({ type: "tool_result", tool_use_id: id }))),
      ],
    },
    losses: [
      say("input.arguments", "refused", "The arguments of a call to look are not JSON; Messages takes JSON alone."),
      say("input.arguments", "reported", "The arguments of a call to look are no JSON object; they were wrapped into one."),
    ],
  },
  {
    what: "41, 42: whether a result is an error, only the client says",
    request: { tools: [fn("look")], turns: [...LOOP.slice(0, 2), user(result("c1", [text('{"error":null}')], { isError: false }))] },
    body: {
      ...SENT,
      tools: [LOOK],
      messages: [
        ...LOOP_SENT.slice(0, 2),
        said("user", { type: "tool_result", tool_use_id: "c1", content: [words('{"error":null}')], is_error: false }),
      ],
    },
  },
  {
    what: "A.5: a schema without a type gets one, a strict one loses what a grammar cannot hold",
    request: {
      tools: [
        fn("a", { schema: '{"anyOf":[{}]}' }),
        fn("b", { schema: '{"type":"object","properties":{"n":{"type":"string","pattern":"^a"}},"required":["n"]}', strict: true }),
        fn("c", { schema: '{"type":"object","additionalProperties":true}', strict: true }),
      ],
    },
    body: {
      ...SENT,
      tools: [
        { name: "a", input_schema: { type: "object", anyOf: [{}] } },
        {
          name: "b",
          input_schema: {
            type: "object",
            properties: { n: { type: "string", description: '{pattern: "^a"}' } },
            required: ["n"],
            additionalProperties: false,
          },
          strict: true,
        },
        { name: "c", input_schema: { type: "object", additionalProperties: true } },
      ],
    },
    losses: [say("tools[2].strict", "reported", "This model cannot hold strictly to the tool's schema.")],
  },
  {
    what: "A.11: of more than four cache marks the last four stay",
    request: {
      tools: [fn("look", { cache: { ttl: null } })],
      system: [text("A", { cache: { ttl: null } }), text("B", { cache: { ttl: null } })],
      turns: [
        user(text("C", { cache: { ttl: null } })),
        assistant(text("D", { cache: { ttl: null } })),
        user(text("E", { cache: { ttl: "5m" } })),
      ],
    },
    body: {
      ...SENT,
      tools: [LOOK],
      system: [words("A"), { ...words("B"), cache_control: { type: "ephemeral" } }],
      messages: [
        said("user", { ...words("C"), cache_control: { type: "ephemeral" } }),
        said("assistant", { ...words("D"), cache_control: { type: "ephemeral" } }),
        said("user", { ...words("E"), cache_control: { type: "ephemeral", ttl: "5m" } }),
      ],
    },
  },
  // Reasoning
  {
    what: "85, 86: thoughts go back to who signed them, and nowhere else",
    request: {
      turns: [
        user(text("A")),
        assistant(
          reasoning("mine", { proof: { origin: "anthropic", data: "s1" } }),
          reasoning("", { proof: { origin: "anthropic", data: "s2" } }),
          reasoning("", { redacted: true, proof: { origin: "anthropic", data: "s3" } }),
          reasoning("theirs", { proof: { origin: "openai", data: "s4" } }),
          reasoning("nobody's"),
          text("B", { proof: { origin: "google", data: "s5" } }),
        ),
        user(text("C")),
      ],
    },
    body: {
      ...SENT,
      messages: [
        said("user", words("A")),
        said(
          "assistant",
          { type: "thinking", thinking: "mine", signature: "s1" },
          { type: "thinking", thinking: "", signature: "s2" },
          { type: "redacted_thinking", data: "s3" },
          words("B"),
        ),
        said("user", words("C")),
      ],
    },
    losses: [UNSIGNED],
  },
  {
    what: "84: a tool loop that began without a thought goes on without one",
    request: {
      model: "claude-sonnet-4-5",
      tools: [fn("look")],
      turns: LOOP,
      reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null },
    },
    body: { ...SENT, model: "claude-sonnet-4-5", tools: [LOOK], thinking: { type: "disabled" }, messages: LOOP_SENT },
    losses: [
      say(
        "thinking",
        "reported",
        "The last tool call was made without a thought that this model signed; it cannot begin to think in the middle of a tool loop.",
      ),
    ],
  },
  {
    what: "84, 16: also where a later assistant turn says nothing",
    request: {
      model: "claude-sonnet-4-5",
      tools: [fn("look")],
      turns: [...LOOP, assistant(text("\n"))],
      reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null },
    },
    body: { ...SENT, model: "claude-sonnet-4-5", tools: [LOOK], thinking: { type: "disabled" }, messages: LOOP_SENT },
    losses: [
      say(
        "thinking",
        "reported",
        "The last tool call was made without a thought that this model signed; it cannot begin to think in the middle of a tool loop.",
      ),
    ],
  },
  {
    what: "90: a budget is capped below the limit, never the limit raised",
    request: {
      model: "claude-sonnet-4-5",
      maxOutputTokens: 8000,
      reasoning: { mode: "on", effort: null, budgetTokens: 9000, display: null },
    },
    body: { ...SENT, model: "claude-sonnet-4-5", max_tokens: 8000, thinking: { type: "enabled", budget_tokens: 6000 } },
  },
  {
    what: "91: the smallest effort is the smallest budget that the API takes",
    request: {
      model: "claude-sonnet-4-5",
      maxOutputTokens: 8000,
      reasoning: { mode: "on", effort: "minimal", budgetTokens: null, display: null },
    },
    body: { ...SENT, model: "claude-sonnet-4-5", max_tokens: 8000, thinking: { type: "enabled", budget_tokens: 1024 } },
  },
  {
    what: "A.8: no room for thinking",
    request: { model: "claude-sonnet-4-5", reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null } },
    body: { ...SENT, model: "claude-sonnet-4-5", thinking: { type: "disabled" } },
    losses: [say("thinking", "reported", "Thinking takes at least 1024 tokens of the 1000 that the whole answer may have.")],
  },
  {
    what: "A.8: a budget is a level for a model that takes levels, and seen by who asked from elsewhere",
    request: { reasoning: { mode: "on", effort: null, budgetTokens: 9000, display: null } },
    body: { ...SENT, thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "high" } },
  },
  {
    what: "A.8: a budget is a budget for a model that takes both",
    request: {
      model: "claude-opus-4-6",
      maxOutputTokens: 16000,
      reasoning: { mode: "on", effort: null, budgetTokens: 9000, display: "none" },
    },
    body: { ...SENT, model: "claude-opus-4-6", max_tokens: 16000, thinking: { type: "enabled", budget_tokens: 9000, display: "omitted" } },
  },
  {
    what: "A.8: a level that the model does not know becomes the next lower one",
    request: { model: "claude-opus-4-6", reasoning: { mode: "on", effort: "xhigh", budgetTokens: null, display: "detailed" } },
    body: { ...SENT, model: "claude-opus-4-6", thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "high" } },
    losses: [say("thinking", "reported", "This model does not know the effort xhigh; high was sent.")],
  },
  {
    what: "92: no reasoning has to be said, since models think by themselves",
    request: { model: "claude-opus-4-8", reasoning: { mode: "off", effort: "none", budgetTokens: null, display: null } },
    body: { ...SENT, model: "claude-opus-4-8", thinking: { type: "disabled" } },
  },
  {
    what: "92: one that cannot stop is asked for as little as possible",
    request: { model: "claude-fable-5", reasoning: { mode: "off", effort: "none", budgetTokens: null, display: null } },
    body: { ...SENT, model: "claude-fable-5", output_config: { effort: "low" } },
    losses: [say("thinking", "reported", "This model always thinks; it was asked to do so as little as possible.")],
  },
  {
    what: "92: one that can stop but between tools",
    request: { model: "claude-sonnet-5-5", reasoning: { mode: "off", effort: "none", budgetTokens: null, display: null } },
    body: { ...SENT, model: "claude-sonnet-5-5", thinking: { type: "between_tools" } },
    losses: [say("thinking", "reported", "This model still thinks between tool calls.")],
  },
  {
    what: "A.8: without thinking Opus 5 takes no effort above high",
    request: { reasoning: { mode: "off", effort: "max", budgetTokens: null, display: null } },
    body: { ...SENT, thinking: { type: "disabled" }, output_config: { effort: "high" } },
    losses: [say("thinking", "reported", "Without thinking this model takes no effort above high; max was lowered.")],
  },
  // Parameters
  { what: "96: without a limit the model's own", request: { maxOutputTokens: null }, body: { ...SENT, max_tokens: 128000 } },
  {
    what: "96: the same for an older model",
    request: { model: "claude-opus-4-1-20250805", maxOutputTokens: null },
    body: { ...SENT, model: "claude-opus-4-1-20250805", max_tokens: 32000 },
  },
  {
    what: "A.10: a limit beyond what the model has",
    request: { model: "claude-3-5-haiku-20241022", maxOutputTokens: 20000 },
    body: { ...SENT, model: "claude-3-5-haiku-20241022", max_tokens: 8192 },
    losses: [say("limit", "reported", "This model answers with at most 8192 tokens.")],
  },
  {
    what: "98, 99: a model that takes no sampling gets none, and the present API",
    request: { sampling: { ...SAMPLED, temperature: 1, topP: 0.5, topK: 5 } },
    body: SENT,
    losses: [say("temperature", "dropped", NO_SAMPLING), say("top_p", "reported", NO_SAMPLING), say("top_k", "reported", NO_SAMPLING)],
  },
  {
    what: "99, 100: one that does gets one of the two, clamped, and the API before",
    request: { model: "claude-sonnet-4-6", sampling: { ...SAMPLED, temperature: 1.5, topP: 0.5, topK: 5 } },
    body: { ...SENT, model: "claude-sonnet-4-6", temperature: 1, top_k: 5 },
    headers: BEFORE,
    losses: [
      say("temperature", "reported", "Messages takes a temperature of at most 1."),
      say("top_p", "reported", "This model takes temperature or top_p, not both."),
    ],
  },
  {
    what: "A.8: thinking strips sampling, and with it the reason for the API before",
    request: {
      model: "claude-sonnet-4-6",
      sampling: { ...SAMPLED, temperature: 0.5 },
      reasoning: { mode: "adaptive", effort: null, budgetTokens: null, display: "auto" },
    },
    body: { ...SENT, model: "claude-sonnet-4-6", thinking: { type: "adaptive", display: "summarized" } },
    losses: [say("temperature", "reported", "Claude models take no sampling parameters while they think.")],
  },
  {
    what: "A.10: what Messages has not",
    request: {
      sampling: { ...SAMPLED, seed: 7, presencePenalty: 0, frequencyPenalty: 0.5, topLogprobs: 0 },
      verbosity: "low",
      metadata: { a: "b" },
      store: true,
      cacheKey: "k",
      serviceTier: "flex",
      endUser: "u",
      stop: ["\n", "END"],
    },
    body: { ...SENT, stop_sequences: ["END"], metadata: { user_id: "u" } },
    losses: [
      say("seed", "reported", "Messages has no seed."),
      say("presence_penalty", "dropped", "Messages has no penalties for repetition."),
      say("frequency_penalty", "reported", "Messages has no penalties for repetition."),
      say("top_logprobs", "refused", "Messages gives no log probabilities."),
      say("verbosity", "reported", "Messages has no setting for how long an answer is."),
      say("metadata", "dropped", "Messages keeps no labels."),
      say("store", "reported", "Nothing is kept for later retrieval."),
      say("metadata.user_id.session_id", "dropped", "Anthropic finds cached prefixes by their content."),
      say("stop_sequences", "reported", "Messages takes no stop sequence of white space alone."),
      say("service_tier", "reported", "Messages has no cheaper tier for calls that may wait."),
    ],
  },
  { what: "A.13: tiers", request: { serviceTier: "priority" }, body: { ...SENT, service_tier: "auto" } },
  // Output
  {
    what: "107, 108: a schema is sent where the model holds to it, its constraints in words",
    request: { output: { type: "json-schema", name: "n", description: null, schema: JSON_SCHEMA, strict: true } },
    body: {
      ...SENT,
      output_config: {
        format: {
          type: "json_schema",
          schema: {
            type: "object",
            properties: { n: { type: "integer", description: "Count.\n{minimum: 1.5}" } },
            required: ["n"],
            additionalProperties: false,
          },
        },
      },
    },
  },
  {
    what: "107: a model that takes none answers through a tool",
    request: {
      model: "claude-3-5-haiku-20241022",
      output: { type: "json-schema", name: "n", description: null, schema: JSON_SCHEMA, strict: true },
    },
    body: {
      ...SENT,
      model: "claude-3-5-haiku-20241022",
      tools: [{ name: "json", description: "Gives the answer. Call it to answer.", input_schema: JSON.parse(JSON_SCHEMA) as object }],
      tool_choice: { type: "tool", name: "json" },
    },
  },
  {
    what: "107: beside the client's own tools, of which one has the same name",
    request: {
      model: "claude-3-5-haiku-20241022",
      tools: [fn("json")],
      output: { type: "json-schema", name: null, description: "A.", schema: JSON_SCHEMA, strict: null },
    },
    body: {
      ...SENT,
      model: "claude-3-5-haiku-20241022",
      tools: [
        { ...LOOK, name: "json" },
        { name: "answer_as_json", description: "A.", input_schema: JSON.parse(JSON_SCHEMA) as object },
      ],
      tool_choice: { type: "any" },
    },
  },
  {
    what: "A.9: a schema that refers to itself is one that no grammar holds",
    request: {
      output: {
        type: "json-schema",
        name: null,
        description: null,
        schema: '{"type":"object","properties":{"next":{"$ref":"#"}},"additionalProperties":false}',
        strict: null,
      },
    },
    body: {
      ...SENT,
      tools: [
        {
          name: "json",
          description: "Gives the answer. Call it to answer.",
          input_schema: { type: "object", properties: { next: { $ref: "#" } }, additionalProperties: false },
        },
      ],
      tool_choice: { type: "tool", name: "json" },
    },
  },
  {
    what: "A.9: JSON without a schema is a wish",
    request: { system: [text("A")], output: { type: "json-object" } },
    body: { ...SENT, system: [words("A"), words("Answer with one JSON object and nothing else: no introduction, no code fence.")] },
    losses: [say("output_config.format", "reported", "Messages has no JSON mode; the model is told to answer with one JSON object.")],
  },
  // Other models
  {
    what: "models of other makers get what every server takes",
    request: {
      model: "minimax-m2.5",
      maxOutputTokens: null,
      turns: [user(text("A")), system(text("S"))],
      sampling: { ...SAMPLED, temperature: 0.5, topP: 0.5 },
      reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null },
    },
    body: { model: "minimax-m2.5", max_tokens: 32000, temperature: 0.5, top_p: 0.5, messages: [said("user", words("A"), words("S"))] },
    headers: BEFORE,
    losses: [say("thinking", "reported", "How much this model thinks cannot be set.")],
  },
];

for (const { what, request, body, headers = NOW, losses = [] } of ENCODED) {
  test(`an upstream is sent: ${what}`, () => {
    const encoded = anthropicMessages.request.encode({ ...ASKED, ...request });
    assert.deepEqual({ ...encoded, body: JSON.parse(encoded.body) as unknown }, { headers, body, losses });
  });
}

test("54, 70: schemas and arguments are sent as they were written", () => {
  const schema = '{"type": "object",  "properties": {"z": {"maximum": 18446744073709551615}, "10": {}, "9": {}}}';
  const args = '{ "z": 12345678901234567890,\n "10": 1.50e+02 }';
  const turns = [user(text("Hi")), assistant(call("c1", "look", args)), user(result("c1", []))];
  const { body } = anthropicMessages.request.encode({ ...ASKED, tools: [fn("look", { schema })], turns });
  assert.ok(body.includes(`"input_schema":${schema}`), body);
  assert.ok(body.includes(`"input":${args}`), body);
});

test("A.1: what a client of this protocol said and no other understands goes back as it was", () => {
  const body =
    '{"model":"claude-opus-5","max_tokens":0,"system":[{"type":"text","text":"x-anthropic-billing-header: cch=1;"},{"type":"text","text":"A"}],' +
    '"thinking":{"type":"between_tools"},"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"speed":"fast","zz":[12345678901234567890]}';
  const encoded = anthropicMessages.request.encode(decode(body));
  assert.deepEqual(encoded.losses, []);
  assert.equal(
    encoded.body,
    '{"model":"claude-opus-5","max_tokens":0,"system":[{"type":"text","text":"x-anthropic-billing-header: cch=1;"},{"type":"text","text":"A"}],' +
      '"thinking":{"type":"between_tools"},"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"speed":"fast","zz":[12345678901234567890]}',
  );
});
