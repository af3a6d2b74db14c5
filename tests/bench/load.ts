// The load of the benchmark, a process of its own (`bun tests/bench/load.ts`): takes jobs and gives results, one JSON line each.
// Calls over connections that stay open, with requests made beforehand, and reads of an answer only where it ends and how long it is.
// Every job is bounded in time and in calls. Never measures with an answer that it has not seen to be right and complete.

import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { textOf } from "./answer-text.ts";
import { MessageReader, requestBytes } from "./http.ts";
import { requestBody } from "./requests.ts";
import type { Scenario } from "./scenarios.ts";

export interface Address {
  readonly port: number;
  readonly path: string;
  readonly key: string;
  /** Lines of headers that the target needs besides. */
  readonly headers?: readonly string[];
}

export type Asked = Pick<Scenario, "client" | "upstream" | "body" | "shape">;

export type Job =
  /** Calls in a row by each client, at least one, until the time is up or the calls are made; a call that has begun ends. */
  | {
      readonly type: "calls";
      readonly address: Address;
      readonly asked: Asked;
      readonly clients: number;
      readonly maxMs: number;
      readonly maxCalls: number;
      /** The clients begin over this time, not all at once. */
      readonly rampMs: number;
    }
  /** One call whose answer is read as its protocol. */
  | { readonly type: "check"; readonly address: Address; readonly asked: Asked }
  /** Opens streams that never end; the result comes when each has had its first event. */
  | { readonly type: "hold"; readonly address: Address; readonly asked: Asked; readonly streams: number }
  /** Closes them. */
  | { readonly type: "release" };

/** Milliseconds. */
export interface Spread {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

export interface Result {
  readonly calls: number;
  readonly elapsedMs: number;
  /** From the request to the first byte of the answer's body, and to its end. */
  readonly first: Spread;
  readonly whole: Spread;
  /** Of a check: what the model said, and how many bytes of body carried it. */
  readonly text: string;
  readonly bytes: number;
  /** What went wrong; null: nothing. */
  readonly fault: string | null;
}

const NOTHING: Spread = { p50: 0, p90: 0, p99: 0 };
const EMPTY: Result = { calls: 0, elapsedMs: 0, first: NOTHING, whole: NOTHING, text: "", bytes: 0, fault: null };
const PATIENCE_MS = 30_000;
/** Answers to one request differ in their ids only. */
const LEAST_SHARE = 0.9;

const requests = new Map<string, Buffer>();
const expectedBytes = new Map<string, number>();
let held: Socket[] = [];

/** A connection that calls again and again. */
class Client {
  readonly socket: Socket;
  readonly #request: Buffer;
  #sentMs = 0;
  #firstMs = 0;
  #bytes = 0;
  #status = 0;
  #pieces: Buffer[] | null = null;
  #done: ((fault: string | null) => void) | null = null;

