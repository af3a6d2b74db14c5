// The settings as an administrator reads them: as they count, with where they come from, and no secret.

import assert from "node:assert/strict";
import { test } from "node:test";
import { settingViews } from "../../src/cli/setting-views.ts";
import { readFirst } from "../../src/config/reload.ts";
import { sourceOf } from "../support/configuration.ts";

function shown(environment: Record<string, string>): Record<string, string> {
  const source = sourceOf({ environment });
  return Object.fromEntries(
    settingViews({ source, reading: readFirst(source) }).map(({ name, value, source: from }) => [name, `${value} (${from})`]),
  );
}

test("endpoints are shown as they count: they follow FACTORY_BASE_URL, and a host alone gets its path", () => {
  const { ANTHROPIC_TARGET_URL, OPENAI_TARGET_URL, CHAT_TARGET_URL, GEMINI_TARGET_URL, BEDROCK_TARGET_URL } = shown({
    FACTORY_BASE_URL: "http://127.0.0.1:45665/",
    ANTHROPIC_TARGET_URL: "http://127.0.0.1:1?key=secret",
  });
  assert.deepEqual(
    [ANTHROPIC_TARGET_URL, OPENAI_TARGET_URL, CHAT_TARGET_URL, GEMINI_TARGET_URL, BEDROCK_TARGET_URL],
    [
      "http://127.0.0.1:1/v1/messages?… (environment)",
      "http://127.0.0.1:45665/api/llm/o/v1/responses (default)",
      "http://127.0.0.1:45665/api/llm/o/v1/chat/completions (default)",
      "http://127.0.0.1:45665/api/llm/g/v1/generate (default)",
      "http://127.0.0.1:1/v1/messages?… (default)",
    ],
  );
  assert.equal(shown({})["CHAT_TARGET_URL"], "https://api.factory.ai/api/llm/o/v1/chat/completions (default)");
});
