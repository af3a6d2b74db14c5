// The table of models: the ids that Factory is known to serve, and where a name goes that is not in it.
// Data and its types only; models.ts does the look-up.

import type { Effort, ProtocolId } from "../protocol/canonical.ts";

/** How the model's endpoint is held to a JSON schema: by its own answer format, or by a tool whose input is the answer. */
export type SchemaSupport = "native" | "tool";

/** Absolute http(s) URLs of what the upstream offers. */
export type Endpoints = Readonly<Record<"messages" | "responses" | "chat" | "gemini" | "bedrock", string>>;

/** What differs from the usual time limits, in milliseconds; null is no limit. */
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
  /** Effort for requests that say nothing about reasoning; null leaves it to the model. */
  readonly reasoning: Effort | null;
  readonly schema: SchemaSupport;
  /** The URL of an endpoint for this model alone; null: the protocol's own endpoint. */
  readonly target: string | null;
  /** Models to use instead, in this order, while this one is overloaded, rate-limited or unavailable. */
  readonly fallback: readonly string[];
  readonly timeouts: Timeouts;
}

/**
 * A model as the configuration gives it. What is left out comes from the built-in row of the same id, else from the prefix of the name;
 * aliases are added to the built-in ones.
 */
export type ModelSetting = Pick<Model, "id"> & { readonly [Member in Exclude<keyof Model, "id">]?: NonNullable<Model[Member]> };

const ANTHROPIC: Origin = { protocol: "anthropic-messages", provider: "anthropic" };
const MINIMAX: Origin = { protocol: "anthropic-messages", provider: "fireworks" };
const OPENAI: Origin = { protocol: "openai-responses", provider: "openai" };
const XAI: Origin = { protocol: "openai-responses", provider: "xai" };
const GOOGLE: Origin = { protocol: "gemini", provider: "google" };
/** Also where a model goes whose name says nothing. */
export const CHAT: Origin = { protocol: "openai-chat", provider: "fireworks" };

/**
 * The ids that Factory was seen to serve, 2025 to 2026-11. An id that ends in a date is also known without it:
 * `gpt-5` is `gpt-5-2025-08-07`, `claude-sonnet-4-5` is `claude-sonnet-4-5-20250929`.
 */
export const CATALOG: readonly (readonly [id: string, origin: Origin])[] = [
  ["claude-sonnet-4-5-20250929", ANTHROPIC],
  ["claude-opus-5", ANTHROPIC],
  ["claude-sonnet-5", ANTHROPIC],
  ["claude-opus-4-8", ANTHROPIC],
  ["claude-opus-4-7", ANTHROPIC],
  ["claude-opus-4-6", ANTHROPIC],
  ["claude-sonnet-4-6", ANTHROPIC],
  ["claude-opus-4-5-20251101", ANTHROPIC],
  ["claude-haiku-4-5-20251001", ANTHROPIC],
  ["claude-opus-4-1-20250805", ANTHROPIC],
  ["claude-sonnet-4-20250514", ANTHROPIC],
  ["claude-3-7-sonnet-20250219", ANTHROPIC],
  ["claude-3-5-sonnet-20241022", ANTHROPIC],
  ["claude-3-5-haiku-20241022", ANTHROPIC],
  ["minimax-m2.5", MINIMAX],
  ["gpt-5.5", OPENAI],
  ["gpt-5.4", OPENAI],
  ["gpt-5.4-mini", OPENAI],
  ["gpt-5.3-codex", OPENAI],
  ["gpt-5.2", OPENAI],
  ["gpt-5.2-codex", OPENAI],
  ["gpt-5.1", OPENAI],
  ["gpt-5.1-codex", OPENAI],
  ["gpt-5.1-codex-max", OPENAI],
  ["gpt-5-2025-08-07", OPENAI],
  ["gpt-5-codex", OPENAI],
  ["gpt-4.1", OPENAI],
  ["gpt-4o", OPENAI],
  ["o1", OPENAI],
  ["o3", OPENAI],
  ["o4-mini", OPENAI],
  ["grok-4.5", XAI],
  ["grok-4", XAI],
  ["glm-5.2", CHAT],
  ["glm-5.1", CHAT],
  ["glm-5", CHAT],
  ["glm-4.7", CHAT],
  ["glm-4.6", CHAT],
  ["kimi-k2.6", CHAT],
  ["kimi-k2.5", CHAT],
  ["deepseek-v4-pro", CHAT],
  ["gemini-3.5-flash", GOOGLE],
  ["gemini-3.1-pro-preview", GOOGLE],
  ["gemini-3-flash-preview", GOOGLE],
  ["gemini-2.5-pro", GOOGLE],
  ["gemini-2.5-flash", GOOGLE],
];

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
  ["qwen", CHAT],
  ["mistral", CHAT],
];

/** Who serves a protocol unless the table or the configuration says otherwise. */
export const PROVIDERS: Readonly<Record<ProtocolId, string>> = {
  "anthropic-messages": "anthropic",
  "openai-responses": "openai",
  "openai-chat": "fireworks",
  gemini: "google",
};
