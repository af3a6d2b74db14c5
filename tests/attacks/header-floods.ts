// Heads that are too large, of too many lines or without an end; answers whose headers are made of a client's or an upstream's long words.
// Never sends more than `ENDLESS_BYTES` of one head.

import { connect } from "node:net";
import { exactly, feelPulse, pulseFinding, type Finding, type OwnTarget, type Report } from "./attack.ts";
import { watchMemory } from "./memory.ts";
import { callOf, CONVERTED, headText, post } from "./requests.ts";

const ENDLESS_BYTES = 64 * 1024 * 1024;
const MOST_MS = 10_000;
/** What Node's fetch takes in all is 16 KiB. */
const ANSWER_HEAD_BYTES = 8000;
const DROPPED_BYTES = 2000;
const LINE = "x-flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
const MEMORY_MIB = 150;

export async function attack(target: OwnTarget): Promise<Report> {
  const { url, upstream, pid } = target;
  const pulse = feelPulse(url);
  const memory = watchMemory(pid);
  const findings: Finding[] = [];
  const head = (more: string): string => headText(target, { path: "/v1/chat/completions", length: 2, more });
  const cases: readonly (readonly [what: string, text: string])[] = [
    ["3,000 lines", `${head(LINE.repeat(3000))}{}`],
    ["one line of 2 MiB", `${head(`x-flood: ${"a".repeat(2 ** 21)}\r\n`)}{}`],
    ["a path of 2 MiB", `GET /${"a".repeat(2 ** 21)} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`],
  ];
  for (const [what, text] of cases) {
    const { answer } = await send(url, text, "");
    // A runtime that closes the connection has refused it as well.
    const came = answer.slice(9, 12) || "closed";
    findings.push({ what, expected: "400, 413, 414, 431 or closed", came, held: /^(?:4(?:00|13|14|31)|closed)$/.test(came) });
  }
  const endless = await send(url, head("").slice(0, -2), LINE.repeat(500));
  findings.push({
    what: "a head without an end",
    expected: `refused before ${ENDLESS_BYTES / 2 ** 20} MiB`,
    came: `${endless.isClosed ? "refused" : "read on"}, ${Math.round(endless.sent / 2 ** 20)} MiB`,
    held: endless.isClosed && endless.sent < ENDLESS_BYTES,
  });
  upstream.script(() => ({ say: { text: "Hello" } }));
  findings.push(...(await answerHeads(target)), ...memory("floods", MEMORY_MIB), pulseFinding(await pulse.stop()));
  return findings;
}

/** A call with a thousand members that no conversion knows, and an upstream with many headers. */
async function answerHeads(target: OwnTarget): Promise<Finding[]> {
  const { path, body } = callOf(CONVERTED);
  const unknown = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`unknown_member_${index}`, 1]));
  const response = await post(target, { path, body: JSON.stringify({ ...(JSON.parse(body) as object), ...unknown }) });
  await response.text();
  const dropped = response.headers.get("x-factory-proxy-dropped")?.length ?? 0;
  target.upstream.script(() => ({
    say: { text: "Hello" },
    headers: Object.fromEntries(["x-request-id", "request-id", "retry-after", "x-flood"].map((name) => [name, "a".repeat(10_000)])),
  }));
  const long = await post(target, callOf(CONVERTED));
  await long.text();
  const size = [...long.headers].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return [
    exactly("a call with 1,000 unknown members", { expected: "200", came: String(response.status) }),
    {
      what: "the header that names them",
      expected: `1 to ${DROPPED_BYTES} bytes`,
      came: `${dropped} bytes`,
      held: dropped > 0 && dropped <= DROPPED_BYTES,
    },
    {
      what: "headers after an upstream's 40 KB",
      expected: `at most ${ANSWER_HEAD_BYTES} bytes`,
      came: `${size} bytes`,
      held: size <= ANSWER_HEAD_BYTES,
    },
  ];
}

interface Sent {
  readonly answer: string;
  readonly sent: number;
  readonly isClosed: boolean;
}

/** Sends a text, then one piece over and over, until an answer has come or the connection closes. */
function send(url: string, text: string, piece: string): Promise<Sent> {
  return new Promise((resolve) => {
    let answer = "";
    let sent = 0;
    let isClosed = false;
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => {
      socket.write(text);
      const more = (): void => {
        while (piece !== "" && !socket.destroyed && sent < ENDLESS_BYTES) {
          sent += piece.length;
          if (!socket.write(piece)) return;
        }
      };
      socket.on("drain", more);
      more();
    });
    const guard = setTimeout(() => socket.destroy(), MOST_MS);
    const close = (): void => {
      isClosed = true;
      socket.destroy();
    };
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      answer += chunk;
      if (piece === "" && answer.includes("\r\n\r\n")) close();
    });
    socket.on("end", close);
    socket.on("error", close);
    socket.on("close", () => {
      clearTimeout(guard);
      resolve({ answer, sent, isClosed });
    });
  });
}
