// What a conversion can't carry is said: in a header, in the log, as a 400, and before anything is sent by /explain.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask, errorIn, MODELS, WAYS } from "../support/dialects.ts";
import { FACTORY_KEY, startGateway, type RunningGateway } from "../support/gateway.ts";

const gateway = await startGateway();
const { upstream } = gateway;
const strict = await startGateway({ upstream, environment: { STRICT: "1" } });
const lenient = await startGateway({ upstream, environment: { LENIENT: "1" } });
after(async () => {
  for (const one of [strict, lenient, gateway]) await one.stop();
});

interface Row {
  readonly client: ProtocolId;
  readonly model: string;
  readonly more: Readonly<Record<string, unknown>>;
  /** Left out and reported. */
  readonly reported: readonly string[];
  /** Refused, unless LENIENT is set. */
  readonly refused?: string;
}
const ROWS: readonly Row[] = [
  { client: "openai-chat", model: "claude-opus-4-8", more: { seed: 7, frequency_penalty: 0.5 }, reported: ["seed", "frequency_penalty"] },
  { client: "openai-chat", model: "gpt-5.5", more: { seed: 7 }, reported: ["seed"] },
  { client: "openai-chat", model: "claude-opus-4-8", more: { brand_new: 1 }, reported: ["brand_new"] },
  { client: "openai-chat", model: "claude-opus-4-8", more: { seed: 7, n: 2 }, reported: ["seed"], refused: "n" },
  { client: "openai-chat", model: "claude-opus-4-8", more: { logprobs: true }, reported: [], refused: "logprobs" },
  { client: "anthropic-messages", model: "gpt-5.5", more: { top_k: 5 }, reported: ["top_k"] },
  {
    client: "openai-responses",
    model: "claude-opus-4-8",
    more: { previous_response_id: "resp_1" },
    reported: [],
    refused: "previous_response_id",
  },
  {
    client: "gemini",
    model: "glm-5",
    more: { generationConfig: { topK: 5, candidateCount: 2 } },
    reported: ["generationConfig.topK"],
    refused: "generationConfig.candidateCount",
  },
  {
    client: "openai-chat",
    model: "gpt-5.5",
    more: {
      messages: [
        { role: "user", content: "Hi", name: "ann" },
        { role: "user", content: "Ho", name: "bob" },
      ],
    },
    reported: ["messages[1].name"],
  },
  { client: "openai-chat", model: "glm-5", more: { seed: 7, n: 1 }, reported: [] },
];

async function send(through: RunningGateway, { client, model, more }: Row, stream: boolean): Promise<Response> {
  const { path, body } = ask(client, { model, stream, more });
  return through.call(path, { body });
}

function fieldsIn(response: Response): string[] {
  return (response.headers.get("x-factory-proxy-dropped") ?? "").split(",").filter((field) => field !== "");
}

for (const row of ROWS) {
  const { client, model, more, reported, refused } = row;
  const name = `${client} to ${model}, ${JSON.stringify(more)}`;

  test(`${name}: what is left out stands in a header and in the log`, async () => {
    for (const stream of [true, false]) {
      const response = await send(refused === undefined ? gateway : lenient, row, stream);
      assert.equal(response.status, 200, await response.text());
      const expected = [...reported, ...(refused === undefined ? [] : [refused])].sort();
      assert.deepEqual(fieldsIn(response).sort(), expected);
      const { dropped } = await (refused === undefined ? gateway : lenient).lineOf(response);
      assert.deepEqual([...((dropped as string[] | undefined) ?? [])].sort(), expected);
    }
  });

  if (refused !== undefined) {
    test(`${name}: what would change the answer is refused before anything is sent`, async () => {
      const before = upstream.requests.length;
      const { status, message, param, code } = await errorIn(client, await send(gateway, row, true));
      assert.equal(status, 400);
      assert.ok(message.startsWith(`${refused}: `), message);
      if (client.startsWith("openai")) assert.deepEqual([param, code], [refused, "unsupported_by_upstream"]);
      assert.equal(upstream.requests.length, before);
    });
  }

  if (reported.length > 0) {
    test(`${name}: STRICT makes a 400 of it`, async () => {
      const before = upstream.requests.length;
      const { status, message } = await errorIn(client, await send(strict, row, false));
      assert.equal(status, 400);
      assert.ok(
        [...reported, refused].some((field) => message.startsWith(`${field}: `)),
        message,
      );
      assert.equal(upstream.requests.length, before);
    });
  } else if (refused === undefined) {
    test(`${name}: STRICT has nothing to say where nothing is converted`, async () => {
      const response = await send(strict, row, false);
      assert.equal(response.status, 200, await response.text());
    });
  }
}

