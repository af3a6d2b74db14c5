// GitHub Copilot CLI: a custom provider, set by the environment alone.

import type { ProtocolId } from "../../protocol/canonical.ts";
import type { Agent } from "./agent.ts";

const KINDS: Readonly<Partial<Record<ProtocolId, Readonly<Record<string, string>>>>> = {
  "openai-responses": { COPILOT_PROVIDER_TYPE: "openai", COPILOT_PROVIDER_WIRE_API: "responses" },
  "openai-chat": { COPILOT_PROVIDER_TYPE: "openai", COPILOT_PROVIDER_WIRE_API: "completions" },
  "anthropic-messages": { COPILOT_PROVIDER_TYPE: "anthropic" },
};

export const COPILOT: Agent = {
  id: "copilot",
  title: "Copilot CLI",
  program: "copilot",
  package: "@github/copilot",
  version: "1.0.102",
  versionWords: ["--version"],
  protocols: ["openai-chat", "openai-responses", "anthropic-messages"],
  defaultModel: "claude-sonnet-5",
  foreignVariables: ["COPILOT_PROVIDER_BEARER_TOKEN", "COPILOT_PROVIDER_WIRE_API", "COPILOT_PROVIDER_TYPE"],
  reads: null,
  launch: ({ url, key, model, protocol }) => ({
    words: [],
    environment: {
      ...KINDS[protocol],
      COPILOT_PROVIDER_BASE_URL: protocol === "anthropic-messages" ? url : `${url}/v1`,
      COPILOT_PROVIDER_API_KEY: key,
      COPILOT_MODEL: model ?? "",
      COPILOT_OFFLINE: "true",
    },
  }),
  files: [],
};
