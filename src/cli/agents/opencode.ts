// OpenCode: a provider of the AI SDK for the model's protocol, as configuration in a variable, which overrides files.

import type { ProtocolId } from "../../protocol/canonical.ts";
import { editsAt, groupsOf, json, KEY_VARIABLE, PROVIDER, type Agent, type EditValue, type ModelLimits } from "./agent.ts";

const PACKAGES: Readonly<Record<ProtocolId, { readonly npm: string; readonly path: string }>> = {
  "openai-chat": { npm: "@ai-sdk/openai-compatible", path: "/v1" },
  "openai-responses": { npm: "@ai-sdk/openai", path: "/v1" },
  "anthropic-messages": { npm: "@ai-sdk/anthropic", path: "/v1" },
  gemini: { npm: "@ai-sdk/google", path: "/v1beta" },
};

export const OPENCODE: Agent = {
  id: "opencode",
  title: "OpenCode",
  program: "opencode",
  package: "opencode-ai",
  version: "1.18.33",
  versionWords: ["--version"],
  protocols: ["openai-chat", "openai-responses", "anthropic-messages", "gemini"],
  defaultModel: "claude-sonnet-5",
  foreignVariables: ["OPENCODE_CONFIG"],
  reads: null,
  launch({ url, key, model, protocol, limits }) {
    const id = model ?? "";
    const { npm, path } = PACKAGES[protocol];
    const options = { baseURL: url + path, apiKey: `{env:${KEY_VARIABLE}}` };
    const configuration = {
      model: `${PROVIDER}/${id}`,
      small_model: `${PROVIDER}/${id}`,
      provider: { [PROVIDER]: { npm, name: "Factory Proxy", options, models: { [id]: { name: id, ...limitOf(limits) } } } },
    };
    return { words: [], environment: { OPENCODE_CONFIG_CONTENT: json(configuration), [KEY_VARIABLE]: key } };
  },
  files: [
    {
      folder: ".config",
      folderVariable: "XDG_CONFIG_HOME",
      // If both exist, the first one wins.
      names: ["opencode/opencode.jsonc", "opencode/opencode.json"],
      format: "jsonc",
      holdsKey: false,
      edits: ({ url, models }) => [
        { path: ["model"], value: `${PROVIDER}/${models[0]?.id}` },
        { path: ["small_model"], value: `${PROVIDER}/${models[0]?.id}` },
        ...groupsOf(models).flatMap(({ provider, protocol, models: own }) => {
          const { npm, path } = PACKAGES[protocol];
          return [
            ...editsAt(["provider", provider], { npm, name: "Factory Proxy" }),
            ...editsAt(["provider", provider, "options"], { baseURL: url + path, apiKey: `{env:${KEY_VARIABLE}}` }),
            ...own.map(({ id, limits }) => ({ path: ["provider", provider, "models", id], value: { name: id, ...limitOf(limits) } })),
          ];
        }),
      ],
    },
  ],
};

/** OpenCode requires both or neither. */
function limitOf({ contextTokens, outputTokens }: ModelLimits): Readonly<Record<string, EditValue>> {
  return contextTokens === null || outputTokens === null ? {} : { limit: { context: contextTokens, output: outputTokens } };
}
