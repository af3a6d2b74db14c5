// The format of Anthropic's Messages API: the types that this codec writes, the client's names of the canonical fields, and the
// fate of each request member when another protocol has to carry it.
// Sources: @anthropic-ai/sdk 1.12.0 (`messages.d.ts`, `beta/messages.d.ts`), https://platform.claude.com/docs/en/api/messages,
// https://platform.claude.com/docs/en/api/migration-2026-10-21 (all read 2026-11).

import { rowOf, type JsonText } from "../../wire/json.ts";
import type { Effort, FieldNames, LossSeverity } from "../canonical.ts";
import type { Words } from "../fields.ts";
import type { NameRule } from "../tool-names.ts";

export const ID = "anthropic-messages";
export const ORIGIN = "anthropic";
/** Tool names and call ids: `^[a-zA-Z0-9_-]{1,128}$`. */
export const NAME_RULE: NameRule = { unfit: /[^a-zA-Z0-9_-]/, maxLength: 128 };

// ---- Content blocks ----------------------------------------------------------------------------------------------

export type CacheControl = { type: "ephemeral"; ttl?: "5m" | "1h" };

export type TextBlock = { type: "text"; text: string; citations?: Citation[]; cache_control?: CacheControl };

export type Citation = {
  type: "web_search_result_location";
  url: string;
  title: string | null;
  cited_text: string;
  encrypted_index: string;
};

export type BlobSource =
  | { type: "base64"; media_type: string; data: string }
  | { type: "url"; url: string }
  | { type: "file"; file_id: string }
  | { type: "text"; media_type: "text/plain"; data: string };

export type ImageBlock = { type: "image"; source: BlobSource; cache_control?: CacheControl };

export type DocumentBlock = {
  type: "document";
  source: BlobSource;
  title?: string;
  context?: string;
  citations?: { enabled: boolean };
  cache_control?: CacheControl;
};

export type ThinkingBlock = { type: "thinking"; thinking: string; signature: string };
export type RedactedThinkingBlock = { type: "redacted_thinking"; data: string };
/** `input` is JSON text, sent verbatim. */
export type ToolUseBlock = { type: "tool_use"; id: string; name: string; input: JsonText; cache_control?: CacheControl };

export type ToolResultBlock = {
  type: "tool_result";
  tool_use_id: string;
  content?: (TextBlock | ImageBlock | DocumentBlock)[];
  is_error?: boolean;
  cache_control?: CacheControl;
};

/** Blocks that may have a cache mark. */
export type MarkedBlock = TextBlock | ImageBlock | DocumentBlock | ToolUseBlock | ToolResultBlock;
/** In an answer: a web search that ran upstream. */
export type ServerToolUse = { type: "server_tool_use"; id: string; name: "web_search"; input: JsonText };
export type WebSearchPage = { type: "web_search_result"; title: string; url: string; encrypted_content: string; page_age: null };
export type WebSearchResult = {
  type: "web_search_tool_result";
  tool_use_id: string;
  content: WebSearchPage[] | { type: "web_search_tool_result_error"; error_code: "unavailable" };
};

/** `JsonText`: a block that only this protocol understands, verbatim. */
export type Block = MarkedBlock | ThinkingBlock | RedactedThinkingBlock | ServerToolUse | WebSearchResult | JsonText;

export type Message = { role: "user" | "assistant" | "system"; content: Block[]; output_config?: { effort: Effort } };

// ---- Answers -----------------------------------------------------------------------------------------------------

export type StopReason =
  | "end_turn"
  | "max_tokens"
  | "stop_sequence"
  | "tool_use"
  | "pause_turn"
  | "refusal"
  | "model_context_window_exceeded";

export type StopDetails = { type: "refusal"; category: null; explanation: string | null };

/** The end of an answer: members of a message, and of a stream's `message_delta`. */
export type Stop = {
  stop_reason: StopReason;
  stop_sequence: string | null;
  stop_details: StopDetails | null;
  container: null;
};

