import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteOffsets } from "../../../src/protocol/gemini/byte-offsets.ts";

const TEXTS = ["", "abc", "aé€😀b", "😀😀", "\ud800x", "x\udc00", "é".repeat(9)];
const utf8 = new TextEncoder();
const decoder = new TextDecoder();

test("places in bytes are those that encoding the text up to them gives", () => {
  for (const text of TEXTS) {
    const offsets = new ByteOffsets(text);
    const units = Array.from({ length: text.length + 2 }, (_, unit) => unit);
    assert.deepEqual(
      units.map((unit) => offsets.bytesAt(unit)),
      units.map((unit) => utf8.encode(text.slice(0, unit)).length),
      text,
    );
  }
});

test("places in units are those that decoding the bytes up to them gives; beyond the end there are none", () => {
  for (const text of TEXTS) {
    const offsets = new ByteOffsets(text);
    const bytes = utf8.encode(text);
    const places = Array.from({ length: bytes.length + 1 }, (_, place) => place);
    assert.deepEqual(
      places.map((place) => offsets.unitsAt(place)),
      places.map((place) => decoder.decode(bytes.subarray(0, place)).length),
      text,
    );
    assert.equal(offsets.unitsAt(bytes.length + 1), null);
  }
});
