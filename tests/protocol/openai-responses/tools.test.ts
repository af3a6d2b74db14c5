// Tools and tool choice of a request for a Responses upstream.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";
import { assistant, call, customTool, result, user } from "../../support/canonical.ts";
import { HI, loss, objectTool, OPTIONAL, SENT, testEncoding } from "./encoded.ts";

testEncoding([
  {
    what: "tools are not strict unless said; an object gets its members, all else stays as it was written",
    request: {
      tools: [
        objectTool("a", { schema: null }),
        objectTool("b", { schema: '{ "type":"object","additionalProperties":false }', strict: true }),
        objectTool("c", { schema: '{"properties":{"z":{"maximum":1e2},"a":{}},"$defs":{}}', description: "C" }),
        objectTool("d", { schema: "{}" }),
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
    request: { tools: [objectTool("a", { schema: OPTIONAL, strict: true })] },
    body: { ...SENT, tools: [{ type: "function", name: "a", parameters: JSON.parse(OPTIONAL) as object, strict: false }] },
    losses: [loss("tools.strict", "reported", "A strict schema here has no optional members.")],
  },
  {
    what: "names that do not fit are renamed in tools, choice and history alike",
    request: {
      tools: [objectTool("files/read.text"), objectTool("n".repeat(70))],
      toolChoice: { type: "named", name: "files/read.text" },
      turns: [assistant(call("1", "files/read.text")), user(result("1", "ok"))],
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
      tools: [customTool("c", { description: "C", grammar: { syntax: "regex", definition: "x+" } })],
      toolChoice: { type: "named", name: "c" },
      turns: [assistant(call("1", "c", "xx", { kind: "custom" })), user(result("1", "ok", { kind: "custom" }))],
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
    what: "web search with what OpenAI's knows; another vendor's hosted tool is left out",
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
        { type: "opaque", protocol: "gemini", name: "googleMaps", value: "{}", severity: "reported" },
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
      include: ["reasoning.encrypted_content", "web_search_call.action.sources"],
    },
    losses: [
      loss("tools.googleMaps", "reported", "Only its own provider runs googleMaps; the model answers without it."),
      loss("tools.web_search", "reported", "OpenAI's web search can allow domains but not block them."),
      loss("tools.web_search", "reported", "OpenAI's web search has no limit on uses."),
    ],
  },
  {
    what: "without tools there is no choice and no parallel switch",
    request: { toolChoice: { type: "auto" }, parallelToolCalls: false },
    body: SENT,
  },
  ...(["auto", "none", "required"] as const).map((type) => ({
    what: `the choice ${type}, with the parallel switch`,
    request: { tools: [objectTool("a")], toolChoice: { type }, parallelToolCalls: false },
    body: {
      ...SENT,
      tools: [{ type: "function", name: "a", parameters: { type: "object", properties: {} }, strict: false }],
      tool_choice: type,
      parallel_tool_calls: false,
    },
  })),
  {
    what: "a subset of the tools",
    request: { tools: [objectTool("a"), objectTool("b")], toolChoice: { type: "subset", names: ["b"], required: true } },
    body: {
      ...SENT,
      tools: ["a", "b"].map((name) => ({ type: "function", name, parameters: { type: "object", properties: {} }, strict: false })),
      tool_choice: { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "b" }] },
    },
  },
  {
    what: "a choice that names no tool is refused, and so is one that needs a tool where there is none",
    request: { tools: [objectTool("a")], toolChoice: { type: "named", name: "b" } },
    body: { ...SENT, tools: [{ type: "function", name: "a", parameters: { type: "object", properties: {} }, strict: false }] },
    losses: [loss("toolChoice", "refused", "There is no tool named b.")],
  },
  {
    what: "a tool has to be called, but there is none",
    request: { toolChoice: { type: "required" } },
    body: SENT,
    losses: [loss("toolChoice", "refused", "A tool call is required, but there is no tool.")],
  },
]);

test("encode: schemas are sent in the text that they were written in", () => {
  const schema = '{ "type":"object" , "properties":{"b":{"maximum":12345678901234567890},"a":{"minimum":1.50}}}';
  const { body } = openaiResponses.request.encode({
    ...HI,
    tools: [objectTool("a", { schema })],
    output: { type: "json-schema", name: "n", description: null, schema, strict: null },
  });
  assert.equal(body.split(schema).length - 1, 2, body);
});
