// What a log line looks like, and what it must not say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, type LogLevel } from "../../src/errors.ts";
import { openLog, type Log, type LogFields } from "../../src/telemetry/log.ts";
import { mask, Redactor } from "../../src/telemetry/redaction.ts";

const NOON = Date.UTC(2026, 10, 22, 12, 0, 0, 7);
const KEY = 'fk-fake"key/with\\odd-characters.0123456789';
const PLAIN_KEY = "fk-canary-0123456789-abcdef";
const ODD_KEY = "plain/looking+key=0123456789";

interface Opened {
  readonly log: Log;
  readonly lines: string[];
}

function open({
  format = "json",
  level = "info",
  secrets = [],
}: {
  format?: "json" | "text";
  level?: LogLevel;
  secrets?: string[];
}): Opened {
  const lines: string[] = [];
  const log = openLog({ level, format, sink: (line) => lines.push(line), now: () => NOON, redactor: new Redactor(secrets) });
  return { log, lines };
}

function jsonOf(fields: LogFields): unknown {
  const { log, lines } = open({ secrets: [PLAIN_KEY] });
  log.info("event", fields);
  return JSON.parse(lines.join("\n"));
}

const HEAD = { time: "2026-11-22T12:00:00.007Z", level: "info", event: "event" };

test("log: a line of JSON begins with time, level and event, and keeps the order of the fields", () => {
  const { log, lines } = open({});
  log.info("request", { status: 200, model: null, streamed: true, dropped: ["seed"], missing: undefined, time: "of the field" });
  assert.deepEqual(lines, [
    '{"time":"2026-11-22T12:00:00.007Z","level":"info","event":"request","status":200,"model":null,"streamed":true,"dropped":["seed"]}',
  ]);
});

test("log: a line for a terminal is readable, and quotes what is not one plain word", () => {
  const { log, lines } = open({ format: "text" });
  log.warning("request", { path: "/v1/models?a=b", status: 200, model: null, note: "two words", dropped: ["seed"], empty: "", ok: false });
  log.error("stopped");
  assert.deepEqual(lines, [
    '12:00:00.007Z warning request path="/v1/models?a=b" status=200 note="two words" dropped=["seed"] empty="" ok=false',
    "12:00:00.007Z error   stopped",
  ]);
});

test("log: no field can begin a line or command a terminal", () => {
  const { log, lines } = open({ format: "text" });
  log.info("one\ntwo", { a: "x\r\ny", b: "\u001b[2J", c: "\u009b2J", d: "x\u2028y", e: { "k\n": "v\u0085" } });
  assert.deepEqual(lines, [
    String.raw`12:00:00.007Z info    one\u000atwo a="x\r\ny" b="\u001b[2J" c="\u009b2J" d="x\u2028y" e={"k\n":"v\u0085"}`,
  ]);
});

const LEVELS: readonly LogLevel[] = ["debug", "info", "warning", "error"];

test("log: a level writes itself and what is graver, and says so beforehand", () => {
  for (const [index, level] of LEVELS.entries()) {
    const { log, lines } = open({ level });
    for (const each of LEVELS) log[each](each);
    const graver = LEVELS.slice(index);
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { event: string }).event),
      graver,
    );
    assert.deepEqual(
      LEVELS.filter((each) => log.enabled(each)),
      graver,
    );
  }
});

test("log: one that knows further secrets masks them too, and the one that it was made from knows nothing of them", () => {
  const { log, lines } = open({ secrets: ["secret-of-the-server"] });
  const knowing = log.knowing(["secret-of-the-client"]);
  knowing.knowing(["secret-of-the-server"]).info("event", { text: "secret-of-the-server, secret-of-the-client" });
  log.info("event", { text: "secret-of-the-server, secret-of-the-client" });
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    [
      { ...HEAD, text: "secret-o…, secret-o…" },
      { ...HEAD, text: "secret-o…, secret-of-the-client" },
    ],
  );
});

test("log: values of every kind become JSON, and none can break a line", () => {
  const circle: Record<string, unknown> = { name: "circle" };
  circle["self"] = circle;
  const hostile = {
    get trap(): string {
      throw new Error("no");
    },
  };
  const shared = { n: 1 };
  const fields = {
    big: 12345678901234567890n,
    date: new Date(NOON),
    url: new URL(`http://h/?key=${PLAIN_KEY}`),
    map: new Map([["a", 1]]),
    set: new Set(["a"]),
    headers: new Headers({ "x-api-key": "something-not-configured", accept: "text/html" }),
    bytes: new Uint8Array(3),
    code: () => 1,
    list: [undefined, () => 1, shared, shared],
    circle,
    hostile,
  };
  assert.deepEqual(jsonOf(fields), {
    ...HEAD,
    big: "12345678901234567890",
    date: "2026-11-22T12:00:00.007Z",
    url: "http://h/?key=fk-canar…",
    map: { a: 1 },
    set: ["a"],
    headers: { accept: "text/html", "x-api-key": "somethin…" },
    bytes: "[3 bytes]",
    list: [null, null, { n: 1 }, { n: 1 }],
    circle: { name: "circle", self: "[circular]" },
    hostile: "[unreadable]",
  });
});

test("log: an error of the gateway says its kind, any other its stack, each with its cause, and none a key", () => {
  const cause = Object.assign(new Error(`upstream said ${PLAIN_KEY}`), { stack: `Error: ${PLAIN_KEY}\n at x`, code: "ECONNRESET" });
  const error = new GatewayError("upstream-failed", "No answer.", { cause, code: "broken" });
  assert.deepEqual(jsonOf({ error }), {
    ...HEAD,
    error: {
      kind: "upstream-failed",
      message: "No answer.",
      status: 502,
      code: "broken",
      param: null,
      cause: { name: "Error", message: "upstream said fk-canar…", code: "ECONNRESET", stack: "Error: fk-canar…\n at x" },
    },
  });
});

test("log: a long text is cut, and the cut shows no half of a key", () => {
  for (const shift of [0, 5, 10, 20, 27, 4090]) {
    // Keys in front shrink when masked, and so pull what lies beyond the cut towards it.
    const front = `${PLAIN_KEY} `.repeat(150);
    const text = `${front}${"x".repeat(32_768 + 4096 - front.length - shift - 1)} ${PLAIN_KEY} ${"y".repeat(1000)}`;
    const { text: shown } = jsonOf({ text }) as { text: string };
    assert.ok(shown.endsWith(`… (${text.length} characters)`));
    assert.ok(shown.length < 32_768 + 40);
    assert.ok(!shown.slice(150 * 10).includes("fk-"), String(shift));
  }
});

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
    "Wrong API key: send one as `Authorization: Bearer <key>`, `x-api-key` or `x-goog-api-key`.",
    "e.g. `Authorization: Bearer <client key>` with `x-api-key: <Factory key>`.",
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
