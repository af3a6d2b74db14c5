// Pages that Chat upstreams list beside their answers become citations of the text, once each.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Annotation, ProtocolId } from "../../../src/protocol/canonical.ts";
import { openaiChat } from "../../../src/protocol/openai-chat/codec.ts";
import { closed, delta, ended, opened, started, text } from "../../support/canonical.ts";
import { ask } from "../../support/dialects.ts";
import { PROTOCOLS } from "../../support/fixtures.ts";
import { startGateways } from "../../support/gateway.ts";
import { chatExchange, chunk, done, stop, testDecodingStreams } from "./reply-cases.ts";

const [A, B] = ["https://a.example/1", "https://b.example/2"];
const cited = (url: string, title: string | null = null): Annotation => ({
  type: "url-citation",
  url,
  title,
  start: null,
  end: null,
  quote: null,
});
const annotated = (url: string, title: string | null = null) => ({ type: "annotation", index: 0, annotation: cited(url, title) }) as const;
const listing = (sent: object, lists: object): object => ({ ...sent, ...lists });
const hi = chunk({ content: "Hi [1][2]." }) as object;

testDecodingStreams([
  [
    "Perplexity repeats and grows its lists with every chunk",
    [
      listing(hi, { citations: [A], search_results: [{ title: "A", url: A, date: "2026-11-01" }] }),
      listing(stop() as object, { citations: [A, B], search_results: [{ title: "A", url: A }] }),
      done,
    ],
    [started("1"), opened(0, text()), delta(0, "Hi [1][2]."), annotated(A, "A"), annotated(B), closed(0), ended("end", "stop")],
  ],
  [
    "xAI lists them at the end, in a chunk without a choice",
    [hi, stop(), { id: "chatcmpl-1", choices: [], citations: [A, "no address", 7] }, done],
    [started("1"), opened(0, text()), delta(0, "Hi [1][2]."), annotated(A), closed(0), ended("end", "stop")],
  ],
  [
    "Z.ai's and Alibaba's lists; what is annotated already is not told again",
    [
      listing(chunk({ content: "Hi [1][2].", annotations: [{ type: "url_citation", url_citation: { url: A, title: "A" } }] }) as object, {
        web_search: [{ link: A, title: "Other" }],
        search_info: { search_results: [{ url: B, title: "B", index: 1 }] },
      }),
      stop(),
      done,
    ],
    [started("1"), opened(0, text()), delta(0, "Hi [1][2]."), annotated(A, "A"), annotated(B, "B"), closed(0), ended("end", "stop")],
  ],
]);

test("a non-streaming answer's list too; without a text there is nothing to cite", () => {
  const answer = (content: string | null): string =>
    JSON.stringify({
      id: "1",
      model: "m",
      citations: [A],
      choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    });
  assert.deepEqual(openaiChat.reply.decode(answer("Hi"), chatExchange()).parts, [text("Hi", { annotations: [cited(A)] })]);
  assert.deepEqual(openaiChat.reply.decode(answer(null), chatExchange()).parts, []);
});

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});

/** Where each client finds a page's address. */
const PLACES: Readonly<Record<Exclude<ProtocolId, "openai-chat">, RegExp>> = {
  "openai-responses": /"type":"url_citation","url":"https:\/\/a\.example\/1","title":"A","start_index":0,"end_index":10/,
  "anthropic-messages": /"type":"web_search_result_location","url":"https:\/\/a\.example\/1","title":"A"/,
  gemini: /"groundingChunks":\[\{"web":\{"uri":"https:\/\/a\.example\/1","title":"A"\}\}\]/,
};

for (const client of PROTOCOLS) {
  if (client === "openai-chat") continue;
  for (const stream of [false, true]) {
    test(`${client}, ${stream ? "streamed" : "not streamed"}: the client finds the pages where its protocol has them`, async () => {
      const message = { role: "assistant", content: "Hi [1][2]." };
      const lists = { id: "c", citations: [A], search_results: [{ title: "A", url: A }] };
      const body = stream
        ? `data: ${JSON.stringify({ ...lists, choices: [{ index: 0, delta: message, finish_reason: "stop" }] })}\n\ndata: [DONE]\n\n`
        : JSON.stringify({ ...lists, choices: [{ index: 0, message, finish_reason: "stop" }] });
      upstream.script([{ body, headers: { "content-type": stream ? "text/event-stream" : "application/json" } }]);
      const call = ask(client, { model: "sonar", stream });
      assert.match(await (await gateway.call(call.path, { body: call.body })).text(), PLACES[client]);
    });
  }
}
