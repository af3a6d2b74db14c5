// The commands models and explain, without a server: what each prints, and what it refuses.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandError, readInput, type Context } from "../../src/cli/command.ts";
import { EXPLAIN } from "../../src/cli/explain.ts";
import { MODELS } from "../../src/cli/models.ts";
import { read } from "../support/configuration.ts";

interface Said {
  readonly code: number;
  readonly out: string;
  readonly note: string;
}

const TABLE = JSON.stringify({ models: [{ id: "house-model", alias: ["hm"], fallback: ["glm-5.2"] }] });

async function run(words: readonly string[], request: unknown = {}): Promise<Said> {
  const [out, notes]: [string[], string[]] = [[], []];
  const isJson = words.includes("--json");
  const context: Context = {
    now: Date.now,
    isJson,
    config: () => read({ environment: { CONFIG_PATH: "models.json" }, files: { "models.json": TABLE } }),
    envHere: () => null,
    store: () => Promise.reject(new Error("no store is needed")),
    print: (text) => void out.push(text),
    show: (value, text) => void out.push(isJson ? JSON.stringify(value) : text()),
    note: (text) => void notes.push(text),
    ask: null,
    style: (_, text) => text,
    read: () => (typeof request === "string" ? request : JSON.stringify(request)),
  };
  const command = [...MODELS, ...EXPLAIN].find(({ name }) => name === words[0]) ?? assert.fail(words[0]);
  try {
    const code = (await command.run(readInput(words.slice(1), command), context)) ?? 0;
    return { code, out: out.join("\n"), note: notes.join("\n") };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { code: error.exitCode, out: out.join("\n"), note: error.message };
  }
}

const MESSAGES = { model: "glm-5.2", max_tokens: 5, system: "Be brief.", top_k: 3, messages: [{ role: "user", content: "Hello." }] };

test("models lists what is known of each model, and of those of the configuration", async () => {
  const [model] = JSON.parse((await run(["models", "claude-haiku-4-5", "--json"])).out) as Record<string, unknown>[];
  assert.deepEqual(
    { ...model, price: null },
    {
      id: "claude-haiku-4-5-20251001",
      aliases: ["claude-haiku-4-5"],
      protocol: "anthropic-messages",
      provider: "anthropic",
      pool: "standard",
      multiplier: 0.4,
      contextTokens: 200_000,
      outputTokens: 64_000,
      inputModalities: ["text", "image"],
      price: null,
      fallback: [],
    },
  );
  const { out } = await run(["models", "house"]);
  assert.match(
    out,
    /^Model +Protocol +Pool +Credits +Context +\$ in +\$ out +Aliases +Fallback\nhouse-model +openai-chat +- +- +- +- +- +hm +glm-5\.2\n/,
  );
});

test("models finds a model by its family, and suggests the nearest for a name that nobody knows", async () => {
  assert.match((await run(["models", "sonnet-5"])).out, /^claude-sonnet-5 /m);
  assert.deepEqual(await run(["models", "glm-5.9.9"]), {
    code: 1,
    out: "",
    note: 'Unknown model "glm-5.9.9". Did you mean glm-5.3 or glm-5.2 or glm-5.1? Run `factory-proxy models` for a list.',
  });
});

test("explain shows what would be sent and what would be lost, by the body's shape", async () => {
  const { out, note } = await run(["explain"], MESSAGES);
  assert.equal(note, "Treating this as a request to /v1/messages. Use --route for another path.");
  assert.match(out, /^POST https:\/\/api\.factory\.ai\/api\/llm\/o\/v1\/chat\/completions\n/);
  assert.match(out, /\nChanged or dropped:\n {2}top_k \(\w+\): Chat Completions has no such parameter\.$/);
});

test("explain tells the protocols apart, and a route wins over the shape", async () => {
  const user = { role: "user", content: "Hello." };
  const shapes: readonly (readonly [body: object, route: string])[] = [
    [{ model: "glm-5.2", messages: [user] }, "/v1/chat/completions"],
    [
      { model: "glm-5.2", messages: [user], tools: [{ type: "function", function: { name: "a", parameters: {} } }] },
      "/v1/chat/completions",
    ],
    [{ model: "glm-5.2", max_tokens: 9, messages: [user], tools: [{ name: "a", input_schema: { type: "object" } }] }, "/v1/messages"],
    [{ model: "glm-5.2", input: "Hello." }, "/v1/responses"],
    [{ model: "glm-5.2", contents: [{ role: "user", parts: [{ text: "Hello." }] }] }, "/v1beta/models/glm-5.2:generateContent"],
  ];
  for (const [body, route] of shapes) {
    assert.deepEqual(await run(["explain"], body).then(({ code, note }) => [code, note]), [
      0,
      `Treating this as a request to ${route}. Use --route for another path.`,
    ]);
  }
  const { code, out } = await run(["explain", "--route", "/v1/messages", "--model", "claude-sonnet-5", "--json"], MESSAGES);
  const { url, losses } = JSON.parse(out) as Record<string, unknown>;
  assert.deepEqual([code, url, losses], [0, "https://api.factory.ai/api/llm/a/v1/messages", []]);
});

test("explain refuses what is no request, with the reason", async () => {
  assert.equal((await run(["explain"], "no JSON")).code, 2);
  assert.deepEqual(await run(["explain"], "").then(({ code, note }) => [code, note]), [
    2,
    "No request: give a FILE, or pipe one to standard input.",
  ]);
  assert.match((await run(["explain"], { model: "glm-5.2" })).note, /no messages, input or contents/);
  assert.match((await run(["explain"], { contents: [] })).note, /add --model/);
  assert.deepEqual(await run(["explain", "--route", "v1"], MESSAGES).then(({ code }) => code), 2);
  const refused = await run(["explain", "--model", "claud-sonnet-5"], MESSAGES);
  assert.deepEqual([refused.code, /Did you mean "claude-sonnet-5"/.test(refused.note)], [1, true]);
});
