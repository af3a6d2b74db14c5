// Canary keys: planted wherever a key can come in, looked for wherever anything goes out.
// What an upstream says inside an answer (status 200) passes unread; everything else that leaves the program is searched here:
// log lines at the chattiest level, error bodies, answer headers, explained requests, files, stdout and stderr.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask, errorIn, MODELS, told, WAYS, type Way } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateway, type RunningGateway } from "../support/gateway.ts";
import { BUN, cleanUp, DENO, emptyFolder, filesIn, start } from "../support/program.ts";
import { complete } from "../support/reply-content.ts";
import { encodeReply } from "../support/wire-reply.ts";
import type { Answer } from "../support/upstream.ts";

/** The first eight characters of a key may be shown; nothing behind them. */
const KEYS = {
  factory: "fk-facto-0a1b2c3d4e5f60718293a4b5",
  proxy: "px-proxy-1b2c3d4e5f60718293a4b5c6",
  otherProxy: "px-other-2c3d4e5f60718293a4b5c6d7",
  own: "sk-owned-3d4e5f60718293a4b5c6d7e8",
  header: "hd-value-4e5f60718293a4b5c6d7e8f9",
  query: "qu-value-5f60718293a4b5c6d7e8f9a0",
} as const;
const ALL = Object.values(KEYS).join(" and ");
const secretOf = (key: string): string => key.slice(9);

function assertSilent(text: string, what: string): void {
  for (const [name, key] of Object.entries(KEYS)) {
    const at = text.indexOf(secretOf(key));
    if (at !== -1) assert.fail(`${what} shows the ${name} key: ...${text.slice(Math.max(0, at - 200), at + 100)}...`);
  }
}

/** Bodies of every size and shape, with keys in text, names, numbers' neighbours and escapes. */
function bodyWith(client: ProtocolId, model: string, stream: boolean): { path: string; body: object } {
  const { path, body } = ask(client, { model, stream, system: `The keys are ${ALL}.`, text: `Repeat: ${ALL}` });
  const query = `${path.includes("?") ? "&" : "?"}key=${KEYS.proxy}`;
  return { path: path + query, body };
}

const environment = (url: string): Record<string, string> => ({
  FACTORY_API_KEY: KEYS.factory,
  PROXY_API_KEY: `${KEYS.proxy},${KEYS.otherProxy}`,
  LOG_LEVEL: "debug",
  UPSTREAM_HEADERS: JSON.stringify({ "x-tenant": KEYS.header }),
  CHAT_TARGET_URL: `${url}/api/llm/o/v1/chat/completions?token=${KEYS.query}`,
});
const plain = await startGateway();
const { upstream } = plain;
const gateway = await startGateway({ upstream, environment: environment(upstream.url) });
const bringYourOwn = await startGateway({
  upstream,
  environment: { FACTORY_API_KEY: undefined, PROXY_API_KEY: undefined, LOG_LEVEL: "debug" },
});
after(async () => {
  cleanUp();
  for (const one of [gateway, bringYourOwn, plain]) await one.stop();
});

const CLIENT_HEADERS = {
  authorization: `Bearer ${KEYS.proxy}`,
  "x-api-key": KEYS.own,
  cookie: `session=${KEYS.own}`,
  "x-custom": `${KEYS.proxy};${KEYS.own}`,
  referer: `https://example.test/?key=${KEYS.own}`,
  "user-agent": `client/${KEYS.own}`,
};

function send(way: Way, stream: boolean, through: RunningGateway = gateway): Promise<Response> {
  const { path, body } = bodyWith(way.client, MODELS[way.upstream], stream);
  return through.call(path, { body, key: null, headers: CLIENT_HEADERS });
}

function assertHeadersSilent(response: Response, what: string): void {
  assertSilent(JSON.stringify([...response.headers]), `${what}, headers`);
}

const linesText = (one: RunningGateway): string => one.lines.map((line) => JSON.stringify(line)).join("\n");

/** An upstream that says the key that it was sent, and all others, wherever it can. */
const TALKATIVE: Readonly<Record<string, string>> = {
  "request-id": `req-${KEYS.factory}`,
  "x-request-id": KEYS.factory,
  "openai-organization": KEYS.factory,
  "x-factory-echo": `Bearer ${KEYS.factory}`,
  "x-ratelimit-reset": KEYS.header,
  "set-cookie": `key=${KEYS.factory}`,
};

