// Keys as JSON, and what is done to them in words: what is printed is read again as the same record, and what is wrong is named.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeyRecord } from "../../src/access/client-key.ts";
import { changed, emptyRecord, KeyFault, newKey, raised, raiseEndMs, rotated, type KeyWords } from "../../src/access/key-changes.ts";
import { keyFile, readKeyFile } from "../../src/access/key-json.ts";
import { runtime } from "../../src/runtime/runtime.ts";

const NOW_MS = Date.UTC(2026, 10, 28, 14);
const PORTS = { nowMs: NOW_MS, sha256: runtime.sha256, random: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };

const WORDS: KeyWords = {
  note: "  The boss ",
  expires: "2026-12-31",
  models: "claude-*,!claude-opus-*,@core",
  rpm: "60",
  tpm: "400k",
  parallel: "none",
  budget: ["5usd/day", "20M-credits/5h"],
  soft: "80:glm-5.2",
  zone: "asia/shanghai",
};

function faultOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof KeyFault) return error.message;
    throw error;
  }
  return "";
}

test("a new key is fp- and 32 letters and digits, of which only the hash and the ends are kept", () => {
  const { record, key } = newKey("alice", WORDS, PORTS);
  assert.match(key, /^fp-[0-9A-Za-z]{32}$/);
  assert.deepEqual(record, {
    name: "alice",
    note: "The boss",
    hash: runtime.sha256(key).toHex(),
    hint: `${key.slice(0, 5)}…${key.slice(-2)}`,
    previous: null,
    createdMs: NOW_MS,
    expiry: { type: "at", ms: Date.UTC(2026, 11, 31, 16) },
    firstUsedMs: null,
    isOff: false,
    rules: {
      models: ["claude-*", "!claude-opus-*", "@core"],
      requestsPerMinute: 60,
      tokensPerMinute: 400_000,
      parallel: 0,
      budgets: [
        { amount: 5, unit: "usd", period: "day" },
        { amount: 20_000_000, unit: "credits", period: "5h" },
      ],
      soft: { percent: 80, model: "glm-5.2" },
      zone: "Asia/Shanghai",
    },
    raises: [],
  });
  assert.ok(!JSON.stringify(record).includes(key.slice(5, -2)));
});

test("the eight bytes that would favour some characters are passed over", () => {
  const rounds = [Uint8Array.from({ length: 32 }, (_, index) => 224 + index), Uint8Array.from({ length: 32 }, (_, index) => index)];
  const { key } = newKey("a", {}, { ...PORTS, random: () => rounds.shift() ?? assert.fail("more than two rounds") });
  // 224 to 247, which are the last 24 characters; none of 248 to 255; then the first ones.
  assert.equal(key, "fp-cdefghijklmnopqrstuvwxyz01234567");
});

test("default takes a word of the key's own away, and what is not said stays", () => {
  const { record } = newKey("alice", WORDS, PORTS);
  const words = { rpm: "default", budget: ["default"], models: "default", soft: "default", zone: "default", expires: "never", note: "" };
  const { rules, expiry, note } = changed(record, words, NOW_MS);
  const silent = { models: null, requestsPerMinute: null, budgets: null, soft: null, zone: null };
  assert.deepEqual({ rules, expiry, note }, { rules: { ...record.rules, ...silent }, expiry: null, note: null });
});

const FAULTS: readonly (readonly [what: string, act: () => unknown, message: RegExp])[] = [
  ["a name with a space", () => newKey("a b", {}, PORTS), /^A name must have 1 to 64 letters/],
  ["the name default", () => newKey("Default", {}, PORTS), /^"Default" is not a key\. Use keys set default/],
  ["a name of the environment's", () => newKey("env-1", {}, PORTS), /^Names that begin with env-/],
  ["a budget without a period", () => newKey("a", { budget: ["5usd"] }, PORTS), /^A budget must be an amount/],
  ["two budgets of one kind", () => newKey("a", { budget: ["5usd/day", "6usd/day"] }, PORTS), /^There are two budgets in usd per day\.$/],
  ["a rate of nothing", () => newKey("a", { rpm: "0" }, PORTS), /^rpm must be a whole number/],
  ["a list that is none", () => newKey("a", { models: "a b" }, PORTS), /^models must be names/],
  ["a share of all", () => newKey("a", { soft: "100" }, PORTS), /^soft must be a share/],
  ["a zone that is none", () => newKey("a", { zone: "Mars" }, PORTS), /^zone must be the name/],
  ["an end that is none", () => newKey("a", { expires: "soon" }, PORTS), /^The expiry must be a duration/],
  ["an end that is over", () => newKey("a", { expires: "2026-11-27" }, PORTS), /^The expiry must be in the future\.$/],
  ["an end of what is no key", () => changed(emptyRecord("default", 0), { expires: "30d" }, NOW_MS), /is not a key and does not expire/],
  ["a raise of nothing", () => raised(emptyRecord("a", 0), "0usd", { nowMs: NOW_MS, untilMs: NOW_MS + 1 }), /^Write an amount such as/],
  ["a rotation of what has no key", () => rotated(emptyRecord("env-1", 0), null, PORTS), /has no key in the store/],
  ["a grace that is none", () => rotated(newKey("a", {}, PORTS).record, "soon", PORTS), /^The grace period must be a duration/],
  ["a raise from the first use", () => raiseEndMs("1d after first use", { nowMs: NOW_MS, zone: "UTC" }), /^The end of a raise must be/],
];

