// Answers for Chat clients, streaming and not.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalRequest, Reply } from "../../../src/protocol/canonical.ts";
import { openaiChat } from "../../../src/protocol/openai-chat/codec.ts";
import { LEGACY_NAMES } from "../../../src/protocol/openai-chat/wire.ts";
import {
  anthropic,
  call,
  closed,
  delta,
  ended,
  failed,
  finish,
  google,
  opened,
  reasoning,
  reply,
  started,
  text,
} from "../../support/canonical.ts";
import { SEALED_SIGNATURE, SEALED_THOUGHT } from "./request-cases.ts";
import { chatExchange, role, said, stopped, testEncodingStreams } from "./reply-cases.ts";

// ---- Streaming -------------------------------------------------------------------------------------------------------

testEncodingStreams([
  [
    "the role on the first chunk alone",
    [started("1"), opened(0, text()), delta(0, "Hel"), delta(0, "lo"), closed(0), ended("end", "end_turn")],
    [role, said({ content: "Hel" }), said({ content: "lo" }), stopped("stop"), "[DONE]"],
  ],
  [
    "tool indices are dense whatever stood before; id, type and name on the first chunk of a call",
    [
      started("1"),
      opened(0, reasoning()),
      delta(0, "Hm"),
      closed(0),
      opened(1, text()),
      delta(1, "Look"),
      closed(1),
      opened(2, call("toolu_1", "f", "")),
      delta(2, '{"a":'),
      delta(2, "1}"),
      closed(2),
      opened(3, call("toolu_2", "g", "")),
      delta(3, "{}"),
      closed(3),
      ended("tool-calls", "tool_use"),
    ],
    [
      role,
      said({ reasoning_content: "Hm" }),
      said({ content: "Look" }),
      said({ tool_calls: [{ index: 0, id: "toolu_1", type: "function", function: { name: "f", arguments: "" } }] }),
      said({ tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] }),
      said({ tool_calls: [{ index: 0, function: { arguments: "1}" } }] }),
      said({ tool_calls: [{ index: 1, id: "toolu_2", type: "function", function: { name: "g", arguments: "" } }] }),
      said({ tool_calls: [{ index: 1, function: { arguments: "{}" } }] }),
      stopped("tool_calls"),
      "[DONE]",
    ],
  ],
  [
    "blocks that another protocol runs itself are no tool calls",
    [
      started("1"),
      opened(0, { type: "opaque", protocol: "anthropic-messages", name: "server_tool_use", value: "{}", severity: "dropped" }),
      closed(0),
      opened(1, text()),
      delta(1, "a"),
      closed(1),
      ended("end", "end_turn"),
    ],
    [role, said({ content: "a" }), stopped("stop"), "[DONE]"],
  ],
  [
    "a call without arguments has an empty object",
    [started("1"), opened(0, call("a", "f", "")), closed(0), ended("tool-calls", "tool_use")],
    [
      role,
      said({ tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: "" } }] }),
      said({ tool_calls: [{ index: 0, function: { arguments: "{}" } }] }),
      stopped("tool_calls"),
      "[DONE]",
    ],
  ],
  [
    "a call of a custom tool",
    [started("1"), opened(0, call("a", "patch", "", { kind: "custom" })), delta(0, "raw"), closed(0), ended("tool-calls", "tool_use")],
    [
      role,
      said({ tool_calls: [{ index: 0, id: "a", type: "custom", custom: { name: "patch", input: "" } }] }),
      said({ tool_calls: [{ index: 0, custom: { input: "raw" } }] }),
      stopped("tool_calls"),
      "[DONE]",
    ],
  ],
  [
    "a filtered answer says why",
    [started("1"), opened(0, text()), delta(0, "a"), closed(0), ended("filtered", "refusal", { explanation: "Not this." })],
    [role, said({ content: "a" }), said({ refusal: "Not this." }), stopped("content_filter"), "[DONE]"],
  ],
  [
    "a refusal of its own is not explained twice",
    [
      started("1"),
      opened(0, { type: "refusal", text: "" }),
      delta(0, "No."),
      closed(0),
      ended("filtered", "refusal", { explanation: "Not this." }),
    ],
    [role, said({ refusal: "No." }), stopped("content_filter"), "[DONE]"],
  ],
  [
    "an error is one chunk, without [DONE]",
    [started("1"), opened(0, text()), delta(0, "a"), failed("overloaded", "Busy.", { status: 529 })],
    [role, said({ content: "a" }), { error: { message: "Busy.", type: "server_error", param: null, code: null } }],
  ],
  [
    "citations count from the beginning of the content; one without a place is about its whole part",
    [
      started("1"),
      opened(0, text()),
      delta(0, "One. "),
      closed(0),
      opened(1, text()),
      delta(1, "Two"),
      {
        type: "annotation",
        index: 1,
        annotation: { type: "url-citation", url: "https://example.com", title: null, start: null, end: null, quote: "q" },
      },
      delta(1, "!"),
      closed(1),
      ended("end", "end_turn"),
    ],
    [
      role,
      said({ content: "One. " }),
      said({ content: "Two" }),
      said({ content: "!" }),
      said({
        annotations: [
          {
            type: "url_citation",
            url_citation: { url: "https://example.com", title: "https://example.com", start_index: 5, end_index: 9 },
          },
        ],
      }),
      stopped("stop"),
      "[DONE]",
    ],
  ],
  [
    "proofs follow what they prove, sealed",
    [
      started("1"),
      opened(0, reasoning()),
      delta(0, "Hm"),
      delta(0, "m."),
      closed(0, anthropic("signature")),
      opened(1, reasoning("", { redacted: true })),
      closed(1, anthropic("signature")),
      opened(2, text()),
      delta(2, "Yes"),
      closed(2, google("thought")),
      opened(3, call("a", "f", "")),
      delta(3, "{}"),
      closed(3, google("thought")),
      ended("tool-calls", "STOP"),
    ],
    [
      role,
      said({ reasoning_content: "Hm" }),
      said({ reasoning_content: "m." }),
      said({ reasoning_details: [{ type: "reasoning.text", index: 0, text: "Hmm.", signature: SEALED_SIGNATURE }] }),
      said({ reasoning_details: [{ type: "reasoning.encrypted", index: 1, data: SEALED_SIGNATURE }] }),
      said({ content: "Yes" }),
      said({ reasoning_details: [{ type: "reasoning.encrypted", index: 2, data: SEALED_THOUGHT, id: "content" }] }),
      said({ tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: "" } }] }),
      said({ tool_calls: [{ index: 0, function: { arguments: "{}" } }] }),
      said({ tool_calls: [{ index: 0, function: { arguments: "" }, extra_content: { google: { thought_signature: SEALED_THOUGHT } } }] }),
      stopped("tool_calls"),
      "[DONE]",
    ],
  ],
  [
    "a client of functions is answered in that form, with the first call alone",
    [
      started("1"),
      opened(0, call("a", "f", "")),
      delta(0, "{}"),
      closed(0, google("thought")),
      opened(1, call("b", "g", "")),
      delta(1, "{}"),
      closed(1),
      ended("tool-calls", "tool_use"),
    ],
    [
      role,
      said({ function_call: { name: "f", arguments: "" } }),
      said({ function_call: { arguments: "{}" } }),
      stopped("function_call"),
      "[DONE]",
    ],
    { names: LEGACY_NAMES },
  ],
  [
    "a proof that is known when the call begins stands in its first chunk, and there alone",
    [
      started("1"),
      opened(0, call("a", "f", "", { proof: google("thought") })),
      { type: "part-delta", index: 0, text: '{"n":1}' },
      closed(0, google("thought")),
      ended("tool-calls", "tool_use"),
    ],
    [
      role,
      said({
        tool_calls: [
          {
            index: 0,
            id: "a",
            type: "function",
            function: { name: "f", arguments: "" },
            extra_content: { google: { thought_signature: SEALED_THOUGHT } },
          },
        ],
      }),
      said({ tool_calls: [{ index: 0, function: { arguments: '{"n":1}' } }] }),
      stopped("tool_calls"),
      "[DONE]",
    ],
  ],
  [
    "an image in an answer is Markdown",
    [
      started("1"),
      opened(0, { type: "image", source: { type: "base64", mediaType: "image/png", data: "AAAA" }, detail: null, cache: null }),
      closed(0),
      ended("end", "end_turn"),
    ],
    [role, said({ content: "![image](data:image/png;base64,AAAA)" }), stopped("stop"), "[DONE]"],
  ],
]);

