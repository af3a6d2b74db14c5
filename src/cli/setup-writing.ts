// Carries a plan out: all of it, or none. Everything needed to undo it is on disk before the first file changes.

import { fileState, FileFault, makeFolders, missingFolders, NO_FILE, putFile, removeFolders, removeLeftovers } from "./settings-files.ts";
import { isSame, SetupFault, type PlannedFile } from "./setup-plan.ts";
import type { FileRecord, SetupRecord, SetupRecords } from "./setup-record.ts";

export interface Writing {
  readonly agent: string;
  readonly files: readonly PlannedFile[];
  readonly records: SetupRecords;
  /** What the new record says about the key. */
  readonly key: Pick<SetupRecord, "madeKey" | "readsVariable">;
}

/** @throws SetupFault */
export function write({ agent, files, records, key }: Writing): void {
  const former = records.of(agent);
  const filed = files.flatMap(({ wanted, base }): FileRecord[] => {
    if (wanted === null) return [];
    const copy = base.text === null ? null : records.keep(agent, { path: wanted.path, text: base.text });
    return [{ ...wanted, copy }];
  });
  const missing = files.flatMap(({ target, after }) => (after.text === null ? [] : missingFolders(target)));
  const folders = [...new Set([...(former?.folders ?? []), ...missing])];
  // An interrupted write can be undone with either record, since each knows both states.
  records.save({ agent, ...key, folders, files: filed });
  try {
    putAll(files);
  } catch (error) {
    if (former === null) records.remove(agent, []);
    else records.save(former);
    throw error;
  }
  records.sweep(
    agent,
    filed.flatMap(({ copy }) => copy ?? []),
  );
}

/** Returns the copies that must be kept because the files could not be restored. @throws SetupFault */
export function undo(record: SetupRecord, files: readonly PlannedFile[], records: SetupRecords): string[] {
  putAll(files);
  removeFolders(record.folders);
  const kept = files.flatMap(({ base }) => base.copy ?? []);
  records.remove(record.agent, kept);
  return kept.map((copy) => records.copyPath(copy));
}

function putAll(files: readonly PlannedFile[]): void {
  const done: PlannedFile[] = [];
  const made: string[] = [];
  const changing = files.filter(({ now, after }) => !isSame(now, after));
  let current = "";
  for (const { target } of files) removeLeftovers(target);
  try {
    for (const { path, target, now } of changing) {
      current = path;
      if (!isSame(fileState(target), now)) throw new FileFault("was changed in the meantime");
    }
    for (const file of changing) {
      current = file.path;
      if (file.after.text !== null) made.push(...makeFolders(file.target));
      putFile(file.target, file.after);
      done.push(file);
    }
  } catch (error) {
    for (const { target, now } of done) putFile(target, now.text === null ? NO_FILE : now);
    removeFolders(made);
    if (!(error instanceof FileFault)) throw error;
    throw new SetupFault(`${current} ${error.message}. Nothing was changed.`);
  }
}
