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
const PIECE_BYTES = 256 * 1024;
/** What MAX_BODY_MEMORY is set to here; the runtime takes some more for the same bytes. */
const LIMIT = "400MiB";
const MEMORY_MIB = 1300;
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
    small.push(await endOf(post(target, callOf(way), { mostMs: 30_000 })));
    await pause(200);
  }
  const heads = await crowding;
  const worstMs = await pulse.stop();
  const served = heads.filter((head) => /^HTTP\/1.1 200/.test(head)).length;
  const later = heads.filter((head) => /^HTTP\/1.1 503[^]*\r\nretry-after: \d/i.test(head)).length;
  // Who sends on after a refusal may lose the answer to it.
  const closed = heads.filter((head) => head === "closed").length;
  const failed = small.filter((end) => end !== "200");
  const what = `${COUNT} bodies, ${wayName(way)}`;
  return [
    {
      what,
      expected: "some 200, the others 503 with retry-after or closed",
      came: `${served} 200, ${later} 503, ${closed} closed, ${COUNT - served - later - closed} other`,
      held: served > 0 && served + later + closed === COUNT,
    },
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

/** The head of the answer; nothing more is sent when it has come. "closed" where the connection was closed before it could be read. */
function send(url: string, head: string, body: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    let isLate = false;
    let at = 0;
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => {
      socket.write(head);
      more();
    });
    // Piece by piece: this process is the upstream of the small calls, and must have its turns.
    const more = (): void => {
      if (at >= body.length || socket.destroyed) return;
      const isTaken = socket.write(body.subarray(at, at + PIECE_BYTES));
      at += PIECE_BYTES;
      if (isTaken) setImmediate(more);
    };
    socket.on("drain", more);
    const guard = setTimeout(() => {
      isLate = true;
      socket.destroy();
    }, MOST_MS);
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      answer += chunk;
      if (answer.includes("\r\n\r\n")) socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(guard);
      resolve(isLate ? "late" : (answer.split("\r\n\r\n")[0] ?? "") || "closed");
    });
  });
}
