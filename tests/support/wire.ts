// HTTP by hand: sends bytes that `fetch` would not send, and reads the answer until either side closes the connection.

import { connect, type Socket } from "node:net";

export interface RawCall {
  /** What has come so far. */
  text(): string;
  send(text: string | Uint8Array): void;
  /** Closes the connection from this side, as a client that leaves does. */
  leave(): void;
  /** Everything that came, once either side has closed the connection. */
  readonly closed: Promise<string>;
}

/** Opens a connection and sends `text` with its line ends unchanged. */
export function rawCall(url: string, text: string): RawCall {
  const { hostname, port } = new URL(url);
  let got = "";
  const socket: Socket = connect(Number(port), hostname);
  if (text !== "") socket.write(text);
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => (got += chunk));
  socket.on("error", () => {
    // A connection that was reset is closed; "close" reports it.
  });
  return {
    text: () => got,
    send: (more) => void socket.write(more),
    leave: () => void socket.destroy(),
    closed: new Promise((resolve) => socket.once("close", () => resolve(got))),
  };
}

/** The text of a request that asks to close the connection after the answer. */
export function requestText(line: string, headers: Readonly<Record<string, string>>, body = ""): string {
  const all = { host: "gateway.test", connection: "close", ...headers };
  const fields = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${fields.join("")}\r\n${body}`;
}
