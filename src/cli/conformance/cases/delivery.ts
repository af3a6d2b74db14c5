// How answers travel: cut anywhere, compressed, silent for a while, left by the client, with members that nobody knows, byte for byte.

import { constants, brotliCompressSync, gzipSync } from "node:zlib";
import type { ProtocolId } from "../../../protocol/canonical.ts";
import { incomplete, isForeign, isOwn, looking, overModels, shown, unequal, type Case } from "../case.ts";
import { answer, pause, typeOf, type Plan, type Seen, type Step } from "../lab/lab.ts";
import { callOf, ODD_ARGUMENTS, ODD_TEXT, PLAIN_TEXT, saying } from "../lab/saying.ts";
import { HELLO } from "../scenarios.ts";
import { objectIn, pick, printed, PROTOCOLS, textAt, userTurn, WEATHER, type Json, type JsonObject } from "../wire.ts";
import type { Answer, Scenario, World } from "../world.ts";

const UTF8 = new TextEncoder();

// ---- Pieces ------------------------------------------------------------------------------------------------------

function inPieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

function split(name: string, change: (text: string) => string, size: number): Scenario {
  return {
    name: `split ${name}`,
    text: "Say something odd.",
    script: (seen): Plan => {
      const plan = answer(seen, saying({ text: ODD_TEXT }));
      return { ...plan, steps: inPieces(UTF8.encode(change(plan.steps.join(""))), size) };
    },
  };
}

const SPLITS = [
  { name: "after every byte", scenario: split("after every byte", (text) => text, 1) },
  { name: "after every seventh byte", scenario: split("after every seventh byte", (text) => text, 7) },
  { name: "CRLF for line ends, after every third byte", scenario: split("crlf", (text) => text.replaceAll("\n", "\r\n"), 3) },
];

const SPLIT_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol) => [
  ...SPLITS.map(({ name, scenario }) =>
    looking({
      area: "split-utf8",
      name: `${protocol} ${name}`,
      protocol,
      needs: "lab",
      expected: "the text, character by character",
      breaks: "all clients: � in place of letters, or events that are lost",
      scenario,
      stream: true,
      check: (one) => incomplete(one) ?? (one.said.text === ODD_TEXT ? null : shown(one.said.text)),
    }),
  ),
  looking({
    area: "split-utf8",
    name: `${protocol} one event of 300 KB`,
    protocol,
    needs: "lab",
    expected: "all of it",
    breaks: "agents that get large arguments: a scanner of 64 KiB cuts them",
    scenario: { name: "a long event", text: "Say a long word.", script: (seen) => answer(seen, saying({ text: LONG_WORD })) },
    stream: true,
    check: (one) => incomplete(one) ?? (one.said.text === LONG_WORD ? null : `${one.said.text.length} of ${LONG_WORD.length} characters`),
  }),
]);
const LONG_WORD = "é".repeat(150_000);

// ---- Compression -------------------------------------------------------------------------------------------------

/** As the gateway asks for it; as it is where it asks for none. */
const PACKED: Scenario = {
  name: "packed",
  text: "Say something odd.",
  script: (seen): Plan => {
    const plan = answer(seen, saying({ text: ODD_TEXT }));
    const bytes = UTF8.encode(plan.steps.join(""));
    const taken = seen.headers["accept-encoding"] ?? "";
    if (/\bgzip\b/.test(taken))
      return { ...plan, headers: { ...typeOf(seen), "content-encoding": "gzip" }, steps: inPieces(gzipSync(bytes), PACKED_PIECE) };
    if (!/\bbr\b/.test(taken)) return plan;
    return {
      ...plan,
      headers: { ...typeOf(seen), "content-encoding": "br" },
      steps: [brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })],
    };
  },
};
const PACKED_PIECE = 50;

const COMPRESSION_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol) =>
  [true, false].flatMap((stream): Case[] => [
    looking({
      area: "compression",
      name: `${protocol} packed by the upstream${stream ? ", streamed" : ""}`,
      protocol,
      needs: "lab",
      expected: "a body that its own headers describe: the text",
      breaks: "SDKs: content-encoding gzip on a body that is not packed, or the other way round",
      scenario: PACKED,
      stream,
      check: (one) => incomplete(one) ?? (one.said.text === ODD_TEXT ? null : shown(one.said.text)),
    }),
    looking({
      area: "compression",
      name: `${protocol} a client that takes nothing packed${stream ? ", streamed" : ""}`,
      protocol,
      needs: "lab",
      expected: "no content-encoding",
      breaks: "clients that send accept-encoding: identity read noise",
      scenario: { ...PACKED, name: "packed, identity", headers: { "accept-encoding": "identity" } },
      stream,
      check: (one) => {
        const encoding = one.headers["content-encoding"] ?? "identity";
        return encoding === "identity" ? incomplete(one) : `content-encoding ${encoding}`;
      },
    }),
  ]),
);

