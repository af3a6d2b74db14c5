// Bodies of a few megabytes, one shape after another, whose conversion could cost the square of their length; others ask for /health meanwhile.
// Never expects an answer to each: a refusal is one as well, if it comes in time.

import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask, MODELS } from "../support/dialects.ts";
import { SHAPES, shaped } from "../support/shapes.ts";
import { feelPulse, pulseFinding, type Finding, type Report, type Target } from "./attack.ts";

/** Of what each shape is named after. */
const COUNT = 20_000;
const MOST_MS = 15_000;
/** Every protocol in, each to another one. */
const WAYS: readonly (readonly [client: ProtocolId, upstream: ProtocolId])[] = [
  ["openai-chat", "anthropic-messages"],
  ["anthropic-messages", "openai-responses"],
  ["openai-responses", "gemini"],
  ["gemini", "openai-chat"],
];

export async function attack({ url, key }: Target): Promise<Report> {
  const findings: Finding[] = [];
  let index = 0;
  for (const [name, shape] of Object.entries(SHAPES)) {
    const [client, upstream] = WAYS[index++ % WAYS.length] ?? ["openai-chat", "anthropic-messages"];
    const model = MODELS[upstream];
    const { path } = ask(client, { model });
    const body = JSON.stringify(shaped(client, shape(COUNT), model).body);
    const pulse = feelPulse(url);
    const startedMs = performance.now();
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    let came: string;
    try {
      const response = await fetch(url + path, { method: "POST", headers, body, signal: AbortSignal.timeout(60_000) });
      await response.arrayBuffer();
      came = `${response.status} after ${Math.round(performance.now() - startedMs)} ms`;
    } catch (error) {
      came = String(error);
    }
    const worstMs = await pulse.stop();
    const what = `${name}, ${(body.length / 1e6).toFixed(1)} MB, ${client} -> ${upstream}`;
    findings.push({
      what,
      expected: `an answer in ${MOST_MS} ms`,
      came,
      held: /^\d/.test(came) && performance.now() - startedMs < MOST_MS,
    });
    findings.push({ ...pulseFinding(worstMs), what: `${name}: others wait for /health` });
  }
  return findings;
}