for (const [what, act, message] of FAULTS) {
  test(`refused is ${what}`, () => assert.match(faultOf(act), message));
}

test("a raise lasts until the day ends in the key's zone unless said, and takes those that are over with it", () => {
  const at = { nowMs: NOW_MS, zone: "Asia/Shanghai" };
  assert.deepEqual(
    [null, "24h", "2026-12-31"].map((until) => new Date(raiseEndMs(until, at)).toISOString()),
    ["2026-11-28T16:00:00.000Z", "2026-11-29T14:00:00.000Z", "2026-12-31T16:00:00.000Z"],
  );
  const over = { amount: 1, unit: "usd", untilMs: NOW_MS } as const;
  const open = { amount: 2, unit: "tokens", untilMs: NOW_MS + 1 } as const;
  const { raises } = raised({ ...emptyRecord("a", 0), raises: [over, open] }, "$3", { nowMs: NOW_MS, untilMs: NOW_MS + 2 });
  assert.deepEqual(raises, [open, { amount: 3, unit: "usd", untilMs: NOW_MS + 2 }]);
});

test("a file gives no key to a row that never has one", () => {
  const { record } = newKey("alice", {}, PORTS);
  for (const name of ["default", "anonymous", "env-1"])
    assert.match(
      faultOf(() => readKeyFile({ ...keyFile(record), name })),
      /is not a key/,
    );
});

// ---- As JSON -----------------------------------------------------------------------------------------------------

test("a record that is printed is read again as it was", () => {
  const { record } = newKey("alice", WORDS, PORTS);
  const rotatedOnce = rotated(record, "24h", PORTS).record;
  const records: readonly KeyRecord[] = [
    record,
    { ...raised(rotatedOnce, "2usd", { nowMs: NOW_MS, untilMs: NOW_MS + 1000 }), isOff: true, firstUsedMs: NOW_MS + 5 },
    changed(record, { expires: "30d after first use", soft: "none", budget: ["none"] }, NOW_MS),
    { ...record, expiry: { type: "at", ms: 0 } },
    changed(emptyRecord("default", NOW_MS), { rpm: "60" }, NOW_MS),
  ];
  for (const one of records) assert.deepEqual(readKeyFile(JSON.parse(JSON.stringify(keyFile(one)))), one);
});

const FILE = keyFile(newKey("alice", {}, PORTS).record);
const UNREADABLE: readonly (readonly [value: unknown, message: string])[] = [
  [null, "A key is an object."],
  [["alice"], "A key is an object."],
  [{}, "A key has no valid name."],
  [{ ...FILE, name: "../alice" }, "A key has no valid name."],
  ...Object.entries({
    hash: "abc",
    previousHash: 5,
    created: "today",
    expires: "soon",
    rpm: -1,
    tpm: "60",
    parallel: 1.5,
    budgets: ["5usd"],
    models: "claude-*",
    soft: "100",
    zone: "Mars",
    raises: [{ amount: "2usd" }],
    note: {},
  }).map(
    ([name, value]) => [{ ...FILE, [name]: value }, `The key "alice": "${name === "raises" ? "raises" : name}" can't be read.`] as const,
  ),
];

for (const [value, message] of UNREADABLE) {
  test(`a file is refused: ${message} (${JSON.stringify(value).slice(-30)})`, () =>
    assert.equal(
      faultOf(() => readKeyFile(value)),
      message,
    ));
}
