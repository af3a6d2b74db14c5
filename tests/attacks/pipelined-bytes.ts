// Bytes behind a request on the same connection, while its answer runs: an empty line, a second request, rubbish. The answer comes to its end.
// Never expects that the second request is answered: the connection may close after the first answer. Bun closes it at once, a declared gap.

import { rawCall } from "../support/wire.ts";
import { pause, soon, type Finding, type OwnTarget, type Report } from "./attack.ts";
import { callOf, CONVERTED, PASSED, requestText, wayName, type Way } from "./requests.ts";

const HEALTH = "GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
const DONE = "data: [DONE]";
const MOST_MS = 8000;

export async function attack(target: OwnTarget): Promise<Report> {
  const findings: Finding[] = [];
  for (const way of [PASSED, CONVERTED]) {
    const second = requestText(target, callOf(way, { stream: true }));
    for (const [name, bytes] of [
      ["an empty line", "\r\n"],
      ["a request for /health", HEALTH],
      ["the same call", second],
      ["rubbish", "\u0000rubbish\r\n\r\n"],
    ] as const) {
      for (const isAtOnce of [true, false]) findings.push(await behind(target, { way, name, bytes, isAtOnce }));
    }
  }
  return findings;
}

interface Behind {
  readonly way: Way;
  readonly name: string;
  readonly bytes: string;
  /** In one packet with the request; else while the answer runs. */
  readonly isAtOnce: boolean;
}

async function behind(target: OwnTarget, { way, name, bytes, isAtOnce }: Behind): Promise<Finding> {
  const { upstream, url, runtime } = target;
  upstream.script(() => ({ say: { text: "One two three four" }, delayMs: 100 }));
  const text = requestText(target, callOf(way, { stream: true }));
  const call = rawCall(url, isAtOnce ? text + bytes : text);
  let isClosed = false;
  void call.closed.then(() => (isClosed = true));
  if (!isAtOnce) {
    await soon(() => call.text().includes("data:"));
    call.send(bytes);
  }
  await soon(() => isClosed || call.text().includes(DONE), MOST_MS);
  await pause(50);
  const isWhole = call.text().includes(DONE);
  call.leave();
  const came = isWhole ? "the answer to its end" : `${isClosed ? "closed" : "silent"} after ${JSON.stringify(call.text().slice(-60))}`;
  const what = `${name} ${isAtOnce ? "in the same packet" : "while the answer runs"}, ${wayName(way)}`;
  if (runtime === "bun") return { what, expected: "the answer to its end, or closed (a declared gap)", came, held: isWhole || isClosed };
  return { what, expected: "the answer to its end", came, held: isWhole };
}
