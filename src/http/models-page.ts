// The pages that list models, in the formats of OpenAI's, Anthropic's, Gemini's and Codex's clients.
// Never guesses: an unknown value is null, or absent where the protocol has no null.
// https://platform.openai.com/docs/api-reference/models, https://docs.claude.com/en/api/models-list,
// https://ai.google.dev/api/models (read 2026-11); Codex: see codex-models.ts.

import type { Model } from "../models/catalog.ts";
import { codexModel } from "./codex-models.ts";
import { describe, type Described } from "./described-model.ts";

/** The kind of client, by its request. */
export type PageShape = "anthropic" | "openai" | "gemini";
/** Codex does not request single models. */
export type ListShape = PageShape | "codex";

export function modelList(models: readonly Model[], shape: ListShape): object {
  const described = models.map(describe);
  switch (shape) {
    case "openai":
      return { object: "list", data: described.map(PAGES.openai) };
    case "anthropic":
      return { data: described.map(PAGES.anthropic), has_more: false, first_id: models[0]?.id ?? null, last_id: models.at(-1)?.id ?? null };
    case "gemini":
      return { models: described.map(PAGES.gemini) };
    case "codex":
      return { models: described.flatMap((model) => codexModel(model) ?? []) };
  }
}

export function modelPage(model: Model, shape: PageShape): object {
  return PAGES[shape](describe(model));
}

const PAGES: Readonly<Record<PageShape, (model: Described) => object>> = {
  openai: ({ id, provider, releasedAtS, contextTokens, outputTokens, inputModalities, efforts }) => ({
    id,
    object: "model",
    // A number for OpenAI's clients: some fail on null, and none when it is absent.
    ...(releasedAtS === null ? {} : { created: releasedAtS }),
    owned_by: provider,
    context_length: contextTokens,
    max_output_tokens: outputTokens,
    input_modalities: inputModalities,
    reasoning_efforts: efforts,
  }),
  anthropic: ({ id, releasedAtS, contextTokens, outputTokens }) => ({
    type: "model",
    id,
    display_name: id,
    // The reference: "May be set to an epoch value if the release date is unknown."
    created_at: new Date((releasedAtS ?? 0) * 1000).toISOString().replace(".000Z", "Z"),
    max_input_tokens: contextTokens,
    max_tokens: outputTokens,
  }),
  gemini: ({ id, contextTokens, outputTokens, efforts }) => ({
    name: `models/${id}`,
    baseModelId: id,
    displayName: id,
    ...(contextTokens === null ? {} : { inputTokenLimit: contextTokens }),
    ...(outputTokens === null ? {} : { outputTokenLimit: outputTokens }),
    supportedGenerationMethods: ["generateContent", "countTokens"],
    ...(efforts === null ? {} : { thinking: efforts.length > 0 }),
  }),
};
