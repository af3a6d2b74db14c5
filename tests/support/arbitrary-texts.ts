// Arbitrary texts, names, ids, arguments and proofs, as models, clients and people produce them.
// Each is a fast-check generator; the plain cases come first, so that a counterexample shrinks to them.
// Does not make unpaired surrogates, which are not valid text.

import fc, { type Arbitrary } from "fast-check";
import type { Origin, Proof, ReasoningPart } from "../../src/protocol/canonical.ts";

/** Plain objects, so that they are equal to what the codecs make. */
export function record<T extends object>(members: { [Key in keyof T]: Arbitrary<T[Key]> }): Arbitrary<T> {
  return fc.record<T>(members, { noNullPrototype: true });
}

export function maybe<T>(arbitrary: Arbitrary<T>): Arbitrary<T | null> {
  return fc.option(arbitrary, { nil: null, freq: 2 });
}

const TROUBLE = [
  "Look at the sea.",
  "",
  " ",
  "\n\n",
  " led by space, and followed by it\t",
  "Stürme über Ø 🌊👩‍👩‍👧 漢字",
  "\u{1F468}\u{1D11E}",
  'quotes " and \\ slashes \\" and \\u0041',
  "data: [DONE]\n\nevent: error\r\n\r\n",
  "\uFEFFmark first",
  "lines \u2028 and \u2029 apart, \u0000 and \u001b",
  "</text><|im_end|>{}[]",
  "gw1.",
  "json",
  "Error: it broke",
  "__proto__",
] as const;

/** Anything that a string may contain; "" too. */
export const anyText: Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...TROUBLE) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
);

/** Text of a reply: models send no empty part. */
export const someText: Arbitrary<string> = anyText.filter((text) => text !== "");

/** Names that every protocol accepts. */
export const plainName: Arbitrary<string> = fc.constantFrom("look", "mcp__sea__look", "get_depth-2", "_");

/** Names as MCP servers and people choose them, including some that no protocol accepts. */
export const toolName: Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: plainName },
  {
    weight: 2,
    arbitrary: fc.constantFrom("sea.look/now", "x".repeat(64), "x".repeat(65), "x".repeat(200), "tiefe über", "1st", "constructor", "a b"),
  },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 10 }) },
);

/** Ids as vendors make them, as clients repeat them, and as nobody should. */
export const callId: Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("call_0", "call_1", "toolu_01A", "fc_1", "call_1_0") },
  { weight: 1, arbitrary: fc.constantFrom("call.with/signs", "ä-1", "c".repeat(41), "c".repeat(70), "0", " ") },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 12 }) },
);

const NUMBERS = ["0", "-1", "12345678901234567890", "-9007199254740993", "1.10", "1e400", "0.1000000000000000055"] as const;

const value: Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", maxDepth: 3 },
    fc.constantFrom("null", "true", "[]", "{}"),
    fc.constantFrom(...NUMBERS),
    anyText.map((text) => JSON.stringify(text)),
    fc.array(tie("value"), { maxLength: 2 }).map((items) => `[${items.join(", ")}]`),
    fc.uniqueArray(fc.tuple(anyText, tie("value")), { maxLength: 2, selector: ([key]) => key }).map(objectText),
  ),
})).value;

function objectText(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([key, text]) => `${JSON.stringify(key)}: ${text}`).join(",")}}`;
}

/** The text of a JSON object, with numbers that no double can hold and unexpected spaces. */
export const jsonObject: Arbitrary<string> = fc
  .uniqueArray(fc.tuple(fc.oneof(fc.constantFrom("at", "depth", "n", "ü", "input"), anyText), value), {
    maxLength: 3,
    selector: ([key]) => key,
  })
  .map(objectText);

/** The arguments of a call: mostly an object; also nothing, something else, or the first half of an object. */
export const callArguments: Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: jsonObject },
  { weight: 1, arbitrary: fc.constantFrom("", "{}", " {} ", "[1]", '"text"', "null", "7") },
  { weight: 1, arbitrary: fc.constantFrom('{"at":', '{"at":"Ki', "{", "not json") },
);

/** Opaque. Google's are bytes, so all of them are base64 here. */
export const proofOf = (...origins: readonly Origin[]): Arbitrary<Proof> =>
  record<Proof>({
    origin: fc.constantFrom(...origins),
    data: fc.uint8Array({ minLength: 1, maxLength: 24 }).map((bytes) => btoa(String.fromCharCode(...bytes))),
  });

/** A thought, readable or not, in its maker's protocol: Google and OpenAI hide a thought by omitting its text, Anthropic by redacting it. */
export function thoughtOf(origins: readonly Origin[], text: Arbitrary<string>): Arbitrary<ReasoningPart> {
  const readable = fc.tuple(text, origins.length === 0 ? fc.constant(null) : maybe(proofOf(...origins)));
  const thought = readable.map(([said, proof]): ReasoningPart => ({
    type: "reasoning",
    text: said,
    redacted: isHidden(said, proof),
    proof,
  }));
  if (origins.length === 0) return thought;
  const hidden = fc.tuple(proofOf(...origins), fc.boolean());
  return fc.oneof(
    { weight: 2, arbitrary: thought },
    {
      weight: 1,
      arbitrary: hidden.map(([proof, redacted]): ReasoningPart => ({
        type: "reasoning",
        text: "",
        redacted: isHidden("", proof) || (redacted && proof.origin === "anthropic"),
        proof,
      })),
    },
  );
}

function isHidden(text: string, proof: Proof | null): boolean {
  return text === "" && proof?.origin === "google";
}

const NOUNS = ["string", "integer", "number", "boolean", "null"] as const;

/** A schema of parameters or of an answer: usually an object, also one without members, and keywords that few servers accept. */
export const schema: Arbitrary<string> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom('{"type":"object"}', '{"type":"object","properties":{}}', "{}") },
  {
    weight: 4,
    arbitrary: fc
      .uniqueArray(fc.tuple(fc.constantFrom("at", "depth", "$ref", "cache_control", "type", "filter[id]"), memberSchema()), {
        maxLength: 3,
        selector: ([key]) => key,
      })
      .chain((members) =>
        fc.boolean().map((closed) => {
          const names = members.map(([key]) => JSON.stringify(key)).join(",");
          return `{ "type":"object", "properties":${objectText(members)},"required":[${names}]${closed ? ',"additionalProperties":false' : ""}}`;
        }),
      ),
  },
);

function memberSchema(): Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(...NOUNS).map((type) => `{"type":"${type}"}`),
    fc.constantFrom(
      '{"type":["string","null"],"description":"Where."}',
      '{"type":"integer","minimum":1,"maximum":12345678901234567890}',
      '{"enum":["a","b"]}',
      '{"const":"x"}',
      '{"type":"array","items":{"type":"string"},"uniqueItems":true}',
      '{"anyOf":[{"type":"string"},{"type":"null"}]}',
      '{"type":"object","additionalProperties":{"type":"string"}}',
      '{"type":"string","pattern":"^\\\\d+$","format":"date-time"}',
      "true",
    ),
  );
}
