// The load. Picks calls by weight, sends them, and compares what came with what may come.
// Does not stop a call that runs, or keep an answer.

import { requestBytes } from "../bench/http.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { visit, type Sight } from "./client.ts";
import { bodyOf, isAnswerTo, isEnded, isErrorBody, isFailed, MODELS, pathOf, PROTOCOLS } from "./conversation.ts";
import { CLIENT_KEY } from "./processes.ts";
import { nameOf, SCENARIOS, type Scenario, type ScenarioName } from "./scenarios.ts";

const NAMES = Object.keys(SCENARIOS) as ScenarioName[];
const TOTAL_WEIGHT = NAMES.reduce((sum, name) => sum + SCENARIOS[name].weight, 0);
const BURST_STEP = 10;
const BURST_STEP_MS = 100;
const SHOWN_FAULTS = 20;
const SHOWN_LENGTH = 300;

interface Call {
  readonly scenario: Scenario;
  readonly row: ScenarioName;
  readonly name: string;
  readonly client: ProtocolId;
  readonly upstream: ProtocolId;
  readonly stream: boolean;
  readonly withTool: boolean;
  readonly asArray: boolean;
}

export class Load {
  readonly #port: number;
  readonly #random: () => number;
  readonly #running = new Set<Promise<void>>();
  /** `scenario: outcome` -> how often. */
  readonly #counts = new Map<string, number>();
  readonly #faults: string[] = [];
  #unexpected = 0;
  #serial = 0;
  /** Streams of a burst that are open now. */
  bursting = 0;
  /** Calls that the gateway may never have seen. */
  early = 0;

  constructor({ port, seed }: { readonly port: number; readonly seed: number }) {
    this.#port = port;
    this.#random = randomFrom(seed);
  }

  get sent(): number {
    return this.#serial;
  }

  call(): void {
    let at = this.#random() * TOTAL_WEIGHT;
    const row = NAMES.find((name) => (at -= SCENARIOS[name].weight) < 0) ?? "plain";
    void this.#start(row);
  }

  /** Opens so many streams, a few at a time. */
  burst(count: number): void {
    for (let index = 0; index < Math.min(BURST_STEP, count); index++) {
      this.bursting++;
      void this.#start("burst").then(() => this.bursting--);
    }
    if (count <= BURST_STEP) return;
    const rest = new Promise<void>((resolve) => {
      setTimeout(() => {
        this.burst(count - BURST_STEP);
        resolve();
      }, BURST_STEP_MS);
    });
    void this.#keep(rest);
  }

  async done(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  summary(): string {
    const sums = new Map<string, number>();
    for (const [key, count] of this.#counts) {
      const outcome = key.slice(key.indexOf(": ") + 2);
      const kind = outcome.startsWith("status") ? "error status" : outcome;
      sums.set(kind, (sums.get(kind) ?? 0) + count);
    }
    const parts = [...sums].sort(([, a], [, b]) => b - a).map(([kind, count]) => `${kind} ${count}`);
    return `${this.#serial} calls (${parts.join(", ")}), ${this.#unexpected} unexpected`;
  }

  table(): string {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, count]) => `${String(count).padStart(8)}  ${key}\n`)
      .join("");
  }

  unexpected(): readonly string[] {
    const more = this.#unexpected - this.#faults.length;
    return more > 0 ? [...this.#faults, `and ${more} more`] : this.#faults;
  }

  #start(row: ScenarioName): Promise<void> {
    const scenario: Scenario = SCENARIOS[row];
    const client = this.#pick(PROTOCOLS);
    const call: Call = {
      scenario,
      row,
      name: nameOf(row, ++this.#serial),
      client,
      upstream: this.#pick(PROTOCOLS),
      stream: scenario.streamedOnly === true || this.#random() < 0.5,
      withTool: row === "plain" && this.#random() < 0.3,
      asArray: client === "gemini" && this.#random() < 0.2,
    };
    if (scenario.manner === "leave at once" || scenario.manner === "leave while sending") this.early++;
    return this.#keep(this.#run(call));
  }

  #keep(promise: Promise<void>): Promise<void> {
    this.#running.add(promise);
    return promise.finally(() => this.#running.delete(promise));
  }

  async #run(call: Call): Promise<void> {
    const { scenario, row, name, client, upstream, stream, withTool } = call;
    const spoken = { protocol: client, model: scenario.model ?? MODELS[upstream], stream, text: `Please say ${name}`, withTool };
    const bytes = requestBytes(pathOf(spoken, call.asArray), { host: `127.0.0.1:${this.#port}`, key: CLIENT_KEY, body: bodyOf(spoken) });
    const sight = await visit({ port: this.#port, bytes, manner: scenario.manner, chance: this.#random() });
    const outcome = outcomeOf(call, sight);
    const key = `${row}: ${outcome}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    // Where the model says it, the upstream's protocol is another one than was drawn.
    const same = scenario.model === undefined && client === upstream;
    const expected: readonly string[] = scenario.expected({ stream, same });
    if (expected.includes(outcome)) return;
    this.#unexpected++;
    if (this.#faults.length >= SHOWN_FAULTS) return;
    const seen = `${sight.head.split("\r\n")[0]} ${JSON.stringify(sight.text.slice(-SHOWN_LENGTH))}`;
    this.#faults.push(
      `${name} ${client} -> ${spoken.model} ${stream ? "streamed" : "whole"}: ${outcome}, not ${expected.join(" or ")}; ${seen}`,
    );
  }

  #pick(protocols: readonly ProtocolId[]): ProtocolId {
    return protocols[Math.floor(this.#random() * protocols.length)] ?? "openai-chat";
  }
}

function outcomeOf(call: Call, { status, text, isComplete, hasLeft, isHung }: Sight): string {
  if (isHung) return "hung";
  if (hasLeft) return "left";
  if (status === null || !isComplete) return "broken";
  if (status !== 200) return isErrorBody(call.client, text) ? `status ${status}` : `status ${status} in a strange shape`;
  if (call.stream) {
    const isOver = isEnded(call.client, text);
    if (isFailed(call.client, text)) return isOver ? "two ends" : "error event";
    if (!isOver) return "unmarked";
  } else if (!isJson(text)) return "unmarked";
  return isAnswerTo(text, call) ? "answer" : "the answer of another call";
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The same numbers from the same seed: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
