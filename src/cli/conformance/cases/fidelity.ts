// What must reach the other side unchanged: unknown members, prompt-cache marks, bytes.

import type { ProtocolId } from "../../../protocol/canonical.ts";
import { incomplete, isForeign, isOwn, looking, overModels, shown, unequal, unescaped, type Case } from "../case.ts";
import { answer, type SeenRequest } from "../lab/lab.ts";
import { callOf, ODD_ARGUMENTS, ODD_TEXT, contentOf } from "../lab/reply-content.ts";
import { HELLO } from "../scenarios.ts";
import { listAt, objectIn, pick, printed, PROTOCOLS, textAt, userTurn, WEATHER, type Json, type JsonObject } from "../wire.ts";
import type { Answer, Scenario } from "../world.ts";

// ---- Unknown members ---------------------------------------------------------------------------------------------

const UNKNOWN: Scenario = {
  name: "unknown members",
  text: "Say hello.",
  extra: () => ({ member_of_tomorrow: { level: 3 } }),
  script: (seen) => {
    const plan = answer(seen, contentOf());
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
    breaks: "Codex and Claude Code send members that are newer than any server",
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
    breaks: "new features of a provider don't work until the server knows them",
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
    breaks: "new features of a provider don't work until the server knows them",
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

function marksIn(seen: SeenRequest | undefined): unknown {
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
    breaks: "every prompt cache: a server that adds a time or an id misses it on each turn",
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

/** What precedes the conversation. */
function stable(body: JsonObject | undefined): string {
  if (body === undefined) return "";
  const names = ["system", "instructions", "tools", "systemInstruction"];
  const head = Object.fromEntries(Object.entries(body).filter(([name]) => names.includes(name)));
  const system = ["messages", "input"]
    .flatMap((name) => listAt(body, name))
    .filter((turn) => /system|developer/.test(textAt(turn, "role")));
  return printed({ ...head, turns: system });
}

// ---- Bytes -------------------------------------------------------------------------------------------------------

const ODD_SCHEMA = {
  type: "object",
  properties: { zeta: { type: "integer" }, alpha: { type: "string", description: "ünï" }, location: { type: "string" } },
  required: ["zeta"],
};

/** A history with a call whose arguments a JSON parser would change. */
const BYTES: Scenario = {
  name: "bytes",
  text: "Say hello.",
  tools: [{ ...WEATHER, schema: ODD_SCHEMA }],
  turns: (protocol, text) => historyOf(protocol, text),
  script: (seen) => answer(seen, contentOf({ calls: [callOf("call_1", ODD_ARGUMENTS)] })),
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

/** The arguments of a call as they are written in the request, for protocols that have them as an object. */
function argumentsSent({ protocol, sent }: Answer): string {
  const text = printed(sent);
  const [start, end] =
    protocol === "anthropic-messages" || protocol === "gemini"
      ? [text.indexOf('{"zeta":9007'), text.indexOf("}", text.indexOf("]", text.indexOf('{"zeta":9007'))) + 1]
      : [text.indexOf('{\\"zeta'), text.indexOf('}"', text.indexOf('{\\"zeta')) + 1];
  return text.slice(start, end);
}

/** As some JSON printers write it. */
const UMLAUT = /\\u00fc/gi;

const BYTE_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol): Case[] => [
  looking({
    area: "byte-exactness",
    name: `${protocol} a call of the history, at its own provider`,
    protocol,
    needs: "lab",
    expected: "the arguments byte for byte where they are text, and with every digit and their members in order where they are an object",
    breaks: "prompt caches that are bound to the bytes; numbers beyond 2^53",
    scenario: BYTES,
    stream: true,
    fits: isOwn,
    check: (one) => {
      const words = argumentsSent(one);
      const text = one.seen.at(-1)?.text ?? "";
      const isText = protocol === "openai-chat" || protocol === "openai-responses";
      const isKept = isText ? text.replaceAll(UMLAUT, "ü").includes(words) : unescaped(text).includes(unescaped(words));
      return words !== "" && isKept ? null : `${shown(words)} is not in ${shown(text)}`;
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
      const text = unescaped(one.seen.at(-1)?.text ?? "");
      return /"zeta":9007199254740993,"location":"Zürich","alpha":\{"b":1,"a":\[1(?:\.0)?,2\]\}/.test(text) ? null : shown(text);
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
    breaks: "clients that verify or store what the provider said; features that the server does not know",
    scenario: HELLO,
    stream: true,
    fits: isOwn,
    check: (one) => {
      const [seen] = one.seen;
      if (seen === undefined) return `nothing reached the upstream: status ${one.status}`;
      const missing = seen.encode(contentOf({ text: ODD_TEXT })).events.find(({ text }) => !one.text.includes(text.trimEnd()));
      return missing === undefined ? null : `no ${shown(missing.text)}`;
    },
  }),
]);

export const FIDELITY_CASES: readonly Case[] = [...UNKNOWN_CASES, ...CACHE_CASES, ...BYTE_CASES];
