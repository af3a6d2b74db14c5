// Tool calls, both directions: of a conversation, and of an answer that comes in pieces.

import {
  assistant,
  call,
  closed,
  customTool,
  delta,
  ended,
  failed,
  opened,
  result,
  started,
  text,
  tool,
  user,
} from "../../support/canonical.ts";
import { HI, testDecoding, testEncoding, toolCall } from "./request-cases.ts";
import { calls, chunk, done, stop, testDecodingStreams } from "./reply-cases.ts";

// ---- Of a conversation -----------------------------------------------------------------------------------------------

testDecoding([
  [
    "arguments that a client sends as an object keep their digits",
    '{"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":{"n":12345678901234567890}}}]}]}',
    { turns: [user("Hi"), assistant(call("a", "f", '{"n":12345678901234567890}'))] },
  ],
]);

testEncoding([
  [
    "two calls of one turn with one id are told apart, and so are their results",
    {
      turns: [user("Hi"), assistant(call("a", "f", "{}"), call("a", "f", "{}")), user(result("a", "1"), result("a", "2"), text(""))],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", "{}"), toolCall("a_1", "f", "{}")] },
          { role: "tool", tool_call_id: "a", content: "1" },
          { role: "tool", tool_call_id: "a_1", content: "2" },
        ],
      },
    },
  ],
  [
    "arguments that were cut stay as they are",
    {
      turns: [user("Hi"), assistant(call("a", "f", '{"a":"b')), user(result("a", "1"))],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("a", "f", '{"a":"b')] },
          { role: "tool", tool_call_id: "a", content: "1" },
        ],
      },
    },
  ],
  [
    "a call id that is too long is short and the same on both sides",
    {
      turns: [user("Hi"), assistant(call("x".repeat(41), "f", "{}")), user(result("x".repeat(41), [text("1")]))],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("call_fb64f7a7b268920b", "f", "{}")] },
          { role: "tool", tool_call_id: "call_fb64f7a7b268920b", content: "1" },
        ],
      },
    },
  ],
  [
    "Mistral's ids have nine characters",
    {
      model: "mistral-large-latest",
      turns: [user("Hi"), assistant(call("toolu_01", "f", "{}")), user(result("toolu_01", "1"))],
    },
    {
      body: {
        messages: [
          HI,
          { role: "assistant", content: null, tool_calls: [toolCall("cf56858b0", "f", "{}")] },
          { role: "tool", tool_call_id: "cf56858b0", content: "1" },
        ],
      },
    },
  ],
]);

// ---- Of an upstream's answer -----------------------------------------------------------------------------------------

