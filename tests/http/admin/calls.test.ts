// Calls on their way into the ledger: those that run, and those that have just ended.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RowQuery, UsageRow } from "../../../src/access/store.ts";
import { MemoryStore } from "../../../src/access/stores/memory.ts";
import { CallViews } from "../../../src/gateway/call-views.ts";
import type { OwnCalls } from "../../../src/gateway/inspection.ts";
import { startAdminGateway, type AdminGateway } from "../../support/admin.ts";
import { callFor, PASSTHROUGH, until } from "../../support/gateway.ts";
import { usageRow } from "../../support/stored.ts";

interface Listed {
  readonly running: readonly { readonly id: string }[];
  readonly rows: readonly { readonly id: string }[];
}

async function listed(gateway: AdminGateway, query = ""): Promise<readonly [running: readonly string[], rows: readonly string[]]> {
  const { running, rows } = (await (await gateway.ask("GET", `/requests${query}`)).json()) as Listed;
  return [running.map(({ id }) => id), rows.map(({ id }) => id)];
}

/** One that takes no usage row until it may. */
class Waiting extends MemoryStore {
  readonly free = Promise.withResolvers<void>();

  override async append(rows: readonly UsageRow[]): Promise<void> {
    await this.free.promise;
    await super.append(rows);
  }
}

test("a call that has just ended has its page, though the ledger has no row of it yet", async () => {
  const store = new Waiting();
  const gateway = await startAdminGateway({ store });
  try {
    const { cookie } = await gateway.signIn();
    const response = await callFor(gateway, PASSTHROUGH);
    await response.text();
    await until(() => gateway.calls.live().calls.length === 0, "the end of the call");
    const id = response.headers.get("x-request-id") ?? "";
    const page = await gateway.call(`/ui/requests/${id}`, { method: "GET", key: null, headers: { cookie } });
    const detail = await gateway.ask("GET", `/requests/${id}`);
    const { request } = (await detail.json()) as { readonly request: { readonly id: string; readonly finish: string } };
    assert.deepEqual([page.status, detail.status, request.id, request.finish], [200, 200, id, "end"]);
    assert.deepEqual(await store.row(id), null);
  } finally {
    store.free.resolve();
    await gateway.stop();
  }
});

/** Calls back before it looks for rows; and after it has looked for one, before it says what it found. */
class Slow extends MemoryStore {
  looking: () => Promise<void> = () => Promise.resolve();
  looked: () => Promise<void> = () => Promise.resolve();

  override async rows(query: RowQuery): Promise<readonly UsageRow[]> {
    await this.looking();
    return super.rows(query);
  }

  override async row(id: string): Promise<UsageRow | null> {
    const found = await super.row(id);
    await this.looked();
    return found;
  }
}

test("a call that ends while its page is made has it too", async () => {
  const store = new Slow();
  const gateway = await startAdminGateway({ store });
  try {
    const { cookie } = await gateway.signIn();
    const leave = new AbortController();
    gateway.upstream.script([{ hang: "before-head" }]);
    const call = callFor(gateway, PASSTHROUGH, { signal: leave.signal }).catch(() => null);
    await until(() => gateway.calls.live().calls.some(({ phase }) => phase === "waiting"), "the call");
    const id = gateway.calls.live().calls[0]?.id ?? "";
    store.looked = async () => {
      leave.abort();
      await until(() => gateway.calls.live().calls.length === 0, "the end of the call");
    };
    const page = await gateway.call(`/ui/requests/${id}`, { method: "GET", key: null, headers: { cookie } });
    assert.equal(page.status, 200);
    leave.abort();
    await call;
  } finally {
    await gateway.stop();
  }
});

test("a call that ends while the list is made is in it once", async () => {
  const store = new Slow();
  const gateway = await startAdminGateway({ store });
  try {
    const leave = new AbortController();
    gateway.upstream.script([{ hang: "before-head" }]);
    const call = callFor(gateway, PASSTHROUGH, { signal: leave.signal }).catch(() => null);
    await until(() => gateway.calls.live().calls.some(({ phase }) => phase === "waiting"), "the call");
    const id = gateway.calls.live().calls[0]?.id ?? "";
    store.looking = async () => {
      leave.abort();
      await until(() => gateway.calls.live().calls.length === 0 && gateway.calls.waiting(id) === null, "the row of the call");
    };
    assert.deepEqual(await listed(gateway), [[], [id]]);
    await call;
  } finally {
    await gateway.stop();
  }
});

test("a row that waits in another process is found there", async () => {
  const row = usageRow("elsewhere");
  const asked: unknown[] = [];
  const own = { waiting: () => null } as Partial<OwnCalls> as OwnCalls;
  const peers = {
    index: 1,
    answers: () => {},
    ask: (question: unknown) => {
      asked.push(question);
      return Promise.resolve([null, row]);
    },
  };
  const views = new CallViews({ own, peers, after: () => () => {} });
  assert.deepEqual([await views.waiting("elsewhere"), asked], [row, [{ about: "waiting", id: "elsewhere" }]]);
});

test("the first page of the calls says which run, as far as the filters fit them", async () => {
  const gateway = await startAdminGateway();
  try {
    const nowMs = Date.now();
    await gateway.store.append([usageRow("old-2", { atMs: nowMs - 60_000 }), usageRow("old-1", { atMs: nowMs - 90_000 })]);
    gateway.upstream.script([{ hang: "before-head" }, { hang: "before-head" }]);
    const leave = new AbortController();
    const calls: Promise<unknown>[] = [];
    for (const count of [1, 2]) {
      calls.push(callFor(gateway, PASSTHROUGH, { signal: leave.signal }).catch(() => null));
      await until(() => gateway.calls.live().calls.filter(({ phase }) => phase === "waiting").length === count, `call ${count}`);
    }
    const [first, second] = gateway.calls.live().calls;
    const both = [second?.id, first?.id];
    assert.deepEqual(await listed(gateway), [both, ["old-2", "old-1"]]);
    const fitting = [
      `?key=${first?.key}&client=${first?.client ?? ""}&model=${first?.modelServed}&since=1h`,
      `?q=${first?.id.slice(3).toUpperCase()}`,
      "?key=other",
      "?client=other",
      "?session=other",
      "?model=other",
      "?until=1h",
      "?status=ok",
      "?cursor=old-2",
    ];
    const found = await Promise.all(fitting.map(async (query) => (await listed(gateway, query))[0]));
    assert.deepEqual(found, [both, [first?.id], [], [], [], [], [], [], []]);
    leave.abort();
    await Promise.all(calls);
    await until(() => gateway.calls.live().calls.length === 0, "the end of the calls");
    assert.deepEqual((await listed(gateway))[0], []);
  } finally {
    await gateway.stop();
  }
});
