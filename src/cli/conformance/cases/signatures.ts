// Signed reasoning goes back to its maker unchanged, and to nobody else.

import type { ProtocolId } from "../../../protocol/canonical.ts";
import { incomplete, LEFT_OUT, overModels, shown, type Came, type Case } from "../case.ts";
import { answer } from "../lab/lab.ts";
import { callOf, contentOf, THOUGHT } from "../lab/reply-content.ts";
import { SIGNATURES } from "../lab/wire-reply.ts";
import { reasoningOf } from "../scenarios.ts";
import { resultTurns, userTurn, WEATHER } from "../wire.ts";
import type { Answer, Model, Scenario, World } from "../world.ts";

/** Chat Completions has no place for a signature. */
const CARRIERS: readonly ProtocolId[] = ["openai-responses", "anthropic-messages", "gemini"];

const THINKS: Scenario = {
  name: "a signed thought and a call",
  text: "Think, then call the tool.",
  tools: [WEATHER],
  extra: reasoningOf,
  script: (seen) => answer(seen, contentOf({ reasoning: THOUGHT, calls: [callOf("call_signed", '{"location":"Paris"}')] })),
};

function nextTurn(first: Answer): Scenario {
  return {
    name: `after ${first.model.id}, ${first.stream}`,
    text: "Go on.",
    tools: [WEATHER],
    extra: reasoningOf,
    turns: (protocol, text) => [
      userTurn(protocol, "Think, then call the tool."),
      ...first.said.turns,
      ...resultTurns(protocol, first.said.calls, "It is sunny."),
      userTurn(protocol, text),
    ],
    script: (seen) => answer(seen, contentOf()),
  };
}

interface Turn {
  readonly protocol: ProtocolId;
  readonly from: Model;
  readonly to: Model;
  readonly stream: boolean;
}

async function secondTurn(
  world: World,
  { protocol, from, to, stream }: Turn,
): Promise<{ readonly second: Answer; readonly sent: string; readonly came: string | null }> {
  const first = await world.ask(THINKS, { protocol, model: from, stream });
  const second = await world.ask(nextTurn(first), { protocol, model: to, stream: false });
  return { second, sent: second.seen.at(-1)?.text ?? "", came: incomplete(first) ?? incomplete(second) };
}

/** Of the models that sign. */
function signs({ upstream }: Model): boolean {
  return upstream !== null && SIGNATURES[upstream] !== "";
}

export const SIGNATURE_CASES: readonly Case[] = CARRIERS.flatMap((protocol) =>
  [true, false].flatMap((stream): Case[] => [
    {
      area: "signatures",
      name: `${protocol} back to its own maker${stream ? ", streamed" : ""}`,
      protocol,
      needs: "lab",
      expected: "the signature of the first turn in the second turn's request",
      breaks: "Claude and Gemini 3 answer 400, or think everything again",
      run: (world) =>
        overModels(world, {
          // Across protocols, how a gateway carries it is up to the gateway.
          fits: (model) => signs(model) && model.upstream === protocol,
          check: async (model) => {
            const { sent, came } = await secondTurn(world, { protocol, from: model, to: model, stream });
            return came ?? (sent.includes(SIGNATURES[protocol]) ? null : `no signature in ${shown(sent)}`);
          },
        }),
    },
    {
      area: "signatures",
      name: `${protocol} not to another maker${stream ? ", streamed" : ""}`,
      protocol,
      needs: "lab",
      expected: "an answer, and no signature of another provider in its request",
      breaks: "a model can't be changed within a conversation: 400 invalid signature, invalid_encrypted_content",
      run: (world) => toOthers(world, { protocol, stream }),
    },
  ]),
);

async function toOthers(world: World, { protocol, stream }: Pick<Turn, "protocol" | "stream">): Promise<Came> {
  const pairs = world.models
    .filter(signs)
    .flatMap((from) => world.models.filter((to) => to.upstream !== null && to.upstream !== from.upstream).map((to) => ({ from, to })));
  if (pairs.length === 0) return LEFT_OUT;
  const found = await Promise.all(
    pairs.map(async ({ from, to }) => {
      const { sent, came } = await secondTurn(world, { protocol, from, to, stream });
      const foreign = from.upstream === null ? "" : SIGNATURES[from.upstream];
      // As a value of its own: inside an id, where some gateways carry it, nobody reads it as a signature.
      const fault = came ?? (sent.includes(`"${foreign}`) ? `the signature of ${from.id}` : null);
      return fault === null ? null : `${from.id}, then ${to.id}: ${fault}`;
    }),
  );
  return found.find((came) => came !== null) ?? null;
}
