// Gemini's generateContent, as far as this codec reads and writes it.
// Sources: https://ai.google.dev/api/generate-content and the types of @google/genai 3.1.0 (read 2026-11).
// A request is read member by member through `Fields`, so it has names and a table of what becomes of each member, and no type.
// Does not convert, beyond giving both spellings of a key the same name.

import { GatewayError } from "../../errors.ts";
import { isObject, rowOf, type Json, type JsonObject } from "../../wire/json.ts";
import type { FieldNames, LossSeverity } from "../canonical.ts";
import type { Words } from "../fields.ts";

// ---- What is written ---------------------------------------------------------------------------------------------

export interface Content extends JsonObject {
  role: "user" | "model";
  parts: JsonObject[];
}

/** Gemini's names of the canonical fields. */
export const NAMES: FieldNames = {
  model: "model",
  system: "systemInstruction",
  turns: "contents",
  tools: "tools",
  toolChoice: "toolConfig.functionCallingConfig",
  parallelToolCalls: "toolConfig",
  reasoning: "generationConfig.thinkingConfig",
  output: "generationConfig.responseJsonSchema",
  verbosity: "generationConfig",
  maxOutputTokens: "generationConfig.maxOutputTokens",
  stop: "generationConfig.stopSequences",
  temperature: "generationConfig.temperature",
  topP: "generationConfig.topP",
  topK: "generationConfig.topK",
  seed: "generationConfig.seed",
  presencePenalty: "generationConfig.presencePenalty",
  frequencyPenalty: "generationConfig.frequencyPenalty",
  topLogprobs: "generationConfig.logprobs",
  endUser: "labels",
  metadata: "labels",
  cacheKey: "cachedContent",
  cache: "cachedContent",
  serviceTier: "serviceTier",
  store: "store",
};

// ---- Both spellings ----------------------------------------------------------------------------------------------

/**
 * Members whose value is the user's own JSON, or a schema: kept verbatim, and never searched for other spellings.
 * `response` is a tool's result in a functionResponse and a schema in a declaration; both are meant.
 */
export const VERBATIM: ReadonlySet<string> = new Set([
  "args",
  "response",
  "parameters",
  "parametersJsonSchema",
  "parameters_json_schema",
  "responseJsonSchema",
  "response_json_schema",
  "responseSchema",
  "response_schema",
  "labels",
  "partMetadata",
  "part_metadata",
]);

/** Proto JSON accepts lowerCamelCase and the proto's own snake_case. https://protobuf.dev/programming-guides/json (read 2026-11) */
const CAMEL_KEYS = [
  "systemInstruction generationConfig safetySettings toolConfig cachedContent serviceTier continuationToken modelArmorConfig outputConfig",
  "thoughtSignature inlineData fileData functionCall functionResponse executableCode codeExecutionResult toolCall toolResponse",
  "videoMetadata partMetadata mediaResolution mediaProcessing speechMetadata audioTranscription mimeType fileUri displayName",
  "partialArgs willContinue jsonPath stringValue numberValue boolValue nullValue",
  "functionDeclarations googleSearch googleSearchRetrieval urlContext codeExecution fileSearch googleMaps computerUse mcpServers",
  "enterpriseWebSearch exaAiSearch parallelAiSearch excludeDomains timeRangeFilter searchTypes blockingConfidence",
  "parametersJsonSchema responseJsonSchema functionCallingConfig allowedFunctionNames streamFunctionCallArguments retrievalConfig",
  "includeServerSideToolInvocations topP topK maxOutputTokens stopSequences candidateCount presencePenalty frequencyPenalty",
  "responseMimeType responseSchema responseLogprobs responseModalities responseFormat thinkingConfig includeThoughts thinkingBudget",
  "thinkingLevel speechConfig imageConfig audioTimestamp enableAffectiveDialog enableEnhancedCivicAnswers routingConfig",
  "modelConfig modelSelectionConfig audioTranscriptionConfig translationConfig",
]
  .join(" ")
  .split(" ");

const CAMEL_OF_SNAKE: ReadonlyMap<string, string> = new Map(
  CAMEL_KEYS.map((key) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), key] as const).filter(
    ([snake, key]) => snake !== key,
  ),
);

/**
 * The same value with every known snake_case key in camelCase; verbatim text stays as it is.
 * @throws GatewayError when an object has a member in both spellings.
 */
export function inCamelCase(value: Json): Json {
  if (Array.isArray(value)) return value.map(inCamelCase);
  if (!isObject(value)) return value;
  const renamed: JsonObject = {};
  for (const key of Object.keys(value)) {
    const name = CAMEL_OF_SNAKE.get(key) ?? key;
    if (name !== key && value[name] !== undefined) {
      throw new GatewayError("invalid-request", `${name} and ${key} are the same member; send one of them.`, { param: key });
    }
    const member = inCamelCase(value[key] ?? null);
    if (name === "__proto__") Object.defineProperty(renamed, name, { value: member, enumerable: true, writable: true, configurable: true });
    else renamed[name] = member;
  }
  return renamed;
}

