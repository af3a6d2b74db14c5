// The wire format of Chat Completions, its names of the canonical fields, and the fate of each request member.
// Types of what this codec writes are exact; in what it reads from upstreams, every member is unknown until it is checked.
// Sources (read 2026-11): openai 7.57.0 `resources/chat/completions/completions.d.ts`; https://platform.openai.com/docs/api-reference/chat;
// DeepSeek, Moonshot, Mistral, xAI and Groq answers as recorded.

import type { FieldNames, LossSeverity } from "../canonical.ts";
import type { Words } from "../fields.ts";

// ---- What is written -----------------------------------------------------------------------------------------------

export type CacheBreakpoint = { mode: "explicit"; ttl?: "12h" };

export type TextContent = { type: "text"; text: string; prompt_cache_breakpoint?: CacheBreakpoint };

export type ContentPart =
  | TextContent
  | { type: "image_url"; image_url: { url: string; detail?: string }; prompt_cache_breakpoint?: CacheBreakpoint }
  | { type: "file"; file: { filename?: string; file_data?: string; file_id?: string }; prompt_cache_breakpoint?: CacheBreakpoint }
  | { type: "input_audio"; input_audio: { data: string; format: string } };

// Two slots carry proofs through a client and back, as text from `sealProof`; a proof is never sent bare, because Chat has no origin.
//   message.reasoning_details[]                     in the form that OpenRouter's clients echo:
//     { type: "reasoning.text", index, text, signature }            a thought and its proof
//     { type: "reasoning.encrypted", index, data }                  a hidden thought
//     { type: "reasoning.encrypted", index, data, id: "content" }   the proof of the text of the answer
//   tool_calls[].extra_content.google.thought_signature   of tool calls, in the form that clients of Gemini's Chat endpoint echo.

export type ReasoningDetail = { type: "reasoning.text"; index: number; text: string; signature: string } | EncryptedDetail;
export type EncryptedDetail = { type: "reasoning.encrypted"; index: number; data: string; id?: "content" };

export type CallProof = { extra_content?: { google: { thought_signature: string } } };

export type FunctionCall = { name: string; arguments: string };

export type ToolCall =
  | ({ id: string; type: "function"; function: FunctionCall } & CallProof)
  | ({ id: string; type: "custom"; custom: { name: string; input: string } } & CallProof);

/** A tool call in a chunk: the first has id, type and name, the others only the index and a piece of the arguments. */
export type ToolCallPiece = CallProof & {
  index: number;
  id?: string;
  type?: "function" | "custom";
  function?: { name?: string; arguments: string };
  custom?: { name?: string; input: string };
};

export type Annotation = { type: "url_citation"; url_citation: { url: string; title: string; start_index: number; end_index: number } };

export type TokenLogprob = { token: string; bytes: number[]; logprob: number };
export type Logprob = TokenLogprob & { top_logprobs: TokenLogprob[] };
export type Logprobs = { content: Logprob[] | null; refusal: Logprob[] | null };

/** The message of a non-streaming answer. */
export type Message = {
  role: "assistant";
  content: string | null;
  refusal: string | null;
  reasoning_content?: string;
  reasoning_details?: ReasoningDetail[];
  annotations?: Annotation[];
  tool_calls?: ToolCall[];
  function_call?: FunctionCall;
};

/** What one chunk adds to the answer. */
export type Piece = {
  role?: "assistant";
  content?: string;
  reasoning_content?: string;
  reasoning_details?: ReasoningDetail[];
  refusal?: string;
  annotations?: Annotation[];
  tool_calls?: ToolCallPiece[];
  function_call?: { name?: string; arguments: string };
};

export type FinishReason = "stop" | "length" | "tool_calls" | "content_filter" | "function_call";

export type Usage = {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number; cache_write_tokens?: number };
  completion_tokens_details?: { reasoning_tokens: number };
};

/** A non-streaming answer. */
export type Reply = {
  id: string;
  object: "chat.completion";
  created: number;
  model: string;
  choices: { index: 0; message: Message; logprobs: Logprobs | null; finish_reason: FinishReason }[];
  usage?: Usage;
};

// ---- What is read --------------------------------------------------------------------------------------------------

