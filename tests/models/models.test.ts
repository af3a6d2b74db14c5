// Where each model goes, which names are refused, and what the configuration changes in the table.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import type { Model, ModelSetting } from "../../src/models/catalog.ts";
import { Models, type Target } from "../../src/models/models.ts";
import { PRICE_DATE } from "../../src/models/prices.ts";
import { read } from "../support/configuration.ts";

const { endpoints } = read({});
const COUNT = `${endpoints.messages}/count_tokens`;

function modelsWith(...models: readonly ModelSetting[]): Models {
  return new Models({ endpoints, models });
}

/** A target without what its model costs. */
type Place = Omit<Target, "pool" | "multiplier" | "price">;

function placeOf({ pool: _pool, multiplier: _multiplier, price: _price, ...place }: Target): Place {
  return place;
}

function claude(model: string): Place {
  return {
    protocol: "anthropic-messages",
    model,
    provider: "anthropic",
    url: endpoints.messages,
    countTokensUrl: COUNT,
    reasoning: null,
    schema: "native",
    fallback: [],
    timeouts: {},
  };
}

function minimax(model: string): Place {
  return { ...claude(model), provider: "fireworks" };
}

function gpt(model: string): Place {
  return {
    protocol: "openai-responses",
    model,
    provider: "openai",
    url: endpoints.responses,
    countTokensUrl: null,
    reasoning: null,
    schema: "native",
    fallback: [],
    timeouts: {},
  };
}

function grok(model: string): Place {
  return { ...gpt(model), provider: "xai" };
}

function chat(model: string): Place {
  return {
    protocol: "openai-chat",
    model,
    provider: "fireworks",
    url: endpoints.chat,
    countTokensUrl: null,
    reasoning: null,
    schema: "native",
    fallback: [],
    timeouts: {},
  };
}

function gemini(model: string): Place {
  return {
    protocol: "gemini",
    model,
    provider: "google",
    url: endpoints.gemini,
    countTokensUrl: null,
    reasoning: null,
    schema: "native",
    fallback: [],
    timeouts: {},
  };
}

/** Every id that Factory was seen to serve, with its multiplier: the list of the program's specification, less its two patterns. */
const KNOWN: readonly (readonly [(model: string) => Place, "standard" | "core", Readonly<Record<string, number | null>>])[] = [
  [
    claude,
    "standard",
    {
      "claude-opus-5-5": null,
      "claude-opus-5": 3,
      "claude-opus-5-fast": 4,
      "claude-fable-5": 4,
      "claude-opus-4-8": 2,
      "claude-opus-4-7": 2,
      "claude-opus-4-6": 2,
      "claude-opus-4-5-20251101": 2,
      "claude-sonnet-5": 1.2,
      "claude-sonnet-4-6": 1.2,
      "claude-sonnet-4-5-20250929": 1.2,
      "claude-haiku-4-5-20251001": 0.4,
      "claude-opus-4-1-20250805": null,
      "claude-sonnet-4-20250514": null,
      "claude-3-7-sonnet-20250219": null,
      "claude-3-5-sonnet-20241022": null,
      "claude-3-5-haiku-20241022": null,
    },
  ],
  [minimax, "core", { "minimax-m3": 0.12, "minimax-m2.7": 0.12, "minimax-m2.5": 0.12 }],
  [
    gpt,
    "standard",
    {
      "gpt-6-astra": null,
      "gpt-5.6-sol": 2,
      "gpt-5.6-terra": 1,
      "gpt-5.6-luna": 0.4,
      "gpt-5.5": 2,
      "gpt-5.5-fast": 5,
      "gpt-5.5-pro": 12,
      "gpt-5.4": 1,
      "gpt-5.4-fast": 2,
      "gpt-5.4-mini": 0.3,
      "gpt-5.3-codex": 0.7,
      "gpt-5.3-codex-fast": 1.4,
      "gpt-5.2": 0.7,
      "gpt-5.2-codex": null,
      "gpt-5.1": null,
      "gpt-5.1-codex": null,
      "gpt-5.1-codex-max": null,
      "gpt-5-2025-08-07": null,
      "gpt-5-codex": null,
      "gpt-4.1": null,
      "gpt-4o": null,
      o1: null,
      o3: null,
      "o4-mini": null,
    },
  ],
  [grok, "standard", { "grok-4.5": 0.8, "grok-4": null }],
  [
    chat,
    "core",
    {
      "glm-5.3": null,
      "glm-5.3-flash": null,
      "glm-5.2": 0.55,
      "glm-5.2-fast": 1.1,
      "glm-5.1": 0.55,
      "glm-5": null,
      "glm-4.7": null,
      "glm-4.6": null,
      "kimi-k3": null,
      "kimi-k2.7-code": 0.4,
      "kimi-k2.6": 0.4,
      "kimi-k2.5": 0.25,
      "deepseek-v4-pro": 0.7,
      "nemotron-3-ultra": 0.4,
    },
  ],
  [
    gemini,
    "standard",
    {
      "gemini-3.7-flash": 0.6,
      "gemini-3.6-flash": 0.6,
      "gemini-3.5-flash": 0.6,
      "gemini-3.1-pro-preview": 0.8,
      "gemini-3-flash-preview": 0.2,
      "gemini-2.5-pro": null,
      "gemini-2.5-flash": null,
    },
  ],
];

