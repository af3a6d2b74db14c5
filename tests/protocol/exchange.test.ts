// What an exchange keeps of its request while an answer is under way.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bareRequest, detached, withoutConversation } from "../../src/protocol/exchange.ts";
import { text } from "../support/canonical.ts";

const turn = { role: "user", parts: [text("Hello")], effort: null } as const;
const request = { ...bareRequest({ model: "glm-5.2", stream: true }), turns: [turn], stop: ["END"] };
const exchange = { request, id: "x1", createdAtS: 1_790_000_000 };

test("a detached exchange says the same, with the same turns and the very names that tell the client's protocol", () => {
  const own = detached(exchange);
  assert.deepEqual(own, exchange);
  assert.equal(own.request.turns, request.turns);
  assert.equal(own.request.names, request.names);
  assert.notEqual(own.request.stop, request.stop);
});

test("an exchange without its conversation keeps everything but the turns", () => {
  assert.deepEqual(withoutConversation(exchange), { ...exchange, request: { ...request, turns: [] } });
});
