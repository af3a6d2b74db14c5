// SIGHUP while streams run. None is cut: the gateway goes on or stops in order.
// Never judges which of the two it does.

import { told } from "../support/dialects.ts";
import { exactly, pause, type OwnTarget, type Report } from "./attack.ts";
import { callOf, CONVERTED, PASSED, post } from "./requests.ts";

const STREAMS = 20;

export async function attack({ start, upstream, key }: OwnTarget): Promise<Report> {
  upstream.script(() => ({ say: { text: "One two three four five six" }, delayMs: 100 }));
  const gateway = start();
  const url = await gateway.url;
  const running = await Promise.all(
    Array.from({ length: STREAMS }, (_, index) => post({ url, key }, callOf(index % 2 ? PASSED : CONVERTED, { stream: true }))),
  );
  gateway.signal("SIGHUP");
  const texts = await Promise.all(running.map((response) => response.text().catch(String)));
  const complete = texts.filter((text) => text.startsWith("data:") && told("openai-chat", text).terminals.at(-1) === "[DONE]").length;
  await pause(500);
  const ended = await Promise.race([gateway.ended.then(({ code }) => `ended with ${code}`), pause(100).then(() => "runs on")]);
  return [
    exactly("streams that come to their end", { expected: String(STREAMS), came: String(complete) }),
    { what: "the gateway", expected: "runs on or ended with 0", came: ended, held: ended === "runs on" || ended === "ended with 0" },
    exactly("its log", { expected: "names SIGHUP", came: gateway.stdout().includes("SIGHUP") ? "names SIGHUP" : "does not" }),
  ];
}
