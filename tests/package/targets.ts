// The platforms that executables and npm packages are made for: one row each.

import process from "node:process";

export interface Target {
  /** What its files and its npm package are called behind `factory-proxy-`. The launcher and the install scripts know these names. */
  readonly name: string;
  /** What `bun build` calls it. */
  readonly bun: string;
  /** As npm names them. */
  readonly os: "linux" | "darwin" | "win32";
  readonly cpu: "x64" | "arm64";
  readonly libc: "glibc" | "musl" | null;
}

export const TARGETS: readonly Target[] = [
  { name: "linux-x64", bun: "bun-linux-x64", os: "linux", cpu: "x64", libc: "glibc" },
  { name: "linux-arm64", bun: "bun-linux-arm64", os: "linux", cpu: "arm64", libc: "glibc" },
  { name: "linux-x64-musl", bun: "bun-linux-x64-musl", os: "linux", cpu: "x64", libc: "musl" },
  { name: "linux-arm64-musl", bun: "bun-linux-arm64-musl", os: "linux", cpu: "arm64", libc: "musl" },
  { name: "darwin-x64", bun: "bun-darwin-x64", os: "darwin", cpu: "x64", libc: null },
  { name: "darwin-arm64", bun: "bun-darwin-arm64", os: "darwin", cpu: "arm64", libc: null },
  { name: "windows-x64", bun: "bun-windows-x64", os: "win32", cpu: "x64", libc: null },
  { name: "windows-arm64", bun: "bun-windows-arm64", os: "win32", cpu: "arm64", libc: null },
];

/** That of this machine. */
export function hostTarget(): Target | undefined {
  return TARGETS.find(({ os, cpu, libc }) => os === process.platform && cpu === process.arch && libc !== "musl");
}

export function executableName({ name, os }: Target): string {
  return `factory-proxy-${name}${os === "win32" ? ".exe" : ""}`;
}
