// Arbitrary replies, and arbitrary ways to stream them.
// A reply may contain anything that the decoders of all upstreams can find: thoughts, texts with citations, refusals, calls (complete, or
// cut off where the answer ran out of tokens), pictures, proofs, every end, any usage. As events, it is cut into deltas anywhere,
// and open parts take turns.
// Does not make events that break the grammar of canonical.ts.

import fc, { type Arbitrary } from "fast-check";
import type {
  Annotation,
  FinishReason,
  Logprob,
  Origin,
  Part,
  Proof,
  ProtocolId,
  Reply,
  ReplyEvent,
  Tool,
  Usage,
} from "../../src/protocol/canonical.ts";
import { tokenLogprob } from "../../src/protocol/logprobs.ts";
import { unfold } from "../../src/protocol/fold.ts";
import { anyText, callId, jsonObject, maybe, plainName, proofOf, record, someText, thoughtOf } from "./arbitrary-texts.ts";

/** The makers whose models answer in a protocol, and so whose proofs come with the answer. Behind Chat there may be another gateway. */
const MAKERS: Readonly<Record<ProtocolId, readonly Origin[]>> = {
  "openai-chat": ["google", "anthropic", "openai"],
  "openai-responses": ["openai"],
  "anthropic-messages": ["anthropic"],
  gemini: ["google"],
};

/** Only Google signs texts and calls. */
function signatureIn(protocol: ProtocolId): Arbitrary<Proof | null> {
  return MAKERS[protocol].includes("google") ? fc.option(proofOf("google"), { nil: null, freq: 3 }) : fc.constant(null);
}

const spokenIn = (protocol: ProtocolId): Arbitrary<Part> =>
  someText.chain((said) =>
    record<Extract<Part, { type: "text" }>>({
      type: fc.constant("text"),
      text: fc.constant(said),
      annotations: fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: citations(said.length) }),
      cache: fc.constant(null),
      proof: signatureIn(protocol),
    }).chain((part) => (protocol === "anthropic-messages" ? fc.constant(part) : maybeWeighed(part))),
  );

/** The part, with the log probabilities of its tokens where the protocol has them; Messages has none. */
function maybeWeighed(part: Extract<Part, { type: "text" | "refusal" }>): Arbitrary<Part> {
  const logprobs = fc
    .tuple(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }), fc.array(logprob, { minLength: 2, maxLength: 9 }))
    .map(([cuts, numbers]) =>
      pieces(part.text, cuts).map((token, index): Logprob => {
        const weigh = (one: string, at: number) =>
          tokenLogprob({ token: one, bytes: null, logprob: numbers[(index + at) % numbers.length] ?? 0 });
        return { ...weigh(token, 0), top: numbers.length % 2 === 0 ? [] : [weigh(token, 0), weigh("else", 1)] };
      }),
    );
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant(part) },
    { weight: 1, arbitrary: logprobs.map((told) => ({ ...part, logprobs: told })) },
  );
}

const logprob = fc.oneof(fc.constantFrom(0, -9999), fc.double({ min: -30, max: -1e-9, noNaN: true }));

function citations(length: number): Arbitrary<Annotation[]> {
  const place = fc.tuple(fc.nat(length), fc.nat(length)).map(([from, to]) => [Math.min(from, to), Math.max(from, to)] as const);
  return fc.array(
    fc.tuple(maybe(place), maybe(someText), maybe(someText)).map(([at, title, quote]): Annotation => ({
      type: "url-citation",
      url: "https://example.com/sea",
      title,
      start: at?.[0] ?? null,
      end: at?.[1] ?? null,
      quote,
    })),
    { minLength: 1, maxLength: 2 },
  );
}

const callIn = (protocol: ProtocolId): Arbitrary<Part> =>
  fc.boolean().chain((custom) =>
    record<Extract<Part, { type: "tool-call" }>>({
      type: fc.constant("tool-call"),
      callId,
      name: plainName,
      kind: fc.constant(custom ? "custom" : "function"),
      arguments: custom ? anyText : fc.oneof({ weight: 5, arbitrary: jsonObject }, { weight: 1, arbitrary: fc.constantFrom("", "{}") }),
      cache: fc.constant(null),
      proof: signatureIn(protocol),
    }),
  );

