// Tool calls arrive with the model's arguments, and their results reach the model.

import { incomplete, isForeign, looking, shown, unequal, unescaped, type Case } from "../case.ts";
import { answer } from "../lab/lab.ts";
import { callOf, ODD_ARGUMENTS, contentOf } from "../lab/reply-content.ts";
import { EMPTY_CALL, ODD_CALL, TEXT_AND_CALLS, WEATHER_CALL } from "../scenarios.ts";
import { listAt, objectIn, PROTOCOLS, printed, resultTurns, userTurn, WEATHER, type Call, type Json } from "../wire.ts";
import type { ProtocolId } from "../../../protocol/canonical.ts";
import type { Scenario } from "../world.ts";

const RESULT = 'It is 21 °C, "sunny".';
const MADE: readonly Call[] = [callOf("call_paris", '{"location":"Paris"}'), callOf("call_rome", '{"location":"Rome"}')];

const RESULTS: Scenario = {
  name: "results of two calls",
  text: "Compare the weather in Paris and Rome.",
  tools: [WEATHER],
  turns: (protocol, text) => [userTurn(protocol, text), ...callTurns(protocol), ...resultTurns(protocol, MADE, RESULT)],
  script: (seen) => answer(seen, contentOf()),
};

function callTurns(protocol: ProtocolId): Json[] {
  switch (protocol) {
    case "openai-chat":
      return [
        {
          role: "assistant",
          content: null,
          tool_calls: MADE.map(({ id, name, arguments: words }) => ({ id, type: "function", function: { name, arguments: words } })),
        },
      ];
    case "openai-responses":
      return MADE.map(({ id, name, arguments: words }) => ({ type: "function_call", call_id: id, name, arguments: words }));
    case "anthropic-messages":
      return [
        {
          role: "assistant",
          content: MADE.map(({ id, name, arguments: words }) => ({ type: "tool_use", id, name, input: objectIn(words) })),
        },
      ];
    case "gemini":
      return [
        {
          role: "model",
          parts: MADE.map(({ id, name, arguments: words }) => ({
            functionCall: { id, name, args: objectIn(words) },
            thoughtSignature: "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=",
          })),
        },
      ];
  }
}

/** How often a text occurs in the tool results of an upstream request, plain or as JSON inside JSON. */
function resultsIn(body: unknown): number {
  return unescaped(printed(body)).split(unescaped(RESULT)).length - 1;
}

const MOST_RESULTS = 2;

function called({ name, arguments: words }: Call): unknown {
  return [name, objectIn(words)];
}

export const TOOL_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol): Case[] => [
  ...[true, false].map((stream): Case =>
    looking({
      area: "tools",
      name: `${protocol} call${stream ? ", streamed" : ""}`,
      protocol,
      needs: "live",
      expected: "a call of get_weather with a location, and a finish reason that says so",
      breaks: "agents end their loop without running the tool",
      scenario: WEATHER_CALL,
      stream,
      check: (one) => {
        const came = incomplete(one);
        if (came !== null) return came;
        const [call] = one.said.calls;
        if (call?.name !== WEATHER.name || objectIn(call.arguments)?.["location"] === undefined) return `calls ${shown(one.said.calls)}`;
        return CALL_FINISHES[protocol].includes(one.said.finish ?? "") ? null : `finish reason ${one.said.finish ?? "none"}`;
      },
    }),
  ),
  ...[true, false].flatMap((stream): Case[] => [
    looking({
      area: "tools",
      name: `${protocol} text and parallel calls${stream ? ", streamed" : ""}`,
      protocol,
      needs: "lab",
      expected: "the text, and both calls with ids of their own",
      breaks: "agents lose a call, or mix the arguments of two",
      scenario: TEXT_AND_CALLS,
      stream,
      check: ({ said }) => {
        const ids = new Set(said.calls.map(({ id }, index) => id || index));
        const expected = ["Let me see.", ["get_weather", { location: "Paris" }], ["get_weather", { location: "Rome" }], 2];
        return unequal([said.text, ...said.calls.map(called), ids.size], expected);
      },
    }),
    looking({
      area: "tools",
      name: `${protocol} arguments${stream ? ", streamed" : ""}`,
      protocol,
      needs: "lab",
      expected: "arguments of the same value: integers beyond 2^53, nested objects, other alphabets",
      breaks: "agents call tools with another number than the model said (ids!)",
      scenario: ODD_CALL,
      stream,
      check: ({ said }) => {
        const came = printed(objectIn(said.calls[0]?.arguments ?? ""));
        return sorted(came) === sorted(printed(objectIn(ODD_ARGUMENTS))) ? null : shown(said.calls[0]?.arguments ?? "no call");
      },
    }),
    looking({
      area: "tools",
      name: `${protocol} call without arguments${stream ? ", streamed" : ""}`,
      protocol,
      needs: "lab",
      expected: "arguments {} where the model gave none",
      breaks: "JSON.parse('') throws in most agents",
      scenario: EMPTY_CALL,
      stream,
      fits: isForeign,
      check: ({ said }) => unequal(said.calls.map(called), [["get_weather", {}]]),
    }),
  ]),
  looking({
    area: "tools",
    name: `${protocol} results`,
    protocol,
    needs: "lab",
    expected: "both results to reach the model, each once",
    breaks: "agents: the model asks for the same tool again and again",
    scenario: RESULTS,
    stream: false,
    check: (one) => {
      const body = one.seen.at(-1)?.body;
      if (body === undefined) return `nothing reached the upstream: status ${one.status}: ${shown(one.text)}`;
      const count = resultsIn(body);
      return count === MOST_RESULTS ? null : `${count} results`;
    },
  }),
  looking({
    area: "tools",
    name: `${protocol} schema`,
    protocol,
    needs: "lab",
    expected: "the tool to reach the model with its name, description and properties",
    breaks: "agents: the model does not know the tool, or not its arguments",
    scenario: WEATHER_CALL,
    stream: false,
    check: ({ seen }) => {
      const tools = printed(listAt(seen.at(-1)?.body, "tools"));
      return [WEATHER.name, WEATHER.description, '"location"'].every((word) => tools.includes(word)) ? null : shown(tools);
    },
  }),
]);

/** Gemini has no word of its own for it. */
const CALL_FINISHES: Readonly<Record<ProtocolId, readonly string[]>> = {
  "openai-chat": ["tool_calls"],
  "openai-responses": ["completed"],
  "anthropic-messages": ["tool_use"],
  gemini: ["STOP"],
};

/** The same text for objects that differ only in the order of their members. */
function sorted(text: string): string {
  return text.replaceAll(/\s/g, "").replaceAll("1.0", "1").split("").toSorted().join("");
}
