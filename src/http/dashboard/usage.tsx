// The page "Usage": sums of the ledger by time, model, key, client or session, as a chart and a table, and as CSV.
/** @jsxImportSource hono/jsx */

import { GatewayError } from "../../errors.ts";
import type { UsageBy, UsageCounts, UsageRequest, UsageView } from "../admin/admin.ts";
import { USAGE_BY, USAGE_SPLITS, usageRequest } from "../admin/api-query.ts";
import type { Page, Rendered, View } from "./page.ts";
import { sentenceText } from "./texts.ts";
import { Columns, Empty, Field, Figure, FilterActions, Meter, Notice, TableFrame } from "./parts.tsx";

const TIMES: ReadonlySet<UsageBy> = new Set(["hour", "day", "week", "month"]);
const SPANS = ["24h", "7d", "30d", "90d", "365d"] as const;
/** What comes after them is in the CSV. */
const MOST_LINES = 200;
const USUAL_SPAN = "30d";
/** The chart's measures, the first one to begin with. */
const MEASURES = ["usd", "totalTokens", "calls", "errors", "credits"] as const;

export async function usagePage(view: View): Promise<Page> {
  const { admin, t } = view;
  const asked = requestOf(view);
  if (asked instanceof GatewayError) {
    const { message, status } = asked;
    return { ...around(view, null, <Notice tone="bad">{sentenceText(view.reader.language, message)}</Notice>), status };
  }
  const usage = await admin.usage({ ...asked, split: null });
  if (usage.totals.calls === 0) {
    return around(
      view,
      asked,
      <Empty title={t("usage.empty")}>
        <p>{t("usage.empty.hint")}</p>
      </Empty>,
    );
  }
  const isOverTime = TIMES.has(asked.by);
  return {
    ...around(
      view,
      asked,
      <>
        <Totals view={view} totals={usage.totals} />
        {isOverTime ? <Chart view={view} asked={asked} /> : null}
        <Lines view={view} usage={usage} />
      </>,
    ),
    scripts: isOverTime ? ["filters.js", "uplot.js", "usage.js"] : ["filters.js"],
    texts: ["usage.chart", "usage.measure"],
  };
}

/** The same as CSV, split as the chart is. */
export async function usageCsv(view: View): Promise<Response> {
  const asked = requestOf(view);
  if (asked instanceof GatewayError) throw asked;
  const { by, lines } = await view.admin.usage(asked);
  const counts = lines.map(({ name, split, ...line }) => [
    name ?? "",
    ...(asked.split === null ? [] : [split ?? ""]),
    ...CSV.map((of) => line[of]),
  ]);
  const head = [by, ...(asked.split === null ? [] : [asked.split]), ...CSV];
  const text = [head, ...counts].map((cells) => `${cells.map(csvCell).join(",")}\r\n`).join("");
  return new Response(text, {
    headers: { "content-type": "text/csv; charset=utf-8", "content-disposition": `attachment; filename="usage-by-${by}.csv"` },
  });
}

const CSV = [
  "calls",
  "errors",
  "inputTokens",
  "cacheReadTokens",
  "cacheWriteTokens",
  "outputTokens",
  "reasoningTokens",
  "totalTokens",
  "cacheHitRate",
  "credits",
  "usd",
  "unpriced",
] as const satisfies readonly (keyof UsageCounts)[];

