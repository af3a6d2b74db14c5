// Gemini CLI's contract with a gateway: what it sends, and what it needs in return. Requests as Gemini CLI 0.61 sends them.

import { incomplete, isAbsent, isOwn, LEFT_OUT, looking, NOT_OFFERED, shown, type Came, type Case } from "../case.ts";
import { answer, refusal } from "../lab/lab.ts";
import { callOf, contentOf } from "../lab/reply-content.ts";
import { SIGNATURES } from "../lab/wire-reply.ts";
import {
  bodyOf,
  keyHeaders,
  listAt,
  numberAt,
  objectIn,
  pathOf,
  printed,
  textAt,
  userTurn,
  WEATHER,
  type Json,
  type JsonObject,
} from "../wire.ts";
import type { Page, Scenario, World } from "../world.ts";

const TURN: Scenario = {
  name: "a turn of Gemini CLI",
  text: "Say hello.",
  headers: { "user-agent": "GeminiCLI/0.61.0", "x-goog-api-client": "google-genai-sdk/1.30.0 gl-node/v24" },
  extra: (): JsonObject => ({
    systemInstruction: { role: "user", parts: [{ text: "You are Gemini CLI." }] },
    generationConfig: { temperature: 1, topP: 0.95, topK: 64, thinkingConfig: { includeThoughts: true, thinkingBudget: 8192 } },
    tools: [
      {
        functionDeclarations: [
          { name: WEATHER.name, description: WEATHER.description, parametersJsonSchema: WEATHER.schema },
          { name: "read_file", description: "Reads a file.", parameters: { type: "OBJECT", properties: { path: { type: "STRING" } } } },
        ],
      },
    ],
  }),
  script: (seen) => answer(seen, contentOf()),
};

const SENTINEL = "skip_thought_signature_validator";
const OUTPUT = "It is sunny in Paris.";

const HISTORY: Scenario = {
  ...TURN,
  name: "a second turn of Gemini CLI",
  turns: (protocol, text): Json[] => [
    userTurn(protocol, "The weather?"),
    { role: "model", parts: [{ functionCall: { name: WEATHER.name, args: { location: "Paris" } }, thoughtSignature: SENTINEL }] },
    { role: "user", parts: [{ functionResponse: { name: WEATHER.name, response: { output: OUTPUT } } }] },
    { role: "model", parts: [{ text: "Sunny." }] },
    userTurn(protocol, text),
  ],
};

const shared = { area: "gemini-cli", protocol: "gemini" } as const;

