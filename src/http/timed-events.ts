// A short stream of events at a steady pace. A client that reads it through a proxy sees whether the proxy holds streams back.

import type { After } from "../runtime/ports.ts";

const COUNT = 5;
const PAUSE_MS = 150;

export function timedEvents(after: After): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let sent = 0;
  let cancelTimer = (): void => {};
  return new ReadableStream(
    {
      async pull(controller) {
        if (sent > 0) await new Promise<void>((resolve) => (cancelTimer = after(PAUSE_MS, resolve)));
        sent++;
        const isLast = sent === COUNT;
        controller.enqueue(encoder.encode(`event: ${isLast ? "end" : "tick"}\ndata: {"number":${sent}}\n\n`));
        if (isLast) controller.close();
      },
      cancel: () => cancelTimer(),
    },
    { highWaterMark: 0 },
  );
}
