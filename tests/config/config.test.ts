// What the configuration reads from where, and the texts that are made from its table.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readArguments } from "../../src/config/arguments.ts";
import type { Config } from "../../src/config/config.ts";
import { mergeEnvironment } from "../../src/config/source.ts";
import { helpText, serveHelp } from "../../src/cli/commands.ts";
import { nearest } from "../../src/models/nearest.ts";
import { envExample, OPTIONS, settingsHelp, VARIABLES, variablesTable } from "../../src/config/variables.ts";
import { read, type Given } from "../support/configuration.ts";

const DEFAULTS: Config = {
  host: "127.0.0.1",
  workers: 1,
  port: 8000,
  upstreamKey: null,
  upstreamKeys: [],
  proxyKeys: [],
  anonymous: "off",
  endpoints: {
    messages: "https://api.factory.ai/api/llm/a/v1/messages",
    responses: "https://api.factory.ai/api/llm/o/v1/responses",
    chat: "https://api.factory.ai/api/llm/o/v1/chat/completions",
    gemini: "https://api.factory.ai/api/llm/g/v1/generate",
    bedrock: "https://api.factory.ai/api/llm/a/v1/messages",
  },
  systemPrompt: "You are Droid, an AI software engineering agent built by Factory.",
  promptCache: "auto",
  defaultMaxTokens: null,
  upstreamHeaders: {},
  logLevel: "info",
  inspect: "headers",
  inspectBytes: 64 * 1024 ** 2,
  inspectExcept: [],
  maxBodyBytes: 67_108_864,
  // A quarter of what a machine is taken to have that does not say.
  maxBodyMemory: 512 * 1024 * 1024,
  bodyTimeoutMs: 30_000,
  headTimeoutMs: 15_000,
  maxConnections: 10_000,
  strict: false,
  lenient: false,
  shutdownTimeoutMs: 30_000,
  connectTimeoutMs: 10_000,
  firstByteTimeoutMs: 600_000,
  idleTimeoutMs: 300_000,
  totalTimeoutMs: null,
  retries: 2,
  retryBudgetMs: 4_000,
  retryLost: false,
  keepAliveMs: 15_000,
  keepAliveNonStreaming: false,
  maxCalls: 5000,
  maxCallsPerKey: null,
  maxHeaderBytes: 32 * 1024,
  webSocket: true,
  corsOrigins: [],
  allowedHosts: [],
  adminKey: null,
  ui: true,
  trustedProxies: [],
  databaseUrl: "sqlite:",
  dataDir: null,
  storeDown: "serve",
  ledger: true,
  ledgerDays: 400,
  quotaUrl: "https://api.factory.ai/api/billing/limits",
  quotaIntervalMs: 60_000,
  quotaGuardPercent: null,
  quotaGuardModel: null,
  cacheDiscountPercent: 90,
  logFormat: null,
  metricsKey: null,
  otlp: null,
  models: [],
};
const EU = {
  messages: "https://api.eu.factory.ai/api/llm/a/v1/messages",
  responses: "https://api.eu.factory.ai/api/llm/o/v1/responses",
  chat: "https://api.eu.factory.ai/api/llm/o/v1/chat/completions",
  gemini: "https://api.eu.factory.ai/api/llm/g/v1/generate",
  bedrock: "https://api.eu.factory.ai/api/llm/a/v1/messages",
};

const EU_QUOTA = "https://api.eu.factory.ai/api/billing/limits";

