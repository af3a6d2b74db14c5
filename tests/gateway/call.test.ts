// The end of a call: whatever way it ends, its observers get one summary; a client that leaves lets the upstream go.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import type { Answer, StreamingAnswer } from "../../src/gateway/answer.ts";
import type { CallPorts, CallProgress } from "../../src/gateway/call-progress.ts";
import { refuseCall, withCall } from "../../src/gateway/call.ts";
import type { Late } from "../../src/gateway/keep-alive.ts";
import { LiveCalls } from "../../src/gateway/live-calls.ts";
import { incomingRequest, type Call } from "../../src/gateway/request.ts";
import type { CallSummary } from "../../src/telemetry/call-summary.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { UNTOUCHED } from "../../src/wire/pump.ts";
import { SUMMARY } from "../support/call-summary.ts";
import { Clock } from "../support/clock.ts";
import { ask, MODELS } from "../support/dialects.ts";
import { callFor, inTime, PAIR, startGateways, until } from "../support/gateway.ts";
import type { Answer as Scripted } from "../support/upstream.ts";

const { upstream, gatewayWith } = await startGateways();
const plain = await gatewayWith({});

// ---- Clients that leave ------------------------------------------------------------------------------------------

interface Phase {
  readonly name: string;
  readonly answer: Scripted;
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
        assert.ok(Number(line["inputTokens"]) > 0, "what was sent is charged");
        assert.equal(plain.lines.filter((one) => one["event"] === "request" && one["requestId"] === id).length, 1);
        return (seen.leftAtMs ?? assert.fail()) - leftMs;
      });
    }
  });
}

