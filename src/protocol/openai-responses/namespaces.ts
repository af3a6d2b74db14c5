// Names of tools and ids of calls. Tools of a namespace are canonical tools whose name begins with it; on the wire they stand in their
// namespace again, under the short name that the client gave them.

import type { Tool } from "../canonical.ts";
import type { Callables } from "../tool-list.ts";
import { fitName, NameTable, type NameRule } from "../tool-names.ts";

/** OpenAI's rule for names of tools. */
export const NAME_RULE: NameRule = { unfit: /[^a-zA-Z0-9_-]/, maxLength: 64 };

/** OpenAI's limit on the ids that pair a call with its output; any character will do. */
export const CALL_ID_RULE: NameRule = { unfit: /(?!)/, maxLength: 64 };

/** What a canonical name begins with when its tool stands in a namespace. Cutting it off gives the short name back, always. */
export function prefixOf(namespace: string): string {
  return namespace.endsWith("__") ? namespace : `${namespace}__`;
}

/** A tool's name as the client wrote it: short, with its namespace beside it. */
export function clientName(name: string, tools: Callables): { name: string; namespace?: string } {
  const tool = tools.find(name);
  if (tool === undefined || tool.namespace === null) return { name };
  return { name: name.slice(prefixOf(tool.namespace).length), namespace: tool.namespace };
}

/** A tool's name as an upstream takes it. */
export function upstreamName(name: string, tools: Callables): { name: string; namespace?: string } {
  const found = clientName(name, tools);
  return found.namespace === undefined ? { name: fitName(name, NAME_RULE) } : found;
}

/** The canonical name of a call that may say its namespace. */
export function canonicalName(name: string, namespace: string | null): string {
  return namespace === null || namespace === "" ? name : prefixOf(namespace) + name;
}

/** The way back from the names that an upstream was sent. */
export function originalNames(tools: readonly Tool[]): NameTable {
  const names = tools.flatMap((tool) => (tool.type === "function" || tool.type === "custom" ? [tool.name] : []));
  return new NameTable(names, NAME_RULE);
}
