// The page "Health": versions, the store, the doctor's checks on demand, and the configuration with its sources.
/** @jsxImportSource hono/jsx */

import type { HealthView, SettingView } from "../admin/admin.ts";
import type { Page, Rendered, View } from "./page.ts";
import { Columns, Countdown, Empty, Fact, Pill, TableFrame } from "./parts.tsx";
import { settingText } from "./texts.ts";

export function healthPage(view: View): Page {
  const { admin, t } = view;
  const health = admin.health();
  return {
    title: t("page.health"),
    body: (
      <>
        <Facts view={view} health={health} />
        <section>
          <div class="section-title">
            <h2>{t("health.doctor")}</h2>
            <span class="sub">{t("health.doctor.hint")}</span>
            <button type="button" class="end primary needs-script" id="run-doctor">
              {t("health.doctor.run")}
            </button>
          </div>
          <noscript>
            <p>{t("health.doctor.no-script")}</p>
          </noscript>
          <div id="doctor" aria-live="polite" />
        </section>
        <section>
          <div class="section-title">
            <h2>{t("health.settings")}</h2>
            <span class="sub">{t("health.settings.hint")}</span>
            <button type="button" class="end needs-script" id="reload">
              {t("health.reload")}
            </button>
          </div>
          <div id="reloaded" aria-live="polite" />
          {health.settings.length === 0 ? <Empty title={t("health.settings.none")} /> : <Settings view={view} settings={health.settings} />}
        </section>
      </>
    ),
    scripts: ["health.js"],
    texts: ["health."],
  };
}

/** Several servers share a store of their own kind only: of one alone the name says nothing. */
export function mayHaveReplicas({ admin }: View): boolean {
  return admin.health().store?.kind === "postgres";
}

function Facts({ view, health }: { readonly view: View; readonly health: HealthView }): Rendered {
  const { t } = view;
  const { version, runtime, replica, startedAt, store, inspect } = health;
  return (
    <dl class="facts">
      <Fact name={t("health.version")}>
        {version} <span class="sub">{runtime}</span>
      </Fact>
      {mayHaveReplicas(view) ? <Fact name={t("health.replica")}>{replica}</Fact> : null}
      <Fact name={t("health.started")}>
        <Countdown view={view} iso={startedAt} />
      </Fact>
      <Fact name={t("health.store")}>
        {store === null ? (
          t("word.none")
        ) : (
          <>
            {t(`health.store.${store.kind}`)}{" "}
            <Pill tone={store.isReachable ? "good" : "bad"}>{store.isReachable ? t("health.reachable") : t("health.unreachable")}</Pill>
          </>
        )}
      </Fact>
      <Fact name={t("health.inspect")}>{t(`health.inspect.${inspect}`)}</Fact>
    </dl>
  );
}

function Settings({ view, settings }: { readonly view: View; readonly settings: readonly SettingView[] }): Rendered {
  const { t, reader } = view;
  return (
    <TableFrame name={t("health.settings")}>
      <table class="rows top settings">
        <Columns view={view} of={[["health.name"], ["health.value"], ["health.source"], ["health.effect"], ["health.help"]]} />
        <tbody>
          {settings.map(({ name, value, source, reload, help }) => (
            <tr>
              <th scope="row" class="mono">
                {name}
              </th>
              <td class="mono wrap">{value === "" ? "–" : value}</td>
              <td data-label={t("health.source")}>
                {source === "default" ? (
                  <span class="sub">{t("health.source.default")}</span>
                ) : (
                  <Pill tone="accent">{t(SOURCES[source])}</Pill>
                )}
              </td>
              <td data-label={t("health.effect")}>
                <span class="sub">{reload ? t("health.effect.reload") : t("health.effect.restart")}</span>
              </td>
              <td class="wrap">
                <span class="sub">{settingText(reader.language, { name, help })}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

const SOURCES = {
  "command line": "health.source.command-line",
  environment: "health.source.environment",
  file: "health.source.file",
} as const;
