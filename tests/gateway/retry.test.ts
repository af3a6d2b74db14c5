// Trying again, other keys, other models: what is tried, after how long, and what is not tried a second time. Everything comes through
// ports: the upstream is a list of outcomes, the clock is virtual.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Attempts, type AttemptOptions, type Candidates, type RetrySettings, type Sent } from "../../src/gateway/retry.ts";
import { GatewayError, kindOfStatus } from "../../src/errors.ts";
import { KeyPool } from "../../src/upstream/key-pool.ts";
import { bareRequest } from "../../src/protocol/exchange.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { UNREACHABLE } from "../../src/upstream/connection.ts";
import type { UpstreamAnswer, UpstreamCall, UpstreamRefusal } from "../../src/upstream/upstream.ts";

type Outcome = UpstreamAnswer | UpstreamRefusal | GatewayError;

const SETTINGS: RetrySettings = { retries: 2, budgetMs: 20_000, retryLost: false };
const NOW = Date.parse("2026-11-22T10:00:00Z");

function good(): UpstreamAnswer {
  const source = { read: () => Promise.resolve({ done: true }), cancel: () => Promise.resolve() };
  return { type: "non-streaming", status: 200, headers: new Map(), begun: [], rest: source };
}

interface RefusalTraits {
  readonly headers?: Record<string, string>;
  readonly code?: string;
  readonly type?: string;
}

function refused(status: number, { headers = {}, ...traits }: RefusalTraits = {}): UpstreamRefusal {
  const error = new GatewayError(kindOfStatus(status), `No (${status}).`, { status, headers, ...traits });
  return { type: "refusal", error, status, headers: new Map(Object.entries(headers)), body: "" };
}

const unreachable = (): GatewayError => new GatewayError("upstream-failed", "Unreachable.", { code: UNREACHABLE });
const lost = (): GatewayError => new GatewayError("upstream-failed", "Lost.", { code: "upstream_lost" });
const silent = (): GatewayError => new GatewayError("upstream-timeout", "Silent.");

interface Stage {
  readonly attempts: Attempts;
  readonly pool: KeyPool;
  /** Which model with which key, in order. */
  readonly tried: string[];
  /** What was waited, in milliseconds. */
  readonly waits: number[];
  /** How many timers are set. */
  readonly timers: () => number;
}

interface StageOptions {
  readonly settings?: Partial<RetrySettings>;
  readonly keys?: readonly string[];
  readonly random?: number;
  /** Instead of passing time: what happens when somebody waits. */
  readonly waiting?: () => void;
}

/** An upstream whose outcomes come one after the other, the last one for ever. */
function stage(outcomes: readonly (() => Outcome)[], { settings = {}, keys = [], random = 1, waiting }: StageOptions = {}): Stage {
  const tried: string[] = [];
  const waits: number[] = [];
  let nowMs = 0;
  let timers = 0;
  const pool = new KeyPool(keys, () => nowMs);
  const postOnce = ({ url, headers }: UpstreamCall): Promise<UpstreamAnswer | UpstreamRefusal> => {
    const outcome = (outcomes[tried.length] ?? outcomes.at(-1) ?? good)();
    tried.push(`${url} ${headers["authorization"]}`);
    return outcome instanceof GatewayError ? Promise.reject(outcome) : Promise.resolve(outcome);
  };
  const after = (ms: number, callback: () => void): (() => void) => {
    waits.push(ms);
    timers++;
    let isSet = true;
    const cancelTimer = (): void => {
      if (isSet) timers--;
      isSet = false;
    };
    queueMicrotask(() => {
      if (waiting !== undefined) return waiting();
      nowMs += ms;
      cancelTimer();
      callback();
    });
    return cancelTimer;
  };
  const attempts = new Attempts(
    { upstream: { post: postOnce }, pool, after, now: () => NOW + nowMs, random: () => random },
    { ...SETTINGS, ...settings },
  );
  return { attempts, pool, tried, waits, timers: () => timers };
}

