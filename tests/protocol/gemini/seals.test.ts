// Other makers' seals in a conversation that goes to Gemini as it is, and calls that say that they are unsigned.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gemini } from "../../../src/protocol/gemini/codec.ts";
import { UNSIGNED } from "../../../src/protocol/gemini/seals.ts";

const SEALED = btoa(`gw1.anthropic.${btoa("claude's own").replace(/=+$/, "")}`);

const SEALED_BODIES: readonly (readonly [what: string, before: string, after: string])[] = [
  [
    "a thought keeps its words",
    `{"contents":[{"role":"model","parts":[ {"text":"Hm.", "thought":true, "thoughtSignature":"${SEALED}"} , {"text":"Yes."} ]}]}`,
    '{"contents":[{"role":"model","parts":[ {"text":"Hm.", "thought":true} , {"text":"Yes."} ]}]}',
  ],
  [
    "a hidden thought goes, and a content of nothing else with it",
    `{"contents":[{"parts":[{"text":"","thought_signature":"${SEALED}"}]},{"parts":[{"thoughtSignature":"${SEALED}","text":"","thought":true},{"text":"A"}]}]}`,
    '{"contents":[{"parts":[{"text":"A"}]}]}',
  ],
  [
    "a call that another model made gets Google's word for that",
    `{"contents":[{"parts":[{"functionCall":{"name":"f","args":{"n":1.0}},"thoughtSignature":"${UNSIGNED}"}]}]}`,
    '{"contents":[{"parts":[{"functionCall":{"name":"f","args":{"n":1.0}},"thoughtSignature":"skip_thought_signature_validator"}]}]}',
  ],
  [
    "Gemini's own signature, and words that look like a seal, stay",
    '{"contents":[{"parts":[{"text":"Z3cxLm","thoughtSignature":"R29vZ2xl"},{"text":"\\"Z3cxLm"}]}]}',
    '{"contents":[{"parts":[{"text":"Z3cxLm","thoughtSignature":"R29vZ2xl"},{"text":"\\"Z3cxLm"}]}]}',
  ],
];

for (const [what, before, after] of SEALED_BODIES) {
  test(`what other vendors sealed is taken out of a conversation that goes to Gemini: ${what}`, () => {
    const edits = { model: "gemini-3.1-pro-preview", systemPrompt: null, stream: null };
    const put = (body: string): string => body.replace("{", '{"model":"gemini-3.1-pro-preview",');
    assert.equal(gemini.request.edit(before, edits), put(after));
    assert.equal(gemini.request.edit(put(before), { ...edits, model: null }), put(after));
  });
}

test("a model that needs no signature gets none for an unsigned call", () => {
  const body = `{"contents":[{"parts":[{"functionCall":{"name":"f"},"thoughtSignature":"${UNSIGNED}"}]}],"model":"gemini-2.5-pro"}`;
  const edited = gemini.request.edit(body, { model: null, systemPrompt: null });
  assert.equal(edited, '{"contents":[{"parts":[{"functionCall":{"name":"f"}}]}],"model":"gemini-2.5-pro"}');
});

test("a call that says it is unsigned has no proof, in either alphabet, with and without padding", () => {
  for (const thoughtSignature of [UNSIGNED, UNSIGNED.replace(/=+$/, "")]) {
    const body = JSON.stringify({ contents: [{ role: "model", parts: [{ functionCall: { name: "f" }, thoughtSignature }] }] });
    const { turns } = gemini.request.decode({ body, headers: {}, path: { model: "m", stream: false } });
    const [part] = turns[0]?.parts ?? [];
    assert.equal(part?.type === "tool-call" ? part.proof : undefined, null);
  }
});
