// The page "My usage": what the holder of a client key sees of it, and nothing of any other key.
/** @jsxImportSource hono/jsx */

import type { UsageView } from "../admin/admin.ts";
import { Activity, Budgets, Expiry, KeyState, ruleTexts } from "./key-parts.tsx";
import type { Page, Rendered, View } from "./page.ts";
import { Columns, Empty, Fact, TableFrame } from "./parts.tsx";
import { sinceOf, Totals } from "./usage.tsx";

export async function mePage(view: View): Promise<Page | null> {
  const { admin, t, session, reader, nowMs } = view;
  const name = session?.key ?? null;
  const record = name === null ? null : await admin.key(name);
  if (record === null || name === null) return null;
  const filter = { key: name, model: null, client: null, session: null, until: null };
  const usage = await admin.usage({
    ...filter,
    by: "model",
    split: null,
    since: sinceOf("30d", { zone: reader.zone, nowMs }),
    zone: reader.zone,
  });
  const days = await admin.usage({
    ...filter,
    by: "day",
    split: null,
    since: sinceOf("30d", { zone: reader.zone, nowMs }),
    zone: reader.zone,
  });
  return {
    title: t("page.me"),
    aside: (
      <>
        <span class="sub">{name}</span>
        <KeyState view={view} record={record} />
      </>
    ),
    body: (
      <>
        <section>
          <div class="section-title">
            <h2>{t("key.budgets")}</h2>
          </div>
          <Budgets view={view} record={record} />
        </section>
        <dl class="facts">
          <Fact name={t("key.rules")}>{ruleTexts(view, record).join(" · ") || t("key.no-rules")}</Fact>
          <Activity view={view} record={record} />
          <Fact name={t("key.expires")}>
            <Expiry view={view} record={record} />
          </Fact>
        </dl>
        <MyUsage view={view} usage={usage} days={days} />
      </>
    ),
  };
}

function MyUsage({ view, usage, days }: { readonly view: View; readonly usage: UsageView; readonly days: UsageView }): Rendered {
  const { t, format } = view;
  if (usage.totals.calls === 0) return <Empty title={t("usage.empty")} />;
  const lines = (of: UsageView): Rendered => (
    <TableFrame name={t("usage.table", { by: t(`usage.by.${of.by}`) })}>
      <table class="rows">
        <Columns
          view={view}
          of={[
            [`usage.by.${of.by}`],
            ["usage.calls", "number"],
            ["usage.errors", "number"],
            ["usage.tokens", "number"],
            ["usage.cost", "number"],
          ]}
        />
        <tbody>
          {(of.by === "day" ? of.lines.toReversed() : of.lines).map((line) => (
            <tr>
              <th scope="row">{line.name === null ? t("word.unknown") : of.by === "day" ? format.period("day", line.name) : line.name}</th>
              <td class="number">{format.number(line.calls)}</td>
              <td class="number">{format.number(line.errors)}</td>
              <td class="number">{format.number(line.totalTokens)}</td>
              <td class="number">{format.usd(line.usd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
  return (
    <section class="stack wide">
      <h2>{t("key.usage")}</h2>
      <Totals view={view} totals={usage.totals} />
      {lines(usage)}
      {lines(days)}
    </section>
  );
}
