// Makes the ledger that the configuration asks for.

import { Ledger, type LedgerPorts } from "../access/ledger.ts";
import type { Config } from "../config/config.ts";
import type { World } from "./world.ts";

/** Null: usage rows are off, or there is no store. */
export function ledgerOf(
  { ledger, ledgerDays }: Config,
  { store, spill, after, background = after, now }: World,
  report: LedgerPorts["report"],
): Ledger | null {
  if (!ledger || store === undefined) return null;
  const keepMs = ledgerDays === null ? null : ledgerDays * DAY_MS;
  return new Ledger({ store, spill: spill ?? null, after: background, now, report }, { keepMs });
}

const DAY_MS = 24 * 3_600_000;