// ---- Cancel ------------------------------------------------------------------------------------------------------

/** Longer than any gateway needs to notice. */
const ENDLESS_MS = 8000;
const SOON_MS = 1500;
const LEAVE_AFTER_MS = 400;

function endless(seen: Seen): Plan {
  const events = seen.tell(saying({ text: "word ".repeat(400) })).events;
  const steps: Step[] = events.slice(0, 12).flatMap(({ text }): Step[] => [text, { pauseMs: 20 }]);
  return { headers: typeOf(seen), steps: [...steps, { pauseMs: ENDLESS_MS }] };
}

interface Leaver {
  readonly name: string;
  readonly scenario: Scenario;
  readonly stream: boolean;
}

const LEAVERS: readonly Leaver[] = [
  {
    name: "in the stream",
    scenario: { name: "leave in the stream", text: "Go on for ever.", script: endless, leave: { at: "first-byte" } },
    stream: true,
  },
  {
    name: "before the answer begins",
    scenario: {
      name: "leave before",
      text: "Think for long.",
      script: () => ({ headAfterMs: ENDLESS_MS, steps: ["hang"] }),
      leave: { at: { afterMs: LEAVE_AFTER_MS } },
    },
    stream: true,
  },
  {
    name: "before the answer begins, not streamed",
    scenario: {
      name: "leave before, not streamed",
      text: "Think for long.",
      script: () => ({ headAfterMs: ENDLESS_MS, steps: ["hang"] }),
      leave: { at: { afterMs: LEAVE_AFTER_MS } },
    },
    stream: false,
  },
];

const CANCEL_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol) =>
  LEAVERS.map(({ name, scenario, stream }): Case => ({
    area: "cancel",
    name: `${protocol} ${name}`,
    protocol,
    needs: "lab",
    expected: `the upstream's connection closed within ${SOON_MS} ms`,
    breaks: "whoever pays: Esc in Claude Code does not stop the model",
    run: (world) => overModels(world, { check: async (model) => lateness(await world.ask(scenario, { protocol, model, stream })) }),
  })),
);

async function lateness({ leftAtMs, seen, status, text }: Answer): Promise<string | null> {
  const [first] = seen;
  if (first === undefined) return `nothing reached the upstream: status ${status}: ${shown(text)}`;
  if (leftAtMs === null) return `an answer before the client could leave: status ${status}: ${shown(text)}`;
  const closedAtMs = await Promise.race([first.left, pause(2 * SOON_MS).then(() => null)]);
  if (closedAtMs === null) return `still open ${2 * SOON_MS} ms later`;
  const tookMs = Math.round(closedAtMs - leftAtMs);
  return tookMs <= SOON_MS ? null : `${tookMs} ms`;
}

// ---- Silence -----------------------------------------------------------------------------------------------------

function silent(world: World, where: "head" | "middle"): Scenario {
  return {
    name: `silence, ${where}`,
    text: "Say six words, slowly.",
    script: (seen): Plan => {
      const plan = answer(seen, saying());
      const [first = "", ...rest] = plan.steps;
      const wait = { pauseMs: world.silenceMs };
      return where === "head" ? { ...plan, headAfterMs: world.silenceMs } : { ...plan, steps: [first, wait, ...rest] };
    },
  };
}

/** A slow one: it sends an event when the client should have had the one before for long. */
const TRICKLE: Scenario = {
  name: "trickle",
  text: "Say six words, one after the other.",
  script: (seen) => {
    const plan = answer(seen, saying());
    return { ...plan, steps: plan.steps.flatMap((step): Step[] => [step, { pauseMs: TRICKLE_MS }]) };
  },
};
const TRICKLE_MS = 60;
const LEAST_ARRIVALS = 4;

