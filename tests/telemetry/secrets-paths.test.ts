// Canary keys on the ways that a call takes only when something goes wrong: other keys, other attempts, other models, signs of life,
// a program that is about to stop. Several Factory keys are planted; the upstream tells whichever it was sent, and all others.
// The usual ways are in secrets.test.ts.

import assert from "node:assert/strict";
import process from "node:process";
import { after, test } from "node:test";
import { ConfigError, readConfig } from "../../src/config/config.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { ask, MODELS, WAYS } from "../support/dialects.ts";
import { startGateway, until, type RunningGateway } from "../support/gateway.ts";
import { BUN, cleanUp, DENO, emptyFolder, filesIn, start } from "../support/program.ts";
import { SocketClient } from "../support/socket.ts";
import type { Answer, Seen } from "../support/upstream.ts";

/** The first eight characters of a key may be shown; nothing behind them. */
const KEYS = {
  first: "fk-first-a1b2c3d4e5f60718293a4b50",
  second: "fk-secon-b2c3d4e5f60718293a4b50a1",
  third: "fk-third-c3d4e5f60718293a4b50a1b2",
  client: "px-clien-d4e5f60718293a4b50a1b2c3",
} as const;
const FACTORY_KEYS = [KEYS.first, KEYS.second, KEYS.third];
const ALL = Object.values(KEYS).join(" and ");

function assertSilent(text: string, what: string): void {
  for (const [name, key] of Object.entries(KEYS)) {
    const at = text.indexOf(key.slice(9));
    if (at !== -1) assert.fail(`${what} shows the ${name} key: ...${text.slice(Math.max(0, at - 200), at + 100)}...`);
  }
}

const OVERLOADED_MODEL = "claude-overloaded";
const ENVIRONMENT = {
  FACTORY_API_KEY: KEYS.first,
  FACTORY_API_KEYS: `${KEYS.second}, ${KEYS.third}`,
  PROXY_API_KEY: KEYS.client,
  LOG_LEVEL: "debug",
  RETRIES: "2",
};
const modelTable = JSON.stringify({ models: [{ id: OVERLOADED_MODEL, fallback: [MODELS.gemini, MODELS["openai-responses"]] }] });

const running: RunningGateway[] = [];
/** A gateway whose keys have not been used yet. */
async function fresh(environment: Readonly<Record<string, string>> = {}): Promise<RunningGateway> {
  const gateway = await startGateway({ environment: { ...ENVIRONMENT, ...environment }, modelTable });
  running.push(gateway);
  return gateway;
}
after(async () => {
  cleanUp();
  for (const gateway of running) await gateway.stop();
});

const keyOf = ({ headers }: Seen): string => String(headers["authorization"]).replace("Bearer ", "");

/** An error that tells keys in its message and its headers. It asks for the next attempt at once. */
function talkative(status: number, seen: Seen): Answer {
  const key = keyOf(seen);
  const headers = { "retry-after": "0", "x-request-id": key, "x-factory-key": `Bearer ${key}`, "openai-organization": key };
  return { error: { status, message: `The key ${key} failed; known are ${ALL}.`, code: key }, headers };
}

async function assertCallSilent(gateway: RunningGateway, response: Response, what: string): Promise<string> {
  const text = await response.text();
  assertSilent(text, `${what}, body`);
  assertSilent(JSON.stringify([...response.headers]), `${what}, headers`);
  await gateway.lineOf(response);
  assertSilent(JSON.stringify(gateway.lines), `${what}, log`);
  return text;
}

test("the next key takes over without a word about the others", async () => {
  for (const way of WAYS) {
    for (const stream of [true, false]) {
      const gateway = await fresh();
      const { upstream } = gateway;
      const statuses = [401, 402];
      upstream.script((seen, index) => (index < statuses.length ? talkative(statuses[index] ?? 0, seen) : null));
      const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream, text: "Hello" });
      const response = await gateway.call(path, { body, key: KEYS.client });
      assert.equal(response.status, 200, way.name);
      assert.equal(response.headers.get("x-factory-proxy-attempts"), "3");
      await assertCallSilent(gateway, response, way.name);
      assert.deepEqual(upstream.requests.map(keyOf).sort(), FACTORY_KEYS.toSorted());
    }
  }
});

