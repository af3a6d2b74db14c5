// Claude Code: configured by its environment. `env` in its settings.json would win over that, so the same values are also passed as
// command-line settings, which win over every file of the person's.

import { editsAt, json, type Agent } from "./agent.ts";

export const CLAUDE: Agent = {
  id: "claude",
  title: "Claude Code",
  program: "claude",
  package: "@anthropic-ai/claude-code",
  version: "2.1.332",
  versionWords: ["--version"],
  protocols: ["anthropic-messages"],
  defaultModel: null,
  foreignVariables: ["CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CODE_OAUTH_TOKEN"],
  reads: null,
  launch({ url, key, model, folder }) {
    const environment = {
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_AUTH_TOKEN: key,
      ANTHROPIC_API_KEY: "",
      ...modelVariables(model === null ? [] : [model]),
      // The header changes with each call, and would defeat the cache.
      CLAUDE_CODE_ATTRIBUTION_HEADER: "0",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_TELEMETRY: "1",
      DISABLE_ERROR_REPORTING: "1",
    };
    return {
      words: ["--settings", `${folder}/settings.json`],
      environment,
      files: { "settings.json": json({ env: environment }) },
    };
  },
  files: [
    {
      folder: ".claude",
      folderVariable: "CLAUDE_CONFIG_DIR",
      names: ["settings.json"],
      format: "jsonc",
      holdsKey: true,
      edits: ({ url, key, models }) =>
        editsAt(["env"], {
          ANTHROPIC_BASE_URL: url,
          ANTHROPIC_AUTH_TOKEN: key,
          ANTHROPIC_API_KEY: "",
          CLAUDE_CODE_ATTRIBUTION_HEADER: "0",
          ...modelVariables(models.map(({ id }) => id)),
        }),
    },
  ],
};

/** The agent starts with the first model, and the last does small tasks; the middle one is used where Sonnet is asked for. */
function modelVariables(models: readonly string[]): Record<string, string> {
  const [first] = models;
  const last = models.at(-1);
  if (first === undefined || last === undefined) return {};
  return {
    ANTHROPIC_MODEL: first,
    ANTHROPIC_DEFAULT_OPUS_MODEL: first,
    ANTHROPIC_DEFAULT_SONNET_MODEL: models[1] ?? first,
    ANTHROPIC_DEFAULT_HAIKU_MODEL: last,
    CLAUDE_CODE_SUBAGENT_MODEL: models[1] ?? first,
  };
}
