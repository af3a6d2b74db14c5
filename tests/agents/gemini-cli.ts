// Gemini CLI: base URL and key by environment, the kind of sign-in by settings.json.

import { json, type Agent } from "./agent.ts";

export const GEMINI_CLI: Agent = {
  name: "Gemini CLI",
  package: "@google/gemini-cli",
  version: "0.61.0",
  program: "gemini",
  protocols: ["gemini"],
  launch: ({ url, key, model, task }) => ({
    words: ["-m", model, "-p", task, "--yolo", "-o", "json", "--skip-trust"],
    environment: { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: key },
    files: {
      ".gemini/settings.json": json({
        security: { auth: { selectedType: "gemini-api-key" } },
        privacy: { usageStatisticsEnabled: false },
        general: { enableAutoUpdate: false, disableAutoUpdate: true, disableUpdateNag: true },
      }),
    },
  }),
};