testDecodingStreams([
  [
    "arguments of two calls that interleave",
    [
      calls({ index: 0, id: "a", type: "function", function: { name: "f", arguments: '{"x":' } }),
      calls({ index: 1, id: "b", type: "function", function: { name: "g", arguments: "{" } }),
      calls({ index: 0, function: { arguments: "1}" } }, { index: 1, function: { arguments: "}" } }),
      stop("tool_calls"),
      done,
    ],
    [
      started("1"),
      opened(0, call("a", "f", "")),
      delta(0, '{"x":'),
      opened(1, call("b", "g", "")),
      delta(1, "{"),
      delta(0, "1}"),
      delta(1, "}"),
      closed(0),
      closed(1),
      ended("tool-calls", "tool_calls"),
    ],
  ],
  [
    "a call with whole arguments ends where the next one begins, so that both can stream",
    [
      calls({ index: 0, id: "a", type: "function", function: { name: "f", arguments: '{"x":1}' } }),
      calls({ index: 1, id: "b", type: "function", function: { name: "g", arguments: "{}" } }),
      calls({ index: 0, function: { arguments: " " } }),
      stop("tool_calls"),
      done,
    ],
    [
      started("1"),
      opened(0, call("a", "f", "")),
      delta(0, '{"x":1}'),
      closed(0),
      opened(1, call("b", "g", "")),
      delta(1, "{}"),
      closed(1),
      ended("tool-calls", "tool_calls"),
    ],
  ],
  [
    "arguments behind their end are an error",
    [
      calls(
        { index: 0, id: "a", type: "function", function: { name: "f", arguments: "{}" } },
        { index: 1, id: "b", function: { name: "g", arguments: "" } },
      ),
      calls({ index: 0, function: { arguments: '{"x":1}' } }),
    ],
    [
      started("1"),
      opened(0, call("a", "f", "")),
      delta(0, "{}"),
      closed(0),
      opened(1, call("b", "g", "")),
      failed("upstream-failed", "The upstream added to the arguments of a complete tool call."),
    ],
  ],
  [
    "later pieces with an empty or repeated name and id",
    [
      calls({ index: 0, id: "a", type: "function", function: { name: "f", arguments: "{" } }),
      calls({ index: 0, id: "", function: { name: "", arguments: '"x"' } }),
      calls({ index: 0, id: "a", function: { name: "f", arguments: ":1" } }),
      calls({ index: 0, id: null, function: { name: null, arguments: "}" } }),
      stop("tool_calls"),
      done,
    ],
    [
      started("1"),
      opened(0, call("a", "f", "")),
      delta(0, "{"),
      delta(0, '"x"'),
      delta(0, ":1"),
      delta(0, "}"),
      closed(0),
      ended("tool-calls", "tool_calls"),
    ],
  ],
  [
    "calls without an index, told apart by id",
    [
      calls({ id: "a", function: { name: "f", arguments: '{"x"' } }, { id: "b", function: { name: "f", arguments: "{" } }),
      calls({ id: "a", function: { arguments: ":1}" } }, { function: { arguments: "}" } }),
      stop("tool_calls"),
      done,
    ],
    [
      started("1"),
      opened(0, call("a", "f", "")),
      delta(0, '{"x"'),
      opened(1, call("b", "f", "")),
      delta(1, "{"),
      delta(0, ":1}"),
      delta(1, "}"),
      closed(0),
      closed(1),
      ended("tool-calls", "tool_calls"),
    ],
  ],
  [
    "an index that begins at one",
    [
      chunk({ content: "a" }),
      calls({ index: 1, id: "a", type: "function", function: { name: "f", arguments: "{}" } }),
      stop("tool_calls"),
      done,
    ],
    [
      started("1"),
      opened(0, text()),
      delta(0, "a"),
      closed(0),
      opened(1, call("a", "f", "")),
      delta(1, "{}"),
      closed(1),
      ended("tool-calls", "tool_calls"),
    ],
  ],
  [
    "every call at index 0: a new id with a name is a new call",
    [
      calls({ index: 0, id: "a", function: { name: "f", arguments: "{}" } }),
      calls({ index: 0, id: "b", function: { name: "g", arguments: "{}" } }),
      stop(),
      done,
    ],
    [
      started("1"),
      opened(0, call("a", "f", "")),
      delta(0, "{}"),
      closed(0),
      opened(1, call("b", "g", "")),
      delta(1, "{}"),
      closed(1),
      ended("tool-calls", "stop"),
    ],
  ],
  [
    "calls without an id, and two with the same",
    [
      calls({ index: 0, function: { name: "f", arguments: "{}" } }),
      calls(
        { index: 1, id: "c", function: { name: "g", arguments: "{}" } },
        { index: 2, id: "c", function: { name: "g", arguments: "{}" } },
      ),
      stop(),
      done,
    ],
    [
      started("1"),
      opened(0, call("call_0a1b2c_0", "f", "")),
      delta(0, "{}"),
      closed(0),
      opened(1, call("c", "g", "")),
      delta(1, "{}"),
      closed(1),
      opened(2, call("c_2", "g", "")),
      delta(2, "{}"),
      closed(2),
      ended("tool-calls", "stop"),
    ],
  ],
  [
    "a name that comes after the id and the first arguments",
    [
      calls({ index: 0, id: "a", type: "function", function: { arguments: "{" } }),
      calls({ index: 0, function: { name: "f" } }),
      calls({ index: 0, function: { arguments: "}" } }),
      stop(),
      done,
    ],
    [started("1"), opened(0, call("a", "f", "")), delta(0, "{"), delta(0, "}"), closed(0), ended("tool-calls", "stop")],
  ],
  [
    "a call that is never named cannot be made",
    [calls({ index: 0, id: "a", function: { arguments: "{}" } }), stop("tool_calls"), done],
    [started("1"), failed("upstream-failed", "The upstream called a tool without naming it.")],
  ],
  [
    "arguments without any call are what is left of a missing beginning",
    [calls({ index: 0, function: { arguments: "1}" } }), stop("tool_calls"), done],
    [started("1"), ended("tool-calls", "tool_calls")],
    { isExcerpt: true },
  ],
  [
    "where there is no beginning that could be missing, nobody can make such a call",
    [calls({ index: 0, function: { arguments: "1}" } }), stop("tool_calls"), done],
    [started("1"), failed("upstream-failed", "The upstream called a tool without naming it.")],
  ],
  [
    "function_call, of servers from before there were tools",
    [chunk({ function_call: { name: "f", arguments: "" } }), chunk({ function_call: { arguments: "{}" } }), stop("function_call"), done],
    [started("1"), opened(0, call("call_0a1b2c_0", "f", "")), delta(0, "{}"), closed(0), ended("tool-calls", "function_call")],
  ],
  [
    "names that went out short come back as the client's",
    [calls({ index: 0, id: "a", function: { name: "mcp_read_9970f21b", arguments: "{}" } }), stop(), done],
    [started("1"), opened(0, call("a", "mcp.read", "")), delta(0, "{}"), closed(0), ended("tool-calls", "stop")],
    { tools: [tool("mcp.read")] },
  ],
  [
    "a custom tool of a model that has them",
    [
      calls({ index: 0, id: "a", type: "custom", custom: { name: "patch", input: "" } }),
      calls({ index: 0, custom: { input: "raw" } }),
      stop("tool_calls"),
      done,
    ],
    [started("1"), opened(0, call("a", "patch", "", { kind: "custom" })), delta(0, "raw"), closed(0), ended("tool-calls", "tool_calls")],
    { model: "gpt-5.1", tools: [customTool("patch")] },
  ],
]);
