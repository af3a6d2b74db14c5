// Streamed answers to non-streaming ones and back, and the grammar of events.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Logprob, Part, Reply, ReplyEvent } from "../../src/protocol/canonical.ts";
import { fold, grammar, inOrder, truncated, unfold } from "../../src/protocol/fold.ts";
import { run } from "../../src/wire/machine.ts";
import {
  anthropic,
  call as callOf,
  closed,
  counted,
  delta,
  ended,
  failed,
  finish,
  opened,
  reasoning,
  reply,
  started,
  text,
  usage as tokens,
} from "../support/canonical.ts";

const FINISH = finish("end", "stop");
const USAGE = tokens({ inputTokens: 1, cacheReadTokens: 2, outputTokens: 0 });
const PROOF = anthropic("sig");
const CITATION = { type: "url-citation", url: "https://example.com", title: null, start: 0, end: 1, quote: null } as const;

const LOGPROBS = [
  { token: "a", bytes: [97], logprob: -0.5, top: [] },
  { token: "b", bytes: [98], logprob: 0, top: [{ token: "c", bytes: [99], logprob: -9 }] },
] as const;

const call = (callId: string, args = ""): Part => callOf(callId, "look", args);
const opaque: Part = { type: "opaque", protocol: "anthropic-messages", name: "server_tool_use", value: "{}", severity: "reported" };

const start = started();
const end = ended("end", "stop");
const usage = counted(USAGE);
const failure = failed("overloaded", "Too much.");
const note = (index: number): ReplyEvent => ({ type: "annotation", index, annotation: CITATION });
const weights = (index: number, ...logprobs: Logprob[]): ReplyEvent => ({ type: "logprobs", index, logprobs });

const REPLY = reply(
  [
    reasoning("why", { proof: PROOF }),
    text("ab", { annotations: [CITATION], proof: PROOF, logprobs: LOGPROBS }),
    { type: "refusal", text: "no", logprobs: LOGPROBS.slice(0, 1) },
    call("c1", '{"a":1}'),
    call("c2"),
    opaque,
    reasoning("", { redacted: true, proof: PROOF }),
  ],
  { usage: USAGE, finish: FINISH },
);

// ---- fold --------------------------------------------------------------------------------------------------------

test("fold: events in any grain and interleaving tell one reply", () => {
  const events = [
    start,
    opened(0, reasoning()),
    delta(0, "w"),
    usage,
    delta(0, "hy"),
    closed(0, PROOF),
    opened(1, text()),
    weights(1, LOGPROBS[0]),
    delta(1, "a"),
    note(1),
    delta(1, "b"),
    weights(1, LOGPROBS[1]),
    closed(1, PROOF),
    opened(2, { type: "refusal", text: "" }),
    weights(2, LOGPROBS[0]),
    delta(2, "no"),
    closed(2),
    opened(3, call("c1")),
    opened(4, call("c2")),
    delta(3, '{"a"'),
    closed(4),
    delta(3, ":1}"),
    closed(3),
    opened(5, opaque),
    closed(5),
    opened(6, reasoning("", { redacted: true })),
    closed(6, PROOF),
    usage,
    end,
  ];
  assert.deepEqual(fold(run(grammar(), events)), REPLY);
});

test("fold: the last usage counts, none is null", () => {
  const later = { ...USAGE, outputTokens: 9 };
  assert.deepEqual(fold([start, usage, { type: "usage", usage: later }, end]).usage, later);
  assert.equal(fold([start, end]).usage, null);
});

test("fold: a stream without its end is an error, whatever came before", () => {
  const whole = unfold(REPLY);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => fold(whole.slice(0, length)), {
      kind: "upstream-failed",
      code: "upstream_truncated",
      message: truncated().message,
    });
  }
});

test("fold: the stream's own error is thrown as it is", () => {
  assert.throws(
    () => fold([start, opened(0, text()), failure]),
    (error) => error === (failure as { error: unknown }).error,
  );
});

// ---- unfold ------------------------------------------------------------------------------------------------------

