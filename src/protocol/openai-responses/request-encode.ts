// Room: openai-responses (row 2), request bodies.
// In:  a canonical request for an upstream that speaks the Responses API.
// Out: the body to send, and what it could not carry.
// Never does: throw. The body is always the best that can be sent; what is missing in it stands in the losses.

import { JsonText, parse, print, type Json } from "../../wire/json.ts";
import type { CanonicalRequest, Effort, FieldName, JsonSource, Loss, LossSeverity, OutputFormat } from "../canonical.ts";
import { isPlain } from "../closed-schema.ts";
import { lossesFor, lostMarks, ownExtensions } from "../losses.ts";
import type { EncodedRequest } from "../codec.ts";
import { fitId, fitName, NameTable } from "../tool-names.ts";
import { encodeTurns, limitBreakpoints } from "./turns-encode.ts";
import { effortOfBudget, factsOf, nearestEffort, type ModelFacts } from "./capabilities.ts";
import { encodePart, type PartOptions } from "./media.ts";
import { ENCRYPTED, LOGPROBS } from "./request-decode.ts";
import { encodeToolChoice, encodeTools, NAME_RULE } from "./tools.ts";
import * as wire from "./wire.ts";

/** The API's own lower bound of `max_output_tokens`. */
const MIN_OUTPUT_TOKENS = 16;
/** Longest `safety_identifier` and `prompt_cache_key`. */
const MAX_ID_LENGTH = 64;

export function encode(request: CanonicalRequest): EncodedRequest {
  return new Encoder(request).encode();
}

class Encoder {
  readonly #request: CanonicalRequest;
  readonly #facts: ModelFacts;
  /**
   * Whether the client speaks this protocol itself. Its words then go back as they were; for all others the defaults that they
   * are used to are spelled out, since this API's differ (it stores, it makes schemas strict, it shows no reasoning).
   */
  readonly #own: boolean;
  readonly #names: NameTable;
  readonly #losses: Loss[];
  readonly #lose = (loss: Loss): void => void this.#losses.push(loss);

