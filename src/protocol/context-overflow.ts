// Recognises a conversation that is longer than the model's context, in every provider's words. Agents shorten the conversation when they
// recognise the error; otherwise they give up, or retry for ever.
// Never mistakes a limit on rates, bytes or a single field for it.

import { GatewayError } from "../errors.ts";
import { isObject, parseOrUndefined, print, type Json } from "../wire/json.ts";

/** The code that clients of OpenAI's protocols recognise. */
export const CONTEXT_FULL = "context_length_exceeded";

const CODES: ReadonlySet<string> = new Set([
  CONTEXT_FULL,
  "context_window_exceeded",
  "model_context_window_exceeded",
  "prompt_too_long",
  // llama.cpp, LiteLLM, Z.ai.
  "exceed_context_size_error",
  "ContextWindowExceededError",
  "1261",
  // GitHub Copilot.
  "model_max_prompt_tokens_exceeded",
]);

/** Seen in answers and public reports up to 2026-11. */
const WORDS: readonly RegExp[] = [
  // Anthropic, Fireworks, Ollama: "prompt is too long: 2 tokens > 1 maximum"; Baidu: "prompt tokens too long"
  /prompt (?:tokens )?(?:is |are )?too long/i,
  // OpenAI, DeepSeek, vLLM, OpenRouter: "This model's maximum context length is 1 tokens. However, you requested 2 tokens"; Z.ai's 1210
  /maximum context length/i,
  // OpenAI: "Your input exceeds the context window of this model."; Anthropic: "input length and `max_tokens` exceed context limit: 1 + 2 > 2"
  /exceeds? (?:the )?(?:model'?s? )?(?:max(?:imum)? |available )?context (?:length|window|size|limit)/i,
  /context (?:length|window|size) (?:was |is )?exceed/i,
  // OpenAI: "Input tokens exceed the configured limit of 1 tokens."
  /input tokens exceed the configured limit/i,
  // Gemini: "The input token count (2) exceeds the maximum number of tokens allowed (1)."; Vertex: "... is 2 but model only supports up to 1"
  /exceeds the maximum number of input tokens|input token count.*(?:exceeds|only supports up to)/i,
  // xAI: "This model's maximum prompt length is 1 but the request contains 2 tokens."
  /maximum prompt length/i,
  // Moonshot: "Your request exceeded model token limit: 1 (requested: 2)"
  /exceed(?:ed|s) (?:the )?model(?:'s)? token limit/i,
  // Z.ai: "Prompt exceeds max length", "Prompt 超长", "tokens in request more than max tokens allowed"
  /prompt exceeds? (?:the )?max|prompt\s*超长|tokens in request more than max tokens allowed/i,
  // MiniMax: "invalid params, context window exceeds limit (2013)"
  /context (?:window|length) exceeds limit/i,
  // vLLM, SGLang: "the model's context length is only 1 tokens", "The input (2 tokens) is longer than the model's context length (1 tokens)."
  // LM Studio: "the model is loaded with context length of only 1 tokens"
  /context length (?:is|of) only \d+|(?:longer|greater|larger) than the (?:model'?s |maximum )*(?:context|model) length/i,
  // vLLM: "The prompt (total length 2) is too long to fit into the model (context length 1)"; Mistral: "too large for model with 1 maximum ..."
  /too long to fit into (?:the )?model|tokens.*too large for model with/i,
  // Groq, Cerebras: "Please reduce the length of the messages or completion."
  /reduce the length of the messages/i,
  // Bedrock, Alibaba.
  /input is too long for requested model|number of input tokens exceeds maximum length|range of input length should be/i,
  // GitHub Copilot: "prompt token count of 2 exceeds the limit of 1"
  /prompt token count of \d+ exceeds/i,
  // Cohere: "too many tokens: total number of tokens in this prompt cannot exceed 1"; Volcengine: "... exceed max message tokens"
  /too many tokens: total number of tokens|exceeds? max message tokens/i,
  // Together, TGI: "`inputs` tokens + `max_new_tokens` must be <= 1", "`inputs` must have less than 1 tokens"
  /`inputs`(?: tokens \+ `max_new_tokens`)? must (?:be <=|have less than)/i,
  // SiliconFlow: "length of prompt_tokens (2) must be less than max_seq_len (1)."; TensorRT: "Prompt length (2) exceeds maximum input length (1)"
  /prompt_tokens \(\d+\) must be less than|(?:prompt|input) length \(?\d+\)? exceeds (?:the )?maximum/i,
  /超[过出].{0,10}上下文/,
];

/** Limits on a client's pace or key are not about the conversation, however similar their words. */
const PACE = /\bper (?:second|minute|min|hour|day)\b|\b[RT]P[MD]\b|rate limit/i;
const OTHER_STATUSES: ReadonlySet<number> = new Set([401, 402, 403, 404, 429]);

/**
 * The same error, made recognisable where it means a full context: with its code, and a status that is not retried. `code`: the
 * upstream's own, where the protocol has no place for one.
 */
export function recognised(error: GatewayError, code: Json | undefined = error.code): GatewayError {
  if (!isContextFull(error, code)) return error;
  return new GatewayError("upstream-rejected", error.message, {
    status: 400,
    code: CONTEXT_FULL,
    // Types follow statuses.
    ...(error.status === 400 && error.type !== null ? { type: error.type } : {}),
    ...(error.param === null ? {} : { param: error.param }),
    ...(error.details === null ? {} : { details: error.details }),
    cause: error.cause,
  });
}

function isContextFull({ message, type, status }: GatewayError, code: Json | undefined): boolean {
  const isKnown = typeof code === "string" || typeof code === "number" ? CODES.has(String(code)) : false;
  if (isKnown || (type !== null && CODES.has(type))) return true;
  return !OTHER_STATUSES.has(status) && !PACE.test(message) && WORDS.some((words) => words.test(message));
}

/** An error body of OpenAI's shape, or a similar one, with the code that clients recognise; the message stays. Other errors are unchanged. */
export function withContextCode(body: string, { code, message }: GatewayError): string {
  const value = code === CONTEXT_FULL ? parseOrUndefined(body) : undefined;
  if (!isObject(value)) return body;
  const { error } = value;
  if (!isObject(error)) return print({ error: { message, type: "invalid_request_error", param: null, code } });
  return error["code"] === code ? body : print({ ...value, error: { ...error, type: "invalid_request_error", code } });
}
