// Opens more connections than the gateway may have files open, says nothing on them, and keeps them. What runs goes on, and room is made again.
// Never opens more than `COUNT` connections.

import { connect, type Socket } from "node:net";
import process from "node:process";
import { told } from "../support/dialects.ts";
import { exactly, healthMs, pause, soon, type OwnTarget, type Report } from "./attack.ts";
import { callOf, endOf, PASSED, post } from "./requests.ts";

const FILE_LIMIT = 256;
const COUNT = 400;
/** HEADER_TIMEOUT is 2 s here; by then the idle ones are gone. */
const ROOM_MS = 15_000;

export async function attack({ start, upstream, key }: OwnTarget): Promise<Report> {
  upstream.script(() => ({ say: { text: "One two three four five six" }, delayMs: 1000 }));
  const program = start({ fileLimit: FILE_LIMIT, env: { HEADER_TIMEOUT: "2" } });
  const url = await program.url;
  const running = await post({ url, key }, callOf(PASSED, { stream: true }));
  const sockets: Socket[] = [];
  for (let index = 0; index < COUNT; index++) {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.on("error", () => {});
    sockets.push(socket);
  }
  await pause(500);
  const isMended = await soon(async () => (await healthMs(url, 1000)) < 1000, ROOM_MS);
  const came = isMended ? "answered" : "not answered";
  const text = await running.text().catch(String);
  const end = told("openai-chat", text.startsWith("data:") ? text : "").terminals.at(-1) ?? text.slice(-80);
  const isLeft = !isEnded(program.pid);
  for (const socket of sockets) socket.destroy();
  upstream.script(() => ({ say: { text: "Hello" } }));
  const freedMs = performance.now();
  let after = "";
  while (after !== "200" && performance.now() - freedMs < ROOM_MS)
    after = await endOf(post({ url, key }, callOf(PASSED), { mostMs: 5000 }));
  return [
    exactly("the process", { expected: "runs on", came: isLeft ? "runs on" : "has ended" }),
    exactly("the stream that was running", { expected: "[DONE]", came: end }),
    exactly(`/health in ${ROOM_MS / 1000} s, while ${COUNT} others stay connected`, { expected: "answered", came }),
    exactly("a call when they have left", { expected: "200", came: after }),
  ];
}

function isEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
