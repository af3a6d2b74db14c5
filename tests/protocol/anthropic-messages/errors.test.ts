// An upstream's errors, and the errors that a client gets.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, type ErrorOptions } from "../../../src/errors.ts";
import { anthropicMessages } from "../../../src/protocol/anthropic-messages/codec.ts";

type Json = Readonly<Record<string, unknown>>;

const wire = (type: string, message: string, details?: object): string =>
  JSON.stringify({ type: "error", error: { type, message, ...(details === undefined ? {} : { details }) } });

interface ErrorRow {
  readonly what: string;
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly error: readonly [kind: string, status: number, message: string, code: string | null, type: string | null];
  readonly kept?: Readonly<Record<string, string>>;
}

const ERRORS: readonly ErrorRow[] = [
  {
    what: "a refused request",
    status: 400,
    body: wire("invalid_request_error", "Bad."),
    error: ["upstream-rejected", 400, "Bad.", null, "invalid_request_error"],
  },
  {
    what: "529 is an overload, which elsewhere is 503",
    status: 529,
    body: wire("overloaded_error", "Overloaded"),
    error: ["overloaded", 503, "Overloaded", null, "overloaded_error"],
  },
  {
    what: "429 says when to try again",
    status: 429,
    body: wire("rate_limit_error", "Slow."),
    headers: { "retry-after": "7", "x-should-retry": "true", server: "x" },
    error: ["rate-limited", 429, "Slow.", null, "rate_limit_error"],
    kept: { "retry-after": "7", "x-should-retry": "true" },
  },
  {
    what: "a spent budget does not come back by waiting",
    status: 429,
    body: wire("rate_limit_error", "Spent.", { error_code: "contract_spend_limit_reached" }),
    headers: { "retry-after": "7" },
    error: ["upstream-rejected", 429, "Spent.", "contract_spend_limit_reached", "rate_limit_error"],
  },
  {
    what: "500 keeps its status",
    status: 500,
    body: wire("api_error", "Oops."),
    error: ["upstream-failed", 500, "Oops.", null, "api_error"],
  },
  {
    what: "a conversation that is too long",
    status: 400,
    body: wire("invalid_request_error", "prompt is too long: 2 > 1 maximum"),
    error: ["upstream-rejected", 400, "prompt is too long: 2 > 1 maximum", "context_length_exceeded", "invalid_request_error"],
  },
  {
    what: "a body of HTML",
    status: 403,
    body: "<html>no</html>",
    error: ["upstream-rejected", 403, "The upstream answered with status 403 and gave no reason.", null, null],
  },
  {
    what: "an empty body",
    status: 502,
    body: "",
    headers: { "retry-after": "1" },
    error: ["upstream-failed", 502, "The upstream answered with status 502 and gave no reason.", null, null],
    kept: { "retry-after": "1" },
  },
  {
    what: "other envelopes",
    status: 402,
    body: '{"detail":"No credit."}',
    error: ["upstream-rejected", 402, "No credit.", null, null],
  },
];

for (const { what, status, body, headers = {}, error, kept = {} } of ERRORS) {
  test(`an upstream's error means: ${what}`, () => {
    const decoded = anthropicMessages.error.decode(status, body, headers);
    assert.deepEqual([decoded.kind, decoded.status, decoded.message, decoded.code, decoded.type], error);
    assert.deepEqual(decoded.headers, kept);
  });
}

const TOLD: readonly {
  readonly what: string;
  readonly kind: GatewayError["kind"];
  readonly options?: ErrorOptions;
  readonly status: number;
  readonly error: Json;
}[] = [
  { what: "an overload is 529", kind: "overloaded", status: 529, error: { type: "overloaded_error", message: "M" } },
  {
    what: "an upstream's own type",
    kind: "upstream-rejected",
    options: { status: 402, type: "billing_error" },
    status: 402,
    error: { type: "billing_error", message: "M" },
  },
  {
    what: "a type of another protocol",
    kind: "upstream-rejected",
    options: { status: 404, type: "model_not_found" },
    status: 404,
    error: { type: "not_found_error", message: "M" },
  },
  {
    what: "field and code",
    kind: "invalid-request",
    options: { param: "tools[0]", code: "x" },
    status: 400,
    error: { type: "invalid_request_error", message: "M", details: { error_code: "x", param: "tools[0]" } },
  },
  {
    what: "details of the upstream",
    kind: "upstream-rejected",
    options: { details: { error_code: "d", n: 1 }, code: "d" },
    status: 400,
    error: { type: "invalid_request_error", message: "M", details: { error_code: "d", n: 1 } },
  },
  {
    what: "a full context, in the words that Claude Code knows",
    kind: "upstream-rejected",
    options: { status: 400, code: "context_length_exceeded" },
    status: 400,
    error: { type: "invalid_request_error", message: "prompt is too long: M", details: { error_code: "context_length_exceeded" } },
  },
];

for (const { what, kind, options, status, error } of TOLD) {
  test(`a client gets an error: ${what}`, () => {
    const encoded = anthropicMessages.error.encode(new GatewayError(kind, "M", options), "req-1");
    assert.deepEqual([encoded.status, JSON.parse(encoded.body)], [status, { type: "error", error, request_id: "req-1" }]);
  });
}
