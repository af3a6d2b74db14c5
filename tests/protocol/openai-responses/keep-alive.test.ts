// Signs of life between the events of a Responses stream: their numbers, and those of the events behind them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NumberedSigns } from "../../../src/protocol/openai-responses/keep-alive.ts";

const utf8 = new TextEncoder();
const sign = (number: number): string => `event: keepalive\ndata: {"type":"keepalive","sequence_number":${number}}\n\n`;

function passed(signs: NumberedSigns, run: string): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(signs.pass(utf8.encode(run)));
}

test("what goes out before the first sign is the very same bytes", () => {
  const run = utf8.encode('data: {"sequence_number":0}\n\n');
  assert.equal(new NumberedSigns().pass(run), run);
});

test("no sign comes before the first event, nor behind the last", () => {
  const signs = new NumberedSigns();
  assert.equal(signs.sign(), null);
  passed(signs, ": hello\n\n");
  assert.equal(signs.sign(), null);
  passed(signs, 'data: {"type":"response.created","sequence_number":0}\n\n');
  assert.equal(signs.sign(), sign(1));
  passed(signs, 'data: {"type":"response.completed","sequence_number":1}\n\n');
  assert.equal(signs.sign(), null);
});

test("signs go on counting, and what follows counts on from them, whatever its line ends and its spelling", () => {
  const signs = new NumberedSigns();
  passed(signs, 'data: {"type":"response.created","sequence_number":0}\r\n\r\ndata: {"type":"x", "sequence_number" : 4}\r\n\r\n');
  assert.deepEqual([signs.sign(), signs.sign()], [sign(5), sign(6)]);
  assert.equal(
    passed(signs, ': a comment\r\n\r\nevent: y\r\nid: 7\r\ndata:{"type":"y", "sequence_number" : 5, "n": 1e3}\r\n\r\ndata: [DONE]\r\n\r\n'),
    ': a comment\r\n\r\nevent: y\r\nid: 7\r\ndata:{"type":"y", "sequence_number" : 7, "n": 1e3}\r\n\r\ndata: [DONE]\r\n\r\n',
  );
});

test("only the event's own number moves: not one in a text, in an object within, nor what is no whole number", () => {
  const signs = new NumberedSigns();
  passed(signs, 'data: {"type":"response.created","sequence_number":0}\n\n');
  signs.sign();
  const texts = [
    'data: {"delta":"\u2028data: {\\"sequence_number\\":3}","item":{"sequence_number":3}}\n\n',
    'data: {"sequence_number":"3"}\n\ndata: {"sequence_number":-1}\n\ndata: {"sequence_number":\n\n',
  ];
  for (const text of texts) assert.equal(passed(signs, text), text);
});

test("comments and blank lines behind an event hide neither its number nor the end", () => {
  const signs = new NumberedSigns();
  passed(signs, 'data: {"type":"response.created","sequence_number":0}\n\n');
  passed(signs, 'data: {"type":"x","sequence_number":4}\n\n: wait\n\n');
  assert.equal(signs.sign(), sign(5));
  passed(signs, 'data: {"type":"x","sequence_number":5}\n\n\n\n');
  assert.equal(signs.sign(), sign(7));
  passed(signs, 'data: {"type":"response.completed","sequence_number":6}\n\n: bye\n\n');
  assert.equal(signs.sign(), null);
});

test("events without numbers are counted", () => {
  const signs = new NumberedSigns();
  passed(signs, 'data: {"type":"response.created"}\n\n');
  assert.equal(signs.sign(), sign(1));
});