const otherPart: Arbitrary<Part> = fc.constantFrom<Part>(
  { type: "image", source: { type: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" }, detail: null, cache: null },
  {
    type: "opaque",
    protocol: "anthropic-messages",
    name: "server_tool_use",
    value: '{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"sea"}}',
    severity: "reported",
  },
  {
    type: "opaque",
    protocol: "gemini",
    name: "executableCode",
    value: '{"executableCode":{"language":"PYTHON","code":"1"}}',
    severity: "reported",
  },
  {
    type: "opaque",
    protocol: "openai-responses",
    name: "web_search_call",
    value: '{"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"sea"}}',
    severity: "reported",
    search: { query: "sea", sources: [], hasFailed: false },
  },
);

const REFUSAL = { type: "refusal", text: "I would rather not." } as const;

const partsIn = (protocol: ProtocolId): Arbitrary<Part[]> =>
  fc
    .array(
      fc.oneof(
        { weight: 4, arbitrary: spokenIn(protocol) },
        { weight: 3, arbitrary: thoughtOf(MAKERS[protocol], someText) },
        { weight: 4, arbitrary: callIn(protocol) },
        { weight: 1, arbitrary: otherPart },
        { weight: 1, arbitrary: protocol === "openai-chat" ? maybeWeighed(REFUSAL) : fc.constant(REFUSAL) },
      ),
      { maxLength: 5 },
    )
    .map(asDecoded);

/**
 * Decoders give the calls of one answer different ids. A step of a hosted tool comes once. The proof of the text comes at its end, where
 * Google's hidden one is just that.
 */
function asDecoded(all: readonly Part[]): Part[] {
  const taken = new Set<string>();
  const lastText = all.findLastIndex((part) => part.type === "text");
  let before = "";
  return all.flatMap((part, index): Part[] => {
    const isHidden = part.type === "reasoning" && part.text === "" && part.proof?.origin === "google";
    if (isHidden && SHOWN.has(before)) return [];
    // For other protocols, a part that only its own protocol understands does not separate its neighbours.
    if (part.type !== "opaque") before = part.type;
    if (part.type === "text" && index !== lastText) return [{ ...part, proof: null }];
    if (part.type !== "tool-call" && part.type !== "opaque") return [part];
    const id = part.type === "opaque" ? part.value : part.callId;
    const isKnown = taken.has(id);
    taken.add(id);
    if (!isKnown) return [part];
    if (part.type === "opaque") return [];
    taken.add(`${id}_${index}`);
    return [{ ...part, callId: `${id}_${index}` }];
  });
}

/** Text for some client. */
const SHOWN: ReadonlySet<string> = new Set(["text", "refusal", "image"]);

const usage: Arbitrary<Usage> = fc
  .tuple(fc.nat(9999), maybe(fc.nat(999)), maybe(fc.nat(99)), fc.nat(999), maybe(fc.nat(1000)))
  .map(([inputTokens, cacheReadTokens, cacheWriteTokens, answered, reasoned]): Usage => ({
    inputTokens,
    cacheReadTokens,
    cacheWriteTokens,
    outputTokens: answered + (reasoned ?? 0),
    reasoningTokens: reasoned,
  }));

function finishOf(made: readonly Part[]): Arbitrary<FinishReason> {
  const calls = made.some((part) => part.type === "tool-call");
  return record<FinishReason>({
    kind: calls
      ? fc.constantFrom("tool-calls", "tool-calls", "length", "filtered")
      : fc.constantFrom(
          "end",
          "end",
          "stop-sequence",
          "length",
          "context-full",
          "filtered",
          "paused",
          made.some((part) => part.type === "text") ? "other" : "end",
        ),
    raw: fc.constantFrom(null, "stop", "SAFETY", "from_the_future"),
    stopSequence: fc.constant(null),
    explanation: fc.constant(null),
  }).chain((finish) => {
    if (finish.kind === "stop-sequence") return fc.constantFrom(null, "END").map((stopSequence) => ({ ...finish, stopSequence }));
    if (finish.kind === "filtered") return maybe(someText).map((explanation) => ({ ...finish, explanation }));
    return fc.constant(finish);
  });
}

/** An answer that ran out of tokens may have done so inside its last call. */
function cutOff(reply: Reply, cut: boolean): Reply {
  const last = reply.parts.at(-1);
  if (!cut || reply.finish.kind !== "length" || last?.type !== "tool-call" || last.kind === "custom" || last.arguments.length < 2)
    return reply;
  return { ...reply, parts: [...reply.parts.slice(0, -1), { ...last, arguments: last.arguments.slice(0, -1), proof: null }] };
}

/** Any answer of an upstream of the protocol. `custom`: whether the client can have free-text tools. */
export const replyOf = (protocol: ProtocolId, { custom }: { readonly custom: boolean }): Arbitrary<Reply> =>
  partsIn(protocol)
    .map((made) => oneKindPerName(made, custom))
    .chain((made) =>
      fc
        .tuple(
          record<Reply>({
            id: fc.constantFrom("", "msg_01Abc", "resp_0123", "chatcmpl-77", "response-5", "weird id/ä"),
            model: fc.constantFrom("", "claude-opus-4-8", "gpt-5.5-2026-01-01"),
            parts: fc.constant(made),
            usage: maybe(usage),
            finish: finishOf(made),
          }),
          fc.boolean(),
        )
        .map(([whole, cut]) => cutOff(whole, cut)),
    );

/** A name stands for one kind of tool in a request. */
function oneKindPerName(made: readonly Part[], custom: boolean): Part[] {
  const kinds = new Map<string, "function" | "custom">();
  return made.map((part): Part => {
    if (part.type !== "tool-call") return part;
    const kind = custom ? (kinds.get(part.name) ?? part.kind) : "function";
    kinds.set(part.name, kind);
    return kind === part.kind ? part : { ...part, kind, arguments: kind === "function" ? "{}" : part.arguments };
  });
}

/** The tools that a request must have declared for a reply to contain these calls. */
export function toolsCalledBy({ parts: called }: Reply): Tool[] {
  const names = new Set<string>();
  return called.flatMap((part): Tool[] => {
    if (part.type !== "tool-call" || names.has(part.name)) return [];
    names.add(part.name);
    const about = { name: part.name, namespace: null, description: null };
    return [
      part.kind === "custom"
        ? { type: "custom", ...about, grammar: null }
        : { type: "function", ...about, schema: null, strict: null, cache: null },
    ];
  });
}

// ---- Streams -----------------------------------------------------------------------------------------------------

/** How a reply is streamed: where texts are cut, and which part is next; both lists are read in a loop. */
export interface Streaming {
  readonly cuts: readonly number[];
  readonly choices: readonly number[];
}

export const streaming: Arbitrary<Streaming> = record<Streaming>({
  cuts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
  choices: fc.array(fc.nat(5), { minLength: 1, maxLength: 12 }),
});

/** The events of the reply, with several parts open at once. */
export function streamed(whole: Reply, { cuts, choices }: Streaming): ReplyEvent[] {
  const all = unfold(whole);
  const ofPart = (index: number): ReplyEvent[] => {
    const logprobs: ReplyEvent[] = [];
    return all.flatMap((event) => {
      if (!("index" in event) || event.index !== index) return [];
      if (event.type === "logprobs") {
        logprobs.push(...event.logprobs.map((one): ReplyEvent => ({ ...event, logprobs: [one] })));
        return [];
      }
      if (event.type !== "part-delta") return [event];
      // Tokens differ from deltas: they come one by one between them, and late where there are more.
      return [...pieces(event.text, cuts).flatMap((text): ReplyEvent[] => [...logprobs.splice(0, 1), { ...event, text }]), ...logprobs];
    });
  };
  const waiting = whole.parts.map((_, index) => ofPart(index));
  const open: ReplyEvent[][] = [];
  const told: ReplyEvent[] = [];
  for (let step = 0; waiting.length + open.length > 0; step++) {
    const choice = choices[step % choices.length] ?? 0;
    const next = waiting[0];
    if (next !== undefined && (open.length === 0 || choice === 0)) {
      waiting.shift();
      open.push(next);
    }
    const speaker = open[choice % open.length];
    const event = speaker?.shift();
    if (speaker === undefined || event === undefined) continue;
    // A part starts when it is its turn, whichever part continues next.
    told.push(event);
    if (speaker.length === 0) open.splice(open.indexOf(speaker), 1);
  }
  return [
    ...all.filter((event) => event.type === "reply-start"),
    ...inStartOrder(told),
    ...all.filter((event) => event.type === "usage" || event.type === "reply-end"),
  ];
}

/** Parts get their indices as they start: moves each start to where the grammar requires it. */
function inStartOrder(told: readonly ReplyEvent[]): ReplyEvent[] {
  const starts = told.filter((event) => event.type === "part-start").sort((left, right) => left.index - right.index);
  const ordered: ReplyEvent[] = [];
  const started = new Set<number>();
  for (const event of told) {
    if (event.type === "part-start") continue;
    if ("index" in event) {
      for (const start of starts) {
        if (start.index > event.index || started.has(start.index)) continue;
        started.add(start.index);
        ordered.push(start);
      }
    }
    ordered.push(event);
  }
  return ordered;
}

/** A text in pieces of this many characters, never splitting one. */
export function pieces(text: string, cuts: readonly number[]): string[] {
  const characters = Array.from(text);
  const found: string[] = [];
  for (let at = 0, turn = 0; at < characters.length; turn++) {
    const length = cuts[turn % cuts.length] ?? 1;
    found.push(characters.slice(at, at + length).join(""));
    at += length;
  }
  return found;
}
