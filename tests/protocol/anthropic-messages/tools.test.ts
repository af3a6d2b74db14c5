// The tools and the tool choice that an upstream is sent.

import { test } from "node:test";
import { assistant, call, result, text, user } from "../../support/canonical.ts";
import { declared, isSent, LOOK, LOOP, LOOP_SENT, lost, message, SENT, USE, words, type EncodeRow } from "./requests.ts";

const ROWS: readonly EncodeRow[] = [
  {
    what: "names of another alphabet are fitted everywhere alike",
    request: {
      tools: [declared("mcp.sea/look", { schema: null })],
      toolChoice: { type: "named", name: "mcp.sea/look" },
      model: "claude-opus-4-8",
      turns: [user("Hi"), assistant(call("c1", "mcp.sea/look", "{}")), user(result("c1", [text("Sea.")]))],
    },
    body: {
      ...SENT,
      model: "claude-opus-4-8",
      tools: [{ ...LOOK, name: "mcp_sea_look_32aa9cd0" }],
      tool_choice: { type: "tool", name: "mcp_sea_look_32aa9cd0" },
      messages: [LOOP_SENT[0], message("assistant", { ...USE, name: "mcp_sea_look_32aa9cd0" }), LOOP_SENT[2]],
    },
  },
  {
    what: "no tools, no choice",
    request: { toolChoice: { type: "auto" }, parallelToolCalls: false },
    body: SENT,
  },
  {
    what: "tools of the history are declared when the client declares none",
    request: { turns: LOOP },
    body: { ...SENT, tools: [LOOK], tool_choice: { type: "none" }, messages: LOOP_SENT },
  },
  {
    what: "tools that may not be called stay declared",
    request: { tools: [declared("look")], toolChoice: { type: "none" } },
    body: { ...SENT, tools: [LOOK], tool_choice: { type: "none" } },
  },
  {
    what: "one call at a time needs a choice to say so",
    request: { tools: [declared("look")], parallelToolCalls: false },
    body: { ...SENT, tools: [LOOK], tool_choice: { type: "auto", disable_parallel_tool_use: true } },
  },
  {
    what: "a forced tool wins over thinking with a budget",
    request: {
      model: "claude-sonnet-4-5",
      tools: [declared("look")],
      toolChoice: { type: "required" },
      reasoning: { mode: "on", effort: "low", budgetTokens: null, display: null },
    },
    body: { ...SENT, model: "claude-sonnet-4-5", tools: [LOOK], tool_choice: { type: "any" }, thinking: { type: "disabled" } },
    losses: [lost("thinking", "reported", "This model cannot think when it must call a tool.")],
  },
  {
    what: "a choice of some tools of which one is unknown is refused",
    request: { tools: [declared("look")], toolChoice: { type: "subset", names: ["look", "nope"], required: true } },
    body: { ...SENT, tools: [LOOK], tool_choice: { type: "any" } },
    losses: [
      lost("tool_choice", "refused", "There is no tool nope to call."),
      lost("tool_choice", "reported", "Messages cannot limit the choice; only the allowed tools were sent."),
    ],
  },
  {
    what: "a model that cannot be forced",
    request: { model: "claude-opus-5-5", tools: [declared("look")], toolChoice: { type: "required" } },
    body: { ...SENT, model: "claude-opus-5-5", tools: [LOOK], tool_choice: { type: "auto" } },
    losses: [lost("tool_choice", "refused", "This model cannot be made to call a tool.")],
  },
  {
    what: "a tool that is not there, and none at all",
    request: { toolChoice: { type: "required" } },
    body: SENT,
    losses: [lost("tool_choice", "refused", "A tool call is required, but no tool was sent that this model could call.")],
  },
  {
    what: "a subset is sent alone",
    request: { tools: [declared("look"), declared("other")], toolChoice: { type: "subset", names: ["look"], required: true } },
    body: { ...SENT, tools: [LOOK], tool_choice: { type: "any" } },
    losses: [lost("tool_choice", "reported", "Messages cannot limit the choice; only the allowed tools were sent.")],
  },
  {
    what: "a custom tool is a function of one text, in the history too",
    request: {
      tools: [
        { type: "custom", name: "patch", namespace: null, description: "Patches.", grammar: { syntax: "lark", definition: "start: /.+/" } },
      ],
      turns: [
        user("Hi"),
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
        message("assistant", { type: "tool_use", id: "c1", name: "patch", input: { input: 'a "b"\n' } }),
        message("user", { type: "tool_result", tool_use_id: "c1", content: [words("Done.")] }),
      ],
    },
    losses: [lost("tools.patch", "reported", "Messages cannot enforce a grammar on a tool's input; the model is told the grammar.")],
  },
  {
    what: "a tool of a namespace keeps its whole name",
    request: { tools: [declared("crew__call", { namespace: "crew__" })] },
    body: { ...SENT, tools: [{ ...LOOK, name: "crew__call" }] },
  },
  {
    what: "a web search is one here too; a hosted tool of another provider is none",
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
        { type: "opaque", protocol: "openai-responses", name: "image_generation", value: "{}", severity: "reported" },
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
      lost("tools.image_generation", "reported", "Only its own provider runs image_generation; the model answers without it."),
      lost("tools.web_search", "reported", "Messages accepts allowed or blocked domains, not both; the allowed ones were sent."),
      lost("tools.web_search", "reported", "Messages has no setting for how much context a web search may use."),
    ],
  },
  {
    what: "a schema without a type gets one, a strict one loses what a grammar cannot hold",
    request: {
      tools: [
        declared("a", { schema: '{"anyOf":[{}]}' }),
        declared("b", { schema: '{"type":"object","properties":{"n":{"type":"string","pattern":"^a"}},"required":["n"]}', strict: true }),
        declared("c", { schema: '{"type":"object","additionalProperties":true}', strict: true }),
      ],
    },
    body: {
      ...SENT,
      tools: [
        { name: "a", input_schema: LOOK.input_schema },
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
    losses: [lost("tools.c.strict", "reported", "This model cannot follow the tool's schema strictly.")],
  },
];

for (const row of ROWS) test(`an upstream is sent: ${row.what}`, () => isSent(row));
