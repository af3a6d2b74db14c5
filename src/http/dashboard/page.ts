// What a page is: who asks for it, what it gets to render with, and what it hands to the layout.

import type { Child } from "hono/jsx";
import type { HtmlEscapedString } from "hono/utils/html";
import type { Admin } from "../admin/admin.ts";
import type { Formats } from "./formats.ts";
import type { Reader } from "./reader.ts";
import type { ScriptName } from "./assets.ts";
import type { TextKey, Translate } from "./texts.ts";

/** What a component makes. */
export type Rendered = HtmlEscapedString | Promise<HtmlEscapedString>;

/** Whoever has signed in. `key`: with a client key of that name, for the page "My usage" alone. */
export type Viewer =
  | { readonly type: "admin"; readonly csrfToken: string }
  | { readonly type: "key"; readonly csrfToken: string; readonly key: string };

export interface Visit {
  /** Decoded nowhere: `/ui/keys/alice%20b`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** How the reader reached this server: `http://127.0.0.1:8000`. */
  readonly origin: string;
  /** Null: nobody has signed in. */
  readonly viewer: Viewer | null;
}

/** What a page is rendered with. */
export interface View {
  readonly admin: Admin;
  readonly t: Translate;
  readonly format: Formats;
  readonly reader: Reader;
  readonly nowMs: number;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly origin: string;
  readonly viewer: Viewer | null;
  /** What the address says in place of `:id`, decoded. "": it has no such place. */
  readonly parameter: string;
  /** The API's description, OpenAPI 3.1. */
  readonly openapi: object;
}

export interface Page {
  /** Above the page and in the browser's tab. */
  readonly title: string;
  /** Beside the title. */
  readonly aside?: Child;
  readonly body: Child;
  /** Besides the one that every page has. */
  readonly scripts?: readonly ScriptName[];
  /** Beginnings of the keys of texts that its scripts ask for, besides `script.`. */
  readonly texts?: readonly string[];
  /** 200 where it is absent. */
  readonly status?: number;
}

/** Null: there is no such thing. */
export type Render = (view: View) => Promise<Page | null> | Page | null;

export type NavigationId = "now" | "requests" | "usage" | "quota" | "keys" | "models" | "playground" | "health" | "api" | "me";

export interface PageRow {
  /** `/ui/keys/:id`: one step of the path may be anything. */
  readonly path: string;
  /** Which entry of the navigation is marked. */
  readonly entry: NavigationId;
  readonly render: Render;
}

/** The navigation's entries have these texts. */
export const ENTRY_TEXTS: Readonly<Record<NavigationId, TextKey>> = {
  now: "page.now",
  requests: "page.requests",
  usage: "page.usage",
  quota: "page.quota",
  keys: "page.keys",
  models: "page.models",
  playground: "page.playground",
  health: "page.health",
  api: "page.api",
  me: "page.me",
};
