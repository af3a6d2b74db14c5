// The page "Keys": all of them with their budgets, and a form for a new one. The script makes it.
/** @jsxImportSource hono/jsx */

import type { KeyView } from "../admin/admin.ts";
import { Budgets, Expiry, FreshKey, KeyFields, KeyState, ruleTexts } from "./key-parts.tsx";
import type { Page, Rendered, View } from "./page.ts";
import { Columns, DialogActions, Empty, Field, TableFrame } from "./parts.tsx";

export async function keysPage(view: View): Promise<Page> {
  const { admin, t } = view;
  // The row for all of them has a page of its own.
  const keys = (await admin.keys()).filter(({ kind }) => kind !== "default");
  return {
    title: t("page.keys"),
    aside: (
      <span class="end row">
        <a class="button" href="/ui/keys/default">
          {t("keys.defaults")}
        </a>
        <button type="button" class="primary needs-script" id="new-key" aria-haspopup="dialog">
          {t("keys.new")}
        </button>
      </span>
    ),
    body: (
      <>
        {keys.length === 0 ? (
          <Empty title={t("keys.empty")}>
            <p>{t("keys.empty.hint")}</p>
          </Empty>
        ) : (
          <KeyTable view={view} keys={keys} />
        )}
        <NewKey view={view} />
        <FreshKey view={view} />
      </>
    ),
    scripts: ["keys.js"],
    texts: ["keys.", "key.done"],
  };
}

function KeyTable({ view, keys }: { readonly view: View; readonly keys: readonly KeyView[] }): Rendered {
  const { t, format } = view;
  return (
    <TableFrame name={t("page.keys")}>
      <table class="rows top" data-rows>
        <Columns
          view={view}
          of={[
            ["key.name"],
            ["key.state"],
            ["key.budgets"],
            ["key.rules"],
            ["key.minute", "number"],
            ["key.running", "number"],
            ["key.expires"],
          ]}
        />
        <tbody>
          {keys.map((record) => (
            <tr>
              <th scope="row">
                <a class="row-link" href={`/ui/keys/${encodeURIComponent(record.name)}`}>
                  {record.name}
                </a>
                {record.note === null ? null : <span class="sub block">{record.note}</span>}
                <span class="sub mono block">{record.hint ?? t(`key.kind.${record.kind}`)}</span>
              </th>
              <td>
                <KeyState view={view} record={record} />
              </td>
              <td>
                <Budgets view={view} record={record} />
              </td>
              <td class="wrap">
                <span class="sub">{ruleTexts(view, record).join(" · ") || t("key.no-rules")}</span>
              </td>
              <td class="number">
                {format.number(record.lastMinute.requests)}
                {record.lastMinute.tokens === 0 ? null : (
                  <span class="sub block">{t("key.tokens", { n: format.compact(record.lastMinute.tokens) })}</span>
                )}
              </td>
              <td class="number">{format.number(record.running)}</td>
              <td>
                <Expiry view={view} record={record} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

function NewKey({ view }: { readonly view: View }): Rendered {
  const { t } = view;
  return (
    <dialog id="new-key-dialog" class="wide" aria-labelledby="new-key-title">
      <form id="new-key-form" class="stack wide">
        <h2 id="new-key-title">{t("keys.new")}</h2>
        <Field name="field-name" label={t("key.name")}>
          <input id="field-name" name="name" required autocomplete="off" spellcheck={false} aria-describedby="field-name-hint" />
          <p class="sub" id="field-name-hint">
            {t("key.name.hint")}
          </p>
        </Field>
        <KeyFields view={view} record={null} />
        <DialogActions view={view} act="keys.create" />
      </form>
    </dialog>
  );
}
