// An upstream that sends comments and never an event, as fast as it can and slowly. The call ends in time, and none of it is kept.
// Never sends more than `MOST_BYTES` to one call.

import { atMost, feelPulse, pulseFinding, type Finding, type OwnTarget, type Report } from "./attack.ts";
import { watchMemory } from "./memory.ts";
import { flood, startRawUpstream, type Flood } from "./raw-upstream.ts";
import { callOf, endOf, post, WAYS, wayName } from "./requests.ts";

const MEBIBYTE = 1024 * 1024;
const MOST_BYTES = 1024 * MEBIBYTE;
const MOST_MS = 20_000;
const MEMORY_MIB = 200;
/** UPSTREAM_FIRST_BYTE_TIMEOUT is 3 s here. */
const END_MS = 10_000;
const COMMENT = `: ${"x".repeat(1000)}\n\n`;

const FLOODS: Readonly<Record<string, Flood>> = {
  "as fast as it can": { piece: COMMENT.repeat(64), mostBytes: MOST_BYTES, mostMs: MOST_MS },
  "one line without an end": { piece: `: ${"x".repeat(65_534)}`, mostBytes: MOST_BYTES, mostMs: MOST_MS },
  "blank lines": { piece: "\n".repeat(65_536), mostBytes: MOST_BYTES, mostMs: MOST_MS },
  "ten a second": { piece: ": ping\n\n", mostBytes: MOST_BYTES, mostMs: MOST_MS, pauseMs: 100 },
};

export async function attack({ start, key }: OwnTarget): Promise<Report> {
  let manner: Flood = { piece: "", mostBytes: 0, mostMs: 0 };
  const upstream = await startRawUpstream((response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    void flood(response, manner);
  });
  try {
    const findings: Finding[] = [];
    for (const [name, one] of Object.entries(FLOODS)) {
      for (const way of WAYS) {
        manner = one;
        // Each has a gateway of its own: what one took at the highest would hide the next.
        const gateway = start({ env: { FACTORY_BASE_URL: upstream.url, UPSTREAM_FIRST_BYTE_TIMEOUT: "3" } });
        const url = await gateway.url;
        const memory = watchMemory(gateway.pid);
        const pulse = feelPulse(url);
        const startedMs = performance.now();
        const end = await endOf(post({ url, key }, callOf(way, { stream: true })));
        const tookMs = performance.now() - startedMs;
        const what = `${name}, ${wayName(way)}`;
        findings.push(
          { what: `${what}: the end`, expected: "502 or 504", came: end, held: /^50[24]\b/.test(end) },
          atMost(`${what}: after`, { limit: END_MS, came: tookMs, unit: "ms" }),
          { ...pulseFinding(await pulse.stop()), what: `${what}: others wait for /health` },
          ...memory(what, MEMORY_MIB),
        );
        gateway.signal("SIGKILL");
      }
    }
    return findings;
  } finally {
    upstream.stop();
  }
}
