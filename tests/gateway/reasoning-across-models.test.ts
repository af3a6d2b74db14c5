// A conversation with tool calls that changes its model at every step, and comes back to each of them.
// The upstream remembers the proofs that each vendor issued, and refuses those of others, altered ones and unknown ones. Every step is
// answered by a gateway of its own, which knows nothing but the request: what has to return travels in the client's messages.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, isStepCount, jsonSchema, streamText, tool } from "ai";
import type { JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateway } from "../support/gateway.ts";
import type { ParsedRequest as RecordedRequest } from "../support/parsed-request.ts";
import { converse } from "../support/conversation.ts";
import { ProofBook, proofsIn } from "../support/proof-book.ts";
import { complete, type ReplyContent } from "../support/reply-content.ts";
import { startUpstream } from "../support/upstream.ts";

interface Stop {
  readonly model: string;
  readonly protocol: ProtocolId;
}

const CLAUDE: Stop = { model: "claude-opus-4-8", protocol: "anthropic-messages" };
/** Takes a budget, and refuses a tool loop that begins without a signed thought. */
const OLDER_CLAUDE: Stop = { model: "claude-sonnet-4-5-20250929", protocol: "anthropic-messages" };
const GPT: Stop = { model: "gpt-5.5", protocol: "openai-responses" };
/** Refuses a call without a signature. */
const GEMINI: Stop = { model: "gemini-3.1-pro-preview", protocol: "gemini" };
const GLM: Stop = { model: "glm-5", protocol: "openai-chat" };

const ROUTES: readonly (readonly [name: string, stops: readonly Stop[]])[] = [
  ["Claude -> GPT -> Gemini -> Claude", [CLAUDE, GPT, GEMINI, CLAUDE]],
  ["and on, to each of them again", [CLAUDE, GPT, GEMINI, CLAUDE, GPT, GEMINI, CLAUDE]],
  ["Gemini -> GLM -> an older Claude -> GPT -> Gemini -> the older Claude", [GEMINI, GLM, OLDER_CLAUDE, GPT, GEMINI, OLDER_CLAUDE]],
];

/** Thinks and calls the tool at every step but the last. */
function saying(last: number): (heard: RecordedRequest, serial: number) => ReplyContent {
  return ({ model, tools }, serial) => {
    const reasoning = `Step ${serial}: it may be deeper further out.`;
    if (serial === last) return complete({ model, reasoning, text: `Done after ${serial} steps.` });
    const name = tools[0]?.name ?? "";
    const args = JSON.stringify({ at: `place ${serial}` });
    return complete({ model, reasoning, text: `Step ${serial}.`, calls: [{ id: `call_${serial}`, name, custom: false, arguments: args }] });
  };
}

for (const [route, stops] of ROUTES) {
  for (const client of PROTOCOLS) {
    for (const stream of [false, true]) {
      test(`${client}, ${stream ? "streamed" : "whole"}: ${route}`, async () => {
        const proofs = new ProofBook();
        const upstream = await startUpstream({ proofs, converse: saying(stops.length) });
        try {
          const conversation = converse(client);
          for (const [index, { model, protocol }] of stops.entries()) {
            const gateway = await startGateway({ upstream });
            try {
              const { path, body } = conversation.request({ model, stream });
              const issued = proofs.issuedBy(protocol);
              const response = await gateway.call(path, { body, headers: { "anthropic-version": "2023-06-01" } });
              const answer = await response.text();
              assert.equal(response.status, 200, `step ${index + 1}, ${model}: ${answer}`);

              const seen = gateway.lastSeen();
              assert.equal(seen.protocol, protocol);
              const returned = proofsIn(JSON.parse(seen.body) as JsonObject).map(({ proof }) => proof);
              assert.deepEqual(
                returned.filter((proof) => proof !== "skip_thought_signature_validator"),
                issued,
                `step ${index + 1}: every proof that ${model}'s vendor issued comes back, and no other`,
              );
              assert.ok(!seen.body.includes("gw1.") && !seen.body.includes(btoa("gw1.").slice(0, 5)), "no seal leaves the gateway");

              const isLast = index === stops.length - 1;
              const heard = conversation.hear(answer, stream);
              assert.deepEqual(heard, {
                text: isLast ? `Done after ${index + 1} steps.` : `Step ${index + 1}.`,
                calls: isLast ? [] : ["look"],
              });
            } finally {
              await gateway.stop();
            }
          }
        } finally {
          await upstream.stop();
        }
      });
    }
  }
}

