// Requests whose end, or whose place, two programs may see differently, written by hand and sent to the program on every way to start
// it. It must never ask the upstream for another thing than it understood: such a request is refused, or it is one request and no other.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ask, MODELS } from "../support/dialects.ts";
import { until } from "../support/gateway.ts";
import { build, cleanUp, DENO, OWN_WAYS, start, type Running } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";
import { rawCall } from "../support/wire.ts";

const CLIENT_KEY = "ck-a-fake-key-of-a-client";
const PATH = "/v1/chat/completions";

const upstream = await startUpstream();
await build();
after(async () => {
  cleanUp();
  await upstream.stop();
});

function bodyOf(text: string): string {
  return JSON.stringify(ask("openai-chat", { model: MODELS["openai-chat"], text }).body);
}

interface Written {
  readonly line?: string;
  readonly host?: string;
  readonly key?: string | null;
  readonly eol?: string;
}

/** A request as it is written: its head with these lines besides the usual, then the body. */
function written(
  lines: readonly string[],
  body: string,
  { line = `POST ${PATH} HTTP/1.1`, host = "gateway.test", key = CLIENT_KEY, eol = "\r\n" }: Written = {},
): string {
  const head = [
    line,
    `host: ${host}`,
    ...(key === null ? [] : [`authorization: Bearer ${key}`]),
    "content-type: application/json",
    ...lines,
  ];
  return `${head.join(eol)}${eol}${eol}${body}`;
}

/** Stands where each request gets a number of its own, by which it is known when it comes out again. */
const NUMBER = "####";
const GOOD = bodyOf(`Hello ${NUMBER}`);
const LENGTH = `content-length: ${GOOD.length}`;
const CHUNKED = "transfer-encoding: chunked";
const SIZE = GOOD.length.toString(16);
const LAST = "\r\n0\r\n\r\n";
const CHUNKS = `${SIZE}\r\n${GOOD}${LAST}`;
const WELL_FORMED = written([LENGTH], GOOD);

/** What hides behind a body whose end is in doubt: it has the key, so that nothing else would stop it. */
const HIDDEN = bodyOf(`Smuggled ${NUMBER}`);
const BEHIND = written([`content-length: ${HIDDEN.length}`], HIDDEN);
const NOTHING_THEN_BEHIND = `0\r\n\r\n${BEHIND}`;

/**
 * `refused`: no answer but a refusal, the connection is closed, and the upstream hears nothing.
 * `as one`: harmless; the upstream gets the one request that it gets for the same body in a well-formed one.
 * `waits`: there is no end yet; the upstream hears nothing, also when the client leaves.
 */
type Result = "refused" | "as one" | "waits";

interface Shape {
  readonly what: string;
  readonly text: string;
  readonly bun: Result;
  readonly deno: Result;
}

const shape = (what: string, text: string, bun: Result, deno: Result = bun): Shape => ({ what, text, bun, deno });

