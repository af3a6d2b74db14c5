// `GET /api/admin/live`: a snapshot, then each change as a server-sent event, while its reader is signed in and the server runs.
// Owns its timers; never lets a slow reader hold anything.

import { streamHeaders } from "../../gateway/headers.ts";
import { GatewayError } from "../../errors.ts";
import type { After } from "../../runtime/ports.ts";
import type { Admin } from "./admin.ts";

const HEARTBEAT_MS = 15_000;
/** A reader that falls further behind is disconnected; it reconnects by itself, and begins with a snapshot. */
const MOST_BEHIND_BYTES = 1024 * 1024;
const MOST_STREAMS = 100;
/** When a browser reconnects, in milliseconds. */
const COME_AGAIN = "retry: 1000\n\n";

export interface LiveReader {
  /** Aborted when the reader leaves: some runtimes tell the stream itself only at its next write. */
  readonly signal: AbortSignal;
  /** Whether the reader's session is still valid. */
  readonly isSignedIn: () => Promise<boolean>;
}

export class LiveStreams {
  readonly #after: After;
  readonly #open = new Set<() => void>();

  constructor(after: After) {
    this.#after = after;
  }

  /** @throws GatewayError `overloaded` where too many are open. */
  open(admin: Pick<Admin, "live" | "watch">, reader: LiveReader): Response {
    if (this.#open.size >= MOST_STREAMS) {
      throw new GatewayError("overloaded", `${MOST_STREAMS} of these streams are already open.`, { headers: { "retry-after": "5" } });
    }
    let end = (): void => {};
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => (end = this.#begin(controller, admin, reader)),
        cancel: () => end(),
      },
      { highWaterMark: MOST_BEHIND_BYTES, size: (chunk) => chunk?.length ?? 0 },
    );
    return new Response(body, { headers: streamHeaders("sse") });
  }

  /** Ends all streams, since the server stops. */
  closeAll(): void {
    for (const end of this.#open) end();
  }

  #begin(
    controller: ReadableStreamDefaultController<Uint8Array>,
    admin: Pick<Admin, "live" | "watch">,
    { signal, isSignedIn }: LiveReader,
  ): () => void {
    const encoder = new TextEncoder();
    let isOver = false;
    let stopTimer = (): void => {};
    let unwatch = (): void => {};
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener("abort", end);
      stopTimer();
      unwatch();
      this.#open.delete(end);
      try {
        controller.close();
      } catch {
        // The reader has left.
      }
    };
    const send = (text: string): void => {
      if (isOver) return;
      controller.enqueue(encoder.encode(text));
      if ((controller.desiredSize ?? 0) <= 0) end();
    };
    const beat = (): void => {
      stopTimer = this.#after(HEARTBEAT_MS, () => {
        void isSignedIn().then(
          (is) => {
            if (!is) return end();
            send(": still here\n\n");
            if (!isOver) beat();
          },
          () => end(),
        );
      });
    };
    this.#open.add(end);
    signal.addEventListener("abort", end);
    void admin.live().then((live) => {
      send(COME_AGAIN + event("snapshot", live));
      unwatch = admin.watch((change) => send(event(change.type, change)));
      if (isOver) unwatch();
      else beat();
    }, end);
    return end;
  }
}

function event(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
