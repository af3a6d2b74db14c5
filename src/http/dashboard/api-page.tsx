// The page "API": every path of the program, made readable from its OpenAPI document.
/** @jsxImportSource hono/jsx */

import { openApi } from "../admin/openapi.ts";
import type { Page, Rendered, View } from "./page.ts";
import { Empty, TableFrame } from "./parts.tsx";

/** What the page reads of the document; whatever else stands there is for programs. */
interface Document {
  readonly tags?: readonly { readonly name: string; readonly description?: string }[];
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema | undefined>> };
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation | undefined>>>>;
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema } | undefined>> };
  readonly responses?: Readonly<Record<string, { readonly description?: string }>>;
}

interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

interface Parameter {
  readonly schema?: Schema;
  readonly name?: string;
  readonly in?: string;
  readonly description?: string;
  readonly required?: boolean;
}

interface Row {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const METHODS: ReadonlySet<string> = new Set(["get", "post", "put", "patch", "delete"]);

export function apiPage(view: View): Page {
  const { t, url } = view;
  const document: Document = openApi(view.admin.health().version);
  const rows = rowsOf(document);
  const groups = Map.groupBy(rows, ({ operation }) => operation.tags?.[0] ?? "");
  return {
    title: t("page.api"),
    aside: (
      <a class="button end" href="/openapi.json">
        openapi.json
      </a>
    ),
    body: (
      <>
        <p>{t("api.about", { url: url.origin })}</p>
        {rows.length === 0 ? <Empty title={t("api.empty")} /> : null}
        {[...groups].map(([tag, own]) => (
          <section>
            <div class="section-title">
              <h2 class="tag">{tag === "" ? t("api.other") : tag}</h2>
              <span class="sub">{document.tags?.find(({ name }) => name === tag)?.description}</span>
            </div>
            <div class="paths">
              {(tag === EXPLAIN ? explained(view, own) : own).map((row) => (
                <Path view={view} row={row} body={bodyOf(document, row.operation)} />
              ))}
            </div>
          </section>
        ))}
      </>
    ),
  };
}

const EXPLAIN = "explain";

/** One row for all of them: each path of a call has one, and they take and answer the same. */
function explained({ t }: View, rows: readonly Row[]): Row[] {
  return rows.slice(0, 1).map(({ operation, ...row }) => ({
    ...row,
    path: "/explain/…",
    operation: { ...operation, summary: t("api.explain", { count: rows.length }) },
  }));
}

function rowsOf({ paths = {} }: Document): Row[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) =>
      METHODS.has(method) && operation !== undefined ? [{ method: method.toUpperCase(), path, operation }] : [],
    ),
  );
}

/** Members of a JSON body, where the document names them. */
function bodyOf({ components }: Document, { requestBody }: Operation): readonly Parameter[] {
  const schema = requestBody?.content?.["application/json"]?.schema;
  const name = schema?.$ref?.replace("#/components/schemas/", "");
  const { properties = {}, required = [] } = (name === undefined ? schema : components?.schemas?.[name]) ?? {};
  return Object.entries(properties).map(([member, { description }]) => ({
    name: member,
    in: "body",
    required: required.includes(member),
    ...(description === undefined ? {} : { description }),
  }));
}

function Path({ view, row, body }: { readonly view: View; readonly row: Row; readonly body: readonly Parameter[] }): Rendered {
  const { t } = view;
  const { method, path, operation } = row;
  const { summary, description, responses = {} } = operation;
  const parameters = [...(operation.parameters ?? []), ...body];
  return (
    <details class="path">
      <summary>
        <span class={`method ${method.toLowerCase()}`}>{method}</span>
        <span class="mono">{path}</span>
        <span class="sub">{summary}</span>
      </summary>
      <div class="stack wide">
        {description === undefined ? null : <p>{description}</p>}
        {parameters.length === 0 ? null : (
          <TableFrame name={t("api.parameters", { path: `${method} ${path}` })}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{t("api.parameter")}</th>
                  <th scope="col">{t("api.in")}</th>
                  <th scope="col">{t("api.required")}</th>
                  <th scope="col">{t("api.about-it")}</th>
                </tr>
              </thead>
              <tbody>
                {parameters.map((parameter) => (
                  <tr>
                    <th scope="row" class="mono">
                      {parameter.name}
                    </th>
                    <td>{parameter.in}</td>
                    <td>{parameter.required === true ? t("word.yes") : t("word.no")}</td>
                    <td class="wrap">{parameter.description ?? parameter.schema?.description}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </TableFrame>
        )}
        <dl class="answers">
          {Object.entries(responses).map(([status, response]) => (
            <div>
              <dt class="mono">{status}</dt>
              <dd>{response.description}</dd>
            </div>
          ))}
        </dl>
      </div>
    </details>
  );
}
