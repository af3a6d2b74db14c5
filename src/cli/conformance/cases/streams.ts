// Whether streams follow the grammar that the official accumulators enforce, and contain what the model said.

import type { ProtocolId } from "../../../protocol/canonical.ts";
import { incomplete, looking, shown, type Case } from "../case.ts";
import { ODD_TEXT, THOUGHT } from "../lab/reply-content.ts";
import { CHAT_RULES } from "../readings/chat.ts";
import { GEMINI_RULES } from "../readings/gemini.ts";
import { MESSAGES_RULES } from "../readings/messages.ts";
import type { Rule } from "../readings/reading.ts";
import { RESPONSES_RULES } from "../readings/responses.ts";
import { EMPTY_CALL, HELLO, ODD_CALL, REASONING, TEXT_AND_CALLS, WEATHER_CALL } from "../scenarios.ts";
import { PROTOCOLS } from "../wire.ts";
import { firstFault } from "./shapes.ts";

const RULES: Readonly<Record<ProtocolId, Readonly<Record<string, Rule>>>> = {
  "openai-chat": CHAT_RULES,
  "openai-responses": RESPONSES_RULES,
  "anthropic-messages": MESSAGES_RULES,
  gemini: GEMINI_RULES,
};

const LIVE = [HELLO, WEATHER_CALL];
const WITH_LAB = [...LIVE, TEXT_AND_CALLS, ODD_CALL, EMPTY_CALL];

export const STREAM_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol): Case[] => [
  looking({
    area: "stream-grammar",
    name: `${protocol} streams`,
    protocol,
    needs: "live",
    expected: "status 200, text/event-stream, and a text",
    breaks: "clients that asked for a stream show nothing",
    scenario: HELLO,
    stream: true,
    check: (answer) => {
      const came = incomplete(answer);
      if (came !== null) return came;
      const type = answer.headers["content-type"] ?? "none";
      if (!type.startsWith("text/event-stream")) return `content-type ${type}`;
      return answer.said.text === "" ? "no text" : null;
    },
  }),
  ...Object.entries(RULES[protocol]).map(([rule, { expected, breaks }]): Case => ({
    area: "stream-grammar",
    name: `${protocol} ${rule}`,
    protocol,
    needs: "live",
    expected,
    breaks,
    run: (world) => firstFault(world, { protocol, rule, stream: true }, world.lab === null ? LIVE : WITH_LAB),
  })),
  ...[true, false].map((stream): Case =>
    looking({
      area: stream ? "stream-grammar" : "shapes",
      name: `${protocol} text${stream ? "" : " of the model"}`,
      protocol,
      needs: "lab",
      expected: "the model's text, character by character",
      breaks: "all clients: words are missing, or doubled",
      scenario: HELLO,
      stream,
      check: ({ said }) => (said.text === ODD_TEXT ? null : shown(said.text)),
    }),
  ),
  ...[true, false].map((stream): Case =>
    looking({
      area: stream ? "stream-grammar" : "shapes",
      name: `${protocol} reasoning`,
      protocol,
      needs: "lab",
      expected: "the model's reasoning where the protocol has it, apart from its text",
      breaks: "agents show no thinking, or take it for the answer",
      scenario: REASONING,
      stream,
      check: ({ said }) =>
        said.reasoning === THOUGHT && said.text === ODD_TEXT ? null : `reasoning ${shown(said.reasoning)}, text ${shown(said.text)}`,
    }),
  ),
]);