const SHAPES: readonly Shape[] = [
  shape("a length", WELL_FORMED, "as one"),
  shape("chunks", written([CHUNKED], CHUNKS), "as one"),

  // Two words on the length.
  shape("a length that is too short, and chunks", written(["content-length: 4", CHUNKED], NOTHING_THEN_BEHIND), "refused"),
  // Deno hides the length, and closes the connection behind each body in chunks: what another reader takes for its rest is no request.
  shape("chunks, and a length", written([CHUNKED, LENGTH], CHUNKS), "refused", "as one"),
  shape("the right length, and chunks", written([LENGTH, CHUNKED], GOOD), "refused"),
  shape("two lengths, the first of nothing", written(["content-length: 0", LENGTH], GOOD), "refused"),
  shape("two lengths, the second of nothing", written([LENGTH, "content-length: 0"], GOOD), "refused"),
  shape("the same length twice", written([LENGTH, LENGTH], GOOD), "as one"),
  shape("a list of two lengths", written([`content-length: 0, ${GOOD.length}`], GOOD), "refused"),
  shape("a list of the same length twice", written([`${LENGTH}, ${GOOD.length}`], GOOD), "refused"),

  // Lengths that are none.
  shape("a length with a plus", written([`content-length: +${GOOD.length}`], GOOD), "refused"),
  shape("a negative length", written(["content-length: -1"], GOOD), "refused"),
  shape("a length in hexadecimal", written([`content-length: 0x${SIZE}`], GOOD), "refused"),
  shape("a length with a fraction", written([`${LENGTH}.0`], GOOD), "refused"),
  shape("a length with a space inside", written([LENGTH.replace(/\d$/, " $&")], GOOD), "refused"),
  shape("an empty length", written(["content-length: "], BEHIND), "refused"),
  shape("a length beyond 64 bits", written(["content-length: 18446744073709551617"], GOOD), "refused"),
  shape("a length with a zero before it", written([`content-length: 0${GOOD.length}`], GOOD), "as one"),

  // Transfer encodings.
  shape("xchunked", written(["transfer-encoding: xchunked"], NOTHING_THEN_BEHIND), "refused"),
  shape('"chunked" in quotes', written(['transfer-encoding: "chunked"'], NOTHING_THEN_BEHIND), "refused"),
  shape("identity", written(["transfer-encoding: identity"], NOTHING_THEN_BEHIND), "refused"),
  shape("an empty transfer-encoding", written(["transfer-encoding: "], BEHIND), "refused"),
  shape("chunked, identity", written(["transfer-encoding: chunked, identity"], NOTHING_THEN_BEHIND), "refused"),
  shape("identity, chunked", written(["transfer-encoding: identity, chunked"], CHUNKS), "refused"),
  shape("gzip, chunked", written(["transfer-encoding: gzip, chunked"], CHUNKS), "refused"),
  shape("chunked, then identity in a line of its own", written([CHUNKED, "transfer-encoding: identity"], NOTHING_THEN_BEHIND), "refused"),
  shape("chunked twice", written([CHUNKED, CHUNKED], CHUNKS), "refused"),
  shape("chunked with a NUL", written([`${CHUNKED}\0`], CHUNKS), "refused"),
  shape("chunked behind a vertical tab", written(["transfer-encoding: \u000bchunked"], CHUNKS), "refused"),
  shape("chunked behind a tab", written(["transfer-encoding:\tchunked"], CHUNKS), "as one"),
  shape("chunks in HTTP/1.0", written([CHUNKED], CHUNKS, { line: `POST ${PATH} HTTP/1.0` }), "refused"),

  // Heads.
  shape("a space before the colon of a length", written([`content-length : ${GOOD.length}`], GOOD), "refused"),
  shape("a tab before the colon of a length", written([`content-length\t: ${GOOD.length}`], GOOD), "refused"),
  shape("a space before the colon of a transfer-encoding", written(["transfer-encoding : chunked"], NOTHING_THEN_BEHIND), "refused"),
  shape("a length in a folded line", written(["x-folded: a", ` ${LENGTH}`], GOOD), "refused"),
  shape("a folded line behind a length", written([LENGTH, "x-folded: a", " b"], GOOD), "refused"),
  shape("a folded transfer-encoding", written(["transfer-encoding:", " chunked"], CHUNKS), "refused"),
  shape("a NUL in a value", written(["x-odd: a\0b", LENGTH], GOOD), "refused"),
  shape("a NUL in a name", written(["x-o\0dd: a", LENGTH], GOOD), "refused"),
  shape("a bare CR in a value", written([`x-odd: a\r${LENGTH}`], GOOD), "refused"),
  shape("a bare LF before a length", written([`x-odd: a\n${LENGTH}`], GOOD), "refused", "as one"),
  shape("bare LF in all of the head", written([LENGTH], GOOD, { eol: "\n" }), "refused", "as one"),
  shape("a line without a colon", written(["x-nothing", LENGTH], GOOD), "refused"),
  shape("a line without a name", written([": x", LENGTH], GOOD), "refused"),
  shape("a name with a space", written(["x y: z", LENGTH], GOOD), "refused"),
  shape("no host", WELL_FORMED.replace("host: gateway.test\r\n", ""), "refused"),
  shape("two hosts", written(["host: other.test", LENGTH], GOOD), "refused"),
  shape("spaces in the request line", written([LENGTH], GOOD, { line: `POST  ${PATH}  HTTP/1.1` }), "refused"),
  shape("tabs in the request line", written([LENGTH], GOOD, { line: `POST\t${PATH}\tHTTP/1.1` }), "refused"),
  shape("no version", written([LENGTH], GOOD, { line: `POST ${PATH}` }), "refused"),
  shape("a version that is none", written([LENGTH], GOOD, { line: `POST ${PATH} HTTP/1.2` }), "refused"),
  shape("an empty line before the first", `\r\n${WELL_FORMED}`, "refused", "as one"),

  // Chunks.
  shape("a chunk size with a minus", written([CHUNKED], `-1\r\n${GOOD}${LAST}`), "refused"),
  shape("a chunk size with a plus", written([CHUNKED], `+${SIZE}\r\n${GOOD}${LAST}`), "refused"),
  shape("a chunk size with 0x", written([CHUNKED], `0x${SIZE}\r\n${GOOD}${LAST}`), "refused"),
  shape("a chunk size with an underscore", written([CHUNKED], `${SIZE}_\r\n${GOOD}${LAST}`), "refused"),
  shape("a chunk without a size", written([CHUNKED], `\r\n${GOOD}${LAST}`), "refused"),
  shape("a chunk size beyond 64 bits", written([CHUNKED], `1000000000000000${SIZE}\r\n${GOOD}${LAST}`), "refused"),
  shape("the largest chunk size", written([CHUNKED], `FFFFFFFFFFFFFFFF\r\n${GOOD}${LAST}`), "refused", "waits"),
  shape("a space before a chunk size", written([CHUNKED], ` ${SIZE}\r\n${GOOD}${LAST}`), "refused"),
  shape("a space behind a chunk size", written([CHUNKED], `${SIZE} \r\n${GOOD}${LAST}`), "refused", "as one"),
  shape("a chunk extension", written([CHUNKED], `${SIZE};a=b\r\n${GOOD}${LAST}`), "as one"),
  shape("a chunk extension with a bare LF", written([CHUNKED], `${SIZE};a\nb\r\n${GOOD}${LAST}`), "refused"),
  shape("a chunk extension with a bare CR", written([CHUNKED], `${SIZE};a\rb\r\n${GOOD}${LAST}`), "refused"),
  shape("a chunk size that ends in a bare LF", written([CHUNKED], `${SIZE}\n${GOOD}${LAST}`), "refused"),
  shape("a chunk that ends in a bare LF", written([CHUNKED], `${SIZE}\r\n${GOOD}\n0\r\n\r\n`), "refused"),
  shape("chunks with bare LF alone", written([CHUNKED], CHUNKS.replaceAll("\r\n", "\n")), "refused"),
  shape("a chunk shorter than its size", written([CHUNKED], `${(GOOD.length + 9).toString(16)}\r\n${GOOD}\r\n`), "waits"),
  shape("a chunk longer than its size", written([CHUNKED], `${(GOOD.length - 2).toString(16)}\r\n${GOOD}${LAST}`), "refused"),

  // Places.
  shape("another host in the request line", written([LENGTH], GOOD, { line: `POST http://127.0.0.1:9${PATH} HTTP/1.1` }), "as one"),
  shape("a user in the request line", written([LENGTH], GOOD, { line: `POST http://a:b@127.0.0.1:9${PATH} HTTP/1.1` }), "as one"),
  shape("an upgrade to HTTP/2", written(["connection: upgrade", "upgrade: h2c", LENGTH], GOOD), "as one"),
  ...[`gateway.test${PATH}?x=`, "gateway.test/x", "gateway.test\\x", "gateway.test#x", "gateway.test?x", "user@gateway.test", "a b"].map(
    (host) => shape(`a host of ${host}`, written([LENGTH, "connection: close"], GOOD, { host, line: "POST /health HTTP/1.1" }), "refused"),
  ),
];

