// A Chat client's request -> canonical; and what routing needs of a request that is not decoded.
// Never looks inside messages or tools itself, and never drops a member silently.

import { parse } from "../../wire/json.ts";
import type { CanonicalRequest, Loss } from "../canonical.ts";
import type { RequestHead, WireRequest } from "../codec.ts";
import { Fields, type UnreadMember } from "../fields.ts";
import { bodyHead } from "../head.ts";
import { decodeRootMark } from "../root-mark.ts";
import { decodeReasoning } from "./reasoning.ts";
import { decodeSampling } from "./sampling.ts";
import { decodeOutput } from "./structured-output.ts";
import { decodeToolChoice, decodeTools, declaresFunctions } from "./tools.ts";
import { decodeTurns } from "./turns-decode.ts";
import { fateOf, LEGACY_NAMES, MAX_TOKENS_NAMES, NAMES, WORDS } from "./wire.ts";

/** @throws GatewayError `invalid-request` when the body is not a JSON object or names no model. */
export function requestHead(request: WireRequest): RequestHead {
  return bodyHead(request, "messages");
}

/** Members whose value stays verbatim. */
const VERBATIM: ReadonlySet<string> = new Set(["parameters", "schema", "arguments", "input"]);

/** @throws GatewayError `invalid-request`, naming the member and the expected type. */
export function decodeRequest({ body: text, parsed }: WireRequest): CanonicalRequest {
  const body = Fields.of(parse(text, { verbatim: VERBATIM, parsed }), "");
  const legacy = declaresFunctions(body);
  if (legacy && body.has("tools")) throw body.fail("functions", "left out where there are tools");
  const { tools, losses: duplicates } = decodeTools(body);
  const toolChoice = decodeToolChoice(body, tools);
  const { system, turns, losses } = decodeTurns(body);
  // In this order: the newer name wins where a client sends both.
  const limits = [body.optionalInteger("max_completion_tokens"), body.optionalInteger("max_tokens")];
  const endUsers = [body.optionalText("safety_identifier"), body.optionalText("user")];
  return {
    names: legacy ? LEGACY_NAMES : limits[0] === null && limits[1] !== null ? MAX_TOKENS_NAMES : NAMES,
    model: body.text("model"),
    stream: body.optionalBoolean("stream") ?? false,
    system,
    turns,
    tools,
    toolChoice,
    // `function_call` holds one call; a client of that form can't read a second one.
    parallelToolCalls: body.optionalBoolean("parallel_tool_calls") ?? (legacy ? false : null),
    reasoning: decodeReasoning(body),
    output: decodeOutput(body),
    verbosity: body.optionalWord("verbosity", WORDS.verbosity),
    maxOutputTokens: limits[0] ?? limits[1] ?? null,
    stop: decodeStop(body),
    sampling: decodeSampling(body),
    endUser: endUsers[0] ?? endUsers[1] ?? null,
    metadata: decodeMetadata(body),
    cacheKey: body.optionalText("prompt_cache_key"),
    serviceTier: body.optionalWord("service_tier", WORDS.service_tier),
    store: body.optionalBoolean("store"),
    includeUsage: body.optionalObject("stream_options")?.ignoreRest().optionalBoolean("include_usage") ?? false,
    ...closeBody(body, [...duplicates, ...losses]),
  };
}

function decodeStop(body: Fields): readonly string[] {
  const value = body.raw("stop");
  return typeof value === "string" ? [value] : body.texts("stop");
}

function decodeMetadata(body: Fields): Readonly<Record<string, string>> | null {
  const metadata = body.optionalObject("metadata")?.ignoreRest();
  if (metadata === undefined) return null;
  return Object.fromEntries(metadata.unread().map(([key, source]) => [key, metadataText(source)]));
}

/** A label is text; any other value that clients send stays JSON. */
function metadataText(source: string): string {
  const value = parse(source);
  return typeof value === "string" ? value : source;
}

/** What remains of the body: its own members become extensions, nested ones become losses, each name once. */
function closeBody(body: Fields, losses: readonly Loss[]): Pick<CanonicalRequest, "extensions" | "losses"> {
  // Known members without a canonical field are ignored where they ask for nothing special.
  const members: Omit<UnreadMember, "value">[] = [];
  const tell = (key: string, reason: string | null = null): void => void members.push({ key, path: key, reason });
  const modalities = body.texts("modalities");
  if (modalities.includes("audio")) tell("modalities");
  else if (modalities.some((word) => word !== "text")) tell("modalities", "Other protocols answer in text.");
  if (modalities.includes("audio")) tell("audio");
  else body.ignore("audio");
  if ((body.optionalInteger("n") ?? 1) > 1) tell("n");
  const rootMark = decodeRootMark(body);
  const special = members.map((member) => ({ ...member, value: body.source(member.key) }));
  const nested = new Map<string, Loss>();
  const extensions = [...special, ...body.close()].flatMap(({ key, path, value, reason }): CanonicalRequest["extensions"] => {
    if (value === null) return [];
    if (path === key) {
      const fate = reason === null ? fateOf(key) : ({ fate: "reported", reason } as const);
      return [{ protocol: "openai-chat", field: key, value, severity: fate.fate, reason: fate.reason }];
    }
    const why = reason ?? "The model's own protocol has no such field.";
    if (!nested.has(key)) nested.set(key, { field: path, severity: "reported", reason: why });
    return [];
  });
  return { extensions: [...rootMark, ...extensions], losses: [...nested.values(), ...losses] };
}
