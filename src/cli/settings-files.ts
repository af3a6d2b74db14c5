// Settings files on disk: read through symbolic links, and replaced atomically, so that nobody ever sees half a file.
// Never replaces a link: the file behind it is replaced.

import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, posix, resolve, win32 } from "node:path";
import process from "node:process";
import type { SettingsFile } from "./agents/agent.ts";
import type { Surroundings } from "./data-folder.ts";
import { codeOf, isNotCapable } from "./environment.ts";

/** The state of a file on disk. */
export interface FileState {
  /** Null: the file does not exist. */
  readonly text: string | null;
  /** Its permissions, 0o000 to 0o777; null: the file does not exist. */
  readonly mode: number | null;
}

export const NO_FILE: FileState = { text: null, mode: null };

/** A file can't be read or written. The message is a sentence about it, without the path. */
export class FileFault extends Error {
  override readonly name = "FileFault";
}

/** Where a settings file of an agent is, or would be created. */
export function settingsPath(
  { folder, folderVariable, names }: SettingsFile,
  { platform, environment, home }: Surroundings & { readonly home: string },
): string {
  const { join, isAbsolute } = platform === "win32" ? win32 : posix;
  const named = folderVariable === null ? undefined : environment[folderVariable];
  const base = named !== undefined && isAbsolute(named) ? named : join(home, folder);
  const paths = names.map((name) => join(base, name));
  return paths.find((path) => existsSync(path)) ?? paths.at(-1) ?? base;
}

/** The file that a path leads to, which need not exist. @throws FileFault */
export function targetOf(path: string): string {
  return attempt(() => {
    try {
      return realpathSync(path);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) return targetOf(resolve(dirname(path), readlinkSync(path)));
    const folder = dirname(path);
    return folder === path ? path : resolve(targetOf(folder), path.slice(folder.length).replace(/^[\\/]+/, ""));
  });
}

/** @throws FileFault where it is not text, or can't be read */
export function fileState(path: string): FileState {
  return attempt(() => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return NO_FILE;
    if (!stat.isFile()) throw new FileFault("is not a file");
    const bytes = readFileSync(path);
    try {
      return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), mode: stat.mode & PERMISSIONS };
    } catch {
      throw new FileFault("is not UTF-8 text");
    }
  });
}

const PERMISSIONS = 0o777;
const WRITABLE = 0o222;

/** @throws FileFault where the file could not be replaced. Root, who may write everything, is held to its permissions too. */
export function requireWritable(path: string): void {
  attempt(() => {
    const mode = statSync(path, { throwIfNoEntry: false })?.mode;
    if (mode !== undefined && (mode & WRITABLE) === 0) throw new FileFault("is read-only");
    if (mode !== undefined) requireAccess(path);
    const folder = [...ancestors(path)].find((one) => existsSync(one)) ?? dirname(path);
    const folderStat = statSync(folder);
    if (!folderStat.isDirectory()) throw new FileFault(`can't be created because ${folder} is not a folder`);
    if ((folderStat.mode & WRITABLE) === 0) throw new FileFault("is in a read-only folder");
    requireAccess(folder);
  });
}

function requireAccess(path: string): void {
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    // Deno asks for --allow-sys to learn whose process this is. Without it, the writing itself will tell.
    if (!isNotCapable(error) || !/ sys access /.test(error.message)) throw error;
  }
}

/** The missing folders of a file, the outermost first. */
export function missingFolders(path: string): string[] {
  return [...ancestors(path)].filter((folder) => !existsSync(folder)).reverse();
}

/** Creates the missing folders of a file, and returns them, the outermost first. @throws FileFault */
export function makeFolders(path: string): string[] {
  const missing = missingFolders(path);
  attempt(() => mkdirSync(dirname(path), { recursive: true }));
  return missing;
}

/** Removes those of the folders that are empty. */
export function removeFolders(folders: readonly string[]): void {
  for (const folder of folders.toReversed()) {
    try {
      rmdirSync(folder);
    } catch {
      // It is in use, or gone.
    }
  }
}

function* ancestors(path: string): Generator<string> {
  for (let folder = dirname(path), last = path; folder !== last; last = folder, folder = dirname(folder)) yield folder;
}

/** Writes or removes a file. Its text is on disk before it gets its name. @throws FileFault */
export function putFile(path: string, { text, mode }: FileState): void {
  if (text === null) return attempt(() => rmSync(path, { force: true }));
  const beside = `${path}.${crypto.randomUUID().slice(0, 8)}.new`;
  attempt(() => {
    try {
      writeThrough(beside, { text, mode: mode ?? OWNER_ONLY });
      keepOwner(path, beside);
      renameSync(beside, path);
    } catch (error) {
      rmSync(beside, { force: true });
      throw error;
    }
  });
  syncFolder(dirname(path));
}

const BESIDE = /^\.[0-9a-f]{8}\.new$/;

/** Removes temporary files beside it of processes that were killed, which may hold secrets. */
export function removeLeftovers(path: string): void {
  const [folder, name] = [dirname(path), basename(path)];
  try {
    const beside = readdirSync(folder).filter((one) => one.startsWith(name) && BESIDE.test(one.slice(name.length)));
    for (const one of beside) rmSync(resolve(folder, one), { force: true });
  } catch {
    // The folder does not exist, or is not accessible, which the next step will find.
  }
}

/** Permissions of files that may hold a secret. */
export const OWNER_ONLY = 0o600;

function writeThrough(path: string, { text, mode }: { readonly text: string; readonly mode: number }): void {
  const file = openSync(path, "wx", OWNER_ONLY);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  chmodSync(path, mode);
}

/** A file keeps its owner, even when root edits it. */
function keepOwner(path: string, beside: string): void {
  const before = statSync(path, { throwIfNoEntry: false });
  const after = statSync(beside);
  if (before === undefined || (before.uid === after.uid && before.gid === after.gid)) return;
  try {
    chownSync(beside, before.uid, before.gid);
  } catch {
    // Only root may do this. Otherwise the file belongs to whoever wrote it.
  }
}

/** Makes the rename survive a power failure. Windows can't open folders. */
function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  try {
    const folder = openSync(path, "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch {
    // Some file systems can't. The file itself is written.
  }
}

function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof FileFault) throw error;
    throw new FileFault(reasonOf(error));
  }
}

function reasonOf(error: unknown): string {
  if (isNotCapable(error)) return `can't be used: ${error.message}`;
  const code = codeOf(error) ?? (error instanceof Error ? error.name : "");
  return (typeof code === "string" ? REASONS[code] : undefined) ?? `can't be read or written (${JSON.stringify(code)})`;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "can't be accessed: you do not have permission to read and write it",
  EPERM: "can't be accessed: you do not have permission to read and write it, or it is in use",
  EROFS: "is on a read-only disk",
  ENOSPC: "can't be written because the disk is full",
  ELOOP: "is a symbolic link that points to itself",
  ENOTDIR: "has a parent that is not a folder",
};
