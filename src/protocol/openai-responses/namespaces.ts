// Names of tools and ids of calls. A tool in a namespace is a canonical tool whose name begins with the namespace; on the wire it is in its
// namespace again, under the client's short name.

import type { Tool } from "../canonical.ts";
import type { Callables } from "../tool-list.ts";
import { fitName, NameTable, type NameRule } from "../tool-names.ts";

/** OpenAI's rule for names of tools. */
export const NAME_RULE: NameRule = { unfit: /[^a-zA-Z0-9_-]/, maxLength: 64 };

/** OpenAI's limit on call ids; any character is allowed. */
export const CALL_ID_RULE: NameRule = { unfit: /(?!)/, maxLength: 64 };

/** The prefix of a canonical name for a tool in a namespace. Removing it always gives the short name. */
export function prefixOf(namespace: string): string {
  return namespace.endsWith("__") ? namespace : `${namespace}__`;
}

/** A tool's name as the client wrote it: short, with its namespace beside it. */
export function clientName(name: string, tools: Callables): { name: string; namespace?: string } {
  const tool = tools.find(name);
  if (tool === undefined || tool.namespace === null) return { name };
  return { name: name.slice(prefixOf(tool.namespace).length), namespace: tool.namespace };
}

/** A tool's name for an upstream. */
export function upstreamName(name: string, tools: Callables): { name: string; namespace?: string } {
  const found = clientName(name, tools);
  return found.namespace === undefined ? { name: fitName(name, NAME_RULE) } : found;
}

/** The canonical name of a call, which may name its namespace. */
export function canonicalName(name: string, namespace: string | null): string {
  return namespace === null || namespace === "" ? name : prefixOf(namespace) + name;
}

/** The way back from the names that were sent upstream. */
export function originalNames(tools: readonly Tool[]): NameTable {
  const names = tools.flatMap((tool) => (tool.type === "function" || tool.type === "custom" ? [tool.name] : []));
  return new NameTable(names, NAME_RULE);
}
