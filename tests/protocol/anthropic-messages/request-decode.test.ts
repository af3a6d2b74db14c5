// What a client's Messages request means. Whole canonical requests are compared.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../../src/errors.ts";
import { anthropicMessages } from "../../../src/protocol/anthropic-messages/codec.ts";
import { FIELDS } from "../../../src/protocol/anthropic-messages/wire.ts";
import type { CanonicalRequest } from "../../../src/protocol/canonical.ts";
import { sealProof } from "../../../src/protocol/seals.ts";
import { assistant, base64, call, file, image, reasoning, result, system, text, url, user } from "../../support/canonical.ts";
import { BLANK, declared, decode, PDF, type Body } from "./requests.ts";

const HI = { role: "user", content: "Hi" };

interface DecodeRow {
  readonly what: string;
  readonly body: Body;
  readonly differs: Partial<CanonicalRequest>;
}

const BLOCK_FIELDS = "messages[0].content[0]";

const DECODED: readonly DecodeRow[] = [
  {
    what: "content as a string is one text block",
    body: { messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }] },
    differs: {},
  },
  { what: "neighbours of one role are one turn", body: { messages: [HI, HI] }, differs: { turns: [user("Hi", "Hi")] } },
  {
    what: "the last message is a system message with an effort of its own",
    body: { messages: [HI, { role: "system", content: "Be brief.", output_config: { effort: "low" } }], output_config: { effort: "high" } },
    differs: {
      turns: [user("Hi"), { role: "system", parts: [text("Be brief.")], effort: "low" }],
      reasoning: { mode: "adaptive", effort: "high", budgetTokens: null, display: null },
    },
  },
  {
    what: "a cleared system message counts only until the user speaks again",
    body: { messages: [HI, { role: "system", content: "Once.", clear_at: "next_user_message" }, { role: "assistant", content: "A" }, HI] },
    differs: { turns: [user("Hi"), assistant("A"), user("Hi")] },
  },
  {
    what: "a cleared system message counts while the user has not spoken again",
    body: { messages: [HI, { role: "system", content: "Once.", clear_at: "next_user_message" }] },
    differs: { turns: [user("Hi"), system("Once.")] },
  },
  {
    what: "instructions keep their blocks and marks; a null mark is none",
    body: {
      system: [
        { type: "text", text: "A", cache_control: { type: "ephemeral", ttl: "1h" } },
        { type: "text", text: "B", cache_control: null },
      ],
    },
    differs: { system: [text("A", { cache: { ttl: "1h" } }), text("B")] },
  },
  {
    what: "the attribution line is no instruction, wherever a prompt was put in front of it",
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
    what: "documents of text, of parts with an image, and the rest of what is said about them",
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
          file({ type: "text", text: "Log" }, { filename: "T", context: "C", citations: true }),
          text("T"),
          text("P"),
          image(url("https://example.com/i.png")),
        ),
      ],
    },
  },
  {
    what: "a document of the assistant stays the assistant's",
    body: {
      messages: [
        HI,
        { role: "assistant", content: [{ type: "document", source: { type: "base64", media_type: "application/pdf", data: PDF } }] },
      ],
    },
    differs: {
      turns: [user("Hi"), assistant(file(base64("application/pdf", PDF)))],
    },
  },
  {
    what: "a search result is text",
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
    differs: { turns: [user("T (https://example.com)\nA\nB")] },
  },
  {
    what: "thoughts with an empty, a real and a foreign proof, hidden ones, and ones without text",
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
    what: "the proof of a call and of a text comes back from the block that carried it",
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
    what: "tools that the client runs get the schema that Claude knows by heart",
    body: { tools: [{ type: "bash_20250124", name: "bash" }] },
    differs: {
      tools: [
        declared("bash", {
          description: "Runs a command in a bash session that stays open between calls, and returns what it printed.",
          schema:
            '{"type":"object","properties":{"command":{"type":"string","description":"The command to run. Required unless restart is true."},' +
            '"restart":{"type":"boolean","description":"True restarts the session."}},"required":[],"additionalProperties":false}',
        }),
      ],
    },
  },
  {
    what: "tools that run at Anthropic stay what they are; a web search has equals elsewhere",
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
          severity: "reported",
        },
        {
          type: "opaque",
          protocol: "anthropic-messages",
          name: "computer_toolset_20260801",
          value: '{"type":"computer_toolset_20260801"}',
          severity: "reported",
        },
        { type: "web-search", allowedDomains: [], blockedDomains: [], location: null, contextSize: null, maxUses: 2 },
      ],
    },
  },
  {
    what: "a deferred tool is sent in full; what only Anthropic knows is a loss",
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
      tools: [declared("f", { schema: "{}" })],
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
    what: "tools that the conversation withdraws, offers again and defines",
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
    differs: { tools: [declared("a", { schema: "{}" }), declared("c", { schema: "{}" })] },
  },
  {
    what: "one call at a time",
    body: { tools: [{ name: "f", input_schema: {} }], tool_choice: { type: "any", disable_parallel_tool_use: true } },
    differs: { tools: [declared("f", { schema: "{}" })], toolChoice: { type: "required" }, parallelToolCalls: false },
  },
  {
    what: "thinking with a budget",
    body: { thinking: { type: "enabled", budget_tokens: 2048, display: "omitted" } },
    differs: { reasoning: { mode: "on", effort: null, budgetTokens: 2048, display: "none" } },
  },
  {
    what: "thinking switched off",
    body: { thinking: { type: "disabled" } },
    differs: { reasoning: { mode: "off", effort: null, budgetTokens: null, display: null } },
  },
  {
    what: "thinking between tools alone is as good as adaptive elsewhere, and goes back as it came",
    body: { thinking: { type: "between_tools" }, output_config: { effort: "low", task_budget: { type: "tokens", total: 5 } } },
    differs: {
      reasoning: { mode: "adaptive", effort: "low", budgetTokens: null, display: null },
      extensions: [
        {
          protocol: "anthropic-messages",
          field: "thinking",
          value: '{"type":"between_tools"}',
          severity: "reported",
          reason: "Only Claude models can think between tool calls.",
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
    what: "the user and, within, the session that groups requests",
    body: { metadata: { user_id: "user_1_account__session_0000-1" } },
    differs: { endUser: "user_1_account__session_0000-1", cacheKey: "0000-1" },
  },
  {
    what: "max_tokens 0 asks for no answer",
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
    what: "members without a home are judged one by one, unknown ones reported",
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
    what: "keeping all thoughts, as Claude Code asks, asks for nothing",
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
    what: "blocks of hosted tools, of files and of the future",
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
    what: "a call that code at Anthropic made, and what a result may hold",
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
          reason: "The call was made by code_execution_20260120, which runs only at Anthropic.",
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

test("arguments and schemas stay as they were written, whatever stands in them", () => {
  const input = '{ "n": 12345678901234567890, "10": 1.50e+02,\n"cache_control": {"type":"ephemeral"} }';
  const schema = '{"type": "object",  "properties": {"b": {"maximum": 18446744073709551615}, "a": {}, "cache_control": {}}}';
  const decoded = decode(
    `{"model":"claude-opus-5","max_tokens":64,"tools":[{"name":"f","input_schema":${schema}}],"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":${input}}]}]}`,
  );
  assert.deepEqual(decoded, { ...BLANK, tools: [declared("f", { schema })], turns: [assistant(call("t", "f", input))] });
});

test("temperature, top_p, top_k, stop sequences and the tier", () => {
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
    what: "a tool choice without a type",
    body: { tool_choice: {} },
    param: "tool_choice.type",
    message: "tool_choice.type should be one of auto, any, tool, none, required, validated, function, not absent.",
  },
  {
    what: "an effort that is no word",
    body: { output_config: { effort: 3 } },
    param: "output_config.effort",
    message: "output_config.effort should be one of low, medium, high, xhigh, max, not 3.",
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

test("a thread is refused with the details by which the official client goes on without one", () => {
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
          message: "thread: this model's provider does not support threads; send the whole conversation without `thread`.",
          details: { error_code: "thread_unsupported_request", unsupported: ["thread"] },
        },
        request_id: "req-1",
      });
      return true;
    },
  );
});
