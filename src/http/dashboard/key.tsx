// The page of one key: its budgets, its limits in a form, all that can be done to it, and what it has used. Changes are made by the script.
/** @jsxImportSource hono/jsx */

import type { KeyView, UsageView } from "../admin/admin.ts";
import { Activity, Budgets, Confirm, Expiry, FreshKey, KeyFields, KeyState, ruleTexts } from "./key-parts.tsx";
import type { Page, Rendered, View } from "./page.ts";
import { Columns, Countdown, DialogActions, Empty, Fact, Field, Filled, Pill, SLOT, TableFrame, Time } from "./parts.tsx";
import { sinceOf, Totals } from "./usage.tsx";

const DEFAULT = "default";

export async function keyPage(view: View): Promise<Page | null> {
  const { admin, t, parameter, reader, nowMs } = view;
  const found = await admin.key(parameter);
  const record = found ?? (parameter === DEFAULT ? noDefaults(view) : null);
  if (record === null) return null;
  const filter = { key: record.name, model: null, client: null, session: null, until: null };
  const isKeyless = record.kind === "default" || record.kind === "anonymous";
  const usage =
    record.kind === "default"
      ? null
      : await admin.usage({ ...filter, by: "model", split: null, since: sinceOf("30d", { zone: reader.zone, nowMs }), zone: reader.zone });
  return {
    title: record.name,
    parent: { href: "/ui/keys", text: t("page.keys") },
    aside: (
      <>
        {isKeyless ? <Pill>{t(`key.kind.${record.kind}`)}</Pill> : <KeyState view={view} record={record} />}
        {record.note === null ? null : <span class="sub">{record.note}</span>}
        {record.kind === "stored" ? <Actions view={view} record={record} /> : null}
      </>
    ),
    body: (
      <>
        {record.kind === "default" ? <p class="notice plain">{t("key.kind.default.hint")}</p> : <Facts view={view} record={record} />}
        {record.budgetsNow.length === 0 ? null : <BudgetSection view={view} record={record} />}
        <section class="needs-script">
          <div class="section-title">
            <h2>{t("key.change")}</h2>
          </div>
          <form id="change-form" data-name={record.name} class="stack wide">
            <KeyFields view={view} record={record} />
            <p class="notice bad" role="alert" data-fault hidden />
            <button type="submit" class="primary">
              {t("word.save")}
            </button>
          </form>
        </section>
        {usage === null ? null : <KeyUsage view={view} usage={usage} name={record.name} />}
        <FreshKey view={view} />
        <RotateDialog view={view} record={record} />
        <Confirm
          view={view}
          id="remove-dialog"
          title="key.remove.title"
          text={t("key.remove.text", { name: record.name })}
          act="key.remove.confirm"
        />
      </>
    ),
    scripts: ["keys.js"],
    texts: ["keys.", "key.done"],
  };
}

/** The row that is there as soon as it says something. */
function noDefaults({ nowMs }: View): KeyView {
  const none = { models: null, rpm: null, tpm: null, parallel: null, budgets: null, soft: null, zone: null };
  return {
    name: DEFAULT,
    note: null,
    hint: null,
    created: new Date(nowMs).toISOString(),
    expires: null,
    firstUsed: null,
    off: false,
    ...none,
    raises: [],
    previousUntil: null,
    state: "on",
    kind: "default",
    effective: none,
    budgetsNow: [],
    lastMinute: { requests: 0, tokens: 0 },
    running: 0,
  };
}

function Actions({ view, record }: { readonly view: View; readonly record: KeyView }): Rendered {
  const { t } = view;
  return (
    <span class="end row needs-script" id="key-actions" data-name={record.name}>
      <button type="button" data-act={record.off ? "on" : "off"}>
        {record.off ? t("key.turn-on") : t("key.turn-off")}
      </button>
      <button type="button" data-act="rotate" aria-haspopup="dialog">
        {t("key.rotate")}
      </button>
      <button type="button" data-act="remove" class="danger quiet" aria-haspopup="dialog">
        {t("key.remove")}
      </button>
    </span>
  );
}

