// Calls that have ended, kept for the inspector without their bodies: each as one text, found by its id, in a ring buffer.
// Never keeps objects or strings: a thousand calls are some fifty thousand of them, and each garbage collection looks at all.

import type { ProtocolId } from "../protocol/canonical.ts";
import type { Redactor } from "../telemetry/redaction.ts";
import { plainHeaders, type AnswerRecording, type AttemptRecording, type RecordedFacts } from "./call-recording.ts";

export interface EndedCall {
  readonly facts: RecordedFacts;
  /** Knows all secrets of the call. */
  readonly redactor: Redactor;
}

/** Where a call's text, `["id",...]`, lies in the ring. Reused for each call, and so made once. */
interface Slot {
  start: number;
  /** In bytes; 0: none is kept here. */
  length: number;
  redactor: Redactor | null;
}

export class EndedCalls {
  readonly #most: number;
  readonly #ringBytes: number;
  /** Allocated with the first call. */
  #ring: Uint8Array<ArrayBuffer> | null = null;
  /** Where the next text goes. */
  #at = 0;
  readonly #slots: Slot[] = [];
  /** Numbers of the oldest call kept and of the next one, not wrapped at the number of slots. */
  #first = 0;
  #next = 0;
  #bytes = 0;

  /** Beyond `most` calls or `ringBytes`, the oldest are dropped. */
  constructor(most: number, ringBytes = RING_BYTES) {
    this.#most = most;
    this.#ringBytes = ringBytes;
  }

  get count(): number {
    return this.#next - this.#first;
  }

  /** Calls that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A text that would take more than a quarter of the ring is not kept. */
  add(id: string, { facts, redactor }: EndedCall): void {
    const text = JSON.stringify(packed(id, facts));
    const mostBytes = BYTES_PER_CHARACTER * text.length;
    if (mostBytes > this.#ringBytes / 4) return;
    if (this.count === this.#most) this.dropOldest();
    if (this.#at + mostBytes > this.#ringBytes) this.#startOver();
    const ring = (this.#ring ??= new Uint8Array(this.#ringBytes));
    const start = this.#at;
    const { written: length } = UTF8.encodeInto(text, ring.subarray(start));
    while (this.#oldestStandsIn(start, start + length)) this.dropOldest();
    const slot = this.#slots[this.#next % this.#most];
    if (slot === undefined) this.#slots.push({ start, length, redactor });
    else {
      slot.start = start;
      slot.length = length;
      slot.redactor = redactor;
    }
    this.#next++;
    this.#at += length;
    this.#bytes += length;
  }

  dropOldest(): void {
    const slot = this.#slots[this.#first % this.#most];
    if (slot === undefined || this.count === 0) return;
    this.#first++;
    this.#bytes -= slot.length;
    slot.length = 0;
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
    const { start, length, redactor } = this.#slotOf(id) ?? NONE;
    if (redactor === null) return null;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written above
    const call = JSON.parse(TEXT.decode(this.#ring?.subarray(start, start + length))) as PackedCall;
    return { facts: unpacked(call), redactor };
  }

  /** Offset from the start of the ring: texts behind the newest are older than those at the start. */
  #startOver(): void {
    while (this.#oldestStandsIn(this.#at, this.#ringBytes)) this.dropOldest();
    this.#at = 0;
  }

  #oldestStandsIn(start: number, end: number): boolean {
    if (this.count === 0) return false;
    const oldest = this.#slots[this.#first % this.#most] ?? NONE;
    return oldest.start < end && oldest.start + oldest.length > start;
  }

  /** A linear search: look-ups are rare, and additions many. */
  #slotOf(id: string): Slot | undefined {
    const beginning = UTF8.encode(`[${JSON.stringify(id)},`);
    return this.#slots.find(
      ({ start, length }) => length > beginning.length && beginning.every((byte, at) => this.#ring?.[start + at] === byte),
    );
  }
}

// ---- As lists: printing names and nested objects takes twice as long, on Deno four times -------------------------

type Heads = Readonly<Record<string, string>>;
type PackedAnswer = [status: number, headers: Heads, isStream: boolean, bytes: number, isCut: boolean];
type PackedAttempt = [
  model: string,
  protocol: ProtocolId,
  url: string,
  headers: Heads,
  sentMs: number,
  answeredMs: number | null,
  failure: string | null,
  bytes: number,
  isCut: boolean,
  answer: PackedAnswer | null,
];
type PackedCall = [
  id: string,
  protocol: ProtocolId,
  upstreamProtocol: ProtocolId | null,
  method: string,
  path: string,
  headers: Heads,
  bytes: number,
  isCut: boolean,
  isStream: boolean,
  losses: RecordedFacts["losses"],
  error: RecordedFacts["error"],
  answer: PackedAnswer | null,
  attempts: readonly PackedAttempt[],
];

function packed(id: string, facts: RecordedFacts): PackedCall {
  const { protocol, upstreamProtocol, method, path, headers, body, isStream, losses, error, answer, attempts } = facts;
  const sent = attempts.map(packedAttempt);
  const answered = packedAnswer(answer);
  return [id, protocol, upstreamProtocol, method, path, headers, body.bytes, body.isCut, isStream, losses, error, answered, sent];
}

function packedAttempt({ model, protocol, url, headers, body, sentMs, answeredMs, answer, failure }: AttemptRecording): PackedAttempt {
  return [model, protocol, url, headers, sentMs, answeredMs, failure, body.bytes, body.isCut, packedAnswer(answer)];
}

function packedAnswer(answer: AnswerRecording | null): PackedAnswer | null {
  return answer === null ? null : [answer.status, plainHeaders(answer.headers), answer.isStream, answer.body.bytes, answer.body.isCut];
}

function unpacked(call: PackedCall): RecordedFacts {
  const [, protocol, upstreamProtocol, method, path, headers, bytes, isCut, isStream, losses, error, answer, attempts] = call;
  return {
    kept: "headers",
    protocol,
    upstreamProtocol,
    method,
    path,
    headers,
    body: bodyOf(bytes, isCut),
    isStream,
    losses,
    error,
    answer: unpackedAnswer(answer),
    attempts: attempts.map(unpackedAttempt),
  };
}

function unpackedAttempt(attempt: PackedAttempt): AttemptRecording {
  const [model, protocol, url, headers, sentMs, answeredMs, failure, bytes, isCut, answer] = attempt;
  return { model, protocol, url, headers, body: bodyOf(bytes, isCut), sentMs, answeredMs, answer: unpackedAnswer(answer), failure };
}

function unpackedAnswer(answer: PackedAnswer | null): AnswerRecording | null {
  if (answer === null) return null;
  const [status, headers, isStream, bytes, isCut] = answer;
  return { status, headers, body: bodyOf(bytes, isCut), isStream };
}

function bodyOf(bytes: number, isCut: boolean): RecordedFacts["body"] {
  return { bytes, pieces: null, times: null, isCut };
}

const NONE: Slot = { start: 0, length: 0, redactor: null };
/** A thousand calls take two thirds of it. */
const RING_BYTES = 3 * 1024 * 1024;
/** At most, in UTF-8. */
const BYTES_PER_CHARACTER = 3;
const UTF8 = new TextEncoder();
const TEXT = new TextDecoder();