  constructor(request: CanonicalRequest) {
    this.#request = request;
    this.#facts = factsOf(request.model);
    this.#own = request.names === wire.NAMES;
    this.#names = new NameTable(toolNames(request), NAME_RULE);
    const marks = [...(this.#facts.breakpoints ? [] : lostMarks(request, "parts")), ...lostMarks(request, "tools")];
    this.#losses = [...lossesFor(request, "openai-responses"), ...marks];
  }

  encode(): EncodedRequest {
    const request = this.#request;
    const body: wire.Request = { model: request.model, ...this.#conversation(), ...this.#tools(), stream: request.stream };
    const effort = this.#reasoning(body);
    this.#text(body);
    this.#sampling(body, effort);
    this.#limit(body);
    this.#identity(body);
    // The answer is not to be kept unless the client asked for it; without a store, reasoning has to travel with the conversation.
    if (!this.#own || request.store !== null) body.store = request.store === true;
    const include = [...(this.#facts.reasons ? [ENCRYPTED] : []), ...(body.top_logprobs === undefined ? [] : [LOGPROBS])];
    for (const [field, value] of ownExtensions(request, "openai-responses")) {
      body[field] = new JsonText(value);
    }
    const further = ownExtensions(request, "openai-responses").find(([field]) => field === "include")?.[1];
    if (further !== undefined || include.length > 0) body["include"] = joined(include, further ?? "[]");
    return { body: print(body), headers: {}, losses: this.#losses };
  }

  #report(field: FieldName, reason: string, severity: LossSeverity = "reported"): void {
    this.#lose({ field: this.#request.names[field], severity, reason });
  }

  // ---- Instructions and conversation ----

  #conversation(): Pick<wire.Request, "instructions" | "input"> {
    const request = this.#request;
    const parts: PartOptions = {
      breakpoints: this.#facts.breakpoints,
      own: this.#own,
      field: request.names.turns,
      lose: this.#lose,
    };
    const turns = encodeTurns(request, { ...parts, names: this.#names });
    const lacksWord = request.output?.type === "json-object" && !mentionsJson(turns);
    // The word counts in `input` alone, so instructions that have it go there.
    const system = this.#system(turns.length === 0 || (lacksWord && request.system.some(({ text }) => JSON_WORD.test(text))), parts);
    const input = [...system.items, ...turns];
    if (lacksWord && !mentionsJson(input)) input.unshift(developer(JSON_PROMPT));
    limitBreakpoints(input);
    return { ...(system.instructions === null ? {} : { instructions: system.instructions }), input };
  }

  /**
   * One text in `instructions`, its blocks joined. As a message where blocks matter (they carry cache breakpoints, or the client
   * sent them apart in this protocol), and where they are `needed` in `input`, which must not be empty.
   */
  #system(needed: boolean, parts: PartOptions): { instructions: string | null; items: wire.Item[] } {
    const system = this.#request.system.filter((part) => part.text !== "");
    const [first, ...rest] = system;
    if (first === undefined) return { instructions: null, items: [] };
    const asMessage = (blocks: typeof system): wire.Item[] => {
      const content = blocks.flatMap((part) => encodePart(part, parts));
      return content.length === 0 ? [] : [{ type: "message", role: "developer", content }];
    };
    if (needed) return { instructions: null, items: asMessage(system) };
    if (parts.breakpoints && system.some((part) => part.cache !== null)) return { instructions: null, items: asMessage(system) };
    if (this.#own) return { instructions: first.text, items: asMessage(rest) };
    return { instructions: system.map((part) => part.text).join("\n\n"), items: [] };
  }

  // ---- Tools ----

  #tools(): Pick<wire.Request, "tools" | "tool_choice" | "parallel_tool_calls"> {
    const { tools, toolChoice, parallelToolCalls, names } = this.#request;
    const options = { names: this.#names, own: this.#own, field: names.tools, lose: this.#lose };
    const encoded = encodeTools(tools, options);
    const choice =
      toolChoice === null
        ? null
        : encodeToolChoice(toolChoice, { ...options, tools: encoded.length === 0 ? [] : tools, choiceField: names.toolChoice });
    // Without tools the other two are refused; a client of this protocol knows that.
    const parallel = parallelToolCalls === null ? {} : { parallel_tool_calls: parallelToolCalls };
    if (encoded.length === 0) return this.#own ? parallel : {};
    return { tools: encoded, ...(choice === null ? {} : { tool_choice: choice }), ...parallel };
  }

  // ---- Reasoning ----

  /**
   * Sets `reasoning`; returns the effort that is in force, null when the model decides.
   * A summary is asked for when the client wants to see reasoning or did not say (A.8: Chat clients are shown it by default);
   * a client of this protocol has to ask itself.
   */
  #reasoning(body: wire.Request): Effort | null {
    const { reasoning, turns } = this.#request;
    // The last word counts: a system turn may set the effort from there on.
    const said = turns.findLast((turn) => turn.effort !== null)?.effort ?? null;
    const wanted = said ?? (reasoning === null ? null : effortOf(reasoning));
    if (!this.#facts.reasons) {
      if (wanted !== null && wanted !== "none") this.#report("reasoning", `${body.model} does not reason.`);
      return "none";
    }
    const effort = wanted === null ? null : nearestEffort(wanted, this.#facts);
    if (effort !== wanted) {
      const instead = effort === null ? "it is left to the model" : `${effort} was sent`;
      this.#report("reasoning", `${body.model} does not take the effort ${wanted}; ${instead}.`);
    }
    const config: wire.ReasoningConfig = effort === null ? {} : { effort };
    const display = reasoning?.display ?? (this.#own ? "none" : "auto");
    if (display !== "none" && effort !== "none") config.summary = display;
    if (config.effort !== undefined || config.summary !== undefined) body.reasoning = config;
    return effort;
  }

  // ---- Text ----

  #text(body: wire.Request): void {
    const { output, verbosity } = this.#request;
    const text: wire.TextConfig = {};
    if (output !== null) text.format = encodeFormat(output, this.#own);
    if (verbosity !== null && this.#facts.verbosity) text.verbosity = verbosity;
    if (verbosity !== null && !this.#facts.verbosity && verbosity !== "medium") {
      this.#report("verbosity", `${body.model} knows no verbosity.`);
    }
    if (output !== null || text.verbosity !== undefined) body.text = text;
  }

  // ---- Sampling and limits ----

  #sampling(body: wire.Request, effort: Effort | null): void {
    const { temperature, topP, topK, seed, presencePenalty, frequencyPenalty, topLogprobs } = this.#request.sampling;
    const { sampling } = this.#facts;
    const takes = sampling === "always" || (sampling === "without-reasoning" && effort === "none");
    const when = sampling === "never" ? "" : " while it reasons";
    const reason = `${body.model} takes no sampling parameters${when}.`;
    if (temperature !== null && takes) body.temperature = temperature;
    else if (temperature !== null && temperature !== 1) this.#report("temperature", reason);
    if (topP !== null && takes) body.top_p = topP;
    else if (topP !== null && topP !== 1) this.#report("topP", reason);
    if (topLogprobs !== null && takes) body.top_logprobs = topLogprobs;
    // A client that asked for them reads them.
    else if (topLogprobs !== null) this.#report("topLogprobs", `${body.model} gives no log probabilities${when}.`, "refused");
    if (topK !== null) this.#report("topK", "The Responses API has no top_k.");
    if (seed !== null) this.#report("seed", "The Responses API has no seed.");
    if (presencePenalty !== null && presencePenalty !== 0) this.#report("presencePenalty", "The Responses API has no penalties.");
    if (frequencyPenalty !== null && frequencyPenalty !== 0) this.#report("frequencyPenalty", "The Responses API has no penalties.");
    // Stop sequences need no word here: the reply's decoder looks for them and ends the answer there.
  }

  #limit(body: wire.Request): void {
    const { maxOutputTokens } = this.#request;
    if (maxOutputTokens === null) return;
    const most = this.#facts.maxOutputTokens ?? maxOutputTokens;
    body.max_output_tokens = this.#own ? maxOutputTokens : Math.max(Math.min(maxOutputTokens, most), MIN_OUTPUT_TOKENS);
    if (maxOutputTokens <= 0) this.#report("maxOutputTokens", "The Responses API always answers; it can't just fill a cache.", "refused");
    else if (maxOutputTokens > body.max_output_tokens) {
      this.#report("maxOutputTokens", `${body.model} answers with at most ${body.max_output_tokens} tokens.`);
    } else if (maxOutputTokens < body.max_output_tokens) {
      this.#report("maxOutputTokens", `The Responses API takes no limit below ${MIN_OUTPUT_TOKENS}, which was sent.`);
    }
  }

  #identity(body: wire.Request): void {
    const { endUser, metadata, cacheKey, serviceTier } = this.#request;
    if (endUser !== null) body.safety_identifier = fitId(endUser, MAX_ID_LENGTH);
    if (metadata !== null) body.metadata = { ...metadata };
    if (cacheKey !== null) body.prompt_cache_key = fitId(cacheKey, MAX_ID_LENGTH);
    if (serviceTier !== null) body.service_tier = serviceTier;
  }
}

function toolNames({ tools }: CanonicalRequest): string[] {
  return tools.flatMap((tool) => (tool.type === "function" || tool.type === "custom" ? [tool.name] : []));
}

/** One list of what is asked for here and of what only the client knows. */
function joined(entries: readonly string[], further: JsonSource): Json {
  const list = parse(further);
  return [...entries, ...(Array.isArray(list) ? list : [])];
}

/** What the client's words mean as a level; null leaves it to the model. */
function effortOf({ mode, effort, budgetTokens }: NonNullable<CanonicalRequest["reasoning"]>): Effort | null {
  if (mode === "off") return "none";
  if (effort !== null) return effort;
  return budgetTokens === null || mode === "adaptive" ? null : effortOfBudget(budgetTokens);
}

function encodeFormat(output: OutputFormat, own: boolean): wire.TextFormat {
  if (output.type === "json-object") return { type: "json_object" };
  const { name, description, schema } = output;
  // In other protocols a schema holds without a word.
  const strict = output.strict ?? (!own && isPlain(schema) ? true : null);
  return {
    type: "json_schema",
    name: name === null ? "answer" : own ? name : fitName(name, NAME_RULE),
    ...(description === null ? {} : { description }),
    schema: new JsonText(schema),
    ...(strict === null ? {} : { strict }),
  };
}

/** JSON mode is refused unless the word stands in `input`. */
const JSON_PROMPT = "Answer with one JSON object.";
const JSON_WORD = /json/i;

function mentionsJson(input: wire.Item[]): boolean {
  return JSON_WORD.test(print(input));
}

function developer(text: string): wire.Message {
  return { type: "message", role: "developer", content: [{ type: "input_text", text }] };
}
