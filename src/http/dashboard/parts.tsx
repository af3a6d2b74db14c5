// Small pieces that several pages are built of: times, bars, states, empty places, commands to copy.
// Never holds a text of its own, and never a style attribute, which the content security policy forbids.
/** @jsxImportSource hono/jsx */

import type { Child } from "hono/jsx";
import type { View, Rendered } from "./page.ts";
import type { TextKey } from "./texts.ts";

/** The script prints it again where the server did not know the reader's zone. */
export function Time({ view, iso, short = false }: { readonly view: View; readonly iso: string; readonly short?: boolean }): Rendered {
  const { format } = view;
  return (
    <time datetime={iso} title={format.time(iso)} data-print={short ? "short" : "long"}>
      {short ? format.shortTime(iso, view.nowMs) : format.time(iso)}
    </time>
  );
}

/** How long it is until then, or since. */
export function Countdown({ view, iso }: { readonly view: View; readonly iso: string }): Rendered {
  return (
    <time datetime={iso} title={view.format.time(iso)} data-print="relative">
      {view.format.relative(iso, view.nowMs)}
    </time>
  );
}

/** Where an element stands within a text. */
export const SLOT = "\uE000";

/** A text with an element in it: whoever asks for the text gives SLOT for its value. */
export function Filled({ text, children }: { readonly text: string; readonly children?: Child }): Rendered {
  const [before = "", after = ""] = text.split(SLOT);
  return (
    <>
      {before}
      {children}
      {after}
    </>
  );
}

export type Tone = "plain" | "good" | "warn" | "bad" | "accent";

export function Pill({ tone = "plain", children }: { readonly tone?: Tone; readonly children?: Child }): Rendered {
  return <span class={`pill ${tone}`}>{children}</span>;
}

/** `share`: from 0 to 1, or more where it is overdrawn. */
export function Bar({ share, tone, label }: { readonly share: number; readonly tone?: Tone; readonly label: string }): Rendered {
  const percent = Math.round(Math.min(Math.max(share, 0), 1) * 1000) / 10;
  const shown = tone ?? (share >= 1 ? "bad" : share >= 0.8 ? "warn" : "accent");
  return (
    <svg class={`bar ${shown}`} role="img" aria-label={label} width="100%" height="6">
      <rect class="track" width="100%" height="6" rx="3" />
      {percent > 0 ? <rect class="fill" width={`${percent}%`} height="6" rx="3" /> : null}
    </svg>
  );
}

/** Beside a number that says the same: only for the eye. */
export function Meter({ share }: { readonly share: number }): Rendered {
  return (
    <svg class="bar accent" aria-hidden="true" width="100%" height="6">
      <rect class="fill" width={`${Math.round(share * 1000) / 10}%`} height="6" rx="3" />
    </svg>
  );
}

/** A place where nothing is, and what to do about it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: Child }): Rendered {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Lines to copy. `name` says what they are. */
export function Code({ view, text, name }: { readonly view: View; readonly text: string; readonly name: string }): Rendered {
  return (
    <div class="code">
      <pre tabindex={0} role="region" aria-label={name}>
        <code>{text}</code>
      </pre>
      <button type="button" class="quiet needs-script" data-copy>
        {view.t("word.copy")}
      </button>
    </div>
  );
}

/** One number and what it is. */
export function Figure({
  name,
  children,
  hint,
  id,
}: {
  readonly name: string;
  readonly children?: Child;
  readonly hint?: string;
  readonly id?: string;
}): Rendered {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd {...(id === undefined ? {} : { id })} {...(hint === undefined ? {} : { title: hint })}>
        {children}
      </dd>
    </div>
  );
}

/** One line of `dl.facts`. */
export function Fact({ name, children }: { readonly name: string; readonly children?: Child }): Rendered {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** `name`: the id of what is typed into. */
export function Field({ name, label, children }: { readonly name: string; readonly label: string; readonly children?: Child }): Rendered {
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {children}
    </div>
  );
}

/** The end of a form of filters. `path`: the page without any; null: there is none to clear. */
export function FilterActions({ view, path }: { readonly view: View; readonly path: string | null }): Rendered {
  return (
    <div class="row">
      <button type="submit" class="primary">
        {view.t("requests.apply")}
      </button>
      {path === null ? null : (
        <a class="button quiet" href={path}>
          {view.t("requests.clear.short")}
        </a>
      )}
    </div>
  );
}

/** The end of a form in a dialog: a place for what is wrong, and what to do. */
export function DialogActions({ view, act }: { readonly view: View; readonly act: TextKey }): Rendered {
  return (
    <>
      <p class="notice bad" role="alert" data-fault hidden />
      <div class="row actions">
        <button type="button" data-close>
          {view.t("word.cancel")}
        </button>
        <button type="submit" class="primary">
          {view.t(act)}
        </button>
      </div>
    </>
  );
}

export function Notice({ tone, children }: { readonly tone: Tone; readonly children?: Child }): Rendered {
  return (
    <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}

/** What is asked for may be wider than the page: it scrolls by itself, with the keyboard too. */
export function TableFrame({ name, children }: { readonly name: string; readonly children?: Child }): Rendered {
  return (
    <div class="table-frame" role="region" aria-label={name} tabindex={0}>
      {children}
    </div>
  );
}

/** Headings of a table; `number` sets a column to the right. */
export function Columns({
  view,
  of,
}: {
  readonly view: View;
  readonly of: readonly (readonly [key: TextKey, number?: "number"])[];
}): Rendered {
  return (
    <thead>
      <tr>
        {of.map(([key, number]) => (
          <th scope="col" {...(number === undefined ? {} : { class: "number" })}>
            {view.t(key)}
            {key === "call.started" ? <ZoneName view={view} /> : null}
          </th>
        ))}
      </tr>
    </thead>
  );
}

/** Short times leave out the zone that they are in. */
function ZoneName({ view }: { readonly view: View }): Rendered {
  return (
    <span class="zone" data-zone-name>
      {view.format.zoneName(view.nowMs)}
    </span>
  );
}

/** The model that answers, and the one that was asked for where that is another: an id without its date is not. */
export function ModelName({
  view,
  asked,
  served,
}: {
  readonly view: View;
  readonly asked: string | null;
  readonly served: string | null;
}): Rendered {
  const shown = served ?? asked ?? view.t("word.unknown");
  return (
    <>
      <span class="name">{shown}</span>
      {asked !== null && !shown.startsWith(asked) ? <span class="sub">{view.t("call.asked", { model: asked })}</span> : null}
    </>
  );
}
