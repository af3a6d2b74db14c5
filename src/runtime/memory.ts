// How much memory the process may use: what the machine has, or what its control group, a container's for example, allows.
// Never throws: where nothing may be asked, there is no answer.

import { existsSync, readFileSync } from "node:fs";

/** Of control groups, as a container sees its own: versions 2 and 1. */
const LIMIT_FILES = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/** The smaller of `machineBytes` and what a limit of the system says; null where neither is known. */
export function memoryBytes(machineBytes: number | null, read: (path: string) => string = readText): number | null {
  const limits = LIMIT_FILES.map((path) => Number.parseInt(textOrNothing(path, read), 10));
  const known = [...limits, machineBytes ?? Number.NaN].filter((bytes) => bytes > 0);
  return known.length === 0 ? null : Math.min(...known);
}

function readText(path: string): string {
  // Costs less than the error of a file that is not there.
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function textOrNothing(path: string, read: (path: string) => string): string {
  try {
    return read(path);
  } catch {
    return "";
  }
}
