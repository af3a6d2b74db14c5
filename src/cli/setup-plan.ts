// How setting up an agent, or undoing that, would change its files. Never writes one.

import { isDeepStrictEqual } from "node:util";
import { fileState, FileFault, NO_FILE, OWNER_ONLY, requireWritable, targetOf, type FileState } from "./settings-files.ts";
import { ADDED, FormatFault, valueAt, type Change, type FormatName, type Step } from "./settings-format.ts";
import { edited, settingsIn } from "./settings-formats.ts";
import { hashOf, type Entry, type FileRecord, type SetupRecord, type SetupRecords } from "./setup-record.ts";

/** A file that an agent reads, and its wanted content. */
export interface WantedFile {
  /** The path as the agent knows it. */
  readonly path: string;
  readonly format: FormatName;
  readonly changes: readonly Change[];
  /** Whether the values include a secret. */
  readonly holdsKey: boolean;
}

export interface PlannedFile {
  readonly path: string;
  readonly target: string;
  readonly now: FileState;
  /** Its content without anything of ours. */
  readonly base: Base;
  readonly after: FileState;
  /** What to remember of it; null: nothing of ours is left in it. */
  readonly wanted: Omit<FileRecord, "copy"> | null;
}

interface Base extends FileState {
  /** Whether it is byte for byte what it was before. */
  readonly isExact: boolean;
  /** Members that were ours and have been changed since; they stay as they are. */
  readonly left: readonly (readonly Step[])[];
  /** The name of the copy of its earlier state, where it does not become that. */
  readonly copy: string | null;
}

/** A file can't be set up. The message is a sentence that names it. */
export class SetupFault extends Error {
  override readonly name = "SetupFault";
}

/** Undoes what the record says, and applies what is wanted to the result. @throws SetupFault */
export function planned(wanted: readonly WantedFile[], record: SetupRecord | null, records: SetupRecords): PlannedFile[] {
  const filed = record?.files ?? [];
  const targets = wanted.map((file) => ({ file, target: about(file.path, () => targetOf(file.path)) }));
  const former = filed.filter(({ target }) => !targets.some((one) => one.target === target));
  return [
    ...former.map((one) => about(one.path, () => plannedFile(one, { wanted: null, filed: one, records }))),
    ...targets.map(({ file, target }) => {
      const one = filed.find((other) => other.target === target) ?? null;
      return about(file.path, () => plannedFile({ path: file.path, target }, { wanted: file, filed: one, records }));
    }),
  ];
}

interface Sources {
  readonly wanted: WantedFile | null;
  readonly filed: FileRecord | null;
  readonly records: SetupRecords;
}

function plannedFile({ path, target }: { readonly path: string; readonly target: string }, sources: Sources): PlannedFile {
  const now = fileState(target);
  const base = sources.filed === null ? { ...now, isExact: true, left: [], copy: null } : baseOf(now, sources.filed, sources.records);
  const { after, wanted } = sources.wanted === null ? { after: base, wanted: null } : written(base, sources.wanted, target);
  if (!isSame(now, after)) requireWritable(target);
  return { path, target, now, base, after: { text: after.text, mode: after.mode }, wanted };
}

export function isSame(one: FileState, other: FileState): boolean {
  return one.text === other.text && one.mode === other.mode;
}

// ---- Applying our members ----------------------------------------------------------------------------------

const NEW_FILE_MODE = 0o644;

function written(base: FileState, { path, format, changes, holdsKey }: WantedFile, target: string): Pick<PlannedFile, "after" | "wanted"> {
  const settings = settingsIn(base.text ?? "", format);
  const entries = changes.map(({ path: steps, value }): Entry => {
    const before = valueAt(settings, steps);
    return { path: steps, value, ...(before === undefined ? {} : { before }) };
  });
  const text = edited(base.text ?? "", changes, format);
  const mode = (base.mode ?? NEW_FILE_MODE) & (holdsKey ? OWNER_ONLY : 0o777);
  const [beforeHash, afterHash] = [base.text === null ? null : hashOf(base.text), hashOf(text)];
  const madeParents = parentsOf(changes).filter((steps) => valueAt(settings, steps) === undefined);
  const states = { beforeHash, afterHash, modeBefore: base.mode, modeAfter: mode };
  return { after: { text, mode }, wanted: { path, target, format, ...states, entries, madeParents } };
}

function parentsOf(changes: readonly Change[]): (readonly Step[])[] {
  const parents = new Map<string, readonly Step[]>();
  for (const { path } of changes) {
    for (let depth = 1; depth < path.length; depth++) parents.set(JSON.stringify(path.slice(0, depth)), path.slice(0, depth));
  }
  return [...parents.values()].toSorted((one, other) => one.length - other.length);
}

// ---- Removing our members ----------------------------------------------------------------------------------

function baseOf(now: FileState, filed: FileRecord, records: SetupRecords): Base {
  const exact = { isExact: true, left: [], copy: null };
  if (now.text === null) return { ...NO_FILE, ...exact, isExact: filed.beforeHash === null, copy: filed.copy };
  const hash = hashOf(now.text);
  const mode = now.mode === filed.modeAfter ? filed.modeBefore : now.mode;
  if (hash === filed.beforeHash) return { text: now.text, mode, ...exact };
  if (hash === filed.afterHash) {
    if (filed.beforeHash === null) return { ...NO_FILE, ...exact };
    const copy = records.copyOf(filed);
    if (copy !== null) return { text: copy, mode, ...exact };
  }
  const { text, left } = withoutEntries(now.text, filed);
  if (filed.beforeHash === null && EMPTY.test(text)) return { ...NO_FILE, ...exact };
  const isExact = hashOf(text) === filed.beforeHash;
  return { text, mode: mode ?? now.mode, isExact, left, copy: isExact ? null : filed.copy };
}

const EMPTY = /^\uFEFF?\s*(?:\{\s*\}\s*)?$/;

function withoutEntries(now: string, { entries, madeParents, format }: FileRecord): Pick<Base, "left"> & { readonly text: string } {
  const left: (readonly Step[])[] = [];
  let text = now;
  for (const entry of entries) {
    const change = changeBack(settingsIn(text, format), entry);
    if (change === "left") left.push(entry.path);
    else if (change !== null) text = edited(text, [change], format);
  }
  for (const path of madeParents.toReversed()) {
    if (isEmpty(valueAt(settingsIn(text, format), path))) text = edited(text, [{ path, value: undefined }], format);
  }
  return { text, left };
}

/** Null: it is already gone. */
function changeBack(settings: unknown, { path, value, before }: Entry): Change | "left" | null {
  if (path.at(-1) === ADDED) {
    const list = path.slice(0, -1);
    const items = valueAt(settings, list);
    const at = Array.isArray(items) ? items.findIndex((item) => isDeepStrictEqual(item, value)) : -1;
    return at === -1 ? null : { path: [...list, at], value: undefined };
  }
  const found = valueAt(settings, path);
  if (found === undefined) return null;
  return isDeepStrictEqual(found, value) ? { path, value: before } : "left";
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && !(value instanceof Date) && Object.keys(value).length === 0;
}

function about<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof FileFault || error instanceof FormatFault) throw new SetupFault(`${path} ${error.message}. Nothing was written.`);
    throw error;
  }
}
