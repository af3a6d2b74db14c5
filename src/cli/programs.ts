// Finds a program as a shell would. Never runs one.

import { statSync } from "node:fs";
import { posix, win32 } from "node:path";
import type { Surroundings } from "./data-folder.ts";

/** Executable by anybody: on Deno, finding out who this user is takes further permissions. */
const EXECUTABLE = 0o111;

/** The path of a program in PATH; null where it is not there. */
export function findProgram(name: string, { environment, platform }: Surroundings): string | null {
  const isWindows = platform === "win32";
  const { join } = isWindows ? win32 : posix;
  const endings = isWindows ? (valueOf(environment, "PATHEXT") ?? ".EXE;.CMD;.BAT;.COM").split(";") : [""];
  const paths = foldersOfPath(environment, platform).flatMap((folder) =>
    endings.map((ending) => join(folder, name + ending.toLowerCase())),
  );
  return paths.find((path) => isProgram(path, isWindows)) ?? null;
}

export function foldersOfPath(environment: Surroundings["environment"], platform: string): string[] {
  const { delimiter, isAbsolute } = platform === "win32" ? win32 : posix;
  const folders = (valueOf(environment, "PATH") ?? "").split(delimiter).map((folder) => folder.replace(/^"(.*)"$/, "$1"));
  return folders.filter(isAbsolute);
}

/** Windows ignores the case of names. */
function valueOf(environment: Surroundings["environment"], name: string): string | undefined {
  return environment[name] ?? environment[Object.keys(environment).find((one) => one.toUpperCase() === name) ?? name];
}

function isProgram(path: string, isWindows: boolean): boolean {
  try {
    const found = statSync(path);
    return found.isFile() && (isWindows || (found.mode & EXECUTABLE) !== 0);
  } catch {
    return false;
  }
}