// ---- Enumerations ------------------------------------------------------------------------------------------------

/** Every enumeration in a request, except the members of parts and tools, which can be kept verbatim. */
export const WORDS = {
  "contents.role": { known: ["user", "model", "function", "tool", "assistant"], unknown: "refused" },
  "generationConfig.thinkingConfig.thinkingLevel": {
    known: ["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH"],
    unknown: "reported",
    anyCase: true,
  },
  serviceTier: { known: ["unspecified", "standard", "flex", "priority"], unknown: "reported" },
  "toolConfig.functionCallingConfig.mode": {
    known: ["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"],
    unknown: "reported",
    anyCase: true,
  },
} as const satisfies Readonly<Record<string, Words<string>>>;

// ---- What becomes of each member ---------------------------------------------------------------------------------

/** The fate of a member in another protocol. `carried`: it has a canonical field. The rest are the codes DROP, WARN and 400. */
export interface Field {
  readonly fate: "carried" | LossSeverity;
  /** A sentence for the person who sent it; "" for what is carried. */
  readonly reason: string;
}

const CARRIED: Field = { fate: "carried", reason: "" };
const dropped = (reason: string): Field => ({ fate: "dropped", reason });
const reported = (reason: string): Field => ({ fate: "reported", reason });
const refused = (reason: string): Field => ({ fate: "refused", reason });

/**
 * Every member of GenerateContentRequest, of its GenerationConfig and of its ToolConfig (read 2026-11). Some are judged by their
 * value: of `safetySettings` only a stricter filter is refused, of `responseModalities` and `candidateCount` only more than one
 * text answer.
 */
export const FIELDS: Readonly<Record<string, Field>> = {
  model: CARRIED,
  stream: CARRIED,
  contents: CARRIED,
  systemInstruction: CARRIED,
  tools: CARRIED,
  toolConfig: CARRIED,
  generationConfig: CARRIED,
  serviceTier: CARRIED,
  safetySettings: reported("Only Gemini's own models have these safety settings."),
  cachedContent: refused("Cached content lives in Google's store; another provider cannot read it. Send the content itself."),
  continuationToken: refused("A continuation token is good for the model that gave it alone."),
  modelArmorConfig: refused("Only Google runs Model Armor; this model's provider cannot promise its checks."),
  outputConfig: refused("Answers can only be stored in Google's own buckets; this one is returned to you."),
  labels: dropped("Labels are Google's billing labels."),
  store: dropped("It configures Google's own request log."),

  "generationConfig.temperature": CARRIED,
  "generationConfig.topP": CARRIED,
  "generationConfig.topK": CARRIED,
  "generationConfig.maxOutputTokens": CARRIED,
  "generationConfig.stopSequences": CARRIED,
  "generationConfig.seed": CARRIED,
  "generationConfig.presencePenalty": CARRIED,
  "generationConfig.frequencyPenalty": CARRIED,
  "generationConfig.responseLogprobs": CARRIED,
  "generationConfig.logprobs": CARRIED,
  "generationConfig.responseMimeType": CARRIED,
  "generationConfig.responseSchema": CARRIED,
  "generationConfig.responseJsonSchema": CARRIED,
  "generationConfig.thinkingConfig": CARRIED,
  "generationConfig.candidateCount": refused("This model gives one answer a call."),
  "generationConfig.responseModalities": refused("This model answers only in text."),
  "generationConfig.responseFormat": refused("Say the answer's format as responseMimeType and responseJsonSchema."),
  "generationConfig.speechConfig": dropped("It shapes speech, and this model answers in text."),
  "generationConfig.imageConfig": dropped("It shapes generated images, and this model answers in text."),
  "generationConfig.translationConfig": dropped("It shapes live translation, and this model answers in text."),
  "generationConfig.mediaResolution": reported("This model's protocol sets no resolution for all media at once."),
  "generationConfig.audioTimestamp": reported("Only Gemini's own models read audio timestamps."),
  "generationConfig.audioTranscriptionConfig": reported("Only Gemini's own models transcribe this way."),
  "generationConfig.enableAffectiveDialog": reported("Only Gemini's own models know it."),
  "generationConfig.enableEnhancedCivicAnswers": reported("Only Gemini's own models know it."),
  "generationConfig.routingConfig": reported("Only Google routes between its models."),
  "generationConfig.modelConfig": reported("Only Google chooses between its models."),
  "generationConfig.modelSelectionConfig": reported("Only Google chooses between its models."),

  "toolConfig.functionCallingConfig": CARRIED,
  "toolConfig.functionCallingConfig.streamFunctionCallArguments": dropped("How arguments are cut into events is up to this gateway."),
  "toolConfig.retrievalConfig": reported("Only Google's own retrieval tools know it."),
  "toolConfig.includeServerSideToolInvocations": dropped("Only Google's own tools report this way."),
};

const UNKNOWN: Field = reported("This gateway does not know this member.");

export function fateOf(path: string): Field {
  return rowOf(FIELDS, path) ?? UNKNOWN;
}