const READINGS: readonly (readonly [string, Given, Partial<Config>])[] = [
  ["nothing set gives the defaults", {}, {}],
  ["empty values count as unset", { environment: { PORT: "", HOST: " ", FACTORY_API_KEY: "", PROXY_API_KEY: ",", STRICT: "" } }, {}],
  [
    "the key goes by its old name too",
    { environment: { FACTORY_AI_TOKEN: "fk-fake-token" } },
    { upstreamKey: "fk-fake-token", upstreamKeys: ["fk-fake-token"] },
  ],
  [
    "the newer name of the key wins",
    { environment: { FACTORY_API_KEY: " fk-fake-key\n", FACTORY_AI_TOKEN: "fk-fake-token" } },
    { upstreamKey: "fk-fake-key", upstreamKeys: ["fk-fake-key"] },
  ],
  [
    "several client keys are separated by commas, each once",
    { environment: { PROXY_API_KEY: "first-key, second-key,,first-key" } },
    {
      proxyKeys: [
        { name: "env-1", key: "first-key" },
        { name: "env-2", key: "second-key" },
      ],
    },
  ],
  [
    "a client key may have a name, and one that ends as Base64 does has none",
    { environment: { PROXY_API_KEY: "first-key,alice=second-key,c2VjcmV0==,c2VjcmV0cw=" } },
    {
      proxyKeys: [
        { name: "env-1", key: "first-key" },
        { name: "alice", key: "second-key" },
        { name: "env-3", key: "c2VjcmV0==" },
        { name: "env-4", key: "c2VjcmV0cw=" },
      ],
    },
  ],
  [
    "an environment file is read",
    { files: { ".env": "PORT=9001\r\nSYSTEM_PROMPT='Be kind.' # why not\n" } },
    { port: 9001, systemPrompt: "Be kind." },
  ],
  ["a byte order mark before it does no harm", { files: { ".env": "\uFEFFPORT=9001" } }, { port: 9001 }],
  [
    "the environment wins over the file",
    { environment: { PORT: "9002" }, files: { ".env": "PORT=9001\nHOST=::1" } },
    { port: 9002, host: "::1" },
  ],
  [
    "an empty value in the environment wins too",
    { environment: { SYSTEM_PROMPT: "" }, files: { ".env": "SYSTEM_PROMPT=no" } },
    { systemPrompt: null },
  ],
  ["an undefined value in the environment does not", { environment: { PORT: undefined }, files: { ".env": "PORT=9001" } }, { port: 9001 }],
  [
    "the command line wins over the environment",
    { environment: { PORT: "9002" }, arguments: ["--port", "9003", "--host=::1"] },
    { port: 9003, host: "::1" },
  ],
  ["the last of two flags wins", { arguments: ["--port", "1", "--port", "2"] }, { port: 2 }],
  [
    "another environment file replaces .env",
    { arguments: ["--env-file", "b.env"], files: { ".env": "PORT=1", "b.env": "STRICT=1" } },
    { strict: true },
  ],
  ["port 0 is any free port", { environment: { PORT: "0" } }, { port: 0 }],
  ["brackets around an address are taken off", { environment: { HOST: "[::1]" } }, { host: "::1" }],
  ["a loopback address needs no client key", { environment: { HOST: "127.8.9.10" } }, { host: "127.8.9.10" }],
  [
    "any other address is fine with a client key",
    { environment: { HOST: "0.0.0.0", PROXY_API_KEY: "only-my-clients" } },
    { host: "0.0.0.0", proxyKeys: [{ name: "env-1", key: "only-my-clients" }] },
  ],
  [
    "the base URL moves every endpoint",
    { environment: { FACTORY_BASE_URL: "https://api.eu.factory.ai/" } },
    { endpoints: EU, quotaUrl: EU_QUOTA },
  ],
  [
    "a path of the base URL is kept",
    { environment: { FACTORY_BASE_URL: "http://localhost:9/x/", GEMINI_TARGET_URL: "http://localhost:9/g?v=1" } },
    {
      endpoints: {
        messages: "http://localhost:9/x/api/llm/a/v1/messages",
        responses: "http://localhost:9/x/api/llm/o/v1/responses",
        chat: "http://localhost:9/x/api/llm/o/v1/chat/completions",
        gemini: "http://localhost:9/g?v=1",
        bedrock: "http://localhost:9/x/api/llm/a/v1/messages",
      },
      quotaUrl: "http://localhost:9/x/api/billing/limits",
    },
  ],
  [
    "each endpoint can be set, and Bedrock's follows that of Messages",
    {
      environment: {
        FACTORY_BASE_URL: "https://api.eu.factory.ai",
        ANTHROPIC_TARGET_URL: "http://localhost:1/m",
        OPENAI_TARGET_URL: "http://localhost:2/r",
        CHAT_TARGET_URL: "http://localhost:3/c",
      },
    },
    {
      endpoints: {
        messages: "http://localhost:1/m",
        responses: "http://localhost:2/r",
        chat: "http://localhost:3/c",
        gemini: EU.gemini,
        bedrock: "http://localhost:1/m",
      },
      quotaUrl: EU_QUOTA,
    },
  ],
  [
    "the plan's guard is a percentage",
    { environment: { QUOTA_GUARD: "95%", QUOTA_GUARD_MODEL: "glm-5.2", QUOTA_INTERVAL: "30" } },
    { quotaGuardPercent: 95, quotaGuardModel: "glm-5.2", quotaIntervalMs: 30_000 },
  ],
  ["it can be off, and nobody be asked", { environment: { QUOTA_GUARD: "off", QUOTA_INTERVAL: "0" } }, { quotaIntervalMs: null }],
  [
    "Bedrock's endpoint can be set alone",
    { environment: { BEDROCK_TARGET_URL: "http://localhost:4/b" } },
    { endpoints: { ...DEFAULTS.endpoints, bedrock: "http://localhost:4/b" } },
  ],
  [
    "a target URL without a path gets the protocol's own, before its query",
    {
      environment: {
        ANTHROPIC_TARGET_URL: "https://one.example",
        OPENAI_TARGET_URL: "https://two.example//",
        CHAT_TARGET_URL: "https://three.example/?v=1",
        GEMINI_TARGET_URL: "https://four.example",
      },
    },
    {
      endpoints: {
        messages: "https://one.example/v1/messages",
        responses: "https://two.example/v1/responses",
        chat: "https://three.example/v1/chat/completions?v=1",
        gemini: "https://four.example/v1beta/models/%7Bmodel%7D:generateContent",
        bedrock: "https://one.example/v1/messages",
      },
      quotaUrl: null,
    },
  ],
  [
    "Bedrock's endpoint without a path speaks Messages",
    { environment: { BEDROCK_TARGET_URL: "https://five.example" } },
    { endpoints: { ...DEFAULTS.endpoints, bedrock: "https://five.example/v1/messages" } },
  ],
  ["the prompt cache can be left to the client", { environment: { PROMPT_CACHE: "OFF" } }, { promptCache: "off" }],
  ["a limit on answers can be set", { environment: { DEFAULT_MAX_TOKENS: "8000" } }, { defaultMaxTokens: 8000 }],
  ["spaces around the system prompt are kept", { environment: { SYSTEM_PROMPT: " Be kind.\n" } }, { systemPrompt: " Be kind.\n" }],
  ["a system prompt of spaces is none", { environment: { SYSTEM_PROMPT: " \n" } }, { systemPrompt: null }],
  [
    "names of upstream headers are put in lower case",
    { environment: { UPSTREAM_HEADERS: '{"X-Name": " a value ", "constructor": "b"}' } },
    { upstreamHeaders: { "x-name": "a value", constructor: "b" } },
  ],
  ["a log level is read in any case", { environment: { LOG_LEVEL: "WARNING" } }, { logLevel: "warning" }],
  ["a size may be plain", { environment: { MAX_BODY_BYTES: "1024" } }, { maxBodyBytes: 1024 }],
  ["a size may have a unit", { environment: { MAX_BODY_BYTES: "20mib" } }, { maxBodyBytes: 20_971_520 }],
  ["memory may be a size", { environment: { MAX_BODY_MEMORY: "2GiB" } }, { maxBodyMemory: 2 * 1024 ** 3 }],
  ["memory may be a share", { environment: { MAX_BODY_MEMORY: "50%" } }, { maxBodyMemory: 1024 ** 3 }],
  ["memory may have no limit", { environment: { MAX_BODY_MEMORY: "0" } }, { maxBodyMemory: null }],
  ["a switch is 1 or true", { environment: { STRICT: "1", LENIENT: "false" } }, { strict: true }],
  ["a switch is read in any case", { environment: { LENIENT: "True" } }, { lenient: true }],
  [
    "durations are seconds, and 0 is no limit",
    {
      environment: {
        UPSTREAM_FIRST_BYTE_TIMEOUT: "0",
        UPSTREAM_IDLE_TIMEOUT: "0.25",
        UPSTREAM_TOTAL_TIMEOUT: "7200",
        SHUTDOWN_TIMEOUT: "0",
      },
    },
    { firstByteTimeoutMs: null, idleTimeoutMs: 250, totalTimeoutMs: 7_200_000, shutdownTimeoutMs: 0 },
  ],
  [
    "a model table is read",
    {
      arguments: ["--config", "models.json"],
      files: {
        "models.json": JSON.stringify({
          models: [
            {
              id: "glm-6",
              protocol: "openai-chat",
              provider: "fireworks",
              alias: ["fast", "quick"],
              reasoning: "low",
              schema: "tool",
              target: "http://localhost:5/c",
            },
            { id: "claude-opus-5", alias: "best" },
            { id: "gpt-5.5" },
          ],
        }),
      },
    },
    {
      models: [
        {
          id: "glm-6",
          protocol: "openai-chat",
          provider: "fireworks",
          aliases: ["fast", "quick"],
          reasoning: "low",
          schema: "tool",
          target: "http://localhost:5/c",
        },
        { id: "claude-opus-5", aliases: ["best"] },
        { id: "gpt-5.5" },
      ],
    },
  ],
  [
    "CONFIG_PATH names the table too",
    { environment: { CONFIG_PATH: "m" }, files: { m: '{"models":[{"id":"a"}]}' } },
    { models: [{ id: "a" }] },
  ],
];

