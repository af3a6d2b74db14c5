// Bodies that never end, from clients that are refused by their head: without a key, on a path that is none, too large. Little of them is read.
// Never sends more than `MOST_BYTES` on one connection.

import { connect } from "node:net";
import { exactly, feelPulse, pulseFinding, type Finding, type Report, type Target } from "./attack.ts";
import { headText } from "./requests.ts";

const PATH = "/v1/chat/completions";
const ENDLESS = 9_999_999_999;
const MEBIBYTE = 1024 * 1024;
/** What was on its way counts too. */
const READ_BYTES = 64 * MEBIBYTE;
const MOST_BYTES = 512 * MEBIBYTE;
const MOST_MS = 15_000;
const PIECE = new Uint8Array(64 * 1024).fill(0x20);

export async function attack({ url, key }: Target): Promise<Report> {
  const declared = (own: string, path = PATH): string => headText({ key: own }, { path, length: ENDLESS });
  const chunked = (text: string): string => `${text.replace(`content-length: ${ENDLESS}`, "transfer-encoding: chunked")}fffffffff\r\n`;
  const cases: readonly (readonly [what: string, text: string, status: string])[] = [
    ["a wrong key", declared("wrong"), "401"],
    ["a wrong key, in chunks", chunked(declared("wrong")), "401"],
    ["no such path", declared(key, "/no/such/path"), "404"],
    ["too large", declared(key), "413"],
  ];
  const pulse = feelPulse(url);
  const findings: Finding[] = [];
  for (const [what, text, status] of cases) {
    const { answer, sent } = await send(url, text);
    findings.push(exactly(`${what}: the answer`, { expected: status, came: answer.slice(9, 12) || "none" }), {
      what: `${what}: what is read`,
      expected: `at most ${READ_BYTES / MEBIBYTE} MiB`,
      came: `${Math.round(sent / MEBIBYTE)} MiB`,
      held: sent <= READ_BYTES,
    });
  }
  return [...findings, pulseFinding(await pulse.stop())];
}

/** Sends without end, whatever comes back, until the connection closes. */
function send(url: string, text: string): Promise<{ readonly answer: string; readonly sent: number }> {
  return new Promise((resolve) => {
    let answer = "";
    let sent = 0;
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => {
      socket.write(text);
      const more = (): void => {
        while (!socket.destroyed && sent < MOST_BYTES) {
          sent += PIECE.length;
          if (!socket.write(PIECE)) return;
        }
      };
      socket.on("drain", more);
      more();
    });
    const guard = setTimeout(() => socket.destroy(), MOST_MS);
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (answer += chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(guard);
      resolve({ answer, sent });
    });
  });
}
