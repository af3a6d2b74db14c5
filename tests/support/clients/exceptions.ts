// Which cases do not apply to a client, an upstream and a scenario, or have another outcome, and why. The first matching
// row counts; a row that matches no case is an error in this table.

import type { ProtocolId } from "../../../src/protocol/canonical.ts";
import type { Client, Mode } from "./client.ts";
import { ANSWER_SCHEMA, assistant, counts, TIME_CALLED, tools, user, WEATHER_CALLED, type Outcome } from "./scenarios.ts";
import type { Sent } from "./sent.ts";

export interface Case {
  readonly client: Client;
  readonly upstream: ProtocolId;
  readonly scenario: string;
  readonly mode: Mode;
}

/** The different outcome of a step. */
interface Otherwise {
  readonly outcome?: Partial<Outcome>;
  /** The lost fields, as the log names them. */
  readonly dropped?: readonly string[];
}

/** `outcome` and `dropped` apply to all steps that are not in `steps`. */
export interface Exception extends Otherwise {
  readonly client?: RegExp;
  readonly upstream?: RegExp;
  readonly scenario: RegExp;
  readonly mode?: RegExp;
  readonly reason: string;
  /** False: the case is left out. */
  readonly applies?: false;
  readonly steps?: readonly Otherwise[];
  readonly sent?: Partial<Sent>;
  readonly keepsReasoning?: false;
}

const NOT_CLAUDE = /^(openai|gemini)/;
const WEATHER_RESULT = '{"name":"get_weather","content":"18 degrees"}';
const TIME_RESULT = '{"name":"get_time","content":"noon"}';
const JSON_TOOL = "For models that it does not know, this provider asks for one call of a tool instead.";
/** The second step of a conversation whose reasoning did not come back to a model that requires it. */
const NOT_THINKING_ON = {
  keepsReasoning: false,
  steps: [{}, { outcome: { reasoning: "", counts: counts(13, 5) }, dropped: ["reasoning_effort"] }],
} as const;

