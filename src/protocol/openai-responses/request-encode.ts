// A canonical request as the body for an upstream that speaks the Responses API, with its losses.
// Never throws. The body is always the best that can be sent; whatever is missing is listed in the losses.

import { JsonText, parse, print, type Json } from "../../wire/json.ts";
import type { CanonicalRequest, Effort, OutputFormat } from "../canonical.ts";
import { isPlain } from "../closed-schema.ts";
import type { EncodedRequest } from "../codec.ts";
import { lossesFor, lostMarks, ownExtensions } from "../losses.ts";
import { withoutHosted } from "../tool-list.ts";
import { fitEndUser, fitId, fitName } from "../tool-names.ts";
import { NAME_RULE } from "./namespaces.ts";
import { encodeInput } from "./parts-encode.ts";
import { encodeReasoning } from "./reasoning.ts";
import { MAX_STOP_LENGTH, usableStops } from "./stop-sequences.ts";
import { Target } from "./target.ts";
import { encodeToolChoice, encodeTools } from "./tools.ts";
import { encodeTurns, limitBreakpoints } from "./turns-encode.ts";
import * as wire from "./wire.ts";

/** The API's own lower bound of `max_output_tokens`. */
const MIN_OUTPUT_TOKENS = 16;
/** The longest `safety_identifier` and `prompt_cache_key`, in characters. */
const MAX_ID_LENGTH = 64;

export function encodeRequest(original: CanonicalRequest): EncodedRequest {
  const { request, losses: hosted } = withoutHosted(original, "openai-responses");
  const target = new Target(request);
  const { own, capabilities } = target;
  for (const loss of [...lossesFor(request, "openai-responses"), ...hosted]) target.losses.push(loss);
  if (!capabilities.breakpoints) target.losses.push(...lostMarks(request, "parts"));
  target.losses.push(...lostMarks(request, "tools"));
  const conversation = encodeConversation(target);
  const tools = encodeToolMembers(target);
  const { effort, ...reasoning } = encodeReasoning(target);
  const body: wire.Request = { model: request.model, ...conversation, ...tools, stream: request.stream, ...reasoning };
  setText(body, target);
  setSampling(body, { target, effort });
  checkStops(target);
  setLimit(body, target);
  setIdentity(body, request);
  // The answer is not stored unless the client asked for it; without storage, reasoning has to travel with the conversation.
  if (!own || request.store !== null) body.store = request.store === true;
  const include: Json[] = [
    ...(capabilities.reasons ? [wire.ENCRYPTED_REASONING] : []),
    ...(body.top_logprobs === undefined ? [] : [wire.TEXT_LOGPROBS]),
    ...(!own && capabilities.searchSources && request.tools.some(({ type }) => type === "web-search") ? [wire.SEARCH_SOURCES] : []),
  ];
  for (const [field, value] of ownExtensions(request, "openai-responses")) {
    const list = field === "include" ? parse(value) : null;
    if (Array.isArray(list)) include.push(...list);
    body[field] = new JsonText(value);
  }
  if (include.length > 0 || body.include !== undefined) body.include = include;
  return { body: print(body), headers: {}, losses: target.losses };
}

// ---- Instructions and conversation -------------------------------------------------------------------------------

/** JSON mode is refused unless this word occurs in `input`. */
const JSON_PROMPT = "Answer with one JSON object.";
const JSON_WORD = /json/i;

function encodeConversation(target: Target): Pick<wire.Request, "instructions" | "input"> {
  const { system, output } = target.request;
  const turns = encodeTurns(target);
  const lacksWord = output?.type === "json-object" && !mentionsJson(turns);
  // The word counts only in `input`, so instructions that contain it go there.
  const needed = turns.length === 0 || (lacksWord && system.some(({ text }) => JSON_WORD.test(text)));
  const { instructions, items } = encodeSystem(target, needed);
  const input = [...items, ...turns];
  if (lacksWord && !mentionsJson(input)) {
    input.unshift({ type: "message", role: "developer", content: [{ type: "input_text", text: JSON_PROMPT }] });
  }
  limitBreakpoints(input);
  return { ...(instructions === null ? {} : { instructions }), input };
}

function mentionsJson(input: wire.Item[]): boolean {
  return JSON_WORD.test(print(input));
}

/**
 * One text in `instructions`, its blocks joined. A message where blocks matter (they carry cache breakpoints, or the client
 * sent them separately in this protocol), and where they are `needed` in `input`, which must not be empty.
 */
function encodeSystem(target: Target, needed: boolean): { instructions: string | null; items: wire.Item[] } {
  const system = target.request.system.filter((part) => part.text !== "");
  const [first, ...rest] = system;
  if (first === undefined) return { instructions: null, items: [] };
  const asMessage = (blocks: typeof system): wire.Item[] => {
    const content = blocks.flatMap((part) => encodeInput(part, target));
    return content.length === 0 ? [] : [{ type: "message", role: "developer", content }];
  };
  const isMarked = target.capabilities.breakpoints && system.some((part) => part.cache !== null);
  if (needed || isMarked) return { instructions: null, items: asMessage(system) };
  if (target.own) return { instructions: first.text, items: asMessage(rest) };
  return { instructions: system.map((part) => part.text).join("\n\n"), items: [] };
}