  constructor(port: number, request: Buffer) {
    this.#request = request;
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const reader = new MessageReader({
      head: (text) => {
        this.#status = Number(text.slice(9, 12));
      },
      body: (bytes) => {
        if (this.#bytes === 0) this.#firstMs = performance.now();
        this.#bytes += bytes.length;
        this.#pieces?.push(Buffer.from(bytes));
        this.onFirst?.();
      },
      end: () => this.#end(this.#status === 200 ? null : `status ${this.#status}`),
    });
    this.socket.on("data", (bytes: Buffer) => reader.feed(bytes));
    this.socket.on("error", (error) => this.#end(error.message));
    this.socket.on("close", () => this.#end("the connection was closed"));
  }

  /** Called with each piece of a body. */
  onFirst: (() => void) | null = null;

  get firstAfterMs(): number {
    return this.#firstMs - this.#sentMs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get sentMs(): number {
    return this.#sentMs;
  }

  body(): string {
    return Buffer.concat(this.#pieces ?? []).toString("utf8");
  }

  connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.once("connect", resolve);
      this.socket.once("error", reject);
    });
  }

  call(done: (fault: string | null) => void, { keep = false } = {}): void {
    this.#done = done;
    this.#bytes = 0;
    this.#pieces = keep ? [] : null;
    this.#sentMs = performance.now();
    this.socket.write(this.#request);
  }

  #end(fault: string | null): void {
    const done = this.#done;
    this.#done = null;
    done?.(fault);
  }
}

function requestOf(address: Address, asked: Asked): Buffer {
  const name = nameOf(address, asked);
  let request = requests.get(name);
  if (request === undefined) {
    request = requestBytes(address.path, {
      host: `127.0.0.1:${address.port}`,
      key: address.key,
      body: requestBody(asked),
      headers: address.headers ?? [],
    });
    // Bodies of 10 MB: the last few are enough.
    if (requests.size > 8) requests.clear();
    requests.set(name, request);
  }
  return request;
}

function nameOf(address: Address, asked: Asked): string {
  return JSON.stringify([address, asked]);
}

async function perform(job: Job): Promise<Result> {
  if (job.type === "release") {
    for (const socket of held) socket.destroy();
    held = [];
    return EMPTY;
  }
  if (job.type === "check") return await check(job);
  return job.type === "hold" ? await hold(job) : await calls(job);
}

async function check({ address, asked }: Job & { type: "check" }): Promise<Result> {
  const client = new Client(address.port, requestOf(address, asked));
  await client.connected();
  const fault = await new Promise<string | null>((resolve) => client.call(resolve, { keep: true }));
  client.socket.destroy();
  if (fault !== null) return { ...EMPTY, fault: `${fault}: ${client.body().slice(0, 300)}` };
  expectedBytes.set(nameOf(address, asked), client.bytes);
  return { ...EMPTY, calls: 1, bytes: client.bytes, text: textOf(client.body()) };
}

async function calls(job: Job & { type: "calls" }): Promise<Result> {
  const { address, asked, maxMs, maxCalls, rampMs } = job;
  const request = requestOf(address, asked);
  const least = (expectedBytes.get(nameOf(address, asked)) ?? 0) * LEAST_SHARE;
  const clients = Array.from({ length: job.clients }, () => new Client(address.port, request));
  await Promise.all(clients.map((client) => client.connected()));
  const first: number[] = [];
  const whole: number[] = [];
  let begun = 0;
  let wrong: string | null = null;
  const startedMs = performance.now();
  const work = (client: Client): Promise<void> =>
    new Promise((resolve) => {
      let isFirst = true;
      const next = (): void => {
        if (!isFirst && (begun >= maxCalls || performance.now() - startedMs >= maxMs)) return resolve();
        if (wrong !== null) return resolve();
        isFirst = false;
        begun++;
        client.call((fault) => {
          if (fault !== null) wrong = fault;
          else if (client.bytes < least) wrong = `an answer of ${client.bytes} bytes`;
          first.push(client.firstAfterMs);
          whole.push(performance.now() - client.sentMs);
          next();
        });
      };
      next();
    });
  await Promise.all(
    clients.map(async (client, index) => {
      if (rampMs > 0) await new Promise((resolve) => setTimeout(resolve, (rampMs * index) / clients.length));
      await work(client);
    }),
  );
  const elapsedMs = performance.now() - startedMs;
  for (const client of clients) client.socket.destroy();
  return { ...EMPTY, calls: whole.length, elapsedMs, first: spreadOf(first), whole: spreadOf(whole), fault: wrong };
}

async function hold({ address, asked, streams }: Job & { type: "hold" }): Promise<Result> {
  const request = requestOf(address, asked);
  let wrong: string | null = null;
  const startedMs = performance.now();
  // A few at a time, as a queue of connections has an end.
  for (let opened = 0; opened < streams && wrong === null; opened += HELD_AT_ONCE) {
    const clients = Array.from({ length: Math.min(HELD_AT_ONCE, streams - opened) }, () => new Client(address.port, request));
    held.push(...clients.map(({ socket }) => socket));
    await Promise.all(clients.map((client) => client.connected()));
    await Promise.all(
      clients.map(
        (client) =>
          new Promise<void>((resolve) => {
            client.onFirst = resolve;
            client.call((fault) => {
              wrong ??= fault ?? "a stream ended";
              resolve();
            });
          }),
      ),
    );
  }
  return { ...EMPTY, calls: held.length, elapsedMs: performance.now() - startedMs, fault: wrong };
}

const HELD_AT_ONCE = 50;

function spreadOf(values: number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

async function bounded(job: Job): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Result>((resolve) => {
    const maxMs = job.type === "calls" ? job.maxMs : 0;
    timer = setTimeout(() => resolve({ ...EMPTY, fault: `nothing came for ${PATIENCE_MS / 1000} s` }), maxMs + PATIENCE_MS);
  });
  try {
    return await Promise.race([perform(job), late]);
  } catch (error) {
    return { ...EMPTY, fault: String(error) };
  } finally {
    clearTimeout(timer);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await bounded(JSON.parse(line) as Job))}\n`);
}
process.exit(0);
