// Statuses of an upstream that no answer with a body can have: the client gets 502, and the log line says the same.

import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { after, test } from "node:test";
import { errorIn } from "../support/dialects.ts";
import { callFor, PAIR, PASSTHROUGH, startGateways } from "../support/gateway.ts";

let statusLine = "";
const sockets = new Set<{ destroy(): void }>();
const server = createServer((socket) => {
  sockets.add(socket);
  socket.on("error", () => {});
  socket.once("data", () => {
    const fields = "content-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n";
    socket.end(`HTTP/1.1 ${statusLine}\r\n${fields}\r\n{}`);
  });
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

const { upstream, gatewayWith } = await startGateways();
const odd = await gatewayWith({ FACTORY_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });

/** Those that fetch itself refuses on Bun or Deno are said to be lost. */
const STATUSES = ["204", "205", "304", "600", "999", "000", "099", "101", "102", "199"];
const NAMED = new Set(["204", "205", "304", "600", "999"]);

for (const status of STATUSES) {
  test(`an upstream's status ${status} is 502 to the client and in the log, whole and streamed`, async () => {
    statusLine = `${status} Odd`;
    for (const way of PAIR) {
      for (const stream of [false, true]) {
        const response = await callFor(odd, way, { stream });
        const { status: got, message } = await errorIn(way.client, response);
        const line = await odd.lineOf(response);
        assert.deepEqual([got, line["status"], line["error"], line["message"]], [502, 502, "upstream-failed", message], way.name);
        if (NAMED.has(status)) assert.equal(message, `The upstream answered with status ${status}, which this proxy can't pass on.`);
      }
    }
  });
}

test("a status above 599 is a failure that a fallback model may mend; an answer that may have been billed is not asked for again", async () => {
  const modelTable = JSON.stringify({ models: [{ id: "claude-opus-4-8", fallback: ["glm-5"] }] });
  const falling = await gatewayWith({}, { modelTable });
  for (const [status, answered] of [
    [600, 200],
    [204, 502],
  ] as const) {
    upstream.script([{ status, body: "" }, { say: { text: "Here" } }]);
    const response = await callFor(falling, PASSTHROUGH);
    await response.text();
    assert.equal(response.status, answered);
    assert.equal(upstream.requests.at(-1)?.protocol, answered === 200 ? "openai-chat" : "anthropic-messages");
  }
});
