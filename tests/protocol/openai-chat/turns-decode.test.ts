// The messages of Chat clients: instructions, turns, results.

import { assistant, call, result, system, text, user } from "../../support/canonical.ts";
import { HI, testDecoding, toolCall } from "./request-cases.ts";

const UNNAMED = "Messages of other protocols do not name their speaker.";

testDecoding([
  [
    "leading system and developer messages become blocks, one in the middle keeps its place",
    {
      messages: [
        { role: "developer", content: "A" },
        { role: "system", content: [{ type: "text", text: "B" }] },
        HI,
        { role: "system", content: "C" },
      ],
    },
    { system: [text("A"), text("B")], turns: [user("Hi"), system("C")] },
  ],
  ["instructions alone are a request without turns", { messages: [{ role: "system", content: "A" }] }, { system: [text("A")], turns: [] }],
  [
    "tool messages and the user message after them are one turn",
    {
      messages: [
        HI,
        { role: "assistant", content: "", tool_calls: [toolCall("a", "f", "{}"), toolCall("b", "f", "{}")] },
        { role: "tool", tool_call_id: "a", content: "1" },
        { role: "tool", tool_call_id: "b", content: "2" },
        { role: "user", content: "And?" },
      ],
    },
    {
      turns: [user("Hi"), assistant(call("a", "f", "{}"), call("b", "f", "{}")), user(result("a", "1"), result("b", "2"), text("And?"))],
    },
  ],
  [
    "an empty content beside tool calls is no text",
    {
      messages: [HI, { role: "assistant", content: "", tool_calls: [toolCall("a", "f", "")] }],
    },
    { turns: [user("Hi"), assistant(call("a", "f", ""))] },
  ],
  [
    "white space is kept; the protocols that reject it leave it out",
    { messages: [{ role: "user", content: " " }] },
    { turns: [user(" ")] },
  ],
  [
    "a name of the one speaker is a hint that is dropped",
    {
      messages: [
        { ...HI, name: "ann" },
        { role: "assistant", content: "Hi", name: "bot" },
        { ...HI, name: "ann" },
      ],
    },
    { turns: [user("Hi"), assistant("Hi"), user("Hi")], losses: [{ field: "messages[0].name", severity: "dropped", reason: UNNAMED }] },
  ],
  [
    "names of several assistants are reported",
    {
      messages: [HI, { role: "assistant", content: "Hi", name: "planner" }, HI, { role: "assistant", content: "Ho", name: "coder" }],
    },
    {
      turns: [user("Hi"), assistant("Hi"), user("Hi"), assistant("Ho")],
      losses: [{ field: "messages[3].name", severity: "reported", reason: UNNAMED }],
    },
  ],
  [
    "the name of a tool is that of its result",
    {
      messages: [
        HI,
        { role: "assistant", tool_calls: [toolCall("a", "f", "{}")] },
        { role: "tool", tool_call_id: "a", name: "f", content: "1" },
      ],
    },
    { turns: [user("Hi"), assistant(call("a", "f", "{}")), user({ ...result("a", "1"), name: "f" })] },
  ],
  [
    "names of several speakers are reported",
    {
      messages: [
        { ...HI, name: "ann" },
        { ...HI, name: "bob" },
        { ...HI, name: "ann" },
      ],
    },
    {
      turns: [user(text("Hi"), text("Hi"), text("Hi"))],
      losses: [{ field: "messages[1].name", severity: "reported", reason: UNNAMED }],
    },
  ],
  [
    "a result is no error because its JSON has such a key",
    {
      messages: [
        HI,
        { role: "assistant", tool_calls: [toolCall("a", "f", "{}")] },
        { role: "tool", tool_call_id: "a", content: '{"error":null}' },
      ],
    },
    { turns: [user("Hi"), assistant(call("a", "f", "{}")), user(result("a", [text('{"error":null}')]))] },
  ],
  [
    "an unknown content part stays what it is, and no other protocol takes it",
    {
      messages: [{ role: "user", content: [{ type: "video_url", video_url: { url: "https://example.com/v.mp4" } }] }],
    },
    {
      turns: [
        user({
          type: "opaque",
          protocol: "openai-chat",
          name: "video_url",
          value: '{"type":"video_url","video_url":{"url":"https://example.com/v.mp4"}}',
          severity: "refused",
        }),
      ],
    },
  ],
  [
    "a refusal in the history, as member and as part",
    {
      messages: [
        HI,
        { role: "assistant", content: null, refusal: "No." },
        HI,
        { role: "assistant", content: [{ type: "refusal", refusal: "Never." }] },
      ],
    },
    {
      turns: [user("Hi"), assistant({ type: "refusal", text: "No." }), user("Hi"), assistant({ type: "refusal", text: "Never." })],
    },
  ],
]);
