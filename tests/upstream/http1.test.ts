// How answers of HTTP/1.1 are read: each rule of RFC 9112 that the client relies on, wherever the bytes are cut.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bodyDecoder } from "../../src/upstream/http1/body.ts";
import { HeadReader, HttpFault, MAX_HEAD_BYTES, requestBytes, targetOf, type AnswerHead } from "../../src/upstream/http1/head.ts";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 300);

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const textOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

interface Message {
  readonly heads: readonly (Omit<AnswerHead, "headers"> & { readonly headers: object })[];
  readonly body: string;
  /** What came behind it; null: the body goes on. */
  readonly behind: string | null;
}

/** An answer in these pieces. */
function read(pieces: readonly Uint8Array[]): Message | string {
  const reader = new HeadReader();
  const heads: AnswerHead[] = [];
  let [body, behind, decoder]: [string, string | null, ReturnType<typeof bodyDecoder> | null] = ["", null, null];
  try {
    for (const piece of pieces) {
      // The decoder may write over what it gets.
      const bytes = piece.slice();
      if (behind !== null) {
        behind += textOf(bytes);
        continue;
      }
      let at = 0;
      while (decoder === null && at !== -1) {
        at = reader.take(bytes, at);
        if (at === -1) break;
        const head = reader.head();
        heads.push(head);
        if (head.status >= 200) decoder = bodyDecoder(head.length);
      }
      if (decoder === null || at === -1) continue;
      const found: Uint8Array | null = decoder.take(bytes, at);
      if (found !== null) body += textOf(found);
      if (decoder.end !== -1) behind = textOf(piece.subarray(decoder.end));
    }
  } catch (error) {
    if (error instanceof HttpFault) return error.message;
    throw error;
  }
  return { heads: heads.map((head) => ({ ...head, headers: Object.fromEntries(head.headers) })), body, behind };
}

const whole = (text: string): Message | string => read([bytesOf(text)]);
const byteByByte = (text: string): Message | string => read([...bytesOf(text)].map((byte) => Uint8Array.of(byte)));

/** Both ways to cut it give the same. */
function both(text: string): Message {
  const found = whole(text);
  assert.deepEqual(byteByByte(text), found);
  assert.ok(typeof found !== "string", String(found));
  return found;
}

function refused(text: string): string {
  const found = whole(text);
  assert.deepEqual(byteByByte(text), found);
  assert.ok(typeof found === "string", JSON.stringify(found));
  return found;
}

const answer = (headers: string, body = ""): string => `HTTP/1.1 200 OK\r\n${headers}\r\n${body}`;

test("a body has the length that its head says, and what is behind it is not part of it", () => {
  assert.deepEqual(both(answer("Content-Type: a/b\r\nContent-Length: 3\r\n", "abcHTTP/1.1")), {
    heads: [{ status: 200, headers: { "content-type": "a/b", "content-length": "3" }, length: 3, isKept: true }],
    body: "abc",
    behind: "HTTP/1.1",
  });
  assert.deepEqual(both(answer("content-length: 0\r\n")).behind, "");
  assert.deepEqual(both(answer("content-length: 4\r\n", "abc")).behind, null);
});

test("what speaks another protocol is refused at its first bytes: it may wait for its turn, and never end a line", () => {
  for (const text of ["SSH-2.0-OpenSSH", "+OK", "HTTP/2", "\x15\x03\x01", "HTTP/1.1 100 Continue\r\n\r\nS"]) {
    assert.equal(refused(text), "the answer does not begin with a status line of HTTP/1.1");
  }
  for (const text of ["H", "HTTP/1.", "HTTP/1.1 100 Continue\r\n\r\nHTTP"]) both(text);
});

test("a body in chunks is put together; extensions and trailers are discarded (RFC 9112, 7.1)", () => {
  const chunked = answer(
    "transfer-encoding: Chunked\r\n",
    '3\r\nabc\r\n0A ;a="b"\r\n0123456789\r\n1;x\r\n!\r\n0\r\nX-Trailer: a\r\n\r\nmore',
  );
  const { heads, body, behind } = both(chunked);
  assert.deepEqual([heads[0]?.length, body, behind], ["chunked", "abc0123456789!", "more"]);
  assert.deepEqual(both(answer("transfer-encoding: chunked\r\n", "0\r\n\r\n")).behind, "");
  assert.deepEqual(both(answer("transfer-encoding: chunked\r\n", "3\r\nab")).behind, null);
});

