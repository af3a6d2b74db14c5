// The pump of an answer, seen as it passes: when its first byte goes out, how long each step takes, what the inspector and a debug log keep.
// Never does: change anything that passes.

import type { CallSummary } from "../telemetry/call-summary.ts";
import type { PhaseClock } from "../telemetry/phases.ts";
import { concat, type Pump } from "../wire/pump.ts";
import type { CallRecording } from "./call-recording.ts";

/** How much of a streamed answer a debug log keeps, in bytes. */
const MAX_DEBUG_BYTES = 256 * 1024;

/** What is told of it. */
export interface PassingCall {
  /** Null: nothing is kept. */
  readonly recording: CallRecording | null;
  readonly clock: PhaseClock;
  readonly summary: Pick<CallSummary, "trace">;
  /** Whether the log has the bodies too. */
  readonly isDebugged: boolean;
  /** The answer goes out; only the first time counts. */
  begin(): void;
  /** All of it has. */
  sent(body: Uint8Array): void;
}

const EMPTY = new Uint8Array();

/** The same pump, with the time of its first byte noted. */
export function observed(pump: Pump, call: PassingCall): Pump {
  const { recording, clock } = call;
  const { trace } = call.summary;
  const kept: Uint8Array[] | null = call.isDebugged ? [] : null;
  let keptBytes = 0;
  const note = (chunk: Uint8Array | null, out: Uint8Array | null): Uint8Array | null => {
    if (recording !== null) recording.streamed(chunk, out, recording.keepsBodies ? clock.elapsedMs : 0);
    if (out === null) return null;
    call.begin();
    if (kept === null || keptBytes > MAX_DEBUG_BYTES) return out;
    keptBytes += out.length;
    kept.push(out.slice());
    return out;
  };
  const last = (chunk: Uint8Array | null, out: Uint8Array | null): Uint8Array | null => {
    note(chunk, out);
    call.sent(kept === null ? EMPTY : concat(kept));
    return out;
  };
  return {
    step: (chunk) => {
      trace?.chunk(clock.elapsedMs);
      const startedMs = clock.stepping();
      const out = pump.step(chunk);
      clock.stepped(startedMs);
      return pump.finished ? last(chunk, out) : note(chunk, out);
    },
    end: () => last(null, pump.end()),
    fail: (error) => last(null, pump.fail(error)),
    left: () => pump.left?.(),
    get finished() {
      return pump.finished;
    },
  };
}