/** What the upstream was asked for under a number, in order and less what is new each time. */
function askedFor(number: string): object[] {
  return upstream.requests
    .filter(({ body }) => body.includes(number))
    .map(({ method, path, headers, body }) => ({ method, path, headers: { ...headers, "x-assistant-message-id": "new" }, body }));
}

let latest = 1000;
function nextNumber(): string {
  return String(++latest);
}

/** Sends a well-formed request, which the program must serve; the upstream's view of it. */
async function reference(url: string, number: string): Promise<object> {
  const raw = rawCall(url, WELL_FORMED.replace(NUMBER, number));
  await until(() => raw.text().startsWith("HTTP/1.1 200 "), "the answer to a well-formed request");
  raw.leave();
  return askedFor(number)[0] ?? assert.fail();
}

const REFUSALS = /^(?:HTTP\/1\.1 (?:400|505) |$)/;
const STATUSES = /HTTP\/1\.1 \d+/gm;

function startProgram(way: (typeof OWN_WAYS)[number]): Running {
  const env = {
    FACTORY_BASE_URL: upstream.url,
    FACTORY_API_KEY: "fk-a-fake-key-of-factory",
    PROXY_API_KEY: CLIENT_KEY,
    PORT: "0",
    RETRIES: "0",
  };
  return start(way, { env });
}

