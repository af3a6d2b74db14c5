// A client's generateContent request -> canonical, and what routing needs to know of it.
// Google has model and stream switch in the path; Factory's endpoint `/api/llm/g/v1/generate` wants them in the body, as `model` and
// `stream` (seen in one maintained program; not tried against the live service). Both are read; path before body.
// Does not guess: a member of the wrong type is an `invalid-request` that names its path.

import { GatewayError } from "../../errors.ts";
import { firstItem, members } from "../../wire/json-edit.ts";
import { parse, type Json } from "../../wire/json.ts";
import type { CanonicalRequest, Extension, Loss } from "../canonical.ts";
import type { RequestHead, WireRequest } from "../codec.ts";
import { Fields } from "../fields.ts";
import { decodeRootMark } from "../root-mark.ts";
import { decodeUnread, extensionOf } from "./extensions.ts";
import { decodeGenerationConfig } from "./generation-config.ts";
import { decodeToolChoice, decodeTools } from "./tools.ts";
import { decodeSystem, decodeTurns } from "./turns-decode.ts";
import { inCamelCase, NAMES, VERBATIM, WORDS } from "./wire.ts";

// ---- Head --------------------------------------------------------------------------------------------------------

/** @throws GatewayError `invalid-request` when the body is not a JSON object or nothing names a model. */
export function requestHead(request: WireRequest): RequestHead {
  const { body } = request;
  let model: Json | undefined;
  let stream: Json | undefined;
  let conversation = "";
  for (const { key, valueStart, valueEnd } of request.members ?? members(body)) {
    if (key === "model") model = parse(body.slice(valueStart, valueEnd));
    else if (key === "stream") stream = body.startsWith("true", valueStart);
    else if (key === "contents") conversation = firstItem(body, valueStart);
  }
  return { ...addressOf(request, { model, stream }), conversation };
}

/** Model and stream switch: from the path if it has them, otherwise from the body. @throws GatewayError when no model is named. */
function addressOf(
  { path }: WireRequest,
  body: { model: Json | undefined; stream: Json | undefined },
): Pick<RequestHead, "model" | "stream"> {
  const written = path?.model ?? body.model;
  const model = typeof written === "string" ? written.replace(/^models\//, "") : "";
  if (model === "") {
    throw new GatewayError("invalid-request", "model must be a model name in the path: /v1beta/models/{model}:generateContent.", {
      param: "model",
    });
  }
  return { model, stream: path?.stream ?? body.stream === true };
}

// ---- Request -----------------------------------------------------------------------------------------------------

/** @throws GatewayError `invalid-request`. */
export function decodeRequest(request: WireRequest): CanonicalRequest {
  const body = Fields.of(inCamelCase(parse(request.body, { verbatim: VERBATIM, parsed: request.parsed })), "");
  const losses: Loss[] = [];
  const { model, stream } = addressOf(request, { model: body.raw("model"), stream: body.raw("stream") });
  const system = decodeSystem(body.raw("systemInstruction"), { path: "systemInstruction", losses });
  const turns = decodeTurns(body, losses);
  const tools = decodeTools(body, losses);
  const toolChoice = decodeToolChoice(body.optionalObject("toolConfig"));
  const generation = decodeGenerationConfig(body.optionalObject("generationConfig") ?? new Fields({}, "generationConfig"));
  const tier = body.optionalWord("serviceTier", WORDS.serviceTier);
  const safety = decodeSafetySettings(body);
  const rootMark = decodeRootMark(body);
  const unread = decodeUnread(body.close());
  return {
    names: NAMES,
    model,
    stream,
    system,
    turns,
    tools,
    toolChoice,
    parallelToolCalls: null,
    reasoning: generation.reasoning,
    output: generation.output,
    verbosity: null,
    maxOutputTokens: generation.maxOutputTokens,
    stop: generation.stop,
    sampling: generation.sampling,
    endUser: null,
    metadata: null,
    cacheKey: null,
    serviceTier: tier === null ? null : TIERS[tier],
    store: null,
    includeUsage: true,
    extensions: [...rootMark, ...safety, ...generation.extensions, ...unread.extensions],
    losses: [...losses, ...unread.losses],
  };
}

const TIERS = { unspecified: null, standard: "default", flex: "flex", priority: "priority" } as const;

/** Thresholds that block more than Gemini's default: dropping them would weaken what the client asked for. */
const STRICT_THRESHOLDS: ReadonlySet<Json | undefined> = new Set(["BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE"]);

function decodeSafetySettings(body: Fields): Extension[] {
  const settings = body.objects("safetySettings");
  for (const setting of settings) setting.ignoreRest();
  const value = body.source("safetySettings");
  if (value === null) return [];
  const plain = extensionOf("safetySettings", value);
  const strict = settings.some((setting) => STRICT_THRESHOLDS.has(setting.raw("threshold")));
  const reason = "This model's provider cannot promise to filter as strictly as these settings ask.";
  return [strict ? { ...plain, severity: "refused", reason } : plain];
}
