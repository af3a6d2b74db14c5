// A host that stops accepting connections, like one behind a firewall or an overloaded one. Linux only. A listening process is stopped by
// SIGSTOP: the kernel goes on accepting connections for it until its queue is full; this side fills the queue, and from then on every SYN is
// dropped. While it is not stopped it answers every call with a few words of Chat.

import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import process from "node:process";
import { until } from "./gateway.ts";
import { denoPath } from "./program.ts";

export interface DeafHost {
  readonly url: string;
  /** From now on nothing is accepted; resolves when that is the case. */
  deafen(): Promise<void>;
  /** Takes connections again. */
  listenAgain(): void;
  /** The local address of each connection that others request and do not get. */
  knocks(): readonly string[];
  stop(): void;
}

const ANSWER = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "Still here" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
});

/** Runs under Deno, which respects the given length of the queue; Bun makes it 512. */
const SCRIPT = `
  import { createServer } from "node:http";
  const server = createServer((request, response) => {
    request.resume().once("end", () => response.writeHead(200, { "content-type": "application/json", connection: "close" }).end(${JSON.stringify(ANSWER)}));
  });
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(server.address().port));`;

export async function startDeafHost(): Promise<DeafHost> {
  const child = spawn(denoPath(), ["eval", "--no-check", SCRIPT], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await firstNumber(child);
  const pid = child.pid ?? 0;
  const queued: Socket[] = [];
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  /** The local address of a socket that has sent a SYN without an answer: https://man7.org/linux/man-pages/man5/proc_pid_net.5.html (read 2026-11). */
  const ASKING = new RegExp(`(\\S+) \\S+:${hex} 02 `, "g");
  const asking = (): string[] => Array.from(readFileSync("/proc/net/tcp", "latin1").matchAll(ASKING), ([, address = ""]) => address);
  /** This side's own, the last one in the queue. */
  let own: readonly string[] = [];
  return {
    url: `http://127.0.0.1:${port}`,
    async deafen() {
      process.kill(pid, "SIGSTOP");
      await until(() => / T /.test(readFileSync(`/proc/${pid}/stat`, "latin1")), "the host to be stopped");
      while (asking().length === 0) {
        let isConnected = false;
        const socket = connect(port, "127.0.0.1", () => (isConnected = true));
        socket.on("error", () => {
          // The host was stopped for good.
        });
        queued.push(socket);
        await until(() => isConnected || asking().length > 0, "a connection to be taken or dropped");
      }
      own = asking();
    },
    listenAgain: () => void process.kill(pid, "SIGCONT"),
    knocks: () => asking().filter((address) => !own.includes(address)),
    stop() {
      for (const socket of queued) socket.destroy();
      child.kill("SIGKILL");
    },
  };
}

function firstNumber(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("close", () => reject(new Error("The host ended before it listened.")));
    child.stdout?.once("data", (text: Uint8Array) => resolve(Number(String(text))));
  });
}
