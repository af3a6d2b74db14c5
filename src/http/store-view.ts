// The state of the store, for the pages that say whether the server is ready.
// Does not ask the store for anything that it keeps.

import type { Store } from "../access/store.ts";
import type { Config } from "../config/config.ts";

/** What is known of the store now. */
export interface StoreView {
  readonly kind: "sqlite" | "postgres" | "memory";
  readonly isReachable: boolean;
  /** Whether calls are accepted in this state. */
  readonly isUsable: boolean;
}

/** The state of the store, which is `starting` until it has been reached once. Null: there is no store. */
export function storeView(store: Store | undefined, { storeDown }: Pick<Config, "storeDown">): () => StoreView | null {
  if (store === undefined) return () => null;
  let hasBeenReached = false;
  store.ready.then(
    () => (hasBeenReached = true),
    () => {},
  );
  return () => {
    const isReachable = store.state() === "ready";
    return { kind: store.kind, isReachable, isUsable: hasBeenReached && (isReachable || storeDown === "serve") };
  };
}
