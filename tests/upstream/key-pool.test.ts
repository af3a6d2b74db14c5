// Several upstream keys: a conversation stays with its key, a key that rests is passed over, and nobody else moves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyPool } from "../../src/upstream/key-pool.ts";

const KEYS = ["fk-one", "fk-two", "fk-three"];
const CONVERSATIONS = Array.from({ length: 300 }, (_, index) => `conversation ${index}`);

function poolOf(keys: readonly string[] = KEYS): { pool: KeyPool; clock: { now: number } } {
  const clock = { now: 1000 };
  return { pool: new KeyPool(keys, () => clock.now), clock };
}

test("a conversation has the same order of keys each time, on every replica, in whatever order the keys were written", () => {
  const orders = (pool: KeyPool): (readonly string[])[] => CONVERSATIONS.map((one) => pool.order(one));
  assert.deepEqual(orders(poolOf().pool), orders(poolOf(KEYS.toReversed()).pool));
  for (const order of orders(poolOf().pool)) assert.deepEqual(order.toSorted(), KEYS.toSorted());
});

test("every key gets its share of the conversations", () => {
  const { pool } = poolOf();
  for (const key of KEYS) {
    const share = CONVERSATIONS.filter((one) => pool.order(one)[0] === key).length;
    assert.ok(share > 60 && share < 140, `${key}: ${share} of ${CONVERSATIONS.length}`);
  }
});

test("a key that is taken out moves its own conversations and no others", () => {
  const [all, fewer] = [poolOf().pool, poolOf(KEYS.slice(0, 2)).pool];
  const moved = CONVERSATIONS.filter((one) => all.order(one)[0] !== fewer.order(one)[0]);
  assert.deepEqual(
    moved,
    CONVERSATIONS.filter((one) => all.order(one)[0] === "fk-three"),
  );
  for (const one of moved) assert.equal(fewer.order(one)[0], all.order(one)[1]);
});

test("a key that rests comes last until its time is over, and has its conversations back then", () => {
  const { pool, clock } = poolOf();
  const [first = "", second = "", third = ""] = pool.order("a conversation");
  pool.rest(first, 500);
  assert.deepEqual([pool.order("a conversation"), pool.isAwake(first), pool.isAwake(second)], [[second, third, first], false, true]);
  clock.now += 499;
  assert.equal(pool.isAwake(first), false);
  clock.now += 1;
  assert.deepEqual([pool.order("a conversation"), pool.isAwake(first)], [[first, second, third], true]);
});

test("while all keys rest, the one that wakes first comes first", () => {
  const { pool } = poolOf();
  const [first = "", second = "", third = ""] = pool.order("a conversation");
  pool.rest(first, 300);
  pool.rest(second, 100);
  pool.rest(third, 200);
  assert.deepEqual(pool.order("a conversation"), [second, third, first]);
});

test("a longer rest is not cut short by a shorter one", () => {
  const { pool, clock } = poolOf();
  pool.rest("fk-one", 1000);
  pool.rest("fk-one", 10);
  clock.now += 999;
  assert.equal(pool.isAwake("fk-one"), false);
});

test("a client's own key is none of the pool's business", () => {
  const { pool } = poolOf([]);
  pool.rest("fk-of-a-client", 1000);
  assert.deepEqual([pool.size, pool.order("a conversation"), pool.isAwake("fk-of-a-client")], [0, [], true]);
});

test("other keys: one that rests and stays goes on resting, also when the old pool says so later", () => {
  const { pool, clock } = poolOf();
  pool.rest("fk-one", 1000);
  const next = pool.of(["fk-one", "fk-two", "fk-four"]);
  pool.rest("fk-two", 500);
  assert.deepEqual(
    ["fk-one", "fk-two", "fk-four"].map((key) => next.isAwake(key)),
    [false, false, true],
  );
  assert.equal(next.order("any")[0], "fk-four");
  clock.now += 600;
  assert.deepEqual(
    ["fk-one", "fk-two"].map((key) => next.isAwake(key)),
    [false, true],
  );
});
