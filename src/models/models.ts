// Room: models (row 3).
// In:  the name of a model as a client wrote it; the endpoints and the rows of the configuration.
// Out: a Target: protocol, URL, name and provider there. The table is data; what it does not list goes by its prefix.
// Never does: call anything, or know a key.

import { GatewayError } from "../errors.ts";
import type { Effort, ProtocolId } from "../protocol/canonical.ts";

/** How the model's endpoint is held to a JSON schema: by its own answer format, or by a tool whose input is the answer. */
export type SchemaSupport = "native" | "tool";

/** Absolute http(s) URLs of what the upstream offers. */
export type Endpoints = Readonly<Record<"messages" | "responses" | "chat" | "gemini" | "bedrock", string>>;
/** What a native route can name. */
export type EndpointKind = keyof Endpoints | "count-tokens";

/** A row as the configuration gives it: what is left out comes from the built-in row of the same id, else from the prefix. */
export interface ModelSetting {
  readonly id: string;
  readonly protocol?: ProtocolId;
  readonly provider?: string;
  /** Added to the built-in ones. */
  readonly aliases?: readonly string[];
  readonly reasoning?: Effort;
  readonly schema?: SchemaSupport;
  /** A whole endpoint URL for this model alone. */
  readonly target?: string;
  /** Models to take instead, in this order, while this one is overloaded, rate-limited or unavailable. */
  readonly fallback?: readonly string[];
  /** What differs from the usual limits on time, in milliseconds; null is no limit. */
  readonly timeouts?: Timeouts;
}

export interface Timeouts {
  readonly connectMs?: number | null;
  readonly firstByteMs?: number | null;
  readonly idleMs?: number | null;
  readonly totalMs?: number | null;
}

/** A model as `GET /v1/models` lists it. */
export interface Model {
  /** Its name here and upstream. */
  readonly id: string;
  readonly protocol: ProtocolId;
  /** The value of `x-api-provider`. */
  readonly provider: string;
  /** Further names that clients may use. */
  readonly aliases: readonly string[];
  /** Effort for requests that say nothing about reasoning; null leaves it to the model. */
  readonly reasoning: Effort | null;
  readonly schema: SchemaSupport;
  /** Null: the protocol's own endpoint. */
  readonly target: string | null;
  readonly fallback: readonly string[];
  readonly timeouts: Timeouts;
}

/** Where a request goes. */
export interface Target {
  readonly protocol: ProtocolId;
  /** The model's name upstream. */
  readonly model: string;
  /** The value of `x-api-provider`. */
  readonly provider: string;
  readonly url: string;
  /** Null where the protocol's upstream counts no tokens. */
  readonly countTokensUrl: string | null;
  /** Effort for requests that say nothing about reasoning; null leaves it to the model. */
  readonly reasoning: Effort | null;
  readonly schema: SchemaSupport;
  readonly fallback: readonly string[];
  readonly timeouts: Timeouts;
}

export interface ModelOptions {
  readonly endpoints: Endpoints;
  /** Rows of the configuration; they win over the built-in ones. */
  readonly models: readonly ModelSetting[];
}

interface Route {
  readonly protocol: ProtocolId;
  readonly provider: string;
}

const ANTHROPIC: Route = { protocol: "anthropic-messages", provider: "anthropic" };
const MINIMAX: Route = { protocol: "anthropic-messages", provider: "fireworks" };
const OPENAI: Route = { protocol: "openai-responses", provider: "openai" };
const XAI: Route = { protocol: "openai-responses", provider: "xai" };
const GOOGLE: Route = { protocol: "gemini", provider: "google" };
const CHAT: Route = { protocol: "openai-chat", provider: "fireworks" };

/**
 * The ids that Factory was seen to serve, 2025 to 2026-11. An id that ends in a date is also known without it:
 * `gpt-5` is `gpt-5-2025-08-07`, `claude-sonnet-4-5` is `claude-sonnet-4-5-20250929`.
 */
