// The named edits of a Responses body that passes: what changes in its text, and that nothing else does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";

const SEALED = '{"type":"reasoning","summary":[],"encrypted_content":"gw1.anthropic.c2ln"}';

const EDITS: readonly { what: string; body: string; model?: string; prompt?: string; expected: string }[] = [
  { what: "nothing to do", body: '{ "model" : "a", "n":1e2 }', expected: '{ "model" : "a", "n":1e2 }' },
  {
    what: "the model alone",
    body: '{ "n":1.50, "model" : "a" , "big":12345678901234567890}',
    model: 'b"',
    expected: '{ "n":1.50, "model" : "b\\"" , "big":12345678901234567890}',
  },
  {
    what: "the prompt in front of the client's own words",
    body: '{"instructions":"Be \\u0062rief.","model":"a"}',
    prompt: "P\n",
    expected: '{"instructions":"P\\n\\n\\nBe \\u0062rief.","model":"a"}',
  },
  {
    what: "the prompt where there were no instructions",
    body: '{ "model":"a"}',
    prompt: "P",
    expected: '{ "instructions":"P","model":"a"}',
  },
  {
    what: "the prompt where they were null",
    body: '{"instructions": null ,"model":"a"}',
    prompt: "P",
    expected: '{"instructions": "P" ,"model":"a"}',
  },
  {
    what: "a prompt that stands there already",
    body: '{"instructions":"P\\n\\nmine","model":"a"}',
    prompt: "P",
    expected: '{"instructions":"P\\n\\nmine","model":"a"}',
  },
  { what: "an empty prompt", body: '{"model":"a"}', prompt: "", expected: '{"model":"a"}' },
  {
    what: "instructions that are no string are the upstream's to refuse",
    body: '{"instructions":[1],"model":"a"}',
    prompt: "P",
    expected: '{"instructions":[1],"model":"a"}',
  },
  {
    what: "reasoning that was sealed for another maker is taken out",
    body: `{"model":"a","input":[${SEALED}, {"role":"user","content":"\\"gw1. ]"} ,${SEALED},{"type":"reasoning","encrypted_content":"gAAA"},${SEALED}]}`,
    expected: '{"model":"a","input":[{"role":"user","content":"\\"gw1. ]"} ,{"type":"reasoning","encrypted_content":"gAAA"}]}',
  },
  {
    what: "reasoning that never had a proof is taken out too: OpenAI would look for it in its store",
    body: '{"input":[{"role":"user","content":"A"},{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gw1.unsigned"}]}',
    expected: '{"input":[{"role":"user","content":"A"}]}',
  },
  {
    what: "sealed reasoning that stands alone",
    body: `{"input":[ ${SEALED},${SEALED} ],"model":"a"}`,
    expected: '{"input":[  ],"model":"a"}',
  },
  {
    what: "words that look like a seal",
    body: '{"input":[{"role":"user","content":"gw1.x"}],"model":"a"}',
    expected: '{"input":[{"role":"user","content":"gw1.x"}],"model":"a"}',
  },
];

for (const { what, body, model = null, prompt = null, expected } of EDITS) {
  test(`edit: ${what}`, () => assert.equal(openaiResponses.request.edit(body, { model, systemPrompt: prompt }), expected));
}