export type Usage = {
  input_tokens: number;
  cache_creation_input_tokens: number | null;
  cache_read_input_tokens: number | null;
  output_tokens: number;
  output_tokens_details?: { thinking_tokens: number };
  /** In an answer that searched. */
  server_tool_use?: { web_search_requests: number; web_fetch_requests: number };
};

/** A non-streaming answer. */
export type Reply = {
  id: string;
  type: "message";
  role: "assistant";
  model: string;
  content: Block[];
  stop_reason: StopReason | null;
  stop_sequence: string | null;
  stop_details: StopDetails | null;
  container: null;
  usage: Usage;
};

export type Delta =
  | { type: "text_delta"; text: string }
  | { type: "thinking_delta"; thinking: string }
  | { type: "signature_delta"; signature: string }
  | { type: "input_json_delta"; partial_json: string }
  | { type: "citations_delta"; citation: Citation };

export type StreamEvent =
  | { type: "message_start"; message: Reply }
  | { type: "content_block_start"; index: number; content_block: Block }
  | { type: "content_block_delta"; index: number; delta: Delta }
  | { type: "content_block_stop"; index: number }
  | { type: "message_delta"; delta: Stop; usage: Usage }
  | { type: "message_stop" }
  | ErrorObject;

export type ErrorObject = { type: "error"; error: { type: ErrorType; message: string; details?: object } };

export type ErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "billing_error"
  | "permission_error"
  | "not_found_error"
  | "conflict_error"
  | "request_too_large"
  | "rate_limit_error"
  | "timeout_error"
  | "api_error"
  | "overloaded_error";

// ---- Requests ----------------------------------------------------------------------------------------------------

/** This protocol's name for each field; a field that it lacks gets a name that its users would understand. */
export const NAMES: FieldNames = {
  model: "model",
  system: "system",
  turns: "messages",
  tools: "tools",
  toolChoice: "tool_choice",
  parallelToolCalls: "tool_choice.disable_parallel_tool_use",
  reasoning: "thinking",
  output: "output_config.format",
  verbosity: "verbosity",
  maxOutputTokens: "max_tokens",
  stop: "stop_sequences",
  temperature: "temperature",
  topP: "top_p",
  topK: "top_k",
  seed: "seed",
  presencePenalty: "presence_penalty",
  frequencyPenalty: "frequency_penalty",
  topLogprobs: "top_logprobs",
  endUser: "metadata.user_id",
  metadata: "metadata",
  cacheKey: "metadata.user_id.session_id",
  cache: "cache_control",
  serviceTier: "service_tier",
  store: "store",
};

/** Every enumeration in a request, except the types of blocks and tools, which can be kept verbatim. */
export const WORDS = {
  "cache_control.ttl": { known: ["5m", "1h"], unknown: "reported" },
  "messages.clear_at": { known: ["next_user_message", "never"], unknown: "reported" },
  "messages.role": { known: ["user", "assistant", "system"], unknown: "refused" },
  "output_config.effort": { known: ["low", "medium", "high", "xhigh", "max"], unknown: "reported" },
  "output_config.format.type": { known: ["json_schema"], unknown: "refused" },
  service_tier: { known: ["auto", "standard_only"], unknown: "reported" },
  "source.type": { known: ["base64", "url", "file", "text", "content"], unknown: "refused" },
  "system.type": { known: ["text"], unknown: "refused" },
  "thinking.display": { known: ["summarized", "omitted", "updates"], unknown: "reported" },
  "thinking.type": { known: ["adaptive", "enabled", "disabled", "between_tools"], unknown: "reported" },
  /** The form of other protocols: a string. */
  tool_choice: { known: ["auto", "any", "none", "required", "validated"], unknown: "reported" },
  "tool_choice.type": { known: ["auto", "any", "tool", "none", "required", "validated", "function"], unknown: "reported" },
} as const satisfies Readonly<Record<string, Words<string>>>;

/** The fate of a member that another protocol can't carry. */
export type LostFate = { readonly fate: LossSeverity; readonly reason: string };
/** The fate of a member when another protocol has to carry it. */
export type Fate = { readonly fate: "carried" } | LostFate;

