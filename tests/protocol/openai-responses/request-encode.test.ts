// The Responses codec, requests for an upstream: the body that is sent for a client of any protocol, and what it could not carry.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalRequest, FunctionTool, Loss, Part, TextPart, Turn } from "../../../src/protocol/canonical.ts";
import { bareRequest } from "../../../src/protocol/exchange.ts";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";
import { capabilitiesOf } from "../../../src/protocol/openai-responses/capabilities.ts";
import { nearestEffort } from "../../../src/protocol/openai-responses/reasoning.ts";

const text = (said: string, more: Partial<TextPart> = {}): TextPart => ({
  type: "text",
  text: said,
  annotations: [],
  cache: null,
  proof: null,
  ...more,
});
const user = (...parts: Part[]): Turn => ({ role: "user", parts, effort: null });
const assistant = (...parts: Part[]): Turn => ({ role: "assistant", parts, effort: null });
const call = (callId: string, name = "f", args = "{}", kind: "function" | "custom" = "function"): Part => ({
  type: "tool-call",
  callId,
  name,
  kind,
  arguments: args,
  cache: null,
  proof: null,
});
const result = (callId: string, content: readonly Part[], more: object = {}): Part =>
  ({ type: "tool-result", callId, name: null, kind: "function", content, isError: null, cache: null, ...more }) as Part;
const tool = (name: string, more: Partial<FunctionTool> = {}): FunctionTool => ({
  type: "function",
  name,
  namespace: null,
  description: null,
  schema: '{"type":"object","properties":{}}',
  strict: null,
  cache: null,
  ...more,
});
const thought = (said: string, origin: "openai" | "anthropic" | null): Part => ({
  type: "reasoning",
  text: said,
  redacted: false,
  proof: origin === null ? null : { origin, data: "gAAA" },
});
const loss = (field: string, severity: Loss["severity"], reason: string): Loss => ({ field, severity, reason });

const BARE = bareRequest({ model: "gpt-5.2", stream: false });
const HI: CanonicalRequest = { ...BARE, turns: [user(text("Hi"))] };
const PNG = "iVBORw0KGgoAAAA=";

/** What is sent for `Hi` to a model that reasons. */
const SENT = {
  model: "gpt-5.2",
  input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "Hi" }] }],
  stream: false,
  reasoning: { summary: "auto" },
  store: false,
  include: ["reasoning.encrypted_content"],
};
/** The same to a model that does not. */
const PLAIN = { model: "gpt-4.1", input: SENT.input, stream: false, store: false };
const message = (role: string, ...content: object[]) => ({ type: "message", role, content });
const inputText = (said: string) => ({ type: "input_text", text: said });
const outputText = (said: string) => ({ type: "output_text", text: said, annotations: [] });

const CLOSED =
  '{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"}}},"required":["a"],"additionalProperties":false}';
const OPTIONAL = '{"type":"object","properties":{"a":{},"b":{}},"required":["a"],"additionalProperties":false}';

interface Row {
  readonly what: string;
  readonly request: Partial<CanonicalRequest>;
  readonly body: object;
  readonly losses?: readonly Loss[];
}

