// Room: inbound (row 4).
// In:  the body of a client's request.
// Out: its text, within the limit; whether it speaks another protocol than its path.
// Never does: decode it.

import { GatewayError } from "./errors.ts";
import { members } from "./spans.ts";
import { concat, type ByteSource } from "./stream.ts";

/**
 * The body of a request as text.
 * @throws GatewayError `too-large`, also for bodies that do not say their length; `invalid-request` when it is not UTF-8.
 */
export async function readBody(request: Request, maxBytes: number): Promise<string> {
  const declared = request.headers.get("content-length");
  if (Number(declared ?? 0) > maxBytes) throw tooLarge(maxBytes);
  if (request.body === null) return "";
  // A declared length is held by the runtime, which can then read the body in one piece.
  const bytes = declared === null ? await collect(request.body.getReader(), maxBytes) : await request.arrayBuffer().catch(broken);
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new GatewayError("invalid-request", "The body is not UTF-8 text.", { cause });
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

async function collect(source: ByteSource, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await source.read().catch(broken);
    if (done || value === undefined) return concat(chunks);
    length += value.length;
    if (length > maxBytes) {
      await source.cancel();
      throw tooLarge(maxBytes);
    }
    chunks.push(value);
  }
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError("too-large", `The body is larger than ${maxBytes} bytes (MAX_BODY_BYTES).`);
}

function broken(cause: unknown): never {
  throw new GatewayError("cancelled", "The client closed the connection before its request was complete.", { cause });
}

/** Cursor and others send a Responses body to the Chat path: it has `input` where Chat has `messages`. */
export function isResponsesBody(body: string): boolean {
  // Most bodies end this question without being read.
  if (!body.includes('"input"')) return false;
  const keys = members(body).map(({ key }) => key);
  return keys.includes("input") && !keys.includes("messages");
}