const CARRIED: Fate = { fate: "carried" };

/**
 * Every member of MessageCreateParams, including beta members and the SDK's header parameters. Two are judged by their value:
 * `context_management` (see `contextManagementFate`) and `thread`, which is refused with details of its own.
 */
export const FIELDS = {
  model: CARRIED,
  messages: CARRIED,
  max_tokens: CARRIED,
  system: CARRIED,
  stream: CARRIED,
  stop_sequences: CARRIED,
  temperature: CARRIED,
  top_p: CARRIED,
  top_k: CARRIED,
  tools: CARRIED,
  tool_choice: CARRIED,
  thinking: CARRIED,
  output_config: CARRIED,
  output_format: CARRIED,
  metadata: CARRIED,
  service_tier: CARRIED,
  betas: { fate: "dropped", reason: "Betas are Anthropic's; what they switch on is judged member by member." },
  billing_policy: { fate: "refused", reason: "Another provider cannot bill your customer; the call would be billed to you." },
  cache_control: { fate: "dropped", reason: "Other providers cache prompt prefixes by themselves." },
  compaction: { fate: "refused", reason: "Only Claude models answer with a compaction of the conversation." },
  container: { fate: "refused", reason: "A container and its files live at Anthropic; another provider cannot reach them." },
  context_management: { fate: "reported", reason: "Only Anthropic edits the context; the conversation is sent in full." },
  diagnostics: { fate: "reported", reason: "Only Anthropic diagnoses its prompt cache." },
  fallback_credit_token: { fate: "reported", reason: "The credit is valid only at Anthropic." },
  fallbacks: { fate: "reported", reason: "Fallback models are Anthropic's own." },
  inference_geo: { fate: "refused", reason: "This model's provider cannot promise where it computes." },
  mcp_servers: {
    fate: "reported",
    reason: "Only Anthropic connects to MCP servers for you; connect to them yourself and send their tools.",
  },
  speed: { fate: "reported", reason: "Only Anthropic has a speed switch." },
  thread: { fate: "refused", reason: "A thread lives at Anthropic; send the whole conversation." },
  user_profile_id: { fate: "reported", reason: "User profiles are Anthropic's." },
  workspace_id: { fate: "reported", reason: "Workspaces are Anthropic's." },
} as const satisfies Readonly<Record<string, Fate>>;

const UNKNOWN: LostFate = { fate: "reported", reason: "The model's own protocol has no such member." };

/** The fate of a top-level member without a canonical field; unknown ones are reported. */
export function fateOf(field: string): LostFate {
  const known = rowOf<Fate>(FIELDS, field);
  return known !== undefined && known.fate !== "carried" ? known : UNKNOWN;
}

/** Members of messages, blocks, tools and configurations without a canonical field. */
const NESTED: Readonly<Record<string, LostFate>> = {
  block_binding: { fate: "dropped", reason: "Only Anthropic checks what a thinking block is bound to." },
  citations: { fate: "dropped", reason: "Only Anthropic can read its citations back." },
  configs: UNKNOWN,
  defer_loading: { fate: "dropped", reason: "The tool is sent in full." },
  display_number: { fate: "dropped", reason: "It is for the program that runs the tool." },
  eager_input_streaming: { fate: "dropped", reason: "Other providers stream tool arguments by themselves." },
  enable_zoom: { fate: "dropped", reason: "It is for the program that runs the tool." },
  input_examples: { fate: "reported", reason: "Only Anthropic takes examples of a tool's input; put them into its description." },
  max_characters: { fate: "dropped", reason: "It is for the program that runs the tool." },
  response_inclusion: { fate: "dropped", reason: "Only Anthropic's web search can leave its results out." },
  task_budget: { fate: "reported", reason: "Only Claude models are told of a token budget for the whole task." },
  toolset_name: { fate: "reported", reason: "Only Anthropic groups tools into toolsets." },
  transformations: { fate: "reported", reason: "Only Anthropic says what to do with an image that is too large." },
};

export function nestedFateOf(member: string): LostFate {
  return rowOf(NESTED, member) ?? UNKNOWN;
}
