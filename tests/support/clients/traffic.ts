// What real clients send, with their structure but other words; seen in November 2026 with the versions named.
// Each is a request for a model of the caller's choice, in the second turn of a conversation where the client's form of it matters.

import type { JsonObject } from "../../../src/wire/json.ts";
import type { ProtocolId } from "../../../src/protocol/canonical.ts";

export interface Sent {
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
}

export interface RealClient {
  readonly name: string;
  readonly protocol: ProtocolId;
  send(model: string): Sent;
}

const COMMAND = { type: "object", properties: { command: { type: "string" } }, required: ["command"], additionalProperties: false };
const PATCH = 'start: begin_patch hunk+ end_patch\nbegin_patch: "*** Begin Patch" LF\n';

// ---- Claude Code 2.1.330 -----------------------------------------------------------------------------------------

const CLAUDE_CODE_BETAS =
  "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,mid-conversation-tool-changes-2026-07-01," +
  "per-turn-control-2026-07-01,effort-2025-11-24";

export const claudeCode: RealClient = {
  name: "Claude Code",
  protocol: "anthropic-messages",
  send: (model) => ({
    path: "/v1/messages?beta=true",
    headers: {
      "user-agent": "claude-cli/2.1.330 (external, sdk-cli)",
      "anthropic-version": "2023-06-01",
      "anthropic-beta": CLAUDE_CODE_BETAS,
      "anthropic-dangerous-direct-browser-access": "true",
      "x-app": "cli",
      "x-stainless-retry-count": "0",
    },
    body: {
      model,
      max_tokens: 32_000,
      stream: true,
      system: [
        { type: "text", text: "x-anthropic-billing-header: cc_version=2.1.330.dc2; cc_entrypoint=sdk-cli; cch=0a1b2;" },
        { type: "text", text: "You are an agent in a terminal.", cache_control: { type: "ephemeral" } },
        { type: "text", text: "Keep to the house rules.", cache_control: { type: "ephemeral" } },
      ],
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "<system-reminder>Today is Sunday.</system-reminder>" },
            { type: "text", text: "How full is the disk?" },
          ],
        },
        { role: "system", content: "The tools are listed below." },
        {
          role: "assistant",
          content: [{ type: "tool_use", id: "toolu_01", name: "Bash", input: { command: "df -h", description: "disk" } }],
        },
        { role: "user", content: [{ tool_use_id: "toolu_01", type: "tool_result", content: "42%", is_error: false }] },
        {
          role: "system",
          content: [{ type: "text", text: "Answer in one line.", cache_control: { type: "ephemeral" } }],
          output_config: { effort: "low" },
        },
      ],
      metadata: { user_id: `{"device_id":"${"0".repeat(64)}","account_uuid":"","session_id":"s-1"}` },
      thinking: { type: "adaptive", display: "omitted" },
      context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
      output_config: { effort: "high" },
      tools: [
        {
          name: "Bash",
          description: "Runs a command.",
          input_schema: { $schema: "https://json-schema.org/draft/2020-12/schema", ...COMMAND },
        },
        { name: "NotebookEdit", description: "Edits a notebook.", input_schema: COMMAND, defer_loading: true },
      ],
    },
  }),
};

// ---- Codex 0.169 -------------------------------------------------------------------------------------------------

const CODEX_HEADERS = {
  "user-agent": "codex_cli_rs/0.169.0",
  originator: "codex_cli_rs",
  "x-codex-window-id": "w-1",
  "x-codex-turn-metadata": "{}",
  "session-id": "s-1",
};

const CODEX_NAMESPACE = {
  type: "namespace",
  name: "multi_agent_v1",
  description: "Agents that help.",
  tools: [{ type: "function", name: "spawn_agent", description: "Starts an agent.", strict: false, parameters: COMMAND }],
};
const CODEX_FUNCTION = { type: "function", name: "exec_command", description: "Runs a command.", strict: false, parameters: COMMAND };

function codexInput(): JsonObject[] {
  const developer = (text: string): JsonObject => ({
    type: "message",
    id: "msg_1",
    role: "developer",
    content: [{ type: "input_text", text }],
  });
  return [
    developer("You are an agent in a terminal."),
    developer("The sandbox is read-only."),
    { type: "message", id: "msg_2", role: "user", content: [{ type: "input_text", text: "How full is the disk?" }] },
    { type: "message", status: "completed", role: "assistant", content: [{ type: "output_text", text: "I look.", annotations: [] }] },
    { type: "function_call", status: "completed", name: "exec_command", arguments: '{"command":"df -h"}', call_id: "call_1" },
    { type: "function_call_output", id: "fco_1", call_id: "call_1", output: "Wall time: 0.0 seconds\nOutput:\n42%\n" },
  ];
}

function codexBody(model: string, more: JsonObject): JsonObject {
  return {
    model,
    stream: true,
    input: codexInput(),
    tool_choice: "auto",
    parallel_tool_calls: true,
    reasoning: { effort: "medium" },
    store: false,
    include: ["reasoning.encrypted_content"],
    prompt_cache_key: "s-1",
    client_metadata: { "x-codex-installation-id": "i-1" },
    ...more,
  };
}

