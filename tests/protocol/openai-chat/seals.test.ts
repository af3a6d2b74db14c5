// Proofs of other makers, sealed into the members that Chat clients echo, and out of a body that passes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openaiChat } from "../../../src/protocol/openai-chat/codec.ts";
import { anthropic, assistant, call, finish, google, openai, reasoning, reply, text, user } from "../../support/canonical.ts";
import { HI, SEALED_SIGNATURE, SEALED_THOUGHT, testDecoding, toolCall } from "./request-cases.ts";
import { chatExchange } from "./reply-cases.ts";

testDecoding([
  [
    "a sealed proof comes back on its thought, its hidden thought, its text and its call",
    {
      messages: [
        HI,
        {
          role: "assistant",
          content: "Yes.",
          reasoning_content: "mm.",
          reasoning_details: [
            { type: "reasoning.text", index: 0, text: "Hmm.", signature: SEALED_SIGNATURE },
            { type: "reasoning.encrypted", index: 1, data: SEALED_SIGNATURE },
            { type: "reasoning.encrypted", index: 2, data: SEALED_THOUGHT, id: "content" },
          ],
          tool_calls: [{ ...toolCall("a", "f", "{}"), extra_content: { google: { thought_signature: SEALED_THOUGHT } } }],
        },
      ],
    },
    {
      turns: [
        user("Hi"),
        assistant(
          reasoning("Hmm.", { proof: anthropic("signature") }),
          reasoning("", { redacted: true, proof: anthropic("signature") }),
          text("Yes.", { proof: google("thought") }),
          call("a", "f", "{}", { proof: google("thought") }),
        ),
      ],
    },
  ],
  [
    "proofs that nobody sealed are ignored; the readable thought stays, without a proof",
    {
      messages: [
        HI,
        {
          role: "assistant",
          content: "Yes.",
          reasoning_content: "Hmm.",
          reasoning_details: [
            { type: "reasoning.text", text: "Hmm.", signature: "bare" },
            { type: "reasoning.encrypted", data: "gw1.anthropic.!" },
          ],
          tool_calls: [{ ...toolCall("a", "f", "{}"), extra_content: { google: { thought_signature: "bare" } } }],
        },
      ],
    },
    { turns: [user("Hi"), assistant(reasoning("Hmm."), text("Yes."), call("a", "f", "{}"))] },
  ],
]);

test("what an answer proves comes back from a client that echoes its message", () => {
  const parts = [
    reasoning("First.", { proof: anthropic("signature") }),
    reasoning("", { redacted: true, proof: anthropic("signature") }),
    reasoning("Second.", { proof: openai("é🦊") }),
    text("Yes.", { proof: google("thought") }),
    call("a", "f", "{}", { proof: google("thought") }),
  ];
  const encoded = openaiChat.reply.encode(reply(parts, { finish: finish("tool-calls") }), chatExchange());
  const { choices } = JSON.parse(encoded) as { choices: { message: object }[] };
  const body = JSON.stringify({ model: "m", messages: [HI, choices[0]?.message] });
  assert.deepEqual(openaiChat.request.decode({ body, headers: {}, path: null }).turns[1], assistant(...parts));
});

const SEALED_BODIES: readonly (readonly [what: string, before: string, after: string])[] = [
  [
    "a thought's proof, the list with it",
    `{"model":"m","messages":[{"role":"assistant","reasoning_content":"Hm.", "reasoning_details":[{"signature":"${SEALED_THOUGHT}"}], "content":"A"}]}`,
    '{"model":"m","messages":[{"role":"assistant","reasoning_content":"Hm.", "content":"A"}]}',
  ],
  [
    "a call's proof, and only ours of a list",
    `{"model":"m","messages":[{"reasoning_details":[{"data":"theirs"} , {"data":"${SEALED_THOUGHT}"}],"tool_calls":[ {"id":"a","extra_content":{"google":{"thought_signature":"${SEALED_THOUGHT}"}}} ]}]}`,
    '{"model":"m","messages":[{"reasoning_details":[{"data":"theirs"}],"tool_calls":[ {"id":"a"} ]}]}',
  ],
  [
    "nothing of anybody else",
    '{"model":"m","messages":[{"content":"\\"gw1.x","reasoning_details":[{"data":"theirs"}],"tool_calls":[{"extra_content":{}}]}]}',
    '{"model":"m","messages":[{"content":"\\"gw1.x","reasoning_details":[{"data":"theirs"}],"tool_calls":[{"extra_content":{}}]}]}',
  ],
];

for (const [what, before, after] of SEALED_BODIES) {
  test(`what other vendors sealed is taken out of a conversation that goes to a Chat upstream: ${what}`, () => {
    assert.equal(openaiChat.request.edit(before, { model: null, systemPrompt: null }), after);
  });
}
