// Streams whose conversion has to hold things back: proofs, arguments, names, citations, empty parts, one after another without end. What is
// held has a limit. Never sends more than `MOST_BYTES` to one call.

import { feelPulse, pulseFinding, type Finding, type OwnTarget, type Report } from "./attack.ts";
import { watchMemory } from "./memory.ts";
import { flood, startRawUpstream } from "./raw-upstream.ts";
import { callOf, endOf, post, wayName, type Way } from "./requests.ts";

const MEBIBYTE = 1024 * 1024;
const MOST_BYTES = 1024 * MEBIBYTE;
const MOST_MS = 12_000;
/** An answer may be 256 MiB, and characters may take two bytes. */
const MEMORY_MIB = 900;
const LONG = "x".repeat(MEBIBYTE);

const sse = (data: object, event?: string): string => `${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;
const chat = (delta: object): string =>
  sse({ id: "1", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: null }] });
const message = (type: string, more: object): string => sse({ type, ...more }, type);
const MESSAGE_START = message("message_start", {
  message: {
    id: "1",
    type: "message",
    role: "assistant",
    model: "m",
    content: [],
    stop_reason: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  },
});
const gemini = (part: object): string => sse({ candidates: [{ content: { role: "model", parts: [part] }, index: 0 }] });

interface Holding {
  readonly name: string;
  readonly way: Way;
  readonly first: string;
  readonly piece: string;
}

const HOLDINGS: readonly Holding[] = [
  {
    name: "a proof of reasoning",
    way: { client: "openai-responses", upstream: "anthropic-messages" },
    first: MESSAGE_START + message("content_block_start", { index: 0, content_block: { type: "thinking", thinking: "", signature: "" } }),
    piece: message("content_block_delta", { index: 0, delta: { type: "signature_delta", signature: LONG } }),
  },
  {
    name: "arguments of a call",
    way: { client: "gemini", upstream: "openai-chat" },
    first: chat({ tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "look_up", arguments: '{"a":"' } }] }),
    piece: chat({ tool_calls: [{ index: 0, function: { arguments: LONG } }] }),
  },
  {
    name: "the name of a call",
    way: { client: "anthropic-messages", upstream: "openai-chat" },
    first: chat({ role: "assistant", content: "" }),
    piece: chat({ tool_calls: [{ index: 0, function: { name: LONG } }] }),
  },
  {
    name: "citations",
    way: { client: "openai-chat", upstream: "anthropic-messages" },
    first: MESSAGE_START + message("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    piece: message("content_block_delta", {
      index: 0,
      delta: {
        type: "citations_delta",
        citation: { type: "web_search_result_location", url: "https://example.com", title: "x", cited_text: LONG, encrypted_index: "x" },
      },
    }),
  },
  {
    name: "proofs of empty parts",
    way: { client: "anthropic-messages", upstream: "gemini" },
    first: gemini({ text: "a" }),
    piece: gemini({ text: "", thoughtSignature: LONG }),
  },
  {
    name: "empty parts",
    way: { client: "openai-responses", upstream: "gemini" },
    first: gemini({ text: "a" }),
    piece: (gemini({ text: "", thought: true }) + gemini({ text: "" })).repeat(500),
  },
];

export async function attack({ start, key }: OwnTarget): Promise<Report> {
  let holding = HOLDINGS[0];
  let sent = 0;
  const upstream = await startRawUpstream((response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(holding?.first);
    void flood(response, { piece: holding?.piece ?? "", mostBytes: MOST_BYTES, mostMs: MOST_MS }).then((bytes) => (sent = bytes));
  });
  try {
    const findings: Finding[] = [];
    for (const one of HOLDINGS) {
      holding = one;
      sent = 0;
      const gateway = start({ env: { FACTORY_BASE_URL: upstream.url } });
      const url = await gateway.url;
      const memory = watchMemory(gateway.pid);
      const pulse = feelPulse(url);
      const end = await endOf(post({ url, key }, callOf(one.way, { stream: true })));
      const worstMs = await pulse.stop();
      const what = `${one.name}, ${wayName(one.way)}`;
      // The upstream breaks off at its limit, if the gateway has not before.
      findings.push(
        {
          what: `${what}: the end`,
          expected: "an error",
          came: `${end}, after ${Math.round(sent / MEBIBYTE)} MiB`,
          held: /^50\d|with an error event/.test(end),
        },
        { ...pulseFinding(worstMs), what: `${what}: others wait for /health` },
        ...memory(what, MEMORY_MIB),
      );
      gateway.signal("SIGKILL");
    }
    return findings;
  } finally {
    upstream.stop();
  }
}
