// Tools and tool choice, both directions.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalRequest } from "../../../src/protocol/canonical.ts";
import { openaiChat } from "../../../src/protocol/openai-chat/codec.ts";
import { LEGACY_NAMES, NAMES } from "../../../src/protocol/openai-chat/wire.ts";
import { assistant, call, customTool, request, result, tool, user } from "../../support/canonical.ts";
import { HI, THEIR_REQUEST, refused, reported, testDecoding, testEncoding, toolCall } from "./request-cases.ts";

// ---- Decode ----------------------------------------------------------------------------------------------------------

testDecoding([
  [
    "a schema stays the text that it was written as",
    '{"model":"m","messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"f","parameters":{ "z": 1.0, "a": 12345678901234567890 },"strict":true}}]}',
    { tools: [tool("f", { schema: '{ "z": 1.0, "a": 12345678901234567890 }', strict: true })] },
  ],
  ["an empty list of tools is none", { tools: [] }, { tools: [] }],
  [
    "tool_choice none keeps the tools",
    { tools: [{ type: "function", function: { name: "f" } }], tool_choice: "none" },
    { tools: [tool("f")], toolChoice: { type: "none" } },
  ],
  [
    "one call at a time without a tool choice",
    { tools: [{ type: "function", function: { name: "f" } }], parallel_tool_calls: false },
    {
      tools: [tool("f")],
      parallelToolCalls: false,
    },
  ],
  [
    "a tool choice that is an object",
    {
      tools: [{ type: "function", function: { name: "f" } }],
      tool_choice: { type: "function", function: { name: "f" } },
    },
    { tools: [tool("f")], toolChoice: { type: "named", name: "f" } },
  ],
  [
    "allowed tools are a subset",
    {
      tools: [
        { type: "function", function: { name: "f" } },
        { type: "custom", custom: { name: "g" } },
      ],
      tool_choice: { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [{ type: "custom", custom: { name: "g" } }] } },
    },
    { tools: [tool("f"), customTool("g")], toolChoice: { type: "subset", names: ["g"], required: false } },
  ],
  [
    "custom tools, their calls and their results",
    {
      messages: [
        HI,
        { role: "assistant", tool_calls: [{ id: "p", type: "custom", custom: { name: "patch", input: "a\nb" } }] },
        { role: "tool", tool_call_id: "p", content: "ok" },
      ],
      tools: [
        {
          type: "custom",
          custom: { name: "patch", description: "d", format: { type: "grammar", grammar: { syntax: "regex", definition: ".*" } } },
        },
      ],
    },
    {
      turns: [user("Hi"), assistant(call("p", "patch", "a\nb", { kind: "custom" })), user(result("p", "ok", { kind: "custom" }))],
      tools: [customTool("patch", { description: "d", grammar: { syntax: "regex", definition: ".*" } })],
    },
  ],
  [
    "hosted tools beside functions: search is one that others have, the rest is nobody else's",
    {
      tools: [
        { type: "web_search_20250305", name: "web_search", max_uses: 3, allowed_domains: ["example.com"] },
        { type: "image_generation" },
      ],
    },
    {
      tools: [
        { type: "web-search", allowedDomains: ["example.com"], blockedDomains: [], location: null, contextSize: null, maxUses: 3 },
        { type: "opaque", protocol: "openai-chat", name: "image_generation", value: '{"type":"image_generation"}', severity: "reported" },
      ],
    },
  ],
  [
    "a search in the words of several vendors is one",
    {
      tools: [
        { type: "web_search" },
        { type: "function", function: { name: "f" } },
        { type: "web_search_20250305", name: "web_search" },
        { type: "web_search_2025_08_26" },
        { type: "web_search_preview_2025_03_11" },
      ],
    },
    {
      tools: [{ type: "web-search", allowedDomains: [], blockedDomains: [], location: null, contextSize: null, maxUses: null }, tool("f")],
    },
  ],
  [
    "Gemini's search among the functions, and a function without a type",
    { tools: [{ googleSearch: {} }, { function: { name: "f" } }] },
    {
      tools: [{ type: "web-search", allowedDomains: [], blockedDomains: [], location: null, contextSize: null, maxUses: null }, tool("f")],
    },
  ],
  [
    "web_search_options are a search",
    {
      web_search_options: { search_context_size: "high", user_location: { type: "approximate", approximate: { country: "NO" } } },
    },
    {
      tools: [
        {
          type: "web-search",
          allowedDomains: [],
          blockedDomains: [],
          location: { city: null, region: null, country: "NO", timezone: null },
          contextSize: "high",
          maxUses: null,
        },
      ],
    },
  ],
  [
    "functions, from before there were tools",
    {
      messages: [
        HI,
        { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } },
        { role: "function", name: "f", content: "1" },
      ],
      functions: [{ name: "f", parameters: { type: "object" } }],
      function_call: { name: "f" },
    },
    {
      names: LEGACY_NAMES,
      turns: [user("Hi"), assistant(call("call_0", "f", "{}")), user(result("call_0", "1", { name: "f" }))],
      tools: [tool("f", { schema: '{"type":"object"}' })],
      toolChoice: { type: "named", name: "f" },
      parallelToolCalls: false,
    },
  ],
]);

