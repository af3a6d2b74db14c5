// Which process listens on a port of this machine, according to the system. Null where it does not say: other users' processes are often hidden.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { DoctorWorld } from "./doctor-check.ts";

export async function portOwner(port: number, { platform, outputOf }: Pick<DoctorWorld, "platform" | "outputOf">): Promise<string | null> {
  if (platform === "linux") return ownerOnLinux(port);
  if (platform === "win32") {
    const [, pid] =
      new RegExp(String.raw`^\s*TCP\s+\S+:${port}\s.*LISTENING\s+(\d+)`, "m").exec(
        (await outputOf("netstat.exe", ["-ano", "-p", "TCP"])) ?? "",
      ) ?? [];
    return pid === undefined ? null : `process ${pid}`;
  }
  const [, pid, name] =
    /^p(\d+)\n(?:.*\n)*?c(.+)$/m.exec((await outputOf("/usr/sbin/lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"])) ?? "") ?? [];
  return pid === undefined ? null : `${name} (process ${pid})`;
}

/** In the format of the kernel's socket table. */
const LISTENING = "0A";

function ownerOnLinux(port: number): string | null {
  const inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => listening(read(path), port));
  if (inodes.length === 0) return null;
  const sockets = new Set(inodes.map((inode) => `socket:[${inode}]`));
  const pid = list("/proc").find(
    (name) => /^\d+$/.test(name) && list(`/proc/${name}/fd`).some((file) => sockets.has(target(`/proc/${name}/fd/${file}`))),
  );
  return pid === undefined ? null : `${read(`/proc/${pid}/comm`).trim()} (process ${pid})`;
}

function listening(table: string, port: number): string[] {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    return inode !== undefined && state === LISTENING && local.endsWith(end) ? [inode] : [];
  });
}

function read(path: string): string {
  return allowed(() => readFileSync(path, "utf8")) ?? "";
}

function list(path: string): readonly string[] {
  return allowed(() => readdirSync(path)) ?? [];
}

function target(path: string): string {
  return allowed(() => readlinkSync(path)) ?? "";
}

/** Null: it is gone, or another user's. */
function allowed<Result>(look: () => Result): Result | null {
  try {
    return look();
  } catch {
    return null;
  }
}
