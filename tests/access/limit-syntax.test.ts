// Words for limits: what is read, what is printed, and that the one undoes the other.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isKeyName,
  modelRule,
  parseAmount,
  parseBudget,
  parseCount,
  parseDuration,
  parseExpiry,
  parseModels,
  parseSoft,
  parseZone,
  printBudget,
  printCount,
  printDuration,
  printExpiry,
  printSoft,
} from "../../src/access/limit-syntax.ts";

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 10, 28, 14);

/** What each text is read as. */
function readings<Result>(read: (text: string) => Result, texts: readonly string[]): Record<string, Result> {
  return Object.fromEntries(texts.map((text) => [text, read(text)]));
}

test("durations have one unit, and are not nothing", () => {
  assert.deepEqual(readings(parseDuration, ["90s", "15m", " 24H ", "30d", "0d", "1.5h", "5", "h", "2w", "999999999d"]), {
    "90s": 90_000,
    "15m": 900_000,
    " 24H ": 24 * HOUR_MS,
    "30d": 30 * 24 * HOUR_MS,
    "0d": null,
    "1.5h": null,
    "5": null,
    h: null,
    "2w": null,
    "999999999d": null,
  });
  assert.deepEqual([90_000, 900_000, 36 * HOUR_MS, 30 * 24 * HOUR_MS].map(printDuration), ["90s", "15m", "36h", "30d"]);
});

test("counts are whole, with k, M and B for thousands, millions and billions", () => {
  assert.deepEqual(readings(parseCount, ["60", "400k", "1.5M", "0.1m", "2B", "0", "0.5", "-1", "1e3", "", "12345678901234567"]), {
    "60": 60,
    "400k": 400_000,
    "1.5M": 1_500_000,
    "0.1m": 100_000,
    "2B": 2_000_000_000,
    "0": null,
    "0.5": null,
    "-1": null,
    "1e3": null,
    "": null,
    "12345678901234567": null,
  });
  const counts = [1, 60, 999, 1000, 400_000, 123_456, 1_500_000, 1_234_567, 2_000_000_000];
  assert.deepEqual(counts.map(printCount).map(parseCount), counts);
});

test("amounts name their unit", () => {
  assert.deepEqual(
    readings(parseAmount, ["5usd", "$0.50", "20M-credits", "500k tokens", "1token", "0usd", "5", "$5usd", "1.5-tokens", "5eur"]),
    {
      "5usd": { amount: 5, unit: "usd" },
      "$0.50": { amount: 0.5, unit: "usd" },
      "20M-credits": { amount: 20_000_000, unit: "credits" },
      "500k tokens": { amount: 500_000, unit: "tokens" },
      "1token": { amount: 1, unit: "tokens" },
      "0usd": { amount: 0, unit: "usd" },
      "5": null,
      $5usd: null,
      "1.5-tokens": null,
      "5eur": null,
    },
  );
});

test("budgets are an amount for a period, and are printed as they are read", () => {
  for (const text of ["5usd/day", "0.25usd/5h", "20M-credits/week", "500k-tokens/month", "1.5B-tokens/ever", "100-credits/session"]) {
    const budget = parseBudget(text);
    assert.ok(budget !== null, text);
    assert.equal(printBudget(budget), text);
  }
  for (const text of ["5usd", "5usd/", "5usd/year", "5usd/day/week", "/day", "usd/day"]) assert.equal(parseBudget(text), null, text);
});

test("soft is a share of 1 to 99 percent, with a model or without", () => {
  assert.deepEqual(readings(parseSoft, ["80", "80%", "80:glm-5.2", "0", "100", "x", "80:"]), {
    "80": { percent: 80, model: null },
    "80%": { percent: 80, model: null },
    "80:glm-5.2": { percent: 80, model: "glm-5.2" },
    "0": null,
    "100": null,
    x: null,
    "80:": null,
  });
  assert.equal(printSoft({ percent: 80, model: "glm-5.2" }), "80:glm-5.2");
});

test("lists of models hold names, globs and the two pools", () => {
  assert.deepEqual(readings(parseModels, ["Claude-*, !claude-opus-*,@core,", "!@standard", "", "a b", "@other", "!!a", "!"]), {
    "Claude-*, !claude-opus-*,@core,": ["claude-*", "!claude-opus-*", "@core"],
    "!@standard": ["!@standard"],
    "": null,
    "a b": null,
    "@other": null,
    "!!a": null,
    "!": null,
  });
});

