// Another configuration for a gateway that runs: what lives on beside it, and what is kept from before.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newKey } from "../../src/access/key-changes.ts";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { ask, MODELS } from "../support/dialects.ts";
import { CLIENT_KEY, FACTORY_KEY, startGateways, until } from "../support/gateway.ts";

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
  const calls = async (): Promise<(string | null)[]> =>
    (
      await store.rows({
        sinceMs: null,
        untilMs: null,
        session: null,
        client: null,
        model: null,
        before: null,
        text: null,
        key: null,
        limit: 9,
      })
    ).map((row) => row.key);
  await until(() => gateway.lines.filter(({ event }) => event === "request").length === 5, "the lines");
  for (let rows: (string | null)[] = []; rows.length < 5;) rows = await calls();
  assert.deepEqual((await calls()).toSorted(), ["alice", "alice", "alice", "env-1", null].toSorted());
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

test("the server's age goes on, and an upstream that is another one gets the next call", async () => {
  let nowMs = 0;
  const gateway = await gatewayWith({}, { clock: { now: () => nowMs, after: () => () => {} } });
  const uptime = async (): Promise<unknown> =>
    ((await (await gateway.call("/health", { method: "GET" })).json()) as { uptime: unknown }).uptime;
  assert.equal(await uptime(), 0);
  nowMs = 5000;
  gateway.reload({ UPSTREAM_HEADERS: '{"x-team": "blue"}' });
  await (await gateway.call(path, { body })).text();
  assert.equal(gateway.lastSeen().headers["x-team"], "blue");
});