const KEEP_ALIVE_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol): Case[] => [
  ...(["head", "middle"] as const).map((where): Case => ({
    area: "keep-alives",
    name: `${protocol} ${where === "head" ? "before the answer begins" : "in the stream"}`,
    protocol,
    needs: "lab",
    expected: "something from the gateway while the upstream is silent, and a stream that still obeys the grammar",
    breaks: "Claude Code asks again after 15 to 20 s of silence; proxies and load balancers cut after 30 to 60 s",
    run: (world) =>
      overModels(world, {
        check: async (model) => {
          const one = await world.ask(silent(world, where), { protocol, model, stream: true });
          const came = incomplete(one);
          if (came !== null) return came;
          if (one.said.text !== PLAIN_TEXT || one.faults.length > 0) return shown(one.faults[0]?.came ?? one.said.text);
          const times = [0, ...one.arrivals.map(({ atMs }) => atMs)];
          const longestMs = Math.max(...times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0)));
          return longestMs < ALMOST * world.silenceMs ? null : `silence for ${Math.round(longestMs)} ms`;
        },
      }),
  })),
  looking({
    area: "keep-alives",
    name: `${protocol} events are not held back`,
    protocol,
    needs: "lab",
    expected: "events as they come, not all at the end",
    breaks: "all clients: the answer appears at once, after a long wait",
    scenario: TRICKLE,
    stream: true,
    check: (one) => incomplete(one) ?? (one.arrivals.length >= LEAST_ARRIVALS ? null : `the stream came in ${one.arrivals.length} pieces`),
  }),
]);
const ALMOST = 0.95;

// ---- Unknown members ---------------------------------------------------------------------------------------------

const UNKNOWN: Scenario = {
  name: "unknown members",
  text: "Say hello.",
  extra: () => ({ member_of_tomorrow: { level: 3 } }),
  script: (seen) => {
    const plan = answer(seen, saying());
    const steps = plan.steps.map((step) =>
      typeof step === "string" ? step.replace(/^(data: )?\{/m, '$1{"reply_member_of_tomorrow":7,') : step,
    );
    return { ...plan, steps };
  },
};

const UNKNOWN_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol): Case[] => [
  looking({
    area: "unknown-fields",
    name: `${protocol} in a request that is converted`,
    protocol,
    needs: "lab",
    expected: "an answer all the same, and no such member at a provider that would refuse it",
    breaks: "Codex and Claude Code send members that are newer than any gateway",
    scenario: UNKNOWN,
    stream: true,
    fits: isForeign,
    check: (one) =>
      incomplete(one) ?? (one.seen.at(-1)?.text.includes("member_of_tomorrow") === true ? "the member was sent to another provider" : null),
  }),
  looking({
    area: "unknown-fields",
    name: `${protocol} in a request of the same protocol`,
    protocol,
    needs: "lab",
    expected: "the member at the upstream, as it was",
    breaks: "new features of a provider don't work until the gateway knows them",
    scenario: UNKNOWN,
    stream: true,
    fits: isOwn,
    check: (one) => incomplete(one) ?? unequal(pick(one.seen.at(-1)?.body, "member_of_tomorrow"), { level: 3 }),
  }),
  looking({
    area: "unknown-fields",
    name: `${protocol} in an answer of the same protocol`,
    protocol,
    needs: "lab",
    expected: "the member at the client, as it was",
    breaks: "new features of a provider don't work until the gateway knows them",
    scenario: UNKNOWN,
    stream: true,
    fits: isOwn,
    check: (one) => incomplete(one) ?? (one.text.includes('"reply_member_of_tomorrow":7') ? null : shown(one.text)),
  }),
]);

// ---- Cache marks -------------------------------------------------------------------------------------------------

const MARK = { type: "ephemeral", ttl: "1h" };
const MARKED: Scenario = {
  name: "cache marks",
  text: "Say hello.",
  turns: (_, text) => [
    { role: "user", content: [{ type: "text", text: "A long document.", cache_control: MARK }] },
    { role: "assistant", content: "I have read it." },
    { role: "user", content: [{ type: "text", text, cache_control: { type: "ephemeral" } }] },
  ],
  extra: () => ({
    system: [{ type: "text", text: "You are terse.", cache_control: MARK }],
    tools: [{ name: WEATHER.name, description: WEATHER.description, input_schema: WEATHER.schema, cache_control: MARK }],
  }),
};
const CACHE_KEY = "conformance-cache-key";

function marksIn(seen: Seen | undefined): unknown {
  return (seen?.text.match(/"cache_control":\s*\{[^}]*\}/g) ?? []).map((mark) => mark.replaceAll(/\s/g, ""));
}

const HOUR = '"cache_control":{"type":"ephemeral","ttl":"1h"}';

