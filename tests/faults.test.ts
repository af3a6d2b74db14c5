// The fault table: each fault x each client's protocol x each upstream's protocol x whole and streamed. For each the client sees the one
// right status or the one right end, the log has one line, and no connection stays open. Made from support/faults.ts.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ask, MODELS, WAYS } from "./support/dialects.ts";
import { answerTo, cellsOf, expectedOf, FAULTS, nameOf, outcomeOf } from "./support/faults.ts";
import { startGateway, until } from "./support/gateway.ts";
import { CLOSED } from "./support/upstream.ts";

const gateway = await startGateway();
const { upstream } = gateway;
const hasty = await startGateway({ upstream, environment: { UPSTREAM_FIRST_BYTE_TIMEOUT: "0.4", UPSTREAM_IDLE_TIMEOUT: "0.4" } });
const nowhere = await startGateway({ upstream, environment: { FACTORY_BASE_URL: CLOSED } });
after(async () => {
  for (const one of [hasty, nowhere, gateway]) await one.stop();
});

for (const fault of FAULTS) {
  test(`${fault.name}: one right end for every client, one line in the log that says the same, nothing left open`, async () => {
    const through = fault.name.startsWith("silence") ? hasty : gateway;
    const cells = cellsOf(fault, WAYS);
    upstream.script((seen) => answerTo(seen, cells));
    const found = await Promise.all(cells.map(async (cell) => [nameOf(cell), await outcomeOf(cell, through)] as const));
    assert.deepEqual(Object.fromEntries(found), Object.fromEntries(cells.map((cell) => [nameOf(cell), expectedOf(cell)])));
    const lines = await Promise.all(
      cells.map(async (cell) => [nameOf(cell), (await through.lineOf(cell.id))["error"] === undefined] as const),
    );
    assert.deepEqual(Object.fromEntries(lines), Object.fromEntries(found.map(([name, outcome]) => [name, outcome === "answered"])));
    await until(() => upstream.openConnections() === 0, "the upstream to be let go");
    const ids = through.lines.filter((line) => line["event"] === "request").map((line) => line["requestId"]);
    assert.deepEqual(
      cells.map(({ id }) => ids.filter((one) => one === id).length),
      cells.map(() => 1),
    );
  });
}

test("a refused connection: 502 for every client, one line in the log", async () => {
  for (const cell of cellsOf(FAULTS[0] ?? assert.fail(), WAYS)) {
    assert.equal(await outcomeOf(cell, nowhere), 502, nameOf(cell));
    assert.equal((await nowhere.lineOf(cell.id))["status"], 502);
  }
});

test("an endless stream ends when its client leaves, and only then", async () => {
  for (const client of ["anthropic-messages", "openai-chat"] as const) {
    upstream.script(() => ({ say: { text: "on and on ".repeat(9_000) }, delayMs: 1 }));
    const { path, body } = ask(client, { model: MODELS["anthropic-messages"], stream: true });
    const leaving = new AbortController();
    const response = await gateway.call(path, { body, signal: leaving.signal });
    const reader = response.body?.getReader() ?? assert.fail();
    let bytes = 0;
    while (bytes < 5000) bytes += (await reader.read()).value?.length ?? assert.fail("it ended");
    leaving.abort();
    assert.equal((await gateway.lineOf(response))["error"], "cancelled");
    await until(() => upstream.openConnections() === 0, "the upstream to be let go");
  }
});

test("one event of 100 MB is an error and not a heap of 100 MB, on pass and conversion", async () => {
  const mebibyte = "x".repeat(1024 * 1024);
  for (const client of ["anthropic-messages", "openai-chat"] as const) {
    upstream.script(() => ({
      events: ['event: ping\ndata: {"type":"ping"}\n\n', "data: ", ...Array.from({ length: 100 }, () => mebibyte), "\n\n"],
    }));
    const before = upstream.requests.length;
    const { path, body } = ask(client, { model: MODELS["anthropic-messages"], stream: true });
    const response = await gateway.call(path, { body });
    assert.match((await response.text()).slice(-400), /one event of more than/);
    assert.equal((await gateway.lineOf(response))["error"], "upstream-failed");
    await until(() => upstream.openConnections() === 0, "the upstream to be let go");
    assert.ok((upstream.requests[before]?.written ?? 0) < 90, "the rest is not taken");
  }
});
