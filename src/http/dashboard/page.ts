// What a page is: who asks for it, what it gets to render with, and what it hands to the layout.

import type { Child } from "hono/jsx";
import type { HtmlEscapedString } from "hono/utils/html";
import type { Admin } from "../admin/admin.ts";
import type { Session } from "../admin/session.ts";
import type { Formats } from "./formats.ts";
import type { Reader } from "./reader.ts";
import type { ScriptName, StyleName } from "./assets.ts";
import type { TextKey, Translate } from "./texts.ts";

/** What a component makes. */
export type Rendered = HtmlEscapedString | Promise<HtmlEscapedString>;

/** What a page is rendered with. */
export interface View {
  readonly admin: Admin;
  readonly t: Translate;
  readonly format: Formats;
  readonly reader: Reader;
  readonly nowMs: number;
  /** The page's address, with its query. */
  readonly url: URL;
  /** Null: nobody has signed in, so it is the page for that. */
  readonly session: Session | null;
  /** What the address says in place of `:id`, decoded. "": it has no such place. */
  readonly parameter: string;
}

export interface Page {
  /** Above the page and in the browser's tab. */
  readonly title: string;
  /** The page that this one is below. */
  readonly parent?: { readonly href: string; readonly text: string };
  /** Beside the title. */
  readonly aside?: Child;
  readonly body: Child;
  /** Besides the one that every page has. */
  readonly scripts?: readonly ScriptName[];
  /** Style sheets, besides the one that every page has. */
  readonly styles?: readonly StyleName[];
  /** Beginnings of the keys of texts that its scripts ask for, besides `script.`. */
  readonly texts?: readonly string[];
  /** 200 where it is absent. */
  readonly status?: number;
}

/** Null: there is no such thing. A response is sent as it is. */
type Render = (view: View) => Promise<Page | Response | null> | Page | Response | null;

export type NavigationId = "now" | "requests" | "usage" | "quota" | "keys" | "models" | "playground" | "health" | "api" | "me";

export interface PageRow {
  /** Below /ui. `/keys/:id`: the last step may be anything. */
  readonly path: string;
  /** Which entry of the navigation is marked. `me` is for those who have signed in with a client key. */
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
