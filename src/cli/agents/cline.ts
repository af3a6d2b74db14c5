// Cline: its providers are in a file; the run gets one of its own, and the rest of Cline's data stays where it is.

import type { ProtocolId } from "../../protocol/canonical.ts";
import { editsAt, json, type Agent } from "./agent.ts";

const PROVIDERS: Readonly<Record<ProtocolId, { readonly id: string; readonly path: string }>> = {
  "openai-chat": { id: "openai-compatible", path: "/v1" },
  "openai-responses": { id: "openai-native", path: "/v1" },
  "anthropic-messages": { id: "anthropic", path: "/v1" },
  gemini: { id: "gemini", path: "/v1beta" },
};

export const CLINE: Agent = {
  id: "cline",
  title: "Cline",
  program: "cline",
  package: "cline",
  version: "3.0.65",
  versionWords: ["--version"],
  protocols: ["openai-chat", "openai-responses", "anthropic-messages", "gemini"],
  defaultModel: "claude-sonnet-5",
  foreignVariables: [],
  reads: null,
  launch({ url, key, model, protocol, folder }) {
    const { id, path } = PROVIDERS[protocol];
    const settings = { provider: id, apiKey: key, model: model ?? "", baseUrl: url + path };
    const entry = { settings, updatedAt: "2026-11-01T00:00:00.000Z", tokenSource: "manual" };
    return {
      words: ["--provider", id, "--model", model ?? ""],
      // Otherwise it leaves a background process running.
      environment: { CLINE_PROVIDER_SETTINGS_PATH: `${folder}/providers.json`, CLINE_SESSION_BACKEND_MODE: "local" },
      files: { "providers.json": json({ version: 1, lastUsedProvider: id, modes: {}, providers: { [id]: entry } }) },
    };
  },
  files: [
    {
      folder: ".cline/data",
      folderVariable: "CLINE_DATA_DIR",
      names: ["settings/providers.json"],
      format: "jsonc",
      holdsKey: true,
      // It keeps one model for each provider.
      edits: ({ url, key, models: [model] }) => {
        if (model === undefined) return [];
        const { id, path } = PROVIDERS[model.protocol];
        return [
          ...editsAt([], { version: 1, lastUsedProvider: id }),
          ...editsAt(["providers", id, "settings"], { provider: id, apiKey: key, model: model.id, baseUrl: url + path }),
          ...editsAt(["providers", id], { updatedAt: "2026-11-01T00:00:00.000Z", tokenSource: "manual" }),
        ];
      },
    },
  ],
};