/** A chunk, or a non-streaming answer, as an upstream sent it. */
export interface Chunk {
  readonly id?: unknown;
  readonly object?: unknown;
  readonly model?: unknown;
  readonly choices?: unknown;
  readonly usage?: unknown;
  readonly error?: unknown;
  /** Groq keeps the usage here. */
  readonly x_groq?: unknown;
  /** Pages listed with the answer: see citations.ts. */
  readonly citations?: unknown;
  readonly search_results?: unknown;
  readonly web_search?: unknown;
  readonly search_info?: unknown;
}

export interface Choice {
  readonly index?: unknown;
  readonly delta?: unknown;
  /** In non-streaming answers, in place of `delta`. */
  readonly message?: unknown;
  readonly logprobs?: unknown;
  readonly finish_reason?: unknown;
  /** vLLM and similar servers: the stop sequence that matched. */
  readonly stop_reason?: unknown;
  /** Moonshot keeps the usage here. */
  readonly usage?: unknown;
}

export interface Delta {
  readonly content?: unknown;
  readonly reasoning_content?: unknown;
  readonly reasoning?: unknown;
  readonly reasoning_details?: unknown;
  readonly refusal?: unknown;
  readonly annotations?: unknown;
  readonly tool_calls?: unknown;
  readonly function_call?: unknown;
}

export interface LogprobsRead {
  readonly content?: unknown;
  readonly refusal?: unknown;
}

export interface LogprobRead {
  readonly token?: unknown;
  readonly bytes?: unknown;
  readonly logprob?: unknown;
  readonly top_logprobs?: unknown;
}

export interface CallDelta {
  readonly index?: unknown;
  readonly id?: unknown;
  readonly function?: unknown;
  readonly custom?: unknown;
  readonly extra_content?: unknown;
}

/** `function` or `custom` of a call. */
export interface CalledDelta {
  readonly name?: unknown;
  readonly arguments?: unknown;
  readonly input?: unknown;
}

export interface AnnotationRead {
  readonly url_citation?: unknown;
}

export interface CitationRead {
  readonly url?: unknown;
  readonly title?: unknown;
  readonly start_index?: unknown;
  readonly end_index?: unknown;
}

export interface DetailRead {
  readonly type?: unknown;
  readonly id?: unknown;
  readonly text?: unknown;
  readonly signature?: unknown;
  readonly data?: unknown;
}

export interface UsageRead {
  readonly prompt_tokens?: unknown;
  readonly completion_tokens?: unknown;
  readonly total_tokens?: unknown;
  readonly prompt_tokens_details?: unknown;
  readonly completion_tokens_details?: unknown;
  /** DeepSeek. */
  readonly prompt_cache_hit_tokens?: unknown;
  /** Moonshot. */
  readonly cached_tokens?: unknown;
}

export interface ErrorRead {
  readonly message?: unknown;
  readonly type?: unknown;
  readonly param?: unknown;
  readonly code?: unknown;
  readonly status?: unknown;
  readonly detail?: unknown;
  readonly error?: unknown;
}

/** An object whose members have not been checked; undefined: not an object. */
export function objectOf<Shape extends object>(value: unknown): Partial<Shape> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

