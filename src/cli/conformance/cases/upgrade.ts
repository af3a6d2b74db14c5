// The status of the answer to a WebSocket handshake, which the platform's clients do not report.

import { connect } from "node:net";
import { connect as connectSecurely } from "node:tls";
import type { World } from "../world.ts";

const ANSWER_MS = 5000;

/** 0: no answer in time. */
export function upgradeStatus({ url, key, headers }: World, path: string): Promise<number> {
  const { protocol, hostname, port, host, pathname } = new URL(url + path);
  const isSecure = protocol === "https:";
  const lines = {
    host,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": btoa("conformance-test"),
    ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    ...headers,
  };
  return new Promise((resolve) => {
    const target = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || (isSecure ? HTTPS : HTTP) };
    const socket = isSecure ? connectSecurely({ ...target, servername: hostname }) : connect(target);
    const end = (status: number): void => {
      clearTimeout(limit);
      socket.destroy();
      resolve(status);
    };
    const limit = setTimeout(() => end(0), ANSWER_MS);
    let head = "";
    socket.on(isSecure ? "secureConnect" : "connect", () => {
      socket.write(
        `GET ${pathname} HTTP/1.1\r\n${Object.entries(lines)
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join("")}\r\n`,
      );
    });
    socket.on("data", (bytes: Uint8Array) => {
      head += new TextDecoder().decode(bytes);
      const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1];
      if (status !== undefined) end(Number(status));
    });
    socket.on("error", () => end(0));
    socket.on("close", () => end(0));
  });
}

const HTTP = 80;
const HTTPS = 443;