test("without a length the body goes on until the connection is closed, which then serves no other (6.3)", () => {
  const { heads, body, behind } = both(answer("", "all that comes"));
  assert.deepEqual([heads[0]?.length, heads[0]?.isKept, body, behind], ["close", false, "all that comes", null]);
});

test("204 and 304 have no body, whatever their head says; interim answers are passed over (RFC 9110, 15.2)", () => {
  for (const status of [204, 304]) assert.equal(both(`HTTP/1.1 ${status} X\r\ncontent-length: 5\r\n\r\nabcde`).body, "");
  const text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 1\r\n\r\nx";
  const { heads, body } = both(text);
  assert.deepEqual([heads.map(({ status }) => status), body], [[100, 103, 201], "x"]);
});

test("a connection is kept unless the head says that it closes, or the answer is of HTTP/1.0 (9.3)", () => {
  const kept = (headers: string): boolean | undefined => both(answer(`content-length: 0\r\n${headers}`)).heads[0]?.isKept;
  assert.deepEqual(
    ["", "connection: keep-alive\r\n", "connection: Close\r\n", "connection: x , close\r\n", "connection: x\r\nconnection: close\r\n"].map(
      kept,
    ),
    [true, true, false, false, false],
  );
  assert.equal(kept("connection: closed\r\n"), true);
  assert.equal(both("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n").heads[0]?.isKept, false);
});

test("headers: names in lower case, blanks around values away, several of one name joined, bytes above 127 as they are", () => {
  const { heads } = both(answer("X-A: \t one two\t \r\nx-a:two\r\nX-B:\r\nX-C: \x80\xe9\xff\r\ncontent-length: 0\r\n"));
  assert.deepEqual(heads[0]?.headers, { "x-a": "one two, two", "x-b": "", "x-c": "\x80\xe9\xff", "content-length": "0" });
});

test("a status line may lack its reason, and may have any", () => {
  for (const line of ["HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1 200 Not  found \xe9"]) {
    assert.equal(both(`${line}\r\ncontent-length: 0\r\n\r\n`).heads[0]?.status, 200);
  }
});

