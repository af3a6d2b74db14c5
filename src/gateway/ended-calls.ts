// Calls that have ended, as they are kept for the inspector without their bodies: each as one text, found by its id.
// Never keeps objects: a thousand calls are some fifty thousand of them, and whoever collects the runtime's memory looks at each.

import type { Redactor } from "../telemetry/redaction.ts";
import type { RecordedFacts } from "./call-recording.ts";

export interface EndedCall {
  readonly facts: RecordedFacts;
  /** Knows all secrets of the call. */
  readonly redactor: Redactor;
}

/** Filled anew with each call, and so made once. */
interface Slot {
  /** `["id",{...}]`; empty: none is kept here. */
  text: string;
  redactor: Redactor | null;
}

export class EndedCalls {
  readonly #most: number;
  readonly #slots: Slot[] = [];
  /** Of the oldest that is kept, and of the next that comes; counted on, past the number of slots. */
  #first = 0;
  #next = 0;
  #bytes = 0;

  /** Of more than `most` the oldest goes. */
  constructor(most: number) {
    this.#most = most;
  }

  get count(): number {
    return this.#next - this.#first;
  }

  /** That are held, at most. */
  get bytes(): number {
    return this.#bytes;
  }

  add(id: string, { facts, redactor }: EndedCall): void {
    if (this.count === this.#most) this.dropOldest();
    const text = JSON.stringify([id, facts]);
    const slot = this.#slots[this.#next % this.#most];
    if (slot === undefined) this.#slots.push({ text, redactor });
    else {
      slot.text = text;
      slot.redactor = redactor;
    }
    this.#next++;
    this.#bytes += BYTES_PER_CHARACTER * text.length;
  }

  dropOldest(): void {
    const slot = this.#slots[this.#first % this.#most];
    if (slot === undefined || this.count === 0) return;
    this.#first++;
    this.#bytes -= BYTES_PER_CHARACTER * slot.text.length;
    slot.text = "";
    slot.redactor = null;
  }

  clear(): void {
    while (this.count > 0) this.dropOldest();
  }

  has(id: string): boolean {
    return this.#slotOf(id) !== undefined;
  }

  /** Null: it is not kept. */
  find(id: string): EndedCall | null {
    const { text, redactor } = this.#slotOf(id) ?? NONE;
    if (redactor === null) return null;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written above
    const [, facts] = JSON.parse(text) as [string, RecordedFacts];
    return { facts, redactor };
  }

  /** One by one: few look, and many are added. */
  #slotOf(id: string): Slot | undefined {
    const beginning = `[${JSON.stringify(id)},`;
    return this.#slots.find(({ text }) => text.startsWith(beginning));
  }
}

const NONE: Slot = { text: "", redactor: null };
const BYTES_PER_CHARACTER = 2;
