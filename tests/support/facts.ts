// The contents of canonical requests and replies as lists of facts by field, and the differences between two of them.
// A lost field is reported under its name (`topK`, `turns.image.detail`); something that was added is reported under
// its name with a plus (`+turns.text`). Scalars that were null may get a value: filling in a default loses nothing.
// Never judges whether a difference is allowed; losses.ts does.

import type { CanonicalRequest, Logprob, Part, Reply, Source, Turn } from "../../src/protocol/canonical.ts";

export interface Difference {
  readonly field: string;
  /** The value before and after, for the failure message. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

interface Facts {
  /** Kept when every entry is still there, in order; anything more is a gain. */
  readonly lists: Map<string, string[]>;
  /** Continuous text, by speaker: kept when every piece is still there, in order, wherever its blocks begin and end. */
  readonly texts: Map<string, string[]>;
  /** Kept when equal. */
  readonly scalars: Map<string, string | null>;
  /** Speaker and kind of each part, to notice a change of order. */
  readonly order: string[];
}

const ORDER = "turns.order";

/** What a conversion of a request changed. */
export function requestDifferences(before: CanonicalRequest, after: CanonicalRequest): Difference[] {
  return differences(requestFacts(before), requestFacts(after));
}

/** What a conversion of a reply changed; every field begins with `reply.`. */
export function replyDifferences(before: Reply, after: Reply): Difference[] {
  return differences(replyFacts(before), replyFacts(after)).map((difference) => ({
    ...difference,
    field: difference.field.replace(/^(\+?)(?:turns\.)?/, "$1reply."),
  }));
}

function requestFacts(request: CanonicalRequest): Facts {
  const facts = noFacts();
  const { lists, scalars } = facts;
  scalars.set("model", request.model);
  scalars.set("stream", String(request.stream));
  facts.texts.set(
    "system",
    request.system.map((part) => part.text),
  );
  for (const part of request.system) {
    add(lists, "system.blocks", part.text);
    if (part.cache !== null) add(lists, "system.cache", show(part.cache));
  }
  addTurns(facts, request.turns);
  for (const tool of request.tools) addTool(facts, tool);
  // The default of every protocol is the same whether or not it is stated.
  scalars.set("toolChoice", choiceOf(request));
  scalars.set("parallelToolCalls", request.parallelToolCalls === false ? "false" : null);
  scalars.set("store", request.store === true ? "true" : null);
  for (const key of ["mode", "effort", "budgetTokens", "display"] as const) {
    scalars.set(`reasoning.${key}`, showOrNull(request.reasoning?.[key] ?? null));
  }
  const output = request.output;
  scalars.set("output", output?.type ?? null);
  const schema = output?.type === "json-schema" ? output : null;
  for (const key of ["name", "description", "schema", "strict"] as const) scalars.set(`output.${key}`, showOrNull(schema?.[key] ?? null));
  for (const key of ["verbosity", "maxOutputTokens", "endUser", "cacheKey"] as const) scalars.set(key, showOrNull(request[key]));
  scalars.set("serviceTier", request.serviceTier === "auto" || request.serviceTier === "default" ? null : request.serviceTier);
  for (const sequence of request.stop) add(lists, "stop", sequence);
  for (const key of ["temperature", "topP", "topK", "seed", "presencePenalty", "frequencyPenalty", "topLogprobs"] as const) {
    const value = request.sampling[key];
    scalars.set(key, value === SAMPLING_DEFAULTS[key] ? null : showOrNull(value));
  }
  for (const [key, value] of Object.entries(request.metadata ?? {})) add(lists, "metadata", `${key}=${value}`);
  return facts;
}

const SAMPLING_DEFAULTS: Readonly<Record<string, number>> = { temperature: 1, topP: 1, presencePenalty: 0, frequencyPenalty: 0 };

/** A choice among all existing tools is no narrower than the free one. */
function choiceOf({ toolChoice, tools }: CanonicalRequest): string | null {
  if (toolChoice === null || toolChoice.type === "auto") return null;
  if (toolChoice.type !== "subset" || toolChoice.names.length < tools.length) return show(toolChoice);
  return toolChoice.required ? show({ type: "required" }) : null;
}

