// The pages that list models, in the shape of OpenAI's or of Anthropic's clients.
// https://platform.openai.com/docs/api-reference/models, https://docs.claude.com/en/api/models-list (read 2026-11).

import type { Model } from "../models/catalog.ts";

/** The client that asks, by its headers. */
export type ListShape = "anthropic" | "openai";

export function modelList(models: readonly Model[], shape: ListShape): object {
  const data = models.map((model) => modelPage(model, shape));
  if (shape === "openai") return { object: "list", data };
  return { data, has_more: false, first_id: models[0]?.id ?? null, last_id: models.at(-1)?.id ?? null };
}

/** When a model came out is not known here. Both protocols want a time, so they get the epoch. */
export function modelPage({ id, provider }: Model, shape: ListShape): object {
  if (shape === "anthropic") return { type: "model", id, display_name: id, created_at: "1970-01-01T00:00:00Z" };
  return { id, object: "model", created: 0, owned_by: provider };
}
