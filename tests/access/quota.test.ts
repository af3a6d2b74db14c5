// When Factory is asked about a plan, and what is made of each answer: through an injected clock and a scripted billing endpoint.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Quota, type QuotaReading } from "../../src/access/quota.ts";
import { QuotaGuard } from "../../src/access/quota-guard.ts";
import { StoreError } from "../../src/access/store.ts";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { billing } from "../support/billing.ts";
import { Clock } from "../support/clock.ts";

const LIMITS_URL = "https://factory.test/api/billing/limits";
const KEY = "fk-a-key";
const EVERY_MS = 60_000;

type Answering = (init: RequestInit) => Response | Promise<Response>;

class Lab {
  readonly clock = new Clock();
  readonly quota: Quota;
  readonly asked: { readonly url: string; readonly init: RequestInit }[] = [];
  answer: Answering = () => new Response(billing({ standard: [40, 0, 0] }));

  constructor({
    store = null,
    clock,
    everyMs = EVERY_MS,
    random = 0,
    url = LIMITS_URL,
  }: { store?: MemoryStore | null; clock?: Clock; everyMs?: number | null; random?: number; url?: string | null } = {}) {
    if (clock === undefined) this.clock.nowMs = 1_000_000_000_000;
    else this.clock = clock;
    this.quota = new Quota(
      {
        fetch: async (to, init) => {
          this.asked.push({ url: to, init });
          return this.answer(init);
        },
        store,
        now: this.clock.now,
        after: this.clock.after,
        random: () => random,
        keyId: (key) => `id-of-${key}`,
      },
      { url, everyMs, headers: { "user-agent": "factory-proxy/9" } },
    );
  }

  /** A call, and all that it brings about. */
  async call(key = KEY): Promise<void> {
    this.quota.touch(key);
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 10; turn++) {
      this.clock.advance(0);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  async read(): Promise<QuotaReading> {
    const reading = this.quota.read(KEY);
    await this.settle();
    return reading;
  }

  get percent(): number | null {
    return this.quota.known(KEY)?.windows[0]?.usedPercent ?? null;
  }
}

test("Factory is asked behind a call, with the key, and never more often than once in the interval", async () => {
  const lab = new Lab();
  lab.quota.touch(KEY);
  assert.deepEqual([lab.asked.length, lab.percent], [0, null]);
  await lab.settle();
  assert.equal(lab.percent, 40);
  const [{ url, init } = assert.fail()] = lab.asked;
  assert.equal(url, LIMITS_URL);
  assert.deepEqual(init.headers, { "user-agent": "factory-proxy/9", authorization: `Bearer ${KEY}`, accept: "application/json" });
  assert.deepEqual([init.method, init.redirect], [undefined, "manual"]);
  for (let second = 1; second < 60; second++) {
    lab.clock.advance(1000);
    await lab.call();
  }
  assert.equal(lab.asked.length, 1);
  lab.clock.advance(1000);
  await lab.call();
  assert.equal(lab.asked.length, 2);
});

test("without calls nobody is asked, no timer runs, and what was known ages", async () => {
  const lab = new Lab();
  await lab.call();
  assert.equal(lab.clock.timers, 0);
  lab.clock.advance(5 * EVERY_MS - 1);
  assert.deepEqual([lab.asked.length, lab.percent], [1, 40]);
  lab.clock.advance(1);
  assert.deepEqual([lab.asked.length, lab.percent, lab.quota.headers(KEY)], [1, null, null]);
});

test("many calls at once ask once", async () => {
  const lab = new Lab();
  for (let count = 0; count < 100; count++) lab.quota.touch(KEY);
  await lab.settle();
  assert.equal(lab.asked.length, 1);
});

test("QUOTA_INTERVAL=0, and calls that go elsewhere, ask never", async () => {
  for (const options of [{ everyMs: null }, { url: null }]) {
    const lab = new Lab(options);
    await lab.call();
    const { state, reason } = await lab.read();
    assert.deepEqual([lab.asked.length, state], [0, "not available"]);
    assert.match(reason ?? "", options.url === null ? /FACTORY_BASE_URL/ : /QUOTA_INTERVAL/);
  }
});

const NOT_THERE = "not available";
const STATES: readonly (readonly [what: string, answer: Answering, state: string])[] = [
  ["401", () => new Response("{}", { status: 401 }), "sign-in only"],
  ["403", () => new Response("<html>", { status: 403 }), "sign-in only"],
  ["404", () => new Response("<html>", { status: 404 }), NOT_THERE],
  ["a redirect", () => new Response(null, { status: 302, headers: { location: "https://elsewhere.test" } }), NOT_THERE],
  ["500", () => new Response("", { status: 500 }), NOT_THERE],
  ["429", () => new Response("", { status: 429 }), NOT_THERE],
  ["HTML", () => new Response("<html></html>"), NOT_THERE],
  ["nothing", () => new Response(""), NOT_THERE],
  ["half of it", () => new Response(billing().slice(0, 80)), NOT_THERE],
  ["another shape", () => new Response('{"limits": {"v2": true}}'), NOT_THERE],
  ["too much", () => new Response(`${" ".repeat(300_000)}${billing()}`), NOT_THERE],
  ["a broken connection", () => Promise.reject(new TypeError("fetch failed")), NOT_THERE],
  [
    "a body that breaks",
    () => new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("broken")) })),
    NOT_THERE,
  ],
];

