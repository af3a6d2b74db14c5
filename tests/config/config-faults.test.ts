// What a configuration can have wrong: each fault names its place, shows its value unless that may be a secret, and says what is right.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault } from "../../src/config/config.ts";
import { errorOf, type Given } from "../support/configuration.ts";

const HIDDEN = "not shown, as it may hold a key";
const URL_RULE = "must be a full http:// or https:// URL without a user, a password or a fragment";
const KEY_RULE = "at least 4 characters and no spaces, quotes or line breaks";
const HOST_RULE = "must be an address or a host name to listen on, without a scheme or a port, e.g. 127.0.0.1, ::1 or 0.0.0.0";
const NO_OPTION = "is not an option. The options are --port, --host, --config, --env-file, --version, --help";
const NOTHING_KNOWN = "is not an option. Run `factory-proxy serve --help` for a list";
const PORT_RULE = "must be a whole number from 0 to 65535";
const SIZE_RULE = "must be a size from 1024 to 268435456 bytes, e.g. 1048576 or 64MiB";
const SECONDS_RULE = "must be a number of seconds from 0 to 2147483, e.g. 30 or 0.5";
const NAME = "a model name (1 to 200 characters without spaces)";

/** Variable, value, what is shown of it, what would be right. */
const FAULTY_VALUES: readonly (readonly [string, string, string | null, string])[] = [
  ["PORT", "x", '"x"', PORT_RULE],
  ["PORT", "65536", '"65536"', PORT_RULE],
  ["PORT", "-1", '"-1"', PORT_RULE],
  ["PORT", "80.5", '"80.5"', PORT_RULE],
  ["PORT", "1e3", '"1e3"', PORT_RULE],
  ["PORT", "fk-fake-0123456789", HIDDEN, PORT_RULE],
  ["HOST", "http://x", '"http://x"', HOST_RULE],
  ["HOST", "127.0.0.1:80", '"127.0.0.1:80"', HOST_RULE],
  ["FACTORY_API_KEY", "fk", null, `must be the key alone: ${KEY_RULE}`],
  ["FACTORY_API_KEY", '"fk-fake-key"', null, `must be the key alone: ${KEY_RULE}`],
  ["FACTORY_AI_TOKEN", "Bearer fk-fake-key", null, `must be the key alone: ${KEY_RULE}`],
  ["FACTORY_AI_TOKEN", "fk-fäke-key", null, `must be the key alone: ${KEY_RULE}`],
  ["PROXY_API_KEY", "good-key,bad key", null, `must be one key, or several separated by commas, each with ${KEY_RULE}`],
  ["FACTORY_BASE_URL", "api.factory.ai", '"api.factory.ai"', URL_RULE],
  ["FACTORY_BASE_URL", "ftp://api.factory.ai", '"ftp://api.factory.ai"', URL_RULE],
  ["FACTORY_BASE_URL", "https://h/?token=hidden", '"https://h/?…"', "must be a URL without a query, because paths are appended to it"],
  ["ANTHROPIC_TARGET_URL", "https://user:hidden@h/", '"https://…@h/"', URL_RULE],
  ["OPENAI_TARGET_URL", "https://h/#x", '"https://h/#…"', URL_RULE],
  ["CHAT_TARGET_URL", "/chat", '"/chat"', URL_RULE],
  ["PROMPT_CACHE", "on", '"on"', "must be one of auto, off"],
  ["DEFAULT_MAX_TOKENS", "-1", '"-1"', "must be a whole number from 0 to 10000000"],
  ["GEMINI_TARGET_URL", "https:// h", '"https:// h"', URL_RULE],
  ["BEDROCK_TARGET_URL", "bedrock://h", '"bedrock://h"', URL_RULE],
  ["UPSTREAM_HEADERS", "x-name: value", null, 'must be a JSON object of header names and values, e.g. {"x-name": "value"}'],
  ["UPSTREAM_HEADERS", "[]", null, 'must be a JSON object of header names and values, e.g. {"x-name": "value"}'],
  ["LOG_LEVEL", "loud", '"loud"', "must be one of info, debug, warning, error"],
  ["MAX_BODY_BYTES", "1023", '"1023"', SIZE_RULE],
  ["MAX_BODY_BYTES", "1GiB", '"1GiB"', SIZE_RULE],
  ["MAX_BODY_BYTES", "64MB", '"64MB"', SIZE_RULE],
  ["MAX_BODY_MEMORY", "0%", '"0%"', "must be a size, e.g. 512MiB, or a share of the memory from 1% to 100%"],
  ["MAX_BODY_MEMORY", "101%", '"101%"', "must be a size, e.g. 512MiB, or a share of the memory from 1% to 100%"],
  ["MAX_BODY_MEMORY", "1KiB", '"1KiB"', "must be a size, e.g. 512MiB, or a share of the memory from 1% to 100%"],
  ["QUOTA_INTERVAL", "often", '"often"', SECONDS_RULE],
  ["QUOTA_GUARD", "0", '"0"', "must be off, or a percentage from 1 to 100, e.g. 95"],
  ["QUOTA_GUARD", "101", '"101"', "must be off, or a percentage from 1 to 100, e.g. 95"],
  ["STRICT", "yes", '"yes"', "must be 1, true, 0 or false"],
  ["LENIENT", "2", '"2"', "must be 1, true, 0 or false"],
  ["SHUTDOWN_TIMEOUT", "30s", '"30s"', SECONDS_RULE],
  ["UPSTREAM_FIRST_BYTE_TIMEOUT", "-1", '"-1"', SECONDS_RULE],
  ["UPSTREAM_IDLE_TIMEOUT", "2147484", '"2147484"', SECONDS_RULE],
  ["UPSTREAM_TOTAL_TIMEOUT", "forever", '"forever"', SECONDS_RULE],
  ["CONFIG_PATH", "missing.json", '"missing.json"', "must be an existing file"],
  ["LOG_LEVEL", "x".repeat(100), `"${"x".repeat(60)}…"`, "must be one of info, debug, warning, error"],
];