// ---- Encode ----------------------------------------------------------------------------------------------------------

testEncoding([
  [
    "names that do not fit become short and stay the same in calls, choice and history",
    {
      tools: [tool("mcp.files/read"), tool("n".repeat(80))],
      toolChoice: { type: "named", name: "mcp.files/read" },
      turns: [user("Hi"), assistant(call("a", "mcp.files/read", "{}")), user(result("a", "1"))],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "mcp_files_read_9c0bda67", "{}")] },
          { role: "tool", tool_call_id: "a", content: "1" },
        ],
        tools: [
          { type: "function", function: { name: "mcp_files_read_9c0bda67" } },
          { type: "function", function: { name: `${"n".repeat(55)}_eafb2c05` } },
        ],
        tool_choice: { type: "function", function: { name: "mcp_files_read_9c0bda67" } },
      },
    },
  ],
  [
    "an object schema gets its properties",
    {
      tools: [
        tool("f", { schema: '{ "type": "object" }' }),
        tool("g", { schema: "{}" }),
        tool("h", { schema: '{"type":"object","properties":{"a":{}}}' }),
      ],
    },
    {
      body: {
        tools: [
          { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } },
          { type: "function", function: { name: "g", parameters: { type: "object", properties: {} } } },
          { type: "function", function: { name: "h", parameters: { type: "object", properties: { a: {} } } } },
        ],
      },
    },
  ],
  [
    "a tool choice without tools is left out; a demand that nobody can meet is refused",
    { toolChoice: { type: "required" }, parallelToolCalls: false },
    {
      losses: [refused("tool_choice", "A tool call is required, but there is no tool that the model could call.")],
    },
  ],
  [
    "a demand for a tool that is not among the others is refused",
    { tools: [tool("f")], toolChoice: { type: "named", name: "g" } },
    {
      body: { tools: [{ type: "function", function: { name: "f" } }] },
      losses: [refused("tool_choice", "There is no tool g that the model could call.")],
    },
  ],
  [
    "a choice of some tools of which one is unknown is refused",
    { tools: [tool("f")], toolChoice: { type: "subset", names: ["f", "g"], required: false } },
    {
      body: { tools: [{ type: "function", function: { name: "f" } }] },
      losses: [refused("tool_choice", "There is no tool g that the model could call.")],
    },
  ],
  [
    "the choice none keeps the tools, and one call at a time is said",
    { tools: [tool("f")], toolChoice: { type: "none" }, parallelToolCalls: false },
    {
      body: { tools: [{ type: "function", function: { name: "f" } }], tool_choice: "none", parallel_tool_calls: false },
    },
  ],
  [
    "the o-series knows no such switch, and never calls in parallel",
    { model: "o3", tools: [tool("f")], parallelToolCalls: false },
    {
      body: { tools: [{ type: "function", function: { name: "f" } }] },
    },
  ],
  [
    "a custom tool for a server without them is a function with one string, in the history too",
    {
      model: "glm-5.1",
      tools: [customTool("patch", { description: "Patches.", grammar: { syntax: "lark", definition: "start: x" } })],
      turns: [user("Hi"), assistant(call("p", "patch", 'a "b"', { kind: "custom" })), user(result("p", "ok", { kind: "custom" }))],
      toolChoice: { type: "named", name: "patch" },
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("p", "patch", '{"input":"a \\"b\\""}')] },
          { role: "tool", tool_call_id: "p", content: "ok" },
        ],
        tools: [
          {
            type: "function",
            function: {
              name: "patch",
              description: "Patches.\n\nThe input follows this lark grammar:\nstart: x",
              parameters: {
                type: "object",
                properties: { input: { type: "string", description: "The whole input, as plain text." } },
                required: ["input"],
                additionalProperties: false,
              },
            },
          },
        ],
        tool_choice: { type: "function", function: { name: "patch" } },
      },
      losses: [reported("tools.patch", "A grammar cannot be enforced on this model; it is told the grammar instead.")],
    },
  ],
  [
    "a custom tool stays one for a model that has them",
    {
      model: "gpt-5.1",
      tools: [customTool("patch", { grammar: { syntax: "lark", definition: "start: x" } }), tool("f")],
      turns: [user("Hi"), assistant(call("p", "patch", "a", { kind: "custom" })), user(result("p", "ok", { kind: "custom" }))],
      toolChoice: { type: "subset", names: ["patch", "f"], required: false },
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [{ id: "p", type: "custom", custom: { name: "patch", input: "a" } }] },
          { role: "tool", tool_call_id: "p", content: "ok" },
        ],
        tools: [
          { type: "custom", custom: { name: "patch", format: { type: "grammar", grammar: { syntax: "lark", definition: "start: x" } } } },
          { type: "function", function: { name: "f" } },
        ],
        tool_choice: {
          type: "allowed_tools",
          allowed_tools: {
            mode: "auto",
            tools: [
              { type: "custom", custom: { name: "patch" } },
              { type: "function", function: { name: "f" } },
            ],
          },
        },
      },
    },
  ],
  [
    "allowed tools alone for a server without that choice",
    { model: "kimi-k2.6", tools: [tool("f"), tool("g")], toolChoice: { type: "subset", names: ["g"], required: true } },
    {
      body: { tools: [{ type: "function", function: { name: "g" } }], tool_choice: "required" },
      losses: [reported("tool_choice", "The model gets only the allowed tools, which changes its prompt cache.")],
    },
  ],
  [
    "hosted tools: a search and what only another protocol runs are left out and reported",
    {
      tools: [
        { type: "web-search", allowedDomains: [], blockedDomains: [], location: null, contextSize: null, maxUses: null },
        { type: "opaque", protocol: "anthropic-messages", name: "code_execution", value: "{}", severity: "reported" },
      ],
    },
    {
      losses: [
        reported("tools.code_execution", "Only its own provider runs code_execution; the model answers without it."),
        reported("tools.web_search", "The model's upstream has no web search; the model answers without it."),
      ],
    },
  ],
  [
    "search on a model that searches",
    {
      model: "gpt-5-search-api",
      tools: [
        {
          type: "web-search",
          allowedDomains: ["example.com"],
          blockedDomains: [],
          location: { city: "Oslo", region: null, country: "NO", timezone: null },
          contextSize: "low",
          maxUses: null,
        },
      ],
    },
    {
      body: {
        web_search_options: {
          search_context_size: "low",
          user_location: { type: "approximate", approximate: { city: "Oslo", country: "NO" } },
        },
      },
      losses: [reported("tools.web_search", "Web search in Chat Completions accepts no domain lists and no limit on uses.")],
    },
  ],
]);

