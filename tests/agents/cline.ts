// Cline: the providers in a file of its own, and no process left behind.

import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { json, type Agent } from "./agent.ts";

const PROVIDERS: Readonly<Record<ProtocolId, { readonly id: string; readonly path: string }>> = {
  "openai-chat": { id: "openai-compatible", path: "/v1" },
  "openai-responses": { id: "openai-native", path: "/v1" },
  "anthropic-messages": { id: "anthropic", path: "/v1" },
  gemini: { id: "gemini", path: "/v1beta" },
};

export const CLINE: Agent = {
  name: "Cline",
  package: "cline",
  version: "3.0.65",
  program: "cline",
  protocols: ["openai-chat", "openai-responses", "anthropic-messages", "gemini"],
  unfit(protocol, model) {
    return protocol === "gemini" && !model.startsWith("gemini-3")
      ? "over Gemini Cline sends its tools only to models called gemini-3"
      : null;
  },
  launch({ url, key, model, protocol, task }) {
    const { id, path } = PROVIDERS[protocol];
    const settings = { provider: id, apiKey: key, model, baseUrl: url + path };
    const entry = { settings, updatedAt: "2026-11-01T00:00:00.000Z", tokenSource: "manual" };
    return {
      words: ["--json", "-P", id, "-m", model, "-t", "60", task],
      environment: { CLINE_SESSION_BACKEND_MODE: "local", CLINE_NO_AUTO_UPDATE: "1" },
      files: { ".cline/data/settings/providers.json": json({ version: 1, lastUsedProvider: id, modes: {}, providers: { [id]: entry } }) },
    };
  },
};
