// Two hundred made-up keys that each send half a body and wait. They hold nobody up, and are given up on.
// Never sends the other half.

import { rawCall, type RawCall } from "../support/wire.ts";
import { atMost, exactly, feelPulse, pulseFinding, soon, type OwnTarget, type Report } from "./attack.ts";
import { callOf, endOf, headText, PASSED, post } from "./requests.ts";

const COUNT = 200;
/** BODY_TIMEOUT is 3 s here. */
const GIVEN_UP_MS = 15_000;

export async function attack({ url, upstream }: OwnTarget): Promise<Report> {
  upstream.script(() => ({ say: { text: "Hello" } }));
  const { path, body } = callOf(PASSED);
  const slow: RawCall[] = Array.from({ length: COUNT }, (_, index) => {
    const head = headText({ key: `fk-made-up-${index}` }, { path, length: body.length });
    return rawCall(url, head + body.slice(0, body.length / 2));
  });
  // What was sent before has come in when these have been answered.
  const pulse = feelPulse(url);
  const startedMs = performance.now();
  const end = await endOf(post({ url, key: "fk-of-an-honest-client" }, callOf(PASSED)));
  const tookMs = performance.now() - startedMs;
  const statuses = (): string[] => slow.map((call) => call.text().slice(9, 12));
  await soon(() => statuses().every((status) => status !== ""), GIVEN_UP_MS);
  const given = statuses().filter((status) => status === "408").length;
  const worstMs = await pulse.stop();
  for (const call of slow) call.leave();
  return [
    exactly("a call meanwhile", { expected: "200", came: end }),
    atMost("how long it took", { limit: 2000, came: tookMs, unit: "ms" }),
    exactly(`half bodies that are refused in ${GIVEN_UP_MS / 1000} s`, { expected: `${COUNT} by 408`, came: `${given} by 408` }),
    pulseFinding(worstMs),
  ];
}
