// The end of a call: whatever way it ends, its observers get one summary; a client that leaves lets the upstream go.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, MODELS } from "../support/dialects.ts";
import { callFor, inTime, PAIR, startGateways, until } from "../support/gateway.ts";
import type { Answer } from "../support/upstream.ts";

const { upstream, gatewayWith } = await startGateways();
const plain = await gatewayWith({});

// ---- Clients that leave ------------------------------------------------------------------------------------------

interface Phase {
  readonly name: string;
  readonly answer: Answer;
  readonly stream: boolean;
  /** Whether the client has got something before it leaves. */
  readonly begins: boolean;
}
const PHASES: readonly Phase[] = [
  { name: "before the head", answer: { hang: "before-head" }, stream: true, begins: false },
  { name: "before the first event", answer: { hang: "after-head", say: { text: "x" } }, stream: true, begins: false },
  { name: "in the middle of a stream", answer: { say: { text: "One two three" }, hang: { afterEvents: 4 } }, stream: true, begins: true },
  { name: "in a whole call", answer: { hang: "before-head" }, stream: false, begins: false },
  { name: "in the body of a whole answer", answer: { hang: "after-head", say: { text: "x" } }, stream: false, begins: false },
];
for (const { name, answer, stream, begins } of PHASES) {
  test(`a client that leaves ${name} lets the upstream go within 100 ms, and the log says cancelled`, async () => {
    for (const way of PAIR) {
      upstream.script(() => answer);
      await inTime(100, async () => {
        const before = upstream.requests.length;
        const leaving = new AbortController();
        const id = `leaves-${crypto.randomUUID()}`;
        const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream });
        const called = plain.call(path, { body, signal: leaving.signal, headers: { "x-request-id": id } });
        called.catch(() => {});
        await until(() => upstream.requests.length > before, "the upstream to be asked");
        if (begins) {
          const reader = (await called).body?.getReader();
          await reader?.read();
        } else await new Promise((resolve) => setTimeout(resolve, 30));
        const leftMs = performance.now();
        leaving.abort();
        const seen = upstream.requests[before] ?? assert.fail();
        await seen.done;
        const line = await plain.lineOf(id);
        assert.deepEqual([line["error"], line["status"]], ["cancelled", 499], way.name);
        assert.equal(plain.lines.filter((one) => one["event"] === "request" && one["requestId"] === id).length, 1);
        return (seen.leftAtMs ?? assert.fail()) - leftMs;
      });
    }
  });
}

test("a client that leaves while a retry waits is not tried for again", async () => {
  const retrying = await gatewayWith({ RETRIES: "2" });
  upstream.script(() => ({ error: { status: 503, message: "Later." }, headers: { "retry-after": "5" } }));
  await inTime(100, async () => {
    const before = upstream.requests.length;
    const leaving = new AbortController();
    const id = `leaves-the-wait-${crypto.randomUUID()}`;
    const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"] });
    const called = retrying.call(path, { body, signal: leaving.signal, headers: { "x-request-id": id } });
    called.catch(() => {});
    await until(() => upstream.requests.length > before && upstream.openConnections() === 0, "the first attempt");
    await new Promise((resolve) => setTimeout(resolve, 30));
    const leftMs = performance.now();
    leaving.abort();
    assert.equal((await retrying.lineOf(id))["error"], "cancelled");
    assert.equal(upstream.requests.length, before + 1);
    return performance.now() - leftMs;
  });
});

test("the log of a client that left in the middle has the usage seen so far, on pass and conversion", async () => {
  upstream.script(() => ({ say: { text: "One two three" }, hang: { afterEvents: 4 } }));
  for (const way of PAIR) {
    const leaving = new AbortController();
    const response = await callFor(plain, way, { stream: true, signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
    const line = await plain.lineOf(response);
    assert.deepEqual([line["error"], line["inputTokens"]], ["cancelled", 12], way.name);
  }
});
