// The named edits of a body that passes: every other character stays.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openaiChat } from "../../../src/protocol/openai-chat/codec.ts";

const PROMPT = 'You are "Droid".\n';
const EDITS: readonly (readonly [what: string, body: string, edited: string])[] = [
  [
    "the prompt stands in front of the messages, every other character as it was",
    ' { "x" : 1.50 ,"messages":\t[ {"role":"user","content":"Hi"} ],"model" : "a" }',
    ' { "x" : 1.50 ,"messages":\t[{"role":"system","content":"You are \\"Droid\\".\\n"}, {"role":"user","content":"Hi"} ],"model" : "b" }',
  ],
  [
    "the prompt goes into an empty list",
    '{"model":"a","messages":[]}',
    '{"model":"b","messages":[{"role":"system","content":"You are \\"Droid\\".\\n"}]}',
  ],
  [
    "never doubled: a leading message begins with it",
    '{"model":"a","messages":[{"role":"developer","content":[{"type":"text","text":"You are \\"Droid\\".\\nAnd kind."}]},{"role":"user","content":"Hi"}]}',
    '{"model":"b","messages":[{"role":"developer","content":[{"type":"text","text":"You are \\"Droid\\".\\nAnd kind."}]},{"role":"user","content":"Hi"}]}',
  ],
  [
    "never doubled: the second of the leading messages",
    '{"model":"a","messages":[{"role":"system","content":"A"},{"role":"system","content":"You are \\"Droid\\".\\n"}]}',
    '{"model":"b","messages":[{"role":"system","content":"A"},{"role":"system","content":"You are \\"Droid\\".\\n"}]}',
  ],
  [
    "a user who says the same is no instruction",
    '{"model":"a","messages":[{"role":"user","content":"You are \\"Droid\\".\\n"}]}',
    '{"model":"b","messages":[{"role":"system","content":"You are \\"Droid\\".\\n"},{"role":"user","content":"You are \\"Droid\\".\\n"}]}',
  ],
  ["messages that are no list are the upstream's to reject", '{"model":"a","messages":"Hi"}', '{"model":"b","messages":"Hi"}'],
];

for (const [what, body, edited] of EDITS) {
  test(`editing a body: ${what}`, () => assert.equal(openaiChat.request.edit(body, { model: "b", systemPrompt: PROMPT }), edited));
}
