// Pi: a provider in models.json, one per protocol.

import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { json, type Agent } from "./agent.ts";

const APIS: Readonly<Record<ProtocolId, { readonly api: string; readonly path: string }>> = {
  "openai-chat": { api: "openai-completions", path: "/v1" },
  "openai-responses": { api: "openai-responses", path: "/v1" },
  "anthropic-messages": { api: "anthropic-messages", path: "" },
  gemini: { api: "google-generative-ai", path: "/v1beta" },
};

export const PI: Agent = {
  name: "Pi",
  package: "@mariozechner/pi-coding-agent",
  version: "0.73.1",
  program: "pi",
  protocols: ["openai-chat", "openai-responses", "anthropic-messages", "gemini"],
  launch({ url, key, model, protocol, task }) {
    const { api, path } = APIS[protocol];
    return {
      words: ["--provider", "gateway", "--model", model, "--no-session", "-p", task],
      environment: { PI_OFFLINE: "1", GATEWAY_KEY: key },
      files: {
        ".pi/agent/models.json": json({
          providers: { gateway: { baseUrl: url + path, api, apiKey: "GATEWAY_KEY", models: [{ id: model, reasoning: true }] } },
        }),
      },
    };
  },
};