test("a client that leaves while a retry waits is not tried for again, nor charged for what was refused", async () => {
  const retrying = await gatewayWith({ RETRIES: "2" });
  upstream.script(() => ({ error: { status: 503, message: "Later." }, headers: { "retry-after": "2" } }));
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
    const { error, inputTokens } = await retrying.lineOf(id);
    assert.deepEqual([error, inputTokens], ["cancelled", undefined]);
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

// ---- However it ends, once -------------------------------------------------------------------------------------------

const utf8 = new TextEncoder();
const COMPLETE: Answer = { type: "complete", status: 200, headers: {}, body: "{}", error: null };
const OVERLOADED = new GatewayError("overloaded", "Busy.");

/** A streamed answer of these chunks; an Error among them breaks it, and without an end it stays open. */
function streamOf(chunks: readonly (string | Error)[], { ends = true } = {}): StreamingAnswer {
  const queue = [...chunks];
  const rest = {
    async read() {
      const next = queue.shift();
      if (next instanceof Error) throw next;
      if (next !== undefined) return { done: false, value: utf8.encode(next) };
      if (!ends) await new Promise(() => {});
      return { done: true };
    },
    cancel: () => Promise.resolve(),
  };
  const pump = { ...UNTOUCHED, fail: () => null };
  return { type: "streaming", status: 200, headers: {}, begun: [], rest, pump, keepAlive: null };
}

interface Ending {
  readonly run: (progress: CallProgress) => Promise<Answer | Late<Answer>>;
  /** Reads the body to its end, or one chunk of it and leaves. */
  readonly leaves?: true;
  readonly status: number;
  readonly summary: Partial<CallSummary>;
}

const admit = (progress: CallProgress, settled: CallSummary[]): void => {
  progress.identified({ id: "0123abcd", upstreamKey: "fk-of-the-server" });
  progress.admitted({ release: (summary) => void settled.push(summary) });
};

const ENDINGS: Readonly<Record<string, Ending>> = {
  "is complete": { run: () => Promise.resolve(COMPLETE), status: 200, summary: {} },
  "is refused by the upstream": {
    run: () => Promise.resolve({ ...COMPLETE, status: 503, error: OVERLOADED }),
    status: 503,
    summary: { status: 503, error: OVERLOADED },
  },
  fails: { run: () => Promise.reject(OVERLOADED), status: 529, summary: { status: 529, error: OVERLOADED } },
  "ends with its stream": { run: () => Promise.resolve(streamOf(["a", "b"])), status: 200, summary: { firstByteMs: 0 } },
  "ends with a stream that breaks": {
    run: () => Promise.resolve(streamOf(["a", OVERLOADED])),
    status: 200,
    summary: { firstByteMs: 0, error: OVERLOADED },
  },
  "ends when the client leaves": {
    run: () => Promise.resolve(streamOf(["a"], { ends: false })),
    leaves: true,
    status: 200,
    summary: { firstByteMs: 0, status: 499, error: new GatewayError("cancelled", "The client closed the connection.") },
  },
  "comes late": {
    run: () => Promise.resolve({ type: "late", answer: Promise.resolve(COMPLETE), everyMs: 100, after: new Clock().after }),
    status: 200,
    summary: {},
  },
  "fails late": {
    run: () => Promise.resolve({ type: "late", answer: Promise.reject(OVERLOADED), everyMs: 100, after: new Clock().after }),
    status: 200,
    summary: { status: 529, error: OVERLOADED },
  },
};

interface Watched {
  readonly ports: CallPorts;
  readonly summaries: CallSummary[];
  readonly lines: string[];
  readonly call: Call;
}

function watched(): Watched {
  const [summaries, lines]: [CallSummary[], string[]] = [[], []];
  const redactor = new Redactor([]);
  const headers = { "x-request-id": "r1" };
  const request = incomingRequest(new Request("http://gateway.test/v1/messages", { method: "POST", headers })) ?? assert.fail();
  return {
    ports: {
      log: openLog({ level: "info", format: "json", sink: (line) => lines.push(line), now: () => 0, redactor }),
      redactor,
      now: () => 0,
      monotonic: () => 0,
      newId: () => "c1",
      priceOf: () => ({ usd: null, credits: null, date: null }),
      tracing: null,
      running: new LiveCalls({ now: () => 0, after: () => () => {} }),
      observers: [(summary) => summaries.push(summary)],
    },
    summaries,
    lines,
    call: { request, route: { protocol: "anthropic-messages", endpoint: null }, requestId: "r1", path: null, framing: "sse" },
  };
}

for (const [how, { run, leaves, status, summary }] of Object.entries(ENDINGS)) {
  test(`a call that ${how} gives its slot back, writes a line and is told to every observer, once each, with one summary`, async () => {
    const { ports, summaries, lines, call } = watched();
    const settled: CallSummary[] = [];
    const response = await withCall(call, ports, async (progress) => {
      admit(progress, settled);
      return run(progress);
    });
    assert.equal(response.status, status);
    if (leaves === true) {
      const reader = response.body?.getReader() ?? assert.fail();
      await reader.read();
      await reader.cancel();
    } else await response.text();
    const expected = { ...SUMMARY, durationMs: 0, admissionMs: 0, callerId: "0123abcd", ...summary };
    assert.deepEqual([settled, summaries, lines.length], [[expected], [expected], 1]);
  });
}

test("a key that came with a refused call is masked in its line and in its answer, whatever it looks like and wherever else it stands", async () => {
  const key = "a.key.of.no.known.shape";
  const { ports, lines, call } = watched();
  const raw = new Request(`http://gateway.test/v1/${key}`, { headers: { "x-api-key": key } });
  const response = refuseCall(
    { ...call, request: incomingRequest(raw) ?? assert.fail() },
    ports,
    new GatewayError("not-found", `No ${key}.`),
  );
  assert.match(await response.text(), /No a\.key\.of…\./);
  assert.deepEqual([lines.length, lines[0]?.includes(key), lines[0]?.includes("/v1/a.key.of…")], [1, false, true]);
});

test("the Factory key that admission granted is masked in the line and in the answer, wherever it came from", async () => {
  const upstreamKey = "a.key.of.a.store.01";
  const { ports, lines, call } = watched();
  const response = await withCall(call, ports, (progress) => {
    progress.identified({ id: "0123abcd", upstreamKey });
    progress.admitted({ release: () => {} });
    const headers = { "retry-after": "7", "x-key": upstreamKey };
    return Promise.reject(new GatewayError("upstream-failed", `Wrong key ${upstreamKey}.`, { headers }));
  });
  assert.deepEqual([response.headers.get("retry-after"), response.headers.get("x-key")], ["7", null]);
  assert.match(await response.text(), /Wrong key a\.key\.of…\./);
  assert.deepEqual([lines.length, lines[0]?.includes("Wrong key a.key.of….")], [1, true]);
});

test("when a call ends, its slot is free before its line is written, and both come before the other observers", async () => {
  const { ports, call } = watched();
  const order: string[] = [];
  const log = openLog({ level: "info", format: "json", sink: () => order.push("line"), now: () => 0, redactor: ports.redactor });
  const observers = [() => order.push("first observer"), () => order.push("second observer")];
  await withCall(call, { ...ports, log, observers }, (progress) => {
    progress.identified({ id: "0123abcd", upstreamKey: "fk-of-the-server" });
    progress.admitted({ release: () => void order.push("slot") });
    return Promise.resolve(COMPLETE);
  });
  assert.deepEqual(order, ["slot", "line", "first observer", "second observer"]);
});

test("an observer that throws changes nothing of the answer, nor of what the others do, and is logged once as an internal error", async () => {
  const { ports, lines, call } = watched();
  const order: string[] = [];
  const fail = (): never => {
    throw new Error("The disk is full.");
  };
  const observers = [fail, () => order.push("second observer")];
  const run = (answer: Answer) => (progress: CallProgress) => {
    progress.admitted({ release: () => void order.push("slot") });
    return Promise.resolve(answer);
  };
  const answers = [COMPLETE, streamOf(["data: 1\n\n"])];
  for (const answer of answers) {
    const response = await withCall(call, { ...ports, observers }, run(answer));
    assert.deepEqual([response.status, await response.text()], [200, answer === COMPLETE ? "{}" : "data: 1\n\n"]);
  }
  assert.deepEqual(order, ["slot", "second observer", "slot", "second observer"]);
  const faults = lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ event }) => event === "internal error");
  assert.deepEqual(
    faults.map(({ level, cause }) => [level, /The disk is full/.test(String(cause))]),
    [
      ["error", true],
      ["error", true],
    ],
  );
});

