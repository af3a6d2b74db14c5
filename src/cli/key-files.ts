// Exports all keys to a file, and imports those of one. Hashes only.

import type { KeyRecord } from "../access/client-key.ts";
import { keyFile, readKeyFile } from "../access/key-json.ts";
import { CommandError, type Context, type Input } from "./command.ts";

export async function exportKeys(_: Input, context: Context): Promise<void> {
  const keys = await (await context.store()).keys();
  context.print(JSON.stringify({ keys: keys.map(keyFile) }, null, 2));
}

export async function importKeys(input: Input, context: Context): Promise<void> {
  const records = readKeys(context.read(input.operand(0)));
  const store = await context.store();
  const known = await store.keys();
  const isReplacing = input.has("replace");
  const clash = records.find((record) => known.some((other) => other.name === record.name && !isSame(other, record)));
  if (clash !== undefined && !isReplacing)
    throw CommandError.failed(`A different key named "${clash.name}" already exists. Use --replace to overwrite it. Nothing was changed.`);
  const others = known.filter(({ name }) => !records.some((record) => record.name === name));
  const twice = hashesOf(records).find((hash, index, all) => all.indexOf(hash) < index || hashesOf(others).includes(hash));
  if (twice !== undefined)
    throw CommandError.failed("The file contains a key that already exists under another name. Nothing was changed.");
  let count = 0;
  for (const record of records) {
    const isNew = await store.insertKey(record);
    if (!isNew && isReplacing) await store.updateKey(record.name, () => record);
    if (isNew || isReplacing) count++;
  }
  context.show({ imported: count, unchanged: records.length - count }, () => importedText(count, records.length - count));
}

function importedText(imported: number, unchanged: number): string {
  const text = `${imported} imported`;
  return unchanged === 0 ? `${text}.` : `${text}; ${unchanged} unchanged.`;
}

function readKeys(text: string): readonly KeyRecord[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw CommandError.failed("The file is not JSON.");
  }
  const keys = typeof parsed === "object" && parsed !== null && "keys" in parsed ? parsed.keys : undefined;
  if (!Array.isArray(keys)) throw CommandError.failed('The file must hold {"keys": [...]}, as keys export prints it.');
  const records = keys.map(readKeyFile);
  const names = records.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw CommandError.failed(`The file contains two keys named "${twice}".`);
  return records;
}

function hashesOf(records: readonly KeyRecord[]): string[] {
  return records.flatMap(({ hash, previous }) => [hash, previous?.hash ?? null]).filter((hash) => hash !== null);
}

function isSame(one: KeyRecord, other: KeyRecord): boolean {
  return JSON.stringify(keyFile(one)) === JSON.stringify(keyFile(other));
}
