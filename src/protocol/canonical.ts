// The canonical form between the protocols: a request, a reply, and the events of a streamed reply. Types only.
// Four protocols meet here and nowhere else; what this form lacks travels as an `Extension`.
// Rule for every field: `null` means "not specified"; zero, false and "" are values that were specified.

import type { GatewayError } from "../errors.ts";

export type ProtocolId = "openai-chat" | "openai-responses" | "anthropic-messages" | "gemini";

/** Which vendor's opaque data this is. Only its maker can read it, so it goes back to its maker or nowhere. */
export type Origin = "openai" | "anthropic" | "google";

/** Proof that a model wrote a part (signature, encrypted reasoning, thought signature). Never read, only carried. */
export interface Proof {
  readonly origin: Origin;
  /** The maker's own string, unchanged. */
  readonly data: string;
}

/** JSON in its original text; never parsed and printed again on the way. */
export type JsonSource = string;

// ---- Parts -------------------------------------------------------------------------------------------------------

/** A prompt-cache breakpoint after the part that carries it; `ttl` is `5m`, `1h` or null for the upstream's default. */
export interface CacheMark {
  readonly ttl: "5m" | "1h" | null;
}

/** The content of an image, file or sound. */
export type Source =
  | { readonly type: "base64"; readonly mediaType: string | null; readonly data: string }
  | { readonly type: "url"; readonly url: string; readonly mediaType: string | null }
  | { readonly type: "file-id"; readonly id: string; readonly owner: ProtocolId }
  | { readonly type: "text"; readonly text: string };

export interface Annotation {
  readonly type: "url-citation";
  readonly url: string;
  readonly title: string | null;
  /** UTF-16 offsets into the part's text, end exclusive; null when the upstream gave none. */
  readonly start: number | null;
  readonly end: number | null;
  /** The quoted source text, where given. */
  readonly quote: string | null;
}

/** A token and the natural logarithm of its probability. */
export interface TokenLogprob {
  readonly token: string;
  /** Its UTF-8 bytes; a token may be a fragment of a character. */
  readonly bytes: readonly number[];
  readonly logprob: number;
}

/** A token of an answer, and the likeliest tokens at its position; [] where those were not requested. */
export interface Logprob extends TokenLogprob {
  readonly top: readonly TokenLogprob[];
}

export interface TextPart {
  readonly type: "text";
  readonly text: string;
  readonly annotations: readonly Annotation[];
  /** For an answer's tokens, in order; absent where the upstream reported none. */
  readonly logprobs?: readonly Logprob[];
  readonly cache: CacheMark | null;
  readonly proof: Proof | null;
}

export interface ImagePart {
  readonly type: "image";
  readonly source: Source;
  readonly detail: "auto" | "low" | "high" | "original" | null;
  readonly cache: CacheMark | null;
}

export interface FilePart {
  readonly type: "file";
  readonly source: Source;
  /** File name or document title. */
  readonly filename: string | null;
  /** What the client said about the document apart from its content. */
  readonly context: string | null;
  /** Whether the client asked for citations from this document. */
  readonly citations: boolean | null;
  readonly cache: CacheMark | null;
}

export interface MediaPart {
  readonly type: "audio" | "video";
  readonly source: Source;
}

export interface RefusalPart {
  readonly type: "refusal";
  readonly text: string;
  readonly logprobs?: readonly Logprob[];
}

export interface ReasoningPart {
  readonly type: "reasoning";
  /** Readable thought or summary; may be "" when the upstream keeps it to itself. */
  readonly text: string;
  /** True when the whole thought is hidden and `proof` is all there is (`redacted_thinking`). */
  readonly redacted: boolean;
  readonly proof: Proof | null;
}