/** For models whose names it does not know. */
export const codex: RealClient = {
  name: "Codex",
  protocol: "openai-responses",
  send: (model) => ({
    path: "/v1/responses",
    headers: CODEX_HEADERS,
    body: codexBody(model, { tools: [CODEX_FUNCTION, CODEX_NAMESPACE, { type: "web_search", external_web_access: true }] }),
  }),
};

/** As for gpt-5.5: a free-text tool, and a search for tools. */
export const codexWithCustomTools: RealClient = {
  name: "Codex with custom tools",
  protocol: "openai-responses",
  send: (model) => ({
    path: "/v1/responses",
    headers: CODEX_HEADERS,
    body: codexBody(model, {
      tools: [
        {
          type: "custom",
          name: "apply_patch",
          description: "Applies a patch.",
          format: { type: "grammar", syntax: "lark", definition: PATCH },
        },
        CODEX_FUNCTION,
        CODEX_NAMESPACE,
        { type: "tool_search", execution: "client", description: "Finds a tool.", parameters: COMMAND },
        { type: "web_search", external_web_access: true },
      ],
    }),
  }),
};

/** As for gpt-5.6 and later: no `tools`, they are in the input. */
export const codexLite: RealClient = {
  name: "Codex with tools in the input",
  protocol: "openai-responses",
  send: (model) => ({
    path: "/v1/responses",
    headers: { ...CODEX_HEADERS, "x-openai-internal-codex-responses-lite": "true" },
    body: codexBody(model, {
      input: [{ type: "additional_tools", role: "developer", tools: [CODEX_FUNCTION, CODEX_NAMESPACE] }, ...codexInput()],
      reasoning: { effort: "medium", context: "all_turns" },
    }),
  }),
};

// ---- Gemini CLI 0.61 ---------------------------------------------------------------------------------------------

export const geminiCli: RealClient = {
  name: "Gemini CLI",
  protocol: "gemini",
  send: (model) => ({
    path: `/v1beta/models/${model}:streamGenerateContent?alt=sse`,
    headers: { "user-agent": "GeminiCLI/0.61.0", "x-goog-api-client": "google-genai-sdk/2.32.0" },
    body: {
      contents: [
        { role: "user", parts: [{ text: "How full is the disk?" }] },
        {
          role: "model",
          parts: [
            {
              functionCall: { id: "f1", name: "run_shell_command", args: { command: "df -h" } },
              thoughtSignature: "skip_thought_signature_validator",
            },
          ],
        },
        { role: "user", parts: [{ functionResponse: { id: "f1", name: "run_shell_command", response: { output: "42%" } } }] },
      ],
      systemInstruction: { role: "user", parts: [{ text: "You are an agent in a terminal." }] },
      tools: [
        {
          functionDeclarations: [
            { name: "run_shell_command", description: "Runs a command.", parametersJsonSchema: COMMAND },
            {
              name: "list_directory",
              description: "Lists a folder.",
              parameters: { type: "OBJECT", properties: { path: { type: "STRING" } } },
            },
          ],
        },
      ],
      generationConfig: { temperature: 1, topP: 0.95, topK: 64, thinkingConfig: { includeThoughts: true, thinkingBudget: 8192 } },
    },
  }),
};

// ---- opencode 1.18 -----------------------------------------------------------------------------------------------

const OPENCODE_HEADERS = { "user-agent": "opencode/1.18.33", "x-session-affinity": "ses_1", "x-session-id": "ses_1" };

export const opencodeChat: RealClient = {
  name: "opencode over Chat",
  protocol: "openai-chat",
  send: (model) => ({
    path: "/v1/chat/completions",
    headers: OPENCODE_HEADERS,
    body: {
      model,
      max_tokens: 32_000,
      stream: true,
      stream_options: { include_usage: true },
      tool_choice: "auto",
      messages: [
        { role: "system", content: "You are an agent in a terminal." },
        { role: "user", content: "How full is the disk?" },
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "call_1", type: "function", function: { name: "bash", arguments: '{"command":"df -h"}' } }],
        },
        { role: "tool", tool_call_id: "call_1", content: "42%" },
      ],
      tools: [{ type: "function", function: { name: "bash", description: "Runs a command.", parameters: COMMAND } }],
    },
  }),
};

export const opencodeMessages: RealClient = {
  name: "opencode over Messages",
  protocol: "anthropic-messages",
  send: (model) => ({
    path: "/v1/messages",
    headers: { ...OPENCODE_HEADERS, "anthropic-version": "2023-06-01", "anthropic-beta": "fine-grained-tool-streaming-2025-05-14" },
    body: {
      model,
      max_tokens: 32_000,
      stream: true,
      system: [{ type: "text", text: "You are an agent in a terminal.", cache_control: { type: "ephemeral" } }],
      tool_choice: { type: "auto" },
      messages: [
        { role: "user", content: [{ type: "text", text: "How full is the disk?" }] },
        {
          role: "assistant",
          content: [{ type: "tool_use", id: "call_1", name: "bash", input: { command: "df -h" }, cache_control: { type: "ephemeral" } }],
        },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "call_1", content: "42%", cache_control: { type: "ephemeral" } }] },
      ],
      tools: [{ name: "bash", description: "Runs a command.", input_schema: COMMAND }],
    },
  }),
};

