// What a request loses on its way to another protocol, and what its own protocol gets back.
// Does not decide what a loss means for the call.

import type { CanonicalRequest, JsonSource, Loss, ProtocolId } from "./canonical.ts";

/** What becomes of a request's extensions and nested losses when `target` is to carry it. */
export function lossesFor(request: CanonicalRequest, target: ProtocolId): Loss[] {
  const losses = request.extensions
    .filter((extension) => extension.protocol !== target)
    .map(({ field, severity, reason }): Loss => ({ field, severity, reason }));
  return [...losses, ...request.losses];
}

/** Whether parts, or tools, are marked for the prompt cache. */
export function hasMarks(request: CanonicalRequest, where: "parts" | "tools"): boolean {
  const isMarked = (item: object): boolean => "cache" in item && item.cache !== null;
  if (where === "tools") return request.tools.some(isMarked);
  const parts = [...request.system, ...request.turns.flatMap((turn) => turn.parts)];
  return parts.some((part) => isMarked(part) || (part.type === "tool-result" && part.content.some(isMarked)));
}

/** The one loss of all prompt-cache marks on parts, or on tools, for an upstream that takes none there; none where there are no marks. */
export function lostMarks(request: CanonicalRequest, where: "parts" | "tools"): Loss[] {
  if (!hasMarks(request, where)) return [];
  const field = where === "tools" ? `${request.names.tools}.${request.names.cache}` : request.names.cache;
  return [{ field, severity: "dropped", reason: "The upstream finds cached prefixes by itself." }];
}

/** The extensions that `target` gets back, as members of its body. */
export function ownExtensions(request: CanonicalRequest, target: ProtocolId): [string, JsonSource][] {
  return request.extensions.filter((extension) => extension.protocol === target).map(({ field, value }) => [field, value]);
}
