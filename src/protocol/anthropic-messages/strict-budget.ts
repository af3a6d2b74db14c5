// How much of one request Claude holds to a grammar: a number of strict tools, and of optional and union parameters in all their schemas and
// the answer's. A request above a limit is refused.
// Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs#schema-complexity-limits (read 2026-11).
// Never weighs tools: the first ones win.

import type { OutputFormat } from "../canonical.ts";
import { costOf, MAX_OPTIONAL_PARAMETERS, MAX_UNION_PARAMETERS, type SchemaCost } from "./schema.ts";

const MAX_STRICT_TOOLS = 20;

export class StrictBudget {
  #tools = MAX_STRICT_TOOLS;
  #optional = MAX_OPTIONAL_PARAMETERS;
  #unions = MAX_UNION_PARAMETERS;
  #isExceeded = false;

  /** `output`: the format of the answer, which takes its share. */
  constructor(output: OutputFormat | null) {
    const cost = output?.type === "json-schema" ? costOf(output.schema) : null;
    if (cost === null) return;
    this.#optional -= cost.optional;
    this.#unions -= cost.unions;
  }

  /** Whether a tool was left out. */
  get isExceeded(): boolean {
    return this.#isExceeded;
  }

  /** Adds a strict tool; false where it would be too much. */
  take({ optional, unions }: SchemaCost): boolean {
    if (this.#tools < 1 || this.#optional < optional || this.#unions < unions) {
      this.#isExceeded = true;
      return false;
    }
    this.#tools--;
    this.#optional -= optional;
    this.#unions -= unions;
    return true;
  }
}
