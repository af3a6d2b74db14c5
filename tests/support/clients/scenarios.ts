// What a user does with a client, independent of a protocol, and the expected outcome, whichever model answers.

import type { JsonObject } from "../../../src/wire/json.ts";
import type { ProtocolId } from "../../../src/protocol/canonical.ts";
import type { Content, Counts, Finish, Mode, Settings, Tool } from "./client.ts";
import type { Sent, SentTurn } from "./sent.ts";

export interface Outcome {
  readonly text?: string;
  readonly reasoning?: string;
  readonly calls?: readonly { readonly name: string; readonly arguments: string }[];
  readonly finish: Finish;
  /** The stop sequence that ended the answer. */
  readonly stopSequence?: string;
  /** Null: the upstream has counted nothing. */
  readonly counts: Counts | null;
}

export type Step = ({ readonly say: readonly Content[] } | { readonly answer: readonly string[] }) & {
  readonly outcome: Outcome | ((upstream: ProtocolId) => Outcome);
};

export interface Scenario {
  readonly name: string;
  readonly modes: readonly Mode[];
  readonly settings: Settings;
  readonly steps: readonly Step[];
  /** What the last request must have contained. */
  readonly sent: Partial<Sent>;
  /** Whether the reasoning goes back with its proof when the conversation continues. */
  readonly keepsReasoning?: boolean;
}

const ALL: readonly Mode[] = ["whole", "streamed", "raw"];

const text = (words: string): Content => ({ type: "text", text: words });
export const user = (...parts: string[]): SentTurn => ({ role: "user", parts });
export const assistant = (...parts: string[]): SentTurn => ({ role: "assistant", parts });
export const tools = (...parts: string[]): SentTurn => ({ role: "tools", parts });
export const counts = (input: number, output: number, reasoning = 0): Counts => ({ input, cached: 4, output, reasoning });

/** A red dot: 1 x 1 pixel. */
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==";
const PDF = btoa("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");

const weather: Tool = {
  name: "get_weather",
  description: "The weather of a city.",
  schema: {
    type: "object",
    properties: { city: { type: "string", description: "Its name." }, days: { type: "integer" } },
    required: ["city"],
    additionalProperties: false,
  },
};
const time: Tool = {
  name: "get_time",
  description: "The time of a zone.",
  schema: { type: "object", properties: { zone: { type: "string" } }, required: ["zone"], additionalProperties: false },
};
const WEATHER_CALL = { name: "get_weather", arguments: '{"city":"Paris","days":7}' };
const TIME_CALL = { name: "get_time", arguments: '{"zone":"Paris"}' };
export const ANSWER_SCHEMA: JsonObject = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
  additionalProperties: false,
};
const THOUGHT = "I should think about that first.";
const HELLO: Step = { say: [text("Hello there")], outcome: { text: "You said: Hello there", finish: "end", counts: counts(12, 4) } };
const TWENTY_WORDS = Array.from({ length: 20 }, (_, index) => `word${index + 1}`).join(" ");
export const WEATHER_CALLED = `call ${WEATHER_CALL.name} ${WEATHER_CALL.arguments}`;
export const TIME_CALLED = `call ${TIME_CALL.name} ${TIME_CALL.arguments}`;

