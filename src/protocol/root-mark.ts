// The `cache_control` of a whole request, which is Anthropic's and comes in the bodies of every protocol: Messages takes the same member.
// Never judges its value; Anthropic does.
// https://platform.claude.com/docs/en/build-with-claude/prompt-caching#automatic-caching (read 2026-11).

import type { CanonicalRequest, Extension, JsonSource } from "./canonical.ts";
import type { Fields } from "./fields.ts";
import { hasMarks, ownExtensions } from "./losses.ts";

const FIELD = "cache_control";
/** As it reads in a body whose members were brought into Gemini's spelling. */
const SPELLINGS = [FIELD, "cacheControl"];
const MARK = '{"type":"ephemeral"}';

/** The mark of a body of another protocol than Messages, as what belongs to Messages. Call it before the body is closed. */
export function decodeRootMark(body: Fields): Extension[] {
  // Both are read, so that neither is a member that nobody knows.
  const [value = null, other = null] = SPELLINGS.map((key) => body.source(key));
  const mark = value ?? other;
  if (mark === null) return [];
  const reason = "Other providers cache prompt prefixes by themselves.";
  return [{ protocol: "anthropic-messages", field: FIELD, value: mark, severity: "dropped", reason }];
}

/**
 * The mark for a Messages body: the client's; or the operator's, for an agent's prompt in which the client has marked nothing. A single
 * question is not asked twice, and writing it into the cache would cost more.
 */
export function rootMarkOf(request: CanonicalRequest): JsonSource | null {
  const own = ownExtensions(request, "anthropic-messages").find(([field]) => field === FIELD);
  if (own !== undefined) return own[1];
  const isAgent = request.tools.length > 0 || request.turns.some(({ role }) => role === "assistant");
  if (!isAgent || request.defaults?.markPrompt !== true || hasMarks(request, "parts") || hasMarks(request, "tools")) return null;
  return MARK;
}
