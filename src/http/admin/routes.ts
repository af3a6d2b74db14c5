// Every path of the admin API and the pages beside it, as one table: its access and its purpose. A test checks `openapi.json` against it.
// Never answers anything; api.ts and site.ts do.

/** `key`: also open to the holder of a client key, about that key alone. `nobody`: without a key. */
export type Access = "administrator" | "key" | "nobody";

export interface AdminRoute {
  /** GET includes HEAD. */
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** `:name` stands for one segment. */
  readonly path: string;
  readonly access: Access;
  readonly about: string;
}

export const API = "/api/admin";
export const UI = "/ui";
export const OPENAPI = "/openapi.json";
export const LINK = `${UI}/link`;

/** The one-time link, without its origin. */
export function linkPath(token: string): string {
  return `${LINK}?token=${token}`;
}

export const API_ROUTES = {
  me: route("GET", "/me", "key", "who is signed in; for a client key, also its limits and budgets"),
  signIn: route("POST", "/session", "nobody", "signs in with ADMIN_KEY, or with a client key to see its own usage"),
  signOut: route("DELETE", "/session", "key", "signs out"),
  live: route("GET", "/live", "administrator", "calls as they happen, as server-sent events: a snapshot, then each change"),
  running: route("GET", "/live/:id", "administrator", "one running call, with what is known so far"),
  requests: route("GET", "/requests", "administrator", "recorded calls, newest first"),
  request: route("GET", "/requests/:id", "administrator", "one call with everything recorded about it"),
  cancel: route("POST", "/requests/:id/cancel", "administrator", "ends a call running on this server"),
  usage: route("GET", "/usage", "administrator", "usage totals by time, model, key, client or session"),
  quota: route("GET", "/quota", "administrator", "what is left of the plan, with a forecast"),
  keys: route("GET", "/keys", "administrator", "all client keys with their limits and budget usage"),
  addKey: route("POST", "/keys", "administrator", "makes a key; only this answer shows it"),
  key: route("GET", "/keys/:name", "administrator", "one key"),
  changeKey: route("PATCH", "/keys/:name", "administrator", "changes a key, or the row `default`"),
  removeKey: route("DELETE", "/keys/:name", "administrator", "removes a key; its usage stays"),
  rotateKey: route("POST", "/keys/:name/rotate", "administrator", "makes a new key for the same name; only this answer shows it"),
  raiseKey: route("POST", "/keys/:name/raise", "administrator", "raises a key's budgets in one unit for a while"),
  models: route("GET", "/models", "administrator", "the models with pool, limits and prices"),
  health: route("GET", "/health", "administrator", "version, store, and the configuration with its sources"),
  doctor: route("POST", "/doctor", "administrator", "checks everything, like the command `doctor`"),
  reload: route("POST", "/reload", "administrator", "rereads the configuration, like SIGHUP"),
  playgroundKey: route(
    "POST",
    "/playground-key",
    "administrator",
    "a client key for the playground's calls, for as long as the session lasts",
  ),
} as const satisfies Readonly<Record<string, AdminRoute>>;

export type ApiName = keyof typeof API_ROUTES;

/** Paths beside the API. Those below /ui are rendered by the dashboard. */
export const SITE_ROUTES: readonly AdminRoute[] = [
  { method: "GET", path: UI, access: "nobody", about: "the dashboard, for browsers" },
  { method: "POST", path: `${UI}/sign-in`, access: "nobody", about: "what the sign-in form sends" },
  { method: "GET", path: LINK, access: "nobody", about: "signs in by the one-time link of `factory-proxy ui`" },
  { method: "GET", path: OPENAPI, access: "nobody", about: "every path, as an OpenAPI document" },
  { method: "GET", path: "/icon.svg", access: "nobody", about: "the icon" },
  { method: "GET", path: "/favicon.ico", access: "nobody", about: "the same icon" },
];

type Cells = readonly [method: AdminRoute["method"], path: string, access: Access, about: string];

function route(...[method, path, access, about]: Cells): AdminRoute {
  return { method, path: API + path, access, about };
}

const PUBLIC: ReadonlySet<string> = new Set([OPENAPI, "/icon.svg", "/favicon.ico"]);

/** Whether it exists without the dashboard. */
export function isPublicPath(path: string): boolean {
  return PUBLIC.has(path);
}

/** Whether the dashboard or the admin API answers this path, not the routes of clients. */
export function isAdminPath(path: string): boolean {
  return isBelow(path, UI) || isBelow(path, API) || isPublicPath(path);
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder) && (path.length === folder.length || path[folder.length] === "/");
}
