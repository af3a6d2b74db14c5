// GitHub Copilot CLI: a provider of one's own by environment, and nothing else asked for.

import type { ProtocolId } from "../../src/protocol/canonical.ts";
import type { Agent } from "./agent.ts";

const ENVIRONMENTS: Readonly<Partial<Record<ProtocolId, Readonly<Record<string, string>>>>> = {
  "openai-chat": { COPILOT_PROVIDER_TYPE: "openai", COPILOT_PROVIDER_WIRE_API: "completions" },
  "openai-responses": { COPILOT_PROVIDER_TYPE: "openai", COPILOT_PROVIDER_WIRE_API: "responses" },
  "anthropic-messages": { COPILOT_PROVIDER_TYPE: "anthropic" },
};

export const COPILOT: Agent = {
  name: "Copilot CLI",
  package: "@github/copilot",
  version: "1.0.102",
  program: "copilot",
  protocols: ["openai-chat", "openai-responses", "anthropic-messages"],
  launch: ({ url, key, model, protocol, task }) => ({
    words: ["-p", task, "--allow-all-tools", "--no-auto-update"],
    environment: {
      ...ENVIRONMENTS[protocol],
      COPILOT_PROVIDER_BASE_URL: protocol === "anthropic-messages" ? url : `${url}/v1`,
      COPILOT_PROVIDER_API_KEY: key,
      COPILOT_MODEL: model,
      COPILOT_OFFLINE: "true",
    },
  }),
};
