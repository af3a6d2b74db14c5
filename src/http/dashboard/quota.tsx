// The page "Quota": what Factory says is left of the plan, six windows with a forecast from the ledger.
/** @jsxImportSource hono/jsx */

import { GatewayError } from "../../errors.ts";
import type { Page, Rendered, View } from "./page.ts";
import { Bar, Countdown, Empty, Figure, Filled, Pill, SLOT, Time } from "./parts.tsx";
import { sentenceText } from "./texts.ts";

/** As `GET /quota` answers it. */
interface Quota {
  readonly state: string;
  readonly reason: string | null;
  readonly as_of: string;
  readonly plan: string | null;
  readonly windows: readonly Window[];
  readonly extra_usage: { readonly allowed: boolean | null; readonly balance_usd: number | null } | null;
}

interface Window {
  readonly pool: "standard" | "core";
  readonly window: "5h" | "7d" | "30d";
  readonly used_percent: number | null;
  readonly resets_at: string | null;
  /** Null in it: it lasts. Null: nobody knows. */
  readonly forecast: { readonly full_at: string | null } | null;
}

const POOLS = ["standard", "core"] as const;

export async function quotaPage(view: View): Promise<Page> {
  const { admin, t } = view;
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- quotaJson makes it
    const quota = (await admin.quota()) as Quota;
    return {
      title: t("page.quota"),
      aside: (
        <span class="sub">
          <Filled text={t("quota.as-of", { when: SLOT })}>
            <Time view={view} iso={quota.as_of} />
          </Filled>
        </span>
      ),
      body: quota.state === "works" ? <Windows view={view} quota={quota} /> : <Unknown view={view} reason={quota.reason} />,
    };
  } catch (error) {
    if (!(error instanceof GatewayError) || error.kind !== "not-found") throw error;
    return { title: t("page.quota"), body: <Unknown view={view} reason={error.message} /> };
  }
}

function Unknown({ view, reason }: { readonly view: View; readonly reason: string | null }): Rendered {
  const { t } = view;
  return (
    <Empty title={t("quota.unknown")}>
      {reason === null ? null : <p>{sentenceText(view.reader.language, reason)}</p>}
      <p>{t("quota.unknown.hint")}</p>
      <p>
        <a href="/ui/usage">{t("quota.usage")}</a>
      </p>
    </Empty>
  );
}

function Windows({ view, quota }: { readonly view: View; readonly quota: Quota }): Rendered {
  const { t, format } = view;
  const { plan, extra_usage: extra } = quota;
  return (
    <>
      <dl class="figures">
        <Figure name={t("quota.plan")}>{plan ?? t("word.unknown")}</Figure>
        {extra === null ? null : (
          <>
            <Figure name={t("quota.extra")}>
              {extra.allowed === null ? t("word.unknown") : extra.allowed ? t("word.yes") : t("word.no")}
            </Figure>
            <Figure name={t("quota.balance")}>{format.usd(extra.balance_usd)}</Figure>
          </>
        )}
      </dl>
      {POOLS.map((pool) => (
        <section>
          <div class="section-title">
            <h2>{t(`quota.pool.${pool}`)}</h2>
          </div>
          <div class="cards">
            {quota.windows
              .filter((window) => window.pool === pool)
              .map((window) => (
                <WindowCard view={view} window={window} />
              ))}
          </div>
        </section>
      ))}
      <p class="sub">{t("quota.forecast.hint")}</p>
    </>
  );
}

function WindowCard({ view, window }: { readonly view: View; readonly window: Window }): Rendered {
  const { t, format } = view;
  const { used_percent: used, resets_at: resetsAt, pool } = window;
  const share = used === null ? null : used / 100;
  const name = t(`quota.window.${window.window}`);
  return (
    <article class="card">
      <div class="section-title">
        <h3>{name}</h3>
        <span class="end">
          <Forecast view={view} window={window} />
        </span>
      </div>
      <p class="large">{share === null ? t("word.unknown") : format.percent(share)}</p>
      {share === null ? null : (
        <Bar share={share} label={t("quota.bar", { pool: t(`quota.pool.${pool}`), name, used: format.percent(share) })} />
      )}
      <p class="sub">
        {resetsAt === null ? (
          share === 0 ? (
            t("quota.first-use")
          ) : (
            t("quota.no-reset")
          )
        ) : (
          <Filled text={t("quota.resets", { when: SLOT })}>
            <Countdown view={view} iso={resetsAt} />
          </Filled>
        )}
      </p>
    </article>
  );
}

function Forecast({ view, window }: { readonly view: View; readonly window: Window }): Rendered | null {
  const { t } = view;
  const { used_percent: used, forecast } = window;
  if (used !== null && used >= 100) return <Pill tone="bad">{t("quota.full")}</Pill>;
  if (forecast === null) return null;
  if (forecast.full_at === null) return <Pill tone="good">{t("quota.lasts")}</Pill>;
  return (
    <Pill tone="warn">
      <Filled text={t("quota.full-at", { when: SLOT })}>
        <Countdown view={view} iso={forecast.full_at} />
      </Filled>
    </Pill>
  );
}
