// Who is admitted, with which Factory key, and what a refusal says.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { Keys, presentedKeys, type Caller, type KeyOptions } from "../../src/access/keys.ts";
import { ringOf } from "../support/keys.ts";

const FACTORY = "fk-fake-factory-key-of-the-server";
const OWN = "fk-fake-factory-key-of-a-client";
const PROXY = "fake-client-key-one";
const SECOND = "fake-client-key-two";

const SERVER: KeyOptions = {
  ring: ringOf([PROXY, SECOND]),
  upstreamKey: FACTORY,
  anonymous: "off",
  web: { corsOrigins: [], allowedHosts: [] },
};
const BRING: KeyOptions = { ring: ringOf([]), upstreamKey: null, anonymous: "off", web: { corsOrigins: [], allowedHosts: [] } };
const BOTH: KeyOptions = { ring: ringOf([PROXY, SECOND]), upstreamKey: null, anonymous: "off", web: { corsOrigins: [], allowedHosts: [] } };
const CLOSED: KeyOptions = { ring: ringOf([]), upstreamKey: FACTORY, anonymous: "off", web: { corsOrigins: [], allowedHosts: [] } };

/** Of a client's own Factory key the first 8 hexadecimal digits of its SHA-256, worked out with `sha256sum`. */
const ID = { PROXY: "env-1", SECOND: "env-2", OWN: "6a0dff7d" };

type Presented = Record<string, string>;

const ADMITTED: readonly (readonly [string, KeyOptions, Presented, Caller])[] = [
  ["a client key as Bearer", SERVER, { authorization: `Bearer ${PROXY}` }, { id: ID.PROXY, upstreamKey: FACTORY }],
  ["any of the client keys", SERVER, { authorization: `Bearer ${SECOND}` }, { id: ID.SECOND, upstreamKey: FACTORY }],
  ["a client key as x-api-key", SERVER, { "x-api-key": PROXY }, { id: ID.PROXY, upstreamKey: FACTORY }],
  ["a client key as x-goog-api-key", SERVER, { "x-goog-api-key": PROXY }, { id: ID.PROXY, upstreamKey: FACTORY }],
  ["a client key in the query", SERVER, { "?key": PROXY }, { id: ID.PROXY, upstreamKey: FACTORY }],
  ["a scheme in any case and with more spaces", SERVER, { authorization: `  bEARER \t ${PROXY} ` }, { id: ID.PROXY, upstreamKey: FACTORY }],
  [
    "a right key beside a wrong one",
    SERVER,
    { authorization: "Bearer wrong", "x-api-key": SECOND },
    { id: ID.SECOND, upstreamKey: FACTORY },
  ],
  [
    "a right key beside empty ones",
    SERVER,
    { authorization: "Bearer ", "x-api-key": "", "x-goog-api-key": PROXY },
    { id: ID.PROXY, upstreamKey: FACTORY },
  ],
  [
    "a client's Factory key does not replace the server's",
    SERVER,
    { authorization: `Bearer ${OWN}`, "x-api-key": PROXY },
    { id: ID.PROXY, upstreamKey: FACTORY },
  ],
  ["a client's own Factory key", BRING, { authorization: `Bearer ${OWN}` }, { id: ID.OWN, upstreamKey: OWN }],
  ["a client's own Factory key as x-api-key", BRING, { "x-api-key": OWN }, { id: ID.OWN, upstreamKey: OWN }],
  ["the first of two own keys", BRING, { authorization: `Bearer ${OWN}`, "x-api-key": "other" }, { id: ID.OWN, upstreamKey: OWN }],
  ["a client key and an own Factory key", BOTH, { authorization: `Bearer ${PROXY}`, "x-api-key": OWN }, { id: ID.PROXY, upstreamKey: OWN }],
  ["the same two the other way round", BOTH, { authorization: `Bearer ${OWN}`, "x-api-key": SECOND }, { id: ID.SECOND, upstreamKey: OWN }],
];

const HOW = "as `Authorization: Bearer <key>`, `x-api-key` or `x-goog-api-key`.";
const SEND_CLIENT_KEY = `send a client key of this server (one listed in PROXY_API_KEY or made with \`factory-proxy keys add\`) ${HOW}`;
const SEND_OWN = `this server holds no Factory key; send your own (fk-..., from app.factory.ai/settings/api-keys) ${HOW}`;
const SEND_BOTH =
  "this server holds no Factory key; send one of its client keys in one header and your own Factory key in another, " +
  "e.g. `Authorization: Bearer <client key>` with `x-api-key: <Factory key>`.";