const BUILT_IN: readonly (readonly [Route, readonly string[]])[] = [
  [
    ANTHROPIC,
    [
      "claude-sonnet-4-5-20250929",
      "claude-opus-5",
      "claude-sonnet-5",
      "claude-opus-4-8",
      "claude-opus-4-7",
      "claude-opus-4-6",
      "claude-sonnet-4-6",
      "claude-opus-4-5-20251101",
      "claude-haiku-4-5-20251001",
      "claude-opus-4-1-20250805",
      "claude-sonnet-4-20250514",
      "claude-3-7-sonnet-20250219",
      "claude-3-5-sonnet-20241022",
      "claude-3-5-haiku-20241022",
    ],
  ],
  [MINIMAX, ["minimax-m2.5"]],
  [
    OPENAI,
    [
      "gpt-5.5",
      "gpt-5.4",
      "gpt-5.4-mini",
      "gpt-5.3-codex",
      "gpt-5.2",
      "gpt-5.2-codex",
      "gpt-5.1",
      "gpt-5.1-codex",
      "gpt-5.1-codex-max",
      "gpt-5-2025-08-07",
      "gpt-5-codex",
      "gpt-4.1",
      "gpt-4o",
      "o1",
      "o3",
      "o4-mini",
    ],
  ],
  [XAI, ["grok-4.5", "grok-4"]],
  [CHAT, ["glm-5.2", "glm-5.1", "glm-5", "glm-4.7", "glm-4.6", "kimi-k2.6", "kimi-k2.5", "deepseek-v4-pro"]],
  [GOOGLE, ["gemini-3.5-flash", "gemini-3.1-pro-preview", "gemini-3-flash-preview", "gemini-2.5-pro", "gemini-2.5-flash"]],
];
const DATE = /-(?:\d{8}|\d{4}-\d{2}-\d{2})$/;

/** Where a name goes that the table does not list. A name with none of these prefixes goes to Chat, unless it looks misspelt. */
const PREFIXES: readonly (readonly [string, Route])[] = [
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
const ENDPOINT_OF: Readonly<Record<ProtocolId, keyof Endpoints>> = {
  "anthropic-messages": "messages",
  "openai-responses": "responses",
  "openai-chat": "chat",
  gemini: "gemini",
};
const PROVIDERS: Readonly<Record<ProtocolId, string>> = {
  "anthropic-messages": "anthropic",
  "openai-responses": "openai",
  "openai-chat": "fireworks",
  gemini: "google",
};

const MAX_NAME_LENGTH = 200;
const ILL_FORMED = /[\s\p{Cc}]/u;
/** A name without a known prefix is taken for a misspelling when so few edits lead to a known one, one per three characters. */
const MAX_TYPOS = 2;
const MAX_SUGGESTIONS = 3;

export class Models {
  readonly #endpoints: Endpoints;
  readonly #countTokensUrl: string;
  readonly #models: readonly Model[];
  /** By lower-case id or alias. */
  readonly #byName: ReadonlyMap<string, Model>;
  readonly #targets: ReadonlyMap<Model, Target>;

  constructor({ endpoints, models }: ModelOptions) {
    this.#endpoints = endpoints;
    this.#countTokensUrl = countTokensUrlOf(endpoints.messages);
    const rows = rowsOf(models);
    const keys = keysOf(rows, models);
    const leadsTo = (name: string, key: string): boolean => keys.get(name.toLowerCase()) === key;
    for (const [key, row] of rows) rows.set(key, { ...row, aliases: row.aliases.filter((alias) => leadsTo(alias, key)) });
    // A row whose id is now an alias of another can't be reached, so it is not listed.
    this.#models = [...rows].filter(([key]) => leadsTo(key, key)).map(([, row]) => row);
    const byName = new Map<string, Model>();
    for (const [name, key] of keys) {
      const row = rows.get(key);
      if (row !== undefined) byName.set(name, row);
    }
    this.#byName = byName;
    this.#targets = new Map(this.#models.map((model) => [model, this.#target(model)]));
  }

  /**
   * Where the model is served. A name outside the table goes by its prefix, and without a known prefix to Chat; only a name that
   * can't be one, or that is a slip of the pen away from a known one, is refused.
   * @throws GatewayError `not-found`, code `model_not_found`, naming the nearest known models.
   */
  find(name: string): Target {
    const known = this.#byName.get(name.toLowerCase());
    const target = known === undefined ? undefined : this.#targets.get(known);
    if (target !== undefined) return target;
    const route = routeOf(name);
    if (!isWellFormed(name) || (route === null && this.#isMisspelt(name))) throw this.#unknown(name);
    return this.#target({ ...(route ?? CHAT), id: name, ...NOTHING_SPECIAL });
  }

  /**
   * The row of the table, by id or alias.
   * @throws GatewayError `not-found`, as `find`, for every name that the table does not hold.
   */
  entry(name: string): Model {
    const known = this.#byName.get(name.toLowerCase());
    if (known === undefined) throw this.#unknown(name);
    return known;
  }

  /** The table: built-in rows first, then those that the configuration adds. */
  list(): readonly Model[] {
    return this.#models;
  }

  /** Up to three known names, the nearest first; empty when none is near. */
  nearest(name: string): string[] {
    if (!isWellFormed(name)) return [];
    const wanted = name.toLowerCase();
    return this.#within(wanted, Math.max(MAX_TYPOS, Math.floor(wanted.length / 3))).slice(0, MAX_SUGGESTIONS);
  }

  /** The URL behind a native route. */
  endpoint(kind: EndpointKind): string {
    return kind === "count-tokens" ? this.#countTokensUrl : this.#endpoints[kind];
  }

  #target({ id, protocol, provider, reasoning, schema, target, fallback, timeouts }: Omit<Model, "aliases">): Target {
    const kind = ENDPOINT_OF[protocol];
    const url = target ?? this.#endpoints[kind];
    const ownCountUrl = target === null ? this.#countTokensUrl : countTokensUrlOf(url);
    const countTokensUrl = kind === "messages" ? ownCountUrl : null;
    return { protocol, model: id, provider, url, countTokensUrl, reasoning, schema, fallback, timeouts };
  }

  #isMisspelt(name: string): boolean {
    const wanted = name.toLowerCase();
    return this.#within(wanted, Math.min(MAX_TYPOS, Math.floor(wanted.length / 3))).length > 0;
  }

  /** The known names that so many edits lead to, the nearest first. */
  #within(wanted: string, edits: number): string[] {
    return [...this.#byName.keys()]
      .filter((known) => Math.abs(known.length - wanted.length) <= edits)
      .map((known) => ({ known, distance: distance(wanted, known) }))
      .filter((candidate) => candidate.distance <= edits)
      .sort((a, b) => a.distance - b.distance)
      .map(({ known }) => known);
  }

  #unknown(name: string): GatewayError {
    const options = { param: "model", code: "model_not_found" };
    if (!isWellFormed(name)) {
      const rule = `A model's name has 1 to ${MAX_NAME_LENGTH} characters and no spaces`;
      return new GatewayError("not-found", `${rule}: GET /v1/models lists the known.`, options);
    }
    const near = this.nearest(name);
    const hint = near.length === 0 ? "" : `Did you mean ${near.map((known) => `"${known}"`).join(" or ")}? `;
    return new GatewayError("not-found", `The model "${name}" is not known. ${hint}GET /v1/models lists the known.`, options);
  }
}