for (const [name, given, expected] of READINGS) {
  test(`configuration: ${name}`, () => {
    assert.deepEqual(read(given), { ...DEFAULTS, ...expected });
  });
}

test("configuration: it is frozen, to the last row", () => {
  const config = read({ environment: { CONFIG_PATH: "m", PROXY_API_KEY: "a-key" }, files: { m: '{"models":[{"id":"a","alias":["b"]}]}' } });
  const parts = [
    config,
    config.endpoints,
    config.proxyKeys,
    config.proxyKeys[0],
    config.upstreamHeaders,
    config.models,
    config.models[0],
    config.models[0]?.aliases,
  ];
  assert.deepEqual(
    parts.map((part) => Object.isFrozen(part)),
    parts.map(() => true),
  );
});

test("command line: help, version and the environment file can be asked for before anything is checked", () => {
  const { faults, ...asked } = readArguments(["--help", "--version", "--env-file=x.env", "--port", "80", "--nonsense"]);
  assert.deepEqual(asked, { help: true, version: true, envFile: "x.env", options: [{ flag: "port", variable: "PORT", value: "80" }] });
  assert.deepEqual(faults, [
    {
      name: "--nonsense",
      value: null,
      problem: "is not an option. The options are --port, --host, --config, --env-file, --version, --help",
    },
  ]);
  const misspelled = readArguments(["--prot", "80", "--verison", "run"], nearest).faults;
  assert.deepEqual(
    misspelled.map(({ name, problem }) => `${name} ${problem}`),
    [
      "--prot is not an option; did you mean --port?",
      "--verison is not an option; did you mean --version?",
      "Argument 4 is not an option. Run `factory-proxy serve --help` for a list",
    ],
  );
  for (const [short, long] of [
    ["-h", "--help"],
    ["-v", "--version"],
  ] as const) {
    assert.deepEqual(readArguments([short]), readArguments([long]));
  }
  assert.deepEqual(readArguments([]), { help: false, version: false, envFile: null, options: [], faults: [] });
});