const CACHE_CASES: readonly Case[] = [
  looking({
    area: "cache-marks",
    name: "Messages to Messages",
    protocol: "anthropic-messages",
    needs: "lab",
    expected: "all four marks where they were, with their ttl",
    breaks: "Claude Code pays for its whole prompt each turn, or for a cache of 5 minutes in place of an hour",
    scenario: MARKED,
    stream: false,
    fits: isOwn,
    check: (one) => {
      const marks = marksIn(one.seen.at(-1));
      const found = Array.isArray(marks) ? marks : [];
      const isAll =
        found.filter((mark) => mark === HOUR).length === 3 &&
        found.filter((mark) => mark === '"cache_control":{"type":"ephemeral"}').length === 1;
      return isAll ? null : `${shown(marks)} at status ${one.status}`;
    },
  }),
  looking({
    area: "cache-marks",
    name: "Messages to others",
    protocol: "anthropic-messages",
    needs: "lab",
    expected: "an answer, and no mark at a provider that would refuse it",
    breaks: "strict servers answer 400 to cache_control",
    scenario: MARKED,
    stream: false,
    fits: (model, protocol) => isForeign(model, protocol) && model.upstream !== "openai-chat",
    check: (one) =>
      incomplete(one) ?? (one.seen.at(-1)?.text.includes("cache_control") === true ? "cache_control at another provider" : null),
  }),
  ...(["openai-chat", "openai-responses"] as const).map((protocol) =>
    looking({
      area: "cache-marks",
      name: `${protocol} prompt_cache_key`,
      protocol,
      needs: "lab",
      expected: "the key at an OpenAI upstream, as it was",
      breaks: "Codex: the cache is missed, and each turn costs ten times as much",
      scenario: { name: "prompt_cache_key", text: "Say hello.", extra: () => ({ prompt_cache_key: CACHE_KEY }) },
      stream: false,
      fits: ({ upstream }) => upstream === "openai-responses",
      check: (one) => unequal(textAt(one.seen.at(-1)?.body, "prompt_cache_key"), CACHE_KEY),
    }),
  ),
  {
    area: "cache-marks",
    name: "the prompt's beginning stays the same",
    protocol: "anthropic-messages",
    needs: "lab",
    expected: "a second turn that begins with the first one's bytes, up to its last message",
    breaks: "every prompt cache: a gateway that adds a time or an id misses it on each turn",
    run: (world) =>
      overModels(world, {
        check: async (model) => {
          const way = { protocol: "anthropic-messages", model, stream: false } as const;
          const [one, two] = await Promise.all([world.ask(turnOf(1), way), world.ask(turnOf(2), way)]);
          const [first, second] = [one.seen.at(-1), two.seen.at(-1)].map((seen) => stable(seen?.body));
          if (first === undefined || second === undefined || first === "")
            return `status ${one.status} and ${two.status}: ${shown(one.text)}`;
          return second === first ? null : `${shown(second)} after ${shown(first)}`;
        },
      }),
  },
];

const SYSTEM = "You are a terse assistant in a conformance test.";

function turnOf(turn: number): Scenario {
  return { name: `turn ${turn}`, text: "Say hello.", system: SYSTEM, tools: [WEATHER] };
}

/** What stands in front of the conversation. */
function stable(body: JsonObject | undefined): string {
  if (body === undefined) return "";
  const names = ["system", "instructions", "tools", "systemInstruction"];
  const head = Object.fromEntries(Object.entries(body).filter(([name]) => names.includes(name)));
  const system = ["messages", "input"]
    .flatMap((name) => (Array.isArray(body[name]) ? (body[name] as Json[]) : []))
    .filter((turn) => /system|developer/.test(textAt(turn, "role")));
  return printed({ ...head, turns: system });
}

// ---- Bytes -------------------------------------------------------------------------------------------------------

const ODD_SCHEMA = {
  type: "object",
  properties: { zeta: { type: "integer" }, alpha: { type: "string", description: "ünï" }, location: { type: "string" } },
  required: ["zeta"],
};

/** A history with a call whose arguments a parser would change. */
const BYTES: Scenario = {
  name: "bytes",
  text: "Say hello.",
  tools: [{ ...WEATHER, schema: ODD_SCHEMA }],
  turns: (protocol, text) => historyOf(protocol, text),
  script: (seen) => answer(seen, saying({ calls: [callOf("call_1", ODD_ARGUMENTS)] })),
};

