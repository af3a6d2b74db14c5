// Whether the store can be written to, how much space it takes and has, and how old the list prices are.
// Writes one value, which expires after a second.

import { statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { StoreError } from "../access/store.ts";
import { PRICE_DATE } from "../models/prices.ts";
import { CommandError } from "./command.ts";
import { counted, fail, ok, skip, warn, type Check, type Group, type Subject } from "./doctor-check.ts";

export const storeChecks: Group = async (subject) => [await writable(subject), room(subject), prices(subject)];

const PROBE = "doctor/1";

async function writable({ config, context }: Subject): Promise<Check> {
  const id = "store.writable";
  if (config === null) return skip(id, "The configuration is invalid.");
  if (config.databaseUrl === "memory:") {
    const fix = "Unset DATABASE_URL to keep keys and usage in a file.";
    return warn(id, "The store is in memory.", { why: "Keys, budgets and usage are lost when the server stops.", fix });
  }
  try {
    const store = await context.store();
    const value = crypto.randomUUID();
    await store.share(PROBE, value, context.now() + 1000);
    if ((await store.shared(PROBE, context.now())) !== value) return fail(id, "The store does not return what was written.", { fix: FIX });
    return ok(id, `The store (${store.kind}) works.`);
  } catch (error) {
    const what = "The store can't be used.";
    if (error instanceof StoreError) return fail(id, what, { why: error.reason, fix: error.remedy ?? FIX });
    if (error instanceof CommandError) return fail(id, what, { why: error.message, fix: FIX });
    throw error;
  }
}

const FIX = "Check DATABASE_URL, DATA_DIR and their permissions.";
const MEBIBYTE = 1024 ** 2;
const LEAST_FREE_BYTES = 200 * MEBIBYTE;
const SQLITE = /^sqlite:(?:\/\/)?/;

function room({ config, world }: Subject): Check {
  const id = "store.room";
  if (config === null || !SQLITE.test(config.databaseUrl)) return skip(id, "The store is not a file.");
  const named = config.databaseUrl.replace(SQLITE, "");
  const folder = config.dataDir ?? world.dataDir;
  if (named === "" && folder === null) return skip(id, "The store's file has no location.");
  const path = named === "" ? `${folder}/factory-proxy.db` : named;
  const bytes = ["", "-wal", "-shm"].reduce((sum, end) => sum + sizeOf(path + end), 0);
  const freeBytes = freeAt(dirname(path));
  const size = (bytes / MEBIBYTE).toFixed(1);
  const what =
    freeBytes === null ? `${path} is ${size} MiB.` : `${path} is ${size} MiB, with ${Math.round(freeBytes / MEBIBYTE)} MiB free.`;
  if (freeBytes === null || freeBytes >= LEAST_FREE_BYTES) return ok(id, what);
  return warn(id, what, {
    why: "On a full disk, usage is not recorded and keys can't be changed.",
    fix: "Free some space, or lower LEDGER_DAYS.",
  });
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

function freeAt(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}

const DAY_MS = 24 * 3_600_000;
const OLD_DAYS = 120;

function prices({ context }: Subject): Check {
  const id = "store.prices";
  const days = Math.max(0, Math.floor((context.now() - Date.parse(PRICE_DATE)) / DAY_MS));
  const what = `List prices as of ${PRICE_DATE}, ${counted(days, "day")} ago.`;
  if (days <= OLD_DAYS) return ok(id, what);
  return warn(id, what, {
    why: "Cost estimates may be wrong.",
    fix: "Install a newer version, or set prices in the model file (CONFIG_PATH).",
  });
}
