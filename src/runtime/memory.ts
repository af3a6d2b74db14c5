// How much memory the process may use: that of the machine, or the limit of its control group, for example a container's.
// Never throws: without the permission to ask, the answer is not known.

import { existsSync, readFileSync } from "node:fs";

/** Files of control groups, versions 2 and 1, as a container sees its own. */
const LIMIT_FILES = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/** The smaller of `machineBytes` and the system's limit; null where neither is known. */
export function memoryBytes(machineBytes: number | null, read: (path: string) => string = readText): number | null {
  const limits = LIMIT_FILES.map((path) => Number.parseInt(textOrNothing(path, read), 10));
  const known = [...limits, machineBytes ?? Number.NaN].filter((bytes) => bytes > 0);
  return known.length === 0 ? null : Math.min(...known);
}

function readText(path: string): string {
  // Cheaper than the exception for a missing file.
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function textOrNothing(path: string, read: (path: string) => string): string {
  try {
    return read(path);
  } catch {
    return "";
  }
}