export interface ToolCallPart {
  readonly type: "tool-call";
  /** Pairs the call with its result. */
  readonly callId: string;
  readonly name: string;
  /** `function`: `arguments` is JSON text. `custom`: `arguments` is free text. */
  readonly kind: "function" | "custom";
  /** As the model wrote it, possibly truncated; "" when there were none. */
  readonly arguments: JsonSource;
  readonly cache: CacheMark | null;
  readonly proof: Proof | null;
}

export interface ToolResultPart {
  readonly type: "tool-result";
  readonly callId: string;
  /** The tool's name where the client's protocol says it; otherwise looked up by `callId`. */
  readonly name: string | null;
  readonly kind: "function" | "custom";
  readonly content: readonly (TextPart | ImagePart | FilePart)[];
  readonly isError: boolean | null;
  readonly cache: CacheMark | null;
}

/** A page that a web search found; `title`: null where the upstream gave none. */
export interface SearchSource {
  readonly url: string;
  readonly title: string | null;
}

/** A web search that the upstream ran for an answer. */
export interface WebSearch {
  /** The query, or the page that was opened; "" where the upstream did not say. */
  readonly query: string;
  readonly sources: readonly SearchSource[];
  readonly hasFailed: boolean;
}

/** Something that only its own protocol understands (hosted-tool blocks, unknown parts). Goes back unchanged or not at all. */
export interface OpaquePart {
  readonly type: "opaque";
  readonly protocol: ProtocolId;
  /** The wire's own name for it, e.g. `server_tool_use`. */
  readonly name: string;
  readonly value: JsonSource;
  /** What leaving it out means for a conversation with another protocol. */
  readonly severity: LossSeverity;
  /** In an answer: the web search that it describes, so that other protocols can express it. Absent: it is not a search. */
  readonly search?: WebSearch;
}

export type Part = TextPart | ImagePart | FilePart | MediaPart | RefusalPart | ReasoningPart | ToolCallPart | ToolResultPart | OpaquePart;

// ---- Request -----------------------------------------------------------------------------------------------------

export type Effort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";

/**
 * One speaker's uninterrupted contribution. Tool results belong to a `user` turn. A decoder merges neighbours of the same
 * role, except system turns, and keeps the order of parts.
 */
export interface Turn {
  readonly role: "user" | "assistant" | "system";
  readonly parts: readonly Part[];
  /** The effort from this turn on, where a system turn sets one. */
  readonly effort: Effort | null;
}

/** A tool that the client runs. */
export interface FunctionTool {
  readonly type: "function";
  /** Unique in the request; for a tool in a namespace, includes the namespace. */
  readonly name: string;
  /** The namespace that `name` begins with; null when there is none. */
  readonly namespace: string | null;
  readonly description: string | null;
  /** JSON Schema of the arguments; null when the client gave none. */
  readonly schema: JsonSource | null;
  readonly strict: boolean | null;
  readonly cache: CacheMark | null;
  /**
   * The client's own definition, for a client-run tool that its protocol names by type; its calls go back in that type's form. Absent:
   * an ordinary function.
   */
  readonly ownForm?: { readonly type: string; readonly value: JsonSource };
}

/** A tool whose argument is free text. */
export interface CustomTool {
  readonly type: "custom";
  readonly name: string;
  readonly namespace: string | null;
  readonly description: string | null;
  readonly grammar: { readonly syntax: string; readonly definition: string } | null;
}

/** A web search that the upstream runs itself. */
export interface WebSearchTool {
  readonly type: "web-search";
  readonly allowedDomains: readonly string[];
  readonly blockedDomains: readonly string[];
  readonly location: {
    readonly city: string | null;
    readonly region: string | null;
    readonly country: string | null;
    readonly timezone: string | null;
  } | null;
  readonly contextSize: "low" | "medium" | "high" | null;
  readonly maxUses: number | null;
}

/** A hosted tool that only its own protocol understands. */
export interface OpaqueTool {
  readonly type: "opaque";
  readonly protocol: ProtocolId;
  readonly name: string;
  readonly value: JsonSource;
  /** The consequence of leaving it out; see tool-list.ts for exceptions. */
  readonly severity: LossSeverity;
}

