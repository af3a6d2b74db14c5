// Who may come in without a client key: callers from this machine, where the operator wants that.

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { after, test } from "node:test";
import { isWelcome } from "../../src/access/anonymous.ts";
import { Keys } from "../../src/access/keys.ts";
import { GatewayError } from "../../src/errors.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { ringOf } from "../support/keys.ts";
import { errorOf, read } from "../support/configuration.ts";
import { ask, errorIn, MODELS, textOf } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { CLIENT_KEY, FACTORY_KEY, startGateway } from "../support/gateway.ts";
import { SocketClient } from "../support/socket.ts";

const from = (address: string | null, headers: Record<string, string> = {}) => ({
  address: () => address,
  headers: { host: "localhost", ...headers },
});

for (const address of ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "::FFFF:127.0.0.1"]) {
  test(`${address} is this machine`, () => {
    assert.equal(isWelcome("loopback", from(address)), true);
    assert.equal(isWelcome("off", from(address)), false);
  });
}

for (const address of [
  null,
  "",
  "10.0.0.1",
  "192.168.127.0",
  "128.0.0.1",
  "0.0.0.0",
  "::",
  "::2",
  "fe80::1",
  "::ffff:10.0.0.1",
  "127.0.0.1.example.org",
]) {
  test(`${address ?? "an address that nobody knows"} is not`, () => {
    assert.equal(isWelcome("loopback", from(address)), false);
  });
}

for (const name of [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-original-forwarded-for",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-azure-clientip",
  "x-appengine-user-ip",
  "true-client-ip",
  "cf-connecting-ip",
  "x-envoy-external-address",
  "x-original-host",
  "tailscale-user-login",
  "cdn-loop",
  "via",
]) {
  test(`what was forwarded (${name}) comes from elsewhere, whatever it says`, () => {
    assert.equal(isWelcome("loopback", from("127.0.0.1", { [name]: "127.0.0.1" })), false);
  });
}

test("what clients say of themselves takes nothing away", () => {
  const headers = {
    "x-client-request-id": "1",
    "x-session-id": "2",
    "user-agent": "via",
    "x-openai-client-user-agent": "{}",
    "x-original": "3",
  };
  assert.equal(isWelcome("loopback", from("127.0.0.1", headers)), true);
});

const KEYS = new Keys(
  { ring: ringOf(["a-client-key"]), upstreamKey: "fk-of-the-server", anonymous: "loopback", web: { corsOrigins: [], allowedHosts: [] } },
  runtime.sha256,
);

test("a key that counts names its caller from this machine too; any other key is as good as none", () => {
  const named = { id: "env-1", upstreamKey: "fk-of-the-server" };
  const nameless = { id: "anonymous", upstreamKey: "fk-of-the-server" };
  assert.deepEqual(KEYS.identify(["a-client-key"], from("127.0.0.1")), named);
  assert.deepEqual(KEYS.identify(["a-client-key"], from("10.0.0.1")), named);
  for (const keys of [[], ["unused"], ["spaces in it"]]) assert.deepEqual(KEYS.identify(keys, from("127.0.0.1")), nameless);
});

test("from elsewhere a key is needed as before", () => {
  for (const keys of [[], ["unused"]]) {
    assert.throws(
      () => KEYS.identify(keys, from("10.0.0.1")),
      (error) => error instanceof GatewayError && error.kind === "unauthenticated",
    );
  }
});

// ---- The configuration -------------------------------------------------------------------------------------------

test("ANONYMOUS is off, or loopback where the server has a Factory key", () => {
  assert.equal(read({}).anonymous, "off");
  assert.equal(read({ environment: { ANONYMOUS: "loopback", FACTORY_API_KEY: "fk-1234" } }).anonymous, "loopback");
  assert.deepEqual(errorOf({ environment: { ANONYMOUS: "loopback" } }).faults, [
    {
      name: "ANONYMOUS",
      value: '"loopback"',
      problem: "needs FACTORY_API_KEY, because a caller without a key brings no Factory key either",
    },
  ]);
  assert.deepEqual(errorOf({ environment: { ANONYMOUS: "all", FACTORY_API_KEY: "fk-1234" } }).faults, [
    { name: "ANONYMOUS", value: '"all"', problem: "must be one of off, loopback" },
  ]);
});

// ---- The listening program ---------------------------------------------------------------------------------------

const gateway = await startGateway({ environment: { ANONYMOUS: "loopback" } });
after(() => gateway.stop());

for (const protocol of PROTOCOLS) {
  test(`${protocol}: a client of this machine needs no key, and its calls are limited and logged like others`, async () => {
    for (const headers of [{}, { "x-api-key": "unused" }]) {
      const { path, body } = ask(protocol, { model: MODELS[protocol] });
      const response = await gateway.call(path, { body, key: null, headers });
      assert.equal(textOf(protocol, await response.text()), "You said: Hello there");
      assert.equal(gateway.lastSeen().headers["authorization"], `Bearer ${FACTORY_KEY}`);
      assert.equal((await gateway.lineOf(response))["caller"], "anonymous");
    }
  });
}

test("pages and /explain need no key either", async () => {
  assert.equal((await gateway.call("/v1/models", { method: "GET", key: null })).status, 200);
  const { path, body } = ask("openai-chat", { model: "glm-5" });
  assert.equal((await gateway.call(`/explain${path}`, { body, key: null })).status, 200);
  assert.equal((await gateway.call("/no/such/path", { method: "GET", key: null })).status, 404);
});

test("a WebSocket from this machine needs no key, and remembers that it comes from here", async () => {
  const client = await new SocketClient(gateway, { key: null }).opened();
  for (let count = 0; count < 2; count++)
    assert.equal((await client.ask({ model: "glm-5", input: "Hello" })).at(-1)?.["type"], "response.completed");
  client.close();
  const forwarded = await new SocketClient(gateway, { key: null, headers: { "x-forwarded-for": "203.0.113.7" } }).opened();
  assert.notEqual(forwarded.closed, null);
});

test("what a proxy on this machine forwards needs a key", async () => {
  const headers = { "x-forwarded-for": "203.0.113.7" };
  assert.equal((await gateway.call("/v1/models", { method: "GET", key: null, headers })).status, 401);
  assert.equal((await gateway.call("/v1/models", { method: "GET", key: CLIENT_KEY, headers })).status, 200);
});

test("who calls by another address of this machine needs a key", async (t) => {
  const other = Object.values(networkInterfaces())
    .flatMap((found) => found ?? [])
    .find(({ internal, family }) => !internal && family === "IPv4");
  if (other === undefined) return t.skip("This machine has no other address.");
  const seen: (string | null)[] = [];
  const server = runtime.listen(
    { host: "0.0.0.0", port: 0, maxFrameBytes: 1024, headTimeoutMs: null, maxConnections: null },
    (_request, connection) => {
      seen.push(connection?.address() ?? null);
      return new Response("ok");
    },
  );
  await (await fetch(`http://${other.address}:${server.port}/`)).text();
  await (await fetch(`http://127.0.0.1:${server.port}/`)).text();
  await server.drain();
  assert.deepEqual(seen, [other.address, "127.0.0.1"]);
});

test("without ANONYMOUS a client of this machine needs a key", async () => {
  const closed = await startGateway({ upstream: gateway.upstream });
  const error = await errorIn("openai-chat", await closed.call("/v1/models", { method: "GET", key: null }));
  assert.equal(error.status, 401);
  await closed.stop();
});
