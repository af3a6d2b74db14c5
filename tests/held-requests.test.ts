// While an answer is under way, nothing holds on to the request that led to it: bodies are large, and answers take minutes. Seen by what is alive
// after a collection of the runtime's memory, for every pair of protocols and for what else a call can come upon.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SocketListener } from "../src/runtime/ports.ts";
import type { Program } from "../src/program.ts";
import { aliveBytes } from "./support/alive.ts";
import { MODELS, WAYS, type Way } from "./support/dialects.ts";
import { CLIENT_KEY } from "./support/gateway.ts";
import { opening, programOver, requestOf, Upstream } from "./support/in-memory.ts";
import { SharedStore } from "./support/limits.ts";
import { keyRecord } from "./support/stored.ts";

const upstream = new Upstream();
const program = programOver(upstream);

/** Characters. A body of the latter length is large (see `LARGE_BODY`), and goes another way. */
const ASKED = [1_000_000, 1_200_000];
const ASKED_LENGTH = ASKED.reduce((sum, length) => sum + length, 0);
/** In bytes, of all answers together and of those to one case: what they are made of themselves. */
const MOST_HELD = 1_000_000;
const OWN_BYTES = 100_000;
const LOOKS = 5;

/** An answer that has begun, and does not end. */
interface Begun {
  readonly end: () => unknown;
}

interface Case {
  readonly name: string;
  readonly begin: (text: string) => Promise<Begun>;
}

async function begunBy(cases: readonly Case[], lengths: readonly number[]): Promise<Begun[]> {
  const answers: Begun[] = [];
  for (const { begin } of cases) {
    for (const [index, length] of lengths.entries()) answers.push(await begin(String(index).repeat(length)));
  }
  return answers;
}

/** What answers hold, in bytes, that have begun and not ended, once that is no more than `most`, or stays more. */
async function heldBy(cases: readonly Case[], most: number): Promise<number> {
  // What is built at the first call stays.
  for (const { end } of await begunBy(cases, [1, 1])) await end();
  const earlier = aliveBytes();
  const answers = await begunBy(cases, ASKED);
  let held = Infinity;
  // What has just returned may still be in sight of the collector, until something else comes in its place.
  for (let look = 0; look < LOOKS && held > most; look++) {
    answers.push(...(await begunBy(cases.slice(0, 1), [1])));
    await new Promise((resolve) => setTimeout(resolve, 10 * look));
    held = aliveBytes() - earlier;
  }
  for (const { end } of answers) await end();
  return held;
}

/** Of all cases together, since a collection takes long; one by one where they hold too much. `kept`: what each may hold in bytes. */
async function assertLetGo(cases: readonly Case[], { kept = 0 } = {}): Promise<void> {
  const most = MOST_HELD + cases.length * (kept + OWN_BYTES);
  const held = await heldBy(cases, most);
  if (held <= most) return;
  const each: string[] = [];
  for (const one of cases) each.push(`${one.name}: ${await heldBy([one], MOST_HELD + OWN_BYTES + kept)}`);
  assert.fail(`${held} bytes are held; alone, of ${ASKED_LENGTH} characters:\n${each.join("\n")}`);
}

interface Streamed {
  readonly by?: Program;
  readonly request?: (text: string) => Request;
}

function streaming(way: Way, { by = program, request = (text) => requestOf(way, text) }: Streamed = {}): Case["begin"] {
  const { before, delta } = opening(way.upstream);
  return (text) => {
    upstream.answer((at) => before[at] ?? delta);
    return begun(by.fetch(request(text)));
  };
}

/** Does not know the text: on Bun, a function that is made in an asynchronous one keeps all parameters of that. */
async function begun(response: Response | Promise<Response>): Promise<Begun> {
  const reader = (await response).body?.getReader();
  assert.ok(reader !== undefined);
  await reader.read();
  return { end: () => reader.cancel() };
}

const wayOf = (client: Way["client"], from: Way["upstream"]): Way => {
  const found = WAYS.find((way) => way.client === client && way.upstream === from);
  assert.ok(found !== undefined);
  return found;
};

// A converted answer of Gemini's may stop in the middle and be gone on with: its request is kept for that.
const LET_GO = WAYS.filter(({ client, upstream: from }) => from !== "gemini" || client === from);

test("nothing of a request is held while its answer passes, or is converted: every pair of protocols", () =>
  assertLetGo(LET_GO.map((way) => ({ name: way.name, begin: streaming(way) }))));

const PASSED = wayOf("anthropic-messages", "anthropic-messages");
const CONVERTED = wayOf("openai-chat", "anthropic-messages");

const limitedStore = new SharedStore();
const limitedKey = keyRecord("alice", { hash: null });
await limitedStore.insertKey({
  ...limitedKey,
  rules: { ...limitedKey.rules, budgets: [{ amount: 1e12, unit: "tokens", period: "session" }], requestsPerMinute: 100_000 },
});

