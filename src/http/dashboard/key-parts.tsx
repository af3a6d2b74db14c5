// What the pages about keys share: states, budgets with bars and countdowns, rules in words, the fields of a key's form.
/** @jsxImportSource hono/jsx */

import type { BudgetView, KeyView } from "../admin/admin.ts";
import type { Rendered, View } from "./page.ts";
import { Bar, Code, Countdown, Fact, Field, Filled, Pill, SLOT, type Tone } from "./parts.tsx";
import type { TextKey } from "./texts.ts";

const TONES: Readonly<Record<KeyView["state"], Tone>> = { on: "good", spent: "bad", off: "plain", expired: "bad" };

export function KeyState({ view, record }: { readonly view: View; readonly record: KeyView }): Rendered {
  return <Pill tone={TONES[record.state]}>{view.t(`key.state.${record.state}`)}</Pill>;
}

function amountText({ format }: View, unit: BudgetView["unit"], amount: number): string {
  return unit === "usd" ? format.usd(amount) : format.compact(amount);
}

export function Budgets({ view, record }: { readonly view: View; readonly record: KeyView }): Rendered {
  const { t } = view;
  if (record.budgetsNow.length === 0) return <span class="sub">{t("key.no-budget")}</span>;
  return (
    <ul class="budgets">
      {record.budgetsNow.map((budget) => {
        const { unit, period, used, amount, resetsAt } = budget;
        const share = amount === 0 ? 1 : used / amount;
        const said = t(`key.budget.${unit}`, { used: amountText(view, unit, used), amount: amountText(view, unit, amount) });
        const name = t(`key.period.${period}`);
        return (
          <li>
            <span>
              {said} <span class="sub">{name}</span>
            </span>
            <Bar share={share} label={t("key.budget.bar", { name: record.name, period: name, used: view.format.percent(share) })} />
            <span class="sub">
              {resetsAt === null ? (
                t(period === "ever" ? "key.never-resets" : "key.not-begun")
              ) : (
                <Filled text={t("quota.resets", { when: SLOT })}>
                  <Countdown view={view} iso={resetsAt} />
                </Filled>
              )}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

/** A key's rules in few words, with what the row `default` adds. Empty: there are none. */
export function ruleTexts({ t, format }: View, record: KeyView): string[] {
  const { models, rpm, tpm, parallel, soft } = record.effective;
  return [
    ...(models === null || models.length === 0 ? [] : [models.join(", ")]),
    ...(rpm === null || rpm === 0 ? [] : [t("key.rule.rpm", { n: format.number(rpm) })]),
    ...(tpm === null || tpm === 0 ? [] : [t("key.rule.tpm", { n: format.compact(tpm) })]),
    ...(parallel === null || parallel === 0 ? [] : [t("key.rule.parallel", { n: format.number(parallel) })]),
    ...(soft === null || soft === "none" ? [] : [softText(t, soft)]),
  ];
}

/** `80:glm-5.2`: from there another model answers; `80`: from there the answers say so. */
function softText(t: View["t"], soft: string): string {
  const [percent = "", model] = soft.split(":");
  return model === undefined ? t("key.rule.soft", { percent }) : t("key.rule.soft-model", { percent, model });
}

export function Expiry({ view, record: { expires } }: { readonly view: View; readonly record: KeyView }): Rendered {
  if (expires === null) return <span class="sub">{view.t("key.never")}</span>;
  return Number.isNaN(Date.parse(expires)) ? <>{expires}</> : <Countdown view={view} iso={expires} />;
}

// ---- Forms -------------------------------------------------------------------------------------------------------

interface FieldRow {
  readonly name: "note" | "expires" | "models" | "rpm" | "tpm" | "parallel" | "budgets" | "soft" | "zone";
  readonly example: string;
}

const FIELDS: readonly FieldRow[] = [
  { name: "note", example: "" },
  { name: "budgets", example: "5usd/day, 60usd/month" },
  { name: "models", example: "claude-*, !claude-opus-*, @core" },
  { name: "rpm", example: "60" },
  { name: "tpm", example: "400k" },
  { name: "parallel", example: "4" },
  { name: "soft", example: "80:glm-5.2" },
  { name: "expires", example: "30d" },
  { name: "zone", example: "Asia/Shanghai" },
];

/** `record`: whose values stand in the fields; null: a new key's. The script reads them: see client/keys.js. */
export function KeyFields({ view, record }: { readonly view: View; readonly record: KeyView | null }): Rendered {
  const { t } = view;
  const isKeyless = record !== null && (record.kind === "default" || record.kind === "anonymous");
  const shown = FIELDS.filter(({ name }) => !isKeyless || (name !== "expires" && name !== "note"));
  return (
    <div class="form-grid">
      {shown.map(({ name, example }) => {
        const value = record === null ? "" : valueText(record, name);
        const id = `field-${name}`;
        return (
          <Field name={id} label={t(`key.field.${name}`)}>
            <input
              id={id}
              name={name}
              value={value}
              data-was={value}
              placeholder={example}
              autocomplete="off"
              spellcheck={name === "note"}
              aria-describedby={`${id}-hint`}
            />
            <p class="sub" id={`${id}-hint`}>
              {t(`key.field.${name}.hint`)}
            </p>
          </Field>
        );
      })}
    </div>
  );
}

/** As the form sends it again. */
function valueText(record: KeyView, name: FieldRow["name"]): string {
  const value = record[name];
  if (value === null) return "";
  if (typeof value === "string" || typeof value === "number") return String(value);
  return value.length === 0 ? "none" : value.join(", ");
}

// ---- What a client is told -----------------------------------------------------------------------------------------

interface ClientLines {
  readonly name: string;
  readonly lines: (url: string) => readonly string[];
}

/** The script puts the key in its place. */
const PLACE = "YOUR_KEY";

const CLIENTS: readonly ClientLines[] = [
  {
    name: "Claude Code",
    lines: (url) => [`export ANTHROPIC_BASE_URL=${url}`, `export ANTHROPIC_AUTH_TOKEN=${PLACE}`, "claude"],
  },
  {
    name: "Codex",
    lines: (url) => [
      `export FACTORY_PROXY_KEY=${PLACE}`,
      `codex -c model_provider=factory -c 'model_providers.factory={name="Factory Proxy",base_url="${url}/v1",env_key="FACTORY_PROXY_KEY",wire_api="responses"}'`,
    ],
  },
  {
    name: "Gemini CLI",
    lines: (url) => [
      `export GOOGLE_GEMINI_BASE_URL=${url}`,
      `export GEMINI_API_KEY=${PLACE}`,
      'gemini   # Once: choose "Use Gemini API Key" in its sign-in dialog',
    ],
  },
  {
    name: "OpenAI SDK",
    lines: (url) => [`export OPENAI_BASE_URL=${url}/v1`, `export OPENAI_API_KEY=${PLACE}`],
  },
];

/** The dialog that shows a new key, this once. */
export function FreshKey({ view }: { readonly view: View }): Rendered {
  const { t, url } = view;
  return (
    <dialog id="fresh-key" aria-labelledby="fresh-key-title">
      <h2 id="fresh-key-title">{t("key.fresh")}</h2>
      <div class="stack wide">
        <p>{t("key.fresh.hint")}</p>
        <Code view={view} name={t("key.fresh.key")} text={PLACE} />
        <h3>{t("key.fresh.use")}</h3>
        {CLIENTS.map(({ name, lines }, at) => (
          <details name="client-lines" {...(at === 0 ? { open: true } : {})}>
            <summary>{name}</summary>
            <Code view={view} name={name} text={lines(url.origin).join("\n")} />
          </details>
        ))}
        <form method="dialog">
          <button type="submit" class="primary">
            {t("key.fresh.done")}
          </button>
        </form>
      </div>
    </dialog>
  );
}

export function Confirm({ view, id, title, text, act }: ConfirmParts): Rendered {
  return (
    <dialog id={id} aria-labelledby={`${id}-title`} aria-describedby={`${id}-text`}>
      <h2 id={`${id}-title`}>{view.t(title)}</h2>
      <p id={`${id}-text`}>{text}</p>
      <div class="row actions">
        <button type="button" data-close>
          {view.t("word.cancel")}
        </button>
        <button type="button" class="danger" data-confirm>
          {view.t(act)}
        </button>
      </div>
    </dialog>
  );
}

interface ConfirmParts {
  readonly view: View;
  readonly id: string;
  readonly title: TextKey;
  readonly text: string;
  readonly act: TextKey;
}

/** What goes on under a key. */
export function Activity({ view, record }: { readonly view: View; readonly record: KeyView }): Rendered {
  const { t, format } = view;
  const { running, lastMinute } = record;
  return (
    <>
      <Fact name={t("key.running")}>{format.number(running)}</Fact>
      <Fact name={t("key.minute")}>{t("key.minute.value", { count: lastMinute.requests, tokens: format.compact(lastMinute.tokens) })}</Fact>
    </>
  );
}
