import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreError } from "../../../src/access/store.ts";
import { MemoryStore } from "../../../src/access/stores/memory.ts";
import { GatewayError } from "../../../src/errors.ts";
import { Sessions } from "../../../src/http/admin/sessions.ts";
import { WrongKeys } from "../../../src/http/admin/wrong-keys.ts";
import { runtime } from "../../../src/runtime/runtime.ts";

const HOUR_MS = 3_600_000;
const ports = { random: (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count)), sha256: runtime.sha256 };

test("while the store is away a session goes on where it was made, and signing out ends it there", async () => {
  let isAway = false;
  const store = new MemoryStore();
  const reached = <Result>(act: () => Promise<Result>): Promise<Result> => (isAway ? Promise.reject(new StoreError("It is away.")) : act());
  const shared = {
    shared: (name: string, nowMs: number) => reached(() => store.shared(name, nowMs)),
    share: (name: string, value: string, untilMs: number) => reached(() => store.share(name, value, untilMs)),
  };
  const sessions = new Sessions({ ...ports, store: shared, now: () => 0 });
  const other = new Sessions({ ...ports, store: shared, now: () => 0 });
  const { token } = await sessions.open(null, "k");
  const known = async (): Promise<boolean[]> => [(await sessions.find(token, "k")) !== null, (await other.find(token, "k")) !== null];
  assert.deepEqual(await known(), [true, true]);
  isAway = true;
  assert.deepEqual(await known(), [true, false]);
  await sessions.close(token, "k");
  assert.deepEqual(await known(), [false, false]);
});

test("a session lasts twelve hours and not a moment longer, and what is no token is none", async () => {
  let nowMs = 0;
  const sessions = new Sessions({ ...ports, store: null, now: () => nowMs });
  const { token, session } = await sessions.open("digest", null);
  assert.deepEqual([session.holder, session.untilMs], ["digest", 12 * HOUR_MS]);
  nowMs = 12 * HOUR_MS - 1;
  assert.equal((await sessions.find(token, null))?.csrfToken, session.csrfToken);
  assert.equal(await sessions.find(token, "a key"), null);
  nowMs++;
  assert.equal(await sessions.find(token, null), null);
  for (const made of ["", token.slice(1), `${token}=`, `${token}%00`]) assert.equal(await sessions.find(made, null), null);
});

test("links that somebody makes up do not drive out those that count", async () => {
  const sessions = new Sessions({ ...ports, store: null, now: () => 0 });
  const token = sessions.makeLink();
  for (let count = 0; count < 1500; count++)
    assert.equal(await sessions.takeLink(`${"x".repeat(39)}${String(count).padStart(4, "0")}`), false);
  assert.deepEqual([await sessions.takeLink(token), await sessions.takeLink(token)], [true, false]);
});

test("wrong keys are forgotten after a minute, each for itself", () => {
  let nowMs = 0;
  const wrong = new WrongKeys(() => nowMs);
  const waits = (): string | null => {
    try {
      wrong.check("one");
      return null;
    } catch (error) {
      return error instanceof GatewayError ? (error.headers["retry-after"] ?? "") : "another error";
    }
  };
  for (let count = 0; count < 10; count++) {
    assert.equal(waits(), null);
    wrong.add("one");
    nowMs += 1000;
  }
  assert.equal(waits(), "50");
  wrong.check("another");
  nowMs = 60_000;
  assert.equal(waits(), null);
  wrong.add("one");
  assert.equal(waits(), "1");
});