const SONNET = { names: ["claude-sonnet-5", "sonnet"], pool: "standard" } as const;
const OPUS = { names: ["claude-opus-4-5", "opus"], pool: "standard" } as const;
const GLM = { names: ["glm-5.2"], pool: "core" } as const;
const NEW = { names: ["new-model"], pool: null } as const;

const RULES: readonly (readonly [patterns: string, allowed: readonly boolean[]])[] = [
  ["claude-*,!claude-opus-*,@core", [true, false, true, false]],
  ["!claude-opus-*,claude-*", [true, false, false, false]],
  ["!opus", [true, false, true, true]],
  ["sonnet", [true, false, false, false]],
  ["!@core", [true, true, false, true]],
  ["@core,!glm-5.2", [false, false, false, false]],
  ["GLM-5.*", [false, false, true, false]],
  ["glm-5*2", [false, false, true, false]],
  ["glm-5.", [false, false, false, false]],
  ["*", [true, true, true, true]],
];

for (const [patterns, allowed] of RULES) {
  test(`the rule ${patterns} lets in what it names, and nothing that it denies`, () => {
    const isAllowed = modelRule(patterns.split(","));
    assert.deepEqual([SONNET, OPUS, GLM, NEW].map(isAllowed), allowed);
  });
}

test("a glob of many stars takes no time on a name that nearly fits", () => {
  const isAllowed = modelRule([`${"a*".repeat(20)}b`]);
  const before = performance.now();
  assert.equal(isAllowed({ names: ["a".repeat(200)], pool: null }), false);
  assert.ok(performance.now() - before < 100);
});

test("an expiry is a duration, one from the first use, the end of a date in the zone, or a time", () => {
  const read = (text: string): string | null => {
    const expiry = parseExpiry(text, { nowMs: NOW_MS, zone: "Asia/Shanghai" });
    return expiry === null ? null : printExpiry(expiry);
  };
  assert.deepEqual(
    readings(read, [
      "30d",
      "30d after first use",
      "2026-12-31",
      "2026-12-31T10:00Z",
      "2026-12-31 10:00+08:00",
      "2026-02-30",
      "tomorrow",
      "after first use",
    ]),
    {
      "30d": "2026-12-28T14:00:00Z",
      "30d after first use": "30d after first use",
      "2026-12-31": "2026-12-31T16:00:00Z",
      "2026-12-31T10:00Z": "2026-12-31T10:00:00Z",
      "2026-12-31 10:00+08:00": "2026-12-31T02:00:00Z",
      "2026-02-30": null,
      tomorrow: null,
      "after first use": null,
    },
  );
});

test("a date ends where the next one begins, on both sides of UTC and where summer time ends", () => {
  const endOf = (zone: string, date: string): string => {
    const expiry = parseExpiry(date, { nowMs: NOW_MS, zone });
    return expiry === null ? "" : printExpiry(expiry);
  };
  assert.deepEqual(
    [
      ["UTC", "2026-12-31"],
      ["Pacific/Kiritimati", "2026-12-31"],
      ["Pacific/Pago_Pago", "2026-12-31"],
      ["Europe/Berlin", "2026-10-25"],
    ].map(([zone = "", date = ""]) => endOf(zone, date)),
    ["2027-01-01T00:00:00Z", "2026-12-31T10:00:00Z", "2027-01-01T11:00:00Z", "2026-10-25T23:00:00Z"],
  );
});

test("zones are those of the calendar, in any case", () => {
  assert.deepEqual(readings(parseZone, ["asia/shanghai", "UTC", "Mars/Base"]), {
    "asia/shanghai": "Asia/Shanghai",
    UTC: "UTC",
    "Mars/Base": null,
  });
});

test("names of keys are letters and digits, with dots, dashes and underscores between", () => {
  assert.deepEqual(readings(isKeyName, ["a", "alice", "Team-1_ci.x", "", "-a", "a-", "a b", "a/b", "é", "a".repeat(64), "a".repeat(65)]), {
    a: true,
    alice: true,
    "Team-1_ci.x": true,
    "": false,
    "-a": false,
    "a-": false,
    "a b": false,
    "a/b": false,
    é: false,
    ["a".repeat(64)]: true,
    ["a".repeat(65)]: false,
  });
});

test("what nobody knows is denied under what its upstream may read it as, and allowed by its own name alone", () => {
  const odd = { names: ["anthropic/claude-opus-5"], readAs: ["anthropic", "claude-opus-5"], pool: null };
  assert.deepEqual(
    ["!claude-opus-5", "!claude-opus-*", "claude-opus-5", "!glm-5.2", "anthropic/*"].map((pattern) => modelRule([pattern])(odd)),
    [false, false, false, true, true],
  );
});
