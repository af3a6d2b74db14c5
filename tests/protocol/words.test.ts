// Every enumeration of a request, by each protocol's table: a word that nobody here knows is left out and said, or it is a 400 that names it.
// Each row of a table has a request here that holds a strange word in its place.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../src/errors.ts";
import type { ProtocolId, ToolChoice } from "../../src/protocol/canonical.ts";
import { codecOf } from "../../src/protocol/codecs.ts";
import type { Words } from "../../src/protocol/fields.ts";
import { WORDS as MESSAGES } from "../../src/protocol/anthropic-messages/wire.ts";
import { WORDS as GEMINI } from "../../src/protocol/gemini/wire.ts";
import { WORDS as CHAT } from "../../src/protocol/openai-chat/wire.ts";
import { WORDS as RESPONSES } from "../../src/protocol/openai-responses/wire.ts";

const STRANGE = "brand-new";

interface Sample {
  readonly body: Record<string, unknown>;
  /** Where the strange word stands. */
  readonly path: string;
}
interface Table<Row extends string> {
  readonly protocol: ProtocolId;
  readonly words: Readonly<Record<Row, Words<string>>>;
  readonly samples: Readonly<Record<Row, Sample>>;
}

const hi = { role: "user", content: "Hi" };
const chat = (body: Record<string, unknown>): Record<string, unknown> => ({ model: "m", messages: [hi], ...body });
const responses = (body: Record<string, unknown>): Record<string, unknown> => ({ model: "m", input: [hi], ...body });
const messages = (body: Record<string, unknown>): Record<string, unknown> => ({ model: "m", max_tokens: 9, messages: [hi], ...body });
const gemini = (body: Record<string, unknown>): Record<string, unknown> => ({ contents: [{ parts: [{ text: "Hi" }] }], ...body });
const table = <Row extends string>(value: Table<Row>): Table<string> => value;

const URL_OF_A_PICTURE = "https://example.com/a.png";