test("when every key is refused, the last refusal shows none of them", async () => {
  for (const status of [401, 402, 429]) {
    const gateway = await fresh({ RETRIES: "0" });
    gateway.upstream.script((seen) => talkative(status, seen));
    for (const way of WAYS) {
      const { path, body } = ask(way.client, { model: MODELS[way.upstream] });
      const response = await gateway.call(path, { body, key: KEYS.client });
      assert.equal(response.status, status, way.name);
      await assertCallSilent(gateway, response, `${status}, ${way.name}`);
    }
    assert.deepEqual([...new Set(gateway.upstream.requests.map(keyOf))].sort(), FACTORY_KEYS.toSorted());
  }
});

test("retries show no key, whether the last one succeeds or not", async () => {
  const gateway = await fresh();
  for (const way of WAYS) {
    for (const failures of [2, 3]) {
      let attempt = 0;
      gateway.upstream.script((seen) => (attempt++ < failures ? talkative(503, seen) : null));
      const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream: true });
      const response = await gateway.call(path, { body, key: KEYS.client });
      assert.equal(response.ok, failures === 2, way.name);
      assert.equal(attempt, 3, way.name);
      await assertCallSilent(gateway, response, way.name);
    }
  }
});

test("an error that opens a stream and ends its retries shows no key", async () => {
  const gateway = await fresh({ RETRIES: "0" });
  gateway.upstream.script(() => ({ fail: { afterEvents: 0, message: `Broken for ${ALL}` } }));
  for (const way of WAYS) {
    const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream: true });
    const response = await gateway.call(path, { body, key: KEYS.client });
    assert.ok(response.status >= 500, way.name);
    assert.match(await assertCallSilent(gateway, response, way.name), /Broken for /);
  }
});

test("a fallback shows no key, whether it succeeds or not", async () => {
  for (const isServed of [true, false]) {
    const gateway = await fresh({ RETRIES: "0" });
    gateway.upstream.script((seen) => (isServed && !seen.body.includes(OVERLOADED_MODEL) ? null : talkative(529, seen)));
    for (const { client, name } of WAYS) {
      const { path, body } = ask(client, { model: OVERLOADED_MODEL });
      const response = await gateway.call(path, { body, key: KEYS.client });
      assert.equal(response.ok, isServed, name);
      const expected = isServed ? `${OVERLOADED_MODEL} -> ${MODELS.gemini}` : null;
      if (isServed) assert.equal(response.headers.get("x-factory-proxy-fallback"), expected);
      await assertCallSilent(gateway, response, name);
    }
  }
});

test("an explained request shows none of several keys", async () => {
  const gateway = await fresh();
  for (const way of WAYS) {
    const { path, body } = ask(way.client, { model: MODELS[way.upstream] });
    const response = await gateway.call(`/explain${path}`, { body, key: KEYS.client });
    assert.equal(response.status, 200, way.name);
    assert.match(await assertCallSilent(gateway, response, way.name), /"authorization":"Bearer /i);
  }
  assert.deepEqual(gateway.upstream.requests, []);
});

test("a stream that is kept alive, and then breaks, shows no key", async () => {
  const gateway = await fresh({ KEEP_ALIVE_INTERVAL: "0.02" });
  for (const way of WAYS.filter(({ client, upstream }) => client !== upstream)) {
    let goOn = (): void => {};
    const silence = new Promise<void>((resolve) => (goOn = resolve));
    gateway.upstream.script(() => ({
      hold: { afterEvents: 3, until: silence },
      fail: { afterEvents: 4, message: `It broke: ${ALL}` },
      say: { text: "a few words" },
    }));
    const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream: true });
    const response = await gateway.call(path, { body, key: KEYS.client });
    const text = await readUntil(response, { sign: /^: |^event: (?:ping|keepalive)$/m, act: goOn });
    assertSilent(text, way.name);
    assertSilent(JSON.stringify([...response.headers]), `${way.name}, headers`);
    assert.match(text, /It broke: /, way.name);
    await gateway.lineOf(response);
  }
  assertSilent(JSON.stringify(gateway.lines), "the log");
});

test("a WebSocket shows no key, in what it refuses, in what it passes on, and in the log", async () => {
  const gateway = await fresh({ RETRIES: "0" });
  const client = await new SocketClient(gateway, { key: KEYS.client }).opened();
  for (const model of Object.values(MODELS)) {
    gateway.upstream.script((seen) => talkative(500, seen));
    await client.ask({ model, input: "Hello", previous_response_id: ALL });
    await client.ask({ model, input: "Hello" });
    // Where the protocol is the client's own, the events of an upstream pass as they are.
    if (model === MODELS["openai-responses"]) continue;
    gateway.upstream.script(() => ({ fail: { afterEvents: 3, message: `It broke: ${ALL}` }, say: { text: "a few words" } }));
    await client.ask({ model, input: "Hello" });
  }
  client.close();
  assert.match(client.texts.join("\n"), /Previous response[^]*failed; known are [^]*It broke: /);
  assertSilent(client.texts.join("\n"), "frames");
  assertSilent(JSON.stringify(gateway.lines), "the log");
});

