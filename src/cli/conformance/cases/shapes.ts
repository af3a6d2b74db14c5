// Whether non-streaming answers have the shape that clients need.

import type { ProtocolId } from "../../../protocol/canonical.ts";
import { incomplete, looking, LEFT_OUT, shown, type Came, type Case } from "../case.ts";
import { CHAT_SHAPE } from "../readings/chat.ts";
import { GEMINI_SHAPE } from "../readings/gemini.ts";
import { MESSAGES_SHAPE } from "../readings/messages.ts";
import type { Rule } from "../readings/reading.ts";
import { RESPONSES_SHAPE } from "../readings/responses.ts";
import { HELLO, REASONING, WEATHER_CALL } from "../scenarios.ts";
import { PROTOCOLS } from "../wire.ts";
import type { World } from "../world.ts";

export const CLIENTS: Readonly<Record<ProtocolId, string>> = {
  "openai-chat": "OpenAI SDKs, opencode, Qwen Code, Cline, Continue",
  "openai-responses": "Codex, OpenAI SDKs",
  "anthropic-messages": "Claude Code, Anthropic SDKs",
  gemini: "Gemini CLI, Google Gen AI SDKs",
};

const SHAPES: Readonly<Record<ProtocolId, Readonly<Record<string, Rule>>>> = {
  "openai-chat": CHAT_SHAPE,
  "openai-responses": RESPONSES_SHAPE,
  "anthropic-messages": MESSAGES_SHAPE,
  gemini: GEMINI_SHAPE,
};

export const SHAPE_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol): Case[] => [
  looking({
    area: "shapes",
    name: `${protocol} answers`,
    protocol,
    needs: "live",
    expected: "status 200, JSON, and a text",
    breaks: CLIENTS[protocol],
    scenario: HELLO,
    stream: false,
    check: (answer) => {
      const came = incomplete(answer);
      if (came !== null) return came;
      if (!(answer.headers["content-type"] ?? "").includes("application/json"))
        return `content-type ${answer.headers["content-type"] ?? "none"}`;
      return answer.said.text === "" ? "no text" : null;
    },
  }),
  ...Object.entries(SHAPES[protocol]).map(([name, { expected, breaks }]): Case => ({
    area: "shapes",
    name: `${protocol} ${name}`,
    protocol,
    needs: "live",
    expected,
    breaks,
    run: (world) => firstFault(world, { protocol, rule: name, stream: false }),
  })),
]);

interface Faulty {
  readonly protocol: ProtocolId;
  readonly rule: string;
  readonly stream: boolean;
}

/** The first violation of a rule by any answer of the protocol. A failed answer is another case's concern, as long as something came. */
export async function firstFault(world: World, { protocol, rule, stream }: Faulty, scenarios = [HELLO, WEATHER_CALL]): Promise<Came> {
  const all = world.lab === null ? scenarios : [...scenarios, REASONING];
  const answers = await Promise.all(
    all.flatMap((scenario) => world.models.map((model) => world.ask(scenario, { protocol, model, stream }))),
  );
  const [first] = answers;
  if (first === undefined) return LEFT_OUT;
  const sound = answers.filter(({ status }) => status === 200);
  if (sound.length === 0) return `${first.model.id}: status ${first.status}: ${shown(first.text)}`;
  for (const { faults, model } of sound) {
    const fault = faults.find((one) => one.rule === rule);
    if (fault !== undefined) return `${model.id}: ${shown(fault.came)}`;
  }
  return null;
}
