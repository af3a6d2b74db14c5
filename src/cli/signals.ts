// What the signals to stop, and SIGHUP, do.
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

/** What SIGHUP does. The terminal that the server was started in has been closed, or somebody has changed the configuration. */
function hangUp(stop: OnSignals["stop"], reload: () => void): OnSignals["stop"] {
  // Deno undoes `nohup` unless somebody listens.
  if (isHangUpIgnored()) return () => {};
  // Asked now: a terminal that is closed is none any more.
  return runtime.isTerminal("stdin") ? stop : reload;
}

/** `nohup` has the hang-up of a terminal ignored, which a listener of its own would undo. Only Linux says so. */
function isHangUpIgnored(): boolean {
  try {
    const [, signals = "0"] = /^SigIgn:\t(\w+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return (BigInt(`0x${signals}`) & 1n) === 1n;
  } catch {
    return false;
  }
}
