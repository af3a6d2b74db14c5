// The calls that run now: what they do, what can still end them, who watches them, and the last minute.
// Never holds a prompt, an answer or a key, and never waits for a listener.

import { GatewayError } from "../errors.ts";
import type { ProtocolId } from "../protocol/canonical.ts";
import type { After } from "../runtime/ports.ts";
import type { CallSummary } from "../telemetry/call-summary.ts";
import { finishWord, isListed } from "./usage-row.ts";

/** `connecting`: the request is about to go out. `waiting`: nothing of the answer has come. `thinking`: reasoning is coming. */
export type CallPhase = "admitted" | "connecting" | "waiting" | "thinking" | "streaming";

export interface LiveCall {
  /** The id in the ledger. */
  readonly id: string;
  readonly requestId: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly key: string | null;
  readonly client: string | null;
  readonly session: string | null;
  readonly protocol: ProtocolId;
  readonly upstreamProtocol: ProtocolId | null;
  readonly modelAsked: string | null;
  readonly modelServed: string | null;
  readonly streaming: boolean;
  readonly phase: CallPhase;
  readonly elapsedMs: number;
  readonly firstByteMs: number | null;
  /** As counted so far. */
  readonly outputTokens: number;
  readonly attempts: number;
}

/** What a watcher gets: a call began, changed its phase or ended, or a second has passed. `isCounted`: it counts in `LiveSecond`. */
export type LiveEvent =
  | { readonly type: "call"; readonly call: LiveCall }
  | { readonly type: "ended"; readonly id: string; readonly status: number | null; readonly finish: string; readonly isCounted: boolean }
  | { readonly type: "tick"; readonly calls: readonly LiveCall[] };

/** The calls that ended in this second and are in the ledger, so that usage agrees. */
export interface LiveSecond {
  readonly calls: number;
  /** Calls that a client left do not count. */
  readonly errors: number;
  readonly outputTokens: number;
}

/** A running call, read when somebody looks. */
export interface RunningCall {
  readonly summary: Readonly<CallSummary>;
  readonly phase: CallPhase;
  readonly elapsedMs: number;
  readonly outputTokens: number;
  fail(error: GatewayError): void;
}

export interface LivePorts {
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Does not keep the process alive. */
  readonly after: After;
}

type Listener = (event: LiveEvent) => void;

export class LiveCalls {
  readonly #ports: LivePorts;
  readonly #calls = new Set<RunningCall>();
  readonly #listeners = new Set<Listener>();
  /** Changes that listeners have not been told of. Empty while nobody listens. */
  readonly #changed = new Set<RunningCall>();
  readonly #ended: RunningCall[] = [];
  readonly #minute = Array.from({ length: SECONDS }, () => ({ second: 0, calls: 0, errors: 0, outputTokens: 0 }));
  #stopTicking: (() => void) | null = null;
  #stopNotifying: (() => void) | null = null;

  constructor(ports: LivePorts) {
    this.#ports = ports;
  }

  get size(): number {
    return this.#calls.size;
  }

  add(call: RunningCall): void {
    this.#calls.add(call);
    this.changed(call);
  }