export type Tool = FunctionTool | CustomTool | WebSearchTool | OpaqueTool;

export type ToolChoice =
  | { readonly type: "auto" }
  /** As `auto`, but the calls must conform to their schemas. */
  | { readonly type: "validated" }
  | { readonly type: "none" }
  | { readonly type: "required" }
  | { readonly type: "named"; readonly name: string }
  /** Only these tools may be called; `required` says whether one must be. */
  | { readonly type: "subset"; readonly names: readonly string[]; readonly required: boolean };

export interface Reasoning {
  /** `off`, a level or budget (`on`), or as much as the model wants (`adaptive`). */
  readonly mode: "off" | "on" | "adaptive";
  readonly effort: Effort | null;
  /** Tokens. */
  readonly budgetTokens: number | null;
  /** How much of the reasoning the client wants to see. */
  readonly display: "none" | "auto" | "concise" | "detailed" | null;
}

export type OutputFormat =
  | { readonly type: "json-object" }
  | {
      readonly type: "json-schema";
      readonly name: string | null;
      readonly description: string | null;
      readonly schema: JsonSource;
      readonly strict: boolean | null;
    };

export interface Sampling {
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly topK: number | null;
  readonly seed: number | null;
  readonly presencePenalty: number | null;
  readonly frequencyPenalty: number | null;
  /** How many alternatives per token to report; 0 means only the chosen token's own; null means none at all. */
  readonly topLogprobs: number | null;
}

/** The canonical fields that a loss or an error may refer to. */
export type FieldName =
  | "model"
  | "system"
  | "turns"
  | "tools"
  | "toolChoice"
  | "parallelToolCalls"
  | "reasoning"
  | "output"
  | "verbosity"
  | "maxOutputTokens"
  | "stop"
  | "temperature"
  | "topP"
  | "topK"
  | "seed"
  | "presencePenalty"
  | "frequencyPenalty"
  | "topLogprobs"
  | "endUser"
  | "metadata"
  | "cacheKey"
  | "cache"
  | "serviceTier"
  | "store";

/** The client protocol's names for the fields, for losses and errors: `topK` -> `top_k`. */
export type FieldNames = Readonly<Record<FieldName, string>>;

/** `dropped`: a hint, only logged. `reported`: left out, listed in `x-factory-proxy-dropped`. `refused`: ends the call with 400. */
export type LossSeverity = "dropped" | "reported" | "refused";

/** Something that the target's protocol can't carry. */
export interface Loss {
  /** The client's own name for it, as a path: `temperature`, `tools[2].cache_control`. */
  readonly field: string;
  readonly severity: LossSeverity;
  /** A sentence for the person who sent the field. */
  readonly reason: string;
}

/** A member of the client's request without a canonical field; its own protocol gets it back, others lose it. */
export interface Extension {
  readonly protocol: ProtocolId;
  readonly field: string;
  readonly value: JsonSource;
  readonly severity: LossSeverity;
  readonly reason: string;
}

export interface RequestDefaults {
  /** Output limit in tokens for a protocol that requires one; null: the model's own. */
  readonly maxOutputTokens: number | null;
  /** Whether an agent's prompt is marked for caching, for a provider that caches nothing without a mark. */
  readonly markPrompt: boolean;
}

