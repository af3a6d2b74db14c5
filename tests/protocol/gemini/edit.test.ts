// The named edits of a body that passes to Gemini.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gemini } from "../../../src/protocol/gemini/codec.ts";

const EDITED: readonly (readonly [name: string, before: string, after: string])[] = [
  ["no instructions", '{ "contents":[] }', '{"systemInstruction":{"parts":[{"text":"P"}]}, "contents":[] }'],
  ["an empty body", "{}", '{"systemInstruction":{"parts":[{"text":"P"}]}}'],
  [
    "parts",
    '{"systemInstruction":{"role":"x", "parts": [ {"text":"a"} ]}}',
    '{"systemInstruction":{"role":"x", "parts": [{"text":"P"}, {"text":"a"} ]}}',
  ],
  ["no parts yet", '{"systemInstruction":{"parts":[]}}', '{"systemInstruction":{"parts":[{"text":"P"}]}}'],
  [
    "one part in the place of parts",
    '{"systemInstruction":{"parts":{"text":"a"}}}',
    '{"systemInstruction":{"parts":[{"text":"P"},{"text":"a"}]}}',
  ],
  [
    "one part in the place of a content",
    '{"system_instruction": {"text":"a"} }',
    '{"system_instruction": {"parts":[{"text":"P"},{"text":"a"}]} }',
  ],
  ["a role alone", '{"systemInstruction":{"role":"user"}}', '{"systemInstruction":{"parts":[{"text":"P"}],"role":"user"}}'],
  ["a string", '{"systemInstruction":"a"}', '{"systemInstruction":"P\\n\\na"}'],
  ["an empty string", '{"systemInstruction":""}', '{"systemInstruction":"P"}'],
  ["a list of strings", '{"systemInstruction":["a"]}', '{"systemInstruction":["P","a"]}'],
  ["a list of parts", '{"systemInstruction":[{"text":"a"}]}', '{"systemInstruction":[{"text":"P"},{"text":"a"}]}'],
  ["null", '{"systemInstruction":null}', '{"systemInstruction":{"parts":[{"text":"P"}]}}'],
  ["parts that are null", '{"systemInstruction":{"parts":null}}', '{"systemInstruction":{"parts":[{"text":"P"}]}}'],
  [
    "instructions that begin with it",
    '{"systemInstruction":{"parts":[{"text":"P"},{"text":"a"}]}}',
    '{"systemInstruction":{"parts":[{"text":"P"},{"text":"a"}]}}',
  ],
  ["a string that begins with it", '{"systemInstruction":"P\\n\\na"}', '{"systemInstruction":"P\\n\\na"}'],
];

for (const [name, before, after] of EDITED) {
  test(`the system prompt is spliced into ${name}, once`, () => {
    const edits = { model: null, systemPrompt: "P", stream: null };
    assert.equal(gemini.request.edit(before, edits), after);
    assert.equal(gemini.request.edit(after, edits), after);
  });
}

test("model and stream switch are put into a body that has none, and replaced in one that has", () => {
  const edit = (body: string, stream: boolean | null): string => gemini.request.edit(body, { model: "m", systemPrompt: null, stream });
  assert.equal(edit('{ "contents":[ 1.0 ]}', true), '{"model":"m","stream":true, "contents":[ 1.0 ]}');
  assert.equal(edit('{ "contents":[ 1.0 ]}', false), '{"model":"m", "contents":[ 1.0 ]}');
  assert.equal(edit('{"stream" : true,"model":"old"}', false), '{"stream" : false,"model":"m"}');
  assert.equal(edit('{"model":"old"}', null), '{"model":"m"}');
});
