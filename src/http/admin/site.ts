// Answers everything below /ui and /api/admin and the paths beside them: checks access, passes the request on to the API or the dashboard, and
// sets the security headers on the response.
// Never answers a call of a client, and never rejects.

import { foreignHost, foreignPage, isForeignPage, isForThisMachine } from "../../access/web-pages.ts";
import { asGatewayError, GatewayError } from "../../errors.ts";
import type { Network } from "../../config/networks.ts";
import { requestIdOf, SAFE_HEADERS } from "../../gateway/headers.ts";
import { readBody, type IncomingRequest } from "../../gateway/request.ts";
import type { After, Unpack } from "../../runtime/ports.ts";
import { readerOf } from "../dashboard/reader.ts";
import { sentenceText, translator, type Language } from "../dashboard/texts.ts";
import { createAdmin, type AdminPorts } from "./administration.ts";
import type { Admin } from "./admin.ts";
import { objectIn, textIn } from "./api-body.ts";
import { createApi, errorResponse, json, type ApiRequest, type ApiTable, type Say } from "./api.ts";
import type { Dashboard, SignInFailure } from "./dashboard.ts";
import { ICON } from "./icon.ts";
import type { LiveStreams } from "./live-stream.ts";
import { openApi } from "./openapi.ts";
import { noticePage } from "./plain-pages.ts";
import { API, API_ROUTES, LINK, OPENAPI, UI, type AdminRoute, type ApiName } from "./routes.ts";
import type { Session } from "./session.ts";
import { isSame, SignIn, type SignedIn, type SignInPorts } from "./sign-in.ts";
import { visitorOf, type AdminVisitor } from "./visitor.ts";

export interface SitePorts extends Omit<AdminPorts, "ring">, SignInPorts {
  readonly dashboard: Dashboard;
  readonly streams: LiveStreams;
  readonly settings: () => SiteSettings;
  /** Whether the program is shutting down. */
  readonly isDraining: () => boolean;
  readonly after: After;
  /** Monotonic time in milliseconds. */
  readonly monotonic: () => number;
  readonly newId: () => string;
  readonly unpack: Unpack;
  /** Told of unexpected errors. */
  readonly failed: (error: GatewayError, requestId: string) => void;
}

export interface SiteSettings {
  /** Null: no key opens the dashboard. */
  readonly adminKey: string | null;
  /** Whether only programs on this machine can reach the server. */
  readonly isLocal: boolean;
  readonly trustedProxies: readonly Network[];
  readonly allowedHosts: readonly string[];
}

export { WrongKeys } from "./wrong-keys.ts";

export type Site = (incoming: IncomingRequest) => Promise<Response>;

/** The admin API's bodies are short. */
const MAX_BODY_BYTES = 64 * 1024;
const BODY_MS = 30_000;
const SEE_OTHER = 303;
const SIGN_IN = `${UI}/sign-in`;
const ASSETS = "/assets/";
const NO_KEY =
  "The dashboard is off, because other machines can reach this address. Set ADMIN_KEY, e.g. to the output of `openssl rand -hex 24`, to turn it on.";

/** One request, parsed once. */
interface Visit {
  readonly incoming: IncomingRequest;
  readonly url: URL;
  /** Without a slash at the end. */
  readonly path: string;
  /** HEAD counts as GET. */
  readonly method: string;
  readonly visitor: AdminVisitor;
  readonly settings: SiteSettings;
  readonly language: Language;
  /** Puts a sentence into that language. */
  readonly say: Say;
}

export function createSite(ports: SitePorts): Site {
  const site = new AdminSite(ports);
  return (incoming) => site.answer(incoming);
}

class AdminSite {
  readonly #ports: SitePorts;
  readonly #admin: Admin;
  readonly #api: ApiTable;
  readonly #signIn: SignIn;

  constructor(ports: SitePorts) {
    this.#ports = ports;
    this.#admin = createAdmin(ports);
    this.#api = createApi({ admin: this.#admin, streams: ports.streams });
    this.#signIn = new SignIn(ports);
  }

