// The input of a custom tool, out of the function that stands for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fold } from "../../../src/protocol/fold.ts";
import { call, closed, customTool, delta, ended, opened, started } from "../../support/canonical.ts";
import { calls, decodeStream, done, stop, testDecodingStreams } from "./reply-cases.ts";

testDecodingStreams([
  [
    "the input of a custom tool comes out of its function, piece by piece, escapes cut anywhere",
    [
      calls({ index: 0, id: "a", function: { name: "patch", arguments: '{"in' } }),
      calls({ index: 0, function: { arguments: 'put": "a\\' } }),
      calls({ index: 0, function: { arguments: 'n\\"b\\u00' } }),
      calls({ index: 0, function: { arguments: "e9" } }),
      calls({ index: 0, function: { arguments: '"}' } }),
      stop("tool_calls"),
      done,
    ],
    [
      started("1"),
      opened(0, call("a", "patch", "", { kind: "custom" })),
      delta(0, "a"),
      delta(0, '\n"b'),
      delta(0, "é"),
      closed(0),
      ended("tool-calls", "tool_calls"),
    ],
    { tools: [customTool("patch")] },
  ],
  [
    "arguments of another form come out as they are",
    [
      calls({ index: 0, id: "a", function: { name: "patch", arguments: '{"text"' } }),
      calls({ index: 0, function: { arguments: ':"a"}' } }),
      stop("tool_calls"),
      done,
    ],
    [
      started("1"),
      opened(0, call("a", "patch", "", { kind: "custom" })),
      delta(0, '{"text"'),
      delta(0, ':"a"}'),
      closed(0),
      ended("tool-calls", "tool_calls"),
    ],
    { tools: [customTool("patch")] },
  ],
]);

test("decoding a stream: every cut of an emulated input gives the same text", () => {
  const args = ' { "input" : "caf\\u00e9 \\ud83e\\udd8a\\n\\\\ \\q end" } ';
  for (let at = 0; at <= args.length; at++) {
    const events = decodeStream(
      [
        calls({ index: 0, id: "a", function: { name: "patch", arguments: args.slice(0, at) } }),
        calls({ index: 0, function: { arguments: args.slice(at) } }),
        stop(),
        done,
      ],
      { tools: [customTool("patch")] },
    );
    const [part] = fold(events).parts;
    assert.deepEqual(part, call("a", "patch", "café 🦊\n\\ \\q end", { kind: "custom" }));
  }
});
