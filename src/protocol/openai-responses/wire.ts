// Room: openai-responses (row 2), the wire.
// In:  nothing.
// Out: the JSON of OpenAI's Responses API as this proxy writes it, the names of its request fields, and what becomes of each
//      member of a request on its way to another protocol.
// Never does: hold code. What is read is read through `Fields` (requests) or member by member (answers), since it may be anything.
// Source: openai-node 7.57.0, `resources/responses/responses.d.ts` (read 2026-11).

import type { Json, JsonText } from "../../wire/json.ts";
import type { FieldNames, LossSeverity } from "../canonical.ts";

// ---- Input and output items --------------------------------------------------------------------------------------

export type CacheBreakpoint = { mode: "explicit" };

export type InputText = { type: "input_text"; text: string; prompt_cache_breakpoint?: CacheBreakpoint };
export type InputImage = {
  type: "input_image";
  image_url?: string;
  file_id?: string;
  detail?: "auto" | "low" | "high" | "original";
  prompt_cache_breakpoint?: CacheBreakpoint;
};
export type InputFile = {
  type: "input_file";
  filename?: string;
  file_data?: string;
  file_url?: string;
  file_id?: string;
  prompt_cache_breakpoint?: CacheBreakpoint;
};
export type InputAudio = { type: "input_audio"; input_audio: { data: string; format: string } };
export type InputContent = InputText | InputImage | InputFile | InputAudio;

export type UrlCitation = { type: "url_citation"; url: string; title: string; start_index: number; end_index: number };
export type TokenLogprob = { token: string; bytes: number[]; logprob: number };
export type Logprob = TokenLogprob & { top_logprobs: TokenLogprob[] };
export type OutputText = { type: "output_text"; text: string; annotations: UrlCitation[]; logprobs?: Logprob[] };
export type Refusal = { type: "refusal"; refusal: string };
export type OutputContent = OutputText | Refusal;

export type Status = "in_progress" | "completed" | "incomplete";

export type Message = {
  id?: string;
  type: "message";
  status?: Status;
  role: "user" | "assistant" | "developer";
  content: (InputContent | OutputContent)[];
};
export type Summary = { type: "summary_text"; text: string };
export type Reasoning = { id?: string; type: "reasoning"; summary: Summary[]; encrypted_content?: string };
export type FunctionCall = {
  id?: string;
  type: "function_call";
  status?: Status;
  call_id: string;
  name: string;
  namespace?: string;
  arguments: string;
};
export type CustomToolCall = {
  id?: string;
  type: "custom_tool_call";
  status?: Status;
  call_id: string;
  name: string;
  namespace?: string;
  input: string;
};
export type CallOutput = {
  type: "function_call_output" | "custom_tool_call_output";
  call_id: string;
  output: string | InputContent[];
};
export type ImageCall = { id: string; type: "image_generation_call"; status: "completed"; result: string };
/** `JsonText`: an item that goes back as it came. */
export type Item = Message | Reasoning | FunctionCall | CustomToolCall | CallOutput | ImageCall | JsonText;

// ---- Tools -------------------------------------------------------------------------------------------------------

export type FunctionTool = {
  type: "function";
  name: string;
  description?: string;
  parameters: JsonText | null;
  strict?: boolean;
};
export type CustomTool = {
  type: "custom";
  name: string;
  description?: string;
  format?: { type: "grammar"; syntax: string; definition: string };
};
export type NamespaceTool = { type: "namespace"; name: string; description: string; tools: (FunctionTool | CustomTool)[] };
export type UserLocation = { type: "approximate"; city?: string; region?: string; country?: string; timezone?: string };
export type WebSearchTool = {
  type: "web_search";
  filters?: { allowed_domains: string[] };
  search_context_size?: "low" | "medium" | "high";
  user_location?: UserLocation;
};
export type Tool = FunctionTool | CustomTool | NamespaceTool | WebSearchTool | JsonText;

