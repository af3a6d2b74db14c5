// Arbitrary requests.
// Conversations in canonical form, as the decoders of all protocols may produce them: any mix of instructions, turns,
// parts, calls and their results (answered, interrupted, answered twice, late), tools, choices and settings.
// Does not know what a protocol can carry.

import fc, { type Arbitrary } from "fast-check";
import type {
  CacheMark,
  CanonicalRequest,
  CustomTool,
  FilePart,
  FunctionTool,
  ImagePart,
  OpaquePart,
  OpaqueTool,
  OutputFormat,
  Part,
  ProtocolId,
  Reasoning,
  Sampling,
  Source,
  TextPart,
  Tool,
  ToolCallPart,
  ToolChoice,
  ToolResultPart,
  Turn,
  WebSearchTool,
} from "../../src/protocol/canonical.ts";
import { bareRequest } from "../../src/protocol/exchange.ts";
import { mergeTurns } from "../../src/protocol/turns.ts";
import { text as textPart, user } from "./canonical.ts";
import {
  anyText,
  callArguments,
  callId,
  jsonObject,
  maybe,
  proofOf,
  record,
  schema,
  someText,
  thoughtOf,
  toolName,
} from "./arbitrary-texts.ts";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const PDF = "JVBERi0xLjQKJeLjz9MKMSAwIG9iago8PD4+CmVuZG9iag==";

const cache: Arbitrary<CacheMark | null> = fc.option(record<CacheMark>({ ttl: fc.constantFrom(null, "5m", "1h") }), { nil: null, freq: 5 });

// ---- Parts -------------------------------------------------------------------------------------------------------

const text: Arbitrary<TextPart> = record<TextPart>({
  type: fc.constant("text"),
  text: anyText,
  annotations: fc.constant([]),
  cache,
  proof: fc.constant(null),
});

/** A file in a store; Google's are URLs. */
const fileId: Arbitrary<Source> = fc
  .constantFrom<ProtocolId>("openai-chat", "openai-responses", "anthropic-messages")
  .map((owner) => ({ type: "file-id", id: "file_1", owner }));

const imageSource: Arbitrary<Source> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Source>({ type: "base64", mediaType: "image/png", data: PNG }) },
  { weight: 2, arbitrary: fc.constant<Source>({ type: "url", url: "https://example.com/sea.png", mediaType: null }) },
  { weight: 1, arbitrary: fc.constant<Source>({ type: "base64", mediaType: null, data: PNG }) },
  { weight: 1, arbitrary: fileId },
);

const image: Arbitrary<ImagePart> = record<ImagePart>({
  type: fc.constant("image"),
  source: imageSource,
  detail: fc.constantFrom(null, "auto", "low", "high", "original"),
  cache,
});

const file: Arbitrary<FilePart> = record<FilePart>({
  type: fc.constant("file"),
  source: fc.oneof(
    fc.constant<Source>({ type: "base64", mediaType: "application/pdf", data: PDF }),
    fc.constant<Source>({ type: "url", url: "https://example.com/log.pdf", mediaType: "application/pdf" }),
    record<Extract<Source, { type: "text" }>>({ type: fc.constant("text"), text: anyText }),
    fileId,
  ),
  filename: maybe(fc.constantFrom("log.pdf", "über alles.pdf")),
  context: maybe(anyText),
  citations: fc.constantFrom(null, true, false),
  cache,
});

const media: Arbitrary<Part> = fc.constantFrom<Part>(
  { type: "audio", source: { type: "base64", mediaType: "audio/wav", data: "UklGRg==" } },
  { type: "video", source: { type: "url", url: "https://example.com/sea.mp4", mediaType: "video/mp4" } },
);

/** A part that only one protocol understands, as its own decoder leaves it. */
const opaque = (role: "user" | "assistant"): Arbitrary<OpaquePart> =>
  fc
    .tuple(fc.constantFrom(...OPAQUE[role]), fc.constantFrom<OpaquePart["severity"][]>("dropped", "reported", "refused"))
    .map(([[from, name, value], severity]) => ({ type: "opaque", protocol: from, name, value, severity }));