/** A spreadsheet would take some texts for formulas; the apostrophe keeps it from that. */
function csvCell(value: string | number | null): string {
  if (typeof value !== "string") return value === null ? "" : String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Of 30 days, in the reader's zone, where the address says nothing else. */
function requestOf({ url, reader, nowMs }: View): UsageRequest | GatewayError {
  try {
    const asked = usageRequest(url.searchParams);
    const zone = url.searchParams.get("zone") ?? reader.zone;
    return { ...asked, zone, since: sinceOf(asked.since ?? USUAL_SPAN, { zone, nowMs }) };
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
}

/** Whole days of the zone, today among them: half a day at the edge of a chart would look like a lull, and takes longer to add up. */
export function sinceOf(span: string, { zone, nowMs }: { readonly zone: string; readonly nowMs: number }): string {
  const [, days = ""] = /^(\d{1,4})d$/.exec(span) ?? [];
  if (days === "" || !isZone(zone)) return span;
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
  return parts.format(nowMs - (Number(days) - 1) * DAY_MS);
}

const DAY_MS = 86_400_000;

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

function around(view: View, asked: UsageRequest | null, body: Rendered): Page {
  const { t } = view;
  return {
    title: t("page.usage"),
    aside:
      asked === null ? null : (
        <a class="button end" href={`/ui/usage.csv?${queryOf(asked)}`} download>
          {t("usage.csv")}
        </a>
      ),
    body: (
      <>
        <Filters view={view} asked={asked} />
        {body}
      </>
    ),
    scripts: ["filters.js"],
  };
}

function queryOf(asked: UsageRequest): string {
  return new URLSearchParams(Object.entries(asked).flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]]))).toString();
}

function Filters({ view, asked }: { readonly view: View; readonly asked: UsageRequest | null }): Rendered {
  const { t, url } = view;
  const since = url.searchParams.get("since") ?? USUAL_SPAN;
  const isOther = !SPANS.some((span) => span === since);
  return (
    <details class="filter-box" open data-folds={url.searchParams.size > 0 ? "no" : "narrow"}>
      <summary>{t("requests.filters")}</summary>
      <form method="get" action="/ui/usage" class="filters" data-filters>
        <Field name="by" label={t("usage.by")}>
          <select id="by" name="by">
            {USAGE_BY.map((by) => (
              <option value={by} selected={by === (asked?.by ?? "day")}>
                {t(`usage.by.${by}`)}
              </option>
            ))}
          </select>
        </Field>
        <Field name="split" label={t("usage.split")}>
          <select id="split" name="split">
            <option value="">{t("usage.split.none")}</option>
            {USAGE_SPLITS.map((split) => (
              <option value={split} selected={split === asked?.split}>
                {t(`usage.by.${split}`)}
              </option>
            ))}
          </select>
        </Field>
        <Field name="since" label={t("requests.since")}>
          <select id="since" name="since">
            {isOther ? (
              <option value={since} selected>
                {since}
              </option>
            ) : null}
            {SPANS.map((span) => (
              <option value={span} selected={span === since}>
                {t(`span.${span}`)}
              </option>
            ))}
          </select>
        </Field>
        {(["key", "model", "client", "session"] as const).map((name) => (
          <Field name={name} label={t(`call.${name}`)}>
            <input
              id={name}
              name={name}
              value={url.searchParams.get(name) ?? ""}
              placeholder={t("requests.any")}
              autocomplete="off"
              spellcheck={false}
              {...(name === "key" ? { "data-search": true } : {})}
            />
          </Field>
        ))}
        <FilterActions view={view} path={url.searchParams.size > 0 ? "/ui/usage" : null} />
      </form>
    </details>
  );
}

export function Totals({ view, totals }: { readonly view: View; readonly totals: UsageCounts }): Rendered {
  const { t, format } = view;
  const { calls, errors, usd, unpriced } = totals;
  return (
    <dl class="figures boxed">
      <Figure name={t("usage.cost")}>
        {format.usd(usd)}
        {unpriced > 0 ? <span class="sub">{t("usage.unpriced", { count: unpriced })}</span> : null}
      </Figure>
      <Figure name={t("usage.credits")} hint={format.number(Math.round(totals.credits))}>
        {format.compact(totals.credits)}
      </Figure>
      <Figure name={t("usage.calls")}>{format.number(calls)}</Figure>
      <Figure name={t("usage.errors")}>
        {format.number(errors)}
        {calls > 0 ? <span class="sub">{format.percent(errors / calls)}</span> : null}
      </Figure>
      <Figure name={t("usage.tokens")} hint={format.number(totals.totalTokens)}>
        {format.compact(totals.totalTokens)}
      </Figure>
      <Figure name={t("usage.output")} hint={format.number(totals.outputTokens)}>
        {format.compact(totals.outputTokens)}
      </Figure>
      <Figure name={t("usage.cache")}>{format.percent(totals.cacheHitRate)}</Figure>
    </dl>
  );
}

