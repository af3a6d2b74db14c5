// Claude Code's contract with a gateway: what it sends, and what it needs in return.
// https://code.claude.com/docs/en/llm-gateway-protocol (read 2026-11); requests as Claude Code 2.1.330 sends them.

import { incomplete, isForeign, isOwn, looking, shown, type Case } from "../case.ts";
import { answer, refusal } from "../lab/lab.ts";
import { contentOf } from "../lab/reply-content.ts";
import { bodyOf, keyHeaders, numberAt, objectIn, printed, userTurn, WEATHER, type JsonObject } from "../wire.ts";
import type { Scenario, World } from "../world.ts";

const BETAS = "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,effort-2025-11-24";
const ATTRIBUTION = "x-anthropic-billing-header: cc_version=2.1.330; cc_entrypoint=cli; cch=a1b2c;";
const REMINDER = "Be brief: this is the end of the conversation.";

const TURN: Scenario = {
  name: "a turn of Claude Code",
  text: "Say hello.",
  query: "beta=true",
  headers: { "anthropic-beta": BETAS, "user-agent": "claude-cli/2.1.330 (external, cli)", "x-app": "cli" },
  turns: (protocol, text) => [
    userTurn(protocol, text),
    { role: "system", content: [{ type: "text", text: REMINDER, cache_control: { type: "ephemeral" } }], output_config: { effort: "low" } },
  ],
  extra: (): JsonObject => ({
    max_tokens: 32_000,
    system: [
      { type: "text", text: ATTRIBUTION },
      { type: "text", text: "You are Claude Code, Anthropic's official CLI for Claude.", cache_control: { type: "ephemeral" } },
    ],
    tools: [
      {
        name: "Bash",
        description: "Runs a command.",
        input_schema: {
          $schema: "http://json-schema.org/draft-07/schema#",
          type: "object",
          properties: { command: { type: "string" } },
          required: ["command"],
          additionalProperties: false,
        },
      },
      {
        name: "WebFetch",
        description: "Fetches a page.",
        input_schema: { type: "object", properties: { url: { type: "string" } } },
        defer_loading: true,
      },
    ],
    thinking: { type: "adaptive", display: "omitted" },
    context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
    output_config: { effort: "medium" },
    metadata: { user_id: '{"device_id":"d1","account_uuid":"","session_id":"5b1b8a0e-0d5d-4c37-9f0b-2f8a1c1f7e11"}' },
  }),
  script: (seen) => answer(seen, contentOf()),
};

const shared = { area: "claude-code", protocol: "anthropic-messages" } as const;
const TOO_LONG = "prompt is too long: 250000 tokens > 200000 maximum";

