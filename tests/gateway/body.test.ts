// The text of a large body, in which long strings are cut, and the way back: what goes out is what an edit of the whole text gives.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyText, LARGE_BODY } from "../../src/gateway/body.ts";
import { GatewayError } from "../../src/errors.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { sealProof } from "../../src/protocol/seals.ts";
import type { Edits } from "../../src/protocol/codec.ts";
import { CODECS } from "../../src/protocol/codecs.ts";

const utf8 = new TextEncoder();
/** As the gateway reads it: with some room behind. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const encoded = utf8.encode(text);
  const bytes = new Uint8Array(encoded.length + 64 * 1024).subarray(0, encoded.length);
  bytes.set(encoded);
  return bytes;
}
const textOf = (body: string | Uint8Array): string => (typeof body === "string" ? body : new TextDecoder().decode(body));

const PICTURE = "iVBORw0KGgo".repeat(150_000);
const FILE = 'A long text, with "quotes", \\ and \n line ends, \u4e16\u754c and \u{1f600}. '.repeat(20_000);
const SEALED = sealProof({ origin: "openai", data: "x".repeat(100_000) }, "anthropic");

/** A large body of each protocol, with a picture, a file, and what else may have to be found in it. */
const BODIES: Readonly<Record<ProtocolId, object>> = {
  "anthropic-messages": {
    max_tokens: 5,
    system: FILE,
    messages: [
      { role: "user", content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: PICTURE } }] },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "", signature: SEALED },
          { type: "text", text: FILE },
        ],
      },
      { role: "user", content: "And \u4e16?" },
    ],
    model: "claude",
  },
  "openai-chat": {
    model: "gpt",
    messages: [
      { role: "system", content: FILE },
      { role: "user", content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${PICTURE}` } }] },
    ],
  },
  "openai-responses": {
    model: "gpt",
    instructions: FILE,
    input: [{ role: "user", content: [{ type: "input_image", image_url: `data:image/png;base64,${PICTURE}` }] }],
  },
  gemini: {
    systemInstruction: { parts: [{ text: FILE }] },
    contents: [{ role: "user", parts: [{ inlineData: { mimeType: "image/png", data: PICTURE } }, { text: FILE }] }],
  },
};
const EDITS: readonly Edits[] = [
  { model: null, systemPrompt: null },
  { model: "another-model-with-a-longer-name", systemPrompt: null },
  { model: "m", systemPrompt: null },
  { model: null, systemPrompt: "You are Dr\u00f6id. \u4e16" },
  { model: "m", systemPrompt: "You are Droid.", stream: true },
];

for (const [protocol, asked] of Object.entries(BODIES)) {
  const { request } = CODECS[protocol as ProtocolId];
  const written = JSON.stringify(asked);

  test(`${protocol}: an edit of a large body is the edit of its whole text, byte for byte`, () => {
    for (const edits of EDITS) {
      for (const final of [false, true]) {
        const body = bodyText(bytesOf(written));
        assert.ok(body.text.length < 200_000);
        assert.ok(textOf(body.restored(request.edit(body.text, edits), { final })) === request.edit(written, edits), JSON.stringify(edits));
      }
    }
  });

  test(`${protocol}: the head of a large body is the same, as far as a conversation is told by it`, () => {
    const path = protocol === "gemini" ? { model: "g", stream: false } : null;
    const headOf = (text: string): unknown => {
      const head = request.head({ body: text, headers: {}, path });
      return { ...head, conversation: head.conversation.slice(0, 4096) };
    };
    assert.deepEqual(headOf(bodyText(bytesOf(written)).text), headOf(written));
  });

  test(`${protocol}: what is not final can be asked again, and whole`, () => {
    const body = bodyText(bytesOf(written));
    const edit = { model: "another", systemPrompt: "You are Droid." };
    for (let count = 0; count < 2; count++) {
      assert.ok(textOf(body.restored(request.edit(body.text, edit), { final: false })) === request.edit(written, edit));
    }
    assert.ok(body.whole() === written);
    assert.ok(textOf(body.restored(request.edit(body.text, edit), { final: true })) === request.edit(written, edit));
  });
}

test("a large body without an edit goes out as the very bytes that came", () => {
  const bytes = bytesOf(JSON.stringify({ data: PICTURE }));
  const body = bodyText(bytes);
  assert.equal(body.restored(body.text, { final: true }), bytes);
});

test("an edit that has the room behind it is done in place", () => {
  const bytes = bytesOf(JSON.stringify({ model: "a", data: PICTURE, rest: FILE }));
  const body = bodyText(bytes);
  const out = body.restored(body.text.replace('"a"', '"a longer name"'), { final: true });
  assert.ok(out instanceof Uint8Array && out.buffer === bytes.buffer);
  assert.ok(textOf(out) === JSON.stringify({ model: "a longer name", data: PICTURE, rest: FILE }));
});

test("a body that is not large is its text", () => {
  const written = JSON.stringify({ data: "x".repeat(LARGE_BODY - 100) });
  const body = bodyText(bytesOf(written));
  assert.deepEqual([body.text === written, body.whole() === written, body.restored("edited", { final: true })], [true, true, "edited"]);
});

test("no escape and no character is cut in two, wherever the cut falls", () => {
  for (let shift = 0; shift < 8; shift++) {
    for (const unit of ["\\u4e16", "\u{1f600}", '\\"', "\\\\", "\u00e9"]) {
      const written = `{"shift":"${"s".repeat(shift)}","data":"${"d".repeat(shift)}${unit.repeat(800_000)}"}`;
      const body = bodyText(bytesOf(written));
      assert.ok(body.text.length < 50_000);
      assert.doesNotThrow(() => JSON.parse(body.text), `${shift} ${unit}`);
      assert.ok(textOf(body.restored(`${body.text} `, { final: false })) === `${written} `, `${shift} ${unit}`);
    }
  }
});

test("text that looks like the mark of a cut is left alone", () => {
  const written = JSON.stringify({ note: "gw.cut.0.0. gw.cut.1.5.", data: PICTURE });
  const body = bodyText(bytesOf(written));
  assert.ok(textOf(body.restored(`${body.text} `, { final: true })) === `${written} `);
});

test("a body that is not UTF-8 is refused, in what is read of it", () => {
  const bytes = bytesOf(JSON.stringify({ note: "abc", data: PICTURE }));
  bytes[10] = 0xff;
  assert.throws(
    () => bodyText(bytes),
    (error: unknown) => error instanceof GatewayError && error.kind === "invalid-request",
  );
});

test("a string without an end is left as it is", () => {
  const written = `{"data":"${PICTURE}`;
  const { text } = bodyText(bytesOf(written));
  assert.ok(text === written);
});