  async answer(incoming: IncomingRequest): Promise<Response> {
    const requestId = requestIdOf(incoming.headers, this.#ports.newId);
    const visit = this.#visitOf(incoming);
    const answer = await this.#answer(visit).catch((cause: unknown): Response | Promise<Response> => {
      const error = asGatewayError(cause);
      if (error.kind === "internal") this.#ports.failed(error, requestId);
      return visit.path.startsWith(API) ? errorResponse(error, { requestId, say: visit.say }) : errorPage(error, visit);
    });
    return secured(answer, { requestId, isHead: incoming.raw.method === "HEAD" });
  }

  #visitOf(incoming: IncomingRequest): Visit {
    const settings = this.#ports.settings();
    const { method } = incoming.raw;
    const { language } = readerOf(incoming.headers);
    return {
      incoming,
      url: new URL(incoming.raw.url),
      path: incoming.path.replace(/(?<=.)\/+$/, ""),
      method: method === "HEAD" ? "GET" : method,
      visitor: visitorOf(incoming, settings.trustedProxies),
      settings,
      language,
      say: (english) => sentenceText(language, english),
    };
  }

  async #answer(visit: Visit): Promise<Response> {
    const { incoming, path, method, visitor, settings } = visit;
    if (path === OPENAPI) return readable(visit, () => json(openApi(this.#ports.facts.version)));
    if (path === "/icon.svg" || path === "/favicon.ico") return readable(visit, icon);
    if (!settings.isLocal && settings.adminKey === null) throw new GatewayError("not-found", NO_KEY, { code: "admin_key_not_set" });
    const { allowedHosts } = settings;
    const headers = visitor.host === null ? incoming.headers : { ...incoming.headers, host: visitor.host };
    if (!isForThisMachine({ address: incoming.address, headers }, { allowedHosts, corsOrigins: [] })) throw foreignHost();
    if (method !== "GET" && isForeignPage(headers, { allowedHosts, corsOrigins: [] })) throw foreignPage();
    return path.startsWith(`${API}/`) || path === API ? this.#answerApi(visit) : this.#answerPage(visit);
  }

  // ---- The API ---------------------------------------------------------------------------------------------------

  async #answerApi(visit: Visit): Promise<Response> {
    const { incoming, url, visitor, settings } = visit;
    const { name, route, parameter } = routeOf(visit);
    if (name === "signIn") return this.#signInByApi(visit);
    const session = await this.#signIn.sessionOf(incoming, visitor, settings.adminKey);
    if (session === null) throw notSignedIn();
    if (session.key !== null && route.access !== "key") {
      throw new GatewayError("forbidden", `A client key can see only its own usage: GET ${API_ROUTES.me.path}, or the page ${UI}/me.`);
    }
    if (visit.method !== "GET") this.#checkToken(session, incoming);
    if (name === "signOut") {
      await this.#admin.signedOut(session);
      const cookie = await this.#signIn.signOut(incoming, { visitor, adminKey: settings.adminKey });
      return new Response(null, { status: 204, headers: { "set-cookie": cookie } });
    }
    if (name === "live" && this.#ports.isDraining()) {
      throw new GatewayError("stopped", "The server is stopping.", { headers: { "retry-after": "5" } });
    }
    const request: ApiRequest = {
      name: parameter,
      query: url.searchParams,
      body: () => this.#jsonText(incoming),
      session,
      say: visit.say,
      reader: () => ({ signal: incoming.signal(), isSignedIn: () => this.#isSignedIn(visit) }),
    };
    return this.#api[name](request);
  }

  async #isSignedIn({ incoming, visitor }: Visit): Promise<boolean> {
    const { adminKey } = this.#ports.settings();
    return (await this.#signIn.sessionOf(incoming, visitor, adminKey).catch(() => null)) !== null;
  }

  async #signInByApi(visit: Visit): Promise<Response> {
    const { incoming, visitor, settings } = visit;
    const key = textIn(objectIn(await this.#jsonText(incoming), ["key"]), "key");
    const { session, cookie } = await this.#signIn.byKey(key.trim(), incoming, { visitor, adminKey: settings.adminKey });
    const answer = json({ key: session.key, csrfToken: session.csrfToken, expires: new Date(session.untilMs).toISOString() });
    answer.headers.set("set-cookie", cookie);
    return answer;
  }

  /** A page of another origin can't know the token, nor send the header without a preflight. */
  #checkToken({ csrfToken }: Session, { headers }: IncomingRequest): void {
    const { sha256 } = this.#ports;
    if (csrfToken === null || isSame(sha256(headers["x-csrf-token"] ?? ""), sha256(csrfToken))) return;
    const text = "A change with a session cookie needs the header x-csrf-token. GET /api/admin/me returns its value.";
    throw new GatewayError("forbidden", text, { code: "csrf" });
  }

  async #jsonText(incoming: IncomingRequest): Promise<string> {
    const type = incoming.headers["content-type"];
    if (type !== undefined && !/^application\/json\s*(?:;|$)/i.test(type)) {
      throw new GatewayError("invalid-request", "The body must be JSON, with the content type application/json.", { status: 415 });
    }
    return this.#text(incoming);
  }

  async #text(incoming: IncomingRequest): Promise<string> {
    const { after, monotonic, unpack } = this.#ports;
    const { text } = await readBody(incoming, { maxBytes: MAX_BODY_BYTES, timeout: { ms: BODY_MS, after, monotonic }, unpack });
    return text;
  }

  // ---- Pages -----------------------------------------------------------------------------------------------------

  async #answerPage(visit: Visit): Promise<Response> {
    const { incoming, url, path, method, visitor, settings } = visit;
    if (path === SIGN_IN && method === "POST") return this.#signInByForm(visit);
    if (method !== "GET")
      throw new GatewayError("method-not-allowed", `${path} accepts GET, HEAD, not ${method}.`, { headers: { allow: "GET, HEAD" } });
    if (path === LINK) return this.#signInByLink(visit);
    const below = path.slice(UI.length) || "/";
    if (path === SIGN_IN || below.startsWith(ASSETS)) return this.#draw(visit, { below, session: null, failure: null });
    const session = await this.#signIn.sessionOf(incoming, visitor, settings.adminKey);
    if (session === null) return redirect(`${SIGN_IN}${below === "/" ? "" : `?to=${encodeURIComponent(path + url.search)}`}`);
    if (session.key !== null && below !== "/me") return redirect(`${UI}/me`);
    return this.#draw(visit, { below, session, failure: null });
  }

  async #draw({ url, incoming }: Visit, { below, session, failure }: Drawing): Promise<Response> {
    const request = { path: below, url, headers: incoming.headers, session, failure };
    const drawn = await this.#ports.dashboard(request, this.#admin);
    if (drawn === null) throw new GatewayError("not-found", `There is no page ${UI}${below}.`);
    return drawn;
  }

  async #signInByForm(visit: Visit): Promise<Response> {
    const { incoming, url, visitor, settings } = visit;
    const form = new URLSearchParams(await this.#text(incoming));
    try {
      const signedIn = await this.#signIn.byKey(form.get("key")?.trim() ?? "", incoming, { visitor, adminKey: settings.adminKey });
      return entered(signedIn, url.searchParams.get("to"));
    } catch (error) {
      if (!(error instanceof GatewayError) || (error.kind !== "unauthenticated" && error.kind !== "rate-limited")) throw error;
      return this.#refused(visit, error, error.kind === "rate-limited" ? "too-many" : "wrong-key");
    }
  }

  async #signInByLink(visit: Visit): Promise<Response> {
    const { incoming, url, visitor, settings } = visit;
    // On other addresses a key is required.
    const token = settings.isLocal ? (url.searchParams.get("token") ?? "") : "";
    const signedIn = await this.#signIn.byLink(token, incoming, { visitor, adminKey: settings.adminKey });
    return signedIn === null ? this.#refused(visit, wrongLink(), "link") : entered(signedIn, null);
  }

  /** The form again, with the status of the refusal. */
  async #refused(visit: Visit, { status, headers }: GatewayError, failure: SignInFailure): Promise<Response> {
    const drawn = await this.#draw(visit, { below: "/sign-in", session: null, failure });
    const answer = new Response(drawn.body, { status, headers: drawn.headers });
    const retryAfter = headers["retry-after"];
    if (retryAfter !== undefined) answer.headers.set("retry-after", retryAfter);
    return answer;
  }
}

