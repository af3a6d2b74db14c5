// Traces that clients name, and which calls are traced.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  shouldSample,
  parseTraceParent,
  printTraceParent,
  SpanIds,
  traceIdOf,
  type SamplerName,
} from "../../src/telemetry/trace-context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

test("a traceparent is read as W3C has it, one of a later version too, and what is none is none", () => {
  const parent = { traceId: TRACE, spanId: SPAN, isSampled: true };
  assert.deepEqual(parseTraceParent(`00-${TRACE}-${SPAN}-01`), parent);
  assert.deepEqual(parseTraceParent(`00-${TRACE}-${SPAN}-00`), { ...parent, isSampled: false });
  assert.deepEqual(parseTraceParent(`cc-${TRACE}-${SPAN}-03-what-comes`), parent);
  const wrong = [
    undefined,
    "",
    "hello",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE}-${SPAN}`,
  ];
  for (const text of wrong) assert.equal(parseTraceParent(text), null, text ?? "none");
});

test("what is printed is read as the same", () => {
  for (const parent of [
    { traceId: TRACE, spanId: SPAN, isSampled: true },
    { traceId: TRACE, spanId: SPAN, isSampled: false },
  ]) {
    assert.deepEqual(parseTraceParent(printTraceParent(parent)), parent);
  }
});

test("ids are made of UUIDs", () => {
  const uuid = "019e1f00-1111-7222-8333-444444444444";
  assert.equal(traceIdOf(uuid), "019e1f00111172228333444444444444");
  const ids = new SpanIds(uuid);
  const spans = Array.from({ length: 256 }, () => ids.next());
  assert.deepEqual(
    [spans[0], spans[9], spans[255], new Set(spans).size],
    ["8333444444444400", "8333444444444409", "83334444444444ff", 256],
  );
});

test("a sampler decides by its name: always, never, by ratio, or as the client did", () => {
  const yes = { traceId: TRACE, spanId: SPAN, isSampled: true };
  const no = { ...yes, isSampled: false };
  const decide = (sampler: SamplerName, parent: typeof yes | null, ratio = 1): boolean => shouldSample(TRACE, parent, { sampler, ratio });
  assert.deepEqual([decide("always_on", no), decide("always_off", yes)], [true, false]);
  assert.deepEqual([decide("traceidratio", no, 1), decide("traceidratio", yes, 0)], [true, false]);
  for (const sampler of ["parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"] as const) {
    assert.deepEqual([decide(sampler, yes, 0), decide(sampler, no, 1)], [true, false], sampler);
  }
  assert.deepEqual([decide("parentbased_always_on", null), decide("parentbased_always_off", null)], [true, false]);
  const shares = Array.from({ length: 4000 }, () =>
    shouldSample(traceIdOf(crypto.randomUUID()), null, { sampler: "traceidratio", ratio: 0.25 }),
  );
  const share = shares.filter(Boolean).length / shares.length;
  assert.ok(share > 0.2 && share < 0.3, String(share));
});
