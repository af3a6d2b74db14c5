// `bun run demo`: a first run without a key. Also `deno run --allow-all tests/demo.ts`. Exit code 0 when every call got the right answer.
// The upstream is the tests' own script on this machine, which repeats what it is asked: no model, no Factory, no network.
// The clients are the official ones, pointed at the gateway as a user would point them.

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import process from "node:process";
import { startGateway } from "./support/gateway.ts";

const QUESTION = "Where do you live?";
const ANSWER = `You said: ${QUESTION}`;

const gateway = await startGateway();
const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key });
const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key });

interface Result {
  readonly text: string;
  /** How many pieces the client saw; null for a non-streaming answer. */
  readonly pieces: number | null;
  /** As the client reads it. */
  readonly usage: string;
}

const messages = [{ role: "user" as const, content: QUESTION }];

/** Each call asks for a model that speaks another protocol than the client. */
const calls: readonly { readonly title: string; readonly model: string; readonly ask: (model: string) => Promise<Result> }[] = [
  {
    title: "openai client, non-streaming",
    model: "claude-sonnet-5",
    async ask(model) {
      const { choices, usage } = await openai.chat.completions.create({ model, messages });
      return {
        text: choices[0]?.message.content ?? "",
        pieces: null,
        usage: `${usage?.prompt_tokens} in, ${usage?.completion_tokens} out`,
      };
    },
  },
  {
    title: "openai client, streaming",
    model: "gpt-5",
    async ask(model) {
      const texts: string[] = [];
      let usage = "";
      for await (const chunk of await openai.chat.completions.create({
        model,
        messages,
        stream: true,
        stream_options: { include_usage: true },
      })) {
        const text = chunk.choices[0]?.delta.content ?? "";
        if (text !== "") texts.push(text);
        if (chunk.usage) usage = `${chunk.usage.prompt_tokens} in, ${chunk.usage.completion_tokens} out`;
      }
      return { text: texts.join(""), pieces: texts.length, usage };
    },
  },
  {
    title: "@anthropic-ai/sdk, non-streaming",
    model: "glm-4.6",
    async ask(model) {
      const { content, usage } = await anthropic.messages.create({ model, messages, max_tokens: 100 });
      const text = content.map((block) => (block.type === "text" ? block.text : "")).join("");
      return {
        text,
        pieces: null,
        usage: `${usage.input_tokens} in, ${usage.cache_read_input_tokens} from cache, ${usage.output_tokens} out`,
      };
    },
  },
  {
    title: "@anthropic-ai/sdk, streaming",
    model: "gemini-2.5-pro",
    async ask(model) {
      const stream = anthropic.messages.stream({ model, messages, max_tokens: 100 });
      let pieces = 0;
      stream.on("text", () => pieces++);
      const { content, usage } = await stream.finalMessage();
      const text = content.map((block) => (block.type === "text" ? block.text : "")).join("");
      return { text, pieces, usage: `${usage.input_tokens} in, ${usage.cache_read_input_tokens} from cache, ${usage.output_tokens} out` };
    },
  },
];

print(`The server is listening on ${gateway.url}.`);
print(`In place of Factory, a script on ${gateway.upstream.url} (tests/support/upstream.ts) echoes each question.\n`);

let isGood = true;
for (const { title, model, ask } of calls) {
  const { text, pieces, usage } = await ask(model);
  const { path, headers } = gateway.lastSeen();
  const isRight = text === ANSWER && (pieces === null || pieces > 1);
  if (!isRight) isGood = false;
  print(title);
  print(`  asked     ${model}: ${QUESTION}`);
  print(`  upstream  POST ${path}, x-api-provider: ${headers["x-api-provider"]}`);
  print(`  answered  ${text}${pieces === null ? "" : ` (in ${pieces} pieces)`}`);
  print(`  usage     ${usage}`);
  print(isRight ? "  correct\n" : `  WRONG, expected ${JSON.stringify(ANSWER)}\n`);
}
await gateway.stop();
print(isGood ? "All calls got the right answer." : "A call got the wrong answer.");
process.exitCode = isGood ? 0 : 1;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
