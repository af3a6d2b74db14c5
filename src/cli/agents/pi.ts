// Pi: a provider that is added by an extension in the folder of the run.

import type { ProtocolId } from "../../protocol/canonical.ts";
import { ADDED } from "../settings-format.ts";
import { editsAt, groupsOf, json, KEY_VARIABLE, PROVIDER, type Agent, type EditValue, type ModelLimits } from "./agent.ts";

const APIS: Readonly<Record<ProtocolId, { readonly api: string; readonly path: string }>> = {
  "openai-chat": { api: "openai-completions", path: "/v1" },
  "openai-responses": { api: "openai-responses", path: "/v1" },
  "anthropic-messages": { api: "anthropic-messages", path: "" },
  gemini: { api: "google-generative-ai", path: "/v1beta" },
};

/** Pi requires limits. All of today's models support these. */
const CONTEXT_TOKENS = 128_000;
const OUTPUT_TOKENS = 16_384;

export const PI: Agent = {
  id: "pi",
  title: "Pi",
  program: "pi",
  package: "@mariozechner/pi-coding-agent",
  version: "0.73.1",
  versionWords: ["--version"],
  protocols: ["openai-chat", "openai-responses", "anthropic-messages", "gemini"],
  defaultModel: "claude-sonnet-5",
  foreignVariables: [],
  reads: null,
  launch({ url, key, model, protocol, limits, folder }) {
    const id = model ?? "";
    const { api, path } = APIS[protocol];
    const provider = { baseUrl: url + path, api, apiKey: KEY_VARIABLE, models: [rowOf(id, limits)] };
    return {
      words: ["--extension", `${folder}/provider.ts`, "--provider", PROVIDER, "--model", id],
      environment: { [KEY_VARIABLE]: key },
      files: { "provider.ts": `export default (pi) => pi.registerProvider(${json(PROVIDER)}, ${json(provider)});\n` },
    };
  },
  files: [
    {
      folder: ".pi/agent",
      folderVariable: "PI_CODING_AGENT_DIR",
      names: ["models.json"],
      format: "jsonc",
      holdsKey: false,
      edits: ({ url, models }) =>
        groupsOf(models).flatMap(({ provider, protocol, models: own }) => {
          const { api, path } = APIS[protocol];
          return [
            ...editsAt(["providers", provider], { baseUrl: url + path, api, apiKey: KEY_VARIABLE }),
            ...own.map(({ id, limits }) => ({ path: ["providers", provider, "models", ADDED], value: rowOf(id, limits) })),
          ];
        }),
    },
    {
      folder: ".pi/agent",
      folderVariable: "PI_CODING_AGENT_DIR",
      names: ["settings.json"],
      format: "jsonc",
      holdsKey: false,
      edits: ({ models: [model] }) => editsAt([], { defaultProvider: PROVIDER, defaultModel: model?.id ?? "" }),
    },
  ],
};

function rowOf(id: string, { contextTokens, outputTokens }: ModelLimits): Readonly<Record<string, EditValue>> {
  return {
    id,
    name: id,
    reasoning: true,
    input: ["text", "image"],
    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    contextWindow: contextTokens ?? CONTEXT_TOKENS,
    maxTokens: outputTokens ?? OUTPUT_TOKENS,
  };
}
