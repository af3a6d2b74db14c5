// Counts work while something runs, instead of timing it: how often each byte is decoded, parsed, printed and encoded, and by whom.
// Does not stay installed: when the counted code has ended, everything is as it was.

import { CODECS } from "../../src/protocol/codecs.ts";

/** The work so far. */
export type Counts = {
  /** Bytes decoded to text: nothing can be parsed without that, whichever parser is used. */
  readonly decodedBytes: number;
  readonly decodes: number;
  readonly encodes: number;
  /** Calls of `JSON.parse`, and the length of their texts. */
  readonly parses: number;
  readonly parsedLength: number;
  /** Calls of `JSON.stringify`. */
  readonly prints: number;
  /** Events that a protocol's decoder took, and events that it emitted. */
  readonly decoderSteps: number;
  readonly decoded: number;
  /** Events that a protocol's encoder took. */
  readonly encoderSteps: number;
  readonly regExps: number;
  readonly textEncoders: number;
};

export const ZERO: Counts = {
  decodedBytes: 0,
  decodes: 0,
  encodes: 0,
  parses: 0,
  parsedLength: 0,
  prints: 0,
  decoderSteps: 0,
  decoded: 0,
  encoderSteps: 0,
  regExps: 0,
  textEncoders: 0,
};

/** The same members with other numbers. */
export function each<Numbers extends Readonly<Record<string, number>>>(like: Numbers, of: (name: keyof Numbers) => number): Numbers {
  return Object.fromEntries(Object.keys(like).map((name) => [name, of(name)])) as Numbers;
}

export function difference(later: Counts, earlier: Counts): Counts {
  return each(ZERO, (name) => later[name] - earlier[name]);
}

/** Runs `act` while everything that Counts names is counted; `count()` returns the counts since the beginning. */
export async function counting<T>(act: (count: () => Counts) => Promise<T>): Promise<T> {
  const counts: { -readonly [Name in keyof Counts]: number } = { ...ZERO };
  const restore: (() => void)[] = [];
  const wrap = <Host extends object, Name extends keyof Host>(
    host: Host,
    name: Name,
    wrapped: (original: Host[Name]) => Host[Name],
  ): void => {
    const original = host[name];
    host[name] = wrapped(original);
    restore.push(() => (host[name] = original));
  };
  wrap(JSON, "parse", (original) => (text, reviver) => {
    counts.parses++;
    counts.parsedLength += text.length;
    return original(text, reviver) as unknown;
  });
  wrap(
    JSON,
    "stringify",
    (original) =>
      function (...values: unknown[]) {
        counts.prints++;
        return Reflect.apply(original, JSON, values) as string;
      },
  );
  wrap(
    TextDecoder.prototype,
    "decode",
    (original) =>
      function (this: TextDecoder, input, options) {
        if (input !== undefined) counts.decodes++;
        counts.decodedBytes += input?.byteLength ?? 0;
        return Reflect.apply(original, this, [input, options]);
      },
  );
  wrap(
    TextEncoder.prototype,
    "encode",
    (original) =>
      function (this: TextEncoder, text) {
        counts.encodes++;
        return Reflect.apply(original, this, [text]);
      },
  );
  const constructed = <Made extends new (...values: never[]) => unknown>(original: Made, name: "regExps" | "textEncoders"): Made =>
    new Proxy(original, {
      construct(target, values, newTarget) {
        counts[name]++;
        return Reflect.construct(target, values, newTarget) as object;
      },
    });
  wrap(globalThis, "RegExp", (original) => constructed(original, "regExps"));
  wrap(globalThis, "TextEncoder", (original) => constructed(original, "textEncoders"));
  for (const { reply } of Object.values(CODECS)) {
    wrap(reply, "decoder", (original) => (exchange) => {
      const decoder = original(exchange);
      return {
        step(event) {
          counts.decoderSteps++;
          const events = decoder.step(event);
          counts.decoded += events.length;
          return events;
        },
        end: () => decoder.end(),
      };
    });
    wrap(reply, "encoder", (original) => (exchange) => {
      const encoder = original(exchange);
      return {
        step(event) {
          counts.encoderSteps++;
          return encoder.step(event);
        },
        end: () => encoder.end(),
      };
    });
  }
  try {
    return await act(() => ({ ...counts }));
  } finally {
    for (const undo of restore) undo();
  }
}