test("a header is there before the first byte of a stream", async () => {
  upstream.script([{ say: { text: "one two three" }, hang: { afterEvents: 3 } }]);
  const { path, body } = ask("openai-chat", { model: "claude-opus-4-8", stream: true, more: { seed: 7 } });
  const abort = new AbortController();
  const response = await gateway.call(path, { body, signal: abort.signal });
  assert.deepEqual(fieldsIn(response), ["seed"]);
  abort.abort();
  await gateway.lastSeen().done;
});

// ---- Explain -----------------------------------------------------------------------------------------------------

interface Explained {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
  readonly losses: readonly object[];
}
/** New with each request. */
const OWN_OF_EACH = ["x-assistant-message-id"];

test("/explain shows exactly what would be sent, on every way, and sends nothing", async () => {
  for (const { client, upstream: target, name } of WAYS) {
    const { path, body } = ask(client, { model: MODELS[target], system: "Be brief.", stream: true });
    const text = JSON.stringify(body);
    const before = upstream.requests.length;
    const response = await gateway.call(`/explain${path}`, { body: text });
    const shown = await response.text();
    assert.equal(response.status, 200, shown);
    assert.equal(upstream.requests.length, before, name);
    const { method, url, headers, body: explained } = JSON.parse(shown) as Explained;

    await (await gateway.call(path, { body: text })).text();
    const sent = gateway.lastSeen();
    assert.deepEqual([method, url, explained], [sent.method, upstream.url + sent.path, JSON.parse(sent.body)], name);
    assert.ok(shown.includes(sent.body), "the body is shown as it is sent");
    assert.equal(headers["authorization"], `Bearer ${FACTORY_KEY.slice(0, 8)}\u2026`, name);
    for (const [header, value] of Object.entries(headers)) {
      if (header !== "authorization" && !OWN_OF_EACH.includes(header)) assert.equal(sent.headers[header], value, `${name}: ${header}`);
    }
  }
});

test("/explain names the losses, and refuses what the route would refuse", async () => {
  const { path, body } = ask("openai-chat", { model: "claude-opus-4-8", more: { seed: 7 } });
  const response = await gateway.call(`/explain${path}`, { body });
  const { losses } = (await response.json()) as Explained;
  assert.deepEqual(losses, [{ field: "seed", severity: "reported", reason: "Messages has no seed." }]);
  assert.deepEqual(fieldsIn(response), ["seed"]);
  const several = ask("openai-chat", { model: "claude-opus-4-8", more: { n: 2 } });
  const refused = await errorIn("openai-chat", await gateway.call(`/explain${several.path}`, { body: several.body }));
  assert.deepEqual([refused.status, refused.param], [400, "n"]);
  const unknown = await errorIn("openai-chat", await gateway.call("/explain/v1/message", { body: {} }));
  assert.deepEqual(
    [unknown.status, unknown.message],
    [404, "There is no path /explain/v1/message. Did you mean /explain/v1/messages? GET / lists all paths."],
  );
});

test("/explain and the debug log keep the keys that an operator's own headers and addresses hold, short ones too", async () => {
  const secretive = await startGateway({
    upstream,
    environment: {
      UPSTREAM_HEADERS: '{"x-tenant-token": "tenant-canary-0123456789"}',
      ANTHROPIC_TARGET_URL: `${upstream.url}/api/llm/a/v1/messages?token=query-canary-0123456789&code=hunter2`,
      LOG_LEVEL: "debug",
    },
  });
  const { path, body } = ask("openai-chat", { model: "claude-opus-4-8" });
  const shown = await (await secretive.call(`/explain${path}`, { body })).text();
  assert.doesNotMatch(shown, /canary-0123456789|hunter2/);
  await (await secretive.call(path, { body })).text();
  assert.equal(secretive.lastSeen().headers["x-tenant-token"], "tenant-canary-0123456789");
  assert.match(secretive.lastSeen().path, /query-canary-0123456789&code=hunter2/);
  assert.doesNotMatch(JSON.stringify(secretive.lines), /canary-0123456789|hunter2/);
  await secretive.stop();
});
