// A client that leaves lets the upstream go at once, however it sent its request and however far its call has come, on every way to run.

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, test } from "node:test";
import { startDeafHost } from "../support/deaf-host.ts";
import { inTime, until } from "../support/gateway.ts";
import { build, cleanUp, DENO, denoPath, MAIN, OWN_WAYS, ROOT, start } from "../support/program.ts";
import { startUpstream, type Answer } from "../support/upstream.ts";

const CLIENT_KEY = "ck-a-fake-key-of-a-client";
const CLAUDE = "claude-haiku-4-5-20251001";
/** Its upstream takes no connection. */
const GLM = "glm-4.6";
const MOST_MS = 200;

const upstream = await startUpstream();
const deaf = await startDeafHost();
await deaf.deafen();
await build();
after(async () => {
  cleanUp();
  deaf.stop();
  await upstream.stop();
});

const SETTINGS = {
  FACTORY_BASE_URL: upstream.url,
  CHAT_TARGET_URL: `${deaf.url}/v1/chat/completions`,
  FACTORY_API_KEY: "fk-a-fake-key-of-factory",
  PROXY_API_KEY: CLIENT_KEY,
  PORT: "0",
  KEEP_ALIVE_INTERVAL: "0.1",
};
const REQUEST = { stream: true, max_tokens: 100, messages: [{ role: "user", content: "Hello there" }] };

function headOf(body: string, id: string): string {
  return `POST /v1/messages HTTP/1.1\r\nhost: a\r\nx-api-key: ${CLIENT_KEY}\r\nx-request-id: ${id}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
}

type Phase = "body half sent" | "connecting" | "waiting for the head" | "before the first event" | "in mid-stream" | "during keep-alives";
const HANGS: Partial<Record<Phase, Answer["hang"]>> = {
  "waiting for the head": "before-head",
  "before the first event": "after-head",
  "in mid-stream": { afterEvents: 4 },
  "during keep-alives": { afterEvents: 4 },
};
const PHASES: readonly Phase[] = [
  "body half sent",
  "connecting",
  "waiting for the head",
  "before the first event",
  "in mid-stream",
  "during keep-alives",
];

/** How a request is cut into packets. */
const SENDINGS: Readonly<Record<string, (head: string, body: string) => readonly string[]>> = {
  "in one packet": (head, body) => [head + body],
  "head and body apart": (head, body) => [head, body],
  "body in pieces": (head, body) => [
    head,
    ...[0, 1, 2].map((part) => body.slice((part * body.length) / 3, ((part + 1) * body.length) / 3)),
  ],
};
/** Long enough for a packet to be read before the next one is sent. */
const APART_MS = 20;

interface Seen {
  /** What the client has got. */
  readonly text: string;
  /** How many calls the upstream had got before, and who asked the deaf one for a connection. */
  readonly calls: number;
  readonly knocks: readonly string[];
}

/** Whether a call has come as far as that. */
function isAt(phase: Phase, { text, calls, knocks }: Seen): boolean {
  if (phase === "body half sent") return true;
  if (phase === "connecting") return deaf.knocks().some((knock) => !knocks.includes(knock));
  if (phase === "in mid-stream") return text.includes("content_block_delta");
  if (phase === "during keep-alives") return /event: ping[^]*event: ping/.test(text.slice(text.indexOf("content_block_delta")));
  return upstream.requests.length > calls && upstream.openConnections() === 1;
}

for (const way of OWN_WAYS) {
  test(`${way.name}: whoever leaves lets the upstream go within ${MOST_MS} ms, in six phases and three ways of sending`, async () => {
    const program = start(way, { env: SETTINGS });
    const { port } = new URL(await program.url);
    let tries = 0;
    for (const [how, packets] of Object.entries(SENDINGS)) {
      for (const phase of PHASES) {
        const where = `${way.name}, ${how}, ${phase}`;
        const hang = HANGS[phase];
        upstream.script(() => ({ say: { text: "One two three" }, ...(hang === undefined ? {} : { hang }) }));
        const model = phase === "connecting" ? GLM : CLAUDE;
        const body = JSON.stringify({ model, ...REQUEST });
        await inTime(MOST_MS, async () => {
          const id = `try-${++tries}`;
          const head = headOf(body, id);
          const [calls, knocks] = [upstream.requests.length, deaf.knocks()];
          let text = "";
          const socket: Socket = connect({ port: Number(port), host: "127.0.0.1", noDelay: true });
          socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
          socket.on("error", () => {});
          for (const packet of packets(head, phase === "body half sent" ? body.slice(0, body.length / 2) : body)) {
            socket.write(packet);
            await new Promise((resolve) => setTimeout(resolve, APART_MS));
          }
          await until(() => isAt(phase, { text, calls, knocks }), where);
          const leftMs = performance.now();
          socket.destroy();
          const line = (): unknown => program.lines().find(({ requestId }) => requestId === id)?.["status"];
          await until(() => line() !== undefined && upstream.openConnections() === 0, `${where}: the end of the call`);
          assert.equal(line(), 499, where);
          return performance.now() - leftMs;
        });
      }
    }
  });
}

// Declared gap: where `Deno.serve` serves the program, nobody hears of a client that leaves so early. This tells when that has changed; then
// deno-server.ts may be needed less.
test("deno serve: a client that sends head and body apart and leaves before the answer begins is not noticed", async () => {
  upstream.script(() => ({ say: { text: "One two three" }, hang: "before-head" }));
  const way = { ...DENO, command: [denoPath(), "serve", "--allow-all", "--no-check", "--host", "127.0.0.1", "--port", "0", MAIN] };
  const { port } = new URL(await start(way, { env: SETTINGS, cwd: ROOT }).url);
  const body = JSON.stringify({ model: CLAUDE, ...REQUEST });
  const socket = connect({ port: Number(port), host: "127.0.0.1", noDelay: true });
  socket.write(headOf(body, "early"));
  await new Promise((resolve) => setTimeout(resolve, APART_MS));
  socket.write(body);
  await until(() => upstream.openConnections() === 1, "the call");
  socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(upstream.openConnections(), 1);
});
