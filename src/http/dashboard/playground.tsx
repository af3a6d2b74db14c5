// The playground's form. The script sends it, by the routes that every client uses, with a key that is good for the session alone.
/** @jsxImportSource hono/jsx */

import type { Page, Rendered, View } from "./page.ts";
import { Empty, Field, Notice } from "./parts.tsx";
import type { TextKey } from "./texts.ts";

const PROTOCOLS = [
  ["anthropic-messages", "Anthropic Messages"],
  ["openai-chat", "OpenAI Chat Completions"],
  ["openai-responses", "OpenAI Responses"],
  ["gemini", "Gemini generateContent"],
] as const;

const EFFORTS: readonly (readonly [string, TextKey])[] = [
  ["", "play.reasoning.default"],
  ["low", "play.reasoning.low"],
  ["medium", "play.reasoning.medium"],
  ["high", "play.reasoning.high"],
];

/** Has a model something to call. */
const TOOL = {
  name: "get_weather",
  description: "Says what the weather is like in a place.",
  parameters: {
    type: "object",
    properties: { place: { type: "string" }, unit: { type: "string", enum: ["celsius", "fahrenheit"] } },
    required: ["place"],
  },
};

export function playgroundPage(view: View): Page {
  const { t } = view;
  return {
    title: t("page.playground"),
    body: (
      <>
        <noscript>
          <Notice tone="warn">{t("play.no-script")}</Notice>
        </noscript>
        <div class="playground needs-script">
          <Form view={view} />
          <section class="answers-side" aria-label={t("play.answers")}>
            <div id="answers" class="answers" />
            <div id="answers-empty">
              <Empty title={t("play.empty")}>
                <p>{t("play.empty.hint")}</p>
              </Empty>
            </div>
          </section>
        </div>
      </>
    ),
    scripts: ["playground.js"],
    styles: ["inspector.css"],
    texts: ["play.", "inspect.", "call."],
  };
}

function Form({ view }: { readonly view: View }): Rendered {
  const { t } = view;
  return (
    <form id="playground" class="play-form" autocomplete="off">
      <Field name="protocol" label={t("inspect.protocol")}>
        <select id="protocol" name="protocol">
          {PROTOCOLS.map(([id, name]) => (
            <option value={id}>{name}</option>
          ))}
        </select>
      </Field>
      <div class="pair">
        <Field name="model" label={t("call.model")}>
          <Models view={view} name="model" />
        </Field>
        <Field name="other-model" label={t("play.compare")}>
          <Models view={view} name="other-model" />
        </Field>
      </div>
      <Field name="system" label={t("play.system")}>
        <textarea id="system" name="system" rows={2} data-tall />
      </Field>
      <Field name="text" label={t("play.text")}>
        <textarea id="text" name="text" rows={5} data-tall data-search>
          {t("play.text.default")}
        </textarea>
      </Field>
      <Effort view={view} />
      <Field name="image" label={t("play.image")}>
        <input id="image" name="image" type="file" accept="image/png,image/jpeg,image/webp,image/gif" />
        <div id="image-preview" />
      </Field>
      <div class="row">
        <label class="tick">
          <input type="checkbox" name="stream" checked /> {t("play.stream")}
        </label>
        <label class="tick">
          <input type="checkbox" name="with-tools" /> {t("play.tools")}
        </label>
      </div>
      <div id="tools-box" hidden>
        <Field name="tools" label={t("play.tools.label")}>
          <textarea id="tools" name="tools" rows={12} class="mono" spellcheck={false} data-tall>
            {JSON.stringify([TOOL], null, 2)}
          </textarea>
        </Field>
      </div>
      <div class="row">
        <button type="submit" class="primary">
          {t("play.send")}
        </button>
        <button type="button" id="stop" hidden>
          {t("play.stop")}
        </button>
        <span class="sub">
          <kbd>Ctrl</kbd> <kbd>Enter</kbd>
        </span>
      </div>
      <RequestJson view={view} />
      <p class="sub">{t("play.key")}</p>
    </form>
  );
}

/** How much the model may think, and write. */
function Effort({ view: { t } }: { readonly view: View }): Rendered {
  return (
    <div class="pair">
      <Field name="reasoning" label={t("inspect.part.reasoning")}>
        <select id="reasoning" name="reasoning">
          {EFFORTS.map(([value, key]) => (
            <option value={value}>{t(key)}</option>
          ))}
        </select>
      </Field>
      <Field name="max-tokens" label={t("play.max-tokens")}>
        <input
          id="max-tokens"
          name="max-tokens"
          type="number"
          min="1"
          step="1"
          inputmode="numeric"
          placeholder={t("play.max-tokens.hint")}
        />
      </Field>
    </div>
  );
}

/** The request as it is sent, which may be edited. */
function RequestJson({ view: { t } }: { readonly view: View }): Rendered {
  return (
    <details class="fold">
      <summary>{t("play.json")}</summary>
      <label class="hidden" for="request-json">
        {t("play.json")}
      </label>
      <textarea id="request-json" rows={18} class="mono" spellcheck={false} />
      <p id="json-edited" class="row sub" hidden>
        {t("play.json.edited")}
        <button type="button" id="json-reset" class="quiet">
          {t("play.json.reset")}
        </button>
      </p>
    </details>
  );
}

/** All models; the second choice may be none. */
function Models({ view, name }: { readonly view: View; readonly name: "model" | "other-model" }): Rendered {
  const { t, admin } = view;
  return (
    <select id={name} name={name}>
      {name === "model" ? null : <option value="">{t("play.compare.none")}</option>}
      {admin.models().map(({ id, aliases }) => (
        <option value={id} data-aliases={aliases.join(" ")}>
          {id}
        </option>
      ))}
    </select>
  );
}