test("no log line and no header shows a key while answers go well, on every way", async () => {
  upstream.script(() => ({ headers: TALKATIVE }));
  for (const way of WAYS) {
    for (const stream of [true, false]) {
      const response = await send(way, stream);
      const text = await response.text();
      assert.equal(response.status, 200, text);
      assertHeadersSilent(response, way.name);
      await gateway.lineOf(response);
      // The upstream got the key, and the client's words as they are.
      const seen = gateway.lastSeen();
      assert.deepEqual([seen.headers["authorization"], seen.headers["x-tenant"]], [`Bearer ${KEYS.factory}`, KEYS.header]);
      assert.ok(seen.body.includes(ALL));
    }
  }
  assertSilent(linesText(gateway), "the log");
  for (const event of ["client request", "client body", "upstream request", "upstream answer", "client answer", "request"]) {
    assert.ok(
      gateway.lines.some((line) => line["event"] === event),
      `LOG_LEVEL=debug writes ${event}`,
    );
  }
});

test("what is masked shows its first eight characters, so that a person knows which key it was", () => {
  const lines = linesText(gateway);
  for (const key of [KEYS.factory, KEYS.proxy, KEYS.own, KEYS.header]) assert.ok(lines.includes(`${key.slice(0, 8)}\u2026`), key);
});

const ERRORS: readonly { readonly what: string; readonly answer: Answer }[] = [
  { what: "a wrong key", answer: { error: { status: 401, message: `Incorrect API key provided: ${ALL}.` }, headers: TALKATIVE } },
  {
    what: "a bad request",
    answer: { error: { status: 400, message: `The header authorization: Bearer ${KEYS.factory} is odd.`, code: KEYS.factory } },
  },
  { what: "an overload", answer: { error: { status: 529, message: ALL }, headers: TALKATIVE } },
  { what: "plain text", answer: { status: 500, body: `stack trace with ${ALL}`, headers: { "content-type": "text/plain" } } },
  { what: "a page", answer: { status: 502, body: `<p>${ALL}</p>`, headers: { "content-type": "text/html" } } },
  { what: "strange JSON", answer: { status: 403, body: JSON.stringify({ detail: ALL, keys: KEYS, [KEYS.factory]: 1 }) } },
  { what: "escaped JSON", answer: { status: 403, body: `{"error":{"message":"${escaped(KEYS.factory)}","type":"x"}}` } },
  { what: "a redirect", answer: { status: 302, body: ALL, headers: { location: `https://example.test/?key=${KEYS.factory}` } } },
];

