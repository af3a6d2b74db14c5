// What the environment says that was hardly meant, and environment files as editors write them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { strayLines, textOfFile } from "../../src/config/env-file.ts";
import { VARIABLES } from "../../src/config/variables.ts";
import { upstreamOrigins } from "../../src/config/upstream-hosts.ts";
import { warningsOf } from "../../src/config/warnings.ts";
import { nearest } from "../../src/models/nearest.ts";

function warned(environment: Record<string, string>, origins: readonly string[] = ["https://api.factory.ai"]): unknown[] {
  return warningsOf({ environment, origins, upstreamKeys: [], nearest }).map(({ event, fields }) => [
    event,
    fields["name"],
    fields["meant"],
  ]);
}

test("warnings: a name within two edits of a variable's, or one of a short one's, is named with what was probably meant", () => {
  const environment = { PROXY_API_KEYS: "x", LOG_LVL: "x", PORTT: "x", HSOT: "x", RETIRES: "x" };
  assert.deepEqual(warned(environment), [
    ["unknown variable", "PROXY_API_KEYS", "PROXY_API_KEY"],
    ["unknown variable", "LOG_LVL", "LOG_LEVEL"],
    ["unknown variable", "PORTT", "PORT"],
    ["unknown variable", "HSOT", "HOST"],
    ["unknown variable", "RETIRES", "RETRIES"],
  ]);
});

test("warnings: a name that people expect, and the host that Factory's API had once", () => {
  assert.deepEqual(warned({ FACTORY_URL: "x", RETRY: "x" }), [
    ["unknown variable", "FACTORY_URL", "FACTORY_BASE_URL"],
    ["unknown variable", "RETRY", "RETRIES"],
  ]);
  const old = "https://app.factory.ai/api/llm/o/v1/responses";
  const urls = { FACTORY_BASE_URL: "https://api.eu.factory.ai", OPENAI_TARGET_URL: old, ANTHROPIC_TARGET_URL: "no URL" };
  assert.deepEqual(warned(urls), [["old upstream", "OPENAI_TARGET_URL", undefined]]);
});

test("warnings: every host that is neither Factory's nor this machine, with the settings that send it Factory keys", () => {
  const models = [{ id: "own", target: "http://10.0.0.5:9000/v1" }, { id: "new", target: "https://api.factory.ai/x" }, { id: "other" }];
  const environment = {
    FACTORY_BASE_URL: "https://api.eu.factory.ai",
    ANTHROPIC_TARGET_URL: "https://someone.supabase.co/functions/v1/messages?secret=1",
    OPENAI_TARGET_URL: "https://user:password@someone.supabase.co/responses",
    CHAT_TARGET_URL: "http://[::1]:9000/chat",
    GEMINI_TARGET_URL: "https://api.factory.ai.example.org",
    BEDROCK_TARGET_URL: "",
  };
  const [messages, responses, chat, gemini] = [
    environment.ANTHROPIC_TARGET_URL,
    environment.OPENAI_TARGET_URL,
    environment.CHAT_TARGET_URL,
    environment.GEMINI_TARGET_URL,
  ];
  const origins = upstreamOrigins({ endpoints: { messages, responses, chat, gemini, bedrock: messages }, models });
  assert.deepEqual(origins, [
    "https://someone.supabase.co",
    "http://[::1]:9000",
    "https://api.factory.ai.example.org",
    "http://10.0.0.5:9000",
    "https://api.factory.ai",
  ]);
  assert.deepEqual(warningsOf({ environment, origins, upstreamKeys: [], nearest }), [
    {
      event: "foreign upstream",
      fields: {
        name: "ANTHROPIC_TARGET_URL, OPENAI_TARGET_URL",
        host: "someone.supabase.co",
        message:
          "ANTHROPIC_TARGET_URL, OPENAI_TARGET_URL send Factory keys and prompts to someone.supabase.co, which is not a Factory host. Delete them unless you trust that host.",
      },
    },
    {
      event: "foreign upstream",
      fields: {
        name: "GEMINI_TARGET_URL",
        host: "api.factory.ai.example.org",
        message:
          "GEMINI_TARGET_URL sends Factory keys and prompts to api.factory.ai.example.org, which is not a Factory host. Delete it unless you trust that host.",
      },
    },
    {
      event: "foreign upstream",
      fields: {
        name: "CONFIG_PATH",
        host: "10.0.0.5:9000",
        message:
          "A target in CONFIG_PATH sends Factory keys and prompts to 10.0.0.5:9000, which is not a Factory host. Delete it unless you trust that host.",
      },
    },
  ]);
});

test("warnings: what can't be a Factory key, as the line of the README before a key is put into it", () => {
  const upstreamKeys = ["fk-0123456789abcdefghij", "a-key-of-an-unknown-shape", "fk-...", "sk-ant-api03-0123456789abcdef"];
  const found = warningsOf({ environment: {}, origins: [], upstreamKeys, nearest });
  assert.deepEqual(found, [
    {
      event: "unlikely key",
      fields: { message: "The Factory key is an example's placeholder. Copy it again from https://app.factory.ai/settings/api-keys." },
    },
    {
      event: "unlikely key",
      fields: { message: "The Factory key looks like a key from Anthropic. Copy it again from https://app.factory.ai/settings/api-keys." },
    },
  ]);
});

test("warnings: none about the variables themselves, or those of a usual shell", () => {
  const usual =
    "PATH HOME PWD OLDPWD USER LOGNAME SHELL TERM LANG LC_ALL SHLVL TZ EDITOR PAGER HOSTNAME DISPLAY TMPDIR COLORTERM MAIL ROOT";
  const names = [...Object.keys(VARIABLES), ...usual.split(" "), "_", "CI", "NO_PROXY", "HTTPS_PROXY", "BUN_OPTIONS", "NODE_OPTIONS"];
  assert.deepEqual(warned(Object.fromEntries(names.map((name) => [name, "x"]))), []);
});

test("warnings: certificates that are not checked, and a proxy before an upstream of plain http", () => {
  assert.deepEqual(warned({ NODE_TLS_REJECT_UNAUTHORIZED: "0" }), [["insecure", "NODE_TLS_REJECT_UNAUTHORIZED", undefined]]);
  assert.deepEqual(warned({ NODE_TLS_REJECT_UNAUTHORIZED: "1", HTTP_PROXY: "http://proxy.test" }), []);
  assert.deepEqual(warned({ http_proxy: "http://proxy.test" }, ["http://127.0.0.1:8080"]), [["insecure", "http_proxy", undefined]]);
});

test("environment file: UTF-8 and UTF-16 are read, with their marks, and what is neither is none", () => {
  const text = "A=☃\n";
  const little = new Uint8Array(new Uint16Array([0xfeff, ...Array.from(text, (character) => character.charCodeAt(0))]).buffer);
  const big = little.map((_, index) => little[index ^ 1] ?? 0);
  for (const bytes of [new TextEncoder().encode(text), new TextEncoder().encode(`\uFEFF${text}`), little, big]) {
    assert.equal(textOfFile(bytes), text);
  }
  for (const bytes of [little.subarray(2), Uint8Array.of(0xff), Uint8Array.of(0x41, 0)]) assert.equal(textOfFile(bytes), null);
});

test("environment file: a line sets something, is empty or is a comment", () => {
  assert.deepEqual(strayLines('A=1\r\n\r\n  # b\r\nexport C = 2\nD="x\ny"\nE=\'\nz\n\' # e\n#F="\nstray\n'), [11]);
  assert.deepEqual(strayLines('A="never closed\nstray\n'), [2]);
});
