// How a client compressed the body of its request, and the body decompressed.
// Does not take in or put out more than the limit on bodies, or undo more than one encoding.

import { GatewayError } from "../errors.ts";
import type { BodyReader, Unpack } from "../runtime/ports.ts";

/** The encodings that a client may use. */
const ACCEPTED = "zstd, gzip, deflate, br";
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([["x-gzip", "gzip"]]);

/** The name of the one encoding; null: none. @throws GatewayError 415 for more than one. */
export function encodingOf(header: string | undefined): string | null {
  if (header === undefined) return null;
  const names = header
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity");
  if (names.length > 1) throw unsupported(header, "a body may be compressed only once");
  const [name] = names;
  return name === undefined ? null : (OTHER_NAMES.get(name) ?? name);
}

/** @throws GatewayError 415 for an unknown encoding; `read` throws `invalid-request` for a body that is not in that encoding. */
export function unpackedBody(source: BodyReader, encoding: string, { maxBytes, unpack }: UnpackedOptions): BodyReader {
  const unpacked = unpack(encoding, source, { maxBytes });
  if (unpacked === null) throw unsupported(encoding, "this server does not support it");
  return {
    read: () => unpacked.read().catch((error: unknown) => fail(error, encoding)),
    cancel: (reason) => unpacked.cancel(reason),
  };
}

export interface UnpackedOptions {
  readonly maxBytes: number;
  readonly unpack: Unpack;
}

function fail(cause: unknown, encoding: string): never {
  if (cause instanceof GatewayError) throw cause;
  throw new GatewayError("invalid-request", `The body is not ${encoding}, as its content-encoding says, or it is cut off.`, { cause });
}

function unsupported(encoding: string, why: string): GatewayError {
  const text = `content-encoding: ${encoding.slice(0, 100)}: ${why}. Send the body uncompressed or with one of ${ACCEPTED}.`;
  return new GatewayError("invalid-request", text, { status: 415, headers: { "accept-encoding": ACCEPTED } });
}
