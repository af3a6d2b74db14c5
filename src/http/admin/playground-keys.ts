// Client keys for the playground: each belongs to a session and ends with it, and all of them count as the key `playground`.
// Never stores one; the store gets its hash.

import type { KeyRecord } from "../../access/client-key.ts";
import { emptyRecord, newKey } from "../../access/key-changes.ts";
import { told } from "./admin-faults.ts";
import type { Admin } from "./admin.ts";
import type { AdminKeyPorts } from "./admin-keys.ts";

const NAME = "playground";

interface Made {
  readonly key: string;
  readonly hash: string;
  readonly untilMs: number;
}

export function createPlaygroundKeys({
  store,
  now,
  random,
  sha256,
}: Pick<AdminKeyPorts, "store" | "now" | "random" | "sha256">): Pick<Admin, "playgroundKey" | "signedOut"> {
  /** By session. */
  const made = new Map<string, Made>();
  const lend = async (hash: string, untilMs: number | null): Promise<void> => {
    const change = ({ lent = [], ...before }: KeyRecord): KeyRecord => {
      const others = lent.filter((one) => one.hash !== hash && one.untilMs > now());
      return { ...before, lent: untilMs === null ? others : [...others, { hash, untilMs }] };
    };
    const kept = await store().updateKey(NAME, change);
    if (kept !== null || untilMs === null) return;
    await store().insertKey({ ...emptyRecord(NAME, now()), note: "What the dashboard's playground calls." });
    await store().updateKey(NAME, change);
  };
  return {
    playgroundKey: ({ id, untilMs }) =>
      told(async () => {
        for (const [session, one] of made) if (one.untilMs <= now()) made.delete(session);
        const known = made.get(id);
        const expires = new Date(untilMs).toISOString();
        if (known !== undefined) return { key: known.key, expires: new Date(known.untilMs).toISOString() };
        const { key, record } = newKey(NAME, {}, { nowMs: now(), random, sha256 });
        const hash = record.hash ?? "";
        made.set(id, { key, hash, untilMs });
        await lend(hash, untilMs);
        return { key, expires };
      }),
    signedOut: ({ id }) =>
      told(async () => {
        const known = made.get(id);
        made.delete(id);
        if (known !== undefined) await lend(known.hash, null);
      }),
  };
}
