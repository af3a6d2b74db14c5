// How many bytes are alive after a garbage collection, including strings and buffers, on Bun and on Deno.

import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export const isBun = "bun" in process.versions;

export const aliveBytes: () => number = isBun ? await onBun() : onV8;

async function onBun(): Promise<() => number> {
  const { fullGC, heapStats } = await import("bun:jsc");
  return () => {
    // What the first round released may have kept more alive.
    fullGC();
    fullGC();
    return heapStats().heapSize;
  };
}

let collect: (() => void) | null = null;

function onV8(): number {
  collectOnV8();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

export function collectOnV8(): void {
  if (collect === null) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
  collect();
}