interface Drawing {
  /** The path below /ui. */
  readonly below: string;
  readonly session: Session | null;
  readonly failure: SignInFailure | null;
}

interface Found {
  readonly name: ApiName;
  readonly route: AdminRoute;
  /** The value of the `:name` in the path; "": none. */
  readonly parameter: string;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type of an object's keys is lost on the way
const ROWS = (Object.entries(API_ROUTES) as readonly (readonly [ApiName, AdminRoute])[]).map(([name, route]) => ({
  name,
  route,
  pattern: new RegExp(`^${route.path.replace(/:\w+/, "([^/]+)")}$`),
}));

/** @throws GatewayError `not-found`, `method-not-allowed`. */
function routeOf({ path, method }: Visit): Found {
  const rows = ROWS.filter(({ pattern }) => pattern.test(path));
  const row = rows.find(({ route }) => route.method === method);
  if (row !== undefined) {
    const parameter = row.pattern.exec(path)?.[1] ?? "";
    return { name: row.name, route: row.route, parameter: unescaped(parameter) };
  }
  if (rows.length === 0) throw new GatewayError("not-found", `There is no path ${path}. See ${OPENAPI} for all paths.`);
  const allow = rows.flatMap(({ route }) => (route.method === "GET" ? ["GET", "HEAD"] : [route.method])).join(", ");
  throw new GatewayError("method-not-allowed", `${path} accepts ${allow}, not ${method}.`, { headers: { allow } });
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function notSignedIn(): GatewayError {
  const text = `Sign in at ${UI}, or send ADMIN_KEY as \`Authorization: Bearer <key>\`.`;
  return new GatewayError("unauthenticated", text, { code: "not_signed_in", headers: { "www-authenticate": "Bearer" } });
}

function wrongLink(): GatewayError {
  return new GatewayError("unauthenticated", "This link has already been used or has expired.");
}

/** @param to the page that was requested without being signed in */
function entered({ session, cookie }: SignedIn, to: string | null): Response {
  const target = session.key !== null ? `${UI}/me` : to !== null && OWN_PAGE.test(to) ? to : UI;
  const answer = redirect(target);
  answer.headers.set("set-cookie", cookie);
  return answer;
}

/** Only a path of the dashboard, not something that a browser would take for another address. */
const OWN_PAGE = /^\/ui(?:[/?][\w\-./?=&%+:~,@]*)?$/;

function redirect(location: string): Response {
  return new Response(null, { status: SEE_OTHER, headers: { location } });
}

/** For GET only. @throws GatewayError */
function readable({ path, method }: Visit, answer: () => Response): Response {
  if (method === "GET") return answer();
  throw new GatewayError("method-not-allowed", `${path} accepts GET, HEAD, not ${method}.`, { headers: { allow: "GET, HEAD" } });
}

const A_DAY = "public, max-age=86400";

function icon(): Response {
  return new Response(ICON, { headers: { "content-type": "image/svg+xml", "cache-control": A_DAY } });
}

async function errorPage({ message, status, headers }: GatewayError, { language, say }: Visit): Promise<Response> {
  const title = translator(language, String)(status === 404 ? "error.not-found" : "error.failed");
  const answer = await noticePage({ title, text: say(message), language }, status);
  for (const [name, value] of Object.entries(headers)) answer.headers.set(name, value);
  return answer;
}

/** Only what the pages need, by name. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'";

interface Securing {
  readonly requestId: string;
  readonly isHead: boolean;
}

function secured(answer: Response, { requestId, isHead }: Securing): Response {
  const headers = new Headers(answer.headers);
  for (const [name, value] of Object.entries(SAFE_HEADERS)) headers.set(name, value);
  if (headers.get("content-type")?.startsWith("text/html")) {
    headers.set("content-security-policy", PAGE_POLICY);
    // Under `no-referrer`, browsers send a form with `Origin: null`, and so does any other site's sandbox.
    headers.set("referrer-policy", "same-origin");
  }
  headers.set("cross-origin-opener-policy", "same-origin");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  headers.set("x-request-id", requestId);
  if (isHead) void answer.body?.cancel();
  return new Response(isHead ? null : answer.body, { status: answer.status, headers });
}
