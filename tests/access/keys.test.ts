// Who is admitted, with which Factory key, and what a refusal says.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { Keys, presentedKeys, type Caller, type KeyOptions } from "../../src/access/keys.ts";
import type { KeyRecord } from "../../src/access/client-key.ts";
import { newKey, NO_RULES, rotated, type KeyWords } from "../../src/access/key-changes.ts";
import { StoreError } from "../../src/access/store.ts";
import { MemoryStore } from "../../src/access/stores/memory.ts";
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

const HOW = "as `Authorization: Bearer <key>` or in your client's own key header.";
const SEND_CLIENT_KEY = `send a client key of this server (one listed in PROXY_API_KEY or made with \`factory-proxy keys add\`) ${HOW}`;
const SEND_OWN = `this server has no Factory key; send your own (fk-..., from app.factory.ai/settings/api-keys) ${HOW}`;
const SEND_BOTH =
  "this server has no Factory key; send one of its client keys in one header and your own Factory key in another, " +
  "e.g. `Authorization: Bearer <client key>` with `x-goog-api-key: <Factory key>`.";

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
  return new Keys(options, runtime.sha256).identify(presentedKeys(headers, queryKey), {
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
  const headers = { authorization: "Bearer a b", "x-api-key": "c", "x-goog-api-key": "d" };
  assert.deepEqual(presentedKeys(headers, "c"), ["a b", "c", "d"]);
  assert.deepEqual(presentedKeys({}), []);
});

// ---- Keys of the store -------------------------------------------------------------------------------------------

const NOW_MS = Date.UTC(2026, 10, 28, 14);
const PORTS = { nowMs: NOW_MS, sha256: runtime.sha256, random: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };

/** A store with the key `alice`, and keys of a server over it a day later. */
async function stored(
  words: KeyWords,
  change: (record: KeyRecord) => KeyRecord = (record) => record,
): Promise<{ keys: Keys; key: string }> {
  const store = new MemoryStore();
  const { record, key } = newKey("alice", words, PORTS);
  await store.insertKey(change(record));
  const ring = ringOf([PROXY], store, () => NOW_MS + 86_400_000);
  await ring.opening;
  return { keys: new Keys({ ...SERVER, anonymous: "loopback", ring }, runtime.sha256), key };
}

const HERE = { address: () => "127.0.0.1", headers: { host: "localhost" } };

test("keys: a key of the store calls by its name, with what limits it", async () => {
  const { keys, key } = await stored({ rpm: "60" });
  const rules = { ...NO_RULES, requestsPerMinute: 60 };
  assert.deepEqual(keys.identify([key], HERE), { id: "alice", upstreamKey: FACTORY, grant: { rules, raises: [] } });
});

const ENDED: readonly (readonly [
  what: string,
  words: KeyWords,
  change: (record: KeyRecord) => KeyRecord,
  message: string,
  reason: string,
])[] = [
  ["is off", {}, (record) => ({ ...record, isOff: true }), 'The key "alice" is switched off. Ask whoever gave you the key.', "disabled"],
  [
    "has expired",
    { expires: "24h" },
    (record) => record,
    'The key "alice" expired at 2026-11-29T14:00:00Z. Ask whoever gave you the key.',
    "expired",
  ],
  [
    "was replaced",
    {},
    (record) => rotated(record, "24h", PORTS).record,
    'This key was replaced by a new one for "alice", and ended at 2026-11-29T14:00:00Z. Ask whoever gave you the key.',
    "expired",
  ],
];

for (const [what, words, change, message, reason] of ENDED) {
  test(`keys: one that ${what} is refused for good and says why, also where no key is needed, but not beside one that counts`, async () => {
    const { keys, key } = await stored(words, change);
    assert.throws(
      () => keys.identify([key], HERE),
      (error) => {
        assert.ok(error instanceof GatewayError);
        const { status, code, headers } = error;
        const expected = { "www-authenticate": "Bearer", "x-should-retry": "false", "x-factory-proxy-reason": reason };
        assert.deepEqual(
          { status, code, headers, message: error.message },
          { status: 401, code: "invalid_api_key", headers: expected, message },
        );
        return true;
      },
    );
    assert.equal(keys.identify([key, PROXY], HERE).id, "env-1");
    assert.equal(keys.identify([], HERE).id, "anonymous");
  });
}

test("keys: while the store has never been reached, a key that nobody knows may be one of its own", async () => {
  const store = new MemoryStore();
  store.keys = () => Promise.reject(new StoreError("It is away."));
  const ring = ringOf([PROXY], store);
  await ring.opening;
  for (const options of [SERVER, BRING]) {
    assert.throws(
      () => new Keys({ ...options, ring }, runtime.sha256).identify(["fp-unknown"], HERE),
      (error) => error instanceof GatewayError && error.status === 503 && error.headers["retry-after"] === "5",
    );
  }
  assert.equal(new Keys({ ...SERVER, ring }, runtime.sha256).identify([PROXY], HERE).id, "env-1");
});

test("keys: while it is not known what limits a key, nobody is admitted, with or without one", async () => {
  const store = new MemoryStore();
  const { promise, resolve } = Promise.withResolvers<readonly KeyRecord[]>();
  store.keys = () => promise;
  const ring = ringOf([PROXY], store);
  const server = new Keys({ ...SERVER, anonymous: "loopback", ring }, runtime.sha256);
  const both = new Keys({ ...BOTH, ring }, runtime.sha256);
  const message = "The client keys and their limits can't be read, because the store has not been reached yet. Try again in a moment.";
  for (const attempt of [() => server.identify([PROXY], HERE), () => server.identify([], HERE), () => both.identify([PROXY, OWN], HERE)]) {
    assert.throws(
      attempt,
      (error) => error instanceof GatewayError && error.status === 503 && error.headers["retry-after"] === "5" && error.message === message,
    );
  }
  resolve([]);
  await ring.opening;
  const found = [server.identify([PROXY], HERE), server.identify([], HERE), both.identify([PROXY, OWN], HERE)];
  assert.deepEqual(
    found.map(({ id }) => id),
    ["env-1", "anonymous", "env-1"],
  );
});

test("keys: where the store is away from the start, an own Factory key may be a client key, and is not sent to Factory", async () => {
  const store = new MemoryStore();
  store.keys = () => Promise.reject(new StoreError("It is away."));
  const ring = ringOf([PROXY], store);
  await ring.opening;
  assert.throws(
    () => new Keys({ ...BOTH, ring }, runtime.sha256).identify([PROXY, OWN], HERE),
    (error) => error instanceof GatewayError && error.status === 503,
  );
});