test("environment: a file adds what the environment does not set", () => {
  const text = "A=file\nB=file\nC=file\nexport D='quoted # value'\n# E=comment\n";
  assert.deepEqual(mergeEnvironment({ A: "set", B: "", C: undefined }, text), { A: "set", B: "", C: "file", D: "quoted # value" });
});

test(".env.example is the text made from the table", () => {
  assert.equal(readFileSync(new URL("../../.env.example", import.meta.url), "utf8"), envExample());
});

test(".env.example gives the defaults, as it stands and with every line switched on", () => {
  assert.deepEqual(read({ files: { ".env": envExample() } }), DEFAULTS);
  const switchedOn = envExample().replace(/^#(?=[A-Z])/gm, "");
  assert.equal(switchedOn.match(/^[A-Z_]+=/gm)?.length, Object.keys(VARIABLES).length);
  assert.deepEqual(read({ files: { ".env": switchedOn } }), DEFAULTS);
});

test("--help is a screen that says where more stands", () => {
  const lines = helpText().split("\n");
  assert.ok(lines.length <= 40, `${lines.length} lines`);
  assert.deepEqual(
    lines.filter((line) => line.length > 80),
    [],
  );
  assert.match(helpText(), /^ {2}factory-proxy help COMMAND .*\n {2}factory-proxy help settings /m);
});

test("help settings and the README's table name every variable, and serve --help every flag", () => {
  const help = settingsHelp("");
  const table = variablesTable();
  assert.deepEqual(
    Object.keys(VARIABLES).filter((name) => !help.includes(`\n  ${name}\n`)),
    [],
  );
  assert.deepEqual(
    help.split("\n").filter((line) => line.includes(" ", 6) && line.length > 80 && !line.startsWith("      Default: ")),
    [],
  );
  assert.deepEqual(
    OPTIONS.filter(({ flag }) => !serveHelp().includes(`  --${flag} `)),
    [],
  );
  assert.deepEqual(
    Object.keys(VARIABLES).filter((name) => !table.includes(`\n| \`${name}\` | `)),
    [],
  );
});

test("help settings WORD explains the setting of that name, otherwise those that speak of it", () => {
  const named = (word: string): string[] =>
    settingsHelp(word)
      .match(/^ {2}[A-Z_]+$/gm)
      ?.map((line) => line.trim()) ?? [];
  assert.deepEqual(named("port"), ["PORT"]);
  assert.deepEqual(named("INSPECT_"), ["WORKERS", "INSPECT_BYTES", "INSPECT_EXCEPT"]);
  assert.deepEqual(named("billed twice"), ["RETRY_LOST"]);
  assert.equal(settingsHelp("nothing speaks of this"), "");
});
