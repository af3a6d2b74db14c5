// The folder for a program's own files on this platform. Never creates it.

import { posix, win32 } from "node:path";

export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Node's name: `linux`, `darwin`, `win32` ... */
  readonly platform: string;
}

const NAME = "factory-proxy";

/** Null: the environment does not say whose files they would be. */
export function dataFolder({ environment, platform }: Surroundings): string | null {
  if (platform === "win32") return inFolder(win32, environment["LOCALAPPDATA"], []);
  if (platform === "darwin") return inFolder(posix, environment["HOME"], ["Library", "Application Support"]);
  return inFolder(posix, environment["XDG_DATA_HOME"], []) ?? inFolder(posix, environment["HOME"], [".local", "share"]);
}

/** A relative path would depend on where the program is started; the XDG specification says to ignore it. */
function inFolder({ isAbsolute, join }: typeof posix, base: string | undefined, below: readonly string[]): string | null {
  return base !== undefined && isAbsolute(base) ? join(base, ...below, NAME) : null;
}
