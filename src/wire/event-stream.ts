// Frames of AWS's event-stream encoding: bytes with a head and two checksums. Bedrock streams its answers in them.
// https://smithy.io/2.0/aws/amazon-eventstream.html (read 2026-11).
// Does not know what a frame says.

/** One frame. Both kinds hold JSON. */
export interface Frame {
  /** An exception ends the stream. */
  readonly kind: "event" | "exception";
  /** The name by which clients know it: `chunk`, `throttlingException`. */
  readonly name: string;
  /** JSON text. */
  readonly payload: string;
}

export type FrameEncoder = (frame: Frame) => Uint8Array;

/** Loads the encoder; later calls return at once. */
export async function frameEncoder(): Promise<FrameEncoder> {
  // Loaded only for clients that stream from Bedrock's paths: it takes some megabytes.
  const { EventStreamCodec } = await import("@smithy/eventstream-codec");
  const codec = new EventStreamCodec(
    (bytes) => (typeof bytes === "string" ? bytes : DECODER.decode(bytes)),
    (text) => ENCODER.encode(text),
  );
  return ({ kind, name, payload }) =>
    codec.encode({
      headers: {
        [`:${kind}-type`]: { type: "string", value: name },
        ":content-type": { type: "string", value: "application/json" },
        ":message-type": { type: "string", value: kind },
      },
      body: ENCODER.encode(payload),
    });
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