export interface CanonicalRequest {
  readonly names: FieldNames;
  /** The model's name on the wire. */
  readonly model: string;
  readonly stream: boolean;
  /** The leading instructions, one part for each block. */
  readonly system: readonly TextPart[];
  readonly turns: readonly Turn[];
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice | null;
  readonly parallelToolCalls: boolean | null;
  readonly reasoning: Reasoning | null;
  readonly output: OutputFormat | null;
  readonly verbosity: "low" | "medium" | "high" | null;
  /** Tokens of answer and reasoning together. */
  readonly maxOutputTokens: number | null;
  readonly stop: readonly string[];
  readonly sampling: Sampling;
  /** A stable name of the end user. */
  readonly endUser: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  /** Groups requests that share a prompt prefix. */
  readonly cacheKey: string | null;
  readonly serviceTier: "auto" | "default" | "flex" | "priority" | null;
  /** Whether the upstream may keep the answer for later retrieval. */
  readonly store: boolean | null;
  /** Whether a streamed Chat answer ends with a usage chunk. */
  readonly includeUsage: boolean;
  /** The operator's defaults for what the client did not specify; absent: none. */
  readonly defaults?: RequestDefaults;
  /** Top-level members without a canonical field. */
  readonly extensions: readonly Extension[];
  /** Nested members that decoding could not keep, because every other protocol loses them. */
  readonly losses: readonly Loss[];
}

// ---- Reply -------------------------------------------------------------------------------------------------------

/** Disjoint counters, in tokens, so that no conversion counts a token twice. */
export interface Usage {
  /** Input neither read from nor written to a cache. */
  readonly inputTokens: number | null;
  readonly cacheReadTokens: number | null;
  readonly cacheWriteTokens: number | null;
  /** The part of `cacheWriteTokens` that is kept for an hour instead of 5 minutes. Absent: none, or not reported separately. */
  readonly cacheWrite1hTokens?: number;
  /** Answer and reasoning together. */
  readonly outputTokens: number | null;
  /** The part of `outputTokens` spent on reasoning. */
  readonly reasoningTokens: number | null;
}

export type FinishKind = "end" | "stop-sequence" | "tool-calls" | "length" | "context-full" | "filtered" | "paused" | "other";

/** `other`: an unknown reason; clients are told that the answer is not finished. */
export interface FinishReason {
  readonly kind: FinishKind;
  /** The upstream's own word. */
  readonly raw: string | null;
  /** The stop sequence that ended the answer, where the upstream names it. */
  readonly stopSequence: string | null;
  /** Why the answer was filtered, where the upstream says so. */
  readonly explanation: string | null;
}

/** A non-streaming answer. */
export interface Reply {
  /** The upstream's id; "" when it gave none. */
  readonly id: string;
  /** The upstream's own model name; "" when it gave none. */
  readonly model: string;
  readonly parts: readonly Part[];
  readonly usage: Usage | null;
  readonly finish: FinishReason;
}

/**
 * One step of a streamed answer. Grammar (held by `grammar()` in fold.ts):
 *
 *   reply-start ( part-start(i) ( part-delta(i) | logprobs(i) | annotation(i) )* part-end(i) | usage )* reply-end
 *   and `reply-error` in the place of any further event, after which nothing comes.
 *
 * Parts get indices 0, 1, 2 ... in the order they start; several may be open at once.
 */
export type ReplyEvent =
  | { readonly type: "reply-start"; readonly id: string; readonly model: string }
  /**
   * The part, still empty: text, refusal, reasoning and arguments are ""; opaque parts are complete. A tool call may carry its proof here
   * already, for clients that read it nowhere else; its end repeats it.
   */
  | { readonly type: "part-start"; readonly index: number; readonly part: Part }
  /** Appended to the text of a text, refusal or reasoning part, or to the arguments of a tool call. Never "". */
  | { readonly type: "part-delta"; readonly index: number; readonly text: string }
  /** For the tokens of a text or refusal: before the delta that they make, or later if the upstream reports them later. Never []. */
  | { readonly type: "logprobs"; readonly index: number; readonly logprobs: readonly Logprob[] }
  | { readonly type: "annotation"; readonly index: number; readonly annotation: Annotation }
  | { readonly type: "part-end"; readonly index: number; readonly proof: Proof | null }
  /** Cumulative: replaces the earlier one. */
  | { readonly type: "usage"; readonly usage: Usage }
  | { readonly type: "reply-end"; readonly finish: FinishReason }
  | { readonly type: "reply-error"; readonly error: GatewayError };
