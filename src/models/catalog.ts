// The table of models: the ids that Factory is known to serve, and where other names go.
// Data and its types only; models.ts does the look-up.

import type { Effort, ProtocolId } from "../protocol/canonical.ts";
import type { Price } from "./price.ts";

/** How the model is held to a JSON schema: by its own answer format, or by a tool whose input is the answer. */
export type SchemaSupport = "native" | "tool";

/** Absolute http(s) URLs of the upstream's endpoints. */
export type Endpoints = Readonly<Record<"messages" | "responses" | "chat" | "gemini" | "bedrock", string>>;

/** Overrides of the usual timeouts, in milliseconds; null: no limit. */
export interface Timeouts {
  readonly connectMs?: number | null;
  readonly firstByteMs?: number | null;
  readonly idleMs?: number | null;
  readonly totalMs?: number | null;
}

/** Who serves a model, and in which protocol. */
export interface Origin {
  readonly protocol: ProtocolId;
  /** The value of `x-api-provider`. */
  readonly provider: string;
}

/** A model as `GET /v1/models` lists it. */
export interface Model extends Origin {
  /** Its name here and upstream. */
  readonly id: string;
  /** Further names that clients may use. */
  readonly aliases: readonly string[];
  /** Effort for requests that say nothing about reasoning; null: the model decides. */
  readonly reasoning: Effort | null;
  readonly schema: SchemaSupport;
  /** A URL for this model alone; null: the protocol's own endpoint. */
  readonly target: string | null;
  /** Models to use instead, in this order, when this one is overloaded, rate-limited or unavailable. */
  readonly fallback: readonly string[];
  readonly timeouts: Timeouts;
  /** The allowance of a plan that it draws on; null: not known. */
  readonly pool: Pool | null;
  /** Credits per token, as a multiple of a Standard Credit; null: not known. */
  readonly multiplier: number | null;
  /** Null: no list price is known. */
  readonly price: Price | null;
}

export type Pool = "standard" | "core";

/** A name in a row of the configuration that the table can't take. */
export interface NameFault {
  /** Index of the row, from 0. */
  readonly row: number;
  readonly member: "alias" | "fallback";
  readonly name: string;
  /** The predicate of a sentence about the name, without a full stop. */
  readonly problem: string;
}

/**
 * A model in the configuration. What is left out comes from the built-in row of the same id, otherwise from the prefix of the name;
 * aliases are added to the built-in ones.
 */
export type ModelSetting = Pick<Model, "id"> & { readonly [Member in Exclude<keyof Model, "id">]?: NonNullable<Model[Member]> };

const ANTHROPIC: Origin = { protocol: "anthropic-messages", provider: "anthropic" };
const MINIMAX: Origin = { protocol: "anthropic-messages", provider: "fireworks" };
const OPENAI: Origin = { protocol: "openai-responses", provider: "openai" };
const XAI: Origin = { protocol: "openai-responses", provider: "xai" };
const GOOGLE: Origin = { protocol: "gemini", provider: "google" };
/** Also the default for a name without a known prefix. */
export const CHAT: Origin = { protocol: "openai-chat", provider: "fireworks" };

/** A model of the table. */
export type CatalogRow = Origin & Pick<Model, "id" | "pool" | "multiplier">;

/**
 * The ids that Factory was seen to serve, 2025 to 2026-11, with their credit multipliers. The newest of a family comes first, because
 * the family's name means that one (see FAMILIES); ids from a single source come last. An id that ends in a date is also known without it:
 * `gpt-5` is `gpt-5-2025-08-07`, `claude-sonnet-4-5` is `claude-sonnet-4-5-20250929`.
 */