const EXCEPTIONS: readonly Exception[] = [
  {
    client: /responses$|^@ai-sdk\/openai$/,
    scenario: /^stop$/,
    applies: false,
    reason: "Responses has no stop sequences.",
  },
  {
    upstream: /responses/,
    scenario: /^stop$/,
    mode: /whole/,
    outcome: { counts: counts(13, 5) },
    sent: { stop: null },
    reason: "Responses has no stop sequences, so the gateway cuts the answer; what is cut off has been paid for and is counted.",
  },
  {
    upstream: /responses/,
    scenario: /^stop$/,
    outcome: { counts: null },
    sent: { stop: null },
    reason:
      "Responses has no stop sequences, so the gateway looks for them and hangs up when it finds one; the upstream counts at the end only.",
  },

  // Reasoning that does not come back.
  {
    client: /^openai . chat$/,
    upstream: /anthropic/,
    scenario: /^reasoning kept/,
    mode: /raw/,
    ...NOT_THINKING_ON,
    reason:
      "A user who adds up Chat's chunks by hand sends no reasoning back, and Claude does not go on thinking in a tool call without it.",
  },
  {
    client: /^openai . chat$/,
    scenario: /^reasoning kept/,
    mode: /raw/,
    keepsReasoning: false,
    reason: "A user who adds up Chat's chunks by hand sends no reasoning back.",
  },
  {
    client: /^openai . chat$/,
    upstream: /chat/,
    scenario: /^reasoning kept/,
    mode: /streamed/,
    keepsReasoning: false,
    reason: "The SDK's stream helper keeps only the last piece of `reasoning_content`, which it does not know.",
  },
  {
    client: /^@ai-sdk\/openai chat$/,
    scenario: /^reasoning shown/,
    outcome: { reasoning: "" },
    reason: "This provider reads no reasoning in Chat's answers.",
  },
  {
    client: /^@ai-sdk\/openai chat$/,
    upstream: /anthropic/,
    scenario: /^reasoning kept/,
    ...NOT_THINKING_ON,
    steps: [{ outcome: { reasoning: "" } }, NOT_THINKING_ON.steps[1]],
    reason: "This provider reads no reasoning in Chat's answers, and Claude does not go on thinking in a tool call without it.",
  },
  {
    client: /^@ai-sdk\/openai chat$/,
    scenario: /^reasoning kept/,
    outcome: { reasoning: "" },
    keepsReasoning: false,
    reason: "This provider reads no reasoning in Chat's answers.",
  },
  {
    client: /^@ai-sdk\/openai-compatible$/,
    upstream: /anthropic/,
    scenario: /^reasoning kept/,
    keepsReasoning: false,
    steps: [{}, { ...NOT_THINKING_ON.steps[1], dropped: ["messages.reasoning", "reasoning_effort"] }],
    reason: "This provider sends reasoning back without its proof, and Claude does not go on thinking in a tool call without it.",
  },
  {
    client: /^@ai-sdk\/openai-compatible$/,
    upstream: /responses/,
    scenario: /^reasoning kept/,
    keepsReasoning: false,
    steps: [{}, { dropped: ["messages.reasoning"] }],
    reason: "This provider sends reasoning back without its proof, so that GPT could not read it.",
  },
  {
    client: /^@ai-sdk\/openai-compatible$/,
    upstream: /gemini/,
    scenario: /^reasoning kept/,
    mode: /streamed/,
    keepsReasoning: false,
    reason: "This provider reads the signature of a streamed call in the call's first chunk only.",
  },
  {
    client: /^@ai-sdk\/openai$/,
    upstream: /chat/,
    scenario: /^reasoning kept/,
    keepsReasoning: false,
    reason: "This provider sends no reasoning back that has no encrypted content, which Chat's has not.",
  },

  // The AI SDK's own ways.
  {
    client: /^@ai-sdk\/anthropic$/,
    upstream: NOT_CLAUDE,
    scenario: /^(tool|reasoning kept)/,
    mode: /streamed/,
    dropped: ["tools[0].eager_input_streaming"],
    reason: "This provider asks for tool arguments in finer pieces, which only Claude knows.",
  },
  {
    client: /^@ai-sdk\/anthropic$/,
    upstream: NOT_CLAUDE,
    scenario: /^parallel tools/,
    mode: /streamed/,
    dropped: ["tools[0].eager_input_streaming", "tools[1].eager_input_streaming"],
    reason: "This provider asks for tool arguments in finer pieces, which only Claude knows.",
  },
  {
    client: /^@ai-sdk\/anthropic$/,
    upstream: /gemini/,
    scenario: /^JSON schema/,
    mode: /whole/,
    sent: { schema: null, tools: { json: ANSWER_SCHEMA } },
    dropped: ["tool_choice.disable_parallel_tool_use"],
    reason: JSON_TOOL,
  },
  {
    client: /^@ai-sdk\/anthropic$/,
    upstream: /gemini/,
    scenario: /^JSON schema/,
    mode: /streamed/,
    sent: { schema: null, tools: { json: ANSWER_SCHEMA } },
    dropped: ["tools[0].eager_input_streaming", "tool_choice.disable_parallel_tool_use"],
    reason: JSON_TOOL,
  },
  {
    client: /^@ai-sdk\/anthropic$/,
    upstream: NOT_CLAUDE,
    scenario: /^JSON schema/,
    mode: /streamed/,
    sent: { schema: null, tools: { json: ANSWER_SCHEMA } },
    dropped: ["tools[0].eager_input_streaming"],
    reason: JSON_TOOL,
  },
  {
    client: /^@ai-sdk\/anthropic$/,
    upstream: NOT_CLAUDE,
    scenario: /^JSON schema/,
    sent: { schema: null, tools: { json: ANSWER_SCHEMA } },
    reason: JSON_TOOL,
  },
  {
    client: /^@ai-sdk\/google$/,
    scenario: /^(tool|reasoning kept)/,
    steps: [{}, { outcome: { text: `The tool says: ${WEATHER_RESULT}` } }],
    sent: { turns: [user("text Weather in Paris?"), assistant(WEATHER_CALLED), tools(`result of get_weather: ${WEATHER_RESULT}`)] },
    reason: "This provider wraps each result together with the tool's name.",
  },
  {
    client: /^@ai-sdk\/google$/,
    scenario: /^parallel tools/,
    steps: [{}, { outcome: { text: `The tool says: ${WEATHER_RESULT}; ${TIME_RESULT}` } }],
    sent: {
      turns: [
        user("text Weather and time, do both"),
        assistant(WEATHER_CALLED, TIME_CALLED),
        tools(`result of get_weather: ${WEATHER_RESULT}`, `result of get_time: ${TIME_RESULT}`),
      ],
    },
    reason: "This provider wraps each result together with the tool's name.",
  },
];

const used = new Set<Exception>();

export function exceptionFor({ client, upstream, scenario, mode }: Case): Exception | null {
  const found = EXCEPTIONS.find(
    (row) =>
      row.scenario.test(scenario) &&
      (row.client?.test(client.name) ?? true) &&
      (row.upstream?.test(upstream) ?? true) &&
      (row.mode?.test(mode) ?? true),
  );
  if (found !== undefined) used.add(found);
  return found ?? null;
}

/** The reasons of rows that have matched no case so far. */
export function unusedExceptions(): string[] {
  return EXCEPTIONS.filter((row) => !used.has(row)).map(({ reason }) => reason);
}
