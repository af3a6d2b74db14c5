// Calls as rows of a table, running ones first. Each row leads to the page of its call.
/** @jsxImportSource hono/jsx */

import type { LiveCall } from "../../gateway/live-calls.ts";
import type { RequestView } from "../admin/admin.ts";
import type { View, Rendered } from "./page.ts";
import { isTextKey } from "./texts.ts";
import { Columns, ModelName, Pill, TableFrame, Time, type Tone } from "./parts.tsx";

interface Rows {
  readonly view: View;
  /** Absent: the page shows them elsewhere. */
  readonly running?: readonly LiveCall[];
  readonly rows: readonly RequestView[];
  /** What the table shows. */
  readonly name: string;
}

export function RequestTable({ view, running = [], rows, name }: Rows): Rendered {
  return (
    <TableFrame name={name}>
      <table class="rows" data-rows>
        <Columns
          view={view}
          of={[
            ["call.started"],
            ["call.status"],
            ["call.model"],
            ["call.key"],
            ["call.client"],
            ["call.time", "number"],
            ["call.cost", "number"],
            ["call.input", "number"],
            ["call.output", "number"],
            ["call.cached", "number"],
            ["call.first-byte", "number"],
          ]}
        />
        <tbody>
          {running.map((call) => (
            <Running view={view} call={call} />
          ))}
          {rows.map((row) => (
            <Request view={view} row={row} />
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

/** What is known of it so far. */
function Running({ view, call }: { readonly view: View; readonly call: LiveCall }): Rendered {
  const { t, format } = view;
  return (
    <tr>
      <td>
        <RowLink view={view} id={call.id} at={call.startedAt} />
      </td>
      <td>
        <Phase view={view} phase={call.phase} />
        <span class="sub">{t("call.running")}</span>
      </td>
      <td class="model" title={call.modelServed ?? call.modelAsked ?? ""}>
        <ModelName view={view} asked={call.modelAsked} served={call.modelServed} />
      </td>
      <td class="short">{call.key ?? <span class="sub">{t("call.no-key")}</span>}</td>
      <td class="short">{call.client ?? <span class="sub">{t("word.unknown")}</span>}</td>
      <td class="number">{format.duration(call.elapsedMs)}</td>
      <td class="number">{format.usd(null)}</td>
      <td class="number">{format.number(null)}</td>
      <td class="number">{format.number(call.outputTokens)}</td>
      <td class="number">{format.percent(null)}</td>
      <td class="number">{format.duration(call.firstByteMs)}</td>
    </tr>
  );
}

export function RowLink({ view, id, at }: { readonly view: View; readonly id: string; readonly at: string }): Rendered {
  return (
    <a class="row-link" href={`/ui/requests/${encodeURIComponent(id)}`}>
      <Time view={view} iso={at} short />
    </a>
  );
}

/** What a running call is doing. */
export function Phase({ view, phase }: { readonly view: View; readonly phase: LiveCall["phase"] }): Rendered {
  return <Pill tone={phase === "streaming" || phase === "thinking" ? "accent" : "plain"}>{view.t(`phase.${phase}`)}</Pill>;
}

function Request({ view, row }: { readonly view: View; readonly row: RequestView }): Rendered {
  const { t, format } = view;
  return (
    <tr>
      <td>
        <RowLink view={view} id={row.id} at={row.at} />
      </td>
      <td>
        <Status view={view} row={row} />
      </td>
      <td class="model" title={row.modelServed ?? row.modelAsked ?? ""}>
        <ModelName view={view} asked={row.fallback === null ? row.modelAsked : null} served={row.modelServed ?? row.modelAsked} />
        <Remarks view={view} row={row} />
      </td>
      <td class="short">{row.key ?? <span class="sub">{t("call.no-key")}</span>}</td>
      <td class="short">{row.client ?? <span class="sub">{t("word.unknown")}</span>}</td>
      <td class="number">{format.duration(row.totalMs)}</td>
      <td class="number">{format.usd(row.usd)}</td>
      <td class="number">{format.number(inputOf(row))}</td>
      <td class="number">{format.number(row.outputTokens)}</td>
      <td class="number">{format.percent(cachedOf(row))}</td>
      <td class="number">{format.duration(row.firstByteMs)}</td>
    </tr>
  );
}

/** A status, and how the call ended where the status does not say it. */
export function Status({ view, row }: { readonly view: View; readonly row: Pick<RequestView, "status" | "finish"> }): Rendered {
  const { status, finish } = row;
  const word = finishWord(view, finish);
  return (
    <>
      <Pill tone={toneOf(row)}>{status === null ? "–" : String(status)}</Pill>
      {word === null ? null : <span class="sub">{word}</span>}
    </>
  );
}

export function toneOf({ status, finish }: Pick<RequestView, "status" | "finish">): Tone {
  if (finish === "cut" || finish.startsWith("error:") || status === null || status >= 500) return "bad";
  return status >= 400 || finish === "cancelled" || finish === "length" ? "warn" : "good";
}

/** Null: it ended as calls do. */
function finishWord({ t }: View, finish: string): string | null {
  if (finish === "end") return null;
  const key = `finish.${finish.replace("error:", "error.")}`;
  return isTextKey(key) ? t(key) : finish;
}

/** Tries, fallback and losses, where there were any. */
function Remarks({ view, row }: { readonly view: View; readonly row: RequestView }): Rendered | null {
  const { t } = view;
  const remarks = [
    ...(row.fallback === null ? [] : [t("call.fallback", { model: row.fallback })]),
    ...(row.tries > 1 ? [t("call.attempts", { count: row.tries })] : []),
    ...(row.losses > 0 ? [t("call.losses", { count: row.losses })] : []),
  ];
  return remarks.length === 0 ? null : <span class="sub">{remarks.join(" · ")}</span>;
}

/** With what caches gave and took. Null: not known. */
export function inputOf(row: RequestView): number | null {
  const counts = [row.inputTokens, row.cacheReadTokens, row.cacheWrite5mTokens, row.cacheWrite1hTokens];
  return counts.every((count) => count === null) ? null : counts.reduce<number>((all, count) => all + (count ?? 0), 0);
}

function cachedOf(row: RequestView): number | null {
  const input = inputOf(row);
  return input === null || input === 0 ? null : (row.cacheReadTokens ?? 0) / input;
}