test("whatever else comes is one of three states, with a reason that names no address", async () => {
  for (const [what, answer, state] of STATES) {
    const lab = new Lab();
    lab.answer = answer;
    const reading = await lab.read();
    assert.deepEqual([reading.state, reading.limits, lab.percent], [state, null, null], what);
    assert.match(reading.reason ?? "", /^Factory[^/]*\.$/, what);
  }
});

test("an endpoint that hangs is left alone after 5 seconds, and everybody who waits hears so", async () => {
  const lab = new Lab();
  lab.answer = ({ signal }) => new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));
  const reading = lab.quota.read(KEY);
  await lab.settle();
  lab.clock.advance(5000);
  assert.match((await reading).reason ?? "", /can't be reached/);
  assert.equal(lab.clock.timers, 0);
});

test("what passes leaves the last answer as it is for a while, and is tried again after an interval", async () => {
  const lab = new Lab();
  await lab.call();
  lab.answer = () => new Response("", { status: 503 });
  for (let interval = 1; interval < 5; interval++) {
    lab.clock.advance(EVERY_MS);
    await lab.call();
    assert.deepEqual([lab.asked.length, lab.percent], [1 + interval, 40]);
  }
  lab.clock.advance(EVERY_MS);
  await lab.call();
  assert.deepEqual([lab.percent, (await lab.read()).state], [null, "not available"]);
  lab.answer = () => new Response(billing({ standard: [50, 0, 0] }));
  lab.clock.advance(EVERY_MS);
  await lab.call();
  assert.equal(lab.percent, 50);
});

test("where the key may not see it, it is asked ten times less often", async () => {
  const lab = new Lab();
  lab.answer = () => new Response("{}", { status: 401 });
  for (let minute = 0; minute < 20; minute++) {
    await lab.call();
    lab.clock.advance(EVERY_MS);
  }
  assert.equal(lab.asked.length, 2);
});

test("of several gateways on one store one asks, and all know", async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  clock.nowMs = 1_000_000_000_000;
  const labs = [0.1, 0.9, 0.5].map((random) => new Lab({ store, clock, random }));
  const count = (): number => labs.reduce((all, { asked }) => all + asked.length, 0);
  for (let turn = 0; turn < 150; turn++) {
    for (const lab of labs) lab.quota.touch(KEY);
    await labs[0]?.settle();
    clock.advance(EVERY_MS / 30);
  }
  assert.deepEqual(
    labs.map(({ percent }) => percent),
    [40, 40, 40],
  );
  // All three at the beginning, when nobody knows anything; then one a minute.
  assert.ok(count() >= 7 && count() <= 8, String(count()));
});

test("a store that is away, or holds something else, is no hindrance", async () => {
  const away = new MemoryStore();
  away.shared = () => Promise.reject(new StoreError("away"));
  away.share = () => Promise.reject(new StoreError("away"));
  const strange = new MemoryStore();
  await strange.share(`quota/2/id-of-${LIMITS_URL} ${KEY}`, "not JSON", Number.MAX_SAFE_INTEGER);
  for (const store of [away, strange]) {
    const lab = new Lab({ store });
    await lab.call();
    assert.equal(lab.percent, 40);
  }
});