const MALFORMED: Readonly<Record<string, string>> = {
  "a length and a transfer encoding (6.3)": answer("content-length: 3\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"),
  "two lengths": answer("content-length: 3\r\ncontent-length: 4\r\n", "abcd"),
  "the same length twice": answer("content-length: 3\r\ncontent-length: 3\r\n", "abc"),
  "a list of lengths": answer("content-length: 3, 3\r\n", "abc"),
  "a length with a sign": answer("content-length: +3\r\n", "abc"),
  "a negative length": answer("content-length: -3\r\n", "abc"),
  "a hexadecimal length": answer("content-length: 0x3\r\n", "abc"),
  "an empty length": answer("content-length:\r\n", "abc"),
  "a length beyond all numbers": answer("content-length: 99999999999999999999\r\n", "abc"),
  "another transfer encoding": answer("transfer-encoding: gzip, chunked\r\n"),
  "chunked twice": answer("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"),
  "a transfer encoding with a parameter": answer("transfer-encoding: chunked;q=1\r\n"),
  "a transfer encoding that looks like chunked": answer("transfer-encoding: \x0bchunked\r\n"),
  "chunks in HTTP/1.0 (6.1)": "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  "a line that goes on in the next (5.2)": answer("x-a: one\r\n two\r\n"),
  "a header that begins with a blank": answer(" x-a: one\r\n"),
  "a blank before the colon (5.1)": answer("x-a : one\r\n"),
  "a header without a colon": answer("x-a\r\n"),
  "a header without a name": answer(": one\r\n"),
  "a name that is no token": answer("x(a): one\r\n"),
  "a carriage return alone (2.2)": answer("x-a: one\rx-b: two\r\n"),
  "a line feed alone": "HTTP/1.1 200 OK\ncontent-length: 0\n\n",
  "a line feed alone behind a header": answer("x-a: one\nx-b: two\r\n"),
  "a NUL": answer("x-a: o\0ne\r\n"),
  "another control character": answer("x-a: o\x07ne\r\n"),
  "another protocol": "ICY 200 OK\r\n\r\n",
  "another version": "HTTP/2.0 200 OK\r\n\r\n",
  "a version in lower case": "http/1.1 200 OK\r\n\r\n",
  "no version": "200 OK\r\n\r\n",
  "an empty line first": "\r\nHTTP/1.1 200 OK\r\n\r\n",
  "a status of two digits": "HTTP/1.1 20 OK\r\n\r\n",
  "a status of four digits": "HTTP/1.1 2000 OK\r\n\r\n",
  "a status below 100": "HTTP/1.1 099 OK\r\n\r\n",
  "an endless head": `HTTP/1.1 200 OK\r\n${`x: ${"y".repeat(8000)}\r\n`.repeat(40)}\r\n`,
  "endless interim answers": "HTTP/1.1 100 Continue\r\n\r\n".repeat(MAX_HEAD_BYTES / 20),
  ...Object.fromEntries(
    Object.entries({
      "a chunk without a size": "\r\nabc\r\n",
      "a size that is no number": "g\r\nabc\r\n",
      "a size with 0x": "0x3\r\nabc\r\n",
      "a size with a sign": "+3\r\nabc\r\n",
      "a size behind a blank": " 3\r\nabc\r\n",
      "a size before a blank and nothing": "3 \r\nabc\r\n",
      "a size and something else": "3 3\r\nabc\r\n",
      "a size that no number holds": "fffffffffffffff\r\nabc\r\n",
      "a size of endless zeros": `${"0".repeat(20)}3\r\nabc\r\n`,
      "a line feed alone behind a size": "3\nabc\r\n",
      "a carriage return alone behind a size": "3\rabc\r\n",
      "a carriage return in an extension": "3;a\rb\r\nabc\r\n",
      "a NUL in an extension": "3;a\0\r\nabc\r\n",
      "an endless extension": `3;${"a".repeat(20_000)}\r\nabc\r\n`,
      "a chunk that is longer than it says": "3\r\nabcd\r\n",
      "a chunk that is shorter than it says": "3\r\nab\r\n0\r\n\r\n",
      "a line feed alone behind a chunk": "3\r\nabc\n0\r\n\r\n",
      "a line feed alone in a trailer": "0\r\nx: y\n\r\n",
      "a control character in a trailer": "0\r\nx: \0\r\n\r\n",
      "endless trailers": `0\r\n${"x: y\r\n".repeat(5_000)}\r\n`,
    }).map(([what, body]) => [what, answer("transfer-encoding: chunked\r\n", body)]),
  ),
};
for (const [what, text] of Object.entries(MALFORMED)) {
  test(`refused: ${what}`, () => {
    assert.ok(refused(text).length > 0);
  });
}

// ---- Any bytes -----------------------------------------------------------------------------------------------------

function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, index) => bytes.subarray(from, sorted[index] ?? bytes.length));
}

const HEADERS = fc.array(
  fc.tuple(fc.constantFrom("x-a", "Date", "server", "set-cookie"), fc.stringMatching(/^[\x21-\x7e\x80-\xff]{0,20}$/)),
  { maxLength: 6 },
);
const BODY = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 6 });

interface Written {
  readonly headers: readonly (readonly [string, string])[];
  readonly chunks: readonly Uint8Array[];
  readonly form: "chunked" | "sized" | "close";
  readonly extension: string;
}
const WRITTEN: fc.Arbitrary<Written> = fc.record({
  headers: HEADERS,
  chunks: BODY,
  form: fc.constantFrom("chunked", "sized", "close"),
  extension: fc.constantFrom("", ";a=b", " ; a"),
});