export const CATALOG: readonly CatalogRow[] = [
  ...rows(ANTHROPIC, "standard", [
    ["claude-opus-5", 3],
    ["claude-opus-5-fast", 4],
    ["claude-fable-5", 4],
    ["claude-sonnet-5", 1.2],
    ["claude-opus-4-8", 2],
    ["claude-opus-4-7", 2],
    ["claude-opus-4-6", 2],
    ["claude-sonnet-4-6", 1.2],
    ["claude-opus-4-5-20251101", 2],
    ["claude-haiku-4-5-20251001", 0.4],
    ["claude-sonnet-4-5-20250929", 1.2],
    ["claude-opus-4-1-20250805"],
    ["claude-sonnet-4-20250514"],
    ["claude-3-7-sonnet-20250219"],
    ["claude-3-5-sonnet-20241022"],
    ["claude-3-5-haiku-20241022"],
    ["claude-opus-5-5"],
  ]),
  ...rows(MINIMAX, "core", [
    ["minimax-m3", 0.12],
    ["minimax-m2.7", 0.12],
    ["minimax-m2.5", 0.12],
  ]),
  ...rows(OPENAI, "standard", [
    ["gpt-5.6-sol", 2],
    ["gpt-5.6-terra", 1],
    ["gpt-5.6-luna", 0.4],
    ["gpt-5.5", 2],
    ["gpt-5.5-fast", 5],
    ["gpt-5.5-pro", 12],
    ["gpt-5.4", 1],
    ["gpt-5.4-fast", 2],
    ["gpt-5.4-mini", 0.3],
    ["gpt-5.3-codex", 0.7],
    ["gpt-5.3-codex-fast", 1.4],
    ["gpt-5.2", 0.7],
    ["gpt-5.2-codex"],
    ["gpt-5.1"],
    ["gpt-5.1-codex"],
    ["gpt-5.1-codex-max"],
    ["gpt-5-2025-08-07"],
    ["gpt-5-codex"],
    ["gpt-4.1"],
    ["gpt-4o"],
    ["o1"],
    ["o3"],
    ["o4-mini"],
    ["gpt-6-astra"],
  ]),
  ...rows(XAI, "standard", [["grok-4.5", 0.8], ["grok-4"]]),
  ...rows(CHAT, "core", [
    ["glm-5.3"],
    ["glm-5.3-flash"],
    ["glm-5.2", 0.55],
    ["glm-5.2-fast", 1.1],
    ["glm-5.1", 0.55],
    ["glm-5"],
    ["glm-4.7"],
    ["glm-4.6"],
    ["kimi-k3"],
    ["kimi-k2.7-code", 0.4],
    ["kimi-k2.6", 0.4],
    ["kimi-k2.5", 0.25],
    ["deepseek-v4-pro", 0.7],
    ["nemotron-3-ultra", 0.4],
  ]),
  ...rows(GOOGLE, "standard", [
    ["gemini-3.7-flash", 0.6],
    ["gemini-3.6-flash", 0.6],
    ["gemini-3.5-flash", 0.6],
    ["gemini-3.1-pro-preview", 0.8],
    ["gemini-3-flash-preview", 0.2],
    ["gemini-2.5-pro"],
    ["gemini-2.5-flash"],
  ]),
];

/** Names that mean the first row of the table with this word between the dashes of its id. */
export const FAMILIES: readonly string[] = ["opus", "sonnet", "haiku", "gpt", "codex", "gemini", "glm", "kimi"];

function rows(origin: Origin, pool: Pool, models: readonly (readonly [id: string, multiplier?: number])[]): CatalogRow[] {
  return models.map(([id, multiplier = null]) => ({ id, ...origin, pool, multiplier }));
}

/** Where a name goes that is not in the table. */
export const PREFIXES: readonly (readonly [prefix: string, origin: Origin])[] = [
  ["claude-", ANTHROPIC],
  ["gpt-", OPENAI],
  ["o1", OPENAI],
  ["o3", OPENAI],
  ["o4", OPENAI],
  ["codex", OPENAI],
  ["grok-", XAI],
  ["gemini-", GOOGLE],
  ["glm-", CHAT],
  ["kimi-", CHAT],
  ["deepseek-", CHAT],
  ["minimax-", CHAT],
  ["nemotron-", CHAT],
  ["qwen", CHAT],
  ["mistral", CHAT],
  // Factory's names for tiers: `anthropic-latest-frontier`.
  ["anthropic-", ANTHROPIC],
  ["openai-", OPENAI],
  ["oss-", CHAT],
];

/** Who serves a protocol unless the table or the configuration says otherwise. */
export const PROVIDERS: Readonly<Record<ProtocolId, string>> = {
  "anthropic-messages": "anthropic",
  "openai-responses": "openai",
  "openai-chat": "fireworks",
  gemini: "google",
};
