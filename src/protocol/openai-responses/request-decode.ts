// The request of a client of the Responses API: its head, and the whole request in canonical form.
// Never resolves what is stored at OpenAI; such members become extensions that other protocols refuse.

import { parse, print } from "../../wire/json.ts";
import type { CanonicalRequest, Extension, JsonSource, Loss, OutputFormat } from "../canonical.ts";
import type { RequestHead, WireRequest } from "../codec.ts";
import { Fields, type UnreadMember } from "../fields.ts";
import { decodeRootMark } from "../root-mark.ts";
import { bodyHead } from "../head.ts";
import { withoutDuplicates } from "../tool-list.ts";
import { textPart } from "./parts-decode.ts";
import { decodeReasoning } from "./reasoning.ts";
import { decodeToolChoice, decodeTools } from "./tools.ts";
import { TurnDecoder } from "./turns-decode.ts";
import { ENCRYPTED_REASONING, fateOf, NAMES, TEXT_LOGPROBS, WORDS } from "./wire.ts";

/** Schemas and arguments stay verbatim, including key order and big numbers. */
const VERBATIM: ReadonlySet<string> = new Set(["parameters", "output_schema", "schema", "arguments"]);

export function requestHead(request: WireRequest): RequestHead {
  return bodyHead(request, "input");
}

/** @throws GatewayError `invalid-request`, naming the member and the expected type. */
export function decodeRequest({ body: source, parsed }: WireRequest): CanonicalRequest {
  const body = Fields.of(parse(source, { verbatim: VERBATIM, parsed }), "");
  const losses = new Losses();
  const conversation = new TurnDecoder(losses.add);
  const instructions = body.optionalText("instructions");
  if (instructions !== null && instructions !== "") conversation.system.push(textPart(instructions));
  const declared = withoutDuplicates(decodeTools(body.objects("tools"), losses.add), NAMES.tools);
  declared.losses.forEach(losses.add);
  conversation.decode(body);
  // Later declarations in the conversation replace earlier ones; a search finds tools that were only deferred.
  const { tools } = withoutDuplicates([...declared.tools, ...conversation.tools], NAMES.tools);
  const extensions: Extension[] = decodeRootMark(body);
  const choice = decodeToolChoice(body, tools);
  if (choice === "hosted") extensions.push(extension("tool_choice", body.source("tool_choice") ?? "null"));
  const included = body.texts("include");
  const include = included.filter((entry) => entry !== ENCRYPTED_REASONING && entry !== TEXT_LOGPROBS);
  if (include.length > 0) extensions.push(extension("include", print(include)));
  const user = body.optionalText("user");
  const endUser = body.optionalText("safety_identifier") ?? user;
  if (user !== null && user !== endUser) extensions.push(extension("user", print(user)));
  const text = body.optionalObject("text");
  const format = text?.optionalObject("format") ?? null;
  format?.ignoreRest();
  // Alternatives per token are requested by their number, the chosen token's own by including them.
  const alternatives = body.optionalInteger("top_logprobs") ?? 0;
  return {
    names: NAMES,
    model: body.text("model"),
    stream: body.optionalBoolean("stream") ?? false,
    system: conversation.system,
    turns: conversation.turns(),
    tools,
    toolChoice: choice === "hosted" ? null : choice,
    parallelToolCalls: body.optionalBoolean("parallel_tool_calls"),
    reasoning: decodeReasoning(body.optionalObject("reasoning"), conversation.effort),
    output: decodeFormat(conversation.format ?? format),
    verbosity: text?.optionalWord("verbosity", WORDS["text.verbosity"]) ?? null,
    maxOutputTokens: body.optionalInteger("max_output_tokens"),
    stop: [],
    sampling: {
      temperature: body.optionalNumber("temperature"),
      topP: body.optionalNumber("top_p"),
      topK: null,
      seed: null,
      presencePenalty: null,
      frequencyPenalty: null,
      topLogprobs: alternatives > 0 ? alternatives : included.includes(TEXT_LOGPROBS) ? 0 : null,
    },
    endUser,
    metadata: decodeMetadata(body),
    cacheKey: body.optionalText("prompt_cache_key"),
    serviceTier: body.optionalWord("service_tier", WORDS.service_tier),
    store: body.optionalBoolean("store"),
    includeUsage: true,
    extensions: [...extensions, ...reportUnread(body.close(), losses)],
    losses: losses.list,
  };
}

/** Losses, each reported once however many items have it. */
class Losses {
  readonly list: Loss[] = [];
  readonly add = (loss: Loss): void => {
    if (!this.list.some(({ field, severity }) => field === loss.field && severity === loss.severity)) this.list.push(loss);
  };
}

/** Members of the body itself become extensions; those of its tools and settings become losses. */
function reportUnread(unread: readonly UnreadMember[], losses: Losses): Extension[] {
  const extensions: Extension[] = [];
  for (const member of unread) {
    const { key, path, value, reason } = member;
    if (path !== key) losses.add(reason === null ? lossOf(member) : { field: path, severity: "reported", reason });
    else if (reason === null) extensions.push(extension(key, value));
    else extensions.push({ protocol: "openai-responses", field: key, value, severity: "reported", reason });
  }
  return extensions;
}

function extension(field: string, value: JsonSource): Extension {
  const { fate: severity, reason } = fateOf(field, value);
  return { protocol: "openai-responses", field, value, severity, reason };
}

function lossOf({ key, path, value }: Omit<UnreadMember, "reason">): Loss {
  const isSetting = path === `reasoning.${key}` || path === `text.${key}`;
  if (!isSetting) return { field: `tools.${key}`, severity: "reported", reason: `No other protocol has ${key} on a tool.` };
  const isDefault = path === "reasoning.context" || (path.startsWith("reasoning.") && value === '"standard"');
  return { field: path, severity: isDefault ? "dropped" : "reported", reason: `No other protocol has ${path}.` };
}

function decodeFormat(format: Fields | null): OutputFormat | null {
  if (format === null) return null;
  const type = format.word("type", WORDS["text.format.type"]);
  if (type === null || type === "text") return null;
  if (type === "json_object") return { type: "json-object" };
  const schema = format.source("schema");
  if (schema === null) throw format.fail("schema", "a JSON Schema");
  return {
    type: "json-schema",
    name: format.optionalText("name"),
    description: format.optionalText("description"),
    schema,
    strict: format.optionalBoolean("strict"),
  };
}

function decodeMetadata(body: Fields): Record<string, string> | null {
  const metadata = body.optionalObject("metadata")?.ignoreRest();
  if (metadata === undefined) return null;
  return Object.fromEntries(metadata.unread().map(([key]) => [key, metadata.text(key)]));
}