test("a guard needs to know the plan", () => {
  const { faults } = errorOf({ environment: { QUOTA_GUARD: "95", QUOTA_INTERVAL: "0" } });
  assert.deepEqual(faults, [{ name: "QUOTA_GUARD", value: '"95"', problem: "needs a QUOTA_INTERVAL above 0" }]);
});

for (const [name, value, shown, problem] of FAULTY_VALUES) {
  test(`configuration: ${name}=${value} is a fault`, () => {
    assert.deepEqual(errorOf({ environment: { [name]: value } }).faults, [{ name, value: shown, problem }]);
  });
}

const FAULTS: readonly (readonly [string, Given, readonly Fault[]])[] = [
  [
    "an unknown flag, whose value may be a key",
    { arguments: ["--api-key=fk-fake-key-0123"] },
    [{ name: "--api-key", value: null, problem: NO_OPTION }],
  ],
  [
    "letters behind one dash, which may be a key, as one",
    { arguments: ["-sk-a"] },
    [{ name: "Argument 1", value: HIDDEN, problem: NOTHING_KNOWN }],
  ],
  ["a name that may be a key", { arguments: ["--sk-a"] }, [{ name: "A name", value: HIDDEN, problem: NO_OPTION }]],
  [
    "a stray value, which may be a key",
    { arguments: ["fk-fake-key-0123"] },
    [{ name: "Argument 1", value: HIDDEN, problem: NOTHING_KNOWN }],
  ],
  [
    "a stray value that can't be a key",
    { arguments: ["--port=1", "sevre"] },
    [{ name: "Argument 2", value: '"sevre"', problem: NOTHING_KNOWN }],
  ],
  [
    "a line of .env without =",
    { files: { ".env": '# note\nexport PORT=1\nSYSTEM_PROMPT="a\nb = c\nd"\n\nFACTORY_API_KEY fk-fake-key-0123\n' } },
    [{ name: "Line 7 of the environment file", value: null, problem: "has no =. Write NAME=value, or start a comment with #" }],
  ],
  ["a flag without its value", { arguments: ["--port"] }, [{ name: "--port", value: null, problem: "needs a value: --port <number>" }]],
  [
    "a flag that swallows the next one",
    { arguments: ["--host", "--strict"] },
    [{ name: "--host", value: null, problem: "needs a value: --host <address>" }],
  ],
  ["a value for a switch", { arguments: ["--version=2"] }, [{ name: "--version", value: null, problem: "takes no value" }]],
  ["a bad value of a flag, which is named", { arguments: ["--port", "x"] }, [{ name: "--port", value: '"x"', problem: PORT_RULE }]],
  [
    "a missing environment file that was asked for",
    { arguments: ["--env-file", "no"] },
    [{ name: "--env-file", value: '"no"', problem: "must be an existing file" }],
  ],
  [
    "an environment file that can't be read",
    { files: { ".env": Object.assign(new Error("secret detail"), { code: "EISDIR" }) } },
    [{ name: "The environment file", value: '".env"', problem: "must be a readable file (EISDIR)" }],
  ],
  [
    "a model table that can't be read",
    { arguments: ["--config", "m"], files: { m: Object.assign(new Error("secret detail"), { code: "EACCES" }) } },
    [{ name: "--config", value: '"m"', problem: "must be a readable file (EACCES)" }],
  ],
  [
    "a client key that is the Factory key",
    { environment: { FACTORY_API_KEY: "fk-fake-key", PROXY_API_KEY: "other-key,fk-fake-key" } },
    [{ name: "PROXY_API_KEY", value: null, problem: "must differ from FACTORY_API_KEY, which no client should know" }],
  ],
  [
    "a secret in a variable of another name",
    { environment: { FACTORY_API_KEY: "unusual+key", LOG_LEVEL: "unusual+key" } },
    [{ name: "LOG_LEVEL", value: HIDDEN, problem: "must be one of info, debug, warning, error" }],
  ],
  [
    "STRICT and LENIENT at once",
    { environment: { STRICT: "1", LENIENT: "1" } },
    [{ name: "LENIENT", value: '"1"', problem: "can't be combined with STRICT: one repairs what the other rejects" }],
  ],
  [
    "headers that can't be set",
    {
      environment: {
        UPSTREAM_HEADERS: '{"Authorization": "Bearer x", "a b": "x", "X-A": "1", "x-a": "2", "x-b": 1, "x-c": "1\\r\\nx: 2"}',
      },
    },
    [
      { name: '"Authorization" in UPSTREAM_HEADERS', value: null, problem: "can't be set, because this program or the connection sets it" },
      { name: '"a b" in UPSTREAM_HEADERS', value: null, problem: "is not a valid header name" },
      { name: '"x-a" in UPSTREAM_HEADERS', value: null, problem: "is set twice" },
      { name: '"x-b" in UPSTREAM_HEADERS', value: null, problem: "must be a string without line breaks" },
      { name: '"x-c" in UPSTREAM_HEADERS', value: null, problem: "must be a string without line breaks" },
    ],
  ],
  [
    "a model table that is not JSON",
    { arguments: ["--config", "m"], files: { m: '{"models":\n[' } },
    [
      {
        name: "--config",
        value: '"m"',
        problem: "is not valid JSON: expected a value, found the end of the file at line 2, column 2",
      },
    ],
  ],
  [
    "a model table of another shape",
    { environment: { CONFIG_PATH: "m" }, files: { m: "[]" } },
    [{ name: "CONFIG_PATH", value: '"m"', problem: 'must hold {"models": [...]}' }],
  ],
  [
    "everything that is wrong with a model table",
    {
      environment: { CONFIG_PATH: "m" },
      files: {
        m: JSON.stringify({
          model: [],
          models: [
            { id: "a b", protocol: "chat", colour: "red" },
            { id: "one", alias: ["ONE", "two", 3], reasoning: "lots", schema: "maybe", provider: "x y", target: "https://u:hidden@h" },
            { id: "Two", target: 1 },
            { alias: "" },
            "three",
          ],
        }),
      },
    },
    [
      { name: "model in CONFIG_PATH", value: null, problem: "is not a known member; known members are models" },
      {
        name: "models[0].colour in CONFIG_PATH",
        value: null,
        problem:
          "is not a known member; known members are id, protocol, provider, alias, reasoning, schema, target, fallback, timeouts, pool, multiplier, price",
      },
      { name: "models[0].id in CONFIG_PATH", value: '"a b"', problem: `must be ${NAME}` },
      {
        name: "models[0].protocol in CONFIG_PATH",
        value: '"chat"',
        problem: "must be one of openai-chat, openai-responses, anthropic-messages, gemini",
      },
      {
        name: "models[1].reasoning in CONFIG_PATH",
        value: '"lots"',
        problem: "must be one of none, minimal, low, medium, high, xhigh, max",
      },
      { name: "models[1].schema in CONFIG_PATH", value: '"maybe"', problem: "must be one of native, tool" },
      {
        name: "models[1].provider in CONFIG_PATH",
        value: '"x y"',
        problem: "must be a word that is valid in a header, e.g. anthropic, openai, google, fireworks, xai",
      },
      { name: "models[1].alias[0] in CONFIG_PATH", value: '"ONE"', problem: "is already taken by models[1].id" },
      { name: "models[1].alias[2] in CONFIG_PATH", value: '"3"', problem: `must be ${NAME} or a list of them` },
      { name: "models[1].target in CONFIG_PATH", value: '"https://…@h"', problem: URL_RULE },
      { name: "models[2].id in CONFIG_PATH", value: '"Two"', problem: "is already taken by models[1].alias[1]" },
      { name: "models[2].target in CONFIG_PATH", value: '"1"', problem: "must be the full URL of an endpoint" },
      { name: "models[3].id in CONFIG_PATH", value: null, problem: `must be ${NAME}` },
      { name: "models[3].alias in CONFIG_PATH", value: '""', problem: `must be ${NAME} or a list of them` },
      { name: "models[4] in CONFIG_PATH", value: '"three"', problem: "must be an object" },
    ],
  ],
  [
    "an alias that is another model's name",
    {
      environment: { CONFIG_PATH: "m" },
      files: {
        m: JSON.stringify({
          models: [
            "three",
            { id: "glm-6", alias: ["fast", "GPT-5"] },
            { id: "my-model", alias: "claude-sonnet-4.5" },
            { id: "claude-opus-5", alias: ["opus", "claude-opus-5", "best"] },
          ],
        }),
      },
    },
    [
      { name: "models[0] in CONFIG_PATH", value: '"three"', problem: "must be an object" },
      // Its own id is a name twice.
      { name: "models[3].alias[1] in CONFIG_PATH", value: '"claude-opus-5"', problem: "is already taken by models[3].id" },
      {
        name: "models[1].alias[1] in CONFIG_PATH",
        value: '"GPT-5"',
        problem: "already belongs to gpt-5-2025-08-07; choose another",
      },
      {
        name: "models[2].alias in CONFIG_PATH",
        value: '"claude-sonnet-4.5"',
        problem: "already belongs to claude-sonnet-4-5-20250929; choose another",
      },
    ],
  ],
  [
    "a fallback that nobody knows",
    {
      environment: { CONFIG_PATH: "m" },
      files: {
        m: JSON.stringify({
          models: [
            { id: "glm-5.2", fallback: ["glm-9", "house", "sonnet", "claude-sonnet-4.5[1m]", "quite-another-thing"] },
            { id: "my-model", alias: "house", fallback: "glm-4.5x", pool: "gold", multiplier: -1 },
          ],
        }),
      },
    },
    [
      { name: "models[1].pool in CONFIG_PATH", value: '"gold"', problem: "must be one of standard, core" },
      { name: "models[1].multiplier in CONFIG_PATH", value: '"-1"', problem: "must be a number of credits per token, e.g. 0.5" },
      {
        name: "models[0].fallback[0] in CONFIG_PATH",
        value: '"glm-9"',
        problem: 'must be a model in the table; did you mean "glm-5"?',
      },
      {
        name: "models[0].fallback[4] in CONFIG_PATH",
        value: '"quite-another-thing"',
        problem: "must be a model in the table; add a row for it",
      },
      {
        name: "models[1].fallback in CONFIG_PATH",
        value: '"glm-4.5x"',
        problem: 'must be a model in the table; did you mean "glm-4.7" or "glm-4.6"?',
      },
    ],
  ],
];

