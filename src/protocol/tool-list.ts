// Rules that the codecs share about the tools of a request: each is listed once, and none goes to a provider that can't run it.
// Never makes a function out of a tool that a provider runs.

import type { CanonicalRequest, CustomTool, FunctionTool, Loss, ProtocolId, Tool, ToolChoice } from "./canonical.ts";

/** A tool choice's name for the web search. */
export const WEB_SEARCH = "web_search";

/** The type of a hosted search in the protocols' spellings, dated versions included; and Gemini's, as Chat clients send it. */
export const SEARCH_TYPE = /^(?:web_search(?:_preview)?(?:_\d{4}_?\d{2}_?\d{2})?|google_?search)$/i;

/** A tool choice's name for a tool. */
export function nameOf(tool: Tool): string {
  return tool.type === "web-search" ? WEB_SEARCH : tool.name;
}

/** The tools that a call can name, by name; the first of several with one name. Most answers name few, so no index is built in advance. */
export class Callables {
  readonly #tools: readonly Tool[];
  #byName: Map<string, FunctionTool | CustomTool> | null = null;

  constructor(tools: readonly Tool[]) {
    this.#tools = tools;
  }

  find(name: string): FunctionTool | CustomTool | undefined {
    this.#byName ??= this.#built();
    return this.#byName.get(name);
  }

  #built(): Map<string, FunctionTool | CustomTool> {
    const byName = new Map<string, FunctionTool | CustomTool>();
    for (const tool of this.#tools) {
      if ((tool.type === "function" || tool.type === "custom") && !byName.has(tool.name)) byName.set(tool.name, tool);
    }
    return byName;
  }
}

/** Whether an answer without a call would be invalid. */
export function demandsCall(choice: ToolChoice | null): boolean {
  return choice?.type === "required" || choice?.type === "named" || (choice?.type === "subset" && choice.required);
}

/** Why the choice `validated` becomes `auto` elsewhere. */
export const GEMINI_VALIDATES = "Only Gemini enforces a call's schema without forcing a call.";

/**
 * Keeps the last of several tools with one name, in the place of the first. Tools that a provider runs stay, since one name may stand for
 * several. `field`: the client's name for the list of tools.
 */
export function withoutDuplicates(tools: readonly Tool[], field: string): { tools: Tool[]; losses: Loss[] } {
  if (tools.length === 0) return { tools: [], losses: [] };
  const places = new Map<string, number>();
  const kept: Tool[] = [];
  const losses = new Map<string, Loss>();
  for (const tool of tools) {
    const name = nameOf(tool);
    const place = tool.type === "opaque" ? undefined : places.get(name);
    if (place === undefined) {
      if (tool.type !== "opaque") places.set(name, kept.length);
      kept.push(tool);
      continue;
    }
    kept[place] = tool;
    losses.set(name, {
      field: `${field}.${name}`,
      severity: "reported",
      reason: `The tool ${name} is listed twice; the last one was sent.`,
    });
  }
  return { tools: kept, losses: [...losses.values()] };
}

/**
 * The request without the tools that only another protocol's provider runs. Clients list them by default, so they are left out and reported;
 * what requires one is refused: the tool choice, or a conversation that stops in the middle of such a tool's work.
 */
export function withoutHosted(request: CanonicalRequest, target: ProtocolId): { request: CanonicalRequest; losses: Loss[] } {
  const isForeign = (tool: Tool): boolean => tool.type === "opaque" && tool.protocol !== target;
  const losses: Loss[] = [];
  for (const tool of request.tools) {
    if (tool.type !== "opaque" || tool.protocol === target) continue;
    const reason = `Only its own provider runs ${tool.name}; the model answers without it.`;
    losses.push({ field: `${request.names.tools}.${tool.name}`, severity: tool.severity, reason });
  }
  for (const loss of unfinishedSteps(request, target)) losses.push(loss);
  if (!request.tools.some(isForeign)) return { request, losses };
  const tools = request.tools.filter((tool) => !isForeign(tool));
  const left = new Set(tools.map(nameOf));
  const hosted = new Set(request.tools.filter(isForeign).map(nameOf));
  const isGone = (name: string): boolean => hosted.has(name) && !left.has(name);
  const refuse = (name: string): void =>
    void losses.push({ field: request.names.toolChoice, severity: "refused", reason: `Only its own provider runs ${name}.` });
  let { toolChoice } = request;
  if (toolChoice?.type === "named" && isGone(toolChoice.name)) {
    refuse(toolChoice.name);
    toolChoice = null;
  } else if (toolChoice?.type === "subset") {
    const { required } = toolChoice;
    const [first] = toolChoice.names;
    const names = toolChoice.names.filter((name) => !isGone(name));
    const isEmpty = names.length === 0 && first !== undefined;
    if (isEmpty && required) refuse(first);
    toolChoice = isEmpty ? { type: "none" } : { type: "subset", names, required };
  }
  return { request: { ...request, tools, toolChoice }, losses };
}

/** Completed steps have led to what follows them; only the last one still waits for its provider. */
function unfinishedSteps({ turns, names }: CanonicalRequest, target: ProtocolId): Loss[] {
  const last = turns.at(-1)?.parts.at(-1);
  if (last?.type !== "opaque" || last.protocol === target || last.severity !== "reported") return [];
  const reason = "The conversation stops in the middle of a tool call that only the tool's own provider can finish.";
  return [{ field: `${names.turns}.${last.name}`, severity: "refused", reason }];
}
