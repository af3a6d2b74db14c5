// How many tokens answers usually have: by a key's calls to a model, otherwise by all calls to it. Earlier calls are loaded in the background.
// Does not make a call wait.

import type { Store } from "./store.ts";

/** Output tokens of the latest calls to a model; `key` null: of all keys. */
export type LoadOutputs = (model: string, options: { readonly key: string | null; readonly limit: number }) => Promise<readonly number[]>;

interface Known {
  /** Oldest first. */
  readonly outputs: number[];
  /** The same, smallest first. */
  sorted: number[];
}

/** The outputs of the last day that an upstream counted, oldest first. */
export function outputsIn(store: Pick<Store, "rows">, now: () => number): LoadOutputs {
  return async (model, { key, limit }) => {
    // A store may have to look at all rows since then to find a few.
    const rows = await store.rows({ ...ANY, sinceMs: now() - DAY_MS, model, key, limit });
    return rows.toReversed().flatMap(({ outputTokens, source }) => (outputTokens === null || source !== "upstream" ? [] : [outputTokens]));
  };
}

/** As `OutputMedians.estimate`, for whoever can wait until the earlier calls are loaded. */
export async function loadedEstimate(load: LoadOutputs, { key, model }: { readonly key: string; readonly model: string }): Promise<number> {
  for (const owner of [key, null]) {
    const outputs = await load(model, { key: owner, limit: LATEST });
    const median = medianOf({ sorted: outputs.toSorted((one, other) => one - other) });
    if (median !== null) return median;
  }
  return UNKNOWN_TOKENS;
}

const DAY_MS = 24 * 3_600_000;
const ANY = { untilMs: null, session: null, client: null, before: null, status: null, text: null };
const LATEST = 31;
const MOST_KNOWN = 1000;
const UNKNOWN_TOKENS = 1000;

export class OutputMedians {
  /** By model, or by key and model; least recently used first. */
  readonly #known = new Map<string, Known>();
  readonly #load: LoadOutputs;

  constructor(load: LoadOutputs) {
    this.#load = load;
  }

  /** The tokens that the next answer is expected to have. */
  estimate(key: string, model: string): number {
    return medianOf(this.#of(model, key)) ?? medianOf(this.#of(model, null)) ?? UNKNOWN_TOKENS;
  }

  add(key: string, { model, tokens }: { readonly model: string; readonly tokens: number }): void {
    note(this.#of(model, key), tokens);
    note(this.#of(model, null), tokens);
  }

  #of(model: string, key: string | null): Known {
    const name = key === null ? model : `${key}\n${model}`;
    const kept = this.#known.get(name);
    // Long before anything has to be dropped, the order does not matter.
    if (kept !== undefined && this.#known.size <= MOST_KNOWN / 2) return kept;
    const known = kept ?? { outputs: [], sorted: [] };
    this.#known.delete(name);
    this.#known.set(name, known);
    if (kept !== undefined) return known;
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST_KNOWN) break;
      this.#known.delete(oldest);
    }
    void this.#fill(known, { model, key });
    return known;
  }

  async #fill(known: Known, { model, key }: { readonly model: string; readonly key: string | null }): Promise<void> {
    try {
      const before = await this.#load(model, { key, limit: LATEST });
      known.outputs.unshift(...before.slice(0, LATEST - known.outputs.length));
      known.sorted = known.outputs.toSorted((one, other) => one - other);
    } catch {
      // The store is away; estimates will be based on new calls.
    }
  }
}

/** Inserted in place: sorting for each call takes longer. */
function note({ outputs, sorted }: Known, tokens: number): void {
  outputs.push(tokens);
  let at = sorted.length;
  for (; at > 0 && (sorted[at - 1] ?? 0) > tokens; at--) sorted[at] = sorted[at - 1] ?? 0;
  sorted[at] = tokens;
  if (outputs.length <= LATEST) return;
  const oldest = sorted.indexOf(outputs.shift() ?? 0);
  sorted.copyWithin(oldest, oldest + 1);
  sorted.pop();
}

function medianOf({ sorted }: Pick<Known, "sorted">): number | null {
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