const OWN_HEADERS = [
  "Authorization",
  "Connection",
  "Content-Length",
  "Host",
  "Keep-Alive",
  "Proxy-Authenticate",
  "Proxy-Authorization",
].concat(["Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade"]);
for (const header of OWN_HEADERS) {
  test(`configuration: ${header} is no header to set`, () => {
    const { faults } = errorOf({ environment: { UPSTREAM_HEADERS: JSON.stringify({ [header]: "x" }) } });
    const problem = "can't be set, because this program or the connection sets it";
    assert.deepEqual(faults, [{ name: `"${header}" in UPSTREAM_HEADERS`, value: null, problem }]);
  });
}

for (const [name, given, faults] of FAULTS) {
  test(`configuration: ${name} is reported`, () => {
    assert.deepEqual(errorOf(given).faults, faults);
  });
}

test("configuration: each option of uvicorn is named with what became of it, and its value is no fault of its own", () => {
  const { faults } = errorOf({ arguments: ["--reload", "--port", "8000", "--workers", "4", "--log-level=debug", "main:app"] });
  const uvicorn = "is a uvicorn option, which this program does not support;";
  assert.deepEqual(faults, [
    { name: "--reload", value: null, problem: `${uvicorn} use bun run dev or deno task dev, which restart when the source changes` },
    { name: "--workers", value: null, problem: `${uvicorn} set WORKERS` },
    { name: "--log-level", value: null, problem: `${uvicorn} set LOG_LEVEL` },
    { name: "Argument 7", value: '"main:app"', problem: NOTHING_KNOWN },
  ]);
});

test("configuration: faults of the command line, the environment and the files are reported together, a line each", () => {
  const error = errorOf({
    environment: { PORT: "x", CONFIG_PATH: "m" },
    arguments: ["--prot", "--host", "http://x"],
    files: { m: "{}", ".env": "STRICT=maybe" },
  });
  assert.equal(
    error.message,
    [
      `--prot ${NO_OPTION}.`,
      `--host ("http://x") ${HOST_RULE}.`,
      `PORT ("x") ${PORT_RULE}.`,
      'STRICT ("maybe") must be 1, true, 0 or false.',
      'CONFIG_PATH ("m") must hold {"models": [...]}.',
    ].join("\n"),
  );
});
