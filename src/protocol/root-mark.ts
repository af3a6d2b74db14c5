// Anthropic's `cache_control` for a whole request, which may come in the body of any protocol: Messages has the same member.
// Never checks its value; Anthropic does.
// https://platform.claude.com/docs/en/build-with-claude/prompt-caching#automatic-caching (read 2026-11).

import type { CanonicalRequest, Extension, JsonSource } from "./canonical.ts";
import type { Fields } from "./fields.ts";
import { hasMarks, ownExtensions } from "./losses.ts";

const FIELD = "cache_control";
/** Its name in a body whose members were normalized to Gemini's spelling. */
const SPELLINGS = [FIELD, "cacheControl"];
const MARK = '{"type":"ephemeral"}';

/** The mark in a body of another protocol, as an extension of Messages. Call it before the body is closed. */
export function decodeRootMark(body: Fields): Extension[] {
  // Both are read, so that neither is reported as unknown.
  const [value = null, other = null] = SPELLINGS.map((key) => body.source(key));
  const mark = value ?? other;
  if (mark === null) return [];
  const reason = "Other providers cache prompt prefixes by themselves.";
  return [{ protocol: "anthropic-messages", field: FIELD, value: mark, severity: "dropped", reason }];
}

/**
 * The mark for a Messages body: the client's, or the operator's for an agent's prompt in which the client has marked nothing. A single
 * question is not repeated, and writing it into the cache would cost more.
 */
export function rootMarkOf(request: CanonicalRequest): JsonSource | null {
  const own = ownExtensions(request, "anthropic-messages").find(([field]) => field === FIELD);
  if (own !== undefined) return own[1];
  const isAgent = request.tools.length > 0 || request.turns.some(({ role }) => role === "assistant");
  if (!isAgent || request.defaults?.markPrompt !== true || hasMarks(request, "parts") || hasMarks(request, "tools")) return null;
  return MARK;
}
