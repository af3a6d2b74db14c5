// Looks up a model by a client's name for it: a Target with protocol, URL, and the name and provider upstream.
// Never calls anything, and never knows a key.

import type { RuledModel } from "../access/limit-syntax.ts";
import { GatewayError } from "../errors.ts";
import type { ProtocolId } from "../protocol/canonical.ts";
import { withModel, withOwnPath } from "../protocol/own-path.ts";
import { CATALOG, CHAT, FAMILIES, PREFIXES, PROVIDERS, type Endpoints, type Model, type ModelSetting, type Origin } from "./catalog.ts";
import { nearest } from "./nearest.ts";
import type { Price } from "./price.ts";
import { PRICE_DATE, PRICE_ROWS, type LongContext } from "./prices.ts";

/** Where a request goes. */
export interface Target extends Omit<Model, "id" | "aliases" | "target"> {
  /** The model's name upstream. */
  readonly model: string;
  readonly url: string;
  /** Null where the protocol's upstream can't count tokens. */
  readonly countTokensUrl: string | null;
}

export interface ModelOptions {
  readonly endpoints: Endpoints;
  /** Rows of the configuration; they win over the built-in ones. */
  readonly models: readonly ModelSetting[];
}

const ENDPOINT_OF: Readonly<Record<ProtocolId, keyof Endpoints>> = {
  "anthropic-messages": "messages",
  "openai-responses": "responses",
  "openai-chat": "chat",
  gemini: "gemini",
};

const MAX_NAME_LENGTH = 200;
const ILL_FORMED = /[\s\p{Cc}]/u;
/** Endings of ids that are also known without their date. */
const DATE = /-(?:\d{8}|\d{4}-\d{2}-\d{2})$/;
/** What Claude Code appends to a name. */
const LONG_CONTEXT = /(?:\[1m\])+$/i;
/** A dot in a version: `4.5`. */
const VERSION_DOT = /(?<=\d)\.(?=\d)/g;
/** Up to this many edits, a name without a known prefix counts as a misspelling; at most one edit for every three characters. */
const MAX_TYPOS = 2;
const MAX_SUGGESTIONS = 3;
/** Tells people where the known models are listed. */
export const LISTED = "GET /v1/models lists the known models.";