for (const way of OWN_WAYS) {
  const program = startProgram(way);

  for (const { what, text, bun, deno } of SHAPES) {
    const result = way === DENO ? deno : bun;
    test(`${way.name}: ${what}: ${result}`, async () => {
      const url = await program.url;
      const number = nextNumber();
      const known = await reference(url, number);
      const raw = rawCall(url, text.replaceAll(NUMBER, number));
      if (result === "refused") {
        assert.match(await raw.closed, REFUSALS);
      } else if (result === "as one") {
        await until(() => raw.text().startsWith("HTTP/1.1 200 "), "the answer");
      } else {
        // Another call, sent later and answered, shows that this one has no answer yet.
        await reference(url, nextNumber());
        assert.equal(raw.text(), "");
      }
      raw.leave();
      const answers = (await raw.closed).match(STATUSES) ?? [];
      assert.ok(answers.length <= 1, `one answer at most: ${answers.join()}`);
      // What would still come has come before another call is through.
      await reference(url, nextNumber());
      assert.deepEqual(askedFor(number), result === "as one" ? [known, known] : [known]);
    });
  }

  test(`${way.name}: a second request behind the first is one of its own, with a key of its own, or the connection ends`, async () => {
    const url = await program.url;
    for (const key of [CLIENT_KEY, null]) {
      for (const one of [WELL_FORMED, written([CHUNKED], CHUNKS)]) {
        const number = nextNumber();
        const known = await reference(url, number);
        const both = one + written([`content-length: ${HIDDEN.length}`, "connection: close"], HIDDEN, { key });
        const answered = await rawCall(url, both.replaceAll(NUMBER, number)).closed;
        const statuses = (answered.match(STATUSES) ?? []).map((line) => Number(line.slice(-3)));
        await reference(url, nextNumber());
        const [, first, second, ...more] = askedFor(number);
        assert.deepEqual(more, []);
        if (way === DENO) {
          // Deno closes the connection behind a body in chunks.
          const isAlone = one !== WELL_FORMED;
          assert.deepEqual(statuses, isAlone ? [200] : [200, key === null ? 401 : 200]);
          assert.deepEqual([first, second !== undefined], [known, key !== null && !isAlone]);
        } else {
          // Bun takes no second request before it has answered the first, which may have gone out, and closes the connection.
          assert.deepEqual([statuses, second], [[], undefined]);
          if (first !== undefined) assert.deepEqual(first, known);
        }
      }
    }
  });

  test(`${way.name}: what follows the last chunk is neither a header nor a request`, async () => {
    const url = await program.url;
    for (const trailer of ["x-trailer: a", "content-length: 5", "authorization: Bearer other", "transfer-encoding: chunked"]) {
      const number = nextNumber();
      const known = await reference(url, number);
      const text = written([CHUNKED, "connection: close"], `${SIZE}\r\n${GOOD}\r\n0\r\n${trailer}\r\n\r\n`);
      const answered = await rawCall(url, text.replaceAll(NUMBER, number)).closed;
      await reference(url, nextNumber());
      const [, first, ...more] = askedFor(number);
      assert.deepEqual(more, []);
      if (first !== undefined) assert.deepEqual(first, known);
      // Bun knows no trailers: the request may have gone out when it comes to one, and its client gets 400.
      assert.match(answered, way === DENO ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 400 /);
    }
  });

  test(`${way.name}: heads up to MAX_HEADER_BYTES pass, larger ones are 431 in the route's shape; the runtime refuses what is far beyond`, async () => {
    const url = await program.url;
    const withHead = (bytes: number): string => written([LENGTH, `x-long: ${"x".repeat(bytes)}`, "connection: close"], GOOD);
    const [passes, named, beyond] = await Promise.all([30, 40, 400].map((kibibytes) => rawCall(url, withHead(kibibytes * 1024)).closed));
    assert.match(passes ?? "", /^HTTP\/1\.1 200 /);
    assert.match(named ?? "", /^HTTP\/1\.1 431 [^]*"The head of the request is larger than 32768 bytes \(MAX_HEADER_BYTES\)\."/);
    assert.match(beyond ?? "", /^(?:$|HTTP\/1\.1 4(?:00|31) )/);
  });
}