  /** A call has entered another phase. Costs nothing while nobody listens. */
  changed(call: RunningCall): void {
    if (this.#listeners.size === 0) return;
    this.#changed.add(call);
    this.#notifySoon();
  }

  /** Called once the call has ended and its summary is complete. */
  remove(call: RunningCall): void {
    this.#calls.delete(call);
    const { startedAtMs, durationMs, error, usage } = call.summary;
    if (isListed(call.summary)) {
      const bucket = this.#bucket(startedAtMs + durationMs);
      bucket.calls++;
      if (error !== null && error.kind !== "cancelled") bucket.errors++;
      bucket.outputTokens += usage?.outputTokens ?? 0;
    }
    if (this.#listeners.size === 0) return;
    this.#ended.push(call);
    this.#notifySoon();
  }

  /** Ends each running call with this error, in its own protocol. */
  endAll(error: GatewayError): void {
    for (const call of this.#calls) call.fail(error);
  }

  /** Ends one call for an administrator. False: there is no call with this id. */
  cancel(id: string): boolean {
    for (const call of this.#calls) {
      if (call.summary.id !== id) continue;
      call.fail(new GatewayError("ended", "An administrator ended this call.", { headers: { "x-should-retry": "false" } }));
      return true;
    }
    return false;
  }

  /** The running calls, and the last 60 seconds, each oldest first. */
  live(): { readonly calls: readonly LiveCall[]; readonly minute: readonly LiveSecond[] } {
    const last = Math.floor(this.#ports.now() / 1000);
    const minute = Array.from({ length: SECONDS }, (_, index) => {
      const second = last - (SECONDS - 1) + index;
      const found = this.#minute[second % SECONDS];
      if (found?.second !== second) return { calls: 0, errors: 0, outputTokens: 0 };
      return { calls: found.calls, errors: found.errors, outputTokens: found.outputTokens };
    });
    return { calls: this.#views(), minute };
  }

  /** Calls the listener within a tenth of a second of a change, and each second, until the returned function is called. Drops one that throws. */
  watch(listener: Listener): () => void {
    this.#listeners.add(listener);
    this.#stopTicking ??= this.#ports.after(TICK_MS, () => this.#tick());
    return () => this.#leave(listener);
  }

  #leave(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#stopTicking?.();
    this.#stopNotifying?.();
    this.#stopTicking = null;
    this.#stopNotifying = null;
    this.#changed.clear();
    this.#ended.length = 0;
  }

  #tick(): void {
    this.#stopTicking = this.#ports.after(TICK_MS, () => this.#tick());
    // First, or a call would be missing from the list before its end is reported.
    this.#notifyChanges();
    this.#notify({ type: "tick", calls: this.#views() });
  }

  /** Deferred: no listener runs inside a call, and a call of a millisecond is reported once. */
  #notifySoon(): void {
    this.#stopNotifying ??= this.#ports.after(NOTIFY_MS, () => this.#notifyChanges());
  }

  #notifyChanges(): void {
    this.#stopNotifying?.();
    this.#stopNotifying = null;
    const [changed, ended] = [[...this.#changed], this.#ended.splice(0)];
    this.#changed.clear();
    for (const call of changed) this.#notify({ type: "call", call: viewOf(call) });
    for (const { summary } of ended) {
      const { id, status } = summary;
      this.#notify({ type: "ended", id, status, finish: finishWord(summary), isCounted: isListed(summary) });
    }
  }

  #notify(event: LiveEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch {
        this.#leave(listener);
      }
    }
  }

  #views(): LiveCall[] {
    return Array.from(this.#calls, viewOf);
  }

  #bucket(atMs: number): { calls: number; errors: number; outputTokens: number } {
    const second = Math.floor(atMs / 1000);
    const found = this.#minute[second % SECONDS] ?? { second, calls: 0, errors: 0, outputTokens: 0 };
    if (found.second !== second) Object.assign(found, { second, calls: 0, errors: 0, outputTokens: 0 });
    return found;
  }
}

const SECONDS = 60;
const TICK_MS = 1000;
const NOTIFY_MS = 100;

function viewOf({ summary, phase, elapsedMs, outputTokens }: RunningCall): LiveCall {
  return {
    id: summary.id,
    requestId: summary.requestId,
    startedAt: new Date(summary.startedAtMs).toISOString(),
    key: summary.callerId,
    client: summary.client,
    session: summary.session,
    protocol: summary.protocol,
    upstreamProtocol: summary.upstreamProtocol,
    modelAsked: summary.model,
    modelServed: summary.upstreamModel,
    streaming: summary.streaming ?? false,
    phase,
    elapsedMs: Math.round(elapsedMs),
    firstByteMs: summary.firstByteMs,
    outputTokens,
    attempts: summary.attempts,
  };
}