test("models: every known id goes to its protocol, and the list holds them all and no other", () => {
  const models = modelsWith();
  for (const [target, , ids] of KNOWN) for (const id of Object.keys(ids)) assert.deepEqual(placeOf(models.find(id)), target(id));
  const listed = models.list().map(({ id, pool, multiplier }) => [id, pool, multiplier].join(" "));
  const known = KNOWN.flatMap(([, pool, ids]) => Object.entries(ids).map(([id, multiplier]) => [id, pool, multiplier].join(" ")));
  assert.deepEqual(listed.toSorted(), known.toSorted());
});

/** What clients write -> what it means. */
const SPELLINGS: readonly (readonly [asked: string, meant: Place])[] = [
  ["claude-sonnet-5[1m]", claude("claude-sonnet-5")],
  ["claude-opus-4-8[1M][1m]", claude("claude-opus-4-8")],
  ["claude-opus-9[1m]", claude("claude-opus-9")],
  ["GLM-5.2[1m]", chat("glm-5.2")],
  ["claude-sonnet-4.5", claude("claude-sonnet-4-5-20250929")],
  ["Claude-Sonnet-4.5-20250929[1m]", claude("claude-sonnet-4-5-20250929")],
  ["claude-3.7-sonnet", claude("claude-3-7-sonnet-20250219")],
  ["gpt-5-5", gpt("gpt-5.5")],
  ["gpt-5-1-codex-max", gpt("gpt-5.1-codex-max")],
  ["glm-4-6", chat("glm-4.6")],
  ["kimi-k2-7-code", chat("kimi-k2.7-code")],
  ["minimax-m2-7", minimax("minimax-m2.7")],
  ["gemini-2-5-pro", gemini("gemini-2.5-pro")],
  ["claude-opus-6.1", claude("claude-opus-6.1")],
  ["opus", claude("claude-opus-5")],
  ["Opus[1m]", claude("claude-opus-5")],
  ["sonnet", claude("claude-sonnet-5")],
  ["haiku", claude("claude-haiku-4-5-20251001")],
  ["gpt", gpt("gpt-5.6-sol")],
  ["codex", gpt("gpt-5.3-codex")],
  ["gemini", gemini("gemini-3.7-flash")],
  ["glm", chat("glm-5.3")],
  ["kimi", chat("kimi-k3")],
  ["anthropic-latest-frontier", claude("anthropic-latest-frontier")],
  ["openai-latest-small", gpt("openai-latest-small")],
  ["oss-latest-fast", chat("oss-latest-fast")],
];

