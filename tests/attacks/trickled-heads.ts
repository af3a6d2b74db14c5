// Clients that never come to the end of a head: silent from the start, one byte at a time, one header at a time. Each is closed in time.
// Never sends a complete head.

import { connect, type Socket } from "node:net";
import { atMost, feelPulse, pause, pulseFinding, type Report, type Target } from "./attack.ts";

const EACH = 20;
/** HEADER_TIMEOUT is 15 s where nobody has set it. */
const MOST_MS = 25_000;
const STEP_MS = 200;
const HEAD = `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n`;

/** What is sent in the next step. */
const MANNERS: Readonly<Record<string, (step: number) => string>> = {
  "silent from the start": () => "",
  "silent after half a head": (step) => (step === 0 ? HEAD : ""),
  "one byte at a time": (step) => HEAD[step] ?? "x",
  "one header at a time": (step) => (step === 0 ? HEAD : `x-${step}: y\r\n`),
};

export async function attack({ url }: Target): Promise<Report> {
  const pulse = feelPulse(url);
  const found = await Promise.all(Object.entries(MANNERS).map(([name, send]) => trickle(url, name, send)));
  return [...found, pulseFinding(await pulse.stop())];
}

async function trickle(url: string, name: string, send: (step: number) => string): Promise<Report[number]> {
  const open = new Set<Socket>();
  for (let index = 0; index < EACH; index++) {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    open.add(socket);
    socket.on("error", () => {});
    socket.resume();
    // An answer such as 408 comes before the end.
    socket.once("end", () => socket.destroy());
    socket.once("close", () => open.delete(socket));
  }
  const startedMs = performance.now();
  for (let step = 0; open.size > 0 && performance.now() - startedMs < MOST_MS; step++) {
    const text = send(step);
    for (const socket of open) if (text !== "") socket.write(text);
    await pause(STEP_MS);
  }
  const left = open.size;
  for (const socket of open) socket.destroy();
  return atMost(`${name}: connections still open after ${MOST_MS / 1000} s`, { limit: 0, came: left, unit: `of ${EACH}` });
}
