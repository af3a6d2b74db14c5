// The laws, generated from the table of codecs, the fixtures and the recordings.
// A failing test says protocol, case and law. `LAW_PROTOCOL=openai-chat` runs one protocol's cases alone;
// the matrix then covers the pairs from and to it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS, GatewayError, isUsedUp, type ErrorKind } from "../src/errors.ts";
import { isObject, parse } from "../src/wire/json.ts";
import type { ProtocolId } from "../src/protocol/canonical.ts";
import { CODECS } from "../src/protocol/codecs.ts";
import { fold } from "../src/protocol/fold.ts";
import { ERROR_LOOKS, REJECTIONS } from "./support/errors.ts";
import { loadCases, PROTOCOLS } from "./support/fixtures.ts";
import {
  cutsDoNotMatter,
  decodeStream,
  editsAreExact,
  endingIsDecoded,
  endOf,
  exchangeFor,
  obeysGrammar,
  replyGoesRound,
  requestGoesRound,
  sseEvents,
  truncationIsAnError,
  wholeIsFold,
} from "./support/laws.ts";
import { matrix } from "./support/matrix.ts";

const only = process.env["LAW_PROTOCOL"];
const { cases, faults: unreadable } = loadCases();
const covered = cases.filter((one) => only === undefined || one.protocol === only);

test("every fixture can be read", () => assert.deepEqual(unreadable, []));

for (const one of covered) {
  const codec = CODECS[one.protocol];
  const law = (name: string, check: () => void): void => void test(`${one.protocol} / ${one.name}: ${name}`, check);
  const { reply, stream, request } = one;

  if (stream !== null) {
    law("grammar", () => obeysGrammar(codec, one, stream));
    law("cuts", () => cutsDoNotMatter(codec, one, stream));
    law("truncation", () => truncationIsAnError(codec, one, stream));
  }
  if (reply !== null && stream !== null && one.origin === "fixture") {
    law("whole = fold", () => wholeIsFold(codec, one, { whole: reply, stream }));
  }
  if (reply !== null) law("ending = decode", () => endingIsDecoded(codec, request, reply));
  if (request !== null) {
    law("request round trip", () => requestGoesRound(codec, request));
    law("own language", () => editsAreExact(codec, request));
  }
  if (one.meta.ends !== "error" && (reply !== null || stream !== null)) {
    law("reply round trip", () => {
      const exchange = exchangeFor(codec, request);
      if (reply !== null) replyGoesRound(codec, codec.reply.decode(reply, exchange), exchange);
      if (stream !== null) replyGoesRound(codec, fold(decodeStream(codec, sseEvents(stream), exchange)), exchange);
    });
  }
  const { error } = one;
  if (error !== null) {
    law("ending = decode, of an error", () => endingIsDecoded(codec, request, error.body));
    law("errors keep status and message", () => {
      const decoded = codec.error.decode(error.status, error.body, {});
      assert.equal(decoded.status, error.status);
      assert.ok(error.body.includes(JSON.stringify(decoded.message).slice(1, -1)), `the message is the upstream's own: ${decoded.message}`);
    });
  }
}

// ---- 8 Matrix ----------------------------------------------------------------------------------------------------

const codecs = Object.values(CODECS);
const { cells, unused } = matrix(codecs, cases);
for (const { one, from, to, faults } of cells) {
  if (only !== undefined && from !== only && to !== only) continue;
  test(`${from} / ${one.name}: matrix, to ${to}`, () => assert.equal(faults.join("\n"), ""));
}
test("every row of LOSSES happens", () => assert.deepEqual(unused, []));

// ---- 9 Errors ----------------------------------------------------------------------------------------------------

const ODD_BODIES: Readonly<Record<string, string>> = {
  "no body": "",
  "an HTML page": "<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>",
  "plain text": "no healthy upstream",
  "an empty object": "{}",
  "an array": "[]",
  "a string": '"broken"',
  "half an object": '{"error":{"message":"cut o',
  "an error that is a string": '{"error":"broken"}',
  "an error that is null": '{"error":null}',
  "detail, as FastAPI says it": '{"detail":"Not authenticated"}',
};