function printed({ headers, chunks, form, extension }: Written): string {
  const body = chunks.map(textOf);
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  if (form === "close") return answer(lines, body.join(""));
  if (form === "sized") return answer(`${lines}content-length: ${body.join("").length}\r\n`, body.join(""));
  const parts = body.map((text) => `${text.length.toString(16)}${extension}\r\n${text}\r\n`).join("");
  return answer(`${lines}transfer-encoding: chunked\r\n`, `${parts}0\r\n\r\n`);
}

test("any answer reads as what it was written from, wherever its bytes are cut", () => {
  fc.assert(
    fc.property(WRITTEN, fc.array(fc.nat(2000), { maxLength: 20 }), (written, places) => {
      const found = read(cutAt(bytesOf(printed(written)), places));
      assert.ok(typeof found !== "string", String(found));
      assert.deepEqual([found.body, found.behind], [written.chunks.map(textOf).join(""), written.form === "close" ? null : ""]);
    }),
    { numRuns: RUNS },
  );
});

test("whatever is changed in an answer, every way to cut it reads the same or is refused, and nothing else is thrown", () => {
  const mutation = fc.record({ at: fc.nat(2000), drop: fc.nat(3), put: fc.uint8Array({ maxLength: 3 }) });
  fc.assert(
    fc.property(
      WRITTEN,
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(2000), { maxLength: 20 }),
      (written, changes, places) => {
        let bytes = [...bytesOf(printed(written))];
        for (const { at, drop, put } of changes) bytes = bytes.toSpliced(at % (bytes.length + 1), drop, ...put);
        const changed = Uint8Array.from(bytes);
        assert.deepEqual(read(cutAt(changed, places)), read([changed]));
      },
    ),
    { numRuns: RUNS },
  );
});

test("bytes without any sense are refused or waited for", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(300), { maxLength: 9 }), (bytes, places) => {
      assert.deepEqual(read(cutAt(bytes, places)), read([bytes]));
    }),
    { numRuns: RUNS },
  );
});

// ---- Requests ------------------------------------------------------------------------------------------------------

function sent(url: string, headers: Readonly<Record<string, string>>, body: string | Uint8Array<ArrayBuffer>): string {
  const target = targetOf(url);
  assert.ok(target !== null);
  return requestBytes(target, { url, headers, body }).map(textOf).join("");
}

test("a request is written with its host, its headers and its length in bytes", () => {
  assert.equal(
    sent("http://host.test/a%20b?c=d#e", { "x-a": "\xe9", accept: "*/*" }, "\u00fc\u20ac"),
    "POST /a%20b?c=d HTTP/1.1\r\nhost: host.test\r\nx-a: \xe9\r\naccept: */*\r\ncontent-length: 5\r\n\r\n\xc3\xbc\xe2\x82\xac",
  );
  assert.match(sent("https://[::1]:8443", {}, new Uint8Array(2)), /^POST \/ HTTP\/1\.1\r\nhost: \[::1\]:8443\r\n/);
  const long = "x".repeat(100_000);
  assert.ok(sent("http://host.test/", {}, long).endsWith(`content-length: 100000\r\n\r\n${long}`));
});

test("no header can become two, or a request", () => {
  for (const headers of [
    { "x-a": "b\r\nx-b: c" },
    { "x-a": "b\n" },
    { "x-a": "b\0" },
    { "x-a\r\nx-b": "c" },
    { "x a": "b" },
    { "x-a": "\u0100" },
  ]) {
    assert.throws(() => sent("http://host.test/", headers, ""), HttpFault);
  }
});

test("targets: scheme, host and port; what this client does not do is left to the other", () => {
  assert.deepEqual(targetOf("https://Host.test/x"), {
    origin: "https://host.test",
    host: "host.test",
    port: 443,
    isSecure: true,
    head: "POST /x HTTP/1.1\r\nhost: host.test\r\n",
  });
  assert.equal(targetOf("http://[::1]:8080/")?.host, "::1");
  for (const url of ["ftp://host.test/", "http://user:pass@host.test/", "data:,x"]) assert.equal(targetOf(url), null);
});
