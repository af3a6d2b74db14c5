// Lets one setup run at a time, because all agents share one key, which is removed with the last of them.
// The lock is the system's, so it ends with the process, however that ends.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CommandError } from "./command.ts";

/** Another setup takes some milliseconds. */
const PATIENT_MS = 10_000;
const LOCKED = /locked/;

/** @throws CommandError, and what `act` throws */
export async function alone<Result>(dataDir: string, act: () => Promise<Result>): Promise<Result> {
  // SQLite uses the system's locks, for which neither runtime has a function.
  const { DatabaseSync } = await import("node:sqlite");
  const path = join(dataDir, "setup.lock");
  let lock: InstanceType<typeof DatabaseSync> | null = null;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    lock = new DatabaseSync(path, { timeout: PATIENT_MS });
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock?.close();
    const said = error instanceof Error ? error.message : String(error);
    if (LOCKED.test(said)) throw CommandError.failed("Another setup is running. Try again when it has finished.");
    throw CommandError.failed(`${path} can't be written: ${said}. Nothing was changed.`);
  }
  try {
    return await act();
  } finally {
    lock.close();
  }
}
