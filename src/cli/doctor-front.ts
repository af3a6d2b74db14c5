// What is in front of the server, checked through an address that a person gives: whether it leads to this server, whether streams arrive as
// they are sent, and whether a WebSocket can be opened.

import { connect as connectPlain } from "node:net";
import { connect as connectSecure } from "node:tls";
import { isObject, parseOrUndefined } from "../wire/json.ts";
import { KEY_VARIABLE } from "./agents/agent.ts";
import { fail, ok, skip, warn, type Check, type Subject } from "./doctor-check.ts";
import { unreachable } from "./doctor-host.ts";
import { asked, isAnswered } from "./doctor-request.ts";

const LIMIT_MS = 10_000;
const RELEASE = "The server must run this version, which has the /health/stream that this check times.";

export async function frontChecks(subject: Subject): Promise<Check[]> {
  const { url, world } = subject;
  const id = "network.url";
  if (url === null)
    return [
      skip(id, "The reverse proxy was not checked.", {
        fix: "Run factory-proxy doctor --url URL, with the address your clients use.",
      }),
    ];
  const outcome = await asked(`${url}/`, { limitMs: LIMIT_MS }, world);
  if (!isAnswered(outcome)) return [unreachable(id, url, outcome)];
  const overview = parseOrUndefined(outcome.text);
  if (!isObject(overview) || overview["name"] !== "factory-proxy") {
    const why = `It answers ${outcome.status}, unlike this program.`;
    return [fail(id, `${url} does not lead to this server.`, { why, fix: "Check the address and the reverse proxy's target." })];
  }
  return [ok(id, `${url} leads to this program's server.`), await buffering(url, subject), await upgrade(url, subject)];
}

/** The server sends an event every 150 ms, five in total. */
const TOGETHER_MS = 100;

/** Streams are held back where the first event arrives together with the last one. */
async function buffering(url: string, { world }: Subject): Promise<Check> {
  const id = "network.streams";
  const abort = new AbortController();
  const cancelTimer = world.after(LIMIT_MS, () => abort.abort());
  try {
    const response = await world.fetch(`${url}/health/stream`, { redirect: "manual", signal: abort.signal });
    if (response.status !== 200 || response.body === null) return skip(id, `/health/stream answers ${response.status}.`, { why: RELEASE });
    let [firstMs, lastMs]: [number | null, number] = [null, 0];
    let text = "";
    const decoder = new TextDecoder();
    for (const reader = response.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
      lastMs = world.monotonic();
      firstMs ??= lastMs;
    }
    if (!text.includes("event: end"))
      return fail(id, "A stream was cut off on the way.", { fix: "Raise the reverse proxy's time limits (proxy_read_timeout)." });
    const spreadMs = Math.round(lastMs - (firstMs ?? lastMs));
    if (spreadMs >= TOGETHER_MS) return ok(id, `Streams arrive as they are sent: ${spreadMs} ms from the first event to the last.`);
    return fail(id, "Streams are buffered: all events arrived at once.", {
      why: "Answers appear only when they are complete, and clients may time out first.",
      fix: "Turn off buffering and compression in the reverse proxy: proxy_buffering off (nginx), flush_interval -1 (Caddy).",
    });
  } catch (error) {
    return fail(id, "A stream was cut off on the way.", {
      why: String(error),
      fix: "Raise the reverse proxy's time limits (proxy_read_timeout).",
    });
  } finally {
    cancelTimer();
  }
}

async function upgrade(url: string, { config, world }: Subject): Promise<Check> {
  const id = "network.websocket";
  const key = world.shell[KEY_VARIABLE] ?? config?.proxyKeys[0]?.key ?? null;
  if (key === null) {
    return skip(id, "WebSockets were not checked, because that needs a client key.", { fix: `Set ${KEY_VARIABLE} to a client key.` });
  }
  const status = await handshake(new URL(`${url}/v1/responses`), { key, world });
  if (status === 101) return ok(id, "WebSockets work.");
  if (status === 401)
    return skip(id, "WebSockets were not checked, because the server does not know the client key.", {
      fix: `Set ${KEY_VARIABLE} to a client key.`,
    });
  if (status === 426) return ok(id, "WebSockets are off (WEBSOCKET=off), so Codex uses HTTP.");
  return warn(id, `WebSockets do not work: ${status === null ? "there is no answer" : `the answer is ${status}`}.`, {
    why: "Codex tries a WebSocket first. Without a 101 or 426 it loses several seconds, and with a 400 it fails.",
    fix: "Let the reverse proxy pass Upgrade and Connection (nginx: proxy_http_version 1.1 and proxy_set_header), or set WEBSOCKET=off.",
  });
}

interface Handshake {
  readonly key: string;
  readonly world: Subject["world"];
}

const SECURE_PORT = 443;
const PLAIN_PORT = 80;

/** The status of the answer to a WebSocket's handshake. Null: none came. */
function handshake({ protocol, hostname, host, port, pathname }: URL, { key, world }: Handshake): Promise<number | null> {
  const head = [
    `GET ${pathname} HTTP/1.1`,
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${btoa(crypto.randomUUID().slice(0, 16))}`,
    `Authorization: Bearer ${key}`,
  ];
  const address = hostname.replace(/^\[(.*)\]$/, "$1");
  const isSecure = protocol === "https:";
  const where = { host: address, port: Number(port || (isSecure ? SECURE_PORT : PLAIN_PORT)) };
  return new Promise((resolve) => {
    const socket = isSecure ? connectSecure({ ...where, servername: address, ALPNProtocols: ["http/1.1"] }) : connectPlain(where);
    let text = "";
    const settle = (): void => {
      cancelTimer();
      socket.destroy();
      const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(text) ?? [];
      resolve(status === undefined ? null : Number(status));
    };
    const cancelTimer = world.after(LIMIT_MS, settle);
    socket.on("data", (bytes) => {
      text += String(bytes);
      if (text.includes("\r\n")) settle();
    });
    socket.on("error", settle);
    socket.on("close", settle);
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
  });
}
