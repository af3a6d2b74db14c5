// The page "Now": calls that run, the last minute, and the calls before. The script keeps it up to date.
/** @jsxImportSource hono/jsx */

import type { LiveView, RequestView } from "../admin/admin.ts";
import { requestQuery } from "../admin/api-query.ts";
import type { LiveCall } from "../../gateway/live-calls.ts";
import { mayHaveReplicas } from "./health.tsx";
import { Code, Columns, Empty, Figure, ModelName, TableFrame } from "./parts.tsx";
import type { Page, View, Rendered } from "./page.ts";
import { Phase, RequestTable, RowLink } from "./request-table.tsx";

const LATEST = 12;

export async function nowPage(view: View): Promise<Page> {
  const { admin, t } = view;
  const live = await admin.live();
  const { rows } = await admin.requests({ ...requestQuery(new URLSearchParams()), limit: LATEST });
  return {
    title: t("page.now"),
    aside: (
      <>
        {mayHaveReplicas(view) ? <span class="sub">{t("now.replica", { name: live.replica })}</span> : null}
        <span id="connection" class="pill plain" role="status">
          {t("now.connection.still")}
        </span>
      </>
    ),
    body: (
      <>
        <Minute view={view} live={live} />
        <section>
          <h2 class="hidden">{t("now.table")}</h2>
          <Running view={view} calls={live.calls} />
          <div id="quiet" hidden={live.calls.length > 0}>
            {rows.length === 0 ? <FirstCall view={view} /> : <Quiet view={view} />}
          </div>
        </section>
        <section id="latest" hidden={rows.length === 0}>
          <div class="section-title">
            <h2>{t("now.recent")}</h2>
            <a href="/ui/requests">{t("now.recent.all")}</a>
          </div>
          <Latest view={view} rows={rows} />
        </section>
      </>
    ),
    scripts: ["now.js"],
    texts: ["now.", "call.", "phase.", "finish."],
  };
}

function Latest({ view, rows }: { readonly view: View; readonly rows: readonly RequestView[] }): Rendered {
  return <RequestTable view={view} rows={rows} name={view.t("now.recent")} />;
}

/** 60 seconds: a bar for each, errors at its foot. */
function Minute({ view, live }: { readonly view: View; readonly live: LiveView }): Rendered {
  const { t, format } = view;
  const { minute } = live;
  const sum = (of: "calls" | "errors" | "outputTokens"): number => minute.reduce((all, second) => all + second[of], 0);
  const most = Math.max(1, ...minute.map(({ calls }) => calls));
  const heightOf = (count: number): number => Math.round((count / most) * 40);
  const label = t("now.minute.label", { calls: sum("calls"), errors: sum("errors"), tokens: sum("outputTokens") });
  return (
    <section class="minute" aria-label={t("now.minute")}>
      <dl class="figures">
        <Figure name={t("now.in-flight")} id="sum-running">
          {format.number(live.calls.length)}
        </Figure>
        <Figure name={t("now.calls")} id="sum-calls">
          {format.number(sum("calls"))}
        </Figure>
        <Figure name={t("now.errors")} id="sum-errors">
          {format.number(sum("errors"))}
        </Figure>
        <Figure name={t("now.output")} id="sum-tokens">
          {format.number(sum("outputTokens"))}
        </Figure>
      </dl>
      <svg id="minute" class="minute-strip" viewBox="0 0 300 40" preserveAspectRatio="none" role="img" aria-label={label}>
        {minute.map(({ calls, errors }, at) => (
          <>
            <rect class="calls" x={at * 5} y={40 - heightOf(calls)} width="4" height={heightOf(calls)} />
            <rect class="errors" x={at * 5} y={40 - heightOf(errors)} width="4" height={heightOf(errors)} />
          </>
        ))}
      </svg>
      <p class="sub">{t("now.counted")}</p>
    </section>
  );
}

function Running({ view, calls }: { readonly view: View; readonly calls: readonly LiveCall[] }): Rendered {
  const { t } = view;
  return (
    <div id="running" hidden={calls.length === 0}>
      <TableFrame name={t("now.table")}>
        <table class="rows" data-rows>
          <Columns
            view={view}
            of={[
              ["call.started"],
              ["call.phase"],
              ["call.model"],
              ["call.key"],
              ["call.client"],
              ["call.time", "number"],
              ["call.first-byte", "number"],
              ["call.tokens", "number"],
              ["call.rate", "number"],
              ["call.action"],
            ]}
          />
          <tbody>
            {calls.map((call) => (
              <RunningCall view={view} call={call} />
            ))}
          </tbody>
        </table>
      </TableFrame>
    </div>
  );
}

/** The script builds the same row: see client/now.js. */
function RunningCall({ view, call }: { readonly view: View; readonly call: LiveCall }): Rendered {
  const { t, format } = view;
  return (
    <tr data-id={call.id}>
      <td>
        <RowLink view={view} id={call.id} at={call.startedAt} />
      </td>
      <td>
        <Phase view={view} phase={call.phase} />
        {call.attempts > 1 ? <span class="sub">{t("call.attempts", { count: call.attempts })}</span> : null}
      </td>
      <td class="model">
        <ModelName view={view} asked={call.modelAsked} served={call.modelServed} />
      </td>
      <td class="short">{call.key ?? <span class="sub">{t("call.no-key")}</span>}</td>
      <td class="short">{call.client ?? <span class="sub">{t("word.unknown")}</span>}</td>
      <td class="number">{format.duration(call.elapsedMs)}</td>
      <td class="number">{format.duration(call.firstByteMs)}</td>
      <td class="number">{format.number(call.outputTokens)}</td>
      <td class="number">{format.number(rateOf(call))}</td>
      <td>
        <button type="button" class="quiet needs-script" data-end={call.id} aria-label={t("now.end.label", { id: call.id })}>
          {t("now.end")}
        </button>
      </td>
    </tr>
  );
}

/** Tokens a second since the first byte. Null: too early to say. */
function rateOf({ outputTokens, elapsedMs, firstByteMs }: LiveCall): number | null {
  const ms = firstByteMs === null ? 0 : elapsedMs - firstByteMs;
  return ms < 200 || outputTokens === 0 ? null : Math.round((outputTokens / ms) * 1000);
}

function Quiet({ view }: { readonly view: View }): Rendered {
  return (
    <Empty title={view.t("now.quiet")}>
      <p>{view.t("now.quiet.hint")}</p>
    </Empty>
  );
}

function FirstCall({ view }: { readonly view: View }): Rendered {
  const { t, url } = view;
  const body = '{"model":"claude-haiku-4-5","max_tokens":100,"messages":[{"role":"user","content":"Hello"}]}';
  const lines = [
    `curl ${url.origin}/v1/messages \\`,
    "  -H 'authorization: Bearer YOUR_KEY' \\",
    "  -H 'content-type: application/json' \\",
    `  -d '${body}'`,
  ];
  return (
    <Empty title={t("now.empty")}>
      <Code view={view} name="curl" text={lines.join("\n")} />
      <p>
        <a href="/ui/keys">{t("now.empty.key")}</a>
      </p>
    </Empty>
  );
}