for (const [asked, meant] of SPELLINGS) {
  test(`models: ${asked} means ${meant.model}`, () => {
    assert.deepEqual(placeOf(modelsWith().find(asked)), meant);
  });
}

test("models: a name as it is written comes before another spelling of it, and a row's alias before a family", () => {
  const models = modelsWith({ id: "gpt-5-5" }, { id: "glm-6", aliases: ["opus"] });
  assert.deepEqual([models.find("gpt-5-5").model, models.find("gpt-5.5").model], ["gpt-5-5", "gpt-5.5"]);
  assert.deepEqual([models.find("opus").model, models.find("sonnet").model], ["glm-6", "claude-sonnet-5"]);
});

test("models: [1m] alone is no name", () => {
  assert.throws(() => modelsWith().find("[1m]"), { kind: "not-found", message: RULE });
});

test("models: a URL of a row without a path gets its protocol's own, with the model where Google has it", () => {
  const models = modelsWith(
    { id: "claude-next", target: "http://localhost:1/?v=1" },
    { id: "gemini-next", target: "http://localhost:2" },
    { id: "other", target: "http://localhost:3/" },
  );
  const { url, countTokensUrl } = models.find("claude-next");
  assert.deepEqual(
    [url, countTokensUrl, models.find("gemini-next").url, models.find("other").url],
    [
      "http://localhost:1/v1/messages?v=1",
      "http://localhost:1/v1/messages/count_tokens?v=1",
      "http://localhost:2/v1beta/models/gemini-next:generateContent",
      "http://localhost:3/v1/chat/completions",
    ],
  );
});

const FOUND: readonly (readonly [string, string, Place])[] = [
  ["an alias of the old program", "gpt-5", gpt("gpt-5-2025-08-07")],
  ["the other alias of the old program", "claude-sonnet-4-5", claude("claude-sonnet-4-5-20250929")],
  ["any dated id without its date", "claude-haiku-4-5", claude("claude-haiku-4-5-20251001")],
  ["a known id in another case", "GLM-4.6", chat("glm-4.6")],
  ["an unknown Claude model", "claude-opus-6", claude("claude-opus-6")],
  ["an unknown prefix in another case, sent as it was written", "Claude-Next", claude("Claude-Next")],
  ["an unknown GPT model", "gpt-6-2027-01-01", gpt("gpt-6-2027-01-01")],
  ["an unknown o1 model", "o1-pro", gpt("o1-pro")],
  ["an unknown o3 model", "o3-mini", gpt("o3-mini")],
  ["an unknown o4 model", "o4", gpt("o4")],
  ["a codex model", "codex-mini-latest", gpt("codex-mini-latest")],
  ["an unknown Grok model", "grok-5", grok("grok-5")],
  ["an unknown Gemini model", "gemini-4-pro", gemini("gemini-4-pro")],
  ["an unknown GLM model, though a digit away from a known one", "glm-5.4", chat("glm-5.4")],
  ["an unknown MiniMax model", "minimax-m4", chat("minimax-m4")],
  ["a Qwen model", "qwen3-coder", chat("qwen3-coder")],
  ["a Mistral model", "mistral-large", chat("mistral-large")],
  ["a model of a family that nobody knows", "accounts/acme/models/nova:2", chat("accounts/acme/models/nova:2")],
  ["a short name near to none in proportion", "r1", chat("r1")],
  ["a name three typos away from a known one", "gimmimi-2.5-pro", chat("gimmimi-2.5-pro")],
  ["a name of five letters two typos away from a known one", "glx55", chat("glx55")],
  ["a name of the greatest length", "q".repeat(200), chat("q".repeat(200))],
];

for (const [name, asked, target] of FOUND) {
  test(`models: found is ${name}`, () => {
    assert.deepEqual(placeOf(modelsWith().find(asked)), target);
  });
}