function historyOf(protocol: ProtocolId, text: string): Json[] {
  const words = ODD_ARGUMENTS;
  const input = objectIn(words) ?? {};
  const ask = userTurn(protocol, "Call the tool.");
  const last = userTurn(protocol, text);
  switch (protocol) {
    case "openai-chat":
      return [
        ask,
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "call_0", type: "function", function: { name: WEATHER.name, arguments: words } }],
        },
        { role: "tool", tool_call_id: "call_0", content: "done" },
        last,
      ];
    case "openai-responses":
      return [
        ask,
        { type: "function_call", call_id: "call_0", name: WEATHER.name, arguments: words },
        { type: "function_call_output", call_id: "call_0", output: "done" },
        last,
      ];
    case "anthropic-messages":
      return [
        ask,
        { role: "assistant", content: [{ type: "tool_use", id: "call_0", name: WEATHER.name, input }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "call_0", content: "done" }] },
        last,
      ];
    case "gemini":
      return [
        ask,
        {
          role: "model",
          parts: [
            {
              functionCall: { id: "call_0", name: WEATHER.name, args: input },
              thoughtSignature: "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=",
            },
          ],
        },
        { role: "user", parts: [{ functionResponse: { id: "call_0", name: WEATHER.name, response: { output: "done" } } }] },
        last,
      ];
  }
}

/** The members of a call as they are written in the sent text, of the protocols that have arguments as an object. */
function argumentsSent({ protocol, sent }: Answer): string {
  const text = printed(sent);
  const [start = -1, end = -1] =
    protocol === "anthropic-messages" || protocol === "gemini"
      ? [text.indexOf('{"zeta":9007'), text.indexOf("}", text.indexOf("]", text.indexOf('{"zeta":9007'))) + 1]
      : [text.indexOf('{\\"zeta'), text.indexOf('}"', text.indexOf('{\\"zeta')) + 1];
  return text.slice(start, end);
}

const BYTE_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol): Case[] => [
  looking({
    area: "byte-exactness",
    name: `${protocol} a call of the history, at its own provider`,
    protocol,
    needs: "lab",
    expected: "the arguments byte for byte",
    breaks: "signatures and prompt caches that are bound to the bytes; numbers beyond 2^53",
    scenario: BYTES,
    stream: true,
    fits: isOwn,
    check: (one) => {
      const words = argumentsSent(one);
      const text = one.seen.at(-1)?.text ?? "";
      return words !== "" && text.includes(words) ? null : `${shown(words)} is not in ${shown(text)}`;
    },
  }),
  looking({
    area: "byte-exactness",
    name: `${protocol} a call of the history, elsewhere`,
    protocol,
    needs: "lab",
    expected: "the arguments with every digit, their members in order",
    breaks: "agents: the model sees another number than it said",
    scenario: BYTES,
    stream: true,
    fits: isForeign,
    check: (one) => {
      const text = (one.seen.at(-1)?.text ?? "").replaceAll("\\", "").replaceAll(/\s/g, "");
      return /"zeta":9007199254740993,"location":"Zürich","alpha":\{"b":1,"a":\[1\.0,2\]\}/.test(text) ? null : shown(text);
    },
  }),
  looking({
    area: "byte-exactness",
    name: `${protocol} the tool's schema`,
    protocol,
    needs: "lab",
    expected: "its properties in order",
    breaks: "prompt caches: another order is another prompt",
    scenario: BYTES,
    stream: true,
    check: (one) => {
      const text = one.seen.at(-1)?.text ?? "";
      const places = ['"zeta"', '"alpha"', '"location"'].map((name) => text.indexOf(name, text.search(/"(?:tools)"/)));
      return places.every((place, index) => place > (places[index - 1] ?? -1)) ? null : shown(text.slice(text.search(/"tools"/)));
    },
  }),
  looking({
    area: "byte-exactness",
    name: `${protocol} a stream of its own provider`,
    protocol,
    needs: "lab",
    expected: "the upstream's events byte for byte",
    breaks: "clients that verify or store what the provider said; features that the gateway does not know",
    scenario: HELLO,
    stream: true,
    fits: isOwn,
    check: (one) => {
      const [seen] = one.seen;
      if (seen === undefined) return `nothing reached the upstream: status ${one.status}`;
      const missing = seen.tell(saying({ text: ODD_TEXT })).events.find(({ text }) => !one.text.includes(text.trimEnd()));
      return missing === undefined ? null : `no ${shown(missing.text)}`;
    },
  }),
]);

export const DELIVERY_CASES: readonly Case[] = [
  ...SPLIT_CASES,
  ...COMPRESSION_CASES,
  ...CANCEL_CASES,
  ...KEEP_ALIVE_CASES,
  ...UNKNOWN_CASES,
  ...CACHE_CASES,
  ...BYTE_CASES,
];
