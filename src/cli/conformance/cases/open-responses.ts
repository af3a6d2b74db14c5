// The compliance cases of Open Responses, with their names and requests, so that results can be compared.
// https://www.openresponses.org/compliance (src/lib/compliance-tests.ts, read 2026-11). What they check by schema is checked by rules here.

import { incomplete, looking, shown, type Case } from "../case.ts";
import { assistantTurn, userTurn, type Tool } from "../wire.ts";
import type { Answer, Scenario } from "../world.ts";

const LOCATED: Tool = {
  name: "get_weather",
  description: "Get the current weather for a location",
  schema: {
    type: "object",
    properties: { location: { type: "string", description: "The city and state, e.g. San Francisco, CA" } },
    required: ["location"],
  },
};

/** A red pixel. */
const IMAGE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

interface Compliance {
  readonly id: string;
  readonly scenario: Scenario;
  readonly stream: boolean;
  /** Checks in addition to a complete answer without faults. */
  readonly check?: (answer: Answer) => string | null;
}

const CASES: readonly Compliance[] = [
  { id: "basic-response", scenario: { name: "or basic", text: "Say hello in exactly 3 words." }, stream: false },
  { id: "streaming-response", scenario: { name: "or streaming", text: "Count from 1 to 5." }, stream: true },
  {
    id: "system-prompt",
    scenario: {
      name: "or system",
      text: "Say hello.",
      turns: (protocol, text) => [
        { type: "message", role: "system", content: "You are a pirate. Always respond in pirate speak." },
        userTurn(protocol, text),
      ],
    },
    stream: false,
  },
  {
    id: "tool-calling",
    scenario: { name: "or tool", text: "What's the weather like in San Francisco?", tools: [LOCATED] },
    stream: false,
    check: ({ said }) => (said.calls.length > 0 ? null : "no function_call in the output"),
  },
  {
    id: "tool-calling-streaming",
    scenario: { name: "or tool", text: "What's the weather like in San Francisco?", tools: [LOCATED] },
    stream: true,
    check: ({ text }) => {
      const missing = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"].filter(
        (type) => !text.includes(`"response.${type}"`),
      );
      return missing.length === 0 ? null : `no ${missing.join(", ")}`;
    },
  },
  {
    id: "image-input",
    scenario: {
      name: "or image",
      text: "What do you see in this image? Answer in one sentence.",
      turns: (_, text) => [
        {
          type: "message",
          role: "user",
          content: [
            { type: "input_text", text },
            { type: "input_image", image_url: IMAGE },
          ],
        },
      ],
    },
    stream: false,
  },
  {
    id: "multi-turn",
    scenario: {
      name: "or turns",
      text: "What is my name?",
      turns: (protocol, text) => [
        userTurn(protocol, "My name is Alice."),
        assistantTurn(protocol, "Hello Alice! Nice to meet you. How can I help you today?"),
        userTurn(protocol, text),
      ],
    },
    stream: false,
  },
];

export const OPEN_RESPONSES_CASES: readonly Case[] = CASES.map(({ id, scenario, stream, check }) =>
  looking({
    area: "open-responses",
    name: id,
    protocol: "openai-responses",
    needs: "live",
    expected: "a completed response of the schema, with output",
    breaks: "clients of the Open Responses specification",
    scenario,
    stream,
    check: (one) => {
      const came = incomplete(one) ?? (one.faults.length === 0 ? null : shown(one.faults[0]?.came)) ?? check?.(one) ?? null;
      if (came !== null) return came;
      if (one.said.text === "" && one.said.calls.length === 0) return "no output";
      return one.said.finish === "completed" ? null : `status ${one.said.finish ?? "none"}`;
    },
  }),
);
