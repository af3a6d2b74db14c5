// The page "Requests": calls of the ledger, filtered by a form, the newest first, page by page.
/** @jsxImportSource hono/jsx */

import { GatewayError } from "../../errors.ts";
import type { RequestQuery } from "../admin/admin.ts";
import { requestQuery } from "../admin/api-query.ts";
import type { Page, Rendered, View } from "./page.ts";
import { Empty, Field, FilterActions, Notice } from "./parts.tsx";
import { RequestTable } from "./request-table.tsx";
import { sentenceText, type TextKey } from "./texts.ts";

type Choice = readonly [value: string, text: TextKey];

const STATUSES: readonly Choice[] = [
  ["ok", "requests.status.ok"],
  ["error", "requests.status.error"],
  ["4xx", "requests.status.4xx"],
  ["5xx", "requests.status.5xx"],
  ["429", "requests.status.429"],
  ["cut", "requests.status.cut"],
  ["cancelled", "requests.status.cancelled"],
];

const SPANS: readonly Choice[] = [
  ["1h", "span.1h"],
  ["24h", "span.24h"],
  ["7d", "span.7d"],
  ["30d", "span.30d"],
];

export async function requestsPage(view: View): Promise<Page> {
  const { admin, t, url } = view;
  const parameters = url.searchParams;
  const { running, rows, next, fault } = await listed(view);
  const isEmpty = running.length + rows.length === 0;
  const keys = (await admin.keys()).map(({ name }) => name);
  const hasFilter = [...parameters].some(([name, value]) => name !== "cursor" && name !== "limit" && value !== "");
  return {
    title: t("page.requests"),
    ...(fault === null ? {} : { status: fault.status }),
    body: (
      <>
        <Filters view={view} hasFilter={hasFilter} keys={keys} />
        {fault === null ? null : <Notice tone="bad">{sentenceText(view.reader.language, fault.message)}</Notice>}
        {isEmpty && fault === null ? (
          <Empty title={hasFilter ? t("requests.none") : t("requests.empty")}>
            <p>{hasFilter ? <a href="/ui/requests">{t("requests.clear")}</a> : <a href="/ui">{t("requests.empty.hint")}</a>}</p>
          </Empty>
        ) : null}
        {isEmpty ? null : (
          <>
            <RequestTable view={view} running={running} rows={rows} name={t("page.requests")} />
            <Paging view={view} next={next} />
          </>
        )}
      </>
    ),
    scripts: ["filters.js"],
  };
}

interface FilterParts {
  readonly view: View;
  readonly hasFilter: boolean;
  readonly keys: readonly string[];
}

function Filters({ view, hasFilter, keys }: FilterParts): Rendered {
  const { admin, t, url } = view;
  const parameters = url.searchParams;
  const models = admin.models().map(({ id }) => id);
  return (
    <details class="filter-box" open data-folds={hasFilter ? "no" : "narrow"}>
      <summary>{t("requests.filters")}</summary>
      <form method="get" action="/ui/requests" class="filters" role="search" data-filters>
        <Field name="q" label={t("requests.q")}>
          <input
            id="q"
            name="q"
            type="search"
            value={parameters.get("q") ?? ""}
            placeholder={t("requests.q.hint")}
            data-search
            autocomplete="off"
          />
        </Field>
        <Field name="since" label={t("requests.since")}>
          <Choices view={view} name="since" of={SPANS} any="span.any" />
        </Field>
        <Field name="until" label={t("requests.until")}>
          <input id="until" name="until" type="date" value={DATE.exec(parameters.get("until") ?? "")?.[0] ?? ""} />
        </Field>
        <Field name="status" label={t("call.status")}>
          <Choices view={view} name="status" of={STATUSES} any="requests.any" />
        </Field>
        <Field name="key" label={t("call.key")}>
          <Suggested view={view} name="key" from={keys} />
        </Field>
        <Field name="model" label={t("call.model")}>
          <Suggested view={view} name="model" from={models} />
        </Field>
        <Field name="client" label={t("call.client")}>
          <Suggested view={view} name="client" from={CLIENTS} />
        </Field>
        <Field name="session" label={t("call.session")}>
          <Suggested view={view} name="session" from={[]} />
        </Field>
        <FilterActions view={view} path={hasFilter ? "/ui/requests" : null} />
      </form>
    </details>
  );
}

/** Clients that are known by name; others can be typed. */
const CLIENTS = ["claude-code", "codex", "gemini-cli", "opencode", "cline", "openai-python", "openai-node"];
const DATE = /^\d{4}-\d\d-\d\d/;

type Listed = Awaited<ReturnType<View["admin"]["requests"]>> & { readonly fault: GatewayError | null };

/** What was typed into the form may be wrong: then the form is shown again, with what is wrong. */
async function listed({ admin, url, reader }: View): Promise<Listed> {
  try {
    const query: RequestQuery = requestQuery(url.searchParams);
    // Dates are the reader's, as the times of the table are.
    const zone = url.searchParams.get("zone") || reader.zone;
    return { ...(await admin.requests({ ...query, zone })), fault: null };
  } catch (error) {
    if (error instanceof GatewayError && error.kind === "invalid-request") return { running: [], rows: [], next: null, fault: error };
    throw error;
  }
}

interface ChoicesParts {
  readonly view: View;
  readonly name: string;
  readonly of: readonly Choice[];
  readonly any: TextKey;
}

/** A value of the address that is none of the choices is one more. */
function Choices({ view, name, of, any }: ChoicesParts): Rendered {
  const chosen = view.url.searchParams.get(name) ?? "";
  const isOther = chosen !== "" && !of.some(([value]) => value === chosen);
  return (
    <select id={name} name={name}>
      <option value="">{view.t(any)}</option>
      {isOther ? (
        <option value={chosen} selected>
          {chosen}
        </option>
      ) : null}
      {of.map(([value, text]) => (
        <option value={value} selected={value === chosen}>
          {view.t(text)}
        </option>
      ))}
    </select>
  );
}

function Suggested({ view, name, from }: { readonly view: View; readonly name: string; readonly from: readonly string[] }): Rendered {
  return (
    <>
      <input
        id={name}
        name={name}
        value={view.url.searchParams.get(name) ?? ""}
        placeholder={view.t("requests.any")}
        autocomplete="off"
        spellcheck={false}
        {...(from.length === 0 ? {} : { list: `${name}-list` })}
      />
      {from.length === 0 ? null : (
        <datalist id={`${name}-list`}>
          {from.map((one) => (
            <option value={one} />
          ))}
        </datalist>
      )}
    </>
  );
}

function Paging({ view, next }: { readonly view: View; readonly next: string | null }): Rendered | null {
  const { t, url } = view;
  const hasCursor = (url.searchParams.get("cursor") ?? "") !== "";
  if (next === null && !hasCursor) return null;
  return (
    <nav class="paging" aria-label={t("requests.paging")}>
      {hasCursor ? (
        <a class="button" href={addressWith(url, null)}>
          {t("requests.newest")}
        </a>
      ) : null}
      {next === null ? null : (
        <a class="button" rel="next" href={addressWith(url, next)}>
          {t("requests.older")}
        </a>
      )}
    </nav>
  );
}

function addressWith(url: URL, cursor: string | null): string {
  const query = new URLSearchParams([...url.searchParams].filter(([name, value]) => name !== "cursor" && value !== ""));
  if (cursor !== null) query.set("cursor", cursor);
  return query.size === 0 ? url.pathname : `${url.pathname}?${query.toString()}`;
}