/** Calls are prepared for a model, of which nothing but its name matters. */
function options(more: Partial<AttemptOptions<string>> = {}): AttemptOptions<string> {
  return {
    signal: new AbortController().signal,
    conversation: "conversation",
    ownKey: "own",
    attemptStarted: () => {},
    upstreamCall: (model, key) => ({
      url: model,
      headers: { authorization: key },
      body: "{}",
      stream: false,
      signal: new AbortController().signal,
      timeouts: {},
      codec: CODECS["openai-chat"],
      exchange: { request: bareRequest({ model, stream: false }), id: "1", createdAtS: 0 },
    }),
    ...more,
  };
}

function listed(models: readonly string[]): Candidates<string> {
  let next = 0;
  return { next: () => models[next++] ?? null };
}

async function post(
  { attempts }: Stage,
  { models = ["model"], ...more }: Partial<AttemptOptions<string>> & { models?: readonly string[] } = {},
): Promise<Sent<string> | GatewayError> {
  try {
    return await attempts.post(listed(models), options(more));
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return error;
  }
}

/** What came of a call: its status or the kind of its error, how often it was tried, what was waited. */
async function story(outcomes: readonly (() => Outcome)[], staging: StageOptions = {}): Promise<unknown> {
  const all = stage(outcomes, staging);
  const end = await post(all);
  assert.equal(all.timers(), 0, "no timer is left");
  return { end: end instanceof GatewayError ? end.kind : end.found.status, attempts: all.tried.length, waits: all.waits };
}

// ---- What is tried again -----------------------------------------------------------------------------------------

for (const status of [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 501, 502, 503, 504, 529]) {
  const isRetried = [408, 429, 500, 502, 503, 504, 529].includes(status);
  test(`a ${status} is ${isRetried ? "tried again" : "final"}`, async () => {
    const expected = isRetried ? { end: 200, attempts: 2, waits: [500] } : { end: status, attempts: 1, waits: [] };
    assert.deepEqual(await story([() => refused(status), good]), expected);
  });
}

test("an upstream that can't be reached is tried again", async () => {
  assert.deepEqual(await story([unreachable, good]), { end: 200, attempts: 2, waits: [500] });
  assert.deepEqual(await story([unreachable]), { end: "upstream-failed", attempts: 3, waits: [500, 1000] });
});

test("a connection lost after the request went out is tried again only where RETRY_LOST says so", async () => {
  assert.deepEqual(await story([lost, good]), { end: "upstream-failed", attempts: 1, waits: [] });
  assert.deepEqual(await story([lost, good], { settings: { retryLost: true } }), { end: 200, attempts: 2, waits: [500] });
});

test("silence is never tried again: the answer may be on its way, and the client has waited long enough", async () => {
  for (const retryLost of [false, true]) {
    assert.deepEqual(await story([silent, good], { settings: { retryLost } }), { end: "upstream-timeout", attempts: 1, waits: [] });
  }
});

test("a client that has left is not waited for", async () => {
  assert.deepEqual(await story([() => new GatewayError("cancelled", "Gone."), good]), { end: "cancelled", attempts: 1, waits: [] });
});

test("an exhausted quota is never tried again", async () => {
  for (const traits of [
    { code: "insufficient_quota" },
    { type: "insufficient_quota" },
    { type: "billing_error" },
    { code: "enforced_spend_limit_reached" },
  ]) {
    assert.deepEqual(await story([() => refused(429, traits), good]), { end: 429, attempts: 1, waits: [] });
  }
});

test("what has begun is never tried again, whatever comes of it", async () => {
  assert.deepEqual(await story([good, () => refused(500)]), { end: 200, attempts: 1, waits: [] });
});

test("RETRIES=0 tries once", async () => {
  for (const outcome of [unreachable, () => refused(503)]) {
    const { attempts, waits } = (await story([outcome, good], { settings: { retries: 0 } })) as { attempts: number; waits: number[] };
    assert.deepEqual({ attempts, waits }, { attempts: 1, waits: [] });
  }
});

