// Keep-alives as OpenAI itself sends them: numbered events. Codex accepts nothing else as a sign of life, and gives up on a
// stream that is silent for 300 s, despite any comments.
// Never touches a byte of a stream that was never silent.

import { shifted } from "../../wire/json-edit.ts";
import { printSse, sseDecoder } from "../../wire/sse.ts";
import { run } from "../../wire/machine.ts";
import { isObject, parseOrUndefined } from "../../wire/json.ts";
import type { SignsOfLife } from "../codec.ts";

const SEQUENCE = "sequence_number";
const TERMINAL = /^(?:error|response\.(?:completed|failed|incomplete))$/;
/** Lines are recognised by their ends only: the `^` of a pattern would also match after a U+2028 inside a text. */
const DATA_LINE = /(?<=^|[\r\n])data:[^\r\n]*/g;
const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });
const ENCODER = new TextEncoder();
const COLON = 0x3a;
/** Runs come from a pump, which enforces the limit. */
const NO_LIMIT = { maxEventLength: Number.POSITIVE_INFINITY };

export class NumberedSigns implements SignsOfLife {
  /** The last run with an event, until it has been read. */
  #last: Uint8Array | null = null;
  /** The number of the last event, once it has been read; null before the first. */
  #number: number | null = null;
  #isOver = false;
  #signs = 0;

  pass(out: Uint8Array): Uint8Array {
    const numbered = this.#signs === 0 ? out : ENCODER.encode(UTF8.decode(out).replace(DATA_LINE, (line) => this.#renumbered(line)));
    if (this.isLife(out)) this.#last = numbered;
    return numbered;
  }

  isLife(out: Uint8Array): boolean {
    return out[0] !== COLON || UTF8.decode(out).search(DATA_LINE) !== -1;
  }

  sign(): string | null {
    this.#read();
    if (this.#number === null || this.#isOver) return null;
    this.#number++;
    this.#signs++;
    return printSse({ event: "keepalive", data: JSON.stringify({ type: "keepalive", [SEQUENCE]: this.#number }) });
  }

  #renumbered(line: string): string {
    return `data:${shifted(line.slice("data:".length), { key: SEQUENCE, by: this.#signs })}`;
  }

  #read(): void {
    if (this.#last === null) return;
    // All of it: comments may follow its last event.
    for (const { data } of run(sseDecoder(NO_LIMIT), [this.#last])) {
      const event = parseOrUndefined(data);
      const { type, [SEQUENCE]: number } = isObject(event) ? event : {};
      if (data.trim() === "[DONE]" || (typeof type === "string" && TERMINAL.test(type))) this.#isOver = true;
      this.#number = typeof number === "number" ? number : (this.#number ?? -1) + 1;
    }
    this.#last = null;
  }
}
