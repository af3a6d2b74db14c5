// Claude Code: everything by environment; it prints one JSON object a line, the last of which is the result.

import type { Agent } from "./agent.ts";

export const CLAUDE_CODE: Agent = {
  name: "Claude Code",
  package: "@anthropic-ai/claude-code",
  version: "2.1.332",
  program: "claude",
  protocols: ["anthropic-messages"],
  launch: ({ url, key, model, task }) => ({
    words: ["-p", task, "--output-format", "stream-json", "--verbose", "--allowedTools", "Bash"],
    environment: {
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_AUTH_TOKEN: key,
      ANTHROPIC_MODEL: model,
      ANTHROPIC_DEFAULT_OPUS_MODEL: model,
      ANTHROPIC_DEFAULT_SONNET_MODEL: model,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
      CLAUDE_CODE_SUBAGENT_MODEL: model,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_TELEMETRY: "1",
      DISABLE_ERROR_REPORTING: "1",
      DISABLE_AUTOUPDATER: "1",
    },
  }),
  said(printed, text) {
    const last = printed.split("\n").findLast((line) => line.includes('"type":"result"')) ?? "";
    return ['"subtype":"success"', '"is_error":false', `"result":"${text}"`].every((part) => last.includes(part));
  },
};