test("what is not a GatewayError is a defect, and comes through", async () => {
  const { attempts } = stage([
    () => {
      throw new TypeError("a defect");
    },
  ]);
  await assert.rejects(attempts.post(listed(["model"]), options()), TypeError);
});

// ---- After how long ----------------------------------------------------------------------------------------------

test("waits grow twofold up to eight seconds, and chance takes up to half of each away", async () => {
  const settings = { retries: 10, budgetMs: 1_000_000 };
  const longest = [500, 1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000, 8000];
  assert.deepEqual(await story([() => refused(503)], { settings }), { end: 503, attempts: 11, waits: longest });
  const shortest = longest.map((ms) => ms / 2);
  assert.deepEqual(await story([() => refused(503)], { settings, random: 0 }), { end: 503, attempts: 11, waits: shortest });
});

for (const [what, headers, waitMs] of [
  ["retry-after in seconds", { "retry-after": "1" }, 1000],
  ["retry-after of none", { "retry-after": "0" }, 0],
  ["retry-after in a fraction of a second", { "retry-after": "0.25" }, 250],
  ["retry-after as a date", { "retry-after": "Sun, 22 Nov 2026 10:00:02 GMT" }, 2000],
  ["retry-after as a date that has passed", { "retry-after": "Sun, 22 Nov 2026 09:00:00 GMT" }, 0],
  ["retry-after as a date in ISO's form", { "retry-after": "2026-11-22T10:00:01Z" }, 1000],
  ["a date that there is not", { "retry-after": "Mon, 99 Foo 2026 00:00:00 GMT" }, 500],
  ["retry-after-ms", { "retry-after-ms": "120" }, 120],
  ["retry-after-ms before retry-after", { "retry-after-ms": "120", "retry-after": "9" }, 120],
  ["the longest that is waited for", { "retry-after": "2" }, 2000],
  ["what is no time", { "retry-after": "soon" }, 500],
  ["a negative time", { "retry-after": "-3" }, 500],
  ["an empty time", { "retry-after": "", "retry-after-ms": "" }, 500],
] as const) {
  test(`${what} is waited for as said`, async () => {
    assert.deepEqual(await story([() => refused(429, { headers: { ...headers } }), good]), { end: 200, attempts: 2, waits: [waitMs] });
  });
}

test("a retry-after beyond two seconds is the client's to wait for, whatever the budget", async () => {
  for (const headers of [{ "retry-after": "3" }, { "retry-after-ms": "2001" }, { "retry-after": "Sun, 22 Nov 2026 10:00:03 GMT" }]) {
    for (const status of [429, 503, 529]) {
      assert.deepEqual(await story([() => refused(status, { headers }), good]), { end: status, attempts: 1, waits: [] });
    }
  }
});

test("a retry-after beyond two seconds keeps nobody from another key or a fallback that can answer now", async () => {
  const limited = (): UpstreamRefusal => refused(429, { headers: { "retry-after": "7" } });
  assert.deepEqual(await story([limited, good], { keys: ["fk-one", "fk-two"] }), { end: 200, attempts: 2, waits: [] });
  const all = stage([limited, good]);
  const end = await post(all, { models: ["model", "fallback"] });
  assert.deepEqual([end instanceof GatewayError ? end.kind : end.prepared, all.tried.length, all.waits], ["fallback", 2, []]);
});

test("x-should-retry: false is obeyed for the same key and model; another key may still be asked", async () => {
  const final = (status: number): UpstreamRefusal => refused(status, { headers: { "x-should-retry": "false", "retry-after": "1" } });
  for (const status of [408, 429, 500, 502, 503, 504, 529]) {
    assert.deepEqual(await story([() => final(status), good]), { end: status, attempts: 1, waits: [] });
  }
  const shouting = (): UpstreamRefusal => refused(503, { headers: { "x-should-retry": "False" } });
  assert.deepEqual(await story([shouting, good]), { end: 503, attempts: 1, waits: [] });
  // Some codecs do not keep the header in the error.
  const unkept = (): UpstreamRefusal => ({ ...refused(503), headers: new Map([["x-should-retry", "false"]]) });
  assert.deepEqual(await story([unkept, good]), { end: 503, attempts: 1, waits: [] });
  assert.deepEqual(await story([() => final(429), good], { keys: ["fk-one", "fk-two"] }), { end: 200, attempts: 2, waits: [] });
  const willing = (): UpstreamRefusal => refused(503, { headers: { "x-should-retry": "true" } });
  assert.deepEqual(await story([willing, good]), { end: 200, attempts: 2, waits: [500] });
});

