// `generationConfig`, both directions: limits, sampling, stop sequences, the answer's format. Reasoning has a file of its own.
// Members without a canonical home travel as extensions named `generationConfig.<member>` and go back into it.
// Does not change a number silently.

import { JsonText, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, Extension, Loss, OutputFormat, Reasoning, Sampling } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { JSON_INSTRUCTION, type SchemaMeans } from "../structured-output.ts";
import { capabilitiesOf, type Capabilities } from "./capabilities.ts";
import { extensionOf } from "./extensions.ts";
import { decodeReasoning, encodeReasoning } from "./reasoning.ts";
import { loweredReason, lowerSchema, raiseSchema } from "./schema.ts";
import { NAMES } from "./wire.ts";

const MAX_STOP_SEQUENCES = 5;
const JSON_TYPE = "application/json";

interface DecodedConfig {
  readonly sampling: Sampling;
  readonly maxOutputTokens: number | null;
  readonly stop: readonly string[];
  readonly output: OutputFormat | null;
  readonly reasoning: Reasoning | null;
  readonly extensions: readonly Extension[];
}

// ---- Decode ------------------------------------------------------------------------------------------------------

export function decodeGenerationConfig(config: Fields): DecodedConfig {
  const logprobs = config.optionalInteger("logprobs");
  const sampling: Sampling = {
    temperature: config.optionalNumber("temperature"),
    topP: config.optionalNumber("topP"),
    topK: config.optionalNumber("topK"),
    seed: config.optionalInteger("seed"),
    presencePenalty: config.optionalNumber("presencePenalty"),
    frequencyPenalty: config.optionalNumber("frequencyPenalty"),
    topLogprobs: config.optionalBoolean("responseLogprobs") === true ? (logprobs ?? 0) : null,
  };
  const maxOutputTokens = config.optionalInteger("maxOutputTokens");
  const stop = config.texts("stopSequences");
  const reasoning = decodeReasoning(config.optionalObject("thinkingConfig"));
  const { output, extensions } = decodeOutput(config);
  // Every protocol gives one text answer.
  if (config.raw("candidateCount") !== 1 && config.has("candidateCount")) extensions.push(extension("candidateCount", config));
  const modalities = config.texts("responseModalities");
  if (modalities.some((word) => word.toUpperCase() !== "TEXT")) {
    const own = extension("responseModalities", config);
    // An unknown word beside text can be ignored: the answer stays right.
    const isTextEnough = modalities.some((word) => word.toUpperCase() === "TEXT") && !modalities.some((word) => MEDIA.test(word));
    extensions.push(isTextEnough ? { ...own, severity: "reported" } : own);
  }
  return { sampling, maxOutputTokens, stop, reasoning, output, extensions };
}

const MEDIA = /^(?:image|audio|video)$/i;

function decodeOutput(config: Fields): { output: OutputFormat | null; extensions: Extension[] } {
  const mimeType = config.optionalText("responseMimeType");
  const schema = config.source("responseJsonSchema");
  const subset = config.source("responseSchema");
  if (mimeType !== null && mimeType !== JSON_TYPE && mimeType !== "text/plain" && mimeType !== "") {
    // text/x.enum and future ones: formats that other protocols do not have.
    const kept = subset === null ? ["responseMimeType"] : ["responseMimeType", "responseSchema"];
    const reason = "Other protocols answer as text or as JSON.";
    return { output: null, extensions: kept.map((key) => ({ ...extension(key, config), severity: "refused", reason })) };
  }
  if (schema !== null || subset !== null) {
    const output = {
      type: "json-schema",
      name: null,
      description: null,
      schema: schema ?? raiseSchema(subset ?? "{}"),
      strict: null,
    } as const;
    return { output, extensions: [] };
  }
  return { output: mimeType === JSON_TYPE ? { type: "json-object" } : null, extensions: [] };
}

function extension(key: string, config: Fields): Extension {
  return extensionOf(`generationConfig.${key}`, config.source(key) ?? "null");
}

// ---- Encode ------------------------------------------------------------------------------------------------------

