// Twenty bodies of 60 MiB at once. What they take has a limit, those beyond it are told to come again, and small requests pass.
// Never keeps more than one of them here.

import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { feelPulse, pause, PULSE_MS, type Finding, type OwnTarget, type Report } from "./attack.ts";
import { watchMemory } from "./memory.ts";
import { startRawUpstream } from "./raw-upstream.ts";
import { callOf, endOf, headText, post, WAYS, wayName, type Way } from "./requests.ts";

const COUNT = 20;
const BYTES = 60 * 1024 * 1024;
const MOST_MS = 60_000;
/** What MAX_BODY_MEMORY is set to here. */
const LIMIT = "400MiB";
const MEMORY_MIB = 1000;
const ANSWERS: Readonly<Record<string, string>> = {
  chat: '{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}',
  messages:
    '{"id":"1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}',
};

export async function attack({ start, key }: OwnTarget): Promise<Report> {
  const upstream = await startRawUpstream((response, path) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(path.endsWith("/messages") ? ANSWERS["messages"] : ANSWERS["chat"]);
  });
  try {
    const findings: Finding[] = [];
    for (const way of WAYS) {
      const gateway = start({ env: { FACTORY_BASE_URL: upstream.url, MAX_BODY_MEMORY: LIMIT } });
      findings.push(...(await crowd({ url: await gateway.url, key, pid: gateway.pid }, way)));
      gateway.signal("SIGKILL");
    }
    return findings;
  } finally {
    upstream.stop();
  }
}

async function crowd(target: Pick<OwnTarget, "url" | "key" | "pid">, way: Way): Promise<Report> {
  const { url, key, pid } = target;
  const { path, body } = callOf(way, { text: "x".repeat(BYTES) });
  const bytes = Buffer.from(body);
  const memory = watchMemory(pid);
  const pulse = feelPulse(url);
  const crowding = Promise.all(Array.from({ length: COUNT }, () => send(url, headText({ key }, { path, length: bytes.length }), bytes)));
  let isOver = false;
  void crowding.then(() => (isOver = true));
  const small: string[] = [];
  while (!isOver) {
    small.push(await endOf(post(target, callOf(way), { mostMs: 10_000 })));
    await pause(200);
  }
  const heads = await crowding;
  const worstMs = await pulse.stop();
  const served = heads.filter((head) => /^HTTP\/1.1 200/.test(head)).length;
  const later = heads.filter((head) => /^HTTP\/1.1 503[^]*\r\nretry-after: \d/i.test(head)).length;
  const failed = small.filter((end) => end !== "200");
  const what = `${COUNT} bodies, ${wayName(way)}`;
  return [
    { what, expected: "each 200, or 503 with retry-after", came: `${served} and ${later}`, held: served > 0 && served + later === COUNT },
    {
      what: `${what}: small calls meanwhile`,
      expected: "200 each",
      came: failed.length === 0 ? `200 each of ${small.length}` : `${failed.length} of ${small.length}: ${failed[0]}`,
      held: failed.length === 0,
    },
    {
      what: `${what}: others wait for /health`,
      expected: `at most ${PULSE_MS} ms`,
      came: `${Math.round(worstMs)} ms`,
      held: worstMs <= PULSE_MS,
    },
    ...memory(`${what}, MAX_BODY_MEMORY ${LIMIT}`, MEMORY_MIB),
  ];
}

/** The head of the answer; what was refused before its body was read is not sent on. */
function send(url: string, head: string, body: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => {
      socket.write(head);
      socket.write(body);
    });
    const guard = setTimeout(() => socket.destroy(), MOST_MS);
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      answer += chunk;
      if (answer.includes("\r\n\r\n")) socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(guard);
      resolve(answer.split("\r\n\r\n")[0] ?? "");
    });
  });
}
