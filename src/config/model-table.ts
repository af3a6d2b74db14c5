// Reads the model file: rows for the table, and every fault with the path of the member that is wrong.
//
//   {"models": [{"id": "glm-6", "protocol": "openai-chat", "provider": "fireworks", "alias": ["fast"],
//                "reasoning": "low", "schema": "tool", "target": "https://api.factory.ai/api/llm/o/v1/chat/completions",
//                "fallback": ["glm-5.2"], "timeouts": {"firstByte": 30, "idle": 60, "total": 0},
//                "pool": "core", "multiplier": 0.4, "price": {"input": 0.6, "output": 2.2, "cacheRead": 0.1}}]}
//
// Only `id` is required. The rest comes from the built-in row of that id, else from its prefix.

import { GatewayError } from "../errors.ts";
import { isObject, parse, print, type Json, type JsonObject } from "../wire/json.ts";
import type { ModelSetting, NameFault, Timeouts } from "../models/catalog.ts";
import type { Price, Rates } from "../models/price.ts";
import type { Effort, ProtocolId } from "../protocol/canonical.ts";
import type { Settings } from "./settings.ts";

const PROTOCOLS: readonly ProtocolId[] = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"];
const EFFORTS: readonly Effort[] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
const MEMBERS = [
  "id",
  "protocol",
  "provider",
  "alias",
  "reasoning",
  "schema",
  "target",
  "fallback",
  "timeouts",
  "pool",
  "multiplier",
  "price",
];
const SCHEMAS = ["native", "tool"] as const;
const RATES = ["input", "output", "cacheRead", "cacheWrite", "cacheWrite1h"] as const;
const POOLS = ["standard", "core"] as const;
/** Names in the file (seconds) -> names in the program. */
const TIMEOUTS = { connect: "connectMs", firstByte: "firstByteMs", idle: "idleMs", total: "totalMs" } as const;
const MODEL_NAME = /^[^\s\p{Cc}]{1,200}$/u;
const HEADER_WORD = /^[A-Za-z0-9._-]{1,100}$/;
const FULL_STOP = /\.$/;
const NAME = "a model name (1 to 200 characters without spaces)";

export interface ModelTableContext {
  /** Collects what is wrong with the file in `faults`. */
  readonly settings: Settings;
  readonly nameFaults: (rows: readonly ModelSetting[]) => readonly NameFault[];
}

/** Reads the file's text. */
export function readModelTable(text: string, { settings, nameFaults }: ModelTableContext): ModelSetting[] {
  return new ModelTable(settings).rows(text, nameFaults);
}