const OPAQUE: Readonly<Record<"user" | "assistant", readonly (readonly [from: ProtocolId, name: string, value: string])[]>> = {
  user: [
    ["openai-responses", "mcp_approval_response", '{"type":"mcp_approval_response","approve":true,"approval_request_id":"mcpr_1"}'],
    ["anthropic-messages", "container_upload", '{"type":"container_upload","file_id":"file_1"}'],
    ["gemini", "fileData", '{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/f-1","mimeType":"image/png"}}'],
  ],
  assistant: [
    ["openai-responses", "web_search_call", '{"type":"web_search_call","id":"ws_1","status":"completed"}'],
    ["anthropic-messages", "fallback", '{"type":"fallback","from":{"model":"a"}}'],
    ["gemini", "executableCode", '{"executableCode":{"language":"PYTHON","code":"1"}}'],
  ],
};

const userPart: Arbitrary<Part> = fc.oneof(
  { weight: 8, arbitrary: text },
  { weight: 2, arbitrary: image },
  { weight: 2, arbitrary: file },
  { weight: 1, arbitrary: media },
  { weight: 1, arbitrary: opaque("user") },
);

const reasoning = thoughtOf(["anthropic", "openai", "google"], anyText);
/** Only Google signs texts and calls. */
const signature = proofOf("google");

interface Declared {
  readonly name: string;
  readonly kind: "function" | "custom";
}

const call = (tools: readonly Declared[]): Arbitrary<ToolCallPart> =>
  fc
    .oneof(
      { weight: tools.length === 0 ? 0 : 4, arbitrary: fc.constantFrom(...tools, { name: "look", kind: "function" } as const) },
      { weight: 1, arbitrary: toolName.map((name): Declared => ({ name, kind: "function" })) },
    )
    .chain(({ name, kind }) =>
      record<ToolCallPart>({
        type: fc.constant("tool-call"),
        callId,
        name: fc.constant(name),
        kind: fc.constant(kind),
        arguments: kind === "custom" ? anyText : callArguments,
        cache,
        proof: maybe(signature),
      }),
    );

const assistantParts: Arbitrary<Part[]> = fc.oneof(
  { weight: 6, arbitrary: text.map((part): Part[] => [{ ...part, cache: null }]) },
  { weight: 1, arbitrary: fc.tuple(someText, signature).map(([said, proven]): Part[] => [textPart(said, { proof: proven })]) },
  { weight: 3, arbitrary: reasoning.map((part) => [part]) },
  { weight: 1, arbitrary: anyText.map((said): Part[] => [{ type: "refusal", text: said }]) },
  { weight: 1, arbitrary: opaque("assistant").map((part): Part[] => [part, textPart("So it is.")]) },
);

const resultContent: Arbitrary<ToolResultPart["content"]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.oneof(
        text,
        jsonObject.map((said) => textPart(said)),
      ),
    },
    { weight: 1, arbitrary: image },
    { weight: 1, arbitrary: file },
  ),
  { maxLength: 3 },
);

// ---- Turns -------------------------------------------------------------------------------------------------------

type Fate = "answered" | "interrupted" | "twice" | "orphan" | "late";

interface Round {
  readonly system: readonly Part[];
  readonly asked: readonly Part[];
  readonly said: readonly Part[];
  readonly calls: readonly ToolCallPart[];
  readonly after: readonly Part[];
  readonly fate: Fate;
  readonly results: readonly Omit<ToolResultPart, "callId" | "name" | "kind">[];
  readonly effort: Turn["effort"];
}

const round = (tools: readonly Declared[]): Arbitrary<Round> =>
  record<Round>({
    system: fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(text, { minLength: 1, maxLength: 2 }) }),
    asked: fc.array(userPart, { maxLength: 3 }),
    said: fc.array(assistantParts, { maxLength: 3 }).map((parts) => parts.flat()),
    calls: fc.array(call(tools), { maxLength: 3 }),
    after: fc.array(assistantParts, { maxLength: 1 }).map((parts) => parts.flat()),
    fate: fc.oneof(
      { weight: 8, arbitrary: fc.constant<Fate>("answered") },
      { weight: 4, arbitrary: fc.constantFrom<Fate>("interrupted", "twice", "orphan", "late") },
    ),
    results: fc.array(
      record<Round["results"][number]>({
        type: fc.constant("tool-result"),
        content: resultContent,
        isError: fc.constantFrom(null, null, true, false),
        cache,
      }),
      { minLength: 4, maxLength: 4 },
    ),
    effort: fc.constantFrom(null, null, "low", "high"),
  });

