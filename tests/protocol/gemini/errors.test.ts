// Errors of an upstream of Gemini's protocol -> the gateway's, and the gateway's -> Google's shape.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../../src/errors.ts";
import { gemini } from "../../../src/protocol/gemini/codec.ts";

const RETRY = { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "34.4s" };

interface ErrorRow {
  readonly name: string;
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
  readonly expected: Partial<GatewayError>;
}

const ERRORS: readonly ErrorRow[] = [
  {
    name: "RetryInfo is a retry-after, rounded up",
    status: 429,
    body: { error: { code: 429, message: "Quota.", status: "RESOURCE_EXHAUSTED", details: [RETRY] } },
    expected: {
      kind: "rate-limited",
      status: 429,
      message: "Quota.",
      type: "RESOURCE_EXHAUSTED",
      details: { details: [RETRY] },
      headers: { "retry-after": "35" },
    },
  },
  {
    name: "a header says it better than the body",
    status: 503,
    body: { error: { code: 503, message: "Busy.", details: [RETRY] } },
    headers: { "retry-after": "7" },
    expected: { kind: "overloaded", status: 503, message: "Busy.", details: { details: [RETRY] }, headers: { "retry-after": "7" } },
  },
  {
    name: "milliseconds",
    status: 429,
    body: "",
    headers: { "retry-after-ms": "1500" },
    expected: {
      kind: "rate-limited",
      status: 429,
      message: "The upstream answered with status 429 and no readable error.",
      headers: { "retry-after": "2" },
    },
  },
  {
    name: "an error in an array, as a stream without events has it",
    status: 400,
    body: [{ error: { code: 400, message: "Bad.", status: "INVALID_ARGUMENT" } }],
    expected: { kind: "upstream-rejected", status: 400, message: "Bad.", type: "INVALID_ARGUMENT" },
  },
  {
    name: "too long a conversation has the code that agents know",
    status: 400,
    body: {
      error: {
        code: 400,
        message: "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
        status: "INVALID_ARGUMENT",
      },
    },
    expected: {
      kind: "upstream-rejected",
      status: 400,
      message: "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
      code: "context_length_exceeded",
      type: "INVALID_ARGUMENT",
    },
  },
  {
    name: "Google's reason is the code",
    status: 400,
    body: {
      error: {
        code: 400,
        message: "API key not valid.",
        status: "INVALID_ARGUMENT",
        details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }],
      },
    },
    expected: {
      kind: "upstream-rejected",
      status: 400,
      message: "API key not valid.",
      code: "API_KEY_INVALID",
      type: "INVALID_ARGUMENT",
      details: { details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }] },
    },
  },
  {
    name: "a page of HTML",
    status: 502,
    body: "<html><h1>Bad gateway</h1></html>",
    expected: { kind: "upstream-failed", status: 502, message: "The upstream answered with status 502 and no readable error." },
  },
];

for (const { name, status, body, headers, expected } of ERRORS) {
  test(`decodes an error: ${name}`, () => {
    const {
      kind,
      status: found,
      message,
      param,
      code,
      type,
      details,
      headers: kept,
    } = gemini.error.decode(status, typeof body === "string" ? body : JSON.stringify(body), headers ?? {});
    assert.deepEqual(
      { kind, status: found, message, param, code, type, details, headers: kept },
      { param: null, code: null, type: null, details: null, headers: {}, ...expected },
    );
  });
}

test("an error of the gateway has Google's shape, with the field, the code, the time to wait and the request's id", () => {
  const error = new GatewayError("rate-limited", "Slow down.", {
    param: "contents",
    code: "rate_limit_exceeded",
    headers: { "retry-after": "3" },
  });
  const { status, body } = gemini.error.encode(error, "req-1");
  const type = "type.googleapis.com/google.rpc.";
  assert.equal(status, 429);
  assert.deepEqual(JSON.parse(body), {
    error: {
      code: 429,
      message: "Slow down.",
      status: "RESOURCE_EXHAUSTED",
      details: [
        { "@type": `${type}BadRequest`, fieldViolations: [{ field: "contents", description: "Slow down." }] },
        { "@type": `${type}ErrorInfo`, reason: "rate_limit_exceeded", domain: "factory-proxy" },
        { "@type": `${type}RetryInfo`, retryDelay: "3s" },
        { "@type": `${type}RequestInfo`, requestId: "req-1" },
      ],
    },
  });
});

test("Anthropic's 529 is 503 here, its billing error keeps its status", () => {
  assert.equal(gemini.error.encode(new GatewayError("overloaded", "Busy.", { status: 529 }), "r").status, 503);
  const billing = gemini.error.encode(new GatewayError("upstream-rejected", "Pay.", { status: 402, type: "billing_error" }), "r");
  assert.deepEqual(
    [billing.status, (JSON.parse(billing.body) as { error: { status: string } }).error.status],
    [402, "FAILED_PRECONDITION"],
  );
});
