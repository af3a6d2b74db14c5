// Keeps a waiting client connected: a stream gets keep-alives in its protocol's own form; a late non-streaming answer begins with white
// space, which JSON allows.
// Does not begin before it has to: what it begins has status 200, whatever the answer turns out to be.

import type { Codec } from "../protocol/codec.ts";
import type { After, BodyReader } from "../runtime/ports.ts";
import { NOTHING, through, UNTOUCHED, type KeepAlive, type Pump } from "../wire/pump.ts";
import { SAFE_HEADERS } from "./headers.ts";

/** A stream of server-sent events, and its keep-alives. */
export function withSigns(
  pump: Pump,
  { keepAlive, signsOfLife }: Codec["reply"],
): Pick<KeepAlive, "sign" | "isLife"> & { readonly pump: Pump } {
  const signs = signsOfLife?.();
  if (signs === undefined) return { pump, sign: () => UTF8.encode(keepAlive) };
  const pass = (out: Uint8Array | null): Uint8Array | null => (out === null ? null : signs.pass(out));
  return {
    sign: () => UTF8.encode(signs.sign() ?? keepAlive),
    isLife: (out) => signs.isLife(out),
    pump: {
      step: (chunk) => pass(pump.step(chunk)),
      end: () => pass(pump.end()),
      fail: (error) => pass(pump.fail(error)),
      left: () => pump.left?.(),
      get finished() {
        return pump.finished;
      },
    },
  };
}

export interface Waiting {
  /** How long the client may wait for a byte, in milliseconds. */
  readonly everyMs: number;
  readonly after: After;
}

/** An answer that did not come in time. */
export interface Late<Answer> extends Waiting {
  readonly type: "late";
  readonly answer: Promise<Answer>;
}

/** The answer itself where it comes in time. Rejects where it fails in time. */
export async function answerOrLate<Answer>(answer: Promise<Answer>, { everyMs, after }: Waiting): Promise<Answer | Late<Answer>> {
  let cancelTimer = (): void => {};
  const late = new Promise<Late<Answer>>((resolve) => {
    cancelTimer = after(everyMs, () => resolve({ type: "late", answer, everyMs, after }));
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    cancelTimer();
  }
}

/** White space at once and while nothing comes, then the body of `response`, which must not reject. Cancelled when the client leaves. */
export function lateResponse(response: Promise<Response>, { everyMs, after }: Waiting): Response {
  const keepAlive = { sign: () => SPACE, everyMs, after, isDue: true } as const;
  return new Response(through(bodyOf(response), UNTOUCHED, { closed: () => {}, keepAlive }), { status: 200, headers: HEADERS });
}

function bodyOf(response: Promise<Response>): BodyReader {
  const reader = response.then(({ body }): BodyReader => body?.getReader() ?? NOTHING);
  return {
    read: async () => (await reader).read(),
    cancel: async (reason) => (await reader).cancel(reason),
  };
}

const UTF8 = new TextEncoder();
const SPACE = UTF8.encode(" ");
const HEADERS = { ...SAFE_HEADERS, "content-type": "application/json", "cache-control": "no-cache, no-transform" };
