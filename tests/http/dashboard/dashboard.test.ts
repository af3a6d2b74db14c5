// Who gets to see which page, what every page keeps to, and its assets.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTENT_SECURITY_POLICY, createDashboard, type Dashboard } from "../../../src/http/dashboard/dashboard.tsx";
import type { Viewer, Visit } from "../../../src/http/dashboard/page.ts";
import { fakeAdmin } from "../../support/fake-admin.ts";

const NOW_MS = Date.UTC(2026, 10, 28, 12);
const ADMIN: Viewer = { type: "admin", csrfToken: "token-1" };

function dashboardOf({ calls = 200, isHostile = false }: { readonly calls?: number; readonly isHostile?: boolean } = {}): Dashboard {
  return createDashboard({ admin: fakeAdmin({ nowMs: NOW_MS, calls, isHostile }), openapi: () => ({}), now: () => NOW_MS });
}

function visit(address: string, more: Partial<Visit> = {}): Visit {
  const { pathname, searchParams } = new URL(address, "http://127.0.0.1:8000");
  return { path: pathname, query: searchParams, headers: {}, origin: "http://127.0.0.1:8000", viewer: ADMIN, ...more };
}

test("without a viewer every page asks for a key, and leads on to the page that was asked for", async () => {
  const response = await dashboardOf().page(visit("/ui/requests?key=alice", { viewer: null }));
  const text = await response.text();
  assert.equal(response.status, 200);
  assert.match(text, /<form method="post" action="\/ui\/sign-in"/);
  assert.match(text, /name="next" value="\/ui\/requests\?key=alice"/);
  assert.doesNotMatch(text, /csrf-token/);
});

test("a page answers with headers that let it do nothing else than what it needs", async () => {
  const { headers } = await dashboardOf().page(visit("/ui"));
  assert.deepEqual(Object.fromEntries(headers), {
    "cache-control": "no-store",
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "content-type": "text/html; charset=utf-8",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
});

test("assets are named by what they hold, import one another by those names, and may be kept for good", async () => {
  const dashboard = dashboardOf();
  const text = await (await dashboard.page(visit("/ui"))).text();
  const paths = [...text.matchAll(/(?:src|href)="(\/ui\/assets\/[^"]+)"/g)].map(([, path = ""]) => path);
  assert.deepEqual([...new Set(paths.map((path) => path.replace(/\.\w+(?=\.)/, "")))].toSorted(), [
    "/ui/assets/dom.js",
    "/ui/assets/formats.js",
    "/ui/assets/now.js",
    "/ui/assets/shell.js",
    "/ui/assets/style.css",
  ]);
  for (const path of paths) {
    const asset = dashboard.asset(path);
    assert.equal(asset?.headers.get("cache-control"), "public, max-age=31536000, immutable");
    const imports = [...((await asset?.text()) ?? "").matchAll(/from "([^"]+)"/g)].map(([, imported = ""]) => imported);
    assert.deepEqual(
      imports.filter((imported) => dashboard.asset(imported) === null),
      [],
    );
  }
  assert.equal(dashboard.asset("/ui/assets/style.css"), null);
});