const PROGRAMS: Readonly<Record<string, Program>> = {
  "a key with limits": programOver(upstream, { environment: { PROXY_API_KEY: `alice=${CLIENT_KEY}` }, store: limitedStore }),
  "a log of everything": programOver(upstream, { environment: { LOG_LEVEL: "debug" } }),
  "no inspection": programOver(upstream, { environment: { INSPECT: "off" } }),
  "inspected bodies, but not such large ones": programOver(upstream, { environment: { INSPECT: "bodies", INSPECT_BYTES: "1MiB" } }),
  "a system prompt": programOver(upstream, { environment: { SYSTEM_PROMPT: "Be kind." } }),
};

test("nothing of a request is held, whatever else there is to do for it", () =>
  assertLetGo(
    Object.entries(PROGRAMS).flatMap(([name, by]) =>
      [PASSED, CONVERTED].map((way) => ({ name: `${name}, ${way.name}`, begin: streaming(way, { by }) })),
    ),
  ));

const HEADERS = { authorization: `Bearer ${CLIENT_KEY}`, "content-type": "application/json" };

function posted(path: string, body: object): Request {
  return new Request(`http://gateway.test${path}`, { method: "POST", headers: HEADERS, body: JSON.stringify(body) });
}

test("nothing of a request is held, in whatever form its answer goes out", () => {
  const bedrock = [PASSED, wayOf("anthropic-messages", "openai-chat")].map((way) => {
    const path = `/bedrock/model/${MODELS[way.upstream]}/invoke-with-response-stream`;
    const request = (text: string): Request =>
      posted(path, { anthropic_version: "bedrock-2023-05-31", max_tokens: 1000, messages: [{ role: "user", content: text }] });
    return { name: `frames of Bedrock's, ${way.name}`, begin: streaming(way, { request }) };
  });
  const lists = [wayOf("gemini", "gemini"), wayOf("gemini", "openai-chat")].map((way) => {
    const path = `/v1beta/models/${MODELS[way.upstream]}:streamGenerateContent`;
    const request = (text: string): Request => posted(path, { contents: [{ role: "user", parts: [{ text }] }] });
    return { name: `a list, ${way.name}`, begin: streaming(way, { request }) };
  });
  return assertLetGo([...bedrock, ...lists]);
});

test("nothing of a request is held where another model answers in place of the one that was asked for", () => {
  const modelTable = JSON.stringify({ models: [{ id: MODELS[CONVERTED.upstream], fallback: [MODELS["openai-responses"]] }] });
  const by = programOver(upstream, { environment: { RETRIES: "0" }, modelTable });
  const answered = streaming(wayOf("openai-chat", "openai-responses"), { by, request: (text) => requestOf(CONVERTED, text) });
  const begin = (text: string): Promise<Begun> => {
    upstream.refusals = 1;
    return answered(text);
  };
  return assertLetGo([{ name: "a fallback", begin }]);
});

// ---- WebSockets ------------------------------------------------------------------------------------------------------

/** A socket of which nothing has been asked. */
async function open(): Promise<SocketListener> {
  let listener: SocketListener | null = null;
  const upgrade = (made: SocketListener): Response => {
    listener = made;
    return new Response(null);
  };
  const handshake = new Request("http://gateway.test/v1/responses", { headers: { ...HEADERS, upgrade: "websocket" } });
  await program.fetch(handshake, { address: () => null, upgrade });
  const made = listener as SocketListener | null;
  assert.ok(made !== null);
  return made;
}

/** Resolves when the first frame of an answer has come; the client does not keep up with more. */
function firstFrame(listener: SocketListener): Promise<void> {
  return new Promise((resolve) => {
    const send = (): Promise<void> => {
      resolve();
      return new Promise(() => {});
    };
    listener.opened({ send, close: () => {} });
  });
}

function onSocket(way: Way): Case["begin"] {
  const { before, delta } = opening(way.upstream);
  return async (text) => {
    upstream.answer((at) => before[at] ?? delta);
    const listener = await open();
    const first = firstFrame(listener);
    listener.text(JSON.stringify({ type: "response.create", model: MODELS[way.upstream], input: [{ role: "user", content: text }] }));
    await first;
    return ending(listener);
  };
}

function ending(listener: SocketListener): Begun {
  return { end: () => listener.closed() };
}

test("a WebSocket holds the conversation once, to go on from it, and nothing else of a request", () => {
  const ways = LET_GO.filter(({ client }) => client === "openai-responses");
  return assertLetGo(
    ways.map((way) => ({ name: way.name, begin: onSocket(way) })),
    { kept: ASKED_LENGTH },
  );
});
