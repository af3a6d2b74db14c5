// Requests pages of the dashboard for a made-up gateway, without HTTP.

import type { PageRequest } from "../../src/http/admin/dashboard.ts";
import type { Session } from "../../src/http/admin/session.ts";
import { createDashboard } from "../../src/http/dashboard/dashboard.tsx";
import { fakeAdmin, type FakeWorld } from "./fake-admin.ts";

const NOW_MS = Date.UTC(2026, 10, 28, 12);
const ORIGIN = "http://127.0.0.1:8000";

const ADMINISTRATOR: Session = { id: "session-1", key: null, csrfToken: "token-1", untilMs: NOW_MS + 3_600_000 };
export const KEY_HOLDER: Session = { ...ADMINISTRATOR, key: "alice" };

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Pages {
  /** `/ui/requests?key=alice`. Null: there is no such page. */
  ask(address: string, more?: Partial<PageRequest>): Promise<Answer | null>;
  /** The HTML of an existing page. */
  html(address: string, more?: Partial<PageRequest>): Promise<string>;
}

export function pagesOf(world: Partial<FakeWorld> = {}): Pages {
  const admin = fakeAdmin({ nowMs: NOW_MS, calls: 200, isHostile: false, ...world });
  const dashboard = createDashboard({ now: () => NOW_MS });
  const ask = async (address: string, more: Partial<PageRequest> = {}): Promise<Answer | null> => {
    const url = new URL(address, ORIGIN);
    const path = url.pathname.replace(/^\/ui/, "") || "/";
    const response = await dashboard({ path, url, headers: {}, session: ADMINISTRATOR, failure: null, ...more }, admin);
    return response === null ? null : { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { ask, html: async (address, more) => (await ask(address, more))?.text ?? "" };
}

/** The texts of a page in order, without its head, one on each line. */
export function textsOf(html: string): string[] {
  return html
    .replace(/^.*?<body>/s, "")
    .split(/<[^>]*>/)
    .map((text) => text.trim())
    .filter((text) => text !== "");
}
