// Codex: a provider of its own in config.toml, over HTTP.

import type { Agent } from "./agent.ts";

export const CODEX: Agent = {
  name: "Codex",
  package: "@openai/codex",
  version: "0.171.0",
  program: "codex",
  protocols: ["openai-responses"],
  launch: ({ url, key, model, task }) => ({
    words: ["exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", task],
    environment: { GATEWAY_KEY: key },
    files: {
      ".codex/config.toml": `model = "${model}"
model_provider = "gateway"

[model_providers.gateway]
name = "gateway"
base_url = "${url}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"

[features]
plugins = false
apps = false

[analytics]
enabled = false
`,
    },
  }),
  said: (printed, text) => printed.includes(`"type":"agent_message","text":"${text}"`) && printed.includes('"type":"turn.completed"'),
};
