// An upstream that answers with statuses that no `Response` takes, with and without a body. Each is a 502 whose log line says so.
// Never reads more of an answer than its status.

import type { Buffer } from "node:buffer";
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { ask, MODELS } from "../support/dialects.ts";
import { exactly, soon, type Finding, type OwnTarget, type Report } from "./attack.ts";

/** As they stand on the wire. */
const STATUSES = ["204", "205", "304", "600", "999", "000"];
const BODY = '{"id":"x"}';

export async function attack({ start, key }: OwnTarget): Promise<Report> {
  const sockets = new Set<Socket>();
  let status = "";
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      // The end of the body, with a length or in chunks.
      if (!/\}(?:\r\n0\r\n\r\n)?$/.test(text)) return;
      text = "";
      const head = `HTTP/1.1 ${status} Odd\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${BODY.length}\r\n\r\n`;
      socket.end(head + BODY);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const gateway = start({ env: { FACTORY_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } });
    const url = await gateway.url;
    const findings: Finding[] = [];
    for (const odd of STATUSES) {
      for (const stream of [false, true]) {
        status = odd;
        const { path, body } = ask("openai-chat", { model: MODELS["openai-chat"], stream });
        const id = `odd-${odd}-${stream}`;
        const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", "x-request-id": id };
        const response = await fetch(url + path, {
          method: "POST",
          headers,
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(10_000),
        });
        await response.text();
        const line = (): unknown => gateway.lines().find(({ requestId }) => requestId === id)?.["status"];
        await soon(() => line() !== undefined);
        const what = `${odd}${stream ? ", streamed" : ""}`;
        findings.push(exactly(what, { expected: "502, logged as 502", came: `${response.status}, logged as ${String(line())}` }));
      }
    }
    return findings;
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}