test("what is granted to a call that was ended meanwhile is given back at once, and the call goes no further", async () => {
  const { ports, call } = watched();
  const settled: CallSummary[] = [];
  let goOn = (): void => {};
  const waiting = new Promise<void>((resolve) => (goOn = resolve));
  let isStopped = false;
  const response = withCall(call, ports, async (progress) => {
    await waiting;
    try {
      admit(progress, settled);
    } catch {
      isStopped = true;
    }
    return COMPLETE;
  });
  ports.running.endAll(OVERLOADED);
  assert.equal((await response).status, 529);
  goOn();
  await waiting;
  await Promise.resolve();
  assert.deepEqual([settled.length, isStopped], [1, true]);
});

test("a call whose request id was made here has it in the ledger too", async () => {
  const { ports, summaries, call } = watched();
  await withCall({ ...call, requestId: "made" }, ports, () => Promise.resolve(COMPLETE));
  assert.deepEqual([summaries[0]?.id, summaries[0]?.requestId], ["made", "made"]);
});

test("a call that is refused before anybody was admitted has a summary too, and no slot to give back", async () => {
  const { ports, summaries, lines, call } = watched();
  const error = new GatewayError("unauthenticated", "No key.");
  const responses = [await withCall(call, ports, () => Promise.reject(error)), refuseCall(call, ports, error)];
  assert.deepEqual(
    responses.map((response) => response.status),
    [401, 401],
  );
  const expected = { ...SUMMARY, durationMs: 0, status: 401, error };
  assert.deepEqual([summaries, lines.length], [[expected, expected], 2]);
});

test("a call whose response can't be made ends as what it is, a failure", async () => {
  const { ports, summaries, call } = watched();
  const response = await withCall(call, ports, () => Promise.resolve({ ...COMPLETE, headers: { "no name": "" } }));
  assert.deepEqual([response.status, summaries.length, summaries[0]?.error?.kind], [500, 1, "internal"]);
});

test("a call that ended before its response could be made is not ended again", async () => {
  const { ports, summaries, call } = watched();
  const begun = [utf8.encode("all of it")];
  const answer: Answer = { ...streamOf([]), begun, pump: { ...UNTOUCHED, finished: true }, headers: { "no name": "" } };
  const response = await withCall(call, ports, () => Promise.resolve(answer));
  assert.deepEqual([response.status, summaries.length, summaries[0]?.error], [500, 1, null]);
});
