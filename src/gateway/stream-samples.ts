// How much text an unparsed stream delivered, worked out afterwards from a few of its events.
// Does not see any other event.

import { deltaBytes } from "../protocol/delta-text.ts";
import { run } from "../wire/machine.ts";
import { sseDecoder, type SseLimits } from "../wire/sse.ts";

/** Some events of a stream, and how much had passed by the last of them. The first events, which are known exactly, are not counted. */
export interface StreamSample {
  readonly run: Uint8Array;
  readonly passedBytes: number;
  readonly passedEvents: number;
}

/**
 * UTF-8 bytes of text. Between two samples it is all that passed, less the overhead of each event. The overhead hardly differs from one
 * event to the next, so this is far more reliable than extrapolating from the texts of a few events.
 * @param first the events at the beginning
 * @param samples in order; the last one at the end of the stream
 */
export function textBytesIn(
  { first, samples }: { readonly first: Uint8Array; readonly samples: readonly StreamSample[] },
  limits: SseLimits,
): number {
  let textBytes = read(first, limits).textBytes;
  let around: number | null = null;
  let before = { passedBytes: 0, passedEvents: 0 };
  for (const sample of samples) {
    const found = read(sample.run, limits);
    const bytes = sample.passedBytes - before.passedBytes;
    const events = sample.passedEvents - before.passedEvents;
    const here: number | null = found.around ?? around;
    // The events that open an answer may be long, and hold no text.
    if (around === null) textBytes += Math.min(bytes, events * found.text);
    else if (here !== null) textBytes += Math.max(0, bytes - (events * (here + around)) / 2);
    around = here;
    before = sample;
  }
  return Math.round(textBytes);
}

interface Reading {
  readonly textBytes: number;
  /** Average bytes of text in an event. */
  readonly text: number;
  /** Bytes of overhead in an event with text; null: no event holds text. */
  readonly around: number | null;
}

function read(events: Uint8Array, limits: SseLimits): Reading {
  let textBytes = 0;
  let aroundBytes = 0;
  let count = 0;
  let withText = 0;
  for (const { event, data } of run(sseDecoder(limits), [events])) {
    const bytes = deltaBytes(data);
    count++;
    if (bytes === 0) continue;
    textBytes += bytes;
    aroundBytes += UTF8.encode(data).length - bytes + FRAME_BYTES + (event === null ? 0 : event.length + EVENT_BYTES);
    withText++;
  }
  return { textBytes, text: count === 0 ? 0 : textBytes / count, around: withText === 0 ? null : aroundBytes / withText };
}

const UTF8 = new TextEncoder();
/** `data: `, a line feed and a blank line. */
const FRAME_BYTES = 8;
/** `event: ` and a line feed. */
const EVENT_BYTES = 8;

/** Whether the last event with content is reasoning, in any of the four protocols. */
export function isReasoning(events: Uint8Array): boolean {
  const texts = UTF8_TEXT.decode(events).split(BLANK_LINE);
  for (const text of texts.toReversed()) {
    if (REASONING.test(text)) return true;
    if (SAYING.test(text)) return false;
  }
  return false;
}

const UTF8_TEXT = new TextDecoder();
const BLANK_LINE = /\r?\n\r?\n|\r\r/;
/** A quote inside a text is escaped, so no answer can contain these. */
const REASONING = /"(?:thinking|signature)_delta"|"response\.reasoning|(?<!\\)"(?:reasoning(?:_content)?"\s*:\s*"|thought"\s*:\s*true)/;
const SAYING =
  /(?<!\\)"(?:text|input_json)_delta"|"response\.(?:output_text|function_call|custom_tool)|(?<!\\)"(?:content|text)"\s*:\s*"|"tool_calls"|"functionCall"/;