function Facts({ view, record }: { readonly view: View; readonly record: KeyView }): Rendered {
  const { t } = view;
  return (
    <dl class="facts">
      <div>
        <dt>{t("key.hint")}</dt>
        <dd class="mono">{record.hint ?? t(`key.kind.${record.kind}`)}</dd>
      </div>
      {record.kind === "stored" ? <Dates view={view} record={record} /> : null}
      <Fact name={t("key.expires")}>
        <Expiry view={view} record={record} />
      </Fact>
      <Activity view={view} record={record} />
      <Fact name={t("key.rules")}>{ruleTexts(view, record).join(" · ") || t("key.no-rules")}</Fact>
      {record.previousUntil !== null && Date.parse(record.previousUntil) > view.nowMs ? (
        <Fact name={t("key.previous")}>
          <Countdown view={view} iso={record.previousUntil} />
        </Fact>
      ) : null}
    </dl>
  );
}

/** Of a key that only the configuration holds nobody knows them. */
function Dates({ view, record }: { readonly view: View; readonly record: KeyView }): Rendered {
  const { t } = view;
  return (
    <>
      <Fact name={t("key.created")}>
        <Time view={view} iso={record.created} />
      </Fact>
      <Fact name={t("key.first-used")}>{record.firstUsed === null ? t("key.unused") : <Time view={view} iso={record.firstUsed} />}</Fact>
    </>
  );
}

const RAISES = { usd: "5usd", credits: "5M-credits", tokens: "500k-tokens" } as const;

function BudgetSection({ view, record }: { readonly view: View; readonly record: KeyView }): Rendered {
  const { t } = view;
  return (
    <section>
      <div class="section-title">
        <h2>{t("key.budgets")}</h2>
      </div>
      <div class="split">
        <div class="stack wide">
          <Budgets view={view} record={record} />
          {record.raises.map(({ amount, until }) => (
            <p class="sub">
              <Filled text={t("key.raised", { amount, when: SLOT })}>
                <Countdown view={view} iso={until} />
              </Filled>
            </p>
          ))}
        </div>
        <form id="raise-form" data-name={record.name} class="row needs-script" aria-label={t("key.raise")}>
          <Field name="raise-amount" label={t("key.raise.amount")}>
            <input id="raise-amount" name="amount" required placeholder={RAISES[record.budgetsNow[0]?.unit ?? "usd"]} autocomplete="off" />
          </Field>
          <Field name="raise-until" label={t("key.raise.until")}>
            <input id="raise-until" name="until" placeholder="24h" autocomplete="off" />
          </Field>
          <button type="submit">{t("key.raise")}</button>
          <p class="notice bad" role="alert" data-fault hidden />
        </form>
      </div>
    </section>
  );
}

function RotateDialog({ view, record }: { readonly view: View; readonly record: KeyView }): Rendered {
  const { t } = view;
  return (
    <dialog id="rotate-dialog" aria-labelledby="rotate-title">
      <form id="rotate-form" data-name={record.name} class="stack wide">
        <h2 id="rotate-title">{t("key.rotate.title")}</h2>
        <p>{t("key.rotate.text", { name: record.name })}</p>
        <Field name="rotate-grace" label={t("key.rotate.grace")}>
          <input id="rotate-grace" name="grace" placeholder="24h" autocomplete="off" />
        </Field>
        <DialogActions view={view} act="key.rotate" />
      </form>
    </dialog>
  );
}

function KeyUsage({ view, usage, name }: { readonly view: View; readonly usage: UsageView; readonly name: string }): Rendered {
  const { t, format } = view;
  return (
    <section>
      <div class="section-title">
        <h2>{t("key.usage")}</h2>
        <a href={`/ui/usage?key=${encodeURIComponent(name)}`}>{t("page.usage")}</a>
        <a href={`/ui/requests?key=${encodeURIComponent(name)}`}>{t("page.requests")}</a>
      </div>
      {usage.totals.calls === 0 ? (
        <Empty title={t("usage.empty")} />
      ) : (
        <div class="stack wide">
          <Totals view={view} totals={usage.totals} />
          <TableFrame name={t("key.usage")}>
            <table class="rows">
              <Columns
                view={view}
                of={[
                  ["usage.by.model"],
                  ["usage.calls", "number"],
                  ["usage.tokens", "number"],
                  ["usage.credits", "number"],
                  ["usage.cost", "number"],
                ]}
              />
              <tbody>
                {usage.lines.map((line) => (
                  <tr>
                    <th scope="row">{line.name ?? t("word.unknown")}</th>
                    <td class="number">{format.number(line.calls)}</td>
                    <td class="number">{format.number(line.totalTokens)}</td>
                    <td class="number">{format.number(Math.round(line.credits))}</td>
                    <td class="number">{format.usd(line.usd)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </TableFrame>
        </div>
      )}
    </section>
  );
}
