// Another configuration for a gateway that runs: what lives on beside it, and what is kept from before.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newKey } from "../../src/access/key-changes.ts";
import type { UsageRow } from "../../src/access/store.ts";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { ask, MODELS } from "../support/dialects.ts";
import { CLIENT_KEY, FACTORY_KEY, startGateways } from "../support/gateway.ts";

const { upstream, gatewayWith } = await startGateways();
const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"] });
const OTHER_KEY = "client-key-of-another-configuration";

test("keys of the store go on, and so does what they have used", async () => {
  const store = new MemoryStore();
  const ports = { nowMs: Date.now(), sha256: runtime.sha256, random: (count: number) => new Uint8Array(count) };
  const { record, key } = newKey("alice", { rpm: "2" }, ports);
  await store.insertKey(record);
  const gateway = await gatewayWith({}, { store });
  assert.equal((await gateway.call(path, { body, key })).status, 200);
  gateway.reload({ PROXY_API_KEY: OTHER_KEY });
  assert.equal((await gateway.call(path, { body, key })).status, 200);
  assert.equal((await gateway.call(path, { body, key })).status, 429);
  assert.deepEqual([(await gateway.call(path, { body })).status, (await gateway.call(path, { body, key: OTHER_KEY })).status], [401, 200]);
  const any = { sinceMs: null, untilMs: null, session: null, client: null, model: null, before: null, status: null, text: null, key: null };
  let rows: readonly UsageRow[] = [];
  // A call of nobody has none.
  while (rows.length < 4) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    rows = await store.rows({ ...any, limit: 9 });
  }
  assert.deepEqual(rows.map((row) => `${row.key} ${row.status}`).toSorted(), ["alice 200", "alice 200", "alice 429", "env-1 200"]);
});

test("a secret of before stays one, in calls that began before and in later ones", async () => {
  const gateway = await gatewayWith({ LOG_LEVEL: "debug" });
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  upstream.script([{ say: { text: `The keys are ${FACTORY_KEY} and ${CLIENT_KEY}` }, hold: { afterEvents: 2, until: released } }]);
  const running = await gateway.call(path, { body: { ...body, stream: true } });
  gateway.reload({ LOG_LEVEL: "debug", FACTORY_API_KEY: "fk-another-factory-key", PROXY_API_KEY: OTHER_KEY });
  release();
  assert.match(await running.text(), /\[DONE\]/);
  const told = ask("openai-chat", { model: MODELS["openai-chat"], text: `What of ${FACTORY_KEY} and ${CLIENT_KEY}?` });
  await gateway.lineOf(await gateway.call(path, { body: told.body, key: OTHER_KEY }));
  await gateway.lineOf(running);
  const log = JSON.stringify(gateway.lines);
  for (const secret of [FACTORY_KEY, CLIENT_KEY, OTHER_KEY, "fk-another-factory-key"]) assert.ok(!log.includes(secret), secret);
});

test("a Factory key that rests and stays goes on resting", async () => {
  const [tired, fresh] = ["fk-a-key-that-is-tired", "fk-a-key-that-is-fresh"];
  const gateway = await gatewayWith({ FACTORY_API_KEY: tired });
  upstream.script([{ error: { status: 429, message: "Enough." }, headers: { "retry-after": "60" } }]);
  assert.equal((await gateway.call(path, { body })).status, 429);
  gateway.reload({ FACTORY_API_KEY: tired, FACTORY_API_KEYS: fresh });
  for (let count = 0; count < 5; count++) {
    const text = `Conversation ${count}`;
    await (await gateway.call(path, { body: ask("openai-chat", { model: MODELS["openai-chat"], text }).body })).text();
    assert.equal(gateway.lastSeen().headers["authorization"], `Bearer ${fresh}`);
  }
});

test("headers for the upstream are those of the configuration that a call began with", async () => {
  const gateway = await gatewayWith({ UPSTREAM_HEADERS: '{"x-team": "red"}' });
  for (const [team, next] of [
    ["red", "blue"],
    ["blue", "green"],
  ]) {
    await (await gateway.call(path, { body })).text();
    assert.equal(gateway.lastSeen().headers["x-team"], team);
    gateway.reload({ UPSTREAM_HEADERS: JSON.stringify({ "x-team": next }) });
  }
});