const REFUSED: readonly (readonly [string, KeyOptions, Presented, string])[] = [
  ["nothing", SERVER, {}, `No API key: ${SEND_CLIENT_KEY}`],
  [
    "empty credentials",
    SERVER,
    { authorization: "Bearer ", "x-api-key": " ", "x-goog-api-key": "", "?key": "" },
    `No API key: ${SEND_CLIENT_KEY}`,
  ],
  ["another scheme", SERVER, { authorization: `Basic ${PROXY}` }, `No API key: ${SEND_CLIENT_KEY}`],
  ["no scheme", SERVER, { authorization: PROXY }, `No API key: ${SEND_CLIENT_KEY}`],
  ["a wrong key", SERVER, { authorization: "Bearer wrong" }, `Wrong API key: ${SEND_CLIENT_KEY}`],
  ["the beginning of a key", SERVER, { authorization: `Bearer ${PROXY.slice(0, -1)}` }, `Wrong API key: ${SEND_CLIENT_KEY}`],
  ["more than a key", SERVER, { authorization: `Bearer ${PROXY}x` }, `Wrong API key: ${SEND_CLIENT_KEY}`],
  ["a key in another case", SERVER, { authorization: `Bearer ${PROXY.toUpperCase()}` }, `Wrong API key: ${SEND_CLIENT_KEY}`],
  ["two keys in one", SERVER, { authorization: `Bearer ${PROXY},${SECOND}` }, `Wrong API key: ${SEND_CLIENT_KEY}`],
  ["the server's Factory key", SERVER, { authorization: `Bearer ${FACTORY}` }, `Wrong API key: ${SEND_CLIENT_KEY}`],
  ["the server's Factory key where no client key is set", CLOSED, { "x-api-key": FACTORY }, `Wrong API key: ${SEND_CLIENT_KEY}`],
  ["any key where no client key is set", CLOSED, { "x-api-key": PROXY }, `Wrong API key: ${SEND_CLIENT_KEY}`],
  ["nothing where clients bring their own", BRING, {}, `No API key: ${SEND_OWN}`],
  ["what can't be a header's value", BRING, { "?key": "fk-fake\r\nx-evil: 1" }, `No API key: ${SEND_OWN}`],
  ["nothing where both are needed", BOTH, {}, `No API key: ${SEND_BOTH}`],
  ["an own key alone where both are needed", BOTH, { authorization: `Bearer ${OWN}` }, `Wrong API key: ${SEND_BOTH}`],
  [
    "client keys alone where both are needed",
    BOTH,
    { authorization: `Bearer ${PROXY}`, "x-api-key": SECOND },
    `A client key but no Factory key: ${SEND_BOTH}`,
  ],
];

function identify(options: KeyOptions, { "?key": queryKey, ...headers }: Presented): Caller {
  return new Keys(options, runtime.sha256).identify(presentedKeys(new Map(Object.entries(headers)), queryKey), {
    address: () => "127.0.0.1",
    headers: { host: "localhost", ...headers },
  });
}

for (const [name, options, presented, caller] of ADMITTED) {
  test(`keys: admitted is ${name}`, () => {
    assert.deepEqual(identify(options, presented), caller);
  });
}

for (const [name, options, presented, message] of REFUSED) {
  test(`keys: refused is ${name}`, () => {
    assert.throws(
      () => identify(options, presented),
      (error) => {
        assert.ok(error instanceof GatewayError);
        const { kind, status, code, headers } = error;
        assert.deepEqual(
          { kind, status, code, headers, message: error.message },
          {
            kind: "unauthenticated",
            status: 401,
            code: "invalid_api_key",
            headers: { "www-authenticate": "Bearer", "x-should-retry": "false" },
            message,
          },
        );
        return true;
      },
    );
  });
}

test("keys: what a request presents is listed in order, each once, well-formed or not", () => {
  const headers = new Headers({ authorization: "Bearer a b", "x-api-key": "c", "x-goog-api-key": "d" });
  assert.deepEqual(presentedKeys(headers, "c"), ["a b", "c", "d"]);
  assert.deepEqual(presentedKeys(new Headers()), []);
});
