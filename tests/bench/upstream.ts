// The upstream of the benchmark, a process of its own (`bun tests/bench/upstream.ts [port]`). Answers what the model's name asks for, from bytes
// made once. Prints its port as a line; ends when its standard input does, so that it never outlives the benchmark.
// Never parses a body, checks a key, or answers slower than it can.

import { Buffer } from "node:buffer";
import { createServer, type AddressInfo, type Socket } from "node:net";
import process from "node:process";
import { answerOf, PACE_MS, SHAPES, type Answer } from "./answers.ts";
import { MessageReader } from "./http.ts";
import type { WireProtocol } from "./requests.ts";

/** Where each protocol is served, as Factory serves it. */
const PATHS: Readonly<Record<string, WireProtocol>> = {
  "/api/llm/a/v1/messages": "messages",
  "/api/llm/o/v1/responses": "responses",
  "/api/llm/o/v1/chat/completions": "chat",
};
const NOT_FOUND = Buffer.from("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
const MARK = Buffer.from("-bench-");
/** In which part of a body the model's name is looked for. */
const LONGEST_SHAPE = 12;

const answers = new Map<string, Answer>();
for (const [path, protocol] of Object.entries(PATHS))
  for (const shape of SHAPES) answers.set(`${path} ${shape}`, answerOf(protocol, shape));

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  let path = "";
  let shape: string | null = null;
  // The end of the last piece, where the name may have been cut in two.
  let tail: Buffer | null = null;
  const reader = new MessageReader({
    head(text) {
      path = text.slice(text.indexOf(" ") + 1, text.indexOf(" HTTP/"));
      shape = null;
      tail = null;
    },
    body(bytes) {
      if (shape !== null) return;
      const searched: Buffer = tail === null ? bytes : Buffer.concat([tail, bytes]);
      const at = searched.indexOf(MARK);
      const end = at === -1 ? -1 : searched.indexOf('"', at);
      if (end !== -1) shape = searched.toString("latin1", at + MARK.length, end);
      else tail = Buffer.from(searched.subarray(at === -1 ? Math.max(0, searched.length - MARK.length - LONGEST_SHAPE) : at));
    },
    end() {
      const answer = answers.get(`${path} ${shape}`);
      if (answer === undefined) socket.write(NOT_FOUND);
      else send(socket, answer);
    },
  });
  socket.on("data", (bytes: Buffer) => reader.feed(bytes));
});

function send(socket: Socket, { first, paced, last }: Answer): void {
  socket.write(first);
  if (paced.length === 0 || last === null) return;
  let index = 0;
  const timer = setInterval(() => {
    const piece = paced[index++];
    if (piece !== undefined) socket.write(piece);
    if (index < paced.length && !socket.destroyed) return;
    clearInterval(timer);
    socket.write(last);
  }, PACE_MS);
}

server.listen({ host: "127.0.0.1", port: Number(process.argv[2] ?? 0), backlog: 4096 }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.on("end", () => process.exit(0)).resume();
