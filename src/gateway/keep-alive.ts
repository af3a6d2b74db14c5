// Room: patience (row 4).
// In:  a whole answer that is still being made.
// Out: the answer itself when it comes soon; otherwise one that begins with white space, which JSON allows, and goes on with its body.
// Never does: begin before it has to. What it begins has status 200, whatever the answer turns out to be.

import type { After } from "../runtime/ports.ts";
import { SAFE_HEADERS } from "./headers.ts";

export interface Patience {
  /** How long to wait before each sign of life, in milliseconds. */
  readonly everyMs: number;
  /** Calls back once after `ms`; returns what takes it back. */
  readonly after: After;
}

const SPACE = new TextEncoder().encode(" ");

/** `answer` must not reject. */
export async function withPatience(answer: Promise<Response>, { everyMs, after }: Patience): Promise<Response> {
  let takeBack = (): void => {};
  const isLate = new Promise<null>((resolve) => {
    takeBack = after(everyMs, () => resolve(null));
  });
  const soon = await Promise.race([answer, isLate]);
  takeBack();
  if (soon !== null) return soon;

  let reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  let isLeft = false;
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const wait = (): void => {
          takeBack = after(everyMs, () => {
            controller.enqueue(SPACE);
            wait();
          });
        };
        controller.enqueue(SPACE);
        wait();
      },
      async pull(controller) {
        if (reader === null) {
          const found = await answer;
          takeBack();
          if (isLeft) {
            await found.body?.cancel();
            return;
          }
          reader = found.body?.getReader() ?? null;
        }
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
        if (value !== undefined) controller.enqueue(value);
        if (done) controller.close();
      },
      async cancel() {
        isLeft = true;
        takeBack();
        await reader?.cancel();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, {
    status: 200,
    headers: { ...SAFE_HEADERS, "content-type": "application/json", "cache-control": "no-cache, no-transform" },
  });
}