function turnsOf(rounds: readonly Round[]): Turn[] {
  const turns: Turn[] = [];
  const say = (role: Turn["role"], parts: readonly Part[], effort: Turn["effort"] = null): void => void turns.push({ role, parts, effort });
  for (const { system, asked, said, calls, after, fate, results, effort } of rounds) {
    if (system.length > 0) say("system", system, effort);
    say("user", asked);
    say("assistant", [...said, ...calls, ...after]);
    const answers = calls.flatMap(({ callId: id, name, kind }, index): ToolResultPart[] => {
      const [result, other] = [results[index], results[index + 1]];
      if (result === undefined || (fate === "interrupted" && index > 0)) return [];
      const answer = { ...result, callId: fate === "orphan" ? `${id}_gone` : id, name, kind };
      return fate === "twice" && other !== undefined ? [answer, { ...other, callId: id, name, kind }] : [answer];
    });
    if (fate === "late") {
      say("user", asked.slice(0, 1));
      say("assistant", [textPart("One moment.")]);
    }
    say("user", [...answers].reverse());
  }
  return mergeTurns(turns);
}

// ---- Tools -------------------------------------------------------------------------------------------------------

const functionTool: Arbitrary<FunctionTool> = maybe(schema).chain((parameters) =>
  record<FunctionTool>({
    type: fc.constant("function"),
    name: toolName,
    namespace: fc.constant(null),
    description: maybe(anyText),
    schema: fc.constant(parameters),
    // Every vendor requires a strict tool's schema to be closed.
    strict:
      parameters?.includes('"additionalProperties":false') === true ? fc.constantFrom(null, false, true) : fc.constantFrom(null, false),
    cache,
  }),
);

const customTool: Arbitrary<CustomTool> = record<CustomTool>({
  type: fc.constant("custom"),
  name: toolName,
  namespace: fc.constant(null),
  description: maybe(anyText),
  grammar: maybe(fc.constant({ syntax: "lark", definition: 'start: "a"+' })),
});

const webSearch: Arbitrary<WebSearchTool> = record<WebSearchTool>({
  type: fc.constant("web-search"),
  allowedDomains: fc.constantFrom([], ["example.com"]),
  blockedDomains: fc.constant([]),
  location: maybe(fc.constant({ city: "Kiel", region: null, country: "DE", timezone: null })),
  contextSize: fc.constantFrom(null, "low", "high"),
  maxUses: fc.constantFrom(null, 3),
});

/** Chat has no hosted tools of its own. */
const OPAQUE_TOOLS: Readonly<Record<Exclude<ProtocolId, "openai-chat">, readonly [name: string, value: string]>> = {
  "openai-responses": ["file_search", '{"type":"file_search","vector_store_ids":["vs_1"]}'],
  "anthropic-messages": ["code_execution", '{"type":"code_execution_20250825","name":"code_execution"}'],
  gemini: ["urlContext", "{}"],
};

const opaqueTool: Arbitrary<OpaqueTool> = fc
  .tuple(fc.constantFrom("openai-responses", "anthropic-messages", "gemini"), fc.constantFrom("reported", "refused"))
  .map(([from, severity]): OpaqueTool => ({
    type: "opaque",
    protocol: from,
    name: OPAQUE_TOOLS[from][0],
    value: OPAQUE_TOOLS[from][1],
    severity,
  }));

const tools: Arbitrary<readonly Tool[]> = fc.uniqueArray(
  fc.oneof(
    { weight: 6, arbitrary: functionTool },
    { weight: 2, arbitrary: customTool },
    { weight: 1, arbitrary: webSearch },
    { weight: 1, arbitrary: opaqueTool },
  ),
  { maxLength: 4, selector: (tool) => (tool.type === "web-search" ? "web search" : tool.name) },
);

function choiceAmong(declared: readonly Declared[]): Arbitrary<ToolChoice | null> {
  const plain = fc.constantFrom<ToolChoice | null>(null, null, null, { type: "auto" }, { type: "none" }, { type: "validated" });
  if (declared.length === 0) return plain;
  const names = declared.map(({ name }) => name);
  return fc.oneof(
    plain,
    fc.constant<ToolChoice>({ type: "required" }),
    fc.constantFrom(...names).map((name): ToolChoice => ({ type: "named", name })),
    fc
      .tuple(fc.subarray(names, { minLength: 1 }), fc.boolean())
      .map(([some, required]): ToolChoice => ({ type: "subset", names: some, required })),
  );
}