for (const stream of [false, true]) {
  // This client takes the signature of a call from the call's first chunk alone, and sends it back.
  test(`@ai-sdk/openai-compatible, ${stream ? "streamed" : "whole"}: a tool loop of two calls with a Gemini model that wants its signatures`, async () => {
    const proofs = new ProofBook();
    const upstream = await startUpstream({ proofs, converse: saying(3) });
    const gateway = await startGateway({ upstream });
    try {
      const provider = createOpenAICompatible({ name: "proxy", baseURL: `${gateway.url}/v1`, apiKey: gateway.key });
      const inputSchema = jsonSchema<{ at: string }>({ type: "object", properties: { at: { type: "string" } }, required: ["at"] });
      const asked = {
        model: provider.chatModel(GEMINI.model),
        prompt: "How deep is it?",
        tools: { look: tool({ inputSchema, execute: ({ at }) => `Deep at ${at}.` }) },
        stopWhen: isStepCount(5),
        maxRetries: 0,
      };
      const text = stream ? await streamText(asked).text : (await generateText(asked)).text;
      assert.equal(text, "Done after 3 steps.");
      assert.equal(upstream.requests.length, 3);
      const ofCalls = (found: readonly { proof: string; of: string }[]) => found.filter(({ of }) => of.startsWith('{"name"'));
      const returned = ofCalls(proofsIn(JSON.parse(gateway.lastSeen().body) as JsonObject));
      assert.deepEqual(
        returned.map(({ of }) => of),
        ['{"name":"look","args":{"at":"place 1"}}', '{"name":"look","args":{"at":"place 2"}}'],
      );
      assert.ok(
        returned.every(({ proof }) => proofs.issuedBy("gemini").includes(proof)),
        JSON.stringify(returned),
      );
    } finally {
      await gateway.stop();
      await upstream.stop();
    }
  });
}

// ---- The book that the conversations stand on ----------------------------------------------------------------------

const THOUGHT = { type: "thinking", thinking: "Hm.", signature: "sig" };
const CALL = { functionCall: { name: "look", args: { at: 1 } }, thoughtSignature: "c2ln" };

const RETURNED: readonly (readonly [what: string, protocol: ProtocolId, request: JsonObject, refused: RegExp | null])[] = [
  ["a proof as it was issued", "anthropic-messages", { messages: [{ content: [THOUGHT] }] }, null],
  ["a thought whose words were changed", "anthropic-messages", { messages: [{ content: [{ ...THOUGHT, thinking: "Ha." }] }] }, /altered/],
  ["a proof that nobody issued", "anthropic-messages", { messages: [{ content: [{ ...THOUGHT, signature: "gis" }] }] }, /none of ours/],
  ["another vendor's proof", "gemini", { contents: [{ parts: [{ text: "Hm.", thoughtSignature: "sig" }] }] }, /none of ours/],
  ["a call as it was signed", "gemini", { contents: [{ parts: [CALL] }] }, null],
  [
    "a signature on another call",
    "gemini",
    { contents: [{ parts: [{ ...CALL, functionCall: { name: "look", args: { at: 2 } } }] }] },
    /altered/,
  ],
  [
    "Google's word for none",
    "gemini",
    { contents: [{ parts: [{ ...CALL, thoughtSignature: "skip_thought_signature_validator" }] }] },
    null,
  ],
  [
    "what a tool said",
    "anthropic-messages",
    { messages: [{ content: [{ type: "tool_result", content: [THOUGHT, { type: "thinking" }] }] }] },
    null,
  ],
];

for (const [what, protocol, request, refused] of RETURNED) {
  test(`the upstream ${refused === null ? "takes" : "refuses"} ${what}`, () => {
    const book = new ProofBook();
    book.issue("anthropic-messages", { content: [THOUGHT] });
    book.issue("gemini", { candidates: [{ content: { parts: [CALL] } }] });
    if (refused === null) book.refuseUnknown(protocol, request);
    else assert.throws(() => book.refuseUnknown(protocol, request), refused);
  });
}
