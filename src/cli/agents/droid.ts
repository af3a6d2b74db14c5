// Droid: custom models are in a settings file; the run gets one that overrides the person's.

import type { ProtocolId } from "../../protocol/canonical.ts";
import { ADDED } from "../settings-format.ts";
import { json, KEY_VARIABLE, type Agent, type EditValue, type SettingsModel } from "./agent.ts";

const KINDS: Readonly<Partial<Record<ProtocolId, { readonly provider: string; readonly path: string }>>> = {
  "openai-chat": { provider: "generic-chat-completion-api", path: "/v1" },
  "openai-responses": { provider: "openai", path: "/v1" },
  "anthropic-messages": { provider: "anthropic", path: "" },
};

export const DROID: Agent = {
  id: "droid",
  title: "Droid",
  program: "droid",
  package: "droid",
  version: "0.215.0",
  versionWords: ["--version"],
  protocols: ["openai-chat", "openai-responses", "anthropic-messages"],
  defaultModel: "claude-sonnet-5",
  foreignVariables: [],
  reads: null,
  launch({ url, key, model, protocol, folder }) {
    const id = model ?? "";
    const custom = customModel({ id, protocol }, url);
    return {
      words: ["--settings", `${folder}/settings.json`],
      environment: { [KEY_VARIABLE]: key, FACTORY_AIRGAP_ENABLED: "1" },
      files: { "settings.json": json({ customModels: [custom], model: `custom:${id}` }) },
    };
  },
  files: [
    {
      folder: ".factory",
      folderVariable: null,
      names: ["settings.json"],
      format: "jsonc",
      holdsKey: false,
      edits: ({ url, models }) => [
        ...models.map((model) => ({ path: ["customModels", ADDED], value: customModel(model, url) })),
        { path: ["model"], value: `custom:${models[0]?.id}` },
      ],
    },
  ],
};

function customModel({ id, protocol }: Omit<SettingsModel, "limits">, url: string): Readonly<Record<string, EditValue>> {
  const { provider = "", path = "" } = KINDS[protocol] ?? {};
  return { model: id, displayName: id, baseUrl: url + path, apiKey: `\${${KEY_VARIABLE}}`, provider };
}