test("encoding a request: arguments and schemas keep every character", () => {
  const schema = '{ "type": "object", "properties": { "n": { "maximum": 12345678901234567890, "multipleOf": 1.0 } } }';
  const args = '{ "n": 12345678901234567890 , "f":1.50}';
  const { body } = openaiChat.request.encode({
    ...THEIR_REQUEST,
    tools: [tool("f", { schema })],
    turns: [user("Hi"), assistant(call("a", "f", args)), user(result("a", "1"))],
  });
  assert.ok(body.includes(`"parameters":${schema}`));
  assert.ok(body.includes(`"arguments":${JSON.stringify(args)}`));
});

test("encoding a request: a schema without a type gets one where OpenAI runs the model, unless the client speaks Chat itself", () => {
  const parametersFor = (more: Partial<CanonicalRequest>): unknown => {
    const tools = [tool("f", { schema: ' { "oneOf":[{"required":["a"]}]} ' })];
    const { body } = openaiChat.request.encode(request({ turns: [user("Hi")], tools, ...more }));
    return (JSON.parse(body) as { tools: { function: { parameters: unknown } }[] }).tools[0]?.function.parameters;
  };
  const oneOf = [{ required: ["a"] }];
  assert.deepEqual(parametersFor({ model: "gpt-5.5" }), { type: "object", oneOf, properties: {} });
  assert.deepEqual(parametersFor({ model: "glm-5.2" }), { oneOf });
  assert.deepEqual(parametersFor({ model: "gpt-5.5", names: NAMES }), { oneOf });
});
