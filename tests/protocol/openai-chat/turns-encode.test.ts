// The messages for Chat upstreams, in the order and the form that each takes.

import { anthropic, assistant, call, image, openai, reasoning, result, system, text, url, user } from "../../support/canonical.ts";
import { HI, dropped, refused, testEncoding, toolCall } from "./request-cases.ts";

const NO_THOUGHTS = dropped("contents.reasoning", "The model does not accept earlier thoughts, or only those of the current tool loop.");

testEncoding([
  [
    "instructions for a server that is not OpenAI's are one system message, a string",
    {
      model: "kimi-k2.6",
      system: [text("A"), text("B")],
    },
    { body: { messages: [{ role: "system", content: "A\n\nB" }, HI] } },
  ],
  [
    "OpenAI's reasoning models get developer, with the boundaries of the blocks",
    {
      model: "gpt-5.1",
      system: [text("A"), text("B")],
      turns: [user("Hi"), system("C")],
    },
    {
      body: {
        messages: [
          {
            role: "developer",
            content: [
              { type: "text", text: "A" },
              { type: "text", text: "B" },
            ],
          },
          HI,
          { role: "developer", content: "C" },
        ],
      },
    },
  ],
  [
    "OpenAI's models that do not reason get system",
    { system: [text("A")] },
    { body: { messages: [{ role: "system", content: "A" }, HI] } },
  ],
  [
    "results first, each its own message, then the text that stood between them",
    {
      turns: [user("Hi"), assistant(call("a", "f", "{}"), call("b", "f", "{}")), user(result("b", "2"), text("Then?"), result("a", "1"))],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}"), toolCall("b", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "1" },
          { role: "tool", tool_call_id: "b", content: "2" },
          { role: "user", content: "Then?" },
        ],
      },
    },
  ],
  [
    "a refusal without words is no message",
    { model: "glm-5", turns: [user("Hi"), assistant({ type: "refusal", text: "" }), user("And?")] },
    { body: { model: "glm-5", messages: [HI, { role: "user", content: "And?" }] } },
  ],
  [
    "a call without a result gets one that says so",
    { turns: [user("Hi"), assistant(call("a", "f", "{}")), user("Stop")] },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "Error: The call was interrupted before it gave a result." },
          { role: "user", content: "Stop" },
        ],
      },
      losses: [refused("contents", "Call a of f has no result.")],
    },
  ],
  [
    "a turn of calls alone has content null, a call without arguments an empty object",
    {
      turns: [user("Hi"), assistant(call("a", "f", "")), user(result("a", []))],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "" },
        ],
      },
    },
  ],
  [
    "text around calls is one message, text first",
    {
      turns: [user("Hi"), assistant(text("A"), call("a", "f", "{}"), text("B")), user(result("a", "1"))],
      model: "glm-5.1",
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: "AB", tool_calls: [toolCall("a", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "1" },
        ],
      },
    },
  ],
  [
    "text alone is a string for servers that take nothing else",
    { model: "deepseek-v4-pro", turns: [user(text("A"), text("B"))] },
    {
      body: { messages: [{ role: "user", content: "A\n\nB" }] },
    },
  ],
  [
    "a result's texts are lines, its image follows all results with the call's id",
    {
      model: "kimi-k2.6",
      turns: [
        user("Hi"),
        assistant(call("a", "f", "{}"), call("b", "f", "{}")),
        user(
          result("a", [text("1"), text("2"), image(url("https://example.com/a.png"))]),
          result("b", [image(url("https://example.com/b.png"))]),
        ),
      ],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}"), toolCall("b", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "1\n2" },
          { role: "tool", tool_call_id: "b", content: "The result follows in the next user message." },
          {
            role: "user",
            content: [
              { type: "text", text: "Returned by tool call a:" },
              { type: "image_url", image_url: { url: "https://example.com/a.png" } },
              { type: "text", text: "Returned by tool call b:" },
              { type: "image_url", image_url: { url: "https://example.com/b.png" } },
            ],
          },
        ],
      },
    },
  ],
  [
    "a failed call says so, unless its text does",
    {
      turns: [
        user("Hi"),
        assistant(call("a", "f", "{}"), call("b", "f", "{}")),
        user(result("a", "no such file", { isError: true }), result("b", "Error: denied", { isError: true })),
      ],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}"), toolCall("b", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "Error: no such file" },
          { role: "tool", tool_call_id: "b", content: "Error: denied" },
        ],
      },
    },
  ],
  [
    "reasoning goes back inside of the running tool loop alone, and no proof ever",
    {
      model: "deepseek-v4-pro",
      turns: [
        user("Hi"),
        assistant(reasoning("Old."), call("a", "f", "{}")),
        user(result("a", "1")),
        assistant(reasoning("Old too."), text("Done.")),
        user("Again"),
        assistant(reasoning("Now.", { proof: anthropic("s") }), call("b", "f", "{}")),
        user(result("b", "2")),
      ],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "1" },
          { role: "assistant", content: "Done." },
          { role: "user", content: "Again" },
          { role: "assistant", content: null, reasoning_content: "Now.", tool_calls: [toolCall("b", "f", "{}")] },
          { role: "tool", tool_call_id: "b", content: "2" },
        ],
      },
      losses: [NO_THOUGHTS],
    },
  ],
  [
    "OpenAI gets no thoughts back, and a turn of nothing else is left out",
    {
      turns: [user("Hi"), assistant(reasoning("Hmm.", { proof: openai("s") })), user("So?")],
    },
    { body: { messages: [HI, { role: "user", content: "So?" }] }, losses: [NO_THOUGHTS] },
  ],
  [
    "the billing line of Claude Code is no instruction",
    { system: [text("x-anthropic-billing-header: cc_version=2.1; cch=00000;"), text("Be brief.")] },
    {
      body: { messages: [{ role: "system", content: "Be brief." }, HI] },
    },
  ],
  [
    "a refusal in the history of another server is plain text",
    {
      model: "glm-5.1",
      turns: [user("Hi"), assistant({ type: "refusal", text: "No." }), user("Why?")],
    },
    { body: { messages: [HI, { role: "assistant", content: "No." }, { role: "user", content: "Why?" }] } },
  ],
]);
