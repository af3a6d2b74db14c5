// An upstream that writes what no provider would: the handler gets each request when its body has been read and thrown away.
// Never keeps a body, or a connection longer than itself.

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pause } from "./attack.ts";

export interface RawUpstream {
  readonly url: string;
  readonly stop: () => void;
}

export async function startRawUpstream(handler: (response: ServerResponse, path: string) => void): Promise<RawUpstream> {
  const server = createServer((request, response) => {
    response.on("error", () => {
      // The gateway has left.
    });
    request.on("error", () => {});
    request.resume().once("end", () => handler(response, request.url ?? "/"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export interface Flood {
  readonly piece: string;
  readonly mostBytes: number;
  readonly mostMs: number;
  /** Between two pieces; without, as fast as the gateway takes them. */
  readonly pauseMs?: number;
}

/** Writes one piece over and over until the gateway leaves or a limit is reached; resolves with the number of bytes. */
export async function flood(response: ServerResponse, { piece, mostBytes, mostMs, pauseMs }: Flood): Promise<number> {
  const endMs = performance.now() + mostMs;
  let sent = 0;
  while (!response.destroyed && sent < mostBytes && performance.now() < endMs) {
    const isTaken = response.write(piece);
    sent += piece.length;
    if (pauseMs !== undefined) await pause(pauseMs);
    else if (!isTaken) await drained(response, endMs);
  }
  response.end();
  return sent;
}

function drained(response: ServerResponse, endMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, endMs - performance.now()));
    response.once("drain", done);
    response.once("close", done);
  });
}