export const CLAUDE_CODE_CASES: readonly Case[] = [
  {
    ...shared,
    name: "HEAD /api/hello",
    needs: "live",
    expected: "any status below 500",
    breaks: "Claude Code warns at its start that the server can't be reached",
    run: async (world) => {
      const { status, text } = await world.page("/api/hello", { method: "HEAD" });
      return status > 0 && status < 500 ? null : `status ${status} ${text}`;
    },
  },
  {
    ...shared,
    name: "Bearer in place of x-api-key",
    needs: "lab",
    expected: "an answer to ANTHROPIC_AUTH_TOKEN as well as to ANTHROPIC_API_KEY",
    breaks: "Claude Code with ANTHROPIC_AUTH_TOKEN, and Anthropic SDKs 1.x, which send Bearer alone",
    run: (world) => bearer(world),
  },
  {
    ...shared,
    name: "count_tokens",
    needs: "live",
    expected: "input_tokens; or 404 or 501, after which Claude Code estimates",
    breaks: "Claude Code's context meter; a call that is billed for each count",
    run: (world) => counted(world),
  },
  looking({
    ...shared,
    name: "a turn as it is sent",
    needs: "live",
    expected: "an answer that is streamed, without faults",
    breaks: "Claude Code: a system message at the end, betas, context_management, deferred tools are in most of its requests",
    scenario: TURN,
    stream: true,
    check: (one) => incomplete(one) ?? (one.faults.length === 0 ? null : shown(one.faults[0]?.came)),
  }),
  looking({
    ...shared,
    name: "anthropic-beta and anthropic-version are passed on",
    needs: "lab",
    expected: "both headers at Anthropic's own API, as they were",
    breaks: "Claude Code: body members of a beta are refused without its header",
    scenario: TURN,
    stream: true,
    fits: isOwn,
    check: ({ seen }) => {
      const headers = seen.at(-1)?.headers ?? {};
      const isAll =
        BETAS.split(",").every((beta) => (headers["anthropic-beta"] ?? "").includes(beta)) && headers["anthropic-version"] === "2023-06-01";
      return isAll
        ? null
        : `anthropic-beta: ${headers["anthropic-beta"] ?? "none"}, anthropic-version: ${headers["anthropic-version"] ?? "none"}`;
    },
  }),
  looking({
    ...shared,
    name: "the system message at the end",
    needs: "lab",
    expected: "its text at the upstream, behind the user's",
    breaks: "Claude Code's reminders are lost, or miss the prompt cache in front of the conversation",
    scenario: TURN,
    stream: true,
    check: ({ seen, status, text }) => {
      const sent = seen.at(-1)?.text;
      if (sent === undefined) return `nothing reached the upstream: status ${status}: ${shown(text)}`;
      return sent.indexOf(REMINDER) > sent.indexOf("Say hello.") ? null : shown(sent);
    },
  }),
  looking({
    ...shared,
    name: "the attribution line",
    needs: "lab",
    expected: "it is not in the prompt of another provider: it changes with every request",
    breaks: "prompt caches of every other provider: no prefix is ever the same",
    scenario: TURN,
    stream: true,
    fits: isForeign,
    check: ({ seen, status }) => {
      const sent = seen.at(-1)?.text;
      return sent === undefined
        ? `nothing reached the upstream: status ${status}`
        : sent.includes("x-anthropic-billing-header")
          ? "the line"
          : null;
    },
  }),
  looking({
    ...shared,
    name: "a deferred tool",
    needs: "lab",
    expected: "the tool in full, without defer_loading, at another provider",
    breaks: "strict servers answer 400; others never hear of the tool",
    scenario: TURN,
    stream: true,
    fits: isForeign,
    check: ({ seen }) => {
      const sent = seen.at(-1)?.text ?? "";
      return sent.includes("WebFetch") && !sent.includes("defer_loading") ? null : shown(sent);
    },
  }),
  looking({
    ...shared,
    name: "the prompt is too long",
    needs: "lab",
    expected: 'status 400, type invalid_request_error, and "prompt is too long"',
    breaks: "Claude Code does not compact its history",
    scenario: {
      name: "too long for Claude Code",
      text: "Say hello.",
      script: (seen) => refusal(seen, seen.protocol === "anthropic-messages" ? { status: 400, message: TOO_LONG } : tooLong()),
    },
    stream: true,
    check: (one) => {
      const isRight =
        one.status === 400 && one.said.error?.type === "invalid_request_error" && /prompt is too long/i.test(one.said.error.message);
      return isRight ? null : `status ${one.status}: ${shown(one.text)}`;
    },
  }),
  looking({
    ...shared,
    name: "request-id",
    needs: "live",
    expected: "a header request-id or x-request-id",
    breaks: "nobody finds a call of Claude Code's in the server's log",
    scenario: TURN,
    stream: true,
    check: ({ headers }) => ((headers["request-id"] ?? headers["x-request-id"]) ? null : "none"),
  }),
];

/** As OpenAI says it. */
function tooLong(): { readonly status: number; readonly message: string; readonly code: string } {
  return {
    status: 400,
    message: "Your input exceeds the context window of this model. This model's maximum context length is 200000 tokens.",
    code: "context_length_exceeded",
  };
}

async function bearer(world: World): Promise<string | null> {
  const [model] = world.models;
  if (model === undefined) return "no model";
  const headers = { ...keyHeaders("anthropic-messages", null), ...(world.key === null ? {} : { authorization: `Bearer ${world.key}` }) };
  const body = bodyOf("anthropic-messages", { model: model.id, stream: false, turns: [userTurn("anthropic-messages", "Say hello.")] });
  const page = await world.page("/v1/messages", { method: "POST", headers, body: printed(body) });
  return page.status === 200 ? null : `status ${page.status}: ${shown(page.text)}`;
}

async function counted(world: World): Promise<string | null> {
  const [model] = world.models;
  if (model === undefined) return "no model";
  const body = {
    model: model.id,
    messages: [userTurn("anthropic-messages", "Say hello.")],
    tools: [{ name: WEATHER.name, input_schema: WEATHER.schema }],
  };
  const page = await world.page("/v1/messages/count_tokens?beta=true", {
    method: "POST",
    headers: keyHeaders("anthropic-messages", world.key),
    body: printed(body),
  });
  if (page.status === 404 || page.status === 501) return null;
  const count = numberAt(objectIn(page.text), "input_tokens");
  return page.status === 200 && (count ?? 0) > 0 ? null : `status ${page.status}: ${shown(page.text)}`;
}
