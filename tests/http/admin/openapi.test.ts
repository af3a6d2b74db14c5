import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pathOf } from "../../../src/http/admin/openapi.ts";
import { SCHEMAS, type Schema } from "../../../src/http/admin/openapi-schemas.ts";
import { API_ROUTES, SITE_ROUTES } from "../../../src/http/admin/routes.ts";
import { ROUTES } from "../../../src/http/routes.ts";
import { startAdminGateway, type AdminGateway } from "../../support/admin.ts";
import { callFor, CONVERSION } from "../../support/gateway.ts";
import { faultsOf } from "../../support/json-schema.ts";

interface Operation {
  readonly summary: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>>;
}
type Document = { readonly openapi: string; readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

let gateway: AdminGateway;
let document: Document;
before(async () => {
  gateway = await startAdminGateway({
    environment: { TRUSTED_PROXIES: "127.0.0.1" },
    operator: {
      doctor: () => Promise.resolve([{ id: "host.clock", state: "ok", what: "The clock is right.", why: null, fix: null }]),
      reload: () => ({ changed: ["RETRIES"], needRestart: [], fault: null }),
      settings: () => [{ name: "RETRIES", value: "2", source: "default", reload: true, help: "How often." }],
    },
  });
  document = (await (await gateway.call("/openapi.json", { method: "GET", key: null })).json()) as Document;
});
after(() => gateway.stop());

test("the document has every route of the program and no other", () => {
  const listed = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const routes = [...ROUTES.filter(({ about }) => about !== null), ...Object.values(API_ROUTES), ...SITE_ROUTES];
  const known = routes.map((row) => `${row.method} ${pathOf("protocol" in row && row.protocol !== null ? row : { path: row.path })}`);
  assert.deepEqual(listed.toSorted(), known.toSorted());
  assert.equal(document.openapi, "3.1.0");
});

test("each part of a path that varies is a parameter, and every reference leads somewhere", () => {
  for (const [path, operations] of Object.entries(document.paths)) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const { parameters = [] } of Object.values(operations)) {
      assert.deepEqual(
        parameters.filter((one) => one.in === "path").map(({ name }) => name),
        names,
        path,
      );
    }
  }
  for (const [, name = ""] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)) assert.ok(name in SCHEMAS, name);
});

test("answers of the admin API are as the document says", async () => {
  const answered = await callFor(gateway, CONVERSION, { stream: true });
  await answered.text();
  gateway.upstream.script([{ hang: { afterEvents: 2 } }]);
  const running = await callFor(gateway, CONVERSION, { stream: true });
  const [row] = await rowsOf();
  const id = row?.id ?? "";
  const asked: readonly (readonly [method: string, path: string, template: string, body?: unknown])[] = [
    ["GET", "/me", "/me"],
    [
      "POST",
      "/keys",
      "/keys",
      { name: "alice", budgets: ["5usd/day", "1M-tokens/session"], rpm: 60, models: ["@core"], expires: "30d", note: "<b>" },
    ],
    ["GET", "/keys", "/keys"],
    ["GET", "/keys/alice", "/keys/{name}"],
    ["PATCH", "/keys/alice", "/keys/{name}", { rpm: null, tpm: "400k", soft: "80" }],
    ["POST", "/keys/alice/raise", "/keys/{name}/raise", { amount: "2usd" }],
    ["POST", "/keys/alice/rotate", "/keys/{name}/rotate", { grace: "1h" }],
    ["GET", `/live/${gateway.calls.live().calls[0]?.id}`, "/live/{id}"],
    ["GET", "/live/nothing", "/live/{id}"],
    ["GET", "/requests", "/requests"],
    ["GET", `/requests/${id}`, "/requests/{id}"],
    ["GET", "/usage?by=hour&split=model", "/usage"],
    ["GET", "/quota", "/quota"],
    ["GET", "/models", "/models"],
    ["GET", "/health", "/health"],
    ["POST", "/doctor", "/doctor"],
    ["POST", "/reload", "/reload"],
    ["POST", "/playground-key", "/playground-key"],
    ["GET", "/keys/nobody", "/keys/{name}"],
    ["POST", "/keys", "/keys", { name: "alice" }],
  ];
  const faults: string[] = [];
  for (const [method, path, template, body] of asked) {
    const response = await gateway.ask(method, path, body);
    const responses = document.paths[`/api/admin${template}`]?.[method.toLowerCase()]?.responses;
    const schema = (responses?.[String(response.status)] ?? responses?.["default"])?.content?.["application/json"]?.schema ?? {};
    assert.equal(response.headers.get("content-type")?.startsWith("application/json"), true, path);
    faults.push(...faultsOf(await response.json(), schema, SCHEMAS).map((fault) => `${method} ${path} ${response.status}: ${fault}`));
  }
  assert.deepEqual(faults, []);
  await running.body?.cancel();
});

test("a value that the document does not describe is found", () => {
  assert.deepEqual(faultsOf({ changed: [], needRestart: [1], fault: null, more: 1 }, { $ref: "#/components/schemas/Reload" }, SCHEMAS), [
    "$.needRestart[0]: 1 is no string",
    "$.more is not described",
  ]);
});

async function rowsOf(): Promise<readonly { readonly id: string }[]> {
  for (let tries = 0; tries < 500; tries++) {
    const { rows } = (await (await gateway.ask("GET", "/requests")).json()) as { readonly rows: readonly { readonly id: string }[] };
    if (rows.length > 0) return rows;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return [];
}
