// The configuration read again: what changed, what counts from now on, and what waits for a restart.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../src/config/config.ts";
import { readAgain, readFirst, type Reading } from "../../src/config/reload.ts";
import { VARIABLE_NAMES, VARIABLES } from "../../src/config/variables.ts";
import { sourceOf, type Given } from "../support/configuration.ts";

const ENV = "FACTORY_API_KEY=fk-one-fake\nPROXY_API_KEY=client-one\nPORT=9001\n";
const MODELS = '{"models": [{"id": "glm-6", "protocol": "openai-chat"}]}';

const first = (given: Given): Reading => readFirst(sourceOf(given));

test("what changed in the file counts, but for what needs a restart, which keeps its value and is named again each time", () => {
  const before = first({ files: { ".env": ENV } });
  const files = { ".env": `${ENV.replace("client-one", "client-two").replace("9001", "9002")}MAX_CALLS=7\nLEDGER=off\n` };
  const after = readAgain(sourceOf({ files }), before);
  assert.deepEqual(after.changed, ["PROXY_API_KEY", "MAX_CALLS"]);
  assert.deepEqual(after.needRestart, ["PORT", "LEDGER"]);
  assert.deepEqual(after.config, { ...before.config, proxyKeys: [{ name: "env-1", key: "client-two" }], maxCalls: 7 });
  const again = readAgain(sourceOf({ files }), after);
  assert.deepEqual([again.changed, again.needRestart, again.config], [[], ["PORT", "LEDGER"], after.config]);
  const back = readAgain(sourceOf({ files: { ".env": ENV } }), again);
  assert.deepEqual([back.changed, back.needRestart, back.config], [["PROXY_API_KEY", "MAX_CALLS"], [], before.config]);
});

test("what needs a restart keeps its default too, and the environment and the command line win as they did", () => {
  const given = { environment: { MAX_CALLS: "5" }, arguments: ["--port", "9003"] };
  const before = first({ ...given, files: {} });
  const files = { ".env": "PORT=1\nDATA_DIR=/elsewhere\nMAX_CALLS=6\nLOG_LEVEL=debug\n" };
  const after = readAgain(sourceOf({ ...given, files }), before);
  assert.deepEqual([after.changed, after.needRestart], [["LOG_LEVEL"], ["DATA_DIR"]]);
  assert.deepEqual(after.config, { ...before.config, logLevel: "debug" });
});

test("a default that is spelled out needs no restart", () => {
  const spelled = readAgain(sourceOf({ files: { ".env": "PORT=8000\nLEDGER=on\n" } }), first({ files: {} }));
  assert.deepEqual([spelled.changed, spelled.needRestart], [[], []]);
  assert.deepEqual(readAgain(sourceOf({ files: { ".env": "PORT=8001\n" } }), spelled).needRestart, ["PORT"]);
});

test("a model file that says something else is a change of CONFIG_PATH, and so is another file", () => {
  const environment = { CONFIG_PATH: "models.json" };
  const before = first({ environment, files: { "models.json": MODELS } });
  const same = readAgain(sourceOf({ environment, files: { "models.json": ` ${MODELS}\n` } }), before);
  assert.deepEqual([same.changed, same.needRestart], [[], []]);
  const other = readAgain(sourceOf({ environment, files: { "models.json": MODELS.replace("glm-6", "glm-7") } }), before);
  assert.deepEqual([other.changed, other.config.models.map(({ id }) => id)], [["CONFIG_PATH"], ["glm-7"]]);
  const elsewhere = { files: { "models.json": MODELS, "other.json": MODELS }, environment: { CONFIG_PATH: "other.json" } };
  assert.deepEqual(readAgain(sourceOf(elsewhere), before).changed, ["CONFIG_PATH"]);
});

test("whatever is wrong is a fault, also in what would need a restart, and both files are read once", () => {
  const before = first({ files: { ".env": ENV } });
  assert.throws(
    () => readAgain(sourceOf({ files: { ".env": "PORT=nine\nMAX_CALLS=-1\nCONFIG_PATH=none.json" } }), before),
    (error) =>
      error instanceof ConfigError &&
      assert.deepEqual(error.faults.map(({ name }) => name).toSorted(), ["CONFIG_PATH", "MAX_CALLS", "PORT"]) === undefined,
  );
  const texts: Record<string, string[]> = { ".env": ["CONFIG_PATH=models.json", "PORT=nine"], "models.json": [MODELS, "{"] };
  const after = readAgain({ ...sourceOf({}), file: (path) => texts[path]?.shift() ?? null }, before);
  assert.deepEqual(
    after.config.models.map(({ id }) => id),
    ["glm-6"],
  );
});

test("what can't change while the server runs is where it listens, where it keeps what it knows, what it told the runtime, and its collector", () => {
  assert.deepEqual(
    VARIABLE_NAMES.filter((name) => !VARIABLES[name].reload),
    [
      "PORT",
      "HOST",
      "WORKERS",
      "MAX_BODY_BYTES",
      "HEADER_TIMEOUT",
      "MAX_CONNECTIONS",
      "LEDGER",
      "LEDGER_DAYS",
      "DATABASE_URL",
      "DATA_DIR",
      "STORE_DOWN",
      "OTEL_EXPORTER_OTLP_ENDPOINT",
      "OTEL_EXPORTER_OTLP_HEADERS",
      "OTEL_SERVICE_NAME",
      "OTEL_RESOURCE_ATTRIBUTES",
      "OTEL_TRACES_SAMPLER",
      "OTEL_TRACES_SAMPLER_ARG",
      "OTEL_METRIC_EXPORT_INTERVAL",
      "OTEL_GENAI",
    ],
  );
});