export class Models {
  readonly #endpoints: Endpoints;
  readonly #models: readonly Model[];
  /** By lower-case id or alias. */
  readonly #byName: ReadonlyMap<string, Model>;
  /** By `spelling` of an id or alias, and by family. */
  readonly #bySpelling: ReadonlyMap<string, Model>;
  readonly #targets: ReadonlyMap<Model, Target>;
  /** The URL for counting at the configured endpoint, which nearly all models share. */
  readonly #countTokensUrl: string;

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
    this.#bySpelling = spellingsOf(byName, this.#models);
    this.#targets = new Map(this.#models.map((model) => [model, this.#target(model)]));
  }

  /**
   * Where the model is served. A name that is not in the table goes by its prefix, and without a known prefix to Chat. Refuses names that are
   * malformed, and names without a known prefix that look like a misspelling of a known one. A `[1m]` at the end is removed.
   * @throws GatewayError `not-found`, code `model_not_found`, suggesting the closest matches.
   */
  find(name: string): Target {
    const known = this.#row(name);
    const target = known === undefined ? undefined : this.#targets.get(known);
    if (target !== undefined) return target;
    const id = withoutContext(name);
    const origin = originOf(id);
    if (!isWellFormed(id) || (origin === null && this.isMisspelled(id))) throw this.#unknown(id);
    return this.#target({ ...(origin ?? CHAT), id, ...NOTHING_SPECIAL, ...UNKNOWN });
  }

  /** Whether the table has it, in any spelling. */
  knows(name: string): boolean {
    return this.#row(name) !== undefined;
  }

  /** Whether the table does not hold it, but a name that is at most two typos away. */
  isMisspelled(name: string): boolean {
    const wanted = name.toLowerCase();
    if (this.knows(name)) return false;
    return nearest(wanted, this.#byName.keys(), Math.min(MAX_TYPOS, editsFor(wanted))).length > 0;
  }

  /** The model of that name as a key's rules see it, under all its names. */
  ruled(name: string): RuledModel {
    const known = this.#row(name);
    if (known === undefined) return { names: [name], readAs: this.#readAs(name), pool: UNKNOWN.pool };
    return { names: [known.id, ...known.aliases], pool: known.pool };
  }

  /** What an upstream may take an unknown name for: it may ignore a provider, a date, `-latest` or a variant after a colon. */
  #readAs(name: string): string[] {
    const parts = name.toLowerCase().split(/[/:@\s]/);
    // A dot is part of a version, or follows a provider, as in AWS's `us.anthropic.claude-…-v1:0`.
    return parts
      .flatMap((part) => [part.replaceAll(".", "-"), ...part.split(PROVIDER_DOT)])
      .flatMap((part) => [part, part.replace(REVISION, ""), part.replace(REVISION, "").replace(EDITION, "")])
      .flatMap((part) => {
        const known = this.#row(part);
        return known === undefined ? [part] : [known.id, ...known.aliases];
      });
  }

  /**
   * The row of the table, by id or alias.
   * @throws GatewayError `not-found`, as `find`, for every name that is not in the table.
   */
  entry(name: string): Model {
    const known = this.#row(name);
    if (known === undefined) throw this.#unknown(name);
    return known;
  }

  /** The table: built-in rows first, then those of the configuration. */
  list(): readonly Model[] {
    return this.#models;
  }

  /** Up to three known names, closest first; empty when none is close. */
  nearest(name: string): string[] {
    if (!isWellFormed(name)) return [];
    const wanted = name.toLowerCase();
    // A short name of which more than half differs has nothing to do with it.
    const typos = Math.min(MAX_TYPOS, Math.floor(wanted.length / 2));
    return nearest(wanted, this.#byName.keys(), Math.max(typos, editsFor(wanted))).slice(0, MAX_SUGGESTIONS);
  }

  /** A sentence or two for a person who used an unknown name. */
  hintFor(name: string): string {
    const near = this.nearest(name);
    return near.length === 0 ? LISTED : `Did you mean ${near.map((known) => `"${known}"`).join(" or ")}? ${LISTED}`;
  }

  /** The URL behind a native route. */
  endpoint(kind: keyof Endpoints): string {
    return this.#endpoints[kind];
  }

  /** By the exact name; otherwise without `[1m]`, in another spelling of its version, or by its family. */
  #row(name: string): Model | undefined {
    const exact = this.#byName.get(name.toLowerCase());
    if (exact !== undefined) return exact;
    const short = withoutContext(name);
    const known = short === name ? undefined : this.#byName.get(short.toLowerCase());
    return known ?? this.#bySpelling.get(spelling(short));
  }

  #target({ id, target, protocol, provider, reasoning, schema, fallback, timeouts, pool, multiplier, price }: TargetRow): Target {
    const kind = ENDPOINT_OF[protocol];
    const url = withModel(target === null ? this.#endpoints[kind] : withOwnPath(target, protocol), id);
    const isUsual = url === this.#endpoints.messages;
    const countTokensUrl = kind !== "messages" ? null : isUsual ? this.#countTokensUrl : countTokensUrlOf(url);
    return { protocol, model: id, provider, url, countTokensUrl, reasoning, schema, fallback, timeouts, pool, multiplier, price };
  }

  #unknown(name: string): GatewayError {
    const options = { param: "model", code: "model_not_found" };
    if (!isWellFormed(name)) {
      const rule = `A model name has 1 to ${MAX_NAME_LENGTH} characters and no spaces.`;
      return new GatewayError("not-found", `${rule} ${LISTED}`, options);
    }
    return new GatewayError("not-found", `Unknown model "${name}". ${this.hintFor(name)}`, options);
  }
}

const PROVIDER_DOT = /\.(?=[a-z])/;
const REVISION = /-v\d+$/;
const EDITION = /-(?:latest|\d{8}|\d{4}-\d{2}-\d{2})$/;

type TargetRow = Omit<Model, "aliases">;

/** What only the configuration says of a model. */
const NOTHING_SPECIAL = { reasoning: null, schema: "native", target: null, fallback: [], timeouts: {} } as const;
const UNKNOWN = { pool: null, multiplier: null, price: null } as const;

