// Posts JSON to a collector, and retries where that may help: https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
// Never takes longer than the deadline, retries included, and never follows a redirect, which could take headers elsewhere.

import type { After } from "../../runtime/ports.ts";

export interface DeliveryPorts {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly after: After;
  /** At least 0, below 1. */
  readonly random: () => number;
}

/** How long a collector may take for what it is sent, retries included. */
const DEADLINE_MS = 5_000;
const FIRST_PAUSE_MS = 500;
/** The random share of a pause, so that gateways do not all retry at once. */
const JITTER = 0.5;
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const SECONDS = /^\d{1,4}$/;

/** The outcome of one request. */
interface Outcome {
  readonly isTaken: boolean;
  readonly mayRepeat: boolean;
  /** As the collector asks. Null: it does not. */
  readonly pauseMs: number | null;
}

const UNREACHABLE: Outcome = { isTaken: false, mayRepeat: true, pauseMs: null };

export class Delivery {
  readonly #ports: DeliveryPorts;
  readonly #headers: Readonly<Record<string, string>>;
  #mostRepeats = Infinity;

  constructor(ports: DeliveryPorts, headers: Readonly<Record<string, string>>) {
    this.#ports = ports;
    this.#headers = { ...headers, "content-type": "application/json" };
  }

  /** The program is about to end: from now on there is at most one retry. */
  close(): void {
    this.#mostRepeats = 1;
  }

  /** Resolves to whether it was accepted. Never rejects. */
  async send(url: string, body: string): Promise<boolean> {
    const deadline = new AbortController();
    const cancelTimer = this.#ports.after(DEADLINE_MS, () => deadline.abort());
    try {
      for (let [repeats, pauseMs] = [0, FIRST_PAUSE_MS]; ; repeats++, pauseMs *= 2) {
        const outcome = await this.#post(url, body, deadline.signal);
        if (outcome.isTaken || !outcome.mayRepeat || repeats >= this.#mostRepeats) return outcome.isTaken;
        await this.#pause(outcome.pauseMs ?? pauseMs * (1 - JITTER * this.#ports.random()), deadline.signal);
        if (deadline.signal.aborted) return false;
      }
    } finally {
      cancelTimer();
    }
  }

  async #post(url: string, body: string, signal: AbortSignal): Promise<Outcome> {
    try {
      const response = await this.#ports.fetch(url, { method: "POST", headers: this.#headers, body, redirect: "manual", signal });
      // The connection can be reused once the whole response has been read.
      await response.arrayBuffer();
      const after = response.headers.get("retry-after") ?? "";
      return { isTaken: response.ok, mayRepeat: PASSING.has(response.status), pauseMs: SECONDS.test(after) ? Number(after) * 1000 : null };
    } catch {
      return UNREACHABLE;
    }
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const cancelTimer = this.#ports.after(ms, resolve);
      signal.addEventListener("abort", () => {
        cancelTimer();
        resolve();
      });
    });
  }
}
