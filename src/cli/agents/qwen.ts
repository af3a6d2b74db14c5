// Qwen Code: the protocol is set by an option; base URL, key and model by the environment of that protocol.

import type { ProtocolId } from "../../protocol/canonical.ts";
import { ADDED } from "../settings-format.ts";
import { KEY_VARIABLE, type Agent } from "./agent.ts";

interface Kind {
  readonly type: string;
  readonly prefix: string;
  readonly urlVariable: string;
  readonly path: string;
}

const KINDS: Readonly<Record<ProtocolId, Kind>> = {
  "openai-chat": { type: "openai", prefix: "OPENAI", urlVariable: "OPENAI_BASE_URL", path: "/v1" },
  "openai-responses": { type: "openai-responses", prefix: "OPENAI", urlVariable: "OPENAI_BASE_URL", path: "/v1" },
  "anthropic-messages": { type: "anthropic", prefix: "ANTHROPIC", urlVariable: "ANTHROPIC_BASE_URL", path: "" },
  gemini: { type: "gemini", prefix: "GEMINI", urlVariable: "GOOGLE_GEMINI_BASE_URL", path: "" },
};

export const QWEN: Agent = {
  id: "qwen",
  title: "Qwen Code",
  program: "qwen",
  package: "@qwen-code/qwen-code",
  version: "0.24.4",
  versionWords: ["--version"],
  protocols: ["openai-chat", "openai-responses", "anthropic-messages", "gemini"],
  defaultModel: "glm-5.2",
  foreignVariables: ["QWEN_MODEL", "DASHSCOPE_API_KEY"],
  reads: null,
  launch({ url, key, model, protocol }) {
    const { type, prefix, urlVariable, path } = KINDS[protocol];
    const id = model ?? "";
    return {
      words: ["--auth-type", type, "--model", id],
      environment: { [urlVariable]: url + path, [`${prefix}_API_KEY`]: key, [`${prefix}_MODEL`]: id },
    };
  },
  files: [
    {
      folder: ".qwen",
      folderVariable: "QWEN_HOME",
      names: ["settings.json"],
      format: "jsonc",
      holdsKey: false,
      edits: ({ url, models }) => [
        ...models.map(({ id, protocol }) => {
          const { type, path } = KINDS[protocol];
          return { path: ["modelProviders", type, ADDED], value: { id, name: id, baseUrl: url + path, envKey: KEY_VARIABLE } };
        }),
        ...models.slice(0, 1).flatMap(({ id, protocol }) => [
          { path: ["security", "auth", "selectedType"], value: KINDS[protocol].type },
          { path: ["model", "name"], value: id },
        ]),
      ],
    },
  ],
};