export type NamedTool = { type: "function" | "custom"; name: string; namespace?: string } | { type: "web_search" };
export type ToolChoice =
  | "auto"
  | "none"
  | "required"
  | NamedTool
  | { type: "allowed_tools"; mode: "auto" | "required"; tools: NamedTool[] };

// ---- Request -----------------------------------------------------------------------------------------------------

export type Effort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";

export type TextFormat =
  | { type: "json_object" }
  | { type: "json_schema"; name: string; description?: string; schema: JsonText; strict?: boolean };
export type TextConfig = { format?: TextFormat; verbosity?: "low" | "medium" | "high" };
export type ReasoningConfig = { effort?: Effort; summary?: "auto" | "concise" | "detailed" };

export type Request = {
  model: string;
  instructions?: string;
  input: Item[];
  tools?: Tool[];
  tool_choice?: ToolChoice;
  parallel_tool_calls?: boolean;
  reasoning?: ReasoningConfig;
  text?: TextConfig;
  max_output_tokens?: number;
  temperature?: number;
  top_p?: number;
  top_logprobs?: number;
  include?: Json;
  store?: boolean;
  stream: boolean;
  metadata?: { [key: string]: string };
  safety_identifier?: string;
  prompt_cache_key?: string;
  service_tier?: "auto" | "default" | "flex" | "priority";
  /** Members that only this protocol knows, as the client wrote them. */
  [extension: string]: Json;
};

// ---- Answer ------------------------------------------------------------------------------------------------------

export type Usage = {
  input_tokens: number;
  input_tokens_details: { cached_tokens: number; cache_write_tokens?: number };
  output_tokens: number;
  output_tokens_details: { reasoning_tokens: number };
  total_tokens: number;
};
export type ErrorObject = { message: string; type: string; param: string | null; code: string | null };
export type ErrorEvent = {
  type: "error";
  sequence_number: number;
  code: string | null;
  message: string;
  param: string | null;
  error: ErrorObject;
};

// ---- Fields ------------------------------------------------------------------------------------------------------

export const NAMES: FieldNames = {
  model: "model",
  system: "instructions",
  turns: "input",
  tools: "tools",
  toolChoice: "tool_choice",
  parallelToolCalls: "parallel_tool_calls",
  reasoning: "reasoning",
  output: "text.format",
  verbosity: "text.verbosity",
  maxOutputTokens: "max_output_tokens",
  stop: "stop",
  temperature: "temperature",
  topP: "top_p",
  topK: "top_k",
  seed: "seed",
  presencePenalty: "presence_penalty",
  frequencyPenalty: "frequency_penalty",
  topLogprobs: "top_logprobs",
  endUser: "safety_identifier",
  metadata: "metadata",
  cacheKey: "prompt_cache_key",
  cache: "prompt_cache_breakpoint",
  serviceTier: "service_tier",
  store: "store",
};

/**
 * What becomes of each member of a request when another protocol has to carry it; `carried` members have a canonical home.
 * A member that stands here with another word still goes back to its own protocol. Some severities depend on the value: see
 * `extensions.ts`.
 */
export const FIELDS = {
  access_programs: "reported",
  background: "refused",
  context_management: "reported",
  conversation: "refused",
  image: "dropped",
  include: "carried",
  input: "carried",
  instructions: "carried",
  max_output_tokens: "carried",
  max_tool_calls: "reported",
  metadata: "carried",
  model: "carried",
  moderation: "reported",
  parallel_tool_calls: "carried",
  previous_response_id: "refused",
  prompt: "refused",
  prompt_cache_key: "carried",
  prompt_cache_options: "dropped",
  prompt_cache_retention: "dropped",
  reasoning: "carried",
  safety_identifier: "carried",
  service_tier: "carried",
  store: "carried",
  stream: "carried",
  stream_options: "dropped",
  temperature: "carried",
  text: "carried",
  tool_choice: "carried",
  tools: "carried",
  top_logprobs: "carried",
  top_p: "carried",
  truncation: "reported",
  user: "carried",
} as const satisfies Readonly<Record<string, "carried" | LossSeverity>>;
