// The names of OpenTelemetry's conventions for generative AI, current and 1.41, each stated once, with what they mean for a call.
// Read 2026-11-28, commit 024a4f9 of https://github.com/open-telemetry/semantic-conventions-genai, where everything is still in development.

import type { ProtocolId } from "../protocol/canonical.ts";

const DOCS = "https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai";
const DOCS_1_41 = "https://github.com/open-telemetry/semantic-conventions/blob/v1.41.0/docs/gen-ai/gen-ai-metrics.md";

export interface MetricName {
  readonly name: string;
  readonly unit: string;
  readonly help: string;
  /** Where it is defined. */
  readonly link: string;
}

/** Histograms of seconds, one for each set of conventions. */
type Timed = Readonly<Record<"duration" | "timeToFirstChunk" | "timePerOutputChunk", MetricName>>;

export const LATEST = {
  duration: seconds("gen_ai.client.inference.duration", "GenAI client inference operation duration.", DOCS),
  timeToFirstChunk: seconds("gen_ai.client.inference.time_to_first_chunk", "Time to receive the first chunk of a stream.", DOCS),
  timePerOutputChunk: seconds("gen_ai.client.inference.time_per_output_chunk", "Time from one chunk of a stream to the next.", DOCS),
  inputTokens: tokens("gen_ai.client.inference.usage.input_tokens", "Input tokens used, cached ones included."),
  outputTokens: tokens("gen_ai.client.inference.usage.output_tokens", "Output tokens used, reasoning included."),
  cacheReadTokens: tokens("gen_ai.client.inference.usage.cache_read.input_tokens", "Input tokens read from the provider's cache."),
  cacheWriteTokens: tokens("gen_ai.client.inference.usage.cache_write.input_tokens", "Input tokens written to the provider's cache."),
  reasoningTokens: tokens("gen_ai.client.inference.usage.reasoning.output_tokens", "Output tokens used for reasoning."),
} satisfies Timed & Record<string, MetricName>;

export const OLDER = {
  duration: seconds("gen_ai.client.operation.duration", "GenAI operation duration.", DOCS_1_41),
  timeToFirstChunk: seconds("gen_ai.client.operation.time_to_first_chunk", "Time to receive the first chunk of a stream.", DOCS_1_41),
  timePerOutputChunk: seconds("gen_ai.client.operation.time_per_output_chunk", "Time from one chunk of a stream to the next.", DOCS_1_41),
  tokenUsage: {
    name: "gen_ai.client.token.usage",
    unit: "{token}",
    help: "Number of input and output tokens used.",
    link: `${DOCS_1_41}#metric-gen_aiclienttokenusage`,
  },
} satisfies Timed & Record<string, MetricName>;

/** Attributes of spans and metrics: https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/registry/attributes/gen-ai.md */
export const GEN_AI = {
  operation: "gen_ai.operation.name",
  provider: "gen_ai.provider.name",
  requestModel: "gen_ai.request.model",
  responseModel: "gen_ai.response.model",
  stream: "gen_ai.request.stream",
  conversation: "gen_ai.conversation.id",
  finishReasons: "gen_ai.response.finish_reasons",
  timeToFirstChunk: "gen_ai.response.time_to_first_chunk",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  cacheReadTokens: "gen_ai.usage.cache_read.input_tokens",
  cacheWriteTokens: "gen_ai.usage.cache_write.input_tokens",
  reasoningTokens: "gen_ai.usage.reasoning.output_tokens",
  modality: "gen_ai.token.modality",
  /** Only in 1.41: `input` or `output`. */
  tokenType: "gen_ai.token.type",
} as const;

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and the general registry (1.44). */
export const HTTP = {
  method: "http.request.method",
  route: "http.route",
  status: "http.response.status_code",
  resend: "http.request.resend_count",
  address: "server.address",
  port: "server.port",
  errorType: "error.type",
} as const;

/** Attributes of this program's own. */
export const OWN = {
  requestId: "factory_proxy.request_id",
  key: "factory_proxy.key",
  protocol: "factory_proxy.protocol",
  upstreamProtocol: "factory_proxy.upstream_protocol",
  modelAsked: "factory_proxy.model_asked",
  fallback: "factory_proxy.is_fallback",
  losses: "factory_proxy.losses",
} as const;

/** Bucket bounds that the conventions give for every histogram of seconds. */
export const GEN_AI_SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/** Bucket bounds for `gen_ai.client.token.usage`. */
export const GEN_AI_TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864];

/** The conventions' names for providers, by Factory's `x-api-provider`. Others keep Factory's name. */
const PROVIDERS: Readonly<Record<string, string>> = {
  google: "gcp.gen_ai",
  xai: "x_ai",
  bedrock_anthropic: "aws.bedrock",
};

export function providerName(provider: string): string {
  return PROVIDERS[provider] ?? provider;
}

export function operationName(upstream: ProtocolId): "chat" | "generate_content" {
  return upstream === "gemini" ? "generate_content" : "chat";
}

function seconds(name: string, help: string, link: string): MetricName {
  const page = link === DOCS ? `${DOCS}/client-inference.md` : link;
  return { name, unit: "s", help, link: `${page}#metric-${name.replaceAll(".", "")}` };
}

function tokens(name: string, help: string): MetricName {
  return { name, unit: "{token}", help, link: `${DOCS}/gen-ai-token-metrics.md#metric-${name.replaceAll(".", "")}` };
}
