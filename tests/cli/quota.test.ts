// What the quota command prints of each state, and what it needs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { CommandError, readInput, type Context } from "../../src/cli/command.ts";
import { quotaCommand } from "../../src/cli/quota.ts";
import { readConfig } from "../../src/config/config.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { billing } from "../support/billing.ts";
import { usageRow } from "../support/stored.ts";

const NOW_MS = Date.UTC(2026, 10, 28, 14);
const HOUR_MS = 3_600_000;
const FULL_SOON = billing({ standard: [80, 10, 100], core: null, endMs: NOW_MS + 2 * HOUR_MS });

const store = new MemoryStore();
await store.append([
  usageRow("a", { atMs: NOW_MS - 150 * 60_000, modelServed: "claude-opus-5", credits: 300 }),
  usageRow("b", { atMs: NOW_MS - 30 * 60_000, modelServed: "claude-opus-5", credits: 100 }),
]);

interface Printed {
  readonly text: string;
  readonly code: number;
  readonly urls: readonly string[];
}

interface Setting {
  readonly environment?: Readonly<Record<string, string>>;
  readonly answer?: Response;
  readonly withStore?: boolean;
}

async function printed(
  words: readonly string[],
  { environment = {}, answer = new Response(FULL_SOON), withStore = true }: Setting = {},
): Promise<Printed> {
  const urls: string[] = [];
  const command = quotaCommand({
    fetch: (url) => {
      urls.push(url);
      return Promise.resolve(answer);
    },
    after: (ms, callback) => {
      if (ms === 0) queueMicrotask(callback);
      return () => {};
    },
  });
  const input = readInput([...words, "--zone", "UTC"], command);
  const out: string[] = [];
  const context: Context = {
    now: () => NOW_MS,
    isJson: input.has("json"),
    config: () =>
      readConfig({
        environment: { FACTORY_API_KEY: "fk-a-key", ...environment },
        arguments: [],
        file: () => null,
        redactor: new Redactor([]),
      }),
    envHere: () => null,
    store: () => (withStore ? Promise.resolve(store) : Promise.reject(CommandError.failed("no store"))),
    print: (text) => out.push(text),
    show: (value, text) => out.push(input.has("json") ? JSON.stringify(value) : text()),
    note: () => {},
    ask: null,
    style: (_, text) => text,
    read: () => "",
  };
  const code = (await command.run(input, context)) ?? 0;
  return { text: out.join("\n"), code, urls };
}

test("six windows with percent, reset and forecast, and the extra usage", async () => {
  const { text, code, urls } = await printed([]);
  assert.deepEqual(
    text.split("\n").map((line) => line.replaceAll(/ +/g, " ")),
    [
      "Plan: max",
      "",
      "Pool Window Used Resets Forecast",
      "standard 5h 80% 2026-11-28 16:00 runs out at 15:00",
      "standard 7d 10% 2026-11-28 16:00 lasts at this pace",
      "standard 30d 100% 2026-11-28 16:00 full",
      "core 5h unknown",
      "core 7d unknown",
      "core 30d unknown",
      "",
      "Extra usage: allowed, balance $12.50.",
      "As of 2026-11-28 14:00. Zone: UTC. Forecasts are estimates from the ledger.",
    ],
  );
  assert.deepEqual([code, urls], [0, ["https://api.factory.ai/api/billing/limits"]]);
});

test("--json is what GET /quota answers; what another process has just read is taken from the store", async () => {
  const { text, urls } = await printed(["--json"]);
  assert.match(text, /^\{"object":"quota","schema_version":1,"state":"works",/);
  assert.deepEqual(urls, []);
});

test("without a store there is no forecast, and the rest is there", async () => {
  const { text, code } = await printed([], { withStore: false });
  assert.match(text, /standard +5h +80% +2026-11-28 16:00\n/);
  assert.equal(code, 0);
});

test("the other states are a sentence with the reason, and exit code 1; QUOTA_INTERVAL=0 is for servers", async () => {
  const no = { withStore: false, environment: { QUOTA_INTERVAL: "0" } };
  const refused = await printed([], { ...no, answer: new Response("{}", { status: 401 }) });
  assert.match(refused.text, /^The plan's limits are shown only to people who sign in\. Factory answers 401: /);
  const unknown = await printed([], { ...no, answer: new Response("<html>") });
  const answers = "Factory's billing endpoint sent an answer in an unknown format.";
  const now = "Calls work without them. As of 2026-11-28 14:00. Zone: UTC.";
  assert.equal(unknown.text, `The plan's limits are not available. ${answers} ${now}`);
  assert.deepEqual([refused.code, unknown.code], [1, 1]);
});

test("without a Factory key there is nothing to ask about", async () => {
  await assert.rejects(printed([], { environment: { FACTORY_API_KEY: "" } }), /^CommandError: FACTORY_API_KEY is not set\./);
});

test("a key goes to no host that gets no calls", async () => {
  const elsewhere = Object.fromEntries(
    ["ANTHROPIC", "OPENAI", "CHAT", "GEMINI"].map((name) => [`${name}_TARGET_URL`, "https://llm.example.org/v1"]),
  );
  const { text, urls } = await printed([], { environment: elsewhere, withStore: false });
  assert.match(text, /not available\. Factory was not asked, because no calls go to FACTORY_BASE_URL\. /);
  assert.deepEqual(urls, []);
});