interface EncodeContext {
  readonly capabilities: Capabilities;
  readonly losses: Loss[];
}

export function encodeGenerationConfig(request: CanonicalRequest, { capabilities, losses }: EncodeContext): JsonObject {
  const { names, sampling } = request;
  // A client of Gemini itself knows its model.
  const isOwn = names === NAMES;
  const config: JsonObject = {};
  const put = (key: string, value: number | null): void => {
    if (value !== null) config[key] = value;
  };
  put("temperature", sampling.temperature);
  put("topP", sampling.topP);
  put("topK", sampling.topK);
  put("seed", sampling.seed);
  for (const key of ["presencePenalty", "frequencyPenalty"] as const) {
    if (capabilities.penalties || isOwn) put(key, sampling[key]);
    else if (sampling[key] !== null && sampling[key] !== 0) {
      losses.push({ field: names[key], severity: "reported", reason: "This Gemini model has no repetition penalties." });
    }
  }
  if (request.maxOutputTokens === 0) {
    losses.push({ field: names.maxOutputTokens, severity: "refused", reason: "Gemini cannot answer with no tokens at all." });
  } else if (request.maxOutputTokens !== null) {
    const limit = isOwn ? request.maxOutputTokens : Math.min(request.maxOutputTokens, capabilities.maxOutputTokens);
    put("maxOutputTokens", limit);
    const reason = `This model's limit is ${limit} output tokens.`;
    if (limit < request.maxOutputTokens) losses.push({ field: names.maxOutputTokens, severity: "reported", reason });
  }
  const stop = request.stop.filter((sequence) => sequence !== "");
  if (stop.length > MAX_STOP_SEQUENCES) {
    losses.push({
      field: names.stop,
      severity: "reported",
      reason: `Gemini accepts ${MAX_STOP_SEQUENCES} stop sequences; the first ones were sent.`,
    });
  }
  if (stop.length > 0) config["stopSequences"] = stop.slice(0, MAX_STOP_SEQUENCES);
  if (sampling.topLogprobs !== null) {
    config["responseLogprobs"] = true;
    if (sampling.topLogprobs > 0) config["logprobs"] = sampling.topLogprobs;
  }
  encodeOutput(request, config, { capabilities, losses });
  const thinking = encodeReasoning(request, { thinking: capabilities.thinking, losses });
  if (thinking !== null) config["thinkingConfig"] = thinking;
  return config;
}

/** A model that supports functions or a format, not both, answers with a function's arguments next to the client's functions. */
export function schemaMeans(request: CanonicalRequest): SchemaMeans {
  return capabilitiesOf(request.model).formatBesideFunctions || !hasFunctions(request) ? "format" : "tool";
}

/** A line for the end of the instructions, where the model supports no format next to the client's functions; null: not needed. */
export function instructionFor(request: CanonicalRequest): string | null {
  const { formatBesideFunctions } = capabilitiesOf(request.model);
  return request.output !== null && !formatBesideFunctions && hasFunctions(request) ? JSON_INSTRUCTION : null;
}

function hasFunctions({ tools }: CanonicalRequest): boolean {
  return tools.some((tool) => tool.type === "function" || tool.type === "custom");
}

function encodeOutput(request: CanonicalRequest, config: JsonObject, { capabilities, losses }: EncodeContext): void {
  const { output, names } = request;
  if (output === null) return;
  if (instructionFor(request) !== null) {
    const reason = "This Gemini model accepts tools or a JSON format, not both; it is told to answer with one JSON object.";
    losses.push({ field: names.output, severity: "reported", reason });
    return;
  }
  config["responseMimeType"] = JSON_TYPE;
  if (output.type === "json-object") return;
  if (capabilities.takesJsonSchema) config["responseJsonSchema"] = new JsonText(output.schema);
  else {
    const { schema, lost } = lowerSchema(output.schema);
    if (schema !== null) config["responseSchema"] = new JsonText(schema);
    if (lost.length > 0) losses.push({ field: names.output, severity: "reported", reason: loweredReason(lost) });
  }
}