const ENCODED: readonly Row[] = [
  { what: "nothing is stored, and reasoning travels encrypted", request: {}, body: SENT },
  { what: "it is stored when the client said so", request: { store: true }, body: { ...SENT, store: true } },
  { what: "a model that does not reason is asked for no reasoning", request: { model: "gpt-4.1" }, body: PLAIN },
  { what: "the stream switch", request: { stream: true }, body: { ...SENT, stream: true } },

  // ---- Instructions
  {
    what: "blocks of the system prompt are joined in instructions",
    request: { system: [text("A"), text("B")] },
    body: { ...SENT, instructions: "A\n\nB" },
  },
  {
    what: "a system prompt alone is a message, since input must not be empty",
    request: { system: [text("A"), text("B")], turns: [] },
    body: { ...SENT, input: [message("developer", inputText("A"), inputText("B"))] },
  },
  {
    what: "where the model knows cache breakpoints, a marked prompt keeps them in a message",
    request: { model: "gpt-5.6", system: [text("A", { cache: { ttl: "1h" } }), text("B")] },
    body: {
      ...SENT,
      model: "gpt-5.6",
      input: [message("developer", { ...inputText("A"), prompt_cache_breakpoint: { mode: "explicit" } }, inputText("B")), ...SENT.input],
    },
  },
  {
    what: "cache marks are left out for models that take no breakpoints",
    request: { system: [text("A", { cache: { ttl: null } })] },
    body: { ...SENT, instructions: "A" },
    losses: [loss("cache", "dropped", "The upstream finds cached prefixes by itself.")],
  },
  {
    what: "a system turn in the middle keeps its place; the effort that it sets wins",
    request: {
      reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null },
      turns: [
        user(text("Hi")),
        { role: "system", parts: [text("Now")], effort: null },
        user(text("Go")),
        { role: "system", parts: [text("End")], effort: "low" },
      ],
    },
    body: {
      ...SENT,
      reasoning: { effort: "low", summary: "auto" },
      input: [
        ...SENT.input,
        message("developer", inputText("Now")),
        message("user", inputText("Go")),
        message("developer", inputText("End")),
      ],
    },
  },

  // ---- Turns
  {
    what: "texts and calls of one turn keep their order, without ids and without empty texts",
    request: {
      turns: [
        user(text("Hi")),
        assistant(text("a"), text(""), text("b"), call("1"), { type: "refusal", text: "No." }),
        user(result("1", [text("ok")]), text("Go")),
      ],
    },
    body: {
      ...SENT,
      input: [
        ...SENT.input,
        message("assistant", outputText("a"), outputText("b")),
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
        message("assistant", { type: "refusal", refusal: "No." }),
        { type: "function_call_output", call_id: "1", output: "ok" },
        message("user", inputText("Go")),
      ],
    },
  },
  {
    what: "arguments are sent as they are, also when they are cut off; none at all are an empty object",
    request: {
      turns: [
        assistant(call("1", "f", '{"n":12345678901234567890}'), call("2", "f", ""), call("3", "f", '{"a":"b')),
        user(result("1", [text("x")]), result("2", [text("x")]), result("3", [text("x")])),
      ],
    },
    body: {
      ...SENT,
      input: [
        { type: "function_call", call_id: "1", name: "f", arguments: '{"n":12345678901234567890}' },
        { type: "function_call", call_id: "2", name: "f", arguments: "{}" },
        { type: "function_call", call_id: "3", name: "f", arguments: '{"a":"b' },
        ...["1", "2", "3"].map((id) => ({ type: "function_call_output", call_id: id, output: "x" })),
      ],
    },
  },
  {
    what: "results keep their parts, images among them; an error is said in words unless the text says it",
    request: {
      turns: [
        assistant(call("1"), call("2"), call("3"), call("4")),
        user(
          result("1", [
            text("a"),
            { type: "image", source: { type: "base64", mediaType: "image/png", data: PNG }, detail: null, cache: null },
          ]),
          result("2", [text("no such file")], { isError: true }),
          result("3", [text("Error: no such file")], { isError: true }),
          result("4", [], { isError: true }),
        ),
      ],
    },
    body: {
      ...SENT,
      input: [
        ...["1", "2", "3", "4"].map((id) => ({ type: "function_call", call_id: id, name: "f", arguments: "{}" })),
        {
          type: "function_call_output",
          call_id: "1",
          output: [inputText("a"), { type: "input_image", image_url: `data:image/png;base64,${PNG}` }],
        },
        { type: "function_call_output", call_id: "2", output: "Error: no such file" },
        { type: "function_call_output", call_id: "3", output: "Error: no such file" },
        { type: "function_call_output", call_id: "4", output: "Error: The tool failed." },
      ],
    },
  },
  {
    what: "a result that is JSON with an error in it is no failed one",
    request: { turns: [assistant(call("1")), user(result("1", [text('{"error":null}')]))] },
    body: {
      ...SENT,
      input: [
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "1", output: '{"error":null}' },
      ],
    },
  },
  {
    what: "a call without a result and a result without a call are repaired, and refused",
    request: { turns: [assistant(call("1")), user(result("9", [text("lost")]))] },
    body: {
      ...SENT,
      input: [
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "1", output: "Error: The call was interrupted before it gave a result." },
        message("user", inputText("lost")),
      ],
    },
    losses: [
      loss("turns", "refused", "Call 1 of f has no result."),
      loss("turns", "refused", "The result for 9 answers no call before it."),
    ],
  },
  {
    what: "an id that comes again in a later turn is made unique",
    request: { turns: [assistant(call("c")), user(result("c", [text("a")])), assistant(call("c")), user(result("c", [text("b")]))] },
    body: {
      ...SENT,
      input: [
        { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "c", output: "a" },
        { type: "function_call", call_id: "c_2", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "c_2", output: "b" },
      ],
    },
  },
  {
    what: "ids longer than 64 are shortened, the same on both sides",
    request: { turns: [assistant(call("x".repeat(80))), user(result("x".repeat(80), [text("a")]))] },
    body: {
      ...SENT,
      input: [
        { type: "function_call", call_id: `${"x".repeat(55)}_67b9d905`, name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: `${"x".repeat(55)}_67b9d905`, output: "a" },
      ],
    },
  },
  {
    what: "images and files in each form; text documents are text",
    request: {
      turns: [
        user(
          { type: "image", source: { type: "url", url: "https://example.com/a.png", mediaType: null }, detail: "low", cache: null },
          { type: "image", source: { type: "base64", mediaType: null, data: "/9j/AAAA" }, detail: null, cache: null },
          { type: "image", source: { type: "file-id", id: "file-1", owner: "openai-chat" }, detail: null, cache: null },
          {
            type: "file",
            source: { type: "base64", mediaType: "application/pdf", data: "JVBERi0=" },
            filename: null,
            context: "A log.",
            citations: null,
            cache: null,
          },
          {
            type: "file",
            source: { type: "url", url: "https://example.com/a.pdf", mediaType: null },
            filename: "a.pdf",
            context: null,
            citations: null,
            cache: null,
          },
          { type: "file", source: { type: "text", text: "Tides." }, filename: "Almanac", context: null, citations: null, cache: null },
        ),
      ],
    },
    body: {
      ...SENT,
      input: [
        message(
          "user",
          { type: "input_image", detail: "low", image_url: "https://example.com/a.png" },
          { type: "input_image", image_url: "data:image/jpeg;base64,/9j/AAAA" },
          { type: "input_image", file_id: "file-1" },
          inputText("A log."),
          { type: "input_file", filename: "document.pdf", file_data: "data:application/pdf;base64,JVBERi0=" },
          { type: "input_file", filename: "a.pdf", file_url: "https://example.com/a.pdf" },
          inputText("Almanac\n\nTides."),
        ),
      ],
    },
  },
  {
    what: "sound, video and files of another vendor can't be sent, and a note says so in their place; citations are told",
    request: {
      turns: [
        user(
          { type: "video", source: { type: "url", url: "https://example.com/a.mp4", mediaType: null } },
          {
            type: "file",
            source: { type: "file-id", id: "file_1", owner: "anthropic-messages" },
            filename: null,
            context: null,
            citations: true,
            cache: null,
          },
          text("Hi"),
        ),
      ],
    },
    body: {
      ...SENT,
      input: [
        message(
          "user",
          inputText("[video left out: The Responses API takes no video.]"),
          inputText("[file left out: A file's id is known only to the provider that stores the file; send its bytes or a URL.]"),
          inputText("Hi"),
        ),
      ],
    },
    losses: [
      loss("turns.video", "refused", "The Responses API takes no video."),
      loss("turns.citations", "reported", "The Responses API cites no documents of the request."),
      loss("turns.file", "refused", "A file's id is known only to the provider that stores the file; send its bytes or a URL."),
    ],
  },
  {
    what: "another vendor's blocks are left out as they say themselves",
    request: {
      turns: [
        ...HI.turns,
        assistant(
          { type: "opaque", protocol: "anthropic-messages", name: "server_tool_use", value: "{}", severity: "reported" },
          text("a"),
        ),
      ],
    },
    body: { ...SENT, input: [...SENT.input, message("assistant", outputText("a"))] },
    losses: [loss("turns.server_tool_use", "reported", "The Responses API has no server_tool_use.")],
  },
  {
    what: "at most four breakpoints, the last ones",
    request: { model: "gpt-5.6", turns: [user(...["1", "2", "3", "4", "5"].map((one) => text(one, { cache: { ttl: null } })))] },
    body: {
      ...SENT,
      model: "gpt-5.6",
      input: [
        message(
          "user",
          inputText("1"),
          ...["2", "3", "4", "5"].map((one) => ({ ...inputText(one), prompt_cache_breakpoint: { mode: "explicit" } })),
        ),
      ],
    },
  },

  // ---- Reasoning in the history
  {
    what: "OpenAI's own reasoning goes back without an id, in front of what it led to",
    request: { turns: [...HI.turns, assistant(thought("Hm.", "openai"), call("1")), user(result("1", [text("ok")]))] },
    body: {
      ...SENT,
      input: [
        ...SENT.input,
        { type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: "gAAA" },
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "1", output: "ok" },
      ],
    },
  },
  {
    what: "reasoning of other makers, without proof, or that leads to nothing is left out",
    request: { turns: [...HI.turns, assistant(thought("A", "anthropic"), thought("B", null), text("a"), thought("C", "openai"))] },
    body: { ...SENT, input: [...SENT.input, message("assistant", outputText("a"))] },
    losses: [
      loss("turns.reasoning", "dropped", "OpenAI takes only reasoning that it encrypted itself."),
      loss("turns.reasoning", "dropped", "OpenAI takes only reasoning that it encrypted itself."),
      loss("turns.reasoning", "dropped", "Reasoning is taken only with the message or call that it led to."),
    ],
  },
  {
    what: "reasoning that led to an empty text alone is left out; several in a row stay with what they led to",
    request: {
      turns: [
        ...HI.turns,
        assistant(thought("A", "openai"), text("")),
        user(text("And?")),
        assistant(thought("B", "openai"), thought("C", "openai"), text("c")),
      ],
    },
    body: {
      ...SENT,
      input: [
        ...SENT.input,
        message("user", inputText("And?")),
        { type: "reasoning", summary: [{ type: "summary_text", text: "B" }], encrypted_content: "gAAA" },
        { type: "reasoning", summary: [{ type: "summary_text", text: "C" }], encrypted_content: "gAAA" },
        message("assistant", outputText("c")),
      ],
    },
    losses: [loss("turns.reasoning", "dropped", "Reasoning is taken only with the message or call that it led to.")],
  },

  // ---- Tools
  {
    what: "tools are not strict unless said; an object gets its members, all else stays as it was written",
    request: {
      tools: [
        tool("a", { schema: null }),
        tool("b", { schema: '{ "type":"object","additionalProperties":false }', strict: true }),
        tool("c", { schema: '{"properties":{"z":{"maximum":1e2},"a":{}},"$defs":{}}', description: "C" }),
        tool("d", { schema: "{}" }),
      ],
    },
    body: {
      ...SENT,
      tools: [
        { type: "function", name: "a", parameters: { type: "object", properties: {} }, strict: false },
        { type: "function", name: "b", parameters: { type: "object", additionalProperties: false, properties: {} }, strict: true },
        {
          type: "function",
          name: "c",
          description: "C",
          parameters: { properties: { z: { maximum: 100 }, a: {} }, $defs: {}, type: "object" },
          strict: false,
        },
        { type: "function", name: "d", parameters: { type: "object", properties: {} }, strict: false },
      ],
    },
  },
  {
    what: "a strict schema with optional members is one that the server refuses, so the tool is not strict, and the client is told",
    request: { tools: [tool("a", { schema: OPTIONAL, strict: true })] },
    body: { ...SENT, tools: [{ type: "function", name: "a", parameters: JSON.parse(OPTIONAL) as object, strict: false }] },
    losses: [loss("tools.strict", "reported", "A strict schema here has no optional members.")],
  },
  {
    what: "names that do not fit are renamed in tools, choice and history alike",
    request: {
      tools: [tool("files/read.text"), tool("n".repeat(70))],
      toolChoice: { type: "named", name: "files/read.text" },
      turns: [assistant(call("1", "files/read.text")), user(result("1", [text("ok")]))],
    },
    body: {
      ...SENT,
      tools: ["files_read_text_a36c0c3a", `${"n".repeat(55)}_3395645d`].map((name) => ({
        type: "function",
        name,
        parameters: { type: "object", properties: {} },
        strict: false,
      })),
      tool_choice: { type: "function", name: "files_read_text_a36c0c3a" },
      input: [
        { type: "function_call", call_id: "1", name: "files_read_text_a36c0c3a", arguments: "{}" },
        { type: "function_call_output", call_id: "1", output: "ok" },
      ],
    },
  },
  {
    what: "custom tools, their calls and results",
    request: {
      tools: [{ type: "custom", name: "c", namespace: null, description: "C", grammar: { syntax: "regex", definition: "x+" } }],
      toolChoice: { type: "named", name: "c" },
      turns: [assistant(call("1", "c", "xx", "custom")), user(result("1", [text("ok")], { kind: "custom" }))],
    },
    body: {
      ...SENT,
      tools: [{ type: "custom", name: "c", description: "C", format: { type: "grammar", syntax: "regex", definition: "x+" } }],
      tool_choice: { type: "custom", name: "c" },
      input: [
        { type: "custom_tool_call", call_id: "1", name: "c", input: "xx" },
        { type: "custom_tool_call_output", call_id: "1", output: "ok" },
      ],
    },
  },
  {
    what: "web search with what OpenAI's knows; another vendor's hosted tool as it says itself",
    request: {
      tools: [
        {
          type: "web-search",
          allowedDomains: ["a.example"],
          blockedDomains: ["b.example"],
          location: { city: "Bergen", region: null, country: "NO", timezone: null },
          contextSize: "low",
          maxUses: 3,
        },
        { type: "opaque", protocol: "gemini", name: "googleMaps", value: "{}", severity: "refused" },
      ],
      toolChoice: { type: "named", name: "web_search" },
    },
    body: {
      ...SENT,
      tools: [
        {
          type: "web_search",
          filters: { allowed_domains: ["a.example"] },
          search_context_size: "low",
          user_location: { type: "approximate", city: "Bergen", country: "NO" },
        },
      ],
      tool_choice: { type: "web_search" },
    },
    losses: [
      loss("tools.blocked_domains", "reported", "OpenAI's web search can be limited to domains, not kept from some."),
      loss("tools.max_uses", "reported", "OpenAI's web search has no limit on its uses."),
      loss("tools.googleMaps", "refused", "The Responses API has no googleMaps."),
    ],
  },
  {
    what: "without tools there is no choice and no parallel switch",
    request: { toolChoice: { type: "auto" }, parallelToolCalls: false },
    body: SENT,
  },
  ...(["auto", "none", "required"] as const).map((type) => ({
    what: `the choice ${type}, with the parallel switch`,
    request: { tools: [tool("a")], toolChoice: { type }, parallelToolCalls: false },
    body: {
      ...SENT,
      tools: [{ type: "function", name: "a", parameters: { type: "object", properties: {} }, strict: false }],
      tool_choice: type,
      parallel_tool_calls: false,
    },
  })),
  {
    what: "a subset of the tools",
    request: { tools: [tool("a"), tool("b")], toolChoice: { type: "subset", names: ["b"], required: true } },
    body: {
      ...SENT,
      tools: ["a", "b"].map((name) => ({ type: "function", name, parameters: { type: "object", properties: {} }, strict: false })),
      tool_choice: { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "b" }] },
    },
  },
  {
    what: "a choice that names no tool is refused, and so is one that needs a tool where there is none",
    request: { tools: [tool("a")], toolChoice: { type: "named", name: "b" } },
    body: { ...SENT, tools: [{ type: "function", name: "a", parameters: { type: "object", properties: {} }, strict: false }] },
    losses: [loss("toolChoice", "refused", "There is no tool named b.")],
  },
  {
    what: "a tool has to be called, but there is none",
    request: { toolChoice: { type: "required" } },
    body: SENT,
    losses: [loss("toolChoice", "refused", "A tool has to be called, but there is none.")],
  },

  // ---- Reasoning
  {
    what: "an effort",
    request: { reasoning: { mode: "on", effort: "high", budgetTokens: null, display: "detailed" } },
    body: { ...SENT, reasoning: { effort: "high", summary: "detailed" } },
  },
  {
    what: "who does not want to see reasoning gets no summary",
    request: { reasoning: { mode: "on", effort: "low", budgetTokens: null, display: "none" } },
    body: { ...SENT, reasoning: { effort: "low" } },
  },
  {
    what: "thinking that is switched off",
    request: { reasoning: { mode: "off", effort: null, budgetTokens: null, display: null } },
    body: { ...SENT, reasoning: { effort: "none" } },
  },
  {
    what: "as much as the model wants",
    request: { reasoning: { mode: "adaptive", effort: null, budgetTokens: null, display: null } },
    body: SENT,
  },
  ...(
    [
      [1, "low"],
      [1024, "low"],
      [1025, "medium"],
      [8192, "medium"],
      [24_576, "high"],
      [31_999, "xhigh"],
    ] as const
  ).map(([budgetTokens, effort]) => ({
    what: `a budget of ${budgetTokens} tokens is the effort ${effort}`,
    request: { reasoning: { mode: "on", effort: null, budgetTokens, display: null } as const },
    body: { ...SENT, reasoning: { effort, summary: "auto" } },
    losses: budgetTokens === 1 ? [loss("reasoning", "reported", "gpt-5.2 does not take the effort minimal; low was sent.")] : [],
  })),
  {
    what: "gpt-5-codex takes no effort",
    request: { model: "gpt-5-codex", reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null } },
    body: { ...SENT, model: "gpt-5-codex" },
    losses: [loss("reasoning", "reported", "gpt-5-codex does not take the effort high; it is left to the model.")],
  },
  {
    what: "a model that does not reason can't be made to",
    request: { model: "gpt-4.1", reasoning: { mode: "on", effort: "low", budgetTokens: null, display: null } },
    body: PLAIN,
    losses: [loss("reasoning", "reported", "gpt-4.1 does not reason.")],
  },

  // ---- Output
  {
    what: "a schema for the answer, as it was written, under a name that fits",
    request: { output: { type: "json-schema", name: "a ship", description: null, schema: '{"type":"object","b":1,"a":2}', strict: true } },
    body: {
      ...SENT,
      text: { format: { type: "json_schema", name: "a_ship_135ac58e", schema: { type: "object", b: 1, a: 2 }, strict: true } },
    },
  },
  {
    what: "a schema that holds without a word elsewhere is strict where that is sure to be taken",
    request: { output: { type: "json-schema", name: "n", description: null, schema: CLOSED, strict: null } },
    body: { ...SENT, text: { format: { type: "json_schema", name: "n", schema: JSON.parse(CLOSED) as object, strict: true } } },
  },
  {
    what: "a schema with optional members is not made strict",
    request: { output: { type: "json-schema", name: "n", description: null, schema: OPTIONAL, strict: null } },
    body: { ...SENT, text: { format: { type: "json_schema", name: "n", schema: JSON.parse(OPTIONAL) as object } } },
  },
  {
    what: "a schema without a name gets one, and one without a type says that it is an object's",
    request: { output: { type: "json-schema", name: null, description: "D", schema: "{}", strict: null }, verbosity: "low" },
    body: {
      ...SENT,
      text: { format: { type: "json_schema", name: "answer", description: "D", schema: { type: "object" } }, verbosity: "low" },
    },
  },
  {
    what: "JSON mode needs the word in the input, so instructions that have it go there",
    request: { output: { type: "json-object" }, system: [text("Answer as JSON.")] },
    body: {
      ...SENT,
      text: { format: { type: "json_object" } },
      input: [message("developer", inputText("Answer as JSON.")), ...SENT.input],
    },
  },
  {
    what: "JSON mode where nobody has said the word",
    request: { output: { type: "json-object" }, system: [text("Be brief.")] },
    body: {
      ...SENT,
      instructions: "Be brief.",
      text: { format: { type: "json_object" } },
      input: [message("developer", inputText("Answer with one JSON object.")), ...SENT.input],
    },
  },
  {
    what: "JSON mode where the word stands there",
    request: { output: { type: "json-object" }, turns: [user(text("Json, please"))] },
    body: { ...SENT, text: { format: { type: "json_object" } }, input: [message("user", inputText("Json, please"))] },
  },
  {
    what: "a model without verbosity",
    request: { model: "gpt-4.1", verbosity: "high" },
    body: PLAIN,
    losses: [loss("verbosity", "reported", "gpt-4.1 knows no verbosity.")],
  },

  // ---- Limits and sampling
  { what: "the limit of the answer", request: { maxOutputTokens: 100 }, body: { ...SENT, max_output_tokens: 100 } },
  {
    what: "a limit below 16 is raised",
    request: { maxOutputTokens: 1 },
    body: { ...SENT, max_output_tokens: 16 },
    losses: [loss("maxOutputTokens", "reported", "The Responses API takes no limit below 16, which was sent.")],
  },
  {
    what: "a limit of zero is no question",
    request: { maxOutputTokens: 0 },
    body: { ...SENT, max_output_tokens: 16 },
    losses: [loss("maxOutputTokens", "refused", "The Responses API always answers; it can't just fill a cache.")],
  },
  { what: "stop sequences need no field", request: { stop: ["END"] }, body: SENT },
  {
    what: "sampling for a model that samples",
    request: {
      model: "gpt-4.1",
      sampling: { ...BARE.sampling, temperature: 0, topP: 0.5, topK: 3, seed: 7, presencePenalty: 0, frequencyPenalty: 0.5 },
    },
    body: { ...PLAIN, temperature: 0, top_p: 0.5 },
    losses: [
      loss("topK", "reported", "The Responses API has no top_k."),
      loss("seed", "reported", "The Responses API has no seed."),
      loss("frequencyPenalty", "reported", "The Responses API has no penalties."),
    ],
  },
  {
    what: "a model that reasons takes no sampling",
    request: { sampling: { ...BARE.sampling, temperature: 0.2, topP: 0.5 } },
    body: SENT,
    losses: [
      loss("temperature", "reported", "gpt-5.2 takes no sampling parameters while it reasons."),
      loss("topP", "reported", "gpt-5.2 takes no sampling parameters while it reasons."),
    ],
  },
  {
    what: "values that are the default are not missed",
    request: { sampling: { ...BARE.sampling, temperature: 1, topP: 1 } },
    body: SENT,
  },
  {
    what: "without reasoning it samples",
    request: {
      sampling: { ...BARE.sampling, temperature: 0.2 },
      reasoning: { mode: "off", effort: null, budgetTokens: null, display: null },
    },
    body: { ...SENT, temperature: 0.2, reasoning: { effort: "none" } },
  },
  {
    what: "log probabilities are refused while the model reasons",
    request: { sampling: { ...BARE.sampling, topLogprobs: 2 } },
    body: SENT,
    losses: [loss("topLogprobs", "refused", "gpt-5.2 gives no log probabilities while it reasons.")],
  },
  {
    what: "log probabilities, of the chosen tokens alone",
    request: {
      sampling: { ...BARE.sampling, topLogprobs: 0 },
      reasoning: { mode: "off", effort: null, budgetTokens: null, display: null },
    },
    body: {
      ...SENT,
      top_logprobs: 0,
      reasoning: { effort: "none" },
      include: ["reasoning.encrypted_content", "message.output_text.logprobs"],
    },
  },

  // ---- Identity
  {
    what: "end user, metadata, cache key, tier",
    request: { endUser: "u".repeat(100), metadata: { a: "b" }, cacheKey: "session-1", serviceTier: "flex" },
    body: {
      ...SENT,
      safety_identifier: "c1c5f6311fd6bcf86634d741b13414ee",
      metadata: { a: "b" },
      prompt_cache_key: "session-1",
      service_tier: "flex",
    },
  },
  {
    what: "what another protocol's client said in its own members is told",
    request: {
      extensions: [{ protocol: "openai-chat", field: "logit_bias", value: "{}", severity: "reported", reason: "R" }],
      losses: [loss("messages.name", "dropped", "N")],
    },
    body: SENT,
    losses: [loss("logit_bias", "reported", "R"), loss("messages.name", "dropped", "N")],
  },
];

