// Client keys as the program would have them in memory.

import { KeyRing, type NamedKey } from "../../src/access/key-ring.ts";
import type { Store } from "../../src/access/store.ts";
import { runtime } from "../../src/runtime/runtime.ts";

/** A ring with keys of PROXY_API_KEY, called `env-1`, `env-2` ... where they have no name, and those of a store. */
export function ringOf(keys: readonly (string | NamedKey)[], store: Store | null = null, now: () => number = () => 0): KeyRing {
  const named = keys.map((key, index) => (typeof key === "string" ? { name: `env-${index + 1}`, key } : key));
  return new KeyRing({ named, store, storeDown: "serve" }, { sha256: runtime.sha256, now, after: () => () => {} });
}
