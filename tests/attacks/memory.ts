// How much memory the gateway takes, as Linux says. Elsewhere nothing is said of it.

import { existsSync, readFileSync } from "node:fs";
import { atMost, type Finding } from "./attack.ts";

/** Of `status`: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html (read 2026-11). */
function mebibytes(pid: number, name: "VmRSS" | "VmHWM"): number | null {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return null;
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(readFileSync(path, "utf8"))?.[1] ?? 0) / 1024;
}

/** Looks at the memory now; what is returned tells, whenever it is asked, how much more was taken at the highest. */
export function watchMemory(pid: number | null): (what: string, limit: number) => readonly Finding[] {
  const before = pid === null ? null : mebibytes(pid, "VmRSS");
  return (what, limit) => {
    const peak = pid === null ? null : mebibytes(pid, "VmHWM");
    if (before === null || peak === null) return [];
    return [atMost(`${what}: memory taken at the highest`, { limit, came: peak - before, unit: "MiB" })];
  };
}
