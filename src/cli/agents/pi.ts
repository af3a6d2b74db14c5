// Pi: a provider that an extension adds, which stands in the folder of the run.

import type { ProtocolId } from "../../protocol/canonical.ts";
import { json, KEY_VARIABLE, PROVIDER, type Agent } from "./agent.ts";

const APIS: Readonly<Record<ProtocolId, { readonly api: string; readonly path: string }>> = {
  "openai-chat": { api: "openai-completions", path: "/v1" },
  "openai-responses": { api: "openai-responses", path: "/v1" },
  "anthropic-messages": { api: "anthropic-messages", path: "" },
  gemini: { api: "google-generative-ai", path: "/v1beta" },
};

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
  launch({ url, key, model, protocol, folder }) {
    const id = model ?? "";
    const { api, path } = APIS[protocol];
    const provider = { baseUrl: url + path, api, apiKey: KEY_VARIABLE, models: [{ id, name: id, reasoning: true }] };
    return {
      words: ["--extension", `${folder}/provider.ts`, "--provider", PROVIDER, "--model", id],
      environment: { [KEY_VARIABLE]: key },
      files: { "provider.ts": `export default (pi) => pi.registerProvider(${json(PROVIDER)}, ${json(provider)});\n` },
    };
  },
  files: [],
};
