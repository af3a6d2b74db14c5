// Codex with its built-in provider pointed elsewhere: it tries a WebSocket first, then HTTP.

import type { Agent } from "./agent.ts";
import { CODEX } from "./codex.ts";

export const CODEX_BUILT_IN: Agent = {
  ...CODEX,
  name: "Codex, built-in provider",
  launch: (place) => ({
    ...CODEX.launch(place),
    environment: { CODEX_API_KEY: place.key },
    files: {
      ".codex/config.toml": `model = "${place.model}"
openai_base_url = "${place.url}/v1"

[features]
plugins = false
apps = false

[analytics]
enabled = false
`,
    },
  }),
};
