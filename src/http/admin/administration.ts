// What an administrator sees and can do, assembled from the parts of the program.

import type { KeyRing, Sha256 } from "../../access/key-ring.ts";
import type { Store } from "../../access/store.ts";
import { GatewayError } from "../../errors.ts";
import type { CallViews } from "../../gateway/call-views.ts";
import type { Models } from "../../models/models.ts";
import { describe } from "../described-model.ts";
import { notFound, told } from "./admin-faults.ts";
import { createKeyAdmin } from "./admin-keys.ts";
import { createLedgerAdmin } from "./admin-ledger.ts";
import type { Admin, DoctorView, HealthView, ModelView } from "./admin.ts";
import type { Operator } from "./operator.ts";
import { createPlaygroundKeys } from "./playground-keys.ts";

export interface AdminPorts {
  /** Null: there is no store. */
  readonly store: Store | null;
  readonly ring: Pick<KeyRing, "find">;
  readonly calls: CallViews;
  /** Null: the starter of the program offers nothing more. */
  readonly operator: Operator | null;
  /** The current configuration. */
  readonly current: () => CurrentParts;
  readonly facts: Pick<HealthView, "version" | "runtime" | "replica"> & { readonly startedMs: number };
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly random: (count: number) => Uint8Array;
  readonly sha256: Sha256;
}

export interface CurrentParts {
  readonly models: Models;
  readonly inspect: HealthView["inspect"];
  /** Names of the keys of PROXY_API_KEY. */
  readonly named: readonly string[];
  /** In the format of `GET /quota`. Null: the server has no plan of its own. */
  readonly quota: (() => Promise<object>) | null;
}

export function createAdmin(ports: AdminPorts): Admin {
  const { calls, operator, current, facts, now } = ports;
  const store = (): Store => {
    if (ports.store === null) throw notFound("This server has no store. Set DATABASE_URL or DATA_DIR.");
    return ports.store;
  };
  const parts = { ...ports, store, models: () => current().models, named: () => current().named };
  /** One examination at a time, shared by all who ask meanwhile. */
  let examination: Promise<DoctorView> | null = null;
  const examine = async (who: Operator): Promise<DoctorView> => {
    try {
      return { checks: await who.doctor(), at: new Date(now()).toISOString() };
    } finally {
      examination = null;
    }
  };
  return {
    ...createKeyAdmin(parts),
    ...createLedgerAdmin(parts),
    ...createPlaygroundKeys(parts),
    live: async () => ({ replica: facts.replica, ...(await calls.live()) }),
    watch: (listener) => calls.watch(listener),
    async running(id) {
      const call = (await calls.live()).calls.find((one) => one.id === id);
      return call === undefined ? null : { call, inspection: await calls.inspection(id) };
    },
    cancel: (id) => calls.cancel(id),
    quota: () =>
      told(async () => {
        const { quota } = current();
        if (quota === null) throw notFound("This server has no Factory key, so it can't ask about a plan.");
        return quota();
      }),
    models: () => current().models.list().map(modelView),
    health: () => ({
      version: facts.version,
      runtime: facts.runtime,
      replica: facts.replica,
      startedAt: new Date(facts.startedMs).toISOString(),
      store: ports.store === null ? null : { kind: ports.store.kind, isReachable: ports.store.state() === "ready" },
      inspect: current().inspect,
      settings: operator?.settings() ?? [],
    }),
    doctor: async () => (examination ??= examine(operatorOr(operator))),
    reload: () => operatorOr(operator).reload(),
  };
}

function operatorOr(operator: Operator | null): Operator {
  if (operator !== null) return operator;
  throw new GatewayError("not-found", "This server does not offer this.");
}

function modelView(model: ReturnType<Models["list"]>[number]): ModelView {
  const { id, aliases, protocol, provider, pool, multiplier, price, fallback } = model;
  const { contextTokens, outputTokens, inputModalities } = describe(model);
  return {
    id,
    aliases,
    protocol,
    provider,
    pool,
    multiplier,
    contextTokens,
    outputTokens,
    inputModalities: inputModalities ?? [],
    price,
    fallback,
  };
}
