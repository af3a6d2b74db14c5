// The scripts of the inspector and the playground that need no page: what they make of answers, and the requests that they make.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ProtocolId } from "../../../src/protocol/canonical.ts";
import { PROTOCOLS } from "../../support/fixtures.ts";
import { MODELS } from "../../support/dialects.ts";
import { startGateway } from "../../support/gateway.ts";
import { complete } from "../../support/reply-content.ts";
import { encodeReply } from "../../support/wire-reply.ts";

interface Part {
  readonly kind: string;
  readonly name: string | null;
  readonly text: string;
}

interface Reader {
  take(data: string): void;
  readonly parts: readonly Part[];
  readonly usage: { readonly input: number; readonly output: number; readonly cached: number } | null;
  readonly finish: string | null;
  readonly error: string | null;
}

interface Answers {
  readonly answerReader: (protocol: ProtocolId) => Reader;
  readonly eventReader: (take: (event: { readonly name: string | null; readonly data: string }) => void) => {
    readonly step: (text: string) => void;
    readonly end: () => void;
  };
}

interface Requests {
  readonly bodyOf: (protocol: ProtocolId, choices: object) => object;
  readonly continued: (
    protocol: ProtocolId,
    body: object,
    answer: { readonly parts: readonly Part[]; readonly results: readonly string[] },
  ) => object;
  readonly pathOf: (protocol: ProtocolId, asked: { readonly model: string; readonly stream: boolean }) => string;
  readonly headersOf: (protocol: ProtocolId, key: string) => Record<string, string>;
}

interface CodeSamples {
  readonly sampleOf: (language: string, request: object, options: { readonly origin: string; readonly isSse: boolean }) => string;
}

const load = async (name: string): Promise<unknown> =>
  (await import(new URL(`../../../src/http/dashboard/client/${name}.js`, import.meta.url).href)) as unknown;
const { answerReader, eventReader } = (await load("answers")) as Answers;
const { bodyOf, continued, pathOf, headersOf } = (await load("requests")) as Requests;
const { sampleOf } = (await load("code-samples")) as CodeSamples;

const CALL = { id: "call_1", name: "look_up", custom: false, arguments: '{"word":"gateway"}' };
const FINISHES = {
  "openai-chat": "tool_calls",
  "openai-responses": "completed",
  "anthropic-messages": "tool_use",
  gemini: "STOP",
} as const;

for (const protocol of PROTOCOLS) {
  test(`${protocol}: what an answer says is put together alike from its events and from its body`, () => {
    const saying = complete({ model: MODELS[protocol], reasoning: "Let me think.", text: "I look it up.", calls: [CALL] });
    const { events, whole: body } = encodeReply(protocol, saying, { serial: 7, includeUsage: true });
    const streamed = answerReader(protocol);
    const reader = eventReader(({ data }) => streamed.take(data));
    // Cut wherever.
    const text = events.join("");
    for (let at = 0; at < text.length; at += 7) reader.step(text.slice(at, at + 7));
    reader.end();
    const whole = answerReader(protocol);
    whole.take(body);
    for (const found of [streamed, whole]) {
      const parts = found.parts.map(({ kind, name, text: said }) => [kind, kind === "tool" ? name : null, said]);
      assert.deepEqual(parts, [
        ["reasoning", null, "Let me think."],
        ["text", null, "I look it up."],
        ["tool", "look_up", CALL.arguments],
      ]);
      const { usage } = saying;
      assert.deepEqual(found.usage, { input: usage.input, output: usage.output, cached: usage.cached });
      assert.deepEqual([found.finish, found.error], [FINISHES[protocol], null]);
    }
  });
}

const gateway = await startGateway();
after(() => gateway.stop());

const TOOL = {
  name: "get_weather",
  description: "The weather.",
  parameters: { type: "object", properties: { place: { type: "string" } } },
};
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

for (const protocol of PROTOCOLS) {
  test(`${protocol}: what the playground sends is taken by strict upstreams, whatever the model and the choices`, async () => {
    for (const model of Object.values(MODELS)) {
      for (const stream of [true, false]) {
        const plain = { model, system: "Be brief.", text: "Hello", image: null, stream, maxTokens: 900, reasoning: "", tools: [] };
        const rich = { ...plain, image: { type: "image/png", data: PIXEL }, maxTokens: null, reasoning: "high", tools: [TOOL] };
        for (const choices of [plain, rich]) {
          const response = await gateway.call(pathOf(protocol, { model, stream }), {
            body: bodyOf(protocol, choices),
            key: null,
            headers: headersOf(protocol, gateway.key),
          });
          const text = await response.text();
          assert.equal(response.status, 200, text);
          const reader = answerReader(protocol);
          const events = eventReader(({ data }) => reader.take(data));
          if (stream) events.step(text);
          else reader.take(text);
          assert.ok(
            reader.parts.some(({ kind }) => kind === (choices === rich ? "tool" : "text")),
            text,
          );
        }
      }
    }
  });
}

for (const protocol of PROTOCOLS) {
  test(`${protocol}: an answer that calls a tool goes on with its result, whatever the model`, async () => {
    for (const model of Object.values(MODELS)) {
      const choices = { model, system: "", text: "Hello", image: null, maxTokens: null, reasoning: "high", tools: [TOOL], stream: true };
      let body = bodyOf(protocol, choices);
      const kinds: string[] = [];
      for (const turn of [1, 2]) {
        const options = { body, key: null, headers: headersOf(protocol, gateway.key) };
        const response = await gateway.call(pathOf(protocol, { model, stream: true }), options);
        const text = await response.text();
        assert.equal(response.status, 200, text);
        const reader = answerReader(protocol);
        eventReader(({ data }) => reader.take(data)).step(text);
        const [part] = reader.parts.filter(({ kind }) => kind !== "reasoning");
        kinds.push(part?.kind ?? "");
        if (turn === 1) body = continued(protocol, body, { parts: reader.parts, results: ["It rains."] });
        else assert.match(part?.text ?? "", /It rains\./);
      }
      assert.deepEqual(kinds, ["tool", "text"]);
    }
  });
}

test("samples in three languages ask for the key by its variable, and hold none", () => {
  const headers = {
    authorization: "Bearer fp-alice\u2026",
    "x-api-key": "sk-\u2026",
    "anthropic-version": "2023-06-01",
    host: "x",
    "user-agent": "y",
  };
  const request = { method: "POST", path: "/v1/messages", headers, body: `{"messages":[{"role":"user","content":"It's \\"this\\" '''"}]}` };
  for (const language of ["curl", "python", "node"]) {
    const sample = sampleOf(language, request, { origin: "http://127.0.0.1:8000", isSse: true });
    assert.ok(
      sample.includes("FACTORY_PROXY_KEY") && sample.includes("anthropic-version") && sample.includes("http://127.0.0.1:8000/v1/messages"),
    );
    assert.doesNotMatch(sample, /alice|sk-|user-agent|host/);
  }
});
