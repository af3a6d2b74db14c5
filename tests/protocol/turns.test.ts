// Turns that any upstream accepts: neighbours joined, results paired with their calls, ids unique.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalRequest, Loss, Part, ToolResultPart, Turn } from "../../src/protocol/canonical.ts";
import { mergeTurns, pairResults, uniqueCallIds } from "../../src/protocol/turns.ts";
import { assistant, call, request, result as namelessResult, system, text, user } from "../support/canonical.ts";

const result = (callId: string, said: string, name: string | null = "look"): ToolResultPart => namelessResult(callId, said, { name });
const missing = (callId: string): Part => ({ ...result(callId, "The call was interrupted before it gave a result."), isError: true });

const requestOf = (turns: readonly Turn[]): CanonicalRequest => request({ turns });
const loss = (severity: Loss["severity"], reason: string): Loss => ({ field: "turns", severity, reason });

// ---- mergeTurns --------------------------------------------------------------------------------------------------

test("mergeTurns: neighbours of one role become one turn, parts in order", () => {
  assert.deepEqual(mergeTurns([user(text("a")), user(text("b"), text("c")), assistant(text("d")), assistant(text("e")), user(text("f"))]), [
    user(text("a"), text("b"), text("c")),
    assistant(text("d"), text("e")),
    user(text("f")),
  ]);
});

test("mergeTurns: system turns stay apart, and keep what stands around them apart", () => {
  const turns = [user(text("a")), system("s"), system("t"), user(text("b"))];
  assert.deepEqual(mergeTurns(turns), turns);
});

test("mergeTurns: empty turns go, and their neighbours meet; a system turn that only sets the effort stays", () => {
  assert.deepEqual(mergeTurns([user(text("a")), assistant(), user(text("b")), system(), { ...system(), effort: "high" }]), [
    user(text("a"), text("b")),
    { ...system(), effort: "high" },
  ]);
});

// ---- pairResults -------------------------------------------------------------------------------------------------

interface PairRow {
  readonly what: string;
  readonly turns: readonly Turn[];
  readonly expected: readonly Turn[];
  readonly losses?: readonly Loss[];
}

const PAIRS: readonly PairRow[] = [
  {
    what: "a sound conversation stays as it is",
    turns: [user(text("q")), assistant(text("t"), call("a")), user(result("a", "1"), text("next")), assistant(text("done"))],
    expected: [user(text("q")), assistant(text("t"), call("a")), user(result("a", "1"), text("next")), assistant(text("done"))],
  },
  {
    what: "results come first and in the order of the calls, wherever they stood among the answers",
    turns: [assistant(call("a"), call("b")), user(text("x"), result("b", "2")), system("s"), user(text("y"), result("a", "1"))],
    expected: [assistant(call("a"), call("b")), user(result("a", "1"), result("b", "2"), text("x")), system("s"), user(text("y"))],
  },
  {
    what: "a result gets the name and the kind of its call",
    turns: [assistant(call("a", "patch", "{}", { kind: "custom" })), user(result("a", "1", null))],
    expected: [assistant(call("a", "patch", "{}", { kind: "custom" })), user({ ...result("a", "1", "patch"), kind: "custom" })],
  },
  {
    what: "a result behind a later assistant turn is fetched",
    turns: [assistant(call("a")), user(text("wait")), assistant(text("still there")), user(result("a", "1"), text("so?"))],
    expected: [assistant(call("a")), user(result("a", "1"), text("wait")), assistant(text("still there")), user(text("so?"))],
  },
  {
    what: "a turn that held nothing but a fetched result goes",
    turns: [assistant(call("a")), user(text("wait")), assistant(text("b")), user(result("a", "1")), assistant(text("c"))],
    expected: [assistant(call("a")), user(result("a", "1"), text("wait")), assistant(text("b"), text("c"))],
  },
  {
    what: "a later call with the same id keeps its own result",
    turns: [assistant(call("a")), user(text("x")), assistant(call("a")), user(result("a", "2"))],
    expected: [assistant(call("a")), user(missing("a"), text("x")), assistant(call("a")), user(result("a", "2"))],
    losses: [loss("refused", "Call a of look has no result.")],
  },
  {
    what: "a call without a result gets one that says so",
    turns: [assistant(call("a"), call("b")), user(result("b", "2")), assistant(text("t"), call("c"))],
    expected: [assistant(call("a"), call("b")), user(missing("a"), result("b", "2")), assistant(text("t"), call("c")), user(missing("c"))],
    losses: [loss("refused", "Call a of look has no result."), loss("refused", "Call c of look has no result.")],
  },
  {
    what: "a result without a call becomes text",
    turns: [user(result("z", "lost"), text("q")), assistant(call("a")), user(result("a", "1"), result("y", "also lost"))],
    expected: [user(text("lost"), text("q")), assistant(call("a")), user(result("a", "1"), text("also lost"))],
    losses: [
      loss("refused", "The result for z does not match an earlier call."),
      loss("refused", "The result for y does not match an earlier call."),
    ],
  },
  {
    what: "of several results for one call the last one stands at the first one's place",
    turns: [assistant(call("a"), call("b")), user(result("a", "old"), result("b", "2"), result("a", "new"))],
    expected: [assistant(call("a"), call("b")), user(result("a", "new"), result("b", "2"))],
    losses: [loss("reported", "Call a has several results; the last one was sent.")],
  },
  {
    what: "calls of one turn that share an id take its results in turn",
    turns: [assistant(call("a", "look"), call("a", "hear")), user(result("a", "1", null), result("a", "2", null))],
    expected: [assistant(call("a", "look"), call("a", "hear")), user(result("a", "1", "look"), result("a", "2", "hear"))],
  },
  { what: "no turns", turns: [], expected: [] },
];

