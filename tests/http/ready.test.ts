import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import type { Store, StoreState } from "../../src/access/store.ts";
import { startGateway } from "../support/gateway.ts";

test("/ready names the store, and waits for one that has not been reached", async () => {
  let state: StoreState = "unreachable";
  const { promise, resolve } = Promise.withResolvers<void>();
  const store: Store = Object.assign(new MemoryStore(), { kind: "postgres", ready: promise, state: () => state });
  const found: unknown[] = [];
  for (const STORE_DOWN of ["serve", "refuse"]) {
    const gateway = await startGateway({ store, environment: { STORE_DOWN } });
    const look = async (): Promise<void> => {
      const response = await gateway.call("/ready", { method: "GET", key: null });
      found.push([response.status, await response.json()]);
    };
    try {
      if (STORE_DOWN === "serve") await look();
      state = "ready";
      resolve();
      await promise;
      await look();
      state = "unreachable";
      await look();
    } finally {
      await gateway.stop();
    }
  }
  const away = { store: "postgres", storeState: "unreachable" };
  assert.deepEqual(found, [
    [503, { status: "waiting", ...away }],
    [200, { status: "ready", store: "postgres" }],
    [200, { status: "ready", ...away }],
    [200, { status: "ready", store: "postgres" }],
    [503, { status: "waiting", ...away }],
  ]);
});
