// The tools of a case: calls to the gateway under test, parsed by their protocol, and what the lab saw of them.
// A call is made once, however many cases check its answer. Never makes more calls at once than allowed.

import type { ProtocolId } from "../../protocol/canonical.ts";
import type { Lab, Script, SeenRequest } from "./lab/lab.ts";
import { readChat, readChatStream } from "./readings/chat.ts";
import { readGemini, readGeminiStream } from "./readings/gemini.ts";
import { readMessages, readMessagesStream } from "./readings/messages.ts";
import { nothingSaid, type Fault, type Read, type Said } from "./readings/reading.ts";
import { readResponses, readResponsesStream } from "./readings/responses.ts";
import { bodyOf, keyHeaders, pathOf, printed, userTurn, type Json, type JsonObject, type Tool } from "./wire.ts";

/** A model of the gateway, as the clients of one protocol see it. */
export interface Model {
  readonly id: string;
  /** Which of the lab's protocols the gateway then uses; null: there is no lab, or the model never reached it. */
  readonly upstream: ProtocolId | null;
}

/** A model with each protocol in which the gateway offers it. */
export interface Found {
  readonly id: string;
  readonly upstreams: ReadonlyMap<ProtocolId, ProtocolId | null>;
}

/** What a client asks, independent of a protocol, and what the lab then does. */
export interface Scenario {
  /** Unique: each scenario is called once. */
  readonly name: string;
  readonly text: string;
  readonly system?: string;
  readonly tools?: readonly Tool[];
  readonly isForced?: boolean;
  /** The conversation around the user's text. Default: that text alone. */
  readonly turns?: (protocol: ProtocolId, text: string) => readonly Json[];
  readonly extra?: (protocol: ProtocolId) => JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent instead of the body, and described in its headers. */
  readonly packed?: (text: string) => string | Uint8Array<ArrayBuffer>;
  readonly script?: Script;
  /** Added to the path. */
  readonly query?: string;
  /** When the client leaves. */
  readonly leave?: Leaving;
}

export interface Leaving {
  /** When the first byte of the body has come, or some time after the request was sent. */
  readonly at: "first-byte" | { readonly afterMs: number };
}

export interface Way {
  readonly protocol: ProtocolId;
  readonly model: Model;
  readonly stream: boolean;
}

/** An answer of the gateway. */
export interface Answer extends Way {
  /** 0: there was no answer. */
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Whether the connection broke before the body was complete. */
  readonly isBroken: boolean;
  /** When chunks arrived, in milliseconds since the request was sent, and how long the text was then. */
  readonly arrivals: readonly { readonly atMs: number; readonly length: number }[];
  /** When the client left, in milliseconds of `performance.now()`; null: it did not. */
  readonly leftAtMs: number | null;
  readonly said: Said;
  readonly faults: readonly Fault[];
  /** The lab's requests, in order. */
  readonly seen: readonly SeenRequest[];
  /** What was sent. */
  readonly sent: JsonObject;
}

export interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface WorldOptions {
  readonly url: string;
  readonly key: string | null;
  /** Headers of every request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly lab: Lab | null;
  readonly silenceMs: number;
  readonly callsAtOnce: number;
}

export interface Raw {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** How long an answer may take beyond the lab's silence. */
const ANSWER_MS = 30_000;

export class World {
  readonly url: string;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly lab: Lab | null;
  readonly silenceMs: number;
  /** All models; set once they are known. */
  found: readonly Found[] = [];
  /** The models to call. */
  readonly models: readonly Model[];
  readonly #options: WorldOptions;
  readonly #shared: Shared;

  constructor(options: WorldOptions, { models, shared }: View = { models: [], shared: sharedOf(options) }) {
    this.url = options.url;
    this.key = options.key;
    this.headers = options.headers;
    this.lab = options.lab;
    this.silenceMs = options.silenceMs;
    this.models = models;
    this.#options = options;
    this.#shared = shared;
  }

  /** The same world with the models that are offered to clients of this protocol. */
  of(protocol: ProtocolId): World {
    const models = this.found.flatMap(({ id, upstreams }): Model[] => {
      const upstream = upstreams.get(protocol);
      return upstream === undefined ? [] : [{ id, upstream }];
    });
    return new World(this.#options, { models, shared: this.#shared });
  }

  /** How many requests have been sent. */
  get calls(): number {
    return this.#shared.calls;
  }

  ask(scenario: Scenario, way: Way): Promise<Answer> {
    const { answers, gate } = this.#shared;
    const name = [scenario.name, way.protocol, way.model.id, way.stream].join(" ");
    const known = answers.get(name) ?? gate.pass(() => this.#ask(scenario, way));
    answers.set(name, known);
    return known;
  }

  /** Sends a request as it is, with the key in the protocol's header unless stated otherwise. Status 0: no answer. */
  page(path: string, raw: Raw = {}): Promise<Page> {
    const { pages } = this.#shared;
    const name = JSON.stringify([path, raw]);
    const known = pages.get(name) ?? this.#page(path, raw);
    pages.set(name, known);
    return known;
  }

  #page(path: string, { method = "GET", headers, body }: Raw): Promise<Page> {
    return this.#shared.gate.pass(async () => {
      this.#shared.calls++;
      try {
        const own = headers ?? (this.key === null ? {} : { authorization: `Bearer ${this.key}` });
        const response = await fetch(this.url + path, {
          method,
          headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...this.headers, ...own },
          ...(body === undefined ? {} : { body }),
          signal: AbortSignal.timeout(ANSWER_MS),
        });
        return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() };
      } catch (error) {
        return { status: 0, headers: {}, text: `no answer: ${String(error)}` };
      }
    });
  }

  async #ask(scenario: Scenario, way: Way): Promise<Answer> {
    const { protocol, model, stream } = way;
    const mark = this.lab?.mark(scenario.script) ?? null;
    const text = mark === null ? scenario.text : `${scenario.text} (${mark})`;
    const sent = bodyOf(protocol, {
      model: model.id,
      stream,
      turns: scenario.turns?.(protocol, text) ?? [userTurn(protocol, text)],
      ...(scenario.system === undefined ? {} : { system: scenario.system }),
      ...(scenario.tools === undefined ? {} : { tools: scenario.tools }),
      isForced: scenario.isForced ?? false,
      extra: scenario.extra?.(protocol) ?? {},
    });
    const path = pathOf(protocol, { model: model.id, stream });
    const query = scenario.query === undefined ? "" : `${path.includes("?") ? "&" : "?"}${scenario.query}`;
    this.#shared.calls++;
    const received = await this.#receive(path + query, { protocol, scenario, text: printed(sent) });
    const { said, faults } = received.status === 0 ? { said: nothingSaid(), faults: [] } : readAnswer(way, received);
    return { ...way, ...received, said, faults, sent, seen: mark === null ? [] : (this.lab?.seenOf(mark) ?? []) };
  }

  async #receive(path: string, { protocol, scenario, text }: Sending): Promise<Received> {
    const controller = new AbortController();
    let leftAtMs: number | null = null;
    const leave = (): void => {
      leftAtMs ??= performance.now();
      controller.abort();
    };
    const limit = setTimeout(() => controller.abort(), ANSWER_MS + 2 * this.silenceMs);
    const at = scenario.leave?.at;
    const leaving = typeof at === "object" ? setTimeout(leave, at.afterMs) : undefined;
    const received = { status: 0, headers: {}, text: "", isBroken: false, arrivals: [] as { atMs: number; length: number }[] };
    const startedAtMs = performance.now();
    try {
      const response = await fetch(this.url + path, {
        method: "POST",
        headers: { "content-type": "application/json", ...this.headers, ...keyHeaders(protocol, this.key), ...scenario.headers },
        body: scenario.packed?.(text) ?? text,
        signal: controller.signal,
      });
      received.status = response.status;
      received.headers = Object.fromEntries(response.headers);
      const decoder = new TextDecoder();
      for await (const bytes of response.body ?? []) {
        received.text += decoder.decode(bytes, { stream: true });
        received.arrivals.push({ atMs: performance.now() - startedAtMs, length: received.text.length });
        if (at === "first-byte") leave();
      }
      received.text += decoder.decode();
    } catch (error) {
      received.isBroken = true;
      if (received.status === 0) received.text = `no answer: ${String(error)}`;
    } finally {
      clearTimeout(limit);
      clearTimeout(leaving);
    }
    return { ...received, leftAtMs };
  }
}

/** What all views of a world share. */
interface Shared {
  calls: number;
  readonly answers: Map<string, Promise<Answer>>;
  readonly pages: Map<string, Promise<Page>>;
  readonly gate: Gate;
}

interface View {
  readonly models: readonly Model[];
  readonly shared: Shared;
}

function sharedOf({ callsAtOnce }: WorldOptions): Shared {
  return { calls: 0, answers: new Map(), pages: new Map(), gate: new Gate(callsAtOnce) };
}

interface Sending {
  readonly protocol: ProtocolId;
  readonly scenario: Scenario;
  readonly text: string;
}

type Received = Pick<Answer, "status" | "headers" | "text" | "isBroken" | "arrivals" | "leftAtMs">;

/** A stream is read as one even where none was requested; whether it should be one is for a case to say. */
function readAnswer({ protocol, stream }: Way, { status, text }: Received): Read {
  const isStream = stream && status === 200;
  switch (protocol) {
    case "openai-chat":
      return isStream ? readChatStream(text) : readChat(text);
    case "openai-responses":
      return isStream ? readResponsesStream(text) : readResponses(text);
    case "anthropic-messages":
      return isStream ? readMessagesStream(text) : readMessages(text);
    case "gemini":
      return isStream ? readGeminiStream(text) : readGemini(text);
  }
}

/** Lets at most this many through at once. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  async pass<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