test("the retry-after of an answer whose first event was an error counts too", async () => {
  const opening = (): UpstreamRefusal => ({ ...refused(503), headers: new Map([["retry-after", "2"]]) });
  assert.deepEqual(await story([opening, good]), { end: 200, attempts: 2, waits: [2000] });
});

test("all waits of a call together stay within the budget, over all its models", async () => {
  const settings = { retries: 10, budgetMs: 3600 };
  assert.deepEqual(await story([() => refused(503)], { settings }), { end: 503, attempts: 4, waits: [500, 1000, 2000] });
  const all = stage([() => refused(503)], { settings });
  await post(all, { models: ["one", "two"] });
  assert.deepEqual([all.tried.length, all.waits], [5, [500, 1000, 2000]]);
});

test("a budget of nothing waits for nothing", async () => {
  assert.deepEqual(await story([() => refused(503), good], { settings: { budgetMs: 0 } }), { end: 503, attempts: 1, waits: [] });
});

test("a client that leaves while a retry waits is let go at once, and nothing is tried any more", async () => {
  const leaving = new AbortController();
  const all = stage([() => refused(503), good], { waiting: () => leaving.abort() });
  const end = await post(all, { signal: leaving.signal });
  assert.deepEqual([end instanceof GatewayError && end.kind, all.tried.length, all.timers()], ["cancelled", 1, 0]);
});

test("a client that left before the wait began is let go at once", async () => {
  const left = AbortSignal.abort();
  const all = stage([() => refused(503), good], { waiting: () => {} });
  const end = await post(all, { signal: left });
  assert.deepEqual([end instanceof GatewayError && end.kind, all.tried.length, all.timers()], ["cancelled", 1, 0]);
});

// ---- Other keys --------------------------------------------------------------------------------------------------

const KEYS = ["fk-one", "fk-two", "fk-three"];

test("without keys of its own the program uses the client's", async () => {
  const all = stage([good]);
  await post(all);
  assert.deepEqual(all.tried, ["model own"]);
});

for (const status of [401, 402, 429]) {
  test(`a key that gets a ${status} rests, and the next one takes over at once`, async () => {
    const all = stage([() => refused(status), good], { keys: KEYS });
    const [first = "", second = ""] = all.pool.order("conversation");
    await post(all);
    assert.deepEqual([all.tried, all.waits], [[`model ${first}`, `model ${second}`], []]);
    assert.deepEqual(
      KEYS.filter((key) => !all.pool.isAwake(key)),
      [first],
    );
    // The next turn does not ask the resting key.
    await post(all);
    assert.equal(all.tried[2], `model ${second}`);
  });
}

test("another conversation keeps its own key while one rests", async () => {
  const all = stage([() => refused(429), good], { keys: KEYS });
  const [first = ""] = all.pool.order("conversation");
  await post(all);
  const other = Array.from({ length: 50 }, (_, index) => `other ${index}`).find((one) => all.pool.order(one)[0] !== first) ?? "";
  const own = all.pool.order(other)[0];
  await post(all, { conversation: other });
  assert.equal(all.tried.at(-1), `model ${own}`);
});

