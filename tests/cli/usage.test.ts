// What the usage commands report of some rows: tables, ccusage's JSON, CSV, blocks, single calls, and the line for Claude Code.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { UsageRow } from "../../src/access/store.ts";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { CommandError, commandOf, readInput, type Context } from "../../src/cli/command.ts";
import { USAGE } from "../../src/cli/usage.ts";
import { usageRow } from "../support/stored.ts";

const NOW_MS = Date.UTC(2026, 10, 28, 14, 30);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const NOTHING_CACHED = { cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0, reasoningTokens: 0 };
const ROWS: readonly UsageRow[] = [
  usageRow("old", { atMs: NOW_MS - 40 * DAY_MS, key: "bob", session: "s0", client: "codex" }),
  usageRow("a", { atMs: NOW_MS - DAY_MS, session: "s1", usd: 0.5, credits: 100 }),
  usageRow("b", { atMs: NOW_MS - 4 * HOUR_MS, session: "s1", usd: 0.25, credits: 50 }),
  usageRow("c", {
    ...NOTHING_CACHED,
    atMs: NOW_MS - HOUR_MS,
    key: "bob",
    client: "codex",
    session: "s2",
    modelServed: "gpt-5.5-fast",
    inputTokens: 1000,
    outputTokens: 200,
    usd: null,
    priceDate: null,
    finish: "cancelled",
    source: "counted",
  }),
  usageRow("d", {
    ...NOTHING_CACHED,
    atMs: NOW_MS - 60_000,
    session: "s1",
    inputTokens: 0,
    outputTokens: 0,
    usd: 0,
    credits: 0,
    finish: "error:overloaded",
    modelAsked: "=cmd()",
    modelServed: null,
  }),
];

const store = new MemoryStore();
await store.append(ROWS);

/** What a command prints. */
async function printed(line: string, { stdin = "", withStore = true } = {}): Promise<string> {
  const words = line.split(" ");
  const command = commandOf(USAGE, words) ?? assert.fail();
  const input = readInput(words.slice(command.name.split(" ").length), command);
  const out: string[] = [];
  const context: Context = {
    now: () => NOW_MS,
    isJson: input.has("json"),
    config: () => assert.fail(),
    envHere: () => null,
    store: () => (withStore ? Promise.resolve(store) : Promise.reject(new Error("away"))),
    print: (text) => out.push(text),
    show: (value, text) => out.push(input.has("json") ? JSON.stringify(value) : text()),
    note: () => {},
    ask: null,
    style: (_, text) => text,
    read: () => stdin,
  };
  await command.run(input, context);
  return out.join("\n");
}

const json = async (line: string): Promise<unknown> => JSON.parse(await printed(`${line} --json --zone UTC`));

test("usage alone is today by model, with what has no price", async () => {
  assert.deepEqual(
    (await printed("usage --zone UTC")).split("\n").map((line) => line.replaceAll(/ +/g, " ")),
    [
      "Model Calls Errors Input Output Cache Create Cache Read Total Tokens Credits Cost (USD)",
      "=cmd() 1 1 0 0 0 0 0 0 $0.00",
      "glm-5.2 1 0 100 20 12 10 142 50 $0.25",
      "gpt-5.5-fast 1 0 1,000 200 0 0 1,200 10 no price",
      "Total 3 1 1,100 220 12 10 1,342 60 $0.25*",
      "",
      "* Excludes 1 call to models without a known price.",
      "Credits and cost are estimates. Zone: UTC.",
    ],
  );
});

test("days are in ccusage's shape, with totals and models", async () => {
  const counts = { inputTokens: 100, outputTokens: 20, cacheCreationTokens: 12, cacheReadTokens: 10, totalTokens: 142 };
  const one = { calls: 1, errors: 0, ...counts, credits: 100, unpricedCalls: 0 };
  assert.deepEqual(await json("usage daily --since 2026-11-27 --until 20261127"), {
    daily: [
      {
        date: "2026-11-27",
        ...one,
        totalCost: 0.5,
        modelsUsed: ["glm-5.2"],
        modelBreakdowns: [{ modelName: "glm-5.2", ...one, cost: 0.5 }],
      },
    ],
    totals: { ...one, totalCost: 0.5 },
  });
});

/** The first member of each row, and its calls. */
async function rowsOf(line: string, list: string): Promise<unknown[]> {
  const report = (await json(line)) as Record<string, { calls: number }[]>;
  return (report[list] ?? []).map((row) => [Object.values(row)[0], row.calls]);
}

test("each report is by what its name says, over all time unless it is told otherwise", async () => {
  assert.deepEqual(await rowsOf("usage daily", "daily"), [
    ["2026-10-19", 1],
    ["2026-11-27", 1],
    ["2026-11-28", 3],
  ]);
  assert.deepEqual(await rowsOf("usage weekly", "weekly"), [
    ["2026-10-19", 1],
    ["2026-11-23", 4],
  ]);
  assert.deepEqual(await rowsOf("usage monthly", "monthly"), [
    ["2026-10", 1],
    ["2026-11", 4],
  ]);
  assert.deepEqual(await rowsOf("usage session", "sessions"), [
    ["s0", 1],
    ["s2", 1],
    ["s1", 3],
  ]);
  assert.deepEqual(await rowsOf("usage keys --since 7d", "keys"), [
    ["alice", 3],
    ["bob", 1],
  ]);
  assert.deepEqual(await rowsOf("usage clients --key bob", "clients"), [["codex", 2]]);
  assert.deepEqual(await rowsOf("usage models --session s2", "models"), [["gpt-5.5-fast", 1]]);
  assert.deepEqual(await rowsOf("usage models --since 2026-11-28T13:00:00Z --until 2026-11-28T14:00:00Z", "models"), [["gpt-5.5-fast", 1]]);
});