class ModelTable {
  readonly #settings: Settings;
  /** Lower-case id or alias -> the path that claimed it first. */
  readonly #claimed = new Map<string, string>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  rows(text: string, nameFaults: ModelTableContext["nameFaults"]): ModelSetting[] {
    const document = this.#parse(text);
    if (document === undefined) return [];
    if (!isObject(document) || !Array.isArray(document["models"])) {
      this.#settings.fault("CONFIG_PATH", 'must hold {"models": [...]}');
      return [];
    }
    this.#onlyMembers(document, { path: "", known: ["models"] });
    const rows = document["models"].flatMap((row, index) => {
      const path = `models[${index}]`;
      const setting = this.#row(row, path);
      return setting === null ? [] : [{ row, path, setting }];
    });
    const settings = rows.map(({ setting }) => setting);
    for (const { row: index, member, name, problem } of nameFaults(settings)) {
      const { row, path } = rows[index] ?? { row: null, path: "models" };
      const names = isObject(row) ? row[member] : undefined;
      this.#fault(`${path}.${member}${Array.isArray(names) ? `[${names.indexOf(name)}]` : ""}`, name, problem);
    }
    return settings;
  }

  #parse(text: string): Json | undefined {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const problem = error.message.replace("The body is", "is").replace("The JSON nests", "nests").replace("the body", "the file");
      this.#settings.fault("CONFIG_PATH", problem.replace(FULL_STOP, ""));
      return undefined;
    }
  }

  #row(row: Json, path: string): ModelSetting | null {
    if (!isObject(row)) {
      this.#fault(path, row, "must be an object");
      return null;
    }
    this.#onlyMembers(row, { path: `${path}.`, known: MEMBERS });
    const id = row["id"];
    if (typeof id !== "string" || !MODEL_NAME.test(id)) this.#fault(`${path}.id`, id, `must be ${NAME}`);
    else this.#claim(id, `${path}.id`);
    const protocol = this.#word(row, { path, name: "protocol", words: PROTOCOLS });
    const reasoning = this.#word(row, { path, name: "reasoning", words: EFFORTS });
    const schema = this.#word(row, { path, name: "schema", words: SCHEMAS });
    const provider = row["provider"];
    if (provider !== undefined && (typeof provider !== "string" || !HEADER_WORD.test(provider))) {
      this.#fault(`${path}.provider`, provider, "must be a word that is valid in a header, e.g. anthropic, openai, google, fireworks, xai");
    }
    const pool = this.#word(row, { path, name: "pool", words: POOLS });
    const multiplier = row["multiplier"];
    if (multiplier !== undefined && !isAmount(multiplier)) {
      this.#fault(`${path}.multiplier`, multiplier, "must be a number of credits per token, e.g. 0.5");
    }
    const aliases = this.#names(row["alias"], `${path}.alias`, { claim: true });
    const target = row["target"];
    if (target !== undefined && typeof target !== "string") this.#fault(`${path}.target`, target, "must be the full URL of an endpoint");
    const url = typeof target === "string" ? this.#settings.checkedUrl(this.#label(`${path}.target`), target) : undefined;
    return {
      id: typeof id === "string" ? id : "",
      ...(protocol === undefined ? {} : { protocol }),
      ...(typeof provider === "string" ? { provider } : {}),
      ...(aliases.length === 0 ? {} : { aliases }),
      ...(reasoning === undefined ? {} : { reasoning }),
      ...(schema === undefined ? {} : { schema }),
      ...(url === undefined ? {} : { target: url }),
      ...(row["fallback"] === undefined ? {} : { fallback: this.#names(row["fallback"], `${path}.fallback`) }),
      ...(row["timeouts"] === undefined ? {} : { timeouts: this.#timeouts(row["timeouts"], `${path}.timeouts`) }),
      ...(pool === undefined ? {} : { pool }),
      ...(isAmount(multiplier) ? { multiplier } : {}),
      ...(row["price"] === undefined ? {} : { price: this.#price(row["price"], `${path}.price`) }),
    };
  }

  #price(value: Json, path: string): Price {
    const rates = this.#rates(value, path, ["longContext"]);
    const long = isObject(value) ? value["longContext"] : undefined;
    if (long === undefined) return { ...rates, longContext: null, date: "file" };
    const overTokens = isObject(long) ? long["overTokens"] : undefined;
    if (!isAmount(overTokens)) this.#fault(`${path}.longContext.overTokens`, overTokens ?? long, "must be a number of input tokens");
    const longRates = this.#rates(long, `${path}.longContext`, ["overTokens"]);
    return { ...rates, longContext: { overTokens: isAmount(overTokens) ? overTokens : 0, ...longRates }, date: "file" };
  }

  /** Anything left out costs the same as other input; a cache for an hour costs the same as one for 5 minutes. */
  #rates(value: Json, path: string, others: readonly string[]): Rates {
    if (!isObject(value)) {
      this.#fault(path, value, 'must be US dollars for a million tokens, e.g. {"input": 3, "output": 15, "cacheRead": 0.3}');
      return { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0 };
    }
    this.#onlyMembers(value, { path: `${path}.`, known: [...RATES, ...others] });
    const rate = (name: (typeof RATES)[number], fallback: number | null): number => {
      const found = value[name];
      if (found === undefined && fallback !== null) return fallback;
      if (isAmount(found)) return found;
      this.#fault(`${path}.${name}`, found, "must be a number of US dollars per million tokens");
      return 0;
    };
    const input = rate("input", null);
    const cacheWrite = rate("cacheWrite", input);
    return {
      input,
      output: rate("output", null),
      cacheRead: rate("cacheRead", input),
      cacheWrite,
      cacheWrite1h: rate("cacheWrite1h", cacheWrite),
    };
  }

  /** One name or a list of names. `claim`: no other row may have them. */
  #names(value: Json | undefined, path: string, { claim = false } = {}): string[] {
    if (value === undefined) return [];
    const items = Array.isArray(value) ? value : [value];
    return items.flatMap((item, index) => {
      const place = Array.isArray(value) ? `${path}[${index}]` : path;
      if (typeof item === "string" && MODEL_NAME.test(item)) {
        if (claim) this.#claim(item, place);
        return [item];
      }
      this.#fault(place, item, `must be ${NAME} or a list of them`);
      return [];
    });
  }

  #timeouts(value: Json, path: string): Timeouts {
    if (!isObject(value)) {
      this.#fault(path, value, 'must be an object of seconds, e.g. {"idle": 60}');
      return {};
    }
    this.#onlyMembers(value, { path: `${path}.`, known: Object.keys(TIMEOUTS) });
    const limits: Record<string, number | null> = {};
    for (const [name, field] of Object.entries(TIMEOUTS)) {
      const seconds = value[name];
      if (typeof seconds === "number" && seconds >= 0) limits[field] = seconds === 0 ? null : seconds * 1000;
      else if (seconds !== undefined) this.#fault(`${path}.${name}`, seconds, "must be a number of seconds; 0 means no limit");
    }
    return limits;
  }

  #word<Word extends string>(
    row: JsonObject,
    { path, name, words }: { path: string; name: string; words: readonly Word[] },
  ): Word | undefined {
    const value = row[name];
    const word = words.find((known) => known === value);
    if (value !== undefined && word === undefined) this.#fault(`${path}.${name}`, value, `must be one of ${words.join(", ")}`);
    return word;
  }

  #claim(name: string, path: string): void {
    const key = name.toLowerCase();
    const holder = this.#claimed.get(key);
    if (holder === undefined) this.#claimed.set(key, path);
    else this.#fault(path, name, `is already taken by ${holder}`);
  }

  #onlyMembers(object: JsonObject, { path, known }: { path: string; known: readonly string[] }): void {
    for (const key of Object.keys(object)) {
      if (!known.includes(key)) this.#fault(`${path}${key}`, undefined, `is not a known member; known members are ${known.join(", ")}`);
    }
  }

  #fault(path: string, value: Json | undefined, problem: string): void {
    const typed = value === undefined ? null : typeof value === "string" ? value : print(value);
    this.#settings.faults.push({ name: this.#label(path), value: typed, problem });
  }

  #label(path: string): string {
    return `${path} in ${this.#settings.label("CONFIG_PATH")}`;
  }
}

function isAmount(value: Json | undefined): value is number {
  return typeof value === "number" && value >= 0;
}
