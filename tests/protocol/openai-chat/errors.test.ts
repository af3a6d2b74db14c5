// Errors of Chat upstreams, and for Chat clients.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, type ErrorKind } from "../../../src/errors.ts";
import { openaiChat } from "../../../src/protocol/openai-chat/codec.ts";

interface Found {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly code?: string;
  readonly type?: string;
  readonly param?: string;
  readonly headers?: Record<string, string>;
}
const ERRORS: readonly (readonly [what: string, status: number, body: string, headers: Record<string, string>, expected: Found])[] = [
  [
    "OpenAI's own form",
    400,
    '{"error":{"message":"No.","type":"invalid_request_error","param":"messages","code":"empty_array"}}',
    {},
    {
      kind: "upstream-rejected",
      message: "No.",
      type: "invalid_request_error",
      param: "messages",
      code: "empty_array",
    },
  ],
  [
    "waiting times are handed on",
    429,
    '{"error":{"message":"Slow.","type":"requests","code":"rate_limit_exceeded"}}',
    { "retry-after": "7", "retry-after-ms": "6500", "x-other": "1" },
    {
      kind: "rate-limited",
      message: "Slow.",
      type: "requests",
      code: "rate_limit_exceeded",
      headers: { "retry-after": "7", "retry-after-ms": "6500" },
    },
  ],
  [
    "a used-up quota is no matter of waiting",
    429,
    '{"error":{"message":"Pay.","type":"insufficient_quota","code":"insufficient_quota"}}',
    {},
    {
      kind: "rate-limited",
      message: "Pay.",
      type: "insufficient_quota",
      code: "insufficient_quota",
      headers: { "x-should-retry": "false" },
    },
  ],
  [
    "a page of HTML is not shown",
    502,
    "<html><h1>Bad gateway</h1></html>",
    {},
    { kind: "upstream-failed", message: "The upstream answered with status 502 and gave no reason." },
  ],
  [
    "a sentence of plain text is told",
    503,
    "no healthy upstream\n",
    {},
    { kind: "overloaded", message: "The upstream answered with status 503: no healthy upstream" },
  ],
  [
    "FastAPI's detail",
    422,
    '{"detail":[{"loc":["body"],"msg":"field required"}]}',
    {},
    { kind: "upstream-rejected", message: "field required" },
  ],
  [
    "a context that is full, in words alone",
    400,
    '{"object":"error","message":"This model\'s maximum context length is 8192 tokens.","code":400}',
    {},
    {
      kind: "upstream-rejected",
      message: "This model's maximum context length is 8192 tokens.",
      code: "context_length_exceeded",
    },
  ],
  [
    "a key that the upstream repeats is nobody's to see",
    401,
    '{"error":{"message":"Incorrect API key provided: fk-abc***********wxyz. Find yours.","code":"invalid_api_key"}}',
    {},
    {
      kind: "upstream-rejected",
      message: "Incorrect API key provided: <key> Find yours.",
      code: "invalid_api_key",
    },
  ],
];

for (const [what, status, body, headers, expected] of ERRORS) {
  test(`decoding an error: ${what}`, () => {
    const { kind, message, code, type, param, headers: kept, status: found } = openaiChat.error.decode(status, body, headers);
    assert.deepEqual(
      { kind, message, code, type, param, headers: kept, status: found },
      { code: null, type: null, param: null, headers: {}, status, ...expected },
    );
  });
}

test("encoding an error: 529 is a word of another protocol; another vendor's type tells nothing", () => {
  const error = new GatewayError("overloaded", "Busy.", { status: 529, type: "overloaded_error" });
  assert.deepEqual(openaiChat.error.encode(error, "r1"), {
    status: 503,
    body: '{"error":{"message":"Busy.","type":"server_error","param":null,"code":null}}',
  });
});

test("encoding an error: the event that ends a stream has no name", () => {
  assert.deepEqual(openaiChat.error.event(new GatewayError("upstream-timeout", "Silence.")), {
    event: null,
    data: '{"error":{"message":"Silence.","type":"timeout_error","param":null,"code":null}}',
  });
});
