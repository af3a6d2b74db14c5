// Qwen Code: the protocol by a flag, base URL, key and model by the environment of that protocol.

import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { json, type Agent } from "./agent.ts";

const KINDS: Readonly<Record<ProtocolId, { readonly kind: string; readonly prefix: string; readonly url: string; readonly path: string }>> =
  {
    "openai-chat": { kind: "openai", prefix: "OPENAI", url: "OPENAI_BASE_URL", path: "/v1" },
    "openai-responses": { kind: "openai-responses", prefix: "OPENAI", url: "OPENAI_BASE_URL", path: "/v1" },
    "anthropic-messages": { kind: "anthropic", prefix: "ANTHROPIC", url: "ANTHROPIC_BASE_URL", path: "" },
    gemini: { kind: "gemini", prefix: "GEMINI", url: "GOOGLE_GEMINI_BASE_URL", path: "" },
  };

export const QWEN_CODE: Agent = {
  name: "Qwen Code",
  package: "@qwen-code/qwen-code",
  version: "0.24.4",
  program: "qwen",
  protocols: ["openai-chat", "openai-responses", "anthropic-messages", "gemini"],
  launch({ url, key, model, protocol, task }) {
    const { kind, prefix, url: variable, path } = KINDS[protocol];
    return {
      words: ["--auth-type", kind, "-m", model, "-p", task, "--yolo", "-o", "json"],
      environment: { [variable]: url + path, [`${prefix}_API_KEY`]: key, [`${prefix}_MODEL`]: model },
      files: { ".qwen/settings.json": json({ privacy: { usageStatisticsEnabled: false }, general: { enableAutoUpdate: false } }) },
    };
  },
};