/** The script draws it; without the script the table below says the same. */
function Chart({ view, asked }: { readonly view: View; readonly asked: UsageRequest }): Rendered {
  const { t } = view;
  return (
    <section class="needs-script">
      <div class="section-title">
        <h2 id="chart-title">{t("usage.chart")}</h2>
        <div class="end row">
          <label for="measure" class="hidden">
            {t("usage.chart.measure")}
          </label>
          <select id="measure">
            {MEASURES.map((measure) => (
              <option value={measure}>{t(`usage.measure.${measure}`)}</option>
            ))}
          </select>
        </div>
      </div>
      <div id="chart" class="chart skeleton" role="img" aria-labelledby="chart-title" data-query={queryOf(asked)} data-by={asked.by} />
      <ul id="legend" class="legend" />
    </section>
  );
}

function Lines({ view, usage }: { readonly view: View; readonly usage: UsageView }): Rendered {
  const { t, format } = view;
  const { by, totals } = usage;
  // What happened last is looked for first.
  const lines = (TIMES.has(by) ? usage.lines.toReversed() : usage.lines).slice(0, MOST_LINES);
  const most = Math.max(...lines.map(({ totalTokens }) => totalTokens), 1);
  return (
    <>
      <TableFrame name={t("usage.table", { by: t(`usage.by.${by}`) })}>
        <table class="rows" id="usage-table" {...(TIMES.has(by) ? {} : { "data-rows": true })}>
          <Columns
            view={view}
            of={[
              [`usage.by.${by}`],
              ["usage.tokens", "number"],
              ["usage.share"],
              ["usage.calls", "number"],
              ["usage.errors", "number"],
              ["usage.input", "number"],
              ["usage.output", "number"],
              ["usage.cache", "number"],
              ["usage.credits", "number"],
              ["usage.cost", "number"],
            ]}
          />
          <tbody>
            {lines.map((line) => (
              <tr>
                <th scope="row">
                  <LineName view={view} by={by} name={line.name} />
                </th>
                <td class="number">{format.number(line.totalTokens)}</td>
                <td class="share">
                  <Meter share={line.totalTokens / most} />
                </td>
                <Counts view={view} of={line} />
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">{t("usage.total")}</th>
              <td class="number">{format.number(totals.totalTokens)}</td>
              <td />
              <Counts view={view} of={totals} />
            </tr>
          </tfoot>
        </table>
      </TableFrame>
      {usage.lines.length > lines.length ? <p class="sub">{t("usage.more", { count: usage.lines.length - lines.length })}</p> : null}
    </>
  );
}

function Counts({ view: { format }, of }: { readonly view: View; readonly of: UsageCounts }): Rendered {
  return (
    <>
      <td class="number">{format.number(of.calls)}</td>
      <td class="number">{format.number(of.errors)}</td>
      <td class="number">{format.number(of.inputTokens + of.cacheReadTokens + of.cacheWriteTokens)}</td>
      <td class="number">{format.number(of.outputTokens)}</td>
      <td class="number">{format.percent(of.cacheHitRate)}</td>
      <td class="number">{format.number(Math.round(of.credits))}</td>
      <td class="number">{format.usd(of.usd)}</td>
    </>
  );
}

const FILTERS = ["since", "until", "key", "model", "client", "session"];

/** A key, model, client or session leads to its requests, with the page's own filters. */
function LineName({ view, by, name }: { readonly view: View; readonly by: UsageBy; readonly name: string | null }): Rendered {
  if (name === null) return <span class="sub">{view.t("word.none")}</span>;
  if (TIMES.has(by)) return <>{view.format.period(by, name)}</>;
  const query = new URLSearchParams([...view.url.searchParams].filter(([filter, value]) => FILTERS.includes(filter) && value !== ""));
  query.set(by, name);
  return (
    <a class="row-link name" href={`/ui/requests?${query.toString()}`}>
      {name}
    </a>
  );
}
