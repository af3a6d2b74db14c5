// Accounts as values: what is reserved counts as used, what is settled counts as it was, and no rate is ever above its limit. Laws first.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EMPTY, reserve, settle, type Accounts, type Amounts, type Limits, type Reserved } from "../../src/access/accounts.ts";
import { Calendar } from "../../src/access/windows.ts";
import { limits, estimateOf } from "../support/limits.ts";

const NOON = Date.parse("2026-11-28T12:00:00Z");
const DAY_MS = 24 * 3_600_000;
const NOTHING: Accounts = { key: EMPTY, session: EMPTY };

/** An account that changes, and a clock. */
class Book {
  accounts = NOTHING;
  nowMs = NOON;
  readonly #limits: Limits;
  readonly #calendar = new Calendar();

  constructor(ofKey: Limits) {
    this.#limits = ofKey;
  }

  reserve(amounts: Amounts, soft: Amounts | null = null): Reserved {
    const reserved = reserve(this.accounts, this.#limits, {
      asked: estimateOf(amounts),
      soft: soft === null ? null : estimateOf(soft),
      nowMs: this.nowMs,
      calendar: this.#calendar,
    });
    if (reserved.type === "granted") this.accounts = reserved.accounts;
    return reserved;
  }

  granted(amounts: Amounts, soft: Amounts | null = null): Reserved & { type: "granted" } {
    const reserved = this.reserve(amounts, soft);
    if (reserved.type !== "granted") throw new Error(`Refused: ${JSON.stringify(reserved.refusal)}`);
    return reserved;
  }

  settle({ atMs, estimate: { amounts } }: Reserved & { type: "granted" }, real: Amounts | null): void {
    this.accounts = settle(this.accounts, { atMs, amounts, real, ahead: null, nowMs: this.nowMs });
  }

  used(id: string): number | undefined {
    return (id.endsWith("/session") ? this.accounts.session : this.accounts.key)?.budgets[id]?.used;
  }
}

// ---- Rates -------------------------------------------------------------------------------------------------------

test("in no 60 seconds are more requests admitted than the limit, and who is refused is admitted after the time that was named", () => {
  const steps = fc.array(
    fc.record({ waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 90_000 }), fc.integer({ min: 0, max: 999 })) }),
    {
      maxLength: 200,
    },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), steps, (limit, all) => {
      const book = new Book(limits({ requestsPerMinute: limit }));
      const admitted: number[] = [];
      for (const { waitMs } of all) {
        book.nowMs += waitMs;
        const reserved = book.reserve({ tokens: 1 });
        if (reserved.type === "granted") admitted.push(book.nowMs);
        else {
          assert.ok(reserved.refusal.reason === "rate" && reserved.refusal.waitMs !== null && reserved.refusal.waitMs <= 61_000);
          const waiting = new Book(limits({ requestsPerMinute: limit }));
          waiting.accounts = book.accounts;
          waiting.nowMs = book.nowMs + reserved.refusal.waitMs - 1;
          assert.equal(waiting.reserve({ tokens: 1 }).type, "refused");
          waiting.nowMs++;
          assert.equal(waiting.reserve({ tokens: 1 }).type, "granted");
        }
      }
      for (const [index, ms] of admitted.entries()) {
        const within = admitted.slice(index).filter((other) => other - ms <= 60_000);
        assert.ok(within.length <= limit, `${within.length} of ${limit} within a minute`);
      }
      assert.ok(book.accounts.key.requests.length <= 61);
    }),
    { numRuns: 200 },
  );
});

test("tokens of a minute are settled for the second in which they were reserved, and what is more for the second in which that is known", () => {
  const book = new Book(limits({ tokensPerMinute: 1000 }));
  const [less, more] = [book.granted({ tokens: 400 }), book.granted({ tokens: 400 })];
  assert.equal(book.reserve({ tokens: 400 }).type, "refused");
  book.nowMs += 30_000;
  book.settle(less, { tokens: 100 });
  book.settle(more, { tokens: 600 });
  const second = NOON / 1000;
  assert.deepEqual(book.accounts.key.tokens, [
    [second, 500],
    [second + 30, 200],
  ]);
  book.nowMs = NOON + 61_000;
  book.granted({ tokens: 800 });
});

test("an estimate alone keeps nobody out for ever, but input that is larger than the limit does", () => {
  const book = new Book(limits({ tokensPerMinute: 500 }));
  const large = reserve(NOTHING, limits({ tokensPerMinute: 500 }), {
    asked: { amounts: { tokens: 1100 }, inputTokens: 100 },
    soft: null,
    nowMs: NOON,
    calendar: new Calendar(),
  });
  assert.equal(large.type, "granted");
  const refused = book.reserve({ tokens: 501 });
  assert.ok(refused.type === "refused" && refused.refusal.reason === "rate" && refused.refusal.waitMs === null);
});

test("calls at once are as many as may be, whatever they use", () => {
  const book = new Book(limits({ parallel: 2 }));
  const first = book.granted({ tokens: 1 });
  book.granted({ tokens: 1 });
  assert.deepEqual(book.reserve({ tokens: 1 }), { type: "refused", refusal: { reason: "concurrency", limit: 2, running: 2 } });
  book.settle(first, null);
  book.granted({ tokens: 1 });
});

// ---- Budgets -----------------------------------------------------------------------------------------------------

const CALLS = fc.array(
  fc.record({
    estimate: fc.integer({ min: 0, max: 300 }),
    real: fc.integer({ min: 0, max: 600 }),
    /** After how many further calls it ends. */
    lasts: fc.integer({ min: 0, max: 8 }),
    waitMs: fc.integer({ min: 0, max: 10_000 }),
  }),
  { maxLength: 60 },
);