/** The objects in an array; none when it is not an array. */
export function objectsOf<Shape extends object>(value: unknown): Partial<Shape>[] {
  return Array.isArray(value) ? value.flatMap((item) => objectOf<Shape>(item) ?? []) : [];
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

const ID_PREFIX = /^(?:chatcmpl-|resp_|msg_)/;

/** An answer's id without the prefix that names its kind. */
export function bareId(id: string): string {
  return id.replace(ID_PREFIX, "");
}

// ---- Names ---------------------------------------------------------------------------------------------------------

export const NAMES: FieldNames = {
  model: "model",
  system: "messages",
  turns: "messages",
  tools: "tools",
  toolChoice: "tool_choice",
  parallelToolCalls: "parallel_tool_calls",
  reasoning: "reasoning_effort",
  output: "response_format",
  verbosity: "verbosity",
  maxOutputTokens: "max_completion_tokens",
  stop: "stop",
  temperature: "temperature",
  topP: "top_p",
  topK: "top_k",
  seed: "seed",
  presencePenalty: "presence_penalty",
  frequencyPenalty: "frequency_penalty",
  topLogprobs: "logprobs",
  endUser: "safety_identifier",
  metadata: "metadata",
  cacheKey: "prompt_cache_key",
  cache: "prompt_cache_breakpoint",
  serviceTier: "service_tier",
  store: "store",
};

/** The names of a client that limits its answer by the older name. */
export const MAX_TOKENS_NAMES: FieldNames = { ...NAMES, maxOutputTokens: "max_tokens" };

/** The names of a client that declares `functions`, the predecessor of `tools`; it is answered in the same form. */
export const LEGACY_NAMES: FieldNames = { ...MAX_TOKENS_NAMES, tools: "functions", toolChoice: "function_call" };

/** Whether the client uses the form of `functions` and `function_call`. */
export function isLegacy(names: FieldNames): boolean {
  return names.tools === LEGACY_NAMES.tools;
}

/** Whether the client speaks Chat itself. */
export function isOwn(names: FieldNames): boolean {
  return names.system === NAMES.system;
}

// ---- Enumerations --------------------------------------------------------------------------------------------------

/** Every enumeration in a request, except the types of messages, parts and tools, which can be kept verbatim. */
export const WORDS = {
  "messages.role": { known: ["system", "developer", "user", "assistant", "tool", "function"], unknown: "refused" },
  "messages.detail": { known: ["auto", "low", "high", "original"], unknown: "reported" },
  "cache_control.ttl": { known: ["5m", "1h"], unknown: "reported" },
  reasoning_effort: { known: ["none", "minimal", "low", "medium", "high", "xhigh", "max"], unknown: "reported" },
  "response_format.type": { known: ["text", "json_object", "json_schema"], unknown: "refused" },
  search_context_size: { known: ["low", "medium", "high"], unknown: "reported" },
  service_tier: { known: ["auto", "default", "flex", "priority"], unknown: "reported" },
  tool_choice: { known: ["none", "auto", "required", "any", "validated"], unknown: "reported" },
  "tool_choice.mode": { known: ["auto", "required", "any", "validated"], unknown: "reported" },
  function_call: { known: ["none", "auto"], unknown: "reported" },
  "tools.format.type": { known: ["text", "grammar"], unknown: "reported" },
  verbosity: { known: ["low", "medium", "high"], unknown: "reported" },
} as const satisfies Readonly<Record<string, Words<string>>>;

// ---- Request members -----------------------------------------------------------------------------------------------

/** The fate of a request member when another protocol has to carry it. */
export type Fate = { readonly fate: "carried" } | { readonly fate: LossSeverity; readonly reason: string };

const CARRIED: Fate = { fate: "carried" };

export const FIELDS = {
  messages: CARRIED,
  model: CARRIED,
  audio: { fate: "refused", reason: "Only Chat Completions has spoken answers." },
  frequency_penalty: CARRIED,
  function_call: CARRIED,
  functions: CARRIED,
  logit_bias: { fate: "reported", reason: "No other protocol can favour single tokens." },
  logprobs: CARRIED,
  max_completion_tokens: CARRIED,
  max_tokens: CARRIED,
  metadata: CARRIED,
  modalities: { fate: "refused", reason: "Only Chat Completions has spoken answers." },
  moderation: { fate: "reported", reason: "The model's own protocol has no moderation of this kind." },
  n: { fate: "refused", reason: "This model is served through an API that returns one answer per call. Send the call several times." },
  parallel_tool_calls: CARRIED,
  prediction: { fate: "dropped", reason: "A predicted answer only speeds up Chat Completions." },
  presence_penalty: CARRIED,
  prompt_cache_key: CARRIED,
  prompt_cache_options: { fate: "dropped", reason: "Other upstreams choose the lifetime of their caches themselves." },
  prompt_cache_retention: { fate: "dropped", reason: "Other upstreams choose the lifetime of their caches themselves." },
  reasoning_effort: CARRIED,
  response_format: CARRIED,
  safety_identifier: CARRIED,
  seed: CARRIED,
  service_tier: CARRIED,
  stop: CARRIED,
  store: CARRIED,
  stream: CARRIED,
  stream_options: CARRIED,
  temperature: CARRIED,
  tool_choice: CARRIED,
  tools: CARRIED,
  top_logprobs: CARRIED,
  top_p: CARRIED,
  user: CARRIED,
  verbosity: CARRIED,
  web_search_options: CARRIED,
} as const satisfies Readonly<Record<string, Fate>>;

/** The fate of a member by name; unknown ones are reported. */
export function fateOf(field: string): Exclude<Fate, { fate: "carried" }> {
  const known: Fate | undefined = Object.hasOwn(FIELDS, field) ? (FIELDS as Readonly<Record<string, Fate>>)[field] : undefined;
  if (known !== undefined && known.fate !== "carried") return known;
  return { fate: "reported", reason: "The model's own protocol has no such member." };
}
