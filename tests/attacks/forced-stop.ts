// A stop that can't wait: SHUTDOWN_TIMEOUT is over, or a second signal comes, while streams of all protocols hang. Each client is told in its
// protocol, and each call has its line. Never waits longer than the gateway should take.

import { told } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { exactly, pause, soon, type Finding, type OwnTarget, type Report } from "./attack.ts";
import { callOf, endOf, post, type Way } from "./requests.ts";

const END_MS = 15_000;
const WAYS: readonly Way[] = PROTOCOLS.flatMap((client): Way[] => [
  { client, upstream: client },
  { client, upstream: client === "anthropic-messages" ? "openai-chat" : "anthropic-messages" },
]);

export async function attack(target: OwnTarget): Promise<Report> {
  return [...(await forced(target, "a time-out")), ...(await forced(target, "a second signal"))];
}

async function forced({ start, upstream, key }: OwnTarget, how: "a time-out" | "a second signal"): Promise<Finding[]> {
  upstream.script(() => ({ say: { text: "One two three four five six seven eight" }, hang: { afterEvents: 4 } }));
  const gateway = start({ env: { SHUTDOWN_TIMEOUT: how === "a time-out" ? "1" : "60" } });
  const url = await gateway.url;
  const before = upstream.requests.length;
  const running = await Promise.all(WAYS.map((way, index) => post({ url, key }, callOf(way, { stream: true }), { id: `stream-${index}` })));
  const waiting = ["whole"].map((id) => endOf(post({ url, key }, callOf({ client: "openai-chat", upstream: "gemini" }), { id })));
  await soon(() => upstream.requests.length === before + WAYS.length + 1);
  const texts = Promise.all(running.map((response) => response.text().catch(String)));
  gateway.signal("SIGTERM");
  if (how === "a second signal") {
    await soon(() => gateway.lines().some(({ event }) => event === "stopping"));
    // Another one: the same might come too soon to count.
    gateway.signal("SIGINT");
  }
  const ended = await Promise.race([gateway.ended.then(({ code }) => `exit code ${code}`), pause(END_MS).then(() => "it runs on")]);
  const ends = (await texts).map((text, index) => endsInError(text, index));
  const lines = gateway.lines().filter(({ event, error }) => event === "request" && error !== undefined);
  const untold = WAYS.filter((_, index) => ends[index] === false).map(({ client, upstream: to }) => `${client} -> ${to}`);
  const whole = await Promise.all(waiting);
  return [
    exactly(`${how}: the end`, { expected: how === "a time-out" ? "exit code 0" : "exit code 1", came: ended }),
    exactly(`${how}: streams that are not told`, { expected: "none", came: untold.join(", ") || "none" }),
    { what: `${how}: the call without a stream`, expected: "an error status", came: whole.join(), held: /^5\d\d/.test(whole[0] ?? "") },
    exactly(`${how}: log lines with an error`, { expected: String(WAYS.length + 1), came: String(lines.length) }),
  ];
}

function endsInError(text: string, index: number): boolean {
  const client = WAYS[index]?.client ?? "openai-chat";
  try {
    return told(client, text).terminals.some((terminal) => /error|failed/i.test(terminal)) || /"error": ?\{/.test(text);
  } catch {
    return false;
  }
}
