// The agent and the models that a person names on the command line.

import { describe } from "../http/described-model.ts";
import { Models } from "../models/models.ts";
import { nearest } from "../models/nearest.ts";
import { forTerminal } from "../telemetry/text-line.ts";
import type { Agent, Place } from "./agents/agent.ts";
import { AGENTS } from "./agents/agents.ts";
import { CommandError, type Context } from "./command.ts";
import { modelNamed } from "./key-records.ts";

export const AGENT_NAMES = AGENTS.map(({ id }) => id).join(", ");

/** @throws CommandError */
export function agentNamed(id: string): Agent {
  const agent = AGENTS.find((one) => one.id === id);
  if (agent !== undefined) return agent;
  const ids = AGENTS.map((one) => one.id);
  const [meant] = nearest(id, ids, 2);
  throw CommandError.wrongUse(
    `Unknown agent "${forTerminal(id)}".${meant === undefined ? "" : ` Did you mean "${meant}"?`} Known agents: ${AGENT_NAMES}.`,
  );
}

/** Its protocol is the model's own where the agent speaks that, otherwise the agent's first. */
export type ModelChoice = Pick<Place, "model" | "protocol" | "limits">;

/** What Claude Code appends to the name of a model with a window of a million tokens. */
const LONG_CONTEXT = /\[1m\]$/i;

const NO_LIMITS = { contextTokens: null, outputTokens: null };

/** @throws CommandError for a name that is surely misspelled */
export function modelFor(agent: Agent, typed: string | null, context: Context): ModelChoice {
  const [usual] = agent.protocols;
  if (usual === undefined) throw new Error(`${agent.id} speaks no protocol.`);
  const name = typed ?? agent.defaultModel;
  if (name === null) return { model: null, protocol: usual, limits: NO_LIMITS };
  const { id, isKnown, hint } = modelNamed(name, context);
  if (!isKnown) context.note(`Unknown model ${name}; passing it through unchanged. ${hint}`);
  const { endpoints, models } = context.config();
  const { protocol, provider } = new Models({ endpoints, models }).find(id);
  const [suffix = ""] = LONG_CONTEXT.exec(name) ?? [];
  return {
    model: agent.id === "claude" ? id + suffix : id,
    protocol: agent.protocols.includes(protocol) ? protocol : usual,
    limits: describe({ id, protocol, provider }),
  };
}