export const opencodeResponses: RealClient = {
  name: "opencode over Responses",
  protocol: "openai-responses",
  send: (model) => ({
    path: "/v1/responses",
    headers: OPENCODE_HEADERS,
    body: {
      model,
      stream: true,
      max_output_tokens: 32_000,
      store: false,
      include: ["reasoning.encrypted_content"],
      prompt_cache_key: "ses_1",
      reasoning: { effort: "medium", summary: "auto" },
      tool_choice: "auto",
      input: [
        { role: "developer", content: "You are an agent in a terminal." },
        { role: "user", content: [{ type: "input_text", text: "How full is the disk?" }] },
        { type: "function_call", call_id: "call_1", name: "bash", arguments: '{"command":"df -h"}' },
        { type: "function_call_output", call_id: "call_1", output: "42%" },
      ],
      tools: [{ type: "function", name: "bash", description: "Runs a command.", parameters: COMMAND, strict: false }],
    },
  }),
};

export const opencodeGemini: RealClient = {
  name: "opencode over Gemini",
  protocol: "gemini",
  send: (model) => ({
    path: `/v1beta/models/${model}:streamGenerateContent?alt=sse`,
    headers: OPENCODE_HEADERS,
    body: {
      generationConfig: { maxOutputTokens: 32_000, thinkingConfig: { includeThoughts: true, thinkingLevel: "high" } },
      contents: [
        { role: "user", parts: [{ text: "How full is the disk?" }] },
        // Its SDK sends calls without an id.
        {
          role: "model",
          parts: [{ functionCall: { name: "bash", args: { command: "df -h" } }, thoughtSignature: "skip_thought_signature_validator" }],
        },
        { role: "user", parts: [{ functionResponse: { name: "bash", response: { name: "bash", content: "42%" } } }] },
      ],
      systemInstruction: { parts: [{ text: "You are an agent in a terminal." }] },
      tools: [
        {
          functionDeclarations: [
            { name: "bash", description: "Runs a command.", parameters: { type: "object", properties: { command: { type: "string" } } } },
          ],
        },
      ],
      toolConfig: { functionCallingConfig: { mode: "AUTO" } },
    },
  }),
};

// ---- Others ------------------------------------------------------------------------------------------------------

/** Copilot CLI 1.0.102: a custom tool over Chat. */
export const copilot: RealClient = {
  name: "Copilot",
  protocol: "openai-chat",
  send: (model) => ({
    path: "/v1/chat/completions",
    headers: { "user-agent": "copilot/1.0.102" },
    body: {
      model,
      stream: true,
      messages: [{ role: "user", content: "Fix the typo." }],
      tools: [
        {
          type: "custom",
          custom: {
            name: "apply_patch",
            description: "Applies a patch.",
            format: { type: "grammar", grammar: { syntax: "lark", definition: PATCH } },
          },
        },
        { type: "function", function: { name: "bash", description: "Runs a command.", parameters: COMMAND } },
      ],
    },
  }),
};

/** Cline 3.0.65: several vendors' hosted searches beside functions, over Chat. */
export const cline: RealClient = {
  name: "Cline",
  protocol: "openai-chat",
  send: (model) => ({
    path: "/v1/chat/completions",
    headers: { "user-agent": "Cline/3.0.65" },
    body: {
      model,
      stream: true,
      max_completion_tokens: 8000,
      messages: [{ role: "user", content: "How full is the disk?" }],
      tools: [
        { type: "function", function: { name: "bash", description: "Runs a command.", parameters: COMMAND } },
        { type: "web_search" },
        { type: "web_search_20250305", name: "web_search" },
        { googleSearch: {} },
      ],
    },
  }),
};

/** pi 0.73.1: tools with early streaming of their input. */
export const pi: RealClient = {
  name: "pi",
  protocol: "anthropic-messages",
  send: (model) => ({
    path: "/v1/messages",
    headers: { "user-agent": "pi/0.73.1", "anthropic-version": "2023-06-01" },
    body: {
      model,
      max_tokens: 32_000,
      stream: true,
      messages: [{ role: "user", content: "How full is the disk?" }],
      tools: [{ name: "bash", description: "Runs a command.", input_schema: COMMAND, eager_input_streaming: true }],
    },
  }),
};

export const REAL_CLIENTS: readonly RealClient[] = [
  claudeCode,
  codex,
  codexWithCustomTools,
  codexLite,
  geminiCli,
  opencodeChat,
  opencodeMessages,
  opencodeResponses,
  opencodeGemini,
  copilot,
  cline,
  pi,
];