export const GEMINI_CLI_CASES: readonly Case[] = [
  looking({
    ...shared,
    name: "a turn as it is sent",
    needs: "live",
    expected: "an answer that is streamed, without faults",
    breaks: "Gemini CLI: both spellings of a tool's schema, a budget for thoughts, topK",
    scenario: TURN,
    stream: true,
    check: (one) => incomplete(one) ?? (one.faults.length === 0 ? null : shown(one.faults[0]?.came)),
  }),
  looking({
    ...shared,
    name: "calls without ids in the history",
    needs: "lab",
    expected: "an answer, and the function's output at the upstream",
    breaks: "Gemini CLI: calls have no ids there, and are matched by name and order",
    scenario: HISTORY,
    stream: true,
    check: (one) => incomplete(one) ?? (one.seen.at(-1)?.text.includes(OUTPUT) === true ? null : "the output did not reach the upstream"),
  }),
  looking({
    ...shared,
    name: "thoughtSignature of a call",
    needs: "lab",
    expected: "the signature on the part of the call, as it was",
    breaks: "Gemini 3 answers 400 to the next turn",
    scenario: {
      ...TURN,
      name: "a signed call",
      script: (seen) => answer(seen, contentOf({ calls: [callOf("call_1", '{"location":"Paris"}')] })),
    },
    stream: true,
    fits: isOwn,
    check: ({ said }) => {
      const part = listAt(said.turns[0], "parts").find((one) => textAt(one, "functionCall.name") !== "");
      return textAt(part, "thoughtSignature").startsWith(SIGNATURES.gemini) ? null : shown(part);
    },
  }),
  {
    ...shared,
    name: "the key in the query",
    needs: "lab",
    expected: "an answer to ?key=",
    breaks: "REST examples and older SDKs of Google's",
    run: async (world) =>
      world.key === null ? LEFT_OUT : answered(await variant(world, { path: `?key=${encodeURIComponent(world.key)}`, headers: {} })),
  },
  {
    ...shared,
    name: "the key is not passed on",
    needs: "lab",
    expected: "no client key in the upstream's request",
    breaks: "nobody, but the key is in somebody's log",
    run: async (world) => {
      const [model] = world.models;
      if (model === undefined || world.key === null) return LEFT_OUT;
      const one = await world.ask(
        { ...TURN, name: "a key in the query", query: `key=${encodeURIComponent(world.key)}` },
        { protocol: "gemini", model, stream: true },
      );
      const seen = one.seen.at(-1);
      if (seen === undefined) return `nothing reached the upstream: status ${one.status}: ${shown(one.text)}`;
      return printed(Object.values(seen.headers)).includes(world.key) || seen.text.includes(world.key) ? "the client's key" : null;
    },
  },
  {
    ...shared,
    name: "/v1 in place of /v1beta",
    needs: "lab",
    expected: "the same answer",
    breaks: "@google/genai 3 calls /v1/models/MODEL:generateContent",
    run: async (world) => answered(await atVersion1(world)),
  },
  {
    ...shared,
    name: "countTokens",
    needs: "live",
    expected: "totalTokens",
    breaks: "Gemini CLI's compression of its history",
    run: async (world) => {
      const page = await countTokens(world);
      if (isAbsent(page)) return NOT_OFFERED;
      return page.status === 200 && (numberAt(objectIn(page.text), "totalTokens") ?? 0) > 0
        ? null
        : `status ${page.status}: ${shown(page.text)}`;
    },
  },
  looking({
    ...shared,
    name: "RESOURCE_EXHAUSTED",
    needs: "lab",
    expected: "status 429 and error.status RESOURCE_EXHAUSTED",
    breaks: "Gemini CLI does not fall back to another model",
    scenario: {
      ...TURN,
      name: "exhausted",
      script: (seen) => refusal(seen, { status: 429, message: "You exceeded your current quota." }, { "retry-after": "9" }),
    },
    stream: true,
    check: (one) =>
      one.status === 429 && textAt(objectIn(one.text), "error.status") === "RESOURCE_EXHAUSTED"
        ? null
        : `status ${one.status}: ${shown(one.text)}`,
  }),
];

interface Variant {
  /** After the path. */
  readonly path?: string;
  readonly version?: string;
  readonly headers: Readonly<Record<string, string>>;
}

function variant(world: World, { path = "", version = "/v1beta/", headers }: Variant): Promise<Page> {
  const model = world.models[0]?.id ?? "none";
  const body = bodyOf("gemini", { model, stream: false, turns: [userTurn("gemini", "Say hello.")] });
  const own = pathOf("gemini", { model, stream: false }).replace("/v1beta/", version);
  return world.page(own + path, { method: "POST", headers, body: printed(body) });
}

export function atVersion1(world: World): Promise<Page> {
  return variant(world, { version: "/v1/", headers: keyHeaders("gemini", world.key) });
}

export function countTokens(world: World): Promise<Page> {
  const path = pathOf("gemini", { model: world.models[0]?.id ?? "none", stream: false }).replace(":generateContent", ":countTokens");
  const body = printed({ contents: [userTurn("gemini", "Say hello.")] });
  return world.page(path, { method: "POST", headers: keyHeaders("gemini", world.key), body });
}

function answered(page: Page): Came {
  if (isAbsent(page)) return NOT_OFFERED;
  return page.status === 200 ? null : `status ${page.status}: ${shown(page.text)}`;
}
