// `factory-proxy demo` and `factory-proxy health`, on every way to run.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { until } from "../support/gateway.ts";
import { build, cleanUp, OWN_WAYS, start } from "../support/program.ts";

await build();
after(cleanUp);

const ADMIN_KEY = "an-admin-key-of-the-tests";
const QUESTION = "Where do you live?";
const MODELS = ["claude-sonnet-5", "gpt-5", "glm-5.2", "gemini-2.5-pro"];

for (const way of OWN_WAYS) {
  test(`${way.name}: the demo answers every kind of model without a Factory key, and health sees it until it ends`, async () => {
    const running = start(way, { arguments: ["demo", "--port", "0"], env: { ADMIN_KEY } });
    await until(() => running.stdout().includes("Press Ctrl-C to stop."), "the demo's words");
    const [url = ""] = /http:\/\/[\d.]+:\d+/.exec(running.stdout()) ?? [];
    const answers = await Promise.all(MODELS.flatMap((model) => [ask(url, { model, stream: false }), ask(url, { model, stream: true })]));
    assert.deepEqual(
      answers,
      answers.map(() => `You said: ${QUESTION}`),
    );
    assert.deepEqual(
      await Promise.all(MODELS.map((model) => refusal(url, `${model}x`))),
      MODELS.map((model) => [404, "model_not_found", `The model ${model}x does not exist.`, model]),
    );
    for (const model of ["gpt-5-mini", "gemini-3-pro-preview", "a-model"])
      assert.equal((await chat(url, { model })).message.content, `You said: ${QUESTION}`);
    const healthy = await start(way, { arguments: ["health", "--url", url, "--json"] }).ended;
    assert.deepEqual([healthy.code, JSON.parse(healthy.stdout)], [0, { url, ok: true }]);
    const page = (authorization: string): Promise<Response> => fetch(`${url}/api/admin/keys`, { headers: { authorization } });
    assert.deepEqual([(await page(`Bearer ${ADMIN_KEY}`)).status, (await page("Bearer demo-key")).status], [200, 403]);
    const [link = ""] = /http\S+\/ui\/link\S+/.exec(running.stdout()) ?? [];
    assert.equal((await fetch(link, { redirect: "manual" })).status, 303);
    const opened = await start(way, { arguments: ["ui", "--print", "--url", url] }).ended;
    const words = `The server at ${url} is a demo. Sign in to its dashboard with demo-administrator, or with its ADMIN_KEY if it has one.\n`;
    assert.deepEqual([opened.code, opened.stdout, opened.stderr.replace(way.hint, "")], [0, `${url}/ui\n`, words]);
    assert.deepEqual(
      await Promise.all(MODELS.flatMap((model) => [forced(url, model), structured(url, model)])),
      MODELS.flatMap(() => ['{"city":"Where do you live?","unit":"c"}', '{"city":"Where do you live?","unit":"c"}']),
    );
    running.signal("SIGTERM");
    assert.equal((await running.ended).code, 0);
    const deaf = await start(way, { arguments: ["health", "--url", url] }).ended;
    assert.deepEqual([deaf.code, deaf.stderr.replace(way.hint, "")], [1, `No server answers at ${url}.\n`]);
  });

  test(`${way.name}: health and ui take an address over TLS, and say of any other that no server answers there`, async () => {
    for (const url of ["https://127.0.0.1:1", "ftp://127.0.0.1:1", "mailto:a"]) {
      for (const command of ["health", "ui"]) {
        const { code, stderr } = await start(way, { arguments: [command, "--url", url] }).ended;
        assert.deepEqual([code, stderr.replace(way.hint, "").startsWith(`No server answers at ${url}.`)], [1, true], stderr);
      }
    }
  });
}

/** The status, code and first sentence of a refusal in Chat, and the nearest name of the table. */
async function refusal(url: string, model: string): Promise<unknown[]> {
  const response = await post(url, { model });
  const { error } = (await response.json()) as { error: { code: string; message: string; nearest_models?: string[] } };
  const [sentence, hint = ""] = error.message.split(/(?<=exist\.) /);
  return [response.status, error.code, sentence, error.nearest_models?.[0] ?? /"([^"]+)"/.exec(hint)?.[1]];
}

/** The text of an answer, in the Messages protocol. */
async function ask(url: string, { model, stream }: { readonly model: string; readonly stream: boolean }): Promise<string> {
  const response = await fetch(`${url}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": "demo-key", "content-type": "application/json" },
    body: JSON.stringify({ model, stream, max_tokens: 100, messages: [{ role: "user", content: QUESTION }] }),
  });
  const body = await response.text();
  if (!stream) return (JSON.parse(body) as { content: { text: string }[] }).content.map(({ text }) => text).join("");
  return [...body.matchAll(/"type":"text_delta","text":"([^"]*)"/g)].map(([, text]) => text).join("");
}

const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" }, unit: { type: "string", enum: ["c", "f"] } },
  required: ["city", "unit"],
  additionalProperties: false,
};

/** The arguments of a tool that has to be called. */
async function forced(url: string, model: string): Promise<string | undefined> {
  const tools = [{ type: "function", function: { name: "weather", parameters: SCHEMA } }];
  const { finish_reason: reason, message } = await chat(url, { model, tools, tool_choice: "required" });
  return reason === "tool_calls" ? message.tool_calls?.[0]?.function.arguments : reason;
}

/** The text of an answer that has to fit a schema. */
async function structured(url: string, model: string): Promise<string | null> {
  const format = { type: "json_schema", json_schema: { name: "weather", strict: true, schema: SCHEMA } };
  return (await chat(url, { model, response_format: format })).message.content;
}

interface Choice {
  readonly finish_reason: string;
  readonly message: {
    readonly content: string | null;
    readonly tool_calls?: readonly { readonly function: { readonly arguments: string } }[];
  };
}

async function chat(url: string, body: object): Promise<Choice> {
  const { choices } = (await (await post(url, body)).json()) as { readonly choices: readonly [Choice] };
  return choices[0];
}

/** A call in the Chat protocol. */
function post(url: string, body: object): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer demo-key", "content-type": "application/json" },
    body: JSON.stringify({ ...body, messages: [{ role: "user", content: QUESTION }] }),
  });
}
