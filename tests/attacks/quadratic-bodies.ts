// Bodies of a few megabytes, one shape after another, whose conversion could cost the square of their length; others ask for /health meanwhile.
// Never expects a 200 of all: some shapes are what broken clients send, and a refusal is an answer too if it comes in time.

import { MODELS } from "../support/dialects.ts";
import { SHAPES, shaped } from "../support/shapes.ts";
import { feelPulse, type Finding, type OwnTarget, type Report } from "./attack.ts";
import { callOf, CONVERTED, endOf, post, type Way } from "./requests.ts";

/** Of what each shape is named after: enough that the square of it takes longer than others may wait, even where nothing else runs. */
const COUNT = 30_000;
const OTHERS_MS = 5000;
const MOST_MS = 15_000;
/** Every protocol in, each to another one. */
const WAYS: readonly Way[] = [
  { client: "openai-chat", upstream: "anthropic-messages" },
  { client: "anthropic-messages", upstream: "openai-responses" },
  { client: "openai-responses", upstream: "gemini" },
  { client: "gemini", upstream: "openai-chat" },
];

export async function attack(target: OwnTarget): Promise<Report> {
  // Says its piece at once: a strict provider would take its time over these bodies.
  target.upstream.script(() => ({ say: { text: "Done." } }));
  const findings: Finding[] = [];
  const statuses = new Set<string>();
  for (const [index, [name, shape]] of Object.entries(SHAPES).entries()) {
    const way = WAYS[index % WAYS.length] ?? CONVERTED;
    const found = await convert(target, way, { name, body: shaped(way.client, shape(COUNT), MODELS[way.upstream]).body });
    statuses.add(found.came.slice(0, 3));
    findings.push(found);
  }
  const isRead = statuses.has("200");
  return [...findings, { what: "bodies that are served", expected: "some", came: isRead ? "some" : "none", held: isRead }];
}

async function convert(target: OwnTarget, way: Way, { name, body }: { name: string; body: string }): Promise<Finding> {
  const pulse = feelPulse(target.url);
  const startedMs = performance.now();
  const end = await endOf(post(target, { path: callOf(way).path, body }));
  const tookMs = Math.round(performance.now() - startedMs);
  const worstMs = Math.round(await pulse.stop());
  return {
    what: `${name}, ${(body.length / 1e6).toFixed(1)} MB, ${way.client} -> ${way.upstream}`,
    expected: `an answer in ${MOST_MS} ms, and others in ${OTHERS_MS} ms`,
    came: `${end} in ${tookMs} ms, and others in ${worstMs} ms`,
    held: /^\d/.test(end) && tookMs < MOST_MS && worstMs < OTHERS_MS,
  };
}
