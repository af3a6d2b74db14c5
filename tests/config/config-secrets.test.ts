// Keys that stand in the wrong place of a configuration: no fault shows one, whatever its shape and wherever it was put.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../src/config/config.ts";
import { OPTIONS, VARIABLES } from "../../src/config/variables.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { errorOf, type Given } from "../support/configuration.ts";

/** What nobody may read: the end of every key. */
const TAIL = "4e70x265bq9z";
/** One key of each shape that is known without being told. */
const KEYS = [
  ...["fk-", "fp-", "sk-", "pk-", "rk-", "xai-", "sk-proj-", "sk-ant-api03-"].map((prefix) => `${prefix}canary_${TAIL}`),
  `AIzaSyCanary${TAIL}`,
  `Bearer canary${TAIL}`,
  `authorization: Basic canary${TAIL}`,
  `x-api-key=canary${TAIL}`,
  `cookie: session=canary${TAIL}`,
];
/** What may stand around a key that was put into the wrong place. */
const AROUND: readonly ((key: string) => string)[] = [
  (key) => key,
  (key) => `"${key}"`,
  (key) => `x ${key} y`,
  (key) => `${"x".repeat(55)} ${key}`,
  (key) => `https://user:${key}@host.test/path`,
  (key) => `https://host.test/path?anything=${key}#${key}`,
  (key) => JSON.stringify({ name: key, list: [key] }),
];

function assertSilent(given: Given, what: string): void {
  // Each has something else wrong as well, so that there always is a message.
  const { message } = errorOf({ ...given, environment: { STRICT: "perhaps", ...given.environment } });
  assert.ok(!message.includes(TAIL), `${what}: ${message}`);
}

test("a key of any shape in any variable is not shown", () => {
  for (const name of Object.keys(VARIABLES)) {
    for (const key of KEYS) for (const put of AROUND) assertSilent({ environment: { PORT: "x", [name]: put(key) } }, name);
  }
});

test("a key of any shape behind any option is not shown", () => {
  for (const { flag } of OPTIONS) {
    for (const key of KEYS) {
      for (const put of AROUND) {
        const value = put(key);
        for (const words of [[`--${flag}`, value], [`--${flag}=${value}`]]) assertSilent({ arguments: words }, words.join(" "));
      }
    }
  }
});

test("a key of any shape that stands as an option, or alone, is not shown", () => {
  for (const key of KEYS) {
    for (const word of [key, `-${key}`, `--${key}`, `---${key}`, `--${key}=x`, `--x=${key}`, `--api-key-${key}`, `--no-${key}`]) {
      assertSilent({ arguments: [word] }, word);
    }
  }
});

test("no key is spelled out letter by letter where it stands behind one dash", () => {
  const { message } = errorOf({ arguments: [`-${KEYS[0]}`] });
  assert.equal(message, "Argument 1 (not shown, as it may hold a key) is not an option. Run `factory-proxy serve --help` for a list.");
});

test("a key of any shape in the file of models is not shown", () => {
  const members = [
    "id",
    "protocol",
    "provider",
    "alias",
    "reasoning",
    "schema",
    "target",
    "fallback",
    "timeouts",
    "pool",
    "multiplier",
    "price",
  ];
  for (const key of KEYS) {
    for (const put of AROUND) {
      const value = put(key);
      const rows = [
        ...members.flatMap((member) => [value, [value, 5], { [value]: value }].map((wrong) => ({ id: "m", [member]: wrong }))),
        { id: "m", timeouts: { connect: value, [value]: 1 } },
        { id: "m", price: { input: value, longContext: value, [value]: 1 } },
        { id: "m", price: { longContext: { overTokens: value, [value]: 1 } } },
        { id: "m", [value]: 1 },
        value,
        [value],
      ];
      const texts = [
        ...rows.map((row) => JSON.stringify({ models: [row] })),
        JSON.stringify({ [value]: [] }),
        value,
        `{"models": ${value}`,
      ];
      for (const text of texts) assertSilent({ environment: { CONFIG_PATH: "models.json" }, files: { "models.json": text } }, text);
    }
  }
});

test("a key of any shape in the name of a header is not shown", () => {
  for (const key of KEYS) {
    for (const put of AROUND) assertSilent({ environment: { UPSTREAM_HEADERS: JSON.stringify({ [put(key)]: 1 }) } }, put(key));
  }
});

test("a key of any shape in any text of a fault is not shown, whoever wrote the fault", () => {
  for (const key of KEYS) {
    const faults = [
      { name: "PORT", value: null, problem: `must not be ${key}` },
      { name: key, value: key, problem: `must not be ${key}` },
    ];
    const { message, faults: shown } = new ConfigError(faults, new Redactor([]));
    assert.ok(!message.includes(TAIL) && !JSON.stringify(shown).includes(TAIL), message);
  }
});

test("a key of no known shape is not shown either where another variable holds it, whichever variable it was put into", () => {
  const canary = "canary+0123456789+canary";
  for (const name of Object.keys(VARIABLES)) {
    const keys = { FACTORY_API_KEY: canary, FACTORY_AI_TOKEN: canary, PROXY_API_KEY: canary };
    const environment = { ...keys, PORT: `x${canary}`, [name]: `${canary} ${canary}`, STRICT: "x", LENIENT: "x" };
    assert.ok(!errorOf({ environment, files: { [canary]: canary } }).message.includes("canary"), name);
  }
});
