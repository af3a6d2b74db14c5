// Other makers' seals are taken out of a body that passes to Anthropic.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anthropicMessages } from "../../../src/protocol/anthropic-messages/codec.ts";

test("other makers' seals are taken out of a conversation that goes to Anthropic, and nothing else", () => {
  const before =
    '{"model":"m","messages":[ {"role":"user","content":"gw1. is no seal here: \\"gw1.\\""},' +
    '{"role":"assistant","content":[ {"type":"thinking","thinking":"A","signature":"gw1.openai.YQ"} , {"type":"thinking","thinking":"B","signature":"real=="},' +
    '{"type":"text","text":"C","citations":[{"type":"web_search_result_location","encrypted_index":"gw1.none"}]},{"type":"tool_use","id":"t","name":"f","input":{"n":1.50}},' +
    '{"type":"redacted_thinking","data":"gw1.google.YQ.before"} ]},' +
    '{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}, {"role":"assistant","content":[{"type":"thinking","thinking":"D","signature":"gw1.unsigned"}]}]}';
  const after =
    '{"model":"m","messages":[ {"role":"user","content":"gw1. is no seal here: \\"gw1.\\""},' +
    '{"role":"assistant","content":[ {"type":"thinking","thinking":"B","signature":"real=="},' +
    '{"type":"text","text":"C","citations":null},{"type":"tool_use","id":"t","name":"f","input":{"n":1.50}} ]},' +
    '{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}]}';
  assert.equal(anthropicMessages.request.edit(before, { model: null, systemPrompt: null }), after);
});

test("with a budget, a tool loop whose thought was taken out goes on without thinking", () => {
  const loop = (thought: string): string =>
    `[{"role":"user","content":"x"},{"role":"assistant","content":[${thought}{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}]`;
  const sealed = '{"type":"thinking","thinking":"A","signature":"gw1.unsigned"},';
  const body = `{"thinking":{"type":"enabled","budget_tokens":2048},"messages":${loop(sealed)}}`;
  assert.equal(
    anthropicMessages.request.edit(body, { model: null, systemPrompt: null }),
    `{"thinking":{"type":"disabled"},"messages":${loop("")}}`,
  );
});

test("words that look like a seal switch nothing off", () => {
  const body =
    '{"thinking":{"type":"enabled","budget_tokens":2048},"messages":[{"role":"user","content":"\\"gw1.x"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"gw1."}]}]}';
  assert.equal(anthropicMessages.request.edit(body, { model: null, systemPrompt: null }), body);
});
