// The JSON of OpenAI's Responses API as this program writes it, its names of canonical fields, and the fate of each request member.
// Has no types for what is read: that may be anything, and is read through `Fields` (requests) or member by member (answers).
// Source: openai-node 7.57.0, `resources/responses/responses.d.ts` (read 2026-11).

import { rowOf, type Json, type JsonText } from "../../wire/json.ts";
import type { Effort, FieldNames, JsonSource, LossSeverity } from "../canonical.ts";
import type { Words } from "../fields.ts";

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
/** `JsonText`: an item that is sent back verbatim. */
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
  | "validated"
  | NamedTool
  | { type: "allowed_tools"; mode: "auto" | "required"; tools: NamedTool[] };

// ---- Request -----------------------------------------------------------------------------------------------------

/** Entries of `include` that the canonical request expresses otherwise. */
export const ENCRYPTED_REASONING = "reasoning.encrypted_content";
export const TEXT_LOGPROBS = "message.output_text.logprobs";
/** The pages that a web search found, which clients of other protocols always get. */
export const SEARCH_SOURCES = "web_search_call.action.sources";

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
  /** Members of this protocol only, as the client wrote them. */
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
export type ErrorObject = { message: string; type: string; param: string | null; code: string | null; resets_at?: number };
export type ErrorEvent = {
  type: "error";
  sequence_number: number;
  code: string | null;
  message: string;
  param: string | null;
  error: ErrorObject;
};

// ---- Names -------------------------------------------------------------------------------------------------------

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

// ---- Enumerations ------------------------------------------------------------------------------------------------

/** Every enumeration in a request, except the types of items, parts and tools, which can be kept verbatim. */
export const WORDS = {
  "input.detail": { known: ["auto", "low", "high", "original"], unknown: "reported" },
  "input.role": { known: ["user", "assistant", "system", "developer"], unknown: "refused" },
  "reasoning.effort": { known: ["none", "minimal", "low", "medium", "high", "xhigh", "max"], unknown: "reported" },
  "reasoning.summary": { known: ["auto", "concise", "detailed"], unknown: "reported" },
  service_tier: { known: ["auto", "default", "flex", "priority"], unknown: "reported" },
  "text.format.type": { known: ["text", "json_object", "json_schema"], unknown: "refused" },
  "text.verbosity": { known: ["low", "medium", "high"], unknown: "reported" },
  tool_choice: { known: ["auto", "none", "required", "any", "validated"], unknown: "reported" },
  "tool_choice.mode": { known: ["auto", "required", "any", "validated"], unknown: "reported" },
  "tools.format.type": { known: ["text", "grammar"], unknown: "reported" },
  "tools.search_context_size": { known: ["low", "medium", "high"], unknown: "reported" },
} as const satisfies Readonly<Record<string, Words<string>>>;

// ---- Request members ---------------------------------------------------------------------------------------------

/** The fate of a request member when another protocol has to carry it; `carried` members have a canonical field. */
export type Fate = { readonly fate: "carried" } | { readonly fate: LossSeverity; readonly reason: string };

const CARRIED: Fate = { fate: "carried" };
const STORED_PROMPT = "How long OpenAI keeps a prompt means nothing elsewhere.";

export const FIELDS = {
  access_programs: { fate: "reported", reason: "Only OpenAI has access programs." },
  background: { fate: "refused", reason: "An answer in the background needs a server that keeps it; this proxy keeps nothing." },
  background_options: { fate: "dropped", reason: "They say when OpenAI runs an answer in the background; other answers run at once." },
  context_management: { fate: "reported", reason: "Only OpenAI compacts a conversation this way; it is sent in full." },
  conversation: {
    fate: "refused",
    reason: "The conversation is stored at OpenAI; another provider can't read it. Send its items in input.",
  },
  image: { fate: "dropped", reason: "How OpenAI keeps images in its context means nothing elsewhere." },
  include: CARRIED,
  input: CARRIED,
  instructions: CARRIED,
  max_output_tokens: CARRIED,
  max_tool_calls: { fate: "reported", reason: "No other protocol limits the number of calls." },
  metadata: CARRIED,
  model: CARRIED,
  moderation: { fate: "reported", reason: "No other protocol moderates on request." },
  parallel_tool_calls: CARRIED,
  previous_response_id: {
    fate: "refused",
    reason: "The earlier answers are stored at OpenAI; another provider can't read them. Send them in input.",
  },
  prompt: { fate: "refused", reason: "The prompt is stored at OpenAI; another provider can't read it. Send its text." },
  prompt_cache_key: CARRIED,
  prompt_cache_options: { fate: "dropped", reason: STORED_PROMPT },
  prompt_cache_retention: { fate: "dropped", reason: STORED_PROMPT },
  reasoning: CARRIED,
  safety_identifier: CARRIED,
  service_tier: CARRIED,
  store: CARRIED,
  stream: CARRIED,
  stream_options: { fate: "dropped", reason: "How OpenAI pads its events means nothing elsewhere." },
  temperature: CARRIED,
  text: CARRIED,
  tool_choice: CARRIED,
  tools: CARRIED,
  top_logprobs: CARRIED,
  top_p: CARRIED,
  truncation: { fate: "reported", reason: "No other protocol shortens a conversation by itself." },
  user: CARRIED,
} as const satisfies Readonly<Record<string, Fate>>;

/** For carried members: the values that only this protocol knows. */
const OWN_VALUES: Readonly<Record<string, Exclude<Fate, { fate: "carried" }>>> = {
  include: { fate: "dropped", reason: "Only OpenAI's own items have these details." },
  tool_choice: { fate: "refused", reason: "Only OpenAI has this hosted tool." },
  user: { fate: "dropped", reason: "safety_identifier already names the end user." },
};

/** Values that ask for the default behaviour. */
const DEFAULTS: Readonly<Record<string, JsonSource>> = { background: "false", truncation: '"disabled"' };

/** The fate of a member with this value and without a canonical field; unknown members are reported. */
export function fateOf(field: string, value: JsonSource): Exclude<Fate, { fate: "carried" }> {
  const known = rowOf<Fate>(FIELDS, field);
  if (known === undefined || known.fate === "carried") {
    return rowOf(OWN_VALUES, field) ?? { fate: "reported", reason: `No other protocol has ${field}.` };
  }
  return rowOf(DEFAULTS, field) === value ? { ...known, fate: "dropped" } : known;
}