test("a key rests for as long as its retry-after says, a minute where it says nothing", async () => {
  for (const [headers, restMs] of [
    [{ "retry-after": "7" }, 7000],
    [{}, 60_000],
    // What makes no sense must not take a key away for ever.
    [{ "retry-after": "Mon, 99 Foo 2026 00:00:00 GMT" }, 60_000],
    [{ "retry-after": "99999999999999999999" }, 86_400_000],
  ] as const) {
    let nowMs = 0;
    const pool = new KeyPool(["fk-one", "fk-two"], () => nowMs);
    const outcomes = [refused(429, { headers: { ...headers } }), good()];
    const upstream = { post: () => Promise.resolve(outcomes.shift() ?? good()) };
    const attempts = new Attempts({ upstream, pool, after: () => () => {}, now: () => NOW, random: () => 1 }, SETTINGS);
    await attempts.post(listed(["model"]), options({ conversation: "c" }));
    const isOneResting = (): boolean => !pool.isAwake("fk-one") || !pool.isAwake("fk-two");
    nowMs = restMs - 1;
    assert.equal(isOneResting(), true);
    nowMs = restMs;
    assert.equal(isOneResting(), false);
  }
});

test("when every key is at fault the last failure is told, after each was asked once", async () => {
  const all = stage([() => refused(401)], { keys: KEYS });
  const order = all.pool.order("conversation");
  const end = await post(all);
  assert.ok(!(end instanceof GatewayError));
  assert.deepEqual([end.found.status, all.tried, all.waits], [401, order.map((key) => `model ${key}`), []]);
});

test("an exhausted quota of one key is no reason not to ask another", async () => {
  const all = stage([() => refused(429, { code: "insufficient_quota" }), good], { keys: KEYS });
  const end = await post(all);
  assert.deepEqual([end instanceof GatewayError ? end.kind : end.found.status, all.tried.length], [200, 2]);
});

test("a failure that is not the key's is tried again with the same key", async () => {
  const all = stage([() => refused(503), good], { keys: KEYS });
  await post(all);
  assert.equal(all.tried[0], all.tried[1]);
});

// ---- Other models ------------------------------------------------------------------------------------------------

for (const [what, outcome, isTaken] of [
  ["overload", () => refused(503), true],
  ["Anthropic's overload", () => refused(529), true],
  ["a rate limit", () => refused(429), true],
  ["a failure", () => refused(500), true],
  ["an upstream that can't be reached", unreachable, true],
  ["silence", silent, true],
  ["a wrong request", () => refused(400), false],
  ["a wrong key", () => refused(401), false],
  ["an unknown model", () => refused(404), false],
] as const) {
  test(`after ${what} the fallback is ${isTaken ? "asked" : "not asked"}`, async () => {
    const all = stage([outcome, good], { settings: { retries: 0 } });
    const end = await post(all, { models: ["model", "fallback"] });
    assert.equal(all.tried.length, isTaken ? 2 : 1);
    if (!isTaken || end instanceof GatewayError) return assert.equal(isTaken, false);
    assert.deepEqual([end.prepared, end.attempts.count, end.attempts.fallback], ["fallback", 2, 1]);
  });
}

test("fallbacks are asked in their order, each after the retries of the one before; the last failure is told", async () => {
  const all = stage([() => refused(503), () => refused(503), () => refused(500), () => refused(500), () => refused(529)], {
    settings: { retries: 1 },
  });
  const end = await post(all, { models: ["one", "two", "three"] });
  assert.deepEqual(all.tried, ["one own", "one own", "two own", "two own", "three own", "three own"]);
  assert.ok(!(end instanceof GatewayError));
  assert.deepEqual([end.found.status, end.prepared, end.attempts.count, end.attempts.fallback], [529, "three", 6, 2]);
});

test("a connection that was lost falls back only where RETRY_LOST says that it may be billed twice", async () => {
  for (const retryLost of [false, true]) {
    const all = stage([lost, lost, good], { settings: { retries: 0, retryLost } });
    await post(all, { models: ["model", "fallback"] });
    assert.equal(all.tried.length, retryLost ? 2 : 1);
  }
});

test("a fallback is not made ready before it is needed", async () => {
  let made = 0;
  const names = ["one", "two"];
  const { attempts } = stage([good]);
  await attempts.post({ next: () => names[made++] ?? null }, options());
  assert.equal(made, 1);
});
