// Test support: the frames of a Bedrock stream, parsed by the library that Bedrock's clients use, and the events in them.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { EventStreamCodec } from "@smithy/eventstream-codec";

export interface Frame {
  readonly kind: unknown;
  readonly name: unknown;
  /** JSON text; for a chunk, the event in it. */
  readonly text: string;
}

const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes)),
  (text) => new TextEncoder().encode(text),
);

/** The library refuses a wrong length or checksum. */
export function framesIn(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
    const { headers, body } = codec.decode(bytes.subarray(at, at + length));
    at += length;
    const kind = headers[":message-type"]?.value;
    assert.equal(headers[":content-type"]?.value, "application/json");
    const payload = new TextDecoder().decode(body);
    const text = kind === "event" ? Buffer.from((JSON.parse(payload) as { bytes: string }).bytes, "base64").toString() : payload;
    frames.push({ kind, name: headers[`:${String(kind)}-type`]?.value, text });
  }
  return frames;
}

/** As a Messages client would have received it. */
export function asSse(frames: readonly Frame[]): string {
  return frames.map((frame) => `data: ${frame.kind === "event" ? frame.text : errorText(frame)}\n\n`).join("");
}

function errorText({ text }: Frame): string {
  const { message } = JSON.parse(text) as { message: string };
  return JSON.stringify({ type: "error", error: { type: "api_error", message } });
}
