// What a log line looks like, and what it must not say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, type LogLevel } from "../../src/errors.ts";
import { openLog, type Log, type LogFields } from "../../src/telemetry/log.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";

const NOON = Date.UTC(2026, 10, 22, 12, 0, 0, 7);
const PLAIN_KEY = "fk-canary-0123456789-abcdef";

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
  log.warning("answer", { path: "/v1/models?a=b", status: 200, model: null, note: "two words", dropped: ["seed"], empty: "", ok: false });
  log.error("stopped");
  assert.deepEqual(lines, [
    '12:00:00Z warning answer path="/v1/models?a=b" status=200 note="two words" dropped=["seed"] empty="" ok=false',
    "12:00:00Z error   stopped",
  ]);
});

test("log: no field can begin a line or command a terminal", () => {
  const { log, lines } = open({ format: "text" });
  log.info("one\ntwo", { a: "x\r\ny", b: "\u001b[2J", bidi: "a\u202eb\u2066", c: "\u009b2J", d: "x\u2028y", e: { "k\n": "v\u0085" } });
  assert.deepEqual(lines, [
    String.raw`12:00:00Z info    one\u000atwo a="x\r\ny" b="\u001b[2J" bidi="a\u202eb\u2066" c="\u009b2J" d="x\u2028y" e={"k\n":"v\u0085"}`,
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
  const kept = 32_768;
  const read = kept + 4096;
  for (const edge of [kept, read]) {
    for (const shift of [0, 5, 10, 20, 27, 4090]) {
      // Keys in front shrink when masked, and so pull what lies beyond the cut towards it: many of them by more than its margin.
      for (const keysInFront of [0, 150, 400, 1000]) {
        const front = `${PLAIN_KEY} `.repeat(keysInFront);
        const text = `${front}${"x".repeat(edge - front.length - shift - 1)} ${PLAIN_KEY} ${"y".repeat(5000)}`;
        const { text: shown } = jsonOf({ text }) as { text: string };
        const what = `${edge}, ${shift}, ${keysInFront}`;
        assert.ok(shown.endsWith(`… (${text.length} characters)`), what);
        assert.ok(shown.length < kept + 40, what);
        // Of a key at the cut no more than the eight characters that masking leaves, of one beyond it nothing.
        assert.ok(!shown.slice(keysInFront * 10).includes(edge === kept ? "fk-canary" : "fk-"), what);
      }
    }
  }
});
