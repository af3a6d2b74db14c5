// The pump of an answer, observed: when its first byte goes out, how long each step takes, what the inspector and a debug log keep.
// Does not change anything that passes.

import type { CallSummary } from "../telemetry/call-summary.ts";
import type { PhaseClock } from "../telemetry/phases.ts";
import { concat, type Pump } from "../wire/pump.ts";
import type { CallRecording } from "./call-recording.ts";

/** How much of a streamed answer a debug log keeps, in bytes. */
const MAX_DEBUG_BYTES = 256 * 1024;

/** What the pump reports to. */
export interface PassingCall {
  /** Null: nothing is kept. */
  readonly recording: CallRecording | null;
  readonly clock: PhaseClock;
  readonly summary: Pick<CallSummary, "trace">;
  /** Whether bodies are logged. */
  readonly isDebugged: boolean;
  /** The answer begins to go out; only the first call counts. */
  begin(): void;
  /** The whole answer has gone out. */
  sent(body: Uint8Array): void;
}

const EMPTY = new Uint8Array();

/** The same pump, observed. */
export function observed(pump: Pump, call: PassingCall): Pump {
  return new ObservedPump(pump, call);
}

/** A class instead of closures: one is made for every stream. */
class ObservedPump implements Pump {
  readonly #pump: Pump;
  readonly #call: PassingCall;
  /** For the debug log. Null: there is none. */
  readonly #kept: Uint8Array[] | null;
  #keptBytes = 0;

  constructor(pump: Pump, call: PassingCall) {
    this.#pump = pump;
    this.#call = call;
    this.#kept = call.isDebugged ? [] : null;
  }

  step(chunk: Uint8Array): Uint8Array | null {
    const { clock, summary } = this.#call;
    summary.trace?.chunk(clock.elapsedMs);
    const startedMs = clock.stepping();
    const out = this.#pump.step(chunk);
    clock.stepped(startedMs);
    return this.#pump.finished ? this.#last(chunk, out) : this.#noted(chunk, out);
  }

  end(): Uint8Array | null {
    return this.#last(null, this.#pump.end());
  }

  fail(error: unknown): Uint8Array | null {
    return this.#last(null, this.#pump.fail(error));
  }

  left(): void {
    this.#pump.left?.();
  }

  get finished(): boolean {
    return this.#pump.finished;
  }

  #noted(chunk: Uint8Array | null, out: Uint8Array | null): Uint8Array | null {
    const { recording, clock } = this.#call;
    if (recording !== null) recording.streamed(chunk, out, recording.keepsBodies ? clock.elapsedMs : 0);
    if (out === null) return null;
    this.#call.begin();
    if (this.#kept !== null && this.#keptBytes <= MAX_DEBUG_BYTES) {
      this.#keptBytes += out.length;
      this.#kept.push(out.slice());
    }
    return out;
  }

  #last(chunk: Uint8Array | null, out: Uint8Array | null): Uint8Array | null {
    this.#noted(chunk, out);
    this.#call.sent(this.#kept === null ? EMPTY : concat(this.#kept));
    return out;
  }
}
