// What is kept of ended calls, in a ring of bytes: the latest ones, each as it was, however long they are.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordedFacts } from "../../src/gateway/call-recording.ts";
import { EndedCalls } from "../../src/gateway/ended-calls.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";

const redactor = new Redactor([]);

function factsOf(path: string): RecordedFacts {
  const body = { bytes: 0, pieces: null, times: null, isCut: false };
  return {
    kept: "headers",
    protocol: "openai-chat",
    upstreamProtocol: null,
    method: "POST",
    path,
    headers: {},
    body,
    attempts: [],
    answer: null,
    isStream: false,
    losses: [],
    error: null,
  };
}

/** Numbers that look random, the same each time. */
function* numbers(): Generator<number> {
  for (let last = 7; ;) yield (last = (last * 16_807) % 2_147_483_647);
}

test("the latest calls are kept, each as it was, wherever the ring begins anew", () => {
  const ended = new EndedCalls(20, 16 * 1024);
  const random = numbers();
  const paths: string[] = [];
  for (let call = 0; call < 500; call++) {
    const path = `${call}${"世x".repeat((random.next().value ?? 0) % 300)}`;
    paths.push(path);
    ended.add(`id-${call}`, { facts: factsOf(path), redactor });
    const lastIds = Array.from({ length: 25 }, (_, back) => `id-${call - 24 + back}`);
    const kept = lastIds.flatMap((id) => ended.find(id)?.facts.path ?? []);
    assert.deepEqual(kept, paths.slice(paths.length - ended.count), "the latest, and no other");
    assert.ok(ended.count >= Math.min(4, call + 1) && ended.count <= 20);
    assert.ok(ended.bytes <= 16 * 1024);
  }
});

test("a call that is too long is not kept, and drives nobody out", () => {
  const ended = new EndedCalls(20, 16 * 1024);
  ended.add("short", { facts: factsOf("/"), redactor });
  ended.add("long", { facts: factsOf("x".repeat(16 * 1024)), redactor });
  assert.deepEqual([ended.count, ended.has("short"), ended.has("long"), ended.has("sho")], [1, true, false, false]);
  ended.clear();
  assert.deepEqual([ended.count, ended.bytes, ended.has("short"), ended.find("short")], [0, 0, false, null]);
});
