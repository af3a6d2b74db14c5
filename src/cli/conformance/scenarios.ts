// What clients ask and what the lab then does, for cases of several areas.

import type { ProtocolId } from "../../protocol/canonical.ts";
import { answer } from "./lab/lab.ts";
import { callOf, ODD_ARGUMENTS, ODD_TEXT, contentOf, THOUGHT } from "./lab/reply-content.ts";
import { WEATHER, type JsonObject } from "./wire.ts";
import type { Scenario } from "./world.ts";

export const HELLO: Scenario = {
  name: "text",
  text: "Say hello in exactly three words.",
  script: (seen) => answer(seen, contentOf({ text: ODD_TEXT })),
};

export const WEATHER_CALL: Scenario = {
  name: "one call",
  text: "What is the weather in Paris? Call the tool.",
  tools: [WEATHER],
  isForced: true,
  script: (seen) => answer(seen, contentOf({ calls: [callOf("call_1", '{"location":"Paris"}')] })),
};

export const TEXT_AND_CALLS: Scenario = {
  name: "a text and two calls",
  text: "Compare the weather in Paris and Rome.",
  tools: [WEATHER],
  script: (seen) =>
    answer(
      seen,
      contentOf({
        text: "Let me see.",
        finish: "calls",
        calls: [callOf("call_1", '{"location":"Paris"}'), callOf("call_2", '{"location":"Rome"}')],
      }),
    ),
};

export const ODD_CALL: Scenario = {
  name: "a call with odd arguments",
  text: "Call the tool with odd arguments.",
  tools: [WEATHER],
  script: (seen) => answer(seen, contentOf({ calls: [callOf("call_1", ODD_ARGUMENTS)] })),
};

export const EMPTY_CALL: Scenario = {
  name: "a call without arguments",
  text: "Call the tool without arguments.",
  tools: [{ ...WEATHER, schema: { type: "object", properties: {} } }],
  script: (seen) => answer(seen, contentOf({ calls: [callOf("call_1", "")] })),
};

export const REASONING: Scenario = {
  name: "reasoning",
  text: "Think, then answer.",
  extra: reasoningOf,
  script: (seen) => answer(seen, contentOf({ reasoning: THOUGHT, text: ODD_TEXT })),
};

/** How each protocol asks for reasoning that can be sent back. */
export function reasoningOf(protocol: ProtocolId): JsonObject {
  switch (protocol) {
    case "openai-chat":
      return { reasoning_effort: "medium" };
    case "openai-responses":
      return { reasoning: { effort: "medium", summary: "auto" }, include: ["reasoning.encrypted_content"] };
    case "anthropic-messages":
      return { thinking: { type: "enabled", budget_tokens: 2048 }, max_tokens: 8192 };
    case "gemini":
      return { generationConfig: { thinkingConfig: { includeThoughts: true } } };
  }
}