/** All of a body; does something once a sign of life has come. Waits for ever where none comes. */
async function readUntil({ body }: Response, { sign, act }: { readonly sign: RegExp; readonly act: () => void }): Promise<string> {
  const utf8 = new TextDecoder();
  let text = "";
  for await (const bytes of body ?? []) {
    text += utf8.decode(bytes, { stream: true });
    if (sign.test(text)) act();
  }
  return text;
}

test("a whole answer that is kept alive, and then fails, shows no key", async () => {
  const gateway = await fresh({ KEEP_ALIVE_INTERVAL: "0.02", KEEP_ALIVE_WHOLE: "1", RETRIES: "0" });
  for (const way of WAYS) {
    let goOn = (): void => {};
    const silence = new Promise<void>((resolve) => (goOn = resolve));
    const message = JSON.stringify({ error: { message: `It broke: ${ALL}`, code: 500, status: "INTERNAL" } });
    gateway.upstream.script(() => ({ status: 500, body: message, hold: { afterEvents: 0, until: silence } }));
    const { path, body } = ask(way.client, { model: MODELS[way.upstream] });
    const response = await gateway.call(path, { body, key: KEYS.client });
    assert.equal(response.status, 200, way.name);
    const text = await readUntil(response, { sign: /^ /, act: goOn });
    assert.match(text, /^ +\{.*It broke/, way.name);
    assertSilent(text, way.name);
  }
  await until(() => gateway.lines.filter(({ event }) => event === "request").length === WAYS.length, "all log lines");
  assertSilent(JSON.stringify(gateway.lines), "the log");
});

test("a configuration at fault shows none of its keys", () => {
  const faulty: readonly Readonly<Record<string, string>>[] = [
    { FACTORY_API_KEYS: `${KEYS.second}, ${KEYS.third} and more` },
    { FACTORY_API_KEYS: `${KEYS.second},${KEYS.second}\u00e4` },
    { PORT: KEYS.first },
    { FACTORY_BASE_URL: `https://${KEYS.second}@example.test` },
    { UPSTREAM_HEADERS: `{"x-key": "${KEYS.third}"` },
  ];
  for (const environment of faulty) {
    try {
      readConfig({ environment: { ...ENVIRONMENT, ...environment }, arguments: [], file: () => null, redactor: new Redactor([]) });
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      assertSilent(error.message, JSON.stringify(Object.keys(environment)));
      continue;
    }
    assert.fail(`${Object.keys(environment).join()} is taken`);
  }
});

test("a program that is about to stop refuses calls without a key, and has printed and written none", async () => {
  const gateway = await fresh();
  let goOn = (): void => {};
  const silence = new Promise<void>((resolve) => (goOn = resolve));
  gateway.upstream.script((seen, index) => (index === 0 ? talkative(429, seen) : { hold: { afterEvents: 2, until: silence } }));
  const cwd = emptyFolder();
  const env = { ...ENVIRONMENT, FACTORY_BASE_URL: gateway.upstream.url, PORT: "0" };
  const program = start(process.versions["deno"] === undefined ? BUN : DENO, { cwd, env });
  const url = await program.url;
  const call = (): Promise<Response> => {
    const { path, body } = ask("anthropic-messages", { model: MODELS["openai-chat"], stream: true });
    return fetch(url + path, { method: "POST", headers: { authorization: `Bearer ${KEYS.client}` }, body: JSON.stringify(body) });
  };
  const held = await call();
  program.signal("SIGTERM");
  await until(() => program.lines().some(({ event }) => event === "stopping"), "the line that says it stops");
  const refused = await call();
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [529, "5"]);
  assertSilent(await refused.text(), "the refusal");
  assertSilent(JSON.stringify([...refused.headers]), "the refusal's headers");
  goOn();
  assertSilent(await held.text(), "the running answer");
  const { code, stdout, stderr } = await program.ended;
  assert.equal(code, 0);
  assertSilent(stdout, "stdout");
  assertSilent(stderr, "stderr");
  assert.deepEqual(filesIn(cwd), []);
});