const TABLES = [
  table({
    protocol: "openai-chat",
    words: CHAT,
    samples: {
      "messages.role": { body: chat({ messages: [{ ...hi, role: STRANGE }] }), path: "messages[0].role" },
      "messages.detail": {
        body: chat({
          messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: URL_OF_A_PICTURE, detail: STRANGE } }] }],
        }),
        path: "messages[0].content[0].image_url.detail",
      },
      "cache_control.ttl": {
        body: chat({
          messages: [{ role: "user", content: [{ type: "text", text: "Hi", cache_control: { type: "ephemeral", ttl: STRANGE } }] }],
        }),
        path: "messages[0].content[0].cache_control.ttl",
      },
      reasoning_effort: { body: chat({ reasoning_effort: STRANGE }), path: "reasoning_effort" },
      "response_format.type": { body: chat({ response_format: { type: STRANGE } }), path: "response_format.type" },
      search_context_size: {
        body: chat({ web_search_options: { search_context_size: STRANGE } }),
        path: "web_search_options.search_context_size",
      },
      service_tier: { body: chat({ service_tier: STRANGE }), path: "service_tier" },
      tool_choice: { body: chat({ tool_choice: STRANGE }), path: "tool_choice" },
      "tool_choice.mode": {
        body: chat({
          tools: [{ type: "function", function: { name: "f" } }],
          tool_choice: { type: "allowed_tools", allowed_tools: { mode: STRANGE, tools: [{ type: "function", function: { name: "f" } }] } },
        }),
        path: "tool_choice.allowed_tools.mode",
      },
      function_call: { body: chat({ functions: [{ name: "f" }], function_call: STRANGE }), path: "function_call" },
      "tools.format.type": {
        body: chat({ tools: [{ type: "custom", custom: { name: "f", format: { type: STRANGE } } }] }),
        path: "tools[0].custom.format.type",
      },
      verbosity: { body: chat({ verbosity: STRANGE }), path: "verbosity" },
    },
  } satisfies Table<keyof typeof CHAT>),
  table({
    protocol: "openai-responses",
    words: RESPONSES,
    samples: {
      "input.detail": {
        body: responses({ input: [{ role: "user", content: [{ type: "input_image", image_url: URL_OF_A_PICTURE, detail: STRANGE }] }] }),
        path: "input[0].content[0].detail",
      },
      "input.role": { body: responses({ input: [{ ...hi, role: STRANGE }] }), path: "input[0].role" },
      "reasoning.effort": { body: responses({ reasoning: { effort: STRANGE } }), path: "reasoning.effort" },
      "reasoning.summary": { body: responses({ reasoning: { summary: STRANGE } }), path: "reasoning.summary" },
      service_tier: { body: responses({ service_tier: STRANGE }), path: "service_tier" },
      "text.format.type": { body: responses({ text: { format: { type: STRANGE } } }), path: "text.format.type" },
      "text.verbosity": { body: responses({ text: { verbosity: STRANGE } }), path: "text.verbosity" },
      tool_choice: { body: responses({ tool_choice: STRANGE }), path: "tool_choice" },
      "tool_choice.mode": {
        body: responses({ tool_choice: { type: "allowed_tools", mode: STRANGE, tools: [{ type: "function", name: "f" }] } }),
        path: "tool_choice.mode",
      },
      "tools.format.type": {
        body: responses({ tools: [{ type: "custom", name: "f", format: { type: STRANGE } }] }),
        path: "tools[0].format.type",
      },
      "tools.search_context_size": {
        body: responses({ tools: [{ type: "web_search", search_context_size: STRANGE }] }),
        path: "tools[0].search_context_size",
      },
    },
  } satisfies Table<keyof typeof RESPONSES>),
  table({
    protocol: "anthropic-messages",
    words: MESSAGES,
    samples: {
      "cache_control.ttl": {
        body: messages({ system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral", ttl: STRANGE } }] }),
        path: "system[0].cache_control.ttl",
      },
      "messages.clear_at": {
        body: messages({ messages: [hi, { role: "system", content: "Be brief.", clear_at: STRANGE }] }),
        path: "messages[1].clear_at",
      },
      "messages.role": { body: messages({ messages: [{ ...hi, role: STRANGE }] }), path: "messages[0].role" },
      "output_config.effort": { body: messages({ output_config: { effort: STRANGE } }), path: "output_config.effort" },
      "output_config.format.type": { body: messages({ output_config: { format: { type: STRANGE } } }), path: "output_config.format.type" },
      service_tier: { body: messages({ service_tier: STRANGE }), path: "service_tier" },
      "source.type": {
        body: messages({ messages: [{ role: "user", content: [{ type: "image", source: { type: STRANGE } }] }] }),
        path: "messages[0].content[0].source.type",
      },
      "system.type": { body: messages({ system: [{ type: STRANGE, text: "Be brief." }] }), path: "system[0].type" },
      "thinking.display": { body: messages({ thinking: { type: "adaptive", display: STRANGE } }), path: "thinking.display" },
      "thinking.type": { body: messages({ thinking: { type: STRANGE } }), path: "thinking.type" },
      tool_choice: { body: messages({ tool_choice: STRANGE }), path: "tool_choice" },
      "tool_choice.type": { body: messages({ tool_choice: { type: STRANGE } }), path: "tool_choice.type" },
    },
  } satisfies Table<keyof typeof MESSAGES>),
  table({
    protocol: "gemini",
    words: GEMINI,
    samples: {
      "contents.role": { body: gemini({ contents: [{ role: STRANGE, parts: [{ text: "Hi" }] }] }), path: "contents[0].role" },
      "generationConfig.thinkingConfig.thinkingLevel": {
        body: gemini({ generationConfig: { thinkingConfig: { thinkingLevel: STRANGE } } }),
        path: "generationConfig.thinkingConfig.thinkingLevel",
      },
      serviceTier: { body: gemini({ serviceTier: STRANGE }), path: "serviceTier" },
      "toolConfig.functionCallingConfig.mode": {
        body: gemini({ toolConfig: { functionCallingConfig: { mode: STRANGE } } }),
        path: "toolConfig.functionCallingConfig.mode",
      },
    },
  } satisfies Table<keyof typeof GEMINI>),
];

const PATH = { model: "m", stream: false };

for (const { protocol, words, samples } of TABLES) {
  const codec = codecOf({ protocol, schema: "native" });
  for (const [row, { path, body }] of Object.entries(samples)) {
    const request = { body: JSON.stringify(body), headers: {}, path: protocol === "gemini" ? PATH : null };
    if (words[row]?.unknown === "refused") {
      test(`${protocol}: without ${row} the answer would be wrong, so a strange word is a 400 that names it`, () => {
        assert.throws(
          () => codec.request.decode(request),
          (error) =>
            error instanceof GatewayError &&
            error.param === path &&
            error.message === `${path} should be one of ${words[row]?.known.join(", ")}, not "${STRANGE}".`,
        );
      });
      continue;
    }
    test(`${protocol}: a strange word in ${row} is left out and reported, once, for every upstream`, () => {
      const decoded = codec.request.decode(request);
      for (const target of ["openai-chat", "openai-responses", "anthropic-messages", "gemini"] as const) {
        if (target === protocol) continue;
        const { losses, body: sent } = codecOf({ protocol: target, schema: "native" }).request.encode(decoded);
        assert.deepEqual(
          losses.filter(({ severity, field }) => severity !== "dropped" && field === path),
          [{ field: path, severity: "reported", reason: `The value "${STRANGE}" is unknown and was left out.` }],
          target,
        );
        assert.ok(!sent.includes(STRANGE), sent);
      }
    });
  }
}

/** What each protocol's clients write for a choice, of whatever vendor the word is. */
const CHOICES: readonly (readonly [protocol: ProtocolId, body: Record<string, unknown>, choice: ToolChoice])[] = [
  ["openai-chat", chat({ tool_choice: "validated" }), { type: "validated" }],
  ["openai-chat", chat({ tool_choice: "any" }), { type: "required" }],
  ["openai-chat", chat({ tool_choice: { type: "any" } }), { type: "required" }],
  ["openai-responses", responses({ tool_choice: "validated" }), { type: "validated" }],
  ["openai-responses", responses({ tool_choice: "any" }), { type: "required" }],
  ["openai-responses", responses({ tool_choice: { type: "auto" } }), { type: "auto" }],
  ["anthropic-messages", messages({ tool_choice: { type: "validated" } }), { type: "validated" }],
  ["anthropic-messages", messages({ tool_choice: { type: "required" } }), { type: "required" }],
  ["anthropic-messages", messages({ tool_choice: "auto" }), { type: "auto" }],
  ["gemini", gemini({ toolConfig: { functionCallingConfig: { mode: "validated" } } }), { type: "validated" }],
];

for (const [protocol, body, choice] of CHOICES) {
  test(`${protocol}: ${JSON.stringify(body["tool_choice"] ?? body["toolConfig"])} is the choice ${choice.type}`, () => {
    const decoded = codecOf({ protocol, schema: "native" }).request.decode({
      body: JSON.stringify(body),
      headers: {},
      path: protocol === "gemini" ? PATH : null,
    });
    assert.deepEqual([decoded.toolChoice, decoded.losses], [choice, []]);
  });
}
