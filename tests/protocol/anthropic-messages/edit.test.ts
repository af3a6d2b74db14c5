// The named edits of a body that passes: nothing else is touched.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../../src/errors.ts";
import { anthropicMessages } from "../../../src/protocol/anthropic-messages/codec.ts";

const PROMPT = 'Be "Droid".';
const QUOTED = JSON.stringify(PROMPT);
const BLOCK = `{"type":"text","text":${QUOTED}}`;
const REST = '"max_tokens" :\t1.0e3, "zz": 12345678901234567890, "messages": [ {"role":"user","content":"\\u0041\\/"} ]';

const EDITS: readonly { readonly what: string; readonly before: string; readonly after: string }[] = [
  { what: "without instructions, as a new member", before: `{ ${REST} }`, after: `{"system":[${BLOCK}], ${REST} }` },
  {
    what: "a string becomes an array, with the client's own words as it wrote them",
    before: `{ "system" : "A\\u0042\\n", ${REST}}`,
    after: `{ "system" : [${BLOCK},{"type":"text","text":"A\\u0042\\n"}], ${REST}}`,
  },
  {
    what: "an array gets a block in front",
    before: `{${REST},"system":[ {"text":"A" , "type":"text","cache_control":{"type":"ephemeral"}}\n]}`,
    after: `{${REST},"system":[${BLOCK}, {"text":"A" , "type":"text","cache_control":{"type":"ephemeral"}}\n]}`,
  },
  { what: "into an empty array", before: `{"system":[ ],${REST}}`, after: `{"system":[${BLOCK} ],${REST}}` },
  { what: "in the place of an empty string", before: `{"system":"",${REST}}`, after: `{"system":[${BLOCK}],${REST}}` },
  { what: "in the place of null", before: `{"system": null,${REST}}`, after: `{"system": [${BLOCK}],${REST}}` },
  {
    what: "not where a string begins with it",
    before: `{"system":"Be \\"Droid\\". And more.",${REST}}`,
    after: `{"system":"Be \\"Droid\\". And more.",${REST}}`,
  },
  {
    what: "not where the first block begins with it",
    before: `{"system":[{"type":"text","text":"Be \\u0022Droid\\u0022. X"}],${REST}}`,
    after: `{"system":[{"type":"text","text":"Be \\u0022Droid\\u0022. X"}],${REST}}`,
  },
  {
    what: "not where the second block is it",
    before: `{"system":[{"type":"text","text":"x-anthropic-billing-header: a"},${BLOCK}],${REST}}`,
    after: `{"system":[{"type":"text","text":"x-anthropic-billing-header: a"},${BLOCK}],${REST}}`,
  },
  { what: "not where the instructions are no text", before: `{"system":7,${REST}}`, after: `{"system":7,${REST}}` },
];

for (const { what, before, after } of EDITS) {
  test(`the system prompt is put in front of the client's own: ${what}`, () => {
    assert.equal(anthropicMessages.request.edit(before, { model: null, systemPrompt: PROMPT }), after);
    assert.equal(anthropicMessages.request.edit(after, { model: null, systemPrompt: PROMPT }), after);
  });
}

test("the model's name is spliced, and nothing else is touched", () => {
  const body = `{"a":{"model":"inner"}, "model" : "x\\u0041" ,${REST}}`;
  assert.equal(
    anthropicMessages.request.edit(body, { model: 'new "one"', systemPrompt: null }),
    `{"a":{"model":"inner"}, "model" : "new \\"one\\"" ,${REST}}`,
  );
  assert.equal(anthropicMessages.request.edit(body, { model: null, systemPrompt: null }), body);
});

test("a body that is not one JSON object, or names a member twice, is refused", () => {
  for (const body of ["[]", '{"a":1,}', '{"model":"a","model":"b"}', '\ufeff{"model":"a"}']) {
    assert.throws(() => anthropicMessages.request.edit(body, { model: "m", systemPrompt: null }), GatewayError, body);
    assert.throws(() => anthropicMessages.request.head({ body, headers: {}, path: null }), GatewayError, body);
  }
});