// ---- The request -------------------------------------------------------------------------------------------------

const reasoningConfig: Arbitrary<Reasoning> = fc.oneof(
  fc.constant<Reasoning>({ mode: "off", effort: null, budgetTokens: null, display: null }),
  record<Reasoning>({
    mode: fc.constantFrom("on", "adaptive"),
    effort: fc.constantFrom(null, "minimal", "low", "medium", "high", "xhigh", "max"),
    budgetTokens: fc.constantFrom(null, 1, 1024, 31_999, 200_000),
    display: fc.constantFrom(null, "none", "auto", "concise", "detailed"),
  }),
);

const output: Arbitrary<OutputFormat | null> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constant<OutputFormat>({ type: "json-object" }) },
  {
    weight: 2,
    arbitrary: record<Extract<OutputFormat, { type: "json-schema" }>>({
      type: fc.constant("json-schema"),
      name: maybe(fc.constantFrom("answer", "Antwort über alles")),
      description: maybe(someText),
      schema,
      strict: fc.constantFrom(null, true, false),
    }),
  },
);

const sampling: Arbitrary<Sampling> = record<Sampling>({
  temperature: fc.constantFrom(null, null, 0, 0.7, 1, 1.5, 2),
  topP: fc.constantFrom(null, null, 0.9, 1),
  topK: fc.constantFrom(null, null, 40),
  seed: fc.constantFrom(null, null, 7),
  presencePenalty: fc.constantFrom(null, null, 0, 0.5),
  frequencyPenalty: fc.constantFrom(null, null, 0, -0.5),
  topLogprobs: fc.constantFrom(null, null, null, 0, 3),
});

const settings: Arbitrary<Partial<CanonicalRequest>> = record<Partial<CanonicalRequest>>({
  stream: fc.boolean(),
  parallelToolCalls: fc.constantFrom(null, null, true, false),
  reasoning: maybe(reasoningConfig),
  output,
  verbosity: fc.constantFrom(null, null, "low", "medium", "high"),
  maxOutputTokens: fc.constantFrom(null, null, 0, 1, 15, 1000, 32_000, 500_000),
  stop: fc.array(fc.constantFrom("END", "\n", "🌊", " ", "", "a", "b", "c"), { maxLength: 6 }),
  sampling,
  endUser: fc.constantFrom(null, "ann", '{"session_id":"s-1","account":"a very long one that does not fit into sixty-four characters"}'),
  metadata: fc.constantFrom(null, { team: "sea" }),
  cacheKey: fc.constantFrom(null, "key", "k".repeat(100)),
  serviceTier: fc.constantFrom(null, "auto", "default", "flex", "priority"),
  store: fc.constantFrom(null, true, false),
  includeUsage: fc.boolean(),
});

/** A conversation without content is refused by everybody. */
const GREETING: Turn = user("Hello");

/** Any request; the caller sets `model` and `names`. */
export const request: Arbitrary<CanonicalRequest> = tools.chain((declared) => {
  const callable = declared.flatMap((tool): Declared[] =>
    tool.type === "function" || tool.type === "custom" ? [{ name: tool.name, kind: tool.type }] : [],
  );
  return fc
    .record({
      system: fc.array(text, { maxLength: 3 }),
      rounds: fc.array(round(callable), { maxLength: 3 }),
      last: fc.array(userPart, { maxLength: 2 }),
      greetsFirst: fc.boolean(),
      toolChoice: choiceAmong(callable),
      settings,
    })
    .map((made) => ({
      ...bareRequest({ model: "some-model", stream: false }),
      ...made.settings,
      system: made.system,
      turns: mergeTurns([
        ...(made.greetsFirst ? [GREETING] : []),
        ...turnsOf(made.rounds),
        { role: "user", parts: made.last, effort: null },
        ...(made.greetsFirst ? [] : [GREETING]),
      ]),
      tools: declared,
      toolChoice: made.toolChoice,
    }));
});