test("unfold: the events of a reply obey the grammar, part by part", () => {
  assert.deepEqual(run(grammar(), unfold(REPLY)), [
    start,
    opened(0, reasoning()),
    delta(0, "why"),
    closed(0, PROOF),
    opened(1, text()),
    weights(1, ...LOGPROBS),
    delta(1, "ab"),
    note(1),
    closed(1, PROOF),
    opened(2, { type: "refusal", text: "" }),
    weights(2, LOGPROBS[0]),
    delta(2, "no"),
    closed(2),
    opened(3, call("c1")),
    delta(3, '{"a":1}'),
    closed(3),
    opened(4, call("c2")),
    closed(4),
    opened(5, opaque),
    closed(5),
    opened(6, reasoning("", { redacted: true })),
    closed(6, PROOF),
    usage,
    end,
  ]);
});

test("unfold: fold takes it back, also without parts and usage", () => {
  const empty: Reply = { id: "", model: "", parts: [], usage: null, finish: FINISH };
  assert.deepEqual(fold(unfold(REPLY)), REPLY);
  assert.deepEqual(fold(unfold(empty)), empty);
});

// ---- grammar -----------------------------------------------------------------------------------------------------

const BROKEN: readonly { readonly what: string; readonly events: readonly ReplyEvent[]; readonly rule: RegExp }[] = [
  { what: "no events", events: [], rule: /the stream has a terminal event/ },
  { what: "no terminal", events: [start], rule: /the stream has a terminal event/ },
  { what: "an end without a start", events: [end], rule: /reply-start comes before reply-end/ },
  { what: "usage before the start", events: [usage, start, end], rule: /reply-start comes before usage/ },
  { what: "two starts", events: [start, start, end], rule: /reply-start comes once/ },
  { what: "an event behind the end", events: [start, end, usage], rule: /nothing comes after the terminal event, but usage did/ },
  { what: "two ends", events: [start, end, end], rule: /nothing comes after the terminal event/ },
  { what: "an event behind the error", events: [failure, end], rule: /nothing comes after the terminal event/ },
  { what: "a first part with index 1", events: [start, opened(1, text())], rule: /parts start in order: expected 0, got 1/ },
  { what: "a gap between parts", events: [start, opened(0, text()), opened(2, text())], rule: /expected 1, got 2/ },
  { what: "an index used twice", events: [start, opened(0, text()), closed(0), opened(0, text())], rule: /expected 1, got 0/ },
  { what: "a part that starts with text", events: [start, opened(0, text("a"))], rule: /a text part starts empty/ },
  { what: "a call that starts with arguments", events: [start, opened(0, call("c", "{}"))], rule: /a tool-call part starts empty/ },
  { what: "a part that starts with its proof", events: [start, opened(0, reasoning("", { proof: PROOF }))], rule: /starts empty/ },
  { what: "an empty delta", events: [start, opened(0, text()), delta(0, "")], rule: /a delta is not empty/ },
  { what: "a delta without its part", events: [start, delta(0, "a")], rule: /part 0 is open for part-delta/ },
  {
    what: "a delta behind the part's end",
    events: [start, opened(0, text()), closed(0), delta(0, "a")],
    rule: /part 0 is open for part-delta/,
  },
  {
    what: "an annotation behind the part's end",
    events: [start, opened(0, text()), closed(0), note(0)],
    rule: /part 0 is open for annotation/,
  },
  {
    what: "a part that starts with log probabilities",
    events: [start, opened(0, text("", { logprobs: LOGPROBS }))],
    rule: /starts empty/,
  },
  { what: "log probabilities of no token", events: [start, opened(0, text()), weights(0)], rule: /told of some token/ },
  {
    what: "log probabilities behind the part's end",
    events: [start, opened(0, text()), closed(0), weights(0, LOGPROBS[0])],
    rule: /part 0 is open for logprobs/,
  },
  { what: "a part that ends twice", events: [start, opened(0, text()), closed(0), closed(0)], rule: /part 0 is open for part-end/ },
  {
    what: "an end with open parts",
    events: [start, opened(0, text()), opened(1, text()), closed(0), end],
    rule: /every part has ended before reply-end; open: 1/,
  },
];

for (const { what, events, rule } of BROKEN) {
  test(`grammar: ${what} breaks it`, () => {
    assert.throws(() => run(grammar(), events), rule);
  });
}

