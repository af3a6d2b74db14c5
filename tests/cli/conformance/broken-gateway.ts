// A correct gateway with one thing broken: this program between two proxies, one in front of it and one behind it, that change what a mutant says.
// Without a mutant it is the correct gateway.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { after } from "../../../src/cli/composition.ts";
import { startGateway, type RunningGateway } from "../../support/gateway.ts";

/** What a proxy knows of a request when it changes something. */
export interface About {
  readonly path: string;
  readonly stream: boolean;
  readonly headers: Headers;
  /** The request's body. */
  readonly text: string;
}

/** A fault. */
export interface Break {
  /** Changes a request's body. */
  readonly request?: (text: string, about: About) => string;
  /** Changes a request's headers in place. */
  readonly requestHeaders?: (headers: Headers, about: About) => void;
  /** Answers by itself; null: passes the request on. */
  readonly instead?: (about: About) => Response | null;
  /** Changes an answer's body, which is collected for it. */
  readonly reply?: (text: string, about: About & { readonly status: number }) => string;
  /** Changes each chunk of an answer's body as it comes. */
  readonly chunk?: (bytes: Uint8Array) => Uint8Array;
  readonly replyHeaders?: (headers: Headers, about: About) => void;
  readonly status?: (status: number, about: About) => number;
  /** Does not let go of what is behind it when its client leaves. */
  readonly isDeaf?: boolean;
}

export interface Broken {
  readonly front?: Break;
  readonly back?: Break;
}

export interface Standing {
  readonly url: string;
  readonly key: string;
  stop(): Promise<void>;
}

export async function stand(labUrl: string, { front, back }: Broken = {}): Promise<Standing> {
  const behind = back === undefined ? null : await proxy(labUrl, back);
  const gateway: RunningGateway = await startGateway({
    environment: { FACTORY_BASE_URL: behind?.url ?? labUrl, KEEP_ALIVE_INTERVAL: "1", LOG_LEVEL: "error" },
    // The suite looks at the wall's clock.
    clock: { now: Date.now, after },
  });
  const before = front === undefined ? null : await proxy(gateway.url, front);
  return {
    url: before?.url ?? gateway.url,
    key: gateway.key,
    async stop() {
      await before?.stop();
      await gateway.stop();
      await behind?.stop();
    },
  };
}

/** What is about one connection only, or no longer true once the body has been read. */
const HOPS = ["connection", "host", "content-length", "transfer-encoding", "content-encoding", "upgrade"];

async function proxy(target: string, fault: Break): Promise<Pick<Standing, "url" | "stop">> {
  const stopping = new AbortController();
  const server = createServer((incoming, outgoing) => {
    // What breaks behind it breaks in front of it.
    pass(incoming, outgoing, { target, fault, stopping: stopping.signal }).catch(() => outgoing.destroy());
  });
  server.on("upgrade", (incoming, socket) => {
    const own = fault.instead?.(aboutOf(incoming, "")) ?? null;
    socket.end(`HTTP/1.1 ${own?.status ?? 426} Answered\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    stop: () =>
      new Promise((resolve) => {
        stopping.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function aboutOf(incoming: IncomingMessage, text: string): About {
  const { pathname, search } = new URL(incoming.url ?? "/", "http://proxy");
  const headers = new Headers(Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)]));
  const isSse = search.includes("alt=sse") || (headers.get("accept") ?? "").includes("event-stream");
  return { path: pathname, stream: isSse || /"stream":\s*true/.test(text), headers, text };
}

interface Passing {
  readonly target: string;
  readonly fault: Break;
  readonly stopping: AbortSignal;
}

async function pass(incoming: IncomingMessage, outgoing: ServerResponse, { target, fault, stopping }: Passing): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Uint8Array);
  const bytes = Buffer.concat(chunks);
  const about = aboutOf(incoming, bytes.toString("utf8"));
  const own = fault.instead?.(about) ?? null;
  if (own !== null) return void outgoing.writeHead(own.status).end(await own.text());
  const headers = new Headers(about.headers);
  for (const name of HOPS) if (name !== "content-encoding") headers.delete(name);
  fault.requestHeaders?.(headers, about);
  const controller = new AbortController();
  outgoing.once("close", () => {
    if (fault.isDeaf !== true) controller.abort();
  });
  const response = await fetch(target + (incoming.url ?? "/"), {
    method: incoming.method ?? "GET",
    headers,
    ...(bytes.length === 0 ? {} : { body: fault.request?.(bytes.toString("utf8"), about) ?? bytes }),
    signal: AbortSignal.any([controller.signal, stopping]),
  });
  const replyHeaders = new Headers(response.headers);
  for (const name of HOPS) replyHeaders.delete(name);
  fault.replyHeaders?.(replyHeaders, about);
  const status = fault.status?.(response.status, about) ?? response.status;
  const reply = fault.reply === undefined ? null : fault.reply(await response.text(), { ...about, status });
  outgoing.writeHead(status, Object.fromEntries(replyHeaders));
  outgoing.flushHeaders();
  if (reply !== null) return void outgoing.end(reply);
  for await (const piece of response.body ?? []) outgoing.write(fault.chunk?.(piece) ?? piece);
  outgoing.end();
}
