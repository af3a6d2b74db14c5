// Room: openai-responses (row 2), extensions.
// In:  the top-level members of a request that have no canonical home.
// Out: extensions: their text, and what losing them means for a conversation with another protocol.
// Never does: judge a member that has a home.

import { rowOf } from "../../wire/json.ts";
import type { Extension, JsonSource, LossSeverity } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { FIELDS } from "./wire.ts";

const REASONS: Readonly<Record<string, string>> = {
  access_programs: "Access programs exist at OpenAI only.",
  background: "An answer in the background needs a server that keeps it; this proxy keeps nothing.",
  context_management: "Only OpenAI compacts a conversation this way; it is sent in full.",
  conversation: "The conversation is stored at OpenAI; another provider can't read it. Send its items in input.",
  image: "How OpenAI keeps images in its context means nothing elsewhere.",
  include: "Only OpenAI's own items have these details.",
  max_tool_calls: "No other protocol limits the number of calls.",
  moderation: "No other protocol moderates on request.",
  previous_response_id: "The earlier answers are stored at OpenAI; another provider can't read them. Send them in input.",
  prompt: "The prompt is stored at OpenAI; another provider can't read it. Send its text.",
  prompt_cache_options: "How long OpenAI keeps a prompt means nothing elsewhere.",
  prompt_cache_retention: "How long OpenAI keeps a prompt means nothing elsewhere.",
  service_tier: "No other protocol has this tier.",
  stream_options: "How OpenAI pads its events means nothing elsewhere.",
  tool_choice: "This hosted tool exists at OpenAI only.",
  truncation: "No other protocol shortens a conversation by itself.",
  user: "safety_identifier already names the end user.",
};

/** Values that say what would happen anyway. */
const DEFAULTS: Readonly<Record<string, JsonSource>> = { background: "false", truncation: '"disabled"' };

const CARRIED_REST: Readonly<Record<string, LossSeverity>> = {
  include: "dropped",
  service_tier: "reported",
  tool_choice: "refused",
  user: "dropped",
};

const USES: ReadonlyMap<string, "carried" | LossSeverity> = new Map(Object.entries(FIELDS));

/** One member as an extension. */
export function extension(field: string, value: JsonSource): Extension {
  return {
    protocol: "openai-responses",
    field,
    value,
    severity: severityOf(field, value),
    reason: rowOf(REASONS, field) ?? `No other protocol has ${field}.`,
  };
}

/** All members that nobody read. */
export function extensionsOf(request: Fields): Extension[] {
  return request.unread().map(([field, value]) => extension(field, value));
}

function severityOf(field: string, value: JsonSource): LossSeverity {
  if (rowOf(DEFAULTS, field) === value) return "dropped";
  const use = USES.get(field) ?? "reported";
  return use === "carried" ? (rowOf(CARRIED_REST, field) ?? "reported") : use;
}