for (const { what, request, body, losses = [] } of ENCODED) {
  test(`encode: ${what}`, () => {
    const encoded = openaiResponses.request.encode({ ...HI, ...request });
    assert.deepEqual({ body: JSON.parse(encoded.body), losses: encoded.losses, headers: encoded.headers }, { body, losses, headers: {} });
  });
}

test("encode: schemas are sent in the text that they were written in", () => {
  const schema = '{ "type":"object" , "properties":{"b":{"maximum":12345678901234567890},"a":{"minimum":1.50}}}';
  const { body } = openaiResponses.request.encode({
    ...HI,
    tools: [tool("a", { schema })],
    output: { type: "json-schema", name: "n", description: null, schema, strict: null },
  });
  assert.equal(body.split(schema).length - 1, 2, body);
});

test("encode: a conversation that comes back to OpenAI brings its own reasoning, and only that", () => {
  const turns = [
    ...HI.turns,
    assistant(thought("A", "anthropic"), call("1")),
    user(result("1", [text("ok")])),
    assistant(thought("", "openai"), text("Done.")),
  ];
  const { body } = openaiResponses.request.encode({ ...HI, turns: [...turns, user(text("More"))] });
  assert.deepEqual(
    (JSON.parse(body) as { input: { type: string }[] }).input.map(({ type }) => type),
    ["message", "function_call", "function_call_output", "reasoning", "message", "message"],
  );
});

