// Errors of the Responses API: what an upstream's come to, and what a client is sent.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../../src/errors.ts";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";

const ERRORS_IN: readonly { what: string; status: number; body: string; headers?: Record<string, string>; expected: object }[] = [
  {
    what: "OpenAI's own object",
    status: 400,
    body: '{"error":{"message":"Bad.","type":"invalid_request_error","param":"input","code":"unsupported_value"}}',
    expected: {
      kind: "upstream-rejected",
      status: 400,
      message: "Bad.",
      type: "invalid_request_error",
      param: "input",
      code: "unsupported_value",
      headers: {},
    },
  },
  {
    what: "a rate limit keeps when to come back",
    status: 429,
    body: '{"error":{"message":"Slow.","code":"rate_limit_exceeded"}}',
    headers: { "retry-after": "7", "retry-after-ms": "6500", server: "x" },
    expected: {
      kind: "rate-limited",
      status: 429,
      message: "Slow.",
      type: null,
      param: null,
      code: "rate_limit_exceeded",
      headers: { "retry-after": "7", "retry-after-ms": "6500" },
    },
  },
  {
    what: "a spent quota is not worth another try",
    status: 429,
    body: '{"error":{"message":"Pay.","type":"insufficient_quota","code":"insufficient_quota"}}',
    headers: { "retry-after": "7" },
    expected: {
      kind: "upstream-rejected",
      status: 429,
      message: "Pay.",
      type: "insufficient_quota",
      param: null,
      code: "insufficient_quota",
      headers: { "x-should-retry": "false" },
    },
  },
  {
    what: "an HTML page",
    status: 502,
    body: "<html>nginx</html>",
    expected: {
      kind: "upstream-failed",
      status: 502,
      message: "The upstream answered with status 502 and no readable message.",
      type: null,
      param: null,
      code: null,
      headers: {},
    },
  },
  {
    what: "plain text",
    status: 403,
    body: " Forbidden. \n",
    expected: { kind: "upstream-rejected", status: 403, message: "Forbidden.", type: null, param: null, code: null, headers: {} },
  },
  {
    what: "a status that only Anthropic knows",
    status: 529,
    body: "",
    expected: {
      kind: "overloaded",
      status: 529,
      message: "The upstream answered with status 529 and no readable message.",
      type: null,
      param: null,
      code: null,
      headers: {},
    },
  },
  {
    what: "a bare message and a number for a code",
    status: 404,
    body: '{"message":"Gone.","code":404}',
    expected: { kind: "upstream-rejected", status: 404, message: "Gone.", type: null, param: null, code: "404", headers: {} },
  },
];

for (const { what, status, body, headers = {}, expected } of ERRORS_IN) {
  test(`error.decode: ${what}`, () => {
    const error = openaiResponses.error.decode(status, body, headers);
    const { kind, message, type, param, code } = error;
    assert.deepEqual({ kind, status: error.status, message, type, param, code, headers: error.headers }, expected);
  });
}

const ERRORS_OUT: readonly { what: string; error: GatewayError; status: number; body: object }[] = [
  {
    what: "a wrong field",
    error: new GatewayError("invalid-request", "M", { param: "input[0]" }),
    status: 400,
    body: { message: "M", type: "invalid_request_error", param: "input[0]", code: null },
  },
  {
    what: "an unknown model",
    error: new GatewayError("not-found", "M", { param: "model" }),
    status: 404,
    body: { message: "M", type: "invalid_request_error", param: "model", code: "model_not_found" },
  },
  {
    what: "Anthropic's own status 529 is 503 here",
    error: new GatewayError("overloaded", "M", { status: 529, type: "overloaded_error" }),
    status: 503,
    body: { message: "M", type: "server_error", param: null, code: null },
  },
  {
    what: "a type that only another vendor knows",
    error: new GatewayError("upstream-rejected", "M", { status: 402, type: "billing_error" }),
    status: 402,
    body: { message: "M", type: "insufficient_quota", param: null, code: null },
  },
];

for (const { what, error, status, body } of ERRORS_OUT) {
  test(`error.encode: ${what}`, () => {
    const encoded = openaiResponses.error.encode(error, "request-1");
    assert.deepEqual({ status: encoded.status, body: JSON.parse(encoded.body) }, { status, body: { error: body } });
  });
}