export const SCENARIOS: readonly Scenario[] = [
  { name: "plain", modes: ["whole"], settings: {}, steps: [HELLO], sent: { turns: [user("text Hello there")] } },
  { name: "streamed", modes: ["streamed", "raw"], settings: {}, steps: [HELLO], sent: { turns: [user("text Hello there")] } },
  {
    name: "system",
    modes: ALL,
    settings: { system: "Answer in one word." },
    steps: [HELLO],
    sent: {
      system: "You are Droid, an AI software engineering agent built by Factory.\n\nAnswer in one word.",
      turns: [user("text Hello there")],
    },
  },
  {
    name: "multi-turn",
    modes: ALL,
    settings: {},
    steps: [
      HELLO,
      { say: [text("And now goodbye")], outcome: { text: "You said: And now goodbye", finish: "end", counts: counts(13, 5) } },
    ],
    sent: { turns: [user("text Hello there"), assistant("text You said: Hello there"), user("text And now goodbye")] },
  },
  {
    name: "tool round trip",
    modes: ALL,
    settings: { tools: [weather] },
    steps: [
      { say: [text("Weather in Paris?")], outcome: { calls: [WEATHER_CALL], finish: "tool-calls", counts: counts(13, 1) } },
      { answer: ["18 degrees"], outcome: { text: "The tool says: 18 degrees", finish: "end", counts: counts(13, 5) } },
    ],
    sent: {
      turns: [user("text Weather in Paris?"), assistant(WEATHER_CALLED), tools("result of get_weather: 18 degrees")],
      tools: { get_weather: weather.schema },
    },
  },
  {
    name: "parallel tools",
    modes: ALL,
    settings: { tools: [weather, time] },
    steps: [
      {
        say: [text("Weather and time, do both")],
        outcome: { calls: [WEATHER_CALL, TIME_CALL], finish: "tool-calls", counts: counts(15, 2) },
      },
      { answer: ["18 degrees", "noon"], outcome: { text: "The tool says: 18 degrees; noon", finish: "end", counts: counts(15, 6) } },
    ],
    sent: {
      turns: [
        user("text Weather and time, do both"),
        assistant(WEATHER_CALLED, TIME_CALLED),
        tools("result of get_weather: 18 degrees", "result of get_time: noon"),
      ],
      tools: { get_weather: weather.schema, get_time: time.schema },
    },
  },
  {
    name: "image",
    modes: ALL,
    settings: {},
    steps: [
      {
        say: [text("What is this?"), { type: "image", mediaType: "image/png", data: PNG }],
        outcome: { text: "You said: What is this? (and I saw 1 image)", finish: "end", counts: counts(13, 10) },
      },
    ],
    sent: { turns: [user("text What is this?", `image image/png ${PNG}`)] },
  },
  {
    name: "PDF",
    modes: ALL,
    settings: {},
    steps: [
      {
        say: [text("Read this"), { type: "pdf", filename: "paper.pdf", data: PDF }],
        // The scripted Gemini takes all inline data for images.
        outcome: (upstream) =>
          upstream === "gemini"
            ? { text: "You said: Read this (and I saw 1 image)", finish: "end", counts: counts(12, 9) }
            : { text: "You said: Read this", finish: "end", counts: counts(12, 4) },
      },
    ],
    sent: { turns: [user("text Read this", `pdf ${PDF}`)] },
  },
  {
    name: "JSON schema",
    modes: ALL,
    settings: { schema: ANSWER_SCHEMA },
    steps: [{ say: [text("Where to?")], outcome: { text: '{"city":"Paris","days":7}', finish: "end", counts: counts(12, 1) } }],
    sent: { turns: [user("text Where to?")], schema: ANSWER_SCHEMA },
  },
  {
    name: "reasoning shown",
    modes: ALL,
    settings: { reasoning: true },
    steps: [
      {
        say: [text("Hello there")],
        outcome: { reasoning: THOUGHT, text: "You said: Hello there", finish: "end", counts: counts(12, 10, 6) },
      },
    ],
    sent: { turns: [user("text Hello there")] },
  },
  {
    name: "reasoning kept over a tool call",
    modes: ALL,
    settings: { reasoning: true, tools: [weather] },
    keepsReasoning: true,
    steps: [
      {
        say: [text("Weather in Paris?")],
        outcome: { reasoning: THOUGHT, calls: [WEATHER_CALL], finish: "tool-calls", counts: counts(13, 7, 6) },
      },
      {
        answer: ["18 degrees"],
        outcome: { reasoning: THOUGHT, text: "The tool says: 18 degrees", finish: "end", counts: counts(13, 11, 6) },
      },
    ],
    sent: { turns: [user("text Weather in Paris?"), assistant(WEATHER_CALLED), tools("result of get_weather: 18 degrees")] },
  },
  {
    name: "stop",
    modes: ALL,
    settings: { stop: ["STOP"] },
    steps: [
      {
        say: [text("Hello STOP there")],
        outcome: { text: "You said: Hello ", finish: "stop-sequence", stopSequence: "STOP", counts: counts(13, 3) },
      },
    ],
    sent: { stop: ["STOP"] },
  },
  {
    name: "length",
    modes: ALL,
    settings: { maxTokens: 16 },
    steps: [
      {
        say: [text(TWENTY_WORDS)],
        outcome: { text: `You said: ${TWENTY_WORDS.split(" ").slice(0, 14).join(" ")}`, finish: "length", counts: counts(30, 16) },
      },
    ],
    sent: { maxTokens: 16 },
  },
];