// ---- Non-streaming ---------------------------------------------------------------------------------------------------

const ANSWERS: readonly (readonly [
  what: string,
  reply: Partial<Reply>,
  message: object,
  finishReason: string,
  request?: Partial<CanonicalRequest>,
])[] = [
  [
    "all texts and all thoughts, joined",
    {
      parts: [reasoning("A"), text("One"), reasoning("B"), text(" two")],
    },
    { content: "One two", refusal: null, reasoning_content: "AB" },
    "stop",
  ],
  [
    "calls alone have content null; one without arguments has an empty object",
    {
      parts: [call("a", "f", ""), call("b", "patch", "raw", { kind: "custom", proof: google("thought") })],
      finish: finish("tool-calls", "tool_use"),
    },
    {
      content: null,
      refusal: null,
      tool_calls: [
        { id: "a", type: "function", function: { name: "f", arguments: "{}" } },
        {
          id: "b",
          type: "custom",
          custom: { name: "patch", input: "raw" },
          extra_content: { google: { thought_signature: SEALED_THOUGHT } },
        },
      ],
    },
    "tool_calls",
  ],
  ["an empty answer is an empty text", { parts: [] }, { content: "", refusal: null }, "stop"],
  [
    "a filtered answer without content",
    { parts: [], finish: finish("filtered", "refusal", { explanation: "No." }) },
    { content: null, refusal: "No." },
    "content_filter",
  ],
  [
    "a client of functions gets the first call in that form",
    {
      parts: [call("a", "f", '{"a":1}'), call("b", "g", "")],
      finish: finish("tool-calls", "tool_use"),
    },
    { content: null, refusal: null, function_call: { name: "f", arguments: '{"a":1}' } },
    "function_call",
    { names: LEGACY_NAMES },
  ],
];

for (const [what, more, message, finishReason, request] of ANSWERS) {
  test(`encoding a non-streaming answer: ${what}`, () => {
    const answer = reply([], { id: "msg_7", model: "", finish: finish("end"), ...more });
    assert.deepEqual(JSON.parse(openaiChat.reply.encode(answer, chatExchange(request))), {
      id: "chatcmpl-7",
      object: "chat.completion",
      created: 1_793_500_000,
      model: "glm-5.1",
      choices: [{ index: 0, message: { role: "assistant", ...message }, logprobs: null, finish_reason: finishReason }],
    });
  });
}