const MESSAGE = 'The tool "look" has no schema \u2014 say one.';

for (const protocol of PROTOCOLS) {
  if (only !== undefined && protocol !== only) continue;
  const codec = CODECS[protocol];
  for (const kind of Object.keys(ERRORS) as ErrorKind[]) {
    test(`${protocol} / ${kind}: errors have status and shape`, () => {
      const look = ERROR_LOOKS[protocol][kind];
      const encoded = codec.error.encode(new GatewayError(kind, MESSAGE), "request-7");
      assert.equal(encoded.status, look.status);
      assertErrorBody(protocol, encoded.body, { ...look, requestId: "request-7" });
    });
    test(`${protocol} / ${kind}: an error event ends a stream in reply-error`, () => {
      const event = codec.error.event(new GatewayError(kind, MESSAGE));
      const error = endOf(decodeStream(codec, [event], exchangeFor(codec, null)));
      assert.equal(error?.message, MESSAGE);
    });
    test(`${protocol} / ${kind}: an error survives its own protocol`, () => {
      const encoded = codec.error.encode(new GatewayError(kind, MESSAGE, { headers: { "retry-after": "7" } }), "request-7");
      const decoded = codec.error.decode(encoded.status, encoded.body, { "retry-after": "7" });
      assert.equal(decoded.message, MESSAGE);
      // Where something is used up, a moment's wait does not help.
      if (!isUsedUp(decoded)) assert.equal(decoded.headers["retry-after"], "7");
      const again = codec.error.encode(decoded, "request-7");
      assert.deepEqual(again, encoded);
    });
  }
  for (const { status, types } of REJECTIONS) {
    const type = types[protocol];
    if (type === null) continue;
    test(`${protocol} / ${status}: an upstream's refusal keeps its status and gets its type`, () => {
      const encoded = codec.error.encode(new GatewayError("upstream-rejected", MESSAGE, { status }), "request-7");
      assert.equal(encoded.status, status);
      assertErrorBody(protocol, encoded.body, { status, types: [type], requestId: "request-7" });
    });
  }
  for (const status of [400, 401, 403, 404, 405, 413, 429, 500, 502, 503, 504, 529]) {
    for (const [name, body] of Object.entries(ODD_BODIES)) {
      test(`${protocol} / ${status}, ${name}: any error body is an error with its status and retry-after`, () => {
        const decoded = codec.error.decode(status, body, { "content-type": "text/plain", "retry-after": "12" });
        assert.ok(decoded instanceof GatewayError);
        assert.equal(decoded.headers["retry-after"], "12");
        assert.ok(decoded.message.length > 0 && !decoded.message.includes("<"), `a message for people: ${decoded.message}`);
        const other = decoded.kind === "overloaded" || decoded.kind === "upstream-failed";
        if (!other) assert.equal(decoded.status, status);
      });
    }
  }
}

function assertErrorBody(
  protocol: ProtocolId,
  body: string,
  look: { status: number; types: readonly string[]; code?: string; requestId: string },
): void {
  const value = parse(body);
  assert.ok(isObject(value) && isObject(value["error"]), `an object with an error: ${body}`);
  const error = value["error"];
  assert.equal(error["message"], MESSAGE);
  if (protocol === "gemini") {
    assert.deepEqual(Object.keys(value), ["error"]);
    assert.equal(error["code"], look.status);
    assert.ok(look.types.includes(String(error["status"])), `status ${String(error["status"])} is one of ${look.types.join(", ")}`);
    return;
  }
  assert.ok(look.types.includes(String(error["type"])), `type ${String(error["type"])} is one of ${look.types.join(", ")}`);
  if (protocol === "anthropic-messages") {
    assert.equal(value["type"], "error");
    assert.equal(value["request_id"], look.requestId);
    return;
  }
  assert.deepEqual(Object.keys(value), ["error"]);
  assert.deepEqual(Object.keys(error).sort(), ["code", "message", "param", "type"]);
  if (look.code !== undefined) assert.equal(error["code"], look.code);
}
