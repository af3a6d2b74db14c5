// Gemini CLI: base URL and key by environment. How a person signs in stands in settings.json, which only the system's settings win over.

import { json, type Agent } from "./agent.ts";

export const GEMINI: Agent = {
  id: "gemini",
  title: "Gemini CLI",
  program: "gemini",
  package: "@google/gemini-cli",
  version: "0.61.0",
  versionWords: ["--version"],
  protocols: ["gemini"],
  defaultModel: null,
  foreignVariables: ["GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_GCA", "GOOGLE_VERTEX_BASE_URL"],
  launch: ({ url, key, model, folder }) => ({
    words: [],
    environment: {
      GOOGLE_GEMINI_BASE_URL: url,
      GEMINI_API_KEY: key,
      GEMINI_CLI_SYSTEM_SETTINGS_PATH: `${folder}/settings.json`,
      ...(model === null ? {} : { GEMINI_MODEL: model }),
    },
    files: {
      "settings.json": json({ security: { auth: { selectedType: "gemini-api-key" } }, privacy: { usageStatisticsEnabled: false } }),
    },
  }),
  files: [],
};