test("dates are those of the zone", async () => {
  const report = await printed("usage daily --zone Asia/Shanghai --since 2026-11-28 --csv");
  assert.deepEqual(
    report.split("\n").map((line) => line.split(",").slice(0, 2)),
    [
      ["date", "calls"],
      ["2026-11-28", "3"],
    ].map(([name, calls]) => [name, calls]),
  );
  assert.equal((await printed("usage daily --zone Pacific/Kiritimati --since 2026-11-29 --csv")).split("\n").length, 2);
});

test("CSV has no formula in it, and an empty cell where there is no price", async () => {
  assert.deepEqual((await printed("usage keys --since 2026-11-28 --zone UTC --breakdown --csv")).split("\n"), [
    "key,modelName,calls,errors,inputTokens,outputTokens,cacheCreationTokens,cacheReadTokens,totalTokens,credits,totalCost,unpricedCalls",
    "alice,'=cmd(),1,1,0,0,0,0,0,0,0,0",
    "alice,glm-5.2,1,0,100,20,12,10,142,50,0.25,0",
    "bob,gpt-5.5-fast,1,0,1000,200,0,0,1200,10,,1",
  ]);
});

test("blocks begin with the hour of their first call and last five hours; the active one has a forecast", async () => {
  const { blocks } = JSON.parse(await printed("usage blocks --json")) as { blocks: Record<string, unknown>[] };
  assert.deepEqual(
    blocks.map(({ startTime, endTime, isActive, entries, totalTokens }) => [startTime, endTime, isActive, entries, totalTokens]),
    [
      ["2026-11-27T14:00:00.000Z", "2026-11-27T19:00:00.000Z", false, 1, 142],
      ["2026-11-28T10:00:00.000Z", "2026-11-28T15:00:00.000Z", true, 3, 1342],
    ],
  );
  assert.deepEqual(
    [blocks[0]?.["projection"], blocks[1]?.["projection"]],
    [null, { totalTokens: Math.round(1342 * (1 + 30 / 240)), totalCost: 0.25 * (1 + 30 / 240), remainingMinutes: 30 }],
  );
  assert.match(
    await printed("usage blocks --active --zone UTC"),
    /^Block Start.*\n2026-11-28 10:00 {2}active, 30m left .*\$0\.25\*\n\nAt this pace/,
  );
});

test("tail prints the latest calls, the newest last, and says where counts are not the upstream's", async () => {
  const lines = (await printed("usage tail --lines 2 --zone UTC")).split("\n");
  assert.deepEqual(
    lines.map((line) => line.replaceAll(/ +/g, " ")),
    [
      "2026-11-28 13:30:00 200 bob codex gpt-5.5-fast ~1.0k in ~200 out no price 1.2s request-c cancelled",
      "2026-11-28 14:29:00 200 alice claude-code =cmd() 0 in 0 out $0.00 1.2s request-d error:overloaded",
    ],
  );
  assert.deepEqual(JSON.parse(await printed("usage tail --lines 1 --json")), ROWS.at(-1));
  assert.deepEqual(JSON.parse(await printed("usage tail -n 1 --json")), ROWS.at(-1));
});

test("show has all of a call, by its request id, and fails for one that there is none of", async () => {
  assert.deepEqual(await json("usage show request-c"), ROWS[3]);
  assert.match(await printed("usage show request-a --zone UTC"), /Cost {12}\$0\.50 \(prices of 2026-11-28\), 100 credits; estimates/);
  await assert.rejects(printed("usage show nothing"), CommandError);
});

test("the status line has the model, the session, the day of its key, and the block; and never fails", async () => {
  const stdin = JSON.stringify({
    session_id: "s1",
    model: { id: "glm-5.2", display_name: "GLM 5.2" },
    context_window: { used_percentage: 41.7 },
  });
  assert.equal(
    await printed("usage statusline --zone UTC", { stdin }),
    "GLM 5.2 | $0.75 session, 284 tokens | $0.25 today | $0.25 block, 30m left | 42% context",
  );
  assert.equal(await printed("usage statusline", { stdin, withStore: false }), "GLM 5.2 | usage unknown | 42% context");
  assert.match(await printed("usage statusline --zone UTC", { stdin: "no json" }), /^Claude Code \| \$0\.25\* today \| /);
});

test("words that nobody understands are wrong use", async () => {
  for (const line of [
    "usage --since yesterday",
    "usage --zone Mars/Base",
    "usage tail --lines 0",
    "usage --until 2026-02-30",
    "usage --since 7d --until 8d",
  ]) {
    await assert.rejects(printed(line), { name: "CommandError", exitCode: 2 }, line);
  }
});