test("another address is asked itself, whatever the first one said of the key", async () => {
  const store = new MemoryStore();
  const [lab, elsewhere] = [new Lab({ store }), new Lab({ store, url: "https://api.eu.factory.ai/api/billing/limits" })];
  lab.answer = () => new Response("", { status: 404 });
  await lab.call();
  await elsewhere.call();
  assert.deepEqual([lab.percent, elsewhere.percent], [null, 40]);
});

test("each key has its plan, and what is kept of them is bounded", async () => {
  const lab = new Lab();
  lab.answer = ({ headers }) => new Response(billing({ standard: [JSON.stringify(headers).includes("fk-b") ? 70 : 40, 0, 0] }));
  await lab.call("fk-b");
  await lab.call();
  assert.deepEqual([lab.percent, lab.quota.known("fk-b")?.windows[0]?.usedPercent], [40, 70]);
  for (let count = 0; count < 1000; count++) lab.quota.touch(`fk-${count}`);
  assert.equal(lab.quota.known("fk-b"), null);
});

test("after the end nothing is asked, and what is being asked is let go of", async () => {
  const lab = new Lab();
  let isAborted = false;
  lab.answer = ({ signal }) =>
    new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error(String((isAborted = true))))));
  await lab.call();
  lab.quota.stop();
  await lab.settle();
  assert.deepEqual([isAborted, lab.clock.timers], [true, 0]);
  await lab.call();
  assert.equal(lab.asked.length, 1);
});

test("headers follow the windows as they begin anew, without a question", async () => {
  const lab = new Lab();
  const endMs = lab.clock.nowMs + 90_000;
  lab.answer = () => new Response(billing({ standard: [40, 10, 1.25], core: [3, 0, 0], endMs }));
  await lab.call();
  const reset = `${new Date(endMs).toISOString().slice(0, 19)}Z`;
  const own = {
    "x-factory-proxy-quota": `5h;standard;used=40;reset=${reset}, 7d;standard;used=10;reset=${reset}, 30d;standard;used=1.3;reset=${reset}`,
  };
  assert.deepEqual(lab.quota.headers(KEY)?.forAll.standard, own);
  assert.deepEqual(lab.quota.headers(KEY)?.forCodex.standard, {
    ...own,
    "x-codex-primary-used-percent": "40",
    "x-codex-primary-window-minutes": "300",
    "x-codex-primary-reset-at": String(endMs / 1000),
    "x-codex-secondary-used-percent": "10",
    "x-codex-secondary-window-minutes": "10080",
    "x-codex-secondary-reset-at": String(endMs / 1000),
    "x-codex-credits-has-credits": "true",
    "x-codex-credits-unlimited": "false",
    "x-codex-credits-balance": "12.50",
  });
  assert.equal(
    lab.quota.headers(KEY)?.forAll.core["x-factory-proxy-quota"],
    `5h;core;used=3;reset=${reset}, 7d;core;used=0, 30d;core;used=0`,
  );
  assert.equal(lab.quota.headers(KEY), lab.quota.headers(KEY));
  lab.clock.advance(90_000);
  assert.deepEqual(lab.quota.headers(KEY)?.forAll.standard, {
    "x-factory-proxy-quota": "5h;standard;used=0, 7d;standard;used=0, 30d;standard;used=0",
  });
});

test("the guard keeps new conversations out of a pool that is nearly full, and lets those go on that it knows, the newest 10,000", async () => {
  const lab = new Lab();
  const guard = new QuotaGuard(lab.quota, { percent: 95, model: null, now: lab.clock.now });
  const enter = (id: string, pool: "standard" | "core" = "standard"): string | null => guard.enter({ key: KEY, id, pool })?.name ?? null;
  assert.equal(enter("before anybody knows"), null);
  await lab.call();
  for (let count = 0; count < 10_000; count++) enter(`c${count}`);
  const endMs = lab.clock.nowMs + 120_000;
  lab.answer = () => new Response(billing({ standard: [99, 95, 94.9], endMs, more: { extraUsageAllowed: false } }));
  lab.clock.advance(EVERY_MS);
  await lab.call();
  assert.deepEqual(
    ["new", "c0", "c9999", "before anybody knows"].map((id) => enter(id)),
    ["5h", null, null, "5h"],
  );
  assert.deepEqual([enter("new", "core"), enter("c0", "core")], [null, null]);
  lab.clock.advance(EVERY_MS);
  assert.equal(enter("new"), null);
});