const LISTED = "GET /v1/models lists the known models.";
const RULE = `A model name has 1 to 200 characters and no spaces. ${LISTED}`;

const UNKNOWN: readonly (readonly [string, string, string])[] = [
  [
    "a letter too few",
    "claud-opus-4-6",
    `Unknown model "claud-opus-4-6". Did you mean "claude-opus-4-6" or "claude-opus-4-5" or "claude-opus-4-1"? ${LISTED}`,
  ],
  ["two letters swapped", "gml-4.7", `Unknown model "gml-4.7". Did you mean "glm-4.7" or "glm-4.6"? ${LISTED}`],
  ["two typos in a longer name", "gimmini-2.5-pro", `Unknown model "gimmini-2.5-pro". Did you mean "gemini-2.5-pro"? ${LISTED}`],
  ["a letter in the place of another", "gimini-2.5-pro", `Unknown model "gimini-2.5-pro". Did you mean "gemini-2.5-pro"? ${LISTED}`],
  ["no name", "", RULE],
  ["a space", "gpt 5", RULE],
  ["a line break", "gpt-5\n", RULE],
  ["a control character", "gpt-5\u0000", RULE],
  ["too long a name", "gpt-".padEnd(201, "5"), RULE],
];

for (const [name, asked, message] of UNKNOWN) {
  test(`models: refused is ${name}`, () => {
    assert.throws(
      () => modelsWith().find(asked),
      (error) => {
        assert.ok(error instanceof GatewayError);
        const { kind, status, code, param } = error;
        assert.deepEqual(
          { kind, status, code, param, message: error.message },
          { kind: "not-found", status: 404, code: "model_not_found", param: "model", message },
        );
        return true;
      },
    );
  });
}

test("models: an entry is found by id and by alias, and only in the table", () => {
  const models = modelsWith();
  const entry: Model = {
    id: "gpt-5-2025-08-07",
    protocol: "openai-responses",
    provider: "openai",
    aliases: ["gpt-5"],
    reasoning: null,
    schema: "native",
    target: null,
    fallback: [],
    timeouts: {},
    pool: "standard",
    multiplier: null,
    price: { input: 1.25, output: 10, cacheRead: 0.125, cacheWrite: 1.25, cacheWrite1h: 1.25, longContext: null, date: PRICE_DATE },
  };
  assert.deepEqual(models.entry("gpt-5-2025-08-07"), entry);
  assert.deepEqual(models.entry("GPT-5"), entry);
  assert.throws(() => models.entry("gpt-6"), { kind: "not-found", message: /^Unknown model "gpt-6"\. Did you mean "gpt-5"/ });
  assert.throws(() => models.entry("toString"), { message: `Unknown model "toString". ${LISTED}` });
});

test("models: the nearest names come first, three at most, and none that is far", () => {
  const models = modelsWith();
  assert.deepEqual(models.nearest("gemini-2.5-prx"), ["gemini-2.5-pro"]);
  assert.deepEqual(models.nearest("foo"), []);
  assert.deepEqual(models.nearest("gpt-5.1-codex-mx"), ["gpt-5.1-codex-max", "gpt-5.1-codex", "gpt-5.3-codex"]);
  assert.deepEqual(models.nearest("quite-another-thing"), []);
});

test("models: a row of the configuration changes what it names and keeps the rest", () => {
  const models = modelsWith({ id: "claude-sonnet-4-5-20250929", aliases: ["smart"], reasoning: "high" });
  const target = { ...claude("claude-sonnet-4-5-20250929"), reasoning: "high" };
  for (const name of ["claude-sonnet-4-5-20250929", "claude-sonnet-4-5", "smart"]) assert.deepEqual(placeOf(models.find(name)), target);
  assert.equal(models.list().length, modelsWith().list().length);
});

