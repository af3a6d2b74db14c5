// Handles the signals to stop, and SIGHUP.
// Never decides how the server stops.

import { readFileSync } from "node:fs";
import process from "node:process";
import { runtime } from "../runtime/runtime.ts";

interface OnSignals {
  readonly stop: (signal: NodeJS.Signals) => void;
  readonly reload: () => void;
}

export function onSignals({ stop, reload }: OnSignals): void {
  process.on("SIGHUP", hangUp(stop, reload));
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
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