/** Every character as a JSON escape. */
function escaped(key: string): string {
  return key
    .split("")
    .map((character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

for (const { what, answer } of ERRORS) {
  test(`an upstream's error that tells keys is shown without them: ${what}`, async () => {
    upstream.script(() => answer);
    for (const way of WAYS) {
      for (const stream of [true, false]) {
        const response = await send(way, stream);
        const text = await response.text();
        assert.ok(response.status >= 400, text);
        assertSilent(text, `${way.name}, body`);
        assert.ok(!text.includes(escaped(KEYS.factory)), way.name);
        assert.doesNotThrow(() => JSON.parse(text) as unknown, way.name);
        assertHeadersSilent(response, way.name);
        await gateway.lineOf(response);
      }
    }
    assertSilent(linesText(gateway), "the log");
  });
}

test("an error inside of a stream that is converted is shown without keys", async () => {
  for (const way of WAYS.filter(({ client, upstream: target }) => client !== target)) {
    upstream.script([{ say: { text: "Some words" }, fail: { afterEvents: 3, message: `It broke: ${ALL}` } }]);
    const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream: true });
    const response = await gateway.call(path, { body, key: null, headers: CLIENT_HEADERS });
    const stream = await response.text();
    assertSilent(stream, way.name);
    assert.match(String(told(way.client, stream).terminals.at(-1)), /It broke: (?:fk-facto\u2026|<key>) and /);
    await gateway.lineOf(response);
  }
  assertSilent(linesText(gateway), "the log");
});

test("what an upstream says inside of an answer passes as it is: those words are the client's", async () => {
  for (const protocol of PROTOCOLS) {
    const { events, whole } = encodeReply(protocol, complete({ model: "any", text: `Your text held ${KEYS.own}.` }), {
      serial: 1,
      includeUsage: true,
    });
    const way = WAYS.find(({ client, upstream: target }) => client === protocol && target === protocol);
    assert.ok(way !== undefined);
    upstream.script([{ events }, { body: whole }]);
    assert.equal(await (await send(way, true)).text(), events.join(""));
    assert.equal(await (await send(way, false)).text(), whole);
  }
  assertSilent(linesText(gateway), "the log");
});

test("refusals of the gateway itself show no key", async () => {
  const rows: readonly (readonly [path: string, body: unknown, headers: Record<string, string>])[] = [
    ["/v1/chat/completions", { model: KEYS.own, messages: "wrong" }, CLIENT_HEADERS],
    ["/v1/chat/completions", { model: "claude-opus-4-8", messages: [{ role: KEYS.own, content: KEYS.proxy }] }, CLIENT_HEADERS],
    ["/v1/messages", `{"model": ${KEYS.own}`, CLIENT_HEADERS],
    [`/v1/${KEYS.own}`, {}, CLIENT_HEADERS],
    [`/v1beta/models/${KEYS.own}:generateContent?key=${KEYS.proxy}`, { contents: "wrong" }, {}],
    ["/v1/responses", {}, { authorization: `Bearer ${KEYS.own}` }],
    ["/v1/responses", {}, { "x-api-key": KEYS.factory, cookie: KEYS.own }],
    [`/v1/messages?key=${KEYS.own}`, {}, {}],
  ];
  for (const [path, body, headers] of rows) {
    const response = await gateway.call(path, { body, headers, key: null });
    const text = await response.text();
    assert.ok(response.status >= 400, `${path}: ${text}`);
    assertSilent(text, path);
    assertHeadersSilent(response, path);
    await gateway.lineOf(response);
  }
  assertSilent(linesText(gateway), "the log");
});

test("a member of a body that is named like a key is reported without its name", async () => {
  upstream.script(() => null);
  const { path, body } = ask("anthropic-messages", { model: "gpt-5.5", more: { [KEYS.own]: 1 } });
  const response = await gateway.call(path, { body, key: null, headers: CLIENT_HEADERS });
  assert.equal(response.status, 200, await response.text());
  assertHeadersSilent(response, "the report");
  await gateway.lineOf(response);
  assertSilent(linesText(gateway), "the log");
});

test("/explain shows no key but the client's own words", async () => {
  for (const way of WAYS) {
    const { path, body } = ask(way.client, { model: MODELS[way.upstream] });
    const response = await gateway.call(`/explain${path}`, { body, headers: CLIENT_HEADERS, key: null });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    assertSilent(text, way.name);
    assertHeadersSilent(response, way.name);
  }
  assertSilent(linesText(gateway), "the log");
});

test("a client's own Factory key, used for its request alone, is masked like the server's", async () => {
  upstream.script(() => ({ error: { status: 401, message: `Incorrect API key provided: ${KEYS.own}` } }));
  for (const way of WAYS) {
    const { path, body } = ask(way.client, { model: MODELS[way.upstream], text: `My key is ${KEYS.own}` });
    const response = await bringYourOwn.call(path, { body, key: KEYS.own });
    const error = await errorIn(way.client, response);
    assert.equal(error.status, 401, way.name);
    assert.match(error.message, /^Incorrect API key provided: (?:sk-owned\u2026|<key>)$/, way.name);
    assert.equal(bringYourOwn.lastSeen().headers["authorization"], `Bearer ${KEYS.own}`);
    await bringYourOwn.lineOf(response);
  }
  assertSilent(linesText(bringYourOwn), "the log");
});

test("the program as a process shows no key on stdout and stderr, and writes no file", async () => {
  upstream.script(() => ({ headers: TALKATIVE }));
  const cwd = emptyFolder();
  const way = process.versions["deno"] === undefined ? BUN : DENO;
  const env = { ...environment(upstream.url), FACTORY_BASE_URL: upstream.url, PORT: "0" };
  const program = start(way, { cwd, env });
  const url = await program.url;
  for (const one of WAYS) {
    const { path, body } = bodyWith(one.client, MODELS[one.upstream], true);
    const response = await fetch(url + path, { method: "POST", headers: CLIENT_HEADERS, body: JSON.stringify(body) });
    assert.equal(response.status, 200, await response.text());
  }
  const wrong = await fetch(`${url}/v1/messages`, { method: "POST", headers: { "x-api-key": KEYS.own }, body: "{}" });
  assertSilent(await wrong.text(), "a refusal");
  program.signal("SIGTERM");
  const { code, stdout, stderr } = await program.ended;
  assert.equal(code, 0);
  assertSilent(stdout, "stdout");
  assertSilent(stderr, "stderr");
  assert.ok(stdout.includes("fk-facto\u2026"), "the start says which key is used");
  assert.deepEqual(filesIn(cwd), []);
});

test("the doctor shows no key on stdout and stderr, nor in the report that it writes", async () => {
  upstream.script(() => ({ error: { status: 402, message: `Used up: ${ALL}.` }, headers: TALKATIVE }));
  const cwd = emptyFolder();
  const way = process.versions["deno"] === undefined ? BUN : DENO;
  const env = { ...environment(upstream.url), FACTORY_BASE_URL: upstream.url, PORT: "0", OTHER_API_KEY: KEYS.own, PATH: "" };
  const { code, stdout, stderr } = await start(way, { cwd, env, arguments: ["doctor", "--live", "--report", "--json"] }).ended;
  assert.equal(code, 1, stderr);
  const report = readFileSync(join(cwd, "factory-proxy-report.json"), "utf8");
  assert.match(report, /The plan has reached a limit \(402\)/);
  for (const [what, text] of Object.entries({ stdout, stderr, report })) assertSilent(text, what);
});