for (const { what, turns, expected, losses = [] } of PAIRS) {
  test(`pairResults: ${what}`, () => {
    assert.deepEqual(pairResults(requestOf(turns)), { turns: expected, losses });
  });
  test(`pairResults: paired turns stay as they are: ${what}`, () => {
    assert.deepEqual(pairResults(requestOf(expected)), { turns: expected, losses: [] });
  });
}

// ---- uniqueCallIds -----------------------------------------------------------------------------------------------

const IDS: readonly { readonly what: string; readonly turns: readonly Turn[]; readonly expected: readonly Turn[] }[] = [
  {
    what: "unique ids stay",
    turns: [assistant(call("a"), call("b")), user(result("a", "1"), result("b", "2"))],
    expected: [assistant(call("a"), call("b")), user(result("a", "1"), result("b", "2"))],
  },
  {
    what: "an id that comes back gets its turn's number, its result too",
    turns: [
      assistant(call("a")),
      user(result("a", "1")),
      assistant(call("a")),
      user(result("a", "2")),
      assistant(call("a")),
      user(result("a", "3")),
    ],
    expected: [
      assistant(call("a")),
      user(result("a", "1")),
      assistant(call("a_2")),
      user(result("a_2", "2")),
      assistant(call("a_4")),
      user(result("a_4", "3")),
    ],
  },
  {
    what: "an id that looks like a renamed one is not hit",
    turns: [assistant(call("a"), call("a_2")), user(result("a", "1"), result("a_2", "2")), assistant(call("a")), user(result("a", "3"))],
    expected: [
      assistant(call("a"), call("a_2")),
      user(result("a", "1"), result("a_2", "2")),
      assistant(call("a_2_2")),
      user(result("a_2_2", "3")),
    ],
  },
  {
    what: "calls of one turn that share an id are told apart, and so are their results",
    turns: [assistant(call("a"), call("a"), call("a")), user(result("a", "1"), result("a", "2"), result("a", "3"))],
    expected: [assistant(call("a"), call("a_0"), call("a_0_2")), user(result("a", "1"), result("a_0", "2"), result("a_0_2", "3"))],
  },
];

for (const { what, turns, expected } of IDS) {
  test(`uniqueCallIds: ${what}`, () => {
    assert.deepEqual(uniqueCallIds(turns), expected);
  });
}