test("models: a new row takes from its prefix, else from its protocol, what it does not say", () => {
  const models = modelsWith(
    { id: "claude-next" },
    { id: "house-model", protocol: "anthropic-messages" },
    { id: "other-model" },
    { id: "GPT-Special", provider: "azure_openai", reasoning: "low", schema: "tool" },
  );
  assert.deepEqual(placeOf(models.find("claude-next")), claude("claude-next"));
  assert.deepEqual(placeOf(models.find("house-model")), claude("house-model"));
  assert.deepEqual(placeOf(models.find("other-model")), chat("other-model"));
  assert.deepEqual(placeOf(models.find("gpt-special")), {
    ...gpt("GPT-Special"),
    provider: "azure_openai",
    reasoning: "low",
    schema: "tool",
  });
  assert.throws(() => models.find("house-modle"), { kind: "not-found", message: /Did you mean "house-model"\?/ });
});

test("models: a row's own URL replaces the endpoint, and counting goes below it", () => {
  const models = modelsWith(
    { id: "claude-next", target: "http://localhost:1/messages/?v=1" },
    { id: "gpt-next", target: "http://localhost:2/responses" },
  );
  assert.deepEqual(placeOf(models.find("claude-next")), {
    ...claude("claude-next"),
    url: "http://localhost:1/messages/?v=1",
    countTokensUrl: "http://localhost:1/messages/count_tokens?v=1",
  });
  assert.deepEqual(placeOf(models.find("gpt-next")), { ...gpt("gpt-next"), url: "http://localhost:2/responses" });
});

test("models: an alias of the configuration wins over built-in ids and aliases, and its ids over those", () => {
  const models = modelsWith(
    { id: "gpt-5.5", aliases: ["gpt-5"] },
    { id: "claude-opus-5", aliases: ["gpt-4o"] },
    { id: "claude-sonnet-4-5" },
  );
  assert.deepEqual(placeOf(models.find("gpt-5")), gpt("gpt-5.5"));
  assert.deepEqual(placeOf(models.find("gpt-4o")), claude("claude-opus-5"));
  assert.deepEqual(placeOf(models.find("claude-sonnet-4-5")), claude("claude-sonnet-4-5"));
  const listed = new Map(models.list().map(({ id, aliases }) => [id, aliases]));
  assert.deepEqual(
    ["gpt-5.5", "gpt-5-2025-08-07", "claude-opus-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5", "gpt-4o"].map((id) =>
      listed.get(id),
    ),
    [["gpt-5"], [], ["gpt-4o"], [], [], undefined],
  );
});

test("models: the native routes reach each endpoint", () => {
  const models = modelsWith();
  const kinds = ["messages", "responses", "chat", "gemini", "bedrock"] as const;
  assert.deepEqual(
    kinds.map((kind) => models.endpoint(kind)),
    [endpoints.messages, endpoints.responses, endpoints.chat, endpoints.gemini, endpoints.bedrock],
  );
});

test("a key's rule knows a model by its id and aliases, and a name that nobody knows also by what it may be read as", () => {
  const models = modelsWith();
  const { id, aliases, pool } = models.entry("opus");
  assert.deepEqual(models.ruled("opus"), { names: [id, ...aliases], pool });
  const unknown = [
    "anthropic/claude-opus-5",
    "claude-opus-5-latest",
    "claude-opus-5-20260101",
    "claude-opus.5",
    "claude-opus-5:thinking",
    "x:opus@latest",
    "anthropic.claude-opus-5",
    "us.anthropic.claude-opus-5-v1:0",
    "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-5-20260101-v1:0",
  ];
  for (const name of unknown) {
    assert.equal(models.knows(name), false, name);
    const { names, readAs = [], pool: none } = models.ruled(name);
    assert.deepEqual([names, none], [[name], null]);
    assert.ok(readAs.includes("claude-opus-5"), `${name}: ${readAs.join(" ")}`);
  }
  assert.equal(models.ruled("claude-opus-6").readAs?.includes("claude-opus-5"), false);
});