test("encode: a client of this protocol gets its own words back, without another protocol's defaults", () => {
  const body =
    '{"model":"gpt-4.1","instructions":"A","input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"B"}]},{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}],"tools":[{"type":"function","name":"f","parameters":{"type":"object"}}],"max_output_tokens":5,"stream":true,"previous_response_id":"resp_1"}';
  const decoded = openaiResponses.request.decode({ body, headers: {}, path: null });
  assert.deepEqual(JSON.parse(openaiResponses.request.encode(decoded).body), JSON.parse(body));
});

const EFFORTS: readonly (readonly [model: string, wanted: "none" | "minimal" | "max" | "high", sent: string | null])[] = [
  ["o3", "none", "low"],
  ["o4-mini", "max", "high"],
  ["gpt-5-2025-08-07", "none", "minimal"],
  ["gpt-5-pro", "minimal", "high"],
  ["gpt-5.1", "minimal", "low"],
  ["gpt-5.1-codex-max", "max", "xhigh"],
  ["gpt-5.1-codex-mini", "max", "high"],
  ["gpt-5.5", "max", "xhigh"],
  ["gpt-5.6-codex", "max", "max"],
  ["gpt-6", "minimal", "minimal"],
  ["grok-4", "high", null],
  ["grok-4.5", "high", "high"],
  ["some-model", "max", "max"],
];

for (const [model, wanted, sent] of EFFORTS) {
  test(`models: ${model}, asked for the effort ${wanted}, gets ${sent ?? "none of it"}`, () => {
    assert.equal(nearestEffort(wanted, capabilitiesOf(model)), sent);
  });
}
