// What model lists say of a model: from the table, from what is known of its id, and from its codec.

import type { Model } from "../models/catalog.ts";
import { factsOf, type ModelFacts } from "../models/facts.ts";
import type { ModelLimits } from "../protocol/codec.ts";
import { CODECS } from "../protocol/codecs.ts";

export interface Described extends Pick<Model, "id" | "protocol" | "provider">, ModelFacts, ModelLimits {}

export function describe({ id, protocol, provider }: Pick<Model, "id" | "protocol" | "provider">): Described {
  return { id, protocol, provider, ...factsOf(id), ...CODECS[protocol].limitsOf(id) };
}
