// Handles the signals to stop, and SIGHUP.
// Never decides how the server stops.

import { readFileSync } from "node:fs";
import process from "node:process";
import { runtime } from "../runtime/runtime.ts";

interface OnSignals {
  readonly stop: (signal: NodeJS.Signals) => void;
  readonly reload: () => void;
}

/** A terminal sends Ctrl-C to `bun run` and to the server that it has started, and `bun run` hands it on: it arrives twice. */
const SAME_SIGNAL_MS = 500;

export function onSignals({ stop, reload }: OnSignals): void {
  const stopOnce = once(stop, () => performance.now());
  process.on("SIGHUP", hangUp(stopOnce, reload));
  process.on("SIGINT", stopOnce);
  process.on("SIGTERM", stopOnce);
}

/** Takes the same signal for the one before if it comes so soon after that nobody can have meant a second one. */
export function once(stop: OnSignals["stop"], monotonic: () => number): OnSignals["stop"] {
  let last: { readonly signal: NodeJS.Signals; readonly atMs: number } | null = null;
  return (signal) => {
    const atMs = monotonic();
    if (last?.signal === signal && atMs - last.atMs < SAME_SIGNAL_MS) return;
    last = { signal, atMs };
    stop(signal);
  };
}

/** Handles SIGHUP: either the server's terminal was closed, or somebody has changed the configuration. */
function hangUp(stop: OnSignals["stop"], reload: () => void): OnSignals["stop"] {
  // Deno undoes `nohup` unless there is a listener.
  if (isHangUpIgnored()) return () => {};
  // Checked now: a closed terminal can no longer be detected.
  return runtime.isTerminal("stdin") ? stop : reload;
}

/** `nohup` makes the process ignore SIGHUP, which a listener would undo. Only Linux reports this. */
function isHangUpIgnored(): boolean {
  try {
    const [, signals = "0"] = /^SigIgn:\t(\w+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return (BigInt(`0x${signals}`) & 1n) === 1n;
  } catch {
    return false;
  }
}
