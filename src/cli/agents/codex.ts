// Codex: a provider defined by options, which win over config.toml; the key comes from the environment.

import { editsAt, KEY_VARIABLE, PROVIDER, type Agent } from "./agent.ts";

export const CODEX: Agent = {
  id: "codex",
  title: "Codex",
  program: "codex",
  package: "@openai/codex",
  version: "0.171.0",
  versionWords: ["--version"],
  protocols: ["openai-responses"],
  defaultModel: null,
  foreignVariables: ["OPENAI_BASE_URL"],
  reads: null,
  launch({ url, key, model }) {
    const provider = `model_providers.${PROVIDER}`;
    // As TOML, whose strings look like those of JSON.
    const settings = {
      model_provider: PROVIDER,
      [`${provider}.name`]: "Factory Proxy",
      [`${provider}.base_url`]: `${url}/v1`,
      [`${provider}.env_key`]: KEY_VARIABLE,
      [`${provider}.wire_api`]: "responses",
      ...(model === null ? {} : { model }),
    };
    return {
      words: Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${JSON.stringify(value)}`]),
      environment: { [KEY_VARIABLE]: key },
    };
  },
  files: [
    {
      folder: ".codex",
      folderVariable: "CODEX_HOME",
      names: ["config.toml"],
      format: "toml",
      holdsKey: false,
      edits: ({ url, models: [model] }) => [
        ...editsAt([], { ...(model === undefined ? {} : { model: model.id }), model_provider: PROVIDER }),
        ...editsAt(["model_providers", PROVIDER], {
          name: "Factory Proxy",
          base_url: `${url}/v1`,
          env_key: KEY_VARIABLE,
          wire_api: "responses",
        }),
      ],
    },
  ],
};
