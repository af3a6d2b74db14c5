// What a secret looks like, and what is left of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import { mask, Redactor, shownUrl } from "../../src/telemetry/redaction.ts";

const KEY = 'fk-fake"key/with\\odd-characters.0123456789';
const PLAIN_KEY = "fk-canary-0123456789-abcdef";
const ODD_KEY = "plain/looking+key=0123456789";

test("mask: a key shows its first 8 characters, and nothing when it is short", () => {
  const keys = ["fk-0123456789abc", "fk-0123456789ab", "", "fk-\\u0030123456789abcdef", "%66k-0123456789abcdef"];
  assert.deepEqual(keys.map(mask), ["fk-01234…", "…", "…", "…", "…"]);
});

/** What a known secret may look like inside other text. */
const SPELLINGS: readonly (readonly [string, (key: string) => string])[] = [
  ["as it is", (key) => key],
  ["in JSON", (key) => JSON.stringify(key)],
  ["in JSON inside a string of JSON", (key) => JSON.stringify(JSON.stringify(JSON.stringify({ a: key })))],
  ["with slashes escaped", (key) => JSON.stringify(key).replaceAll("/", "\\/")],
  ["with each character escaped", (key) => key.replace(/./g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)],
  [
    "with some characters escaped, in capitals",
    (key) => key.replace(/[-"\\kf]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`),
  ],
  ["in a URL", (key) => encodeURIComponent(key)],
  ["in a URL with each character escaped", (key) => key.replace(/./g, (unit) => `%${unit.charCodeAt(0).toString(16)}`)],
  ["in the middle of a word", (key) => `abc${key}def`],
  ["twice", (key) => `${key},${key}`],
  ["before its own beginning", (key) => `${key}${key.slice(0, 5)}`],
];

for (const [name, spell] of SPELLINGS) {
  test(`redactor: a known secret is masked ${name}`, () => {
    for (const key of [PLAIN_KEY, ODD_KEY, KEY]) {
      const redacted = new Redactor([key]).text(`before ${spell(key)} after`);
      assert.ok(redacted.startsWith("before ") && redacted.endsWith(" after"), redacted);
      assert.ok(redacted.includes("…"), redacted);
      assert.ok(!/0123456789|3[0-9].*3[0-9].*3[0-9]/.test(redacted), redacted);
    }
  });
}

/** Text -> what is left of it, with no secret known. */
const SHAPES: readonly (readonly [string, string])[] = [
  ["key fk-unknown-0123456789 here", "key fk-unkno… here"],
  ["sk-short-12", "…"],
  ["sk-proj-0123456789abcdef", "sk-proj-…"],
  ["AIzaFake0123456789abcdefghijk", "AIzaFake…"],
  ['{"text":"look:\\nfk-unknown-0123456789"}', '{"text":"look:\\nfk-unkno…"}'],
  ["fk\\u002dunknown-0123456789", "…"],
  ["q=%20fk-unknown-0123456789&b", "q=%20fk-unkno…&b"],
  ["Bearer abcdefgh", "Bearer …"],
  ["sent bearer  abcdefgh.ijklmnop_qrst/=+", "sent bearer  abcdefgh…"],
  ["Authorization: Bearer abc", "Authorization: Bearer …"],
  ["authorization: Basic dXNlcjpwYXNzd29yZA==", "authorization: Basic dXNlcjpw…"],
  ['"x-api-key": "abcdefghijklmnop"', '"x-api-key": "abcdefgh…"'],
  ['{\\"X-Goog-Api-Key\\":\\"abc\\"}', '{\\"X-Goog-Api-Key\\":\\"…\\"}'],
  ["FACTORY_API_KEY=abcdefghijklmnop", "FACTORY_API_KEY=abcdefgh…"],
  ["cookie: session=abcdefghijklmnopqrst; theme=dark\nnext", "cookie: …\nnext"],
  ['"Set-Cookie": "session=abc; Path=/"', '"Set-Cookie": "…"'],
  ["http://h/v1?alt=sse&key=abc&x=1", "http://h/v1?alt=sse&key=…&x=1"],
];

test("redactor: what looks like a key is masked without being known, and once is enough", () => {
  const redactor = new Redactor([]);
  for (const [text, expected] of SHAPES) {
    assert.equal(redactor.text(text), expected);
    assert.equal(redactor.text(redactor.text(text)), expected);
  }
});

test("redactor: plain language stays as it is, and the program's own advice too", () => {
  const texts = [
    "a task-force of disk-drivers asked about risk-assessment",
    "Wrong API key: send one as `Authorization: Bearer <key>` or in your client's own key header.",
    "e.g. `Authorization: Bearer <client key>` with `x-goog-api-key: <Factory key>`.",
    "the key=value pairs of a cookie, the bearer of news",
    "C:\\users\\fk 100%25",
  ];
  assert.deepEqual(
    texts.map((text) => new Redactor([]).text(text)),
    texts,
  );
});

test("redactor: of two secrets, one inside the other, nothing of the longer is left over", () => {
  const redactor = new Redactor(["inner-secret-0123"]).with(["inner-secret-0123-and-its-outer-rest"]);
  assert.equal(redactor.text("inner-secret-0123-and-its-outer-rest inner-secret-0123"), "inner-se… inner-se…");
});

test("redactor: secrets too short to be any are left alone", () => {
  assert.equal(new Redactor(["", "a", "abc", "abcd"]).text("abc abcd"), "abc …");
});

test("redactor: values are masked by the name of their header or field, in every shape that headers come in", () => {
  const credential = "abcdefghijklmnopqrst";
  const value = {
    Authorization: `Bearer ${credential}`,
    "proxy-authorization": credential,
    "x-api-key": [credential, "short"],
    x_goog_api_key: credential,
    apiKey: credential,
    cookie: credential,
    pairs: [
      ["authorization", `Basic ${credential}`],
      ["accept", "text/html"],
    ],
    masked: { authorization: "Bearer abcdefgh…", "x-api-key": "abcdefgh…" },
    nothing: { authorization: null },
    [PLAIN_KEY]: PLAIN_KEY,
  };
  assert.deepEqual(new Redactor([PLAIN_KEY]).value(value), {
    Authorization: "Bearer abcdefgh…",
    "proxy-authorization": "abcdefgh…",
    "x-api-key": ["abcdefgh…", "…"],
    x_goog_api_key: "abcdefgh…",
    apiKey: "abcdefgh…",
    cookie: "…",
    pairs: [
      ["authorization", "Basic abcdefgh…"],
      ["accept", "text/html"],
    ],
    masked: { authorization: "Bearer abcdefgh…", "x-api-key": "abcdefgh…" },
    nothing: { authorization: null },
    "fk-canar…": "fk-canar…",
  });
});

test("redactor: values of any length are kept whole", () => {
  const text = "x".repeat(100_000);
  assert.equal(new Redactor([]).value(text), text);
});

test("redactor: headers with a known secret are left out, and all others stay", () => {
  const redactor = new Redactor([PLAIN_KEY]);
  const headers = { "request-id": "a", "openai-organization": `org-${PLAIN_KEY}`, "x-factory-note": "b" };
  assert.deepEqual(redactor.headers(headers), { "request-id": "a", "x-factory-note": "b" });
  const harmless = { "request-id": "a" };
  assert.equal(redactor.headers(harmless), harmless);
});

test("redactor: an error keeps its kind and status, and loses the known secrets of its message", () => {
  const redactor = new Redactor([PLAIN_KEY]);
  const error = new GatewayError("upstream-rejected", `Wrong key ${PLAIN_KEY}.`, { status: 401 });
  const { kind, status, message, cause } = redactor.error(error);
  assert.deepEqual({ kind, status, message }, { kind: "upstream-rejected", status: 401, message: "Wrong key fk-canar…." });
  assert.equal(cause, error);
  const harmless = new GatewayError("internal", "It broke.");
  assert.equal(redactor.error(harmless), harmless);
});

test("redactor: of what was typed nothing is shown where any of it may be a key, even the beginning of one", () => {
  const redactor = new Redactor([ODD_KEY]);
  const hidden = [PLAIN_KEY, "fk-", "see SK-1", "aiza", `x${ODD_KEY}`, encodeURIComponent(ODD_KEY), "Bearer abcdefgh"];
  assert.deepEqual(
    hidden.filter((text) => redactor.typed(text) !== null),
    [],
  );
  assert.deepEqual(
    ["loud", "C:\\models.json", "https://u:p@h/x?y=z"].map((text) => redactor.typed(text)),
    ["loud", "C:\\models.json", "https://…@h/x?…"],
  );
});

test("a URL is shown without its user, its query and its fragment", () => {
  const urls = ["https://h/p", "https://u:p@h/p", "https://h/p?a=b#c", "https://h/p#c?d", "https://h/@p"];
  assert.deepEqual(urls.map(shownUrl), ["https://h/p", "https://…@h/p", "https://h/p?…", "https://h/p#…", "https://h/@p"]);
});