test("a budget is overrun by no more than the estimates' error of the calls in flight, and in the end holds what was used", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2000 }), CALLS, (amount, calls) => {
      const book = new Book(limits({ budgets: [{ amount, unit: "tokens", period: "day" }] }));
      let inFlight: { readonly reserved: Reserved & { type: "granted" }; readonly call: (typeof calls)[number]; left: number }[] = [];
      let [used, bound] = [0, amount];
      const end = (one: (typeof inFlight)[number]): void => {
        book.settle(one.reserved, { tokens: one.call.real });
        used += one.call.real;
      };
      for (const call of calls) {
        book.nowMs += call.waitMs;
        for (const one of inFlight.filter(({ left }) => left === 0)) end(one);
        inFlight = inFlight.filter(({ left }) => left > 0);
        for (const one of inFlight) one.left--;
        const reserved = book.reserve({ tokens: call.estimate });
        if (reserved.type === "refused") continue;
        inFlight.push({ reserved, call, left: call.lasts });
        bound = amount + inFlight.reduce((sum, { call: { real, estimate } }) => sum + Math.max(0, real - estimate), 0);
      }
      for (const one of inFlight) end(one);
      assert.ok(used <= bound, `${used} of ${amount}, bound ${bound}`);
      assert.equal(book.used("tokens/day") ?? 0, used);
      assert.equal(book.accounts.key.running, 0);
    }),
    { numRuns: 300 },
  );
});

test("each budget of a key is counted by itself, in its unit and its window", () => {
  const book = new Book(
    limits({
      budgets: [
        { amount: 5, unit: "usd", period: "day" },
        { amount: 20, unit: "usd", period: "month" },
        { amount: 900, unit: "credits", period: "session" },
      ],
    }),
  );
  book.settle(book.granted({ usd: 1, credits: 100, tokens: 7 }), { usd: 2, credits: 300, tokens: 9 });
  assert.deepEqual([book.used("usd/day"), book.used("usd/month"), book.used("credits/session")], [2, 2, 300]);
  book.nowMs += DAY_MS;
  book.granted({ usd: 1, credits: 100 });
  assert.deepEqual([book.used("usd/day"), book.used("usd/month"), book.used("credits/session")], [1, 3, 400]);
});

test("what began anew while a call ran is left alone by its end", () => {
  const book = new Book(limits({ budgets: [{ amount: 100, unit: "tokens", period: "day" }] }));
  const late = book.granted({ tokens: 10 });
  book.nowMs += DAY_MS;
  book.granted({ tokens: 20 });
  book.settle(late, { tokens: 90 });
  assert.equal(book.used("tokens/day"), 20);
});

test("of several budgets that are used up, the one is named that lasts longest, and a raise counts until its time is over", () => {
  const raised = { amount: 2, unit: "usd", untilMs: NOON + 1000 } as const;
  const rules = { budgets: [{ amount: 1, unit: "usd", period: "day" } as const, { amount: 1, unit: "usd", period: "month" } as const] };
  const book = new Book(limits(rules, [raised]));
  book.granted({ usd: 3 });
  const refused = book.reserve({ usd: 0.5 });
  assert.ok(refused.type === "refused" && refused.refusal.reason === "budget");
  assert.deepEqual(refused.refusal.state, {
    budget: { id: "usd/month", amount: 1, unit: "usd", period: "month" },
    amount: 3,
    used: 3,
    startMs: Date.parse("2026-11-01T00:00:00Z"),
    resetMs: Date.parse("2026-12-01T00:00:00Z"),
  });
  book.nowMs += 1000;
  const later = book.reserve({ usd: 0 });
  assert.ok(later.type === "refused" && later.refusal.reason === "budget" && later.refusal.state.amount === 1);
});

test("five hours begin with the first call that is granted, and one that is refused begins nothing", () => {
  const book = new Book(limits({ budgets: [{ amount: 100, unit: "tokens", period: "5h" }] }));
  assert.equal(book.reserve({ tokens: 101 }).type, "refused");
  assert.deepEqual(book.accounts, NOTHING);
  book.nowMs += 1000;
  book.granted({ tokens: 100 });
  book.nowMs += 5 * 3_600_000 - 1;
  assert.equal(book.reserve({ tokens: 1 }).type, "refused");
  book.nowMs += 1;
  book.granted({ tokens: 100 });
});

test("above the soft limit the cheaper estimate is reserved", () => {
  const book = new Book(limits({ budgets: [{ amount: 100, unit: "tokens", period: "day" }], soft: { percent: 50, model: "glm-5.2" } }));
  assert.equal(book.granted({ tokens: 50 }, { tokens: 1 }).standing.isSoft, false);
  const soft = book.granted({ tokens: 50 }, { tokens: 1 });
  assert.deepEqual([soft.standing.isSoft, soft.estimate.amounts, book.used("tokens/day")], [true, { tokens: 1 }, 51]);
});

test("a clock that is behind that of another gateway counts into the window that has begun there", () => {
  const book = new Book(limits({ requestsPerMinute: 2, budgets: [{ amount: 100, unit: "tokens", period: "day" }] }));
  book.nowMs = Date.parse("2026-11-29T00:00:01Z");
  book.granted({ tokens: 10 });
  book.nowMs -= 3000;
  const behind = book.granted({ tokens: 10 });
  assert.equal(book.used("tokens/day"), 20);
  book.settle(behind, { tokens: 30 });
  assert.equal(book.used("tokens/day"), 40);
  assert.equal(book.reserve({ tokens: 1 }).type, "refused");
});
