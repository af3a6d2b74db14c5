// Bodies in chunks of one byte: each is a piece that takes as long, and on Deno as much memory, as one of 64 KiB. With a key and without.
// Never sends more than 2 MB.

import { rawCall } from "../support/wire.ts";
import { exactly, feelPulse, pulseFinding, soon, type Report, type Target } from "./attack.ts";
import { watchMemory } from "./memory.ts";
import { callOf, endOf, PASSED, post } from "./requests.ts";

const CHUNKS = 300_000;
const AT_ONCE = 10_000;
const MEMORY_MIB = 200;
const MOST_MS = 20_000;

export async function attack(target: Target): Promise<Report> {
  const memory = watchMemory(target.pid);
  const pulse = feelPulse(target.url);
  const { path } = callOf(PASSED);
  const ends: string[] = [];
  for (const key of [target.key, "made-up"]) {
    const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${key}\r\ntransfer-encoding: chunked\r\n\r\n`;
    const call = rawCall(target.url, head);
    for (let sent = 0; sent < CHUNKS; sent += AT_ONCE) call.send("1\r\n \r\n".repeat(AT_ONCE));
    let isClosed = false;
    void call.closed.then(() => (isClosed = true));
    // Who sends on after a refusal may lose the answer to it.
    await soon(() => isClosed || call.text().includes("\r\n\r\n"), MOST_MS);
    ends.push(isClosed || /^HTTP\/1.1 4/.test(call.text()) ? "refused" : "it goes on");
    call.leave();
  }
  const worstMs = await pulse.stop();
  return [
    exactly("with a key, and without", { expected: "refused, refused", came: ends.join(", ") }),
    exactly("a call afterwards", { expected: "200", came: await endOf(post(target, callOf(PASSED))) }),
    pulseFinding(worstMs),
    ...memory(`${CHUNKS} chunks of one byte`, MEMORY_MIB),
  ];
}
