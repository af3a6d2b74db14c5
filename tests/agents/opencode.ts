// OpenCode: one provider of the AI SDK per protocol, the whole configuration in one variable.

import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { json, type Agent } from "./agent.ts";

const PACKAGES: Readonly<Record<ProtocolId, { readonly npm: string; readonly path: string }>> = {
  "openai-chat": { npm: "@ai-sdk/openai-compatible", path: "/v1" },
  "openai-responses": { npm: "@ai-sdk/openai", path: "/v1" },
  "anthropic-messages": { npm: "@ai-sdk/anthropic", path: "/v1" },
  gemini: { npm: "@ai-sdk/google", path: "/v1beta" },
};

export const OPENCODE: Agent = {
  name: "OpenCode",
  package: "opencode-ai",
  version: "1.18.33",
  program: "opencode",
  protocols: ["openai-chat", "openai-responses", "anthropic-messages", "gemini"],
  launch({ url, key, model, protocol, task }) {
    const { npm, path } = PACKAGES[protocol];
    const name = `gateway/${model}`;
    return {
      words: ["run", "--format", "json", "-m", name, task],
      environment: {
        OPENCODE_CONFIG_CONTENT: json({
          autoupdate: false,
          share: "disabled",
          model: name,
          small_model: name,
          permission: "allow",
          provider: {
            gateway: { npm, name: "gateway", options: { baseURL: url + path, apiKey: key }, models: { [model]: { name: model } } },
          },
        }),
        OPENCODE_DISABLE_AUTOUPDATE: "1",
        OPENCODE_DISABLE_MODELS_FETCH: "1",
      },
    };
  },
};
