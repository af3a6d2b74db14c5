// What sends calls to the upstream in production, for tests: this runtime's own client, else its fetch.

import { dial } from "../../src/runtime/dial.ts";
import type { After, Send } from "../../src/runtime/ports.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { http1 } from "../../src/upstream/http1/client.ts";
import { sendByFetch } from "../../src/upstream/http-fetch.ts";

export function realSend({ after, now }: { readonly after: After; readonly now: () => number }): Send {
  const { bodySource, bodyReader, connectTcp } = runtime;
  const byFetch = sendByFetch({ fetch: (url, init) => fetch(url, init), bodySource, bodyReader, dial, now });
  return connectTcp === null ? byFetch : http1({ connectTcp, after, now, otherwise: byFetch });
}
