// The page "Models": the table of the catalogue, filtered by what is typed.
/** @jsxImportSource hono/jsx */

import type { ModelView } from "../admin/admin.ts";
import type { Page, Rendered, View } from "./page.ts";
import { Columns, Empty, Field, TableFrame } from "./parts.tsx";

export function modelsPage(view: View): Page {
  const { admin, t, url } = view;
  const typed = (url.searchParams.get("q") ?? "").trim().toLowerCase();
  const models = admin.models();
  const shown = models.filter((model) => typed === "" || wordsOf(model).includes(typed));
  return {
    title: t("page.models"),
    aside: <span class="sub">{t("models.count", { count: models.length })}</span>,
    body: (
      <>
        <form method="get" action="/ui/models" class="filters" role="search">
          <Field name="q" label={t("models.filter")}>
            <input
              id="q"
              name="q"
              type="search"
              value={typed}
              placeholder={t("models.filter.hint")}
              autocomplete="off"
              data-search
              data-narrows="models"
            />
          </Field>
          <noscript>
            <button type="submit">{t("requests.apply")}</button>
          </noscript>
        </form>
        {shown.length === 0 ? <Empty title={t("models.none")} /> : <Table view={view} models={shown} />}
      </>
    ),
    scripts: ["models.js"],
  };
}

function wordsOf({ id, aliases, provider, protocol, pool }: ModelView): string {
  return [id, ...aliases, provider, protocol, pool].join(" ").toLowerCase();
}

function Table({ view, models }: { readonly view: View; readonly models: readonly ModelView[] }): Rendered {
  const { t, format } = view;
  return (
    <>
      <TableFrame name={t("page.models")}>
        <table class="rows" id="models">
          <Columns
            view={view}
            of={[
              ["models.id"],
              ["models.protocol"],
              ["models.price.input", "number"],
              ["models.price.cached", "number"],
              ["models.price.output", "number"],
              ["models.pool"],
              ["models.multiplier", "number"],
              ["models.context", "number"],
              ["models.output", "number"],
              ["models.input"],
              ["call.action"],
            ]}
          />
          <tbody>
            {models.map((model) => (
              <tr data-words={wordsOf(model)}>
                <th scope="row">
                  <span class="mono">{model.id}</span>
                  {model.aliases.length === 0 ? null : <span class="sub block">{model.aliases.join(", ")}</span>}
                  {model.fallback.length === 0 ? null : (
                    <span class="sub block">{t("models.fallback", { models: model.fallback.join(", ") })}</span>
                  )}
                </th>
                <td>
                  {model.protocol}
                  <span class="sub block">{model.provider ?? t("word.unknown")}</span>
                </td>
                <td class="number">{format.price(model.price?.input ?? null)}</td>
                <td class="number">{format.price(model.price?.cacheRead ?? null)}</td>
                <td class="number">{format.price(model.price?.output ?? null)}</td>
                <td>{model.pool === null ? "–" : t(`quota.pool.${model.pool}`)}</td>
                <td class="number">{model.multiplier === null ? "–" : `${format.number(model.multiplier)}×`}</td>
                <td class="number">{format.compact(model.contextTokens)}</td>
                <td class="number">{format.compact(model.outputTokens)}</td>
                <td class="words">{model.inputModalities.join(", ")}</td>
                <td>
                  <a
                    class="button quiet"
                    href={`/ui/playground?model=${encodeURIComponent(model.id)}`}
                    aria-label={t("models.try.label", { model: model.id })}
                  >
                    {t("models.try")}
                  </a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableFrame>
      <p class="sub">{t("models.price.hint")}</p>
    </>
  );
}