const SOUND: Readonly<Record<string, readonly ReplyEvent[]>> = {
  "an error in the place of the start": [failure],
  "an error with parts open": [start, opened(0, text()), delta(0, "a"), failure],
  "an answer that says nothing": [start, end],
  "usage anywhere after the start": [start, usage, opened(0, text()), usage, closed(0), usage, end],
};

for (const [what, events] of Object.entries(SOUND)) {
  test(`grammar: ${what} passes unchanged`, () => {
    assert.deepEqual(run(grammar(), events), events);
  });
}

// ---- inOrder -----------------------------------------------------------------------------------------------------

/** Runs events through, and notes after which input each came out. */
function ordered(events: readonly ReplyEvent[]): ReplyEvent[] {
  const found = run(inOrder(), run(grammar(), events));
  run(grammar(), found);
  return found;
}

test("inOrder: one open part at a time passes as it is", () => {
  assert.deepEqual(ordered(unfold(REPLY)), unfold(REPLY));
});

test("inOrder: of interleaved parts the first streams on, the others follow whole", () => {
  const events = [
    start,
    opened(0, call("a")),
    opened(1, call("b")),
    delta(0, "1"),
    delta(1, "x"),
    delta(0, "2"),
    delta(1, "y"),
    closed(0),
    closed(1),
    end,
  ];
  assert.deepEqual(ordered(events), [
    start,
    opened(0, call("a")),
    delta(0, "1"),
    delta(0, "2"),
    closed(0),
    opened(1, call("b")),
    delta(1, "x"),
    delta(1, "y"),
    closed(1),
    end,
  ]);
});

test("inOrder: when the first ends, a waiting part that is still open streams on at once", () => {
  const machine = inOrder();
  const step = (event: ReplyEvent): ReplyEvent[] => [...machine.step(event)];
  assert.deepEqual(step(start), [start]);
  assert.deepEqual(step(opened(0, call("a"))), [opened(0, call("a"))]);
  assert.deepEqual(step(opened(1, call("b"))), []);
  assert.deepEqual(step(delta(1, "x")), []);
  assert.deepEqual(step(opened(2, call("c"))), []);
  assert.deepEqual(step(closed(2)), []);
  assert.deepEqual(step(usage), [usage]);
  assert.deepEqual(step(delta(0, "1")), [delta(0, "1")]);
  assert.deepEqual(step(closed(0)), [closed(0), opened(1, call("b")), delta(1, "x")]);
  assert.deepEqual(step(delta(1, "y")), [delta(1, "y")]);
  assert.deepEqual(step(closed(1)), [closed(1), opened(2, call("c")), closed(2)]);
  assert.deepEqual(step(end), [end]);
  assert.deepEqual([...machine.end()], []);
});

test("inOrder: parts that end in another order than they start come out in the order of their indices", () => {
  const events = [
    start,
    opened(0, text()),
    opened(1, reasoning()),
    opened(2, call("c")),
    delta(2, "{}"),
    closed(2),
    closed(1),
    note(0),
    closed(0, PROOF),
    end,
  ];
  assert.deepEqual(ordered(events), [
    start,
    opened(0, text()),
    note(0),
    closed(0, PROOF),
    opened(1, reasoning()),
    closed(1),
    opened(2, call("c")),
    delta(2, "{}"),
    closed(2),
    end,
  ]);
});

test("inOrder: an error drops what waits and is passed on at once", () => {
  const events = [start, opened(0, call("a")), opened(1, call("b")), delta(1, "x"), failure];
  assert.deepEqual(ordered(events), [start, opened(0, call("a")), failure]);
});

test("inOrder: many interleaved parts fold to the same reply", () => {
  const count = 7;
  const indices = Array.from({ length: count }, (_, index) => index);
  const events = [
    start,
    ...indices.map((index) => opened(index, call(`c${index}`))),
    ...["a", "b", "c"].flatMap((letter) => indices.map((index) => delta(index, `${letter}${index}`))),
    ...[3, 0, 6, 1, 5, 2, 4].map((index) => closed(index)),
    end,
  ];
  assert.deepEqual(fold(ordered(events)), fold(events));
});
