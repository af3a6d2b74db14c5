// How Deno's own server takes connections, on both runtimes: the listener and what serves HTTP are scripted.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DenoServer, type DenoConnection, type DenoHttp, type DenoListener } from "../../src/runtime/deno-server.ts";

const LIMITS = { headTimeoutMs: null, maxConnections: null };
const turn = (ms = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A listener whose clients are said by hand, and which of their connections are open. */
class Script {
  readonly open = new Set<DenoConnection>();
  readonly listener: DenoListener;
  readonly #waiting: ((next: DenoConnection | Error) => void)[] = [];
  readonly #next: (DenoConnection | Error)[] = [];

  constructor() {
    const accept = async (): Promise<DenoConnection> => {
      const found = this.#next.shift() ?? (await new Promise<DenoConnection | Error>((resolve) => this.#waiting.push(resolve)));
      if (found instanceof Error) throw found;
      return found;
    };
    this.listener = { addr: { port: 1 }, accept, close: () => {} };
  }

  readonly serveHttp = (connection: DenoConnection): DenoHttp => {
    this.open.add(connection);
    return { nextRequest: () => new Promise(() => {}), close: () => void this.open.delete(connection) };
  };

  comes(next: DenoConnection | Error): void {
    const resolve = this.#waiting.shift();
    if (resolve === undefined) this.#next.push(next);
    else resolve(next);
  }

  client(): void {
    this.comes({ remoteAddr: {}, setNoDelay: () => {}, close: () => {} });
  }
}

function serve(script: Script): void {
  // oxlint-disable-next-line no-new -- it begins to accept by itself
  new DenoServer({ listener: script.listener, serveHttp: script.serveHttp, answer: () => new Response(null) }, LIMITS);
}

test("clients that reset their connection at once take no room from others, and hold nobody up", async () => {
  const script = new Script();
  serve(script);
  for (let index = 0; index < 1000; index++) script.comes(failure("ENOTCONN"));
  for (let index = 0; index < 20; index++) script.client();
  await turn(20);
  assert.equal(script.open.size, 20);
});

test("out of file descriptors, a quarter of the connections that wait are closed", async () => {
  const script = new Script();
  serve(script);
  for (let index = 0; index < 20; index++) script.client();
  await turn(20);
  script.comes(failure("EMFILE"));
  await turn(20);
  assert.equal(script.open.size, 15);
});

test("accepting goes on after an error that nobody knows, and closes nobody", async () => {
  const script = new Script();
  serve(script);
  for (let index = 0; index < 20; index++) script.client();
  script.comes(failure("EWHATEVER"));
  script.client();
  await turn(200);
  assert.equal(script.open.size, 21);
});

test("HTTP/2, whose streams end unnoticed, is refused: a call without a Host, and no page", async () => {
  const asked = [
    new Request("http://a.test/v1/messages", { method: "POST", body: "{}" }),
    new Request("http://a.test/v1/messages", { method: "POST", body: "{}", headers: { host: "a.test" } }),
    new Request("http://a.test/health"),
  ];
  const statuses: number[] = [];
  const exchanges = asked.map((request) => ({
    request,
    respondWith: (response: Response) => Promise.resolve(void statuses.push(response.status)),
  }));
  const script = new Script();
  const serveHttp = (): DenoHttp => ({ nextRequest: () => Promise.resolve(exchanges.shift() ?? null), close: () => {} });
  // oxlint-disable-next-line no-new -- it begins to accept by itself
  new DenoServer({ listener: script.listener, serveHttp, answer: () => new Response(null) }, LIMITS);
  script.client();
  await turn(20);
  assert.deepEqual(statuses, [505, 200, 200]);
});