/** What only the configuration says of a model. */
const NOTHING_SPECIAL = { reasoning: null, schema: "native", target: null, fallback: [], timeouts: {} } as const;

/** The built-in rows with what the configuration says about them, and its own; by lower-case id, in order. */
function rowsOf(settings: readonly ModelSetting[]): Map<string, Model> {
  const rows = new Map<string, Model>();
  for (const [route, ids] of BUILT_IN) {
    for (const id of ids) rows.set(id, { id, ...route, aliases: undated(id), ...NOTHING_SPECIAL });
  }
  for (const setting of settings) {
    const key = setting.id.toLowerCase();
    const base = rows.get(key);
    const route = base ?? routeOf(setting.id);
    const protocol = setting.protocol ?? route?.protocol ?? CHAT.protocol;
    rows.set(key, {
      id: setting.id,
      protocol,
      provider: setting.provider ?? route?.provider ?? PROVIDERS[protocol],
      aliases: [...new Set([...(base?.aliases ?? []), ...(setting.aliases ?? [])])],
      reasoning: setting.reasoning ?? null,
      schema: setting.schema ?? "native",
      target: setting.target ?? null,
      fallback: setting.fallback ?? [],
      timeouts: setting.timeouts ?? {},
    });
  }
  return rows;
}

/** Name -> key of its row. The later line here wins: built-in alias, built-in id, alias of the configuration, id of the configuration. */
function keysOf(rows: ReadonlyMap<string, Model>, settings: readonly ModelSetting[]): Map<string, string> {
  const keys = new Map<string, string>();
  for (const [key, row] of rows) for (const alias of row.aliases) keys.set(alias.toLowerCase(), key);
  for (const key of rows.keys()) keys.set(key, key);
  for (const { id, aliases = [] } of settings) for (const alias of aliases) keys.set(alias.toLowerCase(), id.toLowerCase());
  for (const { id } of settings) keys.set(id.toLowerCase(), id.toLowerCase());
  return keys;
}

function undated(id: string): string[] {
  return DATE.test(id) ? [id.replace(DATE, "")] : [];
}

function routeOf(name: string): Route | null {
  const lower = name.toLowerCase();
  return PREFIXES.find(([prefix]) => lower.startsWith(prefix))?.[1] ?? null;
}

function isWellFormed(name: string): boolean {
  return name !== "" && name.length <= MAX_NAME_LENGTH && !ILL_FORMED.test(name);
}

/** Anthropic's count endpoint stands below the one for messages; a query stays at the end. */
function countTokensUrlOf(messagesUrl: string): string {
  const url = new URL(messagesUrl);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/count_tokens`;
  return url.href;
}

/** Edits between two names: insert, delete, replace a character, or swap two neighbours. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let best = Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
