// Claude Code: everything by environment. What its settings.json says in `env` would win over that, so the same is given as settings of the
// command line, which win over every file of the person's.

import { json, type Agent } from "./agent.ts";

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
      ...(model === null ? {} : Object.fromEntries(MODEL_VARIABLES.map((name) => [name, model]))),
      // The header changes with each call, which would cost the cache.
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
  files: [],
};

/** The model, and those that it takes for small tasks and sub-agents. */
const MODEL_VARIABLES = [
  "ANTHROPIC_MODEL",
  "ANTHROPIC_DEFAULT_OPUS_MODEL",
  "ANTHROPIC_DEFAULT_SONNET_MODEL",
  "ANTHROPIC_DEFAULT_HAIKU_MODEL",
  "CLAUDE_CODE_SUBAGENT_MODEL",
];