// ---- Settings ----------------------------------------------------------------------------------------------------

function encodeToolMembers(target: Target): Pick<wire.Request, "tools" | "tool_choice" | "parallel_tool_calls"> {
  const { parallelToolCalls } = target.request;
  const tools = encodeTools(target);
  const choice = encodeToolChoice(target, tools.length > 0);
  const parallel = parallelToolCalls === null ? {} : { parallel_tool_calls: parallelToolCalls };
  // Without tools the other two are refused; a client of this protocol knows that.
  if (tools.length === 0) return target.own ? parallel : {};
  return { tools, ...(choice === null ? {} : { tool_choice: choice }), ...parallel };
}

function setText(body: wire.Request, target: Target): void {
  const { output, verbosity } = target.request;
  const text: wire.TextConfig = {};
  if (output !== null) text.format = encodeFormat(output, target.own);
  if (verbosity !== null && target.capabilities.verbosity) text.verbosity = verbosity;
  else if (verbosity !== null && verbosity !== "medium") target.lose("verbosity", { reason: `${body.model} has no verbosity setting.` });
  if (output !== null || text.verbosity !== undefined) body.text = text;
}

function encodeFormat(output: OutputFormat, own: boolean): wire.TextFormat {
  if (output.type === "json-object") return { type: "json_object" };
  const { name, description, schema } = output;
  // In other protocols a schema applies without a strict flag.
  const strict = output.strict ?? (!own && isPlain(schema) ? true : null);
  return {
    type: "json_schema",
    name: name === null ? "answer" : own ? name : fitName(name, NAME_RULE),
    ...(description === null ? {} : { description }),
    schema: new JsonText(schema),
    ...(strict === null ? {} : { strict }),
  };
}

/** Stop sequences are not a loss: the reply's decoder looks for them and ends the answer there. */
function checkStops(target: Target): void {
  const stop = target.request.stop.filter((sequence) => sequence !== "");
  if (usableStops(stop).length < stop.length)
    target.lose("stop", { severity: "refused", reason: `All stop sequences together may have ${MAX_STOP_LENGTH} characters.` });
}

function setSampling(body: wire.Request, { target, effort }: { readonly target: Target; readonly effort: Effort | null }): void {
  const { temperature, topP, topK, seed, presencePenalty, frequencyPenalty, topLogprobs } = target.request.sampling;
  const { sampling } = target.capabilities;
  const takes = sampling === "always" || (sampling === "without-reasoning" && effort === "none");
  const when = sampling === "never" ? "" : " while it reasons";
  const reason = `${body.model} accepts no sampling parameters${when}.`;
  if (temperature !== null && takes) body.temperature = temperature;
  else if (temperature !== null && temperature !== 1) target.lose("temperature", { reason });
  if (topP !== null && takes) body.top_p = topP;
  else if (topP !== null && topP !== 1) target.lose("topP", { reason });
  if (topLogprobs !== null && takes) body.top_logprobs = topLogprobs;
  else if (topLogprobs !== null) {
    // A client that requested them reads them.
    target.lose("topLogprobs", { severity: "refused", reason: `${body.model} returns no log probabilities${when}.` });
  }
  if (topK !== null) target.lose("topK", { reason: "The Responses API has no top_k." });
  if (seed !== null) target.lose("seed", { reason: "The Responses API has no seed." });
  for (const [field, penalty] of [
    ["presencePenalty", presencePenalty],
    ["frequencyPenalty", frequencyPenalty],
  ] as const) {
    if (penalty !== null && penalty !== 0) target.lose(field, { reason: "The Responses API has no penalties." });
  }
}

function setLimit(body: wire.Request, target: Target): void {
  const { maxOutputTokens } = target.request;
  if (maxOutputTokens === null) return;
  const most = target.capabilities.maxOutputTokens ?? maxOutputTokens;
  const sent = target.own ? maxOutputTokens : Math.max(Math.min(maxOutputTokens, most), MIN_OUTPUT_TOKENS);
  body.max_output_tokens = sent;
  if (maxOutputTokens <= 0) {
    target.lose("maxOutputTokens", { severity: "refused", reason: "The Responses API always answers; it can't just fill a cache." });
  } else if (maxOutputTokens > sent) {
    target.lose("maxOutputTokens", { reason: `${body.model}'s limit is ${sent} output tokens.` });
  } else if (maxOutputTokens < sent) {
    target.lose("maxOutputTokens", {
      reason: `The Responses API accepts no limit below ${MIN_OUTPUT_TOKENS}, so ${MIN_OUTPUT_TOKENS} was sent.`,
    });
  }
}

function setIdentity(body: wire.Request, { endUser, metadata, cacheKey, serviceTier }: CanonicalRequest): void {
  if (endUser !== null) body.safety_identifier = fitEndUser(endUser, MAX_ID_LENGTH);
  if (metadata !== null) body.metadata = { ...metadata };
  if (cacheKey !== null) body.prompt_cache_key = fitId(cacheKey, MAX_ID_LENGTH);
  if (serviceTier !== null) body.service_tier = serviceTier;
}