function addTool({ lists }: Facts, tool: CanonicalRequest["tools"][number]): void {
  const optional = (field: string, value: unknown): void => {
    if (value !== null) add(lists, field, `${"name" in tool ? tool.name : ""} ${show(value)}`);
  };
  switch (tool.type) {
    case "function":
      add(lists, "tools.function", tool.name);
      optional("tools.namespace", tool.namespace);
      optional("tools.description", tool.description);
      optional("tools.schema", tool.schema);
      // A tool is not strict by default.
      optional("tools.strict", tool.strict === false ? null : tool.strict);
      optional("tools.cache", tool.cache);
      return;
    case "custom":
      add(lists, "tools.custom", tool.name);
      optional("tools.namespace", tool.namespace);
      optional("tools.description", tool.description);
      optional("tools.grammar", tool.grammar);
      return;
    case "web-search":
      add(lists, "tools.webSearch", "web search");
      for (const domain of tool.allowedDomains) add(lists, "tools.webSearch.allowedDomains", domain);
      for (const domain of tool.blockedDomains) add(lists, "tools.webSearch.blockedDomains", domain);
      for (const key of ["location", "contextSize", "maxUses"] as const) optional(`tools.webSearch.${key}`, tool[key]);
      return;
    case "opaque":
      add(lists, "tools.opaque", `${tool.name} ${tool.value}`);
  }
}

function replyFacts(reply: Reply): Facts {
  const facts = noFacts();
  addTurns(facts, [{ role: "assistant", parts: reply.parts, effort: null }]);
  facts.scalars.set("model", reply.model);
  facts.scalars.set("finish.kind", reply.finish.kind);
  facts.scalars.set("finish.stopSequence", reply.finish.stopSequence);
  facts.scalars.set("finish.explanation", reply.finish.explanation);
  for (const key of ["inputTokens", "cacheReadTokens", "cacheWriteTokens", "outputTokens", "reasoningTokens"] as const) {
    facts.scalars.set(`usage.${key}`, showOrNull(reply.usage?.[key] ?? null));
  }
  return facts;
}

function addTurns(facts: Facts, turns: readonly Turn[]): void {
  const { lists } = facts;
  // Ids may change where a protocol has none or shorter ones; which call a result answers may not.
  const calls = new Map<string, number>();
  let calledSoFar = 1;
  for (const turn of turns) {
    if (turn.effort !== null) add(lists, "turns.effort", turn.effort);
    // The order of the results within a turn has no meaning.
    const results = turn.parts.filter((part) => part.type === "tool-result");
    results.sort((left, right) => (calls.get(left.callId) ?? 0) - (calls.get(right.callId) ?? 0));
    for (const part of turn.parts) {
      if (part.type === "tool-call") calls.set(part.callId, calledSoFar++);
      addPart(facts, { role: turn.role, calls }, part.type === "tool-result" ? (results.shift() ?? part) : part);
    }
  }
}

function addPart(facts: Facts, { role, calls }: { role: Turn["role"]; calls: ReadonlyMap<string, number> }, part: Part): void {
  const { lists, texts, order } = facts;
  const token = `${role} ${part.type}`;
  if (order.at(-1) !== token) order.push(token);
  const at = (field: string): string => `turns.${field}`;
  const optional = (field: string, value: unknown): void => {
    if (value !== null) add(lists, at(field), show(value));
  };
  if ("cache" in part && part.cache !== null) add(lists, at("cache"), `${token} ${show(part.cache)}`);
  switch (part.type) {
    case "text": {
      const field = role === "system" ? at("system") : at("text");
      add(texts, `${field} ${role}`, part.text);
      add(lists, `${field}.blocks`, `${role} ${part.text}`);
      for (const annotation of part.annotations) add(lists, at("text.annotations"), show(annotation));
      optional("text.proof", part.proof);
      addLogprobs(lists, at("text.logprobs"), part.logprobs);
      return;
    }
    case "refusal":
      add(texts, at("refusal"), part.text);
      addLogprobs(lists, at("refusal.logprobs"), part.logprobs);
      return;
    case "reasoning":
      add(texts, at("reasoning"), part.text);
      if (part.text !== "") add(lists, at("reasoning.blocks"), part.text);
      if (part.redacted) add(lists, at("reasoning.redacted"), "redacted");
      optional("reasoning.proof", part.proof);
      return;
    case "image":
      add(lists, at("image"), where(part.source));
      if (part.source.type === "url") optional("image.mediaType", part.source.mediaType);
      optional("image.detail", part.detail);
      return;
    case "file":
      add(lists, at("file"), where(part.source));
      if (part.source.type === "url") optional("file.mediaType", part.source.mediaType);
      optional("file.filename", part.filename);
      optional("file.context", part.context);
      optional("file.citations", part.citations);
      return;
    case "audio":
    case "video":
      add(lists, at(part.type), show(part.source));
      return;
    case "tool-call":
      add(lists, at("toolCall"), part.name);
      // A call without arguments may have an empty object.
      add(lists, at("toolCall.arguments"), part.arguments === "" && part.kind === "function" ? "{}" : part.arguments);
      if (part.kind === "custom") add(lists, at("toolCall.custom"), part.name);
      add(lists, at("toolCall.id"), part.callId);
      optional("toolCall.proof", part.proof);
      return;
    case "tool-result": {
      const call = calls.get(part.callId) ?? "unknown";
      const said = part.content.flatMap((piece) => (piece.type === "text" ? [piece.text] : []));
      add(lists, at("toolResult"), `call ${call}`);
      texts.set(`${at("toolResult.text")} of call ${call}`, said);
      add(lists, at("toolResult.blocks"), `call ${call} ${show(said)}`);
      for (const piece of part.content) {
        if (piece.type !== "text") add(lists, at(`toolResult.${piece.type}`), `call ${call} ${where(piece.source)}`);
        if (piece.cache !== null) add(lists, at("toolResult.cache"), `call ${call} ${show(piece.cache)}`);
      }
      if (part.isError === true) add(lists, at("toolResult.isError"), `call ${call}`);
      return;
    }
    case "opaque":
      add(lists, at("opaque"), `${part.name} ${part.value}`);
      if (part.search === undefined) return;
      add(lists, at("search"), part.search.query);
      for (const { url } of part.search.sources) add(lists, at("search.sources"), url);
  }
}

