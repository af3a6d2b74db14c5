// The program, and the pumps alone, around an in-memory upstream that delivers exactly the chunks of the test.
// Does not open a port, or let time pass.

import assert from "node:assert/strict";
import { readConfig } from "../../src/config/config.ts";
import { conversion } from "../../src/gateway/convert.ts";
import { streamPassthrough } from "../../src/gateway/passthrough.ts";
import { UsageMeter } from "../../src/gateway/usage-meter.ts";
import type { Store } from "../../src/access/store.ts";
import { nameFaults } from "../../src/models/name-faults.ts";
import type { After, HttpAnswer, HttpBody, HttpCall } from "../../src/runtime/ports.ts";
import { compose, type Program } from "../../src/program.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { unpack } from "../../src/runtime/unpack.ts";
import { NOTHING, type Pump } from "../../src/wire/pump.ts";
import { ask, MODELS, type Way } from "./dialects.ts";
import { CLIENT_KEY, FACTORY_KEY } from "./gateway.ts";
import { exchangeAt, exchangeFor } from "./laws.ts";
import { complete } from "./reply-content.ts";
import { encodeReply } from "./wire-reply.ts";

const utf8 = new TextEncoder();
export const WORD = "abc ";

/** The events of an answer with this many deltas, all alike. */
export function eventsOf(protocol: ProtocolId, deltas: number): readonly string[] {
  return encodeReply(protocol, complete({ model: MODELS[protocol], text: WORD.repeat(deltas) }), { serial: 7, includeUsage: true }).events;
}

export const bytesOf = (events: readonly string[]): Uint8Array[] => events.map((event) => utf8.encode(event));

/** The first event with content, preceded by those that open the answer. */
export function opening(protocol: ProtocolId): { readonly before: readonly Uint8Array[]; readonly delta: Uint8Array } {
  const events = eventsOf(protocol, 2);
  const at = events.findIndex((event) => event.includes(WORD));
  const [delta] = events.slice(at);
  assert.ok(delta !== undefined);
  return { before: events.slice(0, at).map((event) => utf8.encode(event)), delta: utf8.encode(delta) };
}

const called = (answer: HttpAnswer): HttpCall => ({ answer: Promise.resolve(answer), cancel: () => Promise.resolve() });
const nobody = (): Promise<never> => Promise.reject(new Error("Nobody asks for all of it."));

export class Upstream implements HttpBody {
  reads = 0;
  /** Told when the request has arrived. */
  called = (): void => {};
  /** How many requests are still to be refused, as by a busy host. */
  refusals = 0;
  #chunkAt: (index: number) => Uint8Array | undefined = () => undefined;

  /** Returns the chunk for each read; undefined ends the answer. */
  answer(chunkAt: (index: number) => Uint8Array | undefined): void {
    this.#chunkAt = chunkAt;
    this.reads = 0;
  }

  read(): Promise<{ done: boolean; value?: Uint8Array }> {
    const value = this.poll();
    return Promise.resolve(value === undefined ? { done: true } : { done: false, value });
  }

  poll(): Uint8Array | undefined {
    return this.#chunkAt(this.reads++);
  }

  readonly all = nobody;

  cancel(): Promise<void> {
    return Promise.resolve();
  }
}

interface ProgramOptions {
  /** Laid over the keys. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Absent: there is no store. */
  readonly store?: Store;
  /** Absent: no time passes. */
  readonly after?: After;
  /** The text of the file that `CONFIG_PATH` names. */
  readonly modelTable?: string;
}

/** No time passes; code that only yields goes on. */
const timeless: After = (ms, run) => {
  if (ms === 0) queueMicrotask(run);
  return () => {};
};

export function programOver(upstream: Upstream, { environment = {}, store, modelTable, after = timeless }: ProgramOptions = {}): Program {
  const models: Record<string, string> = modelTable === undefined ? {} : { CONFIG_PATH: "models.json" };
  return compose(
    readConfig({
      environment: { FACTORY_API_KEY: FACTORY_KEY, PROXY_API_KEY: CLIENT_KEY, QUOTA_INTERVAL: "0", ...models, ...environment },
      arguments: [],
      file: (path) => (path === "models.json" ? (modelTable ?? null) : null),
      redactor: new Redactor([]),
      nameFaults,
    }),
    {
      fetch: () => Promise.reject(new Error("Nothing is fetched here.")),
      send(_, connected) {
        connected();
        upstream.called();
        if (upstream.refusals-- > 0) return called({ status: 503, headers: new Map(), body: { ...NOTHING, all: nobody } });
        return called({ status: 200, headers: new Map([["content-type", "text/event-stream"]]), body: upstream });
      },
      after,
      now: () => 0,
      monotonic: () => 0,
      random: () => 0.5,
      newId: () => "00000000-0000-4000-8000-000000000000",
      sha256: runtime.sha256,
      unpack,
      ...(store === undefined ? {} : { store }),
      sink: () => {},
      logFormat: "json",
    },
    { version: "1", runtime: "test" },
  );
}

export function requestOf(way: Way, text = "Hello there"): Request {
  const tool = { type: "function", function: { name: "look_up", parameters: { type: "object", properties: {} } } };
  const more = way.client === "openai-chat" ? { tools: [tool] } : {};
  const { path, body } = ask(way.client, { model: MODELS[way.upstream], stream: true, text, system: "Be brief.", more });
  const headers = { authorization: `Bearer ${CLIENT_KEY}`, "content-type": "application/json" };
  return new Request(`http://gateway.test${path}`, { method: "POST", headers, body: JSON.stringify(body) });
}

const LIMITS = { maxEventLength: 1024 * 1024, maxReplyBytes: 64 * 1024 * 1024 };

export function pumpOf({ client, upstream: from }: Way, maxEventLength = LIMITS.maxEventLength): Pump {
  const exchange = exchangeFor(CODECS[from], null);
  const limits = { ...LIMITS, maxEventLength };
  const meter = new UsageMeter();
  if (client === from) return streamPassthrough({ codec: CODECS[from], exchange, meter, limits });
  const decoder = CODECS[from].reply.decoder(exchange);
  const encoder = CODECS[client].reply.encoder(exchangeAt(CODECS[client], exchange));
  return conversion({ decoder, encoder, meter, limits, shown: (error) => error });
}
