// The pages that need no model: what the server is, whether it is ready, its models, budgets and metrics. Each has a row in routes.ts.
// Never decides who may see a page; app.ts does.

import type { Context } from "hono";
import type { AccountReport, Dates } from "../access/account-report.ts";
import type { Caller, Keys } from "../access/keys.ts";
import { modelRefusal } from "../access/limits.ts";
import { quotaJson, type QuotaReport } from "../access/quota-report.ts";
import { SAFE_HEADERS, streamHeaders } from "../gateway/headers.ts";
import type { IncomingRequest } from "../gateway/request.ts";
import type { Model } from "../models/catalog.ts";
import type { Models } from "../models/models.ts";
import type { After } from "../runtime/ports.ts";
import { balancePage, billedPage, subscriptionPage, usagePage } from "./account-pages.ts";
import { unescaped } from "./call-paths.ts";
import { frontPage, wantsHtml } from "./front-page.ts";
import type { MetricsPage } from "./metrics.ts";
import { modelList, modelPage, type PageShape } from "./models-page.ts";
import { CALLS, pagePaths, type PageRow } from "./routes.ts";
import type { StoreView } from "./store-view.ts";
import { timedEvents } from "./timed-events.ts";

export interface PagePorts {
  readonly models: Models;
  /** Whether the caller may use a model. */
  readonly mayUse: (caller: Caller, model: Model) => boolean;
  /** Null: there is no store. */
  readonly store: () => StoreView | null;
  /** The quota of the plan behind the caller's Factory key. */
  readonly quota: (caller: Caller) => Promise<QuotaReport>;
  readonly metrics: MetricsPage;
  readonly keys: Pick<Keys, "needed">;
  readonly account: (caller: Caller, dates: Dates) => Promise<AccountReport>;
  /** Whether the program is shutting down. */
  readonly isDraining: () => boolean;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly after: After;
}

export interface PageFacts {
  readonly version: string;
  /** Name and version of the runtime. */
  readonly runtime: string;
  /** When the program started, in Unix milliseconds. */
  readonly startedMs: number;
  /** Whether a script answers instead of Factory. Absent: no. */
  readonly isDemo?: boolean;
  /** Whether the dashboard is on. */
  readonly ui: boolean;
}

export type Env = { Bindings: IncomingRequest };
export type PageContext = Context<Env>;

type Page = (c: PageContext, caller: Caller) => Response | Promise<Response>;

/** The caller of a public page. */
export const NOBODY: Caller = { id: "", upstreamKey: "" };

/** The handler of each page. */
export function createPages(ports: PagePorts, facts: PageFacts): Readonly<Record<PageRow["handler"], Page>> {
  const { models } = ports;
  const accountPage =
    (shape: (account: AccountReport) => object): Page =>
    async (c, caller) =>
      page(c, shape(await ports.account(caller, { from: c.req.query("start_date") ?? null, to: c.req.query("end_date") ?? null })));
  return {
    overview: (c) => {
      c.header("vary", "accept");
      if (wantsHtml(c.env.headers)) return frontPage(facts);
      return page(c, {
        name: "factory-proxy",
        about: "A gateway between any AI client and Factory's LLM API.",
        version: facts.version,
        status: "ok",
        // So that a program on this machine need not try keys, which would be warnings in the log.
        keys: ports.keys.needed,
        demo: facts.isDemo === true,
        routes: CALLS.map(({ method, path, protocol, about }) => ({ method, path, protocol, about })),
        pages: pagePaths(),
      });
    },
    // The word that clients of the Go program look for.
    health: (c) =>
      page(c, {
        status: "healthy",
        timestamp: new Date(ports.now()).toISOString(),
        uptime: Math.floor((ports.now() - facts.startedMs) / 1000),
        version: facts.version,
        runtime: facts.runtime,
      }),
    ready: (c) => {
      const view = ports.store();
      const store = view === null ? {} : { store: view.kind, ...(view.isReachable ? {} : { storeState: "unreachable" }) };
      if (!ports.isDraining() && view?.isUsable !== false) return page(c, { status: "ready", ...store });
      c.header("retry-after", "5");
      return page(c, { status: ports.isDraining() ? "stopping" : "waiting", ...store }, 503);
    },
    stream: () => new Response(timedEvents(ports.after), { headers: { ...SAFE_HEADERS, ...streamHeaders("sse") } }),
    metrics: (c) => ports.metrics(c.env),
    hello: (c) => page(c, { message: "hello" }),
    models: (c, caller) => {
      const usable = models.list().filter((model) => ports.mayUse(caller, model));
      return page(c, modelList(usable, c.req.query("client_version") === undefined ? shapeOf(c) : "codex"));
    },
    model: (c, caller) => {
      const name = modelIn(c.req.path);
      const model = models.entry(name);
      // The same refusal as for a call of this model.
      if (!ports.mayUse(caller, model)) throw modelRefusal(caller.id, name);
      return page(c, modelPage(model, shapeOf(c)));
    },
    quota: async (c, caller) => page(c, quotaJson(await ports.quota(caller))),
    usage: accountPage(usagePage),
    balance: accountPage(balancePage),
    subscription: accountPage(subscriptionPage),
    billed: accountPage(billedPage),
  };
}

function page(c: PageContext, body: object, status: 200 | 503 = 200): Response {
  return c.json(body, status, SAFE_HEADERS);
}

/** The model of a page: what follows `/models/`. */
function modelIn(path: string): string {
  const escaped = path.replace(/^\/v1(?:beta)?\/models\//, "");
  return unescaped(escaped) ?? escaped;
}

/** Newer Gemini SDKs request `/v1/models`, as OpenAI's and Anthropic's do. */
function shapeOf(c: PageContext): PageShape {
  const { headers, queryKey } = c.env;
  if ("anthropic-version" in headers) return "anthropic";
  const isGemini = c.req.path.startsWith("/v1beta/") || "x-goog-api-key" in headers || queryKey !== null;
  return isGemini ? "gemini" : "openai";
}
