// A gateway with a dashboard, and ways to call it.

import { MemoryStore } from "../../src/access/stores/memory.ts";
import type { Store } from "../../src/access/store.ts";
import { startGateway, type GatewayOptions, type RunningGateway } from "./gateway.ts";

export const ADMIN_KEY = "admin-key-of-the-tests";

export interface AdminGateway extends RunningGateway {
  readonly store: Store;
  /** Asks the admin API with ADMIN_KEY. */
  ask(method: string, path: string, body?: unknown): Promise<Response>;
  /** Signs in through the API, like a browser. */
  signIn(key?: string, headers?: Readonly<Record<string, string>>): Promise<SignedIn>;
}

export interface SignedIn {
  readonly response: Response;
  /** `name=value`; "": none was set. */
  readonly cookie: string;
  readonly csrfToken: string;
}

export async function startAdminGateway({
  environment,
  store = new MemoryStore(),
  ...options
}: GatewayOptions = {}): Promise<AdminGateway> {
  const gateway = await startGateway({ store, environment: { ADMIN_KEY, ...environment }, ...options });
  return {
    ...gateway,
    store,
    ask: (method, path, body) => gateway.call(`/api/admin${path}`, { method, key: ADMIN_KEY, ...(body === undefined ? {} : { body }) }),
    async signIn(key = ADMIN_KEY, headers = {}) {
      const response = await gateway.call("/api/admin/session", { body: { key }, key: null, headers });
      const cookie = response.headers.get("set-cookie")?.split(";")[0] ?? "";
      const { csrfToken = "" } = (await response.clone().json()) as { readonly csrfToken?: string };
      return { response, cookie, csrfToken };
    },
  };
}

/** The message of an error answer. */
export async function errorIn(response: Response): Promise<readonly [status: number, type: unknown, code: unknown]> {
  const { error } = (await response.json()) as { readonly error: Readonly<Record<string, unknown>> };
  return [response.status, error["type"], error["code"]];
}