/** The built-in rows merged with the configuration's rows, by lower-case id, in order. */
function rowsOf(settings: readonly ModelSetting[]): Map<string, Model> {
  const rows = new Map<string, Model>();
  const prices = listPrices();
  for (const row of CATALOG) {
    rows.set(row.id, { ...row, aliases: undated(row.id), ...NOTHING_SPECIAL, price: prices.get(row.id) ?? null });
  }
  for (const setting of settings) {
    const key = setting.id.toLowerCase();
    const base = rows.get(key);
    const origin = base ?? originOf(setting.id);
    const protocol = setting.protocol ?? origin?.protocol ?? CHAT.protocol;
    rows.set(key, {
      id: setting.id,
      protocol,
      provider: setting.provider ?? origin?.provider ?? PROVIDERS[protocol],
      aliases: [...new Set([...(base?.aliases ?? []), ...(setting.aliases ?? [])])],
      reasoning: setting.reasoning ?? null,
      schema: setting.schema ?? "native",
      target: setting.target ?? null,
      fallback: setting.fallback ?? [],
      timeouts: setting.timeouts ?? {},
      pool: setting.pool ?? base?.pool ?? null,
      multiplier: setting.multiplier ?? base?.multiplier ?? null,
      price: setting.price ?? base?.price ?? null,
    });
  }
  return rows;
}

function listPrices(): Map<string, Price> {
  return new Map(
    PRICE_ROWS.map(([id, [input, output, cacheRead, cacheWrite, cacheWrite1h], long]) => {
      const rates = { input, output, cacheRead, cacheWrite, cacheWrite1h };
      return [id, { ...rates, longContext: long === undefined ? null : longContext(long), date: PRICE_DATE }];
    }),
  );
}

function longContext([overTokens, input, output, cacheRead, cacheWrite, cacheWrite1h]: LongContext): Price["longContext"] {
  return { overTokens, input, output, cacheRead, cacheWrite, cacheWrite1h };
}

/** Name -> key of its row. Later ones win: built-in alias, built-in id, alias of the configuration, id of the configuration. */
function keysOf(rows: ReadonlyMap<string, Model>, settings: readonly ModelSetting[]): Map<string, string> {
  const keys = new Map<string, string>();
  for (const [key, row] of rows) for (const alias of row.aliases) keys.set(alias.toLowerCase(), key);
  for (const key of rows.keys()) keys.set(key, key);
  for (const { id, aliases = [] } of settings) for (const alias of aliases) keys.set(alias.toLowerCase(), id.toLowerCase());
  for (const { id } of settings) keys.set(id.toLowerCase(), id.toLowerCase());
  return keys;
}

function withoutContext(name: string): string {
  return name.endsWith("]") ? name.replace(LONG_CONTEXT, "") : name;
}

/** The same for all spellings of a name: lower case, with dashes in versions. */
function spelling(name: string): string {
  const lower = name.toLowerCase();
  return lower.includes(".") ? lower.replace(VERSION_DOT, "-") : lower;
}

function spellingsOf(byName: ReadonlyMap<string, Model>, models: readonly Model[]): Map<string, Model> {
  const spellings = new Map<string, Model>();
  for (const family of FAMILIES) {
    const first = models.find(({ id }) => id.toLowerCase().split("-").includes(family));
    if (first !== undefined) spellings.set(family, first);
  }
  for (const [name, model] of byName) if (!spellings.has(spelling(name))) spellings.set(spelling(name), model);
  return spellings;
}

function editsFor(name: string): number {
  return Math.floor(name.length / 3);
}

function undated(id: string): string[] {
  return DATE.test(id) ? [id.replace(DATE, "")] : [];
}

function originOf(name: string): Origin | null {
  const lower = name.toLowerCase();
  return PREFIXES.find(([prefix]) => lower.startsWith(prefix))?.[1] ?? null;
}

function isWellFormed(name: string): boolean {
  return name !== "" && name.length <= MAX_NAME_LENGTH && !ILL_FORMED.test(name);
}

/** Anthropic's count endpoint is a path below the one for messages; a query stays at the end. */
function countTokensUrlOf(messagesUrl: string): string {
  const url = new URL(messagesUrl);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/count_tokens`;
  return url.href;
}