/** The tokens, with their bytes where they differ from the token's text. */
function addLogprobs(lists: Facts["lists"], field: string, logprobs: readonly Logprob[] = []): void {
  for (const { top, ...chosen } of logprobs) {
    add(lists, field, show([chosen, ...top].map(({ token, logprob }) => [token, logprob])));
    for (const { token, bytes } of [chosen, ...top]) {
      if (bytes.join() !== new TextEncoder().encode(token).join()) add(lists, `${field}.bytes`, show([token, bytes]));
    }
  }
}

// ---- Comparing ---------------------------------------------------------------------------------------------------

function differences(before: Facts, after: Facts): Difference[] {
  const found: Difference[] = [];
  const broken = new Set<string>();
  for (const field of keys(before.texts, after.texts)) {
    const from = before.texts.get(field) ?? [];
    const to = after.texts.get(field) ?? [];
    const name = field.split(" ")[0] ?? field;
    const { lost, gained } = compareTexts(from, to);
    if (lost || gained) broken.add(name);
    if (lost) found.push({ field: name, before: from, after: to });
    if (gained) found.push({ field: `+${name}`, before: from, after: to });
  }
  for (const field of keys(before.lists, after.lists)) {
    // Where the text itself changed, its block boundaries add nothing.
    const owner = field.replace(/\.blocks$/, "");
    if (field !== owner && (broken.has(owner) || broken.has(`${owner}.text`))) continue;
    const from = before.lists.get(field) ?? [];
    const to = after.lists.get(field) ?? [];
    if (!isSubsequence(from, to)) found.push({ field, before: from, after: to });
    else if (to.length > from.length) found.push({ field: `+${field}`, before: from, after: to });
  }
  for (const field of keys(before.scalars, after.scalars)) {
    const from = before.scalars.get(field) ?? null;
    const to = after.scalars.get(field) ?? null;
    if (from !== null && from !== to) found.push({ field, before: [from], after: [String(to)] });
  }
  // Only parts of kinds that are on both sides can have changed places.
  const from = onlyIn(before.order, after.order);
  const to = onlyIn(after.order, before.order);
  if (from.join() !== to.join()) found.push({ field: ORDER, before: from, after: to });
  return found;
}

function compareTexts(from: readonly string[], to: readonly string[]): { lost: boolean; gained: boolean } {
  let rest = withoutSpace(to.join(""));
  let gained = false;
  for (const piece of from.map(withoutSpace)) {
    const at = rest.indexOf(piece);
    if (at === -1) return { lost: true, gained: false };
    if (at > 0) gained = true;
    rest = rest.slice(at + piece.length);
  }
  return { lost: false, gained: gained || rest !== "" };
}

function withoutSpace(text: string): string {
  return text.replace(/\s+/g, "");
}

/** Where the bytes are; the media type of a URL is only a remark. */
function where(source: Source): string {
  return source.type === "url" ? source.url : show(source);
}

function isSubsequence(from: readonly string[], to: readonly string[]): boolean {
  let at = 0;
  for (const value of to) if (value === from[at]) at++;
  return at === from.length;
}

function onlyIn(tokens: readonly string[], others: readonly string[]): string[] {
  return tokens.filter((token) => others.includes(token)).filter((token, index, kept) => token !== kept[index - 1]);
}

function noFacts(): Facts {
  return { lists: new Map(), texts: new Map(), scalars: new Map(), order: [] };
}

function add(map: Map<string, string[]>, field: string, value: string): void {
  const list = map.get(field);
  if (list === undefined) map.set(field, [value]);
  else list.push(value);
}

function keys<Value>(left: ReadonlyMap<string, Value>, right: ReadonlyMap<string, Value>): Set<string> {
  return new Set([...left.keys(), ...right.keys()]);
}

function show(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function showOrNull(value: unknown): string | null {
  return value === null ? null : show(value);
}
