// Prompt-cache marks, both directions.

import { assistant, call, result, text, tool, user } from "../../support/canonical.ts";
import { HI, dropped, testDecoding, testEncoding, toolCall } from "./request-cases.ts";

testDecoding([
  [
    "cache marks in either spelling, where null says nothing",
    {
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "a", prompt_cache_breakpoint: { mode: "explicit", ttl: "12h" } },
            { type: "text", text: "b", cache_control: { type: "ephemeral", ttl: "5m" } },
            { type: "text", text: "c", cache_control: null },
          ],
        },
      ],
      tools: [{ type: "function", function: { name: "f" }, cache_control: { type: "ephemeral" } }],
    },
    {
      turns: [user(text("a", { cache: { ttl: "1h" } }), text("b", { cache: { ttl: "5m" } }), text("c"))],
      tools: [tool("f", { cache: { ttl: null } })],
    },
  ],
  [
    "a cache mark on a whole message, as OpenCode sends it, is its last part's, and one on a call the call's",
    {
      messages: [
        { role: "system", content: "S", cache_control: { type: "ephemeral" } },
        {
          role: "user",
          content: [
            { type: "text", text: "a" },
            { type: "text", text: "b" },
          ],
          cache_control: { type: "ephemeral", ttl: "1h" },
        },
        {
          role: "assistant",
          content: "c",
          cache_control: { type: "ephemeral" },
          tool_calls: [
            { id: "x", type: "function", function: { name: "f", arguments: "{}" }, cache_control: { type: "ephemeral", ttl: "5m" } },
            { id: "y", type: "function", function: { name: "f", arguments: "{}" } },
          ],
        },
        { role: "tool", tool_call_id: "x", content: "1", cache_control: null },
        { role: "tool", tool_call_id: "y", content: [{ type: "text", text: "2" }], cache_control: { type: "ephemeral" } },
      ],
    },
    {
      system: [text("S", { cache: { ttl: null } })],
      turns: [
        user(text("a"), text("b", { cache: { ttl: "1h" } })),
        assistant(text("c"), call("x", "f", "{}", { cache: { ttl: "5m" } }), call("y", "f", "{}", { cache: { ttl: null } })),
        user(result("x", "1"), result("y", "2", { cache: { ttl: null } })),
      ],
    },
  ],
  [
    "a part's own cache mark stays, whatever its message says",
    {
      messages: [
        {
          role: "user",
          content: [{ type: "text", text: "a", cache_control: { type: "ephemeral", ttl: "5m" } }],
          cache_control: { type: "ephemeral", ttl: "1h" },
        },
      ],
    },
    { turns: [user(text("a", { cache: { ttl: "5m" } }))] },
  ],
  [
    "a cache mark on a message without a part that could carry it is dropped, and said to be",
    {
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: null, refusal: "No.", cache_control: { type: "ephemeral" } },
      ],
    },
    {
      turns: [user("Hi"), assistant({ type: "refusal", text: "No." })],
      losses: [
        {
          field: "messages[1].cache_control",
          severity: "dropped",
          reason: "Nothing in this message can carry a cache mark; this affects only the cost.",
        },
      ],
    },
  ],
]);

testEncoding([
  [
    "cache marks go out only where they are understood",
    {
      system: [text("A", { cache: { ttl: "1h" } })],
      tools: [tool("f", { cache: { ttl: null } })],
    },
    {
      body: { messages: [{ role: "system", content: "A" }, HI], tools: [{ type: "function", function: { name: "f" } }] },
      losses: [
        dropped("prompt_cache_breakpoint", "The upstream finds cached prefixes by itself."),
        dropped("tools.prompt_cache_breakpoint", "The upstream finds cached prefixes by itself."),
      ],
    },
  ],
  [
    "the last four cache marks go out, on results too, where they are understood",
    {
      model: "gpt-5.6",
      system: [text("A", { cache: { ttl: null } }), text("B", { cache: { ttl: "1h" } })],
      turns: [
        user(text("1", { cache: { ttl: "5m" } }), text("2", { cache: { ttl: null } })),
        assistant(call("a", "f", "{}")),
        user(result("a", "3", { cache: { ttl: null } })),
      ],
    },
    {
      body: {
        messages: [
          {
            role: "developer",
            content: [
              { type: "text", text: "A" },
              { type: "text", text: "B", prompt_cache_breakpoint: { mode: "explicit", ttl: "12h" } },
            ],
          },
          {
            role: "user",
            content: [
              { type: "text", text: "1", prompt_cache_breakpoint: { mode: "explicit" } },
              { type: "text", text: "2", prompt_cache_breakpoint: { mode: "explicit" } },
            ],
          },
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: [{ type: "text", text: "3", prompt_cache_breakpoint: { mode: "explicit" } }] },
        ],
      },
    },
  ],
]);
