// A host that takes no connection: what its limit ends, what a client sees of it, and what is left knocking: on Deno nothing, on Bun no more than
// there were calls at once. Against the program on every way to start it, and a real host whose kernel drops what would connect. Linux only: it
// needs /proc, and a queue that can be filled without the rights of root.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { startDeafHost, type DeafHost } from "../support/deaf-host.ts";
import { ask, errorIn, MODELS, textOf, told } from "../support/dialects.ts";
import { until } from "../support/gateway.ts";
import { build, cleanUp, emptyFolder, OWN_WAYS, start, type Line, type Running, type Way } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

const CLIENT_KEY = "ck-a-fake-key-of-a-client";
const GLM = MODELS["openai-chat"];
/** Which limit a host that is known meets: `fetch` does not say when it has connected. */
const LIMIT =
  process.versions["deno"] === undefined
    ? { variable: "UPSTREAM_CONNECT_TIMEOUT", says: "The upstream did not accept a connection within 0.2 s (UPSTREAM_CONNECT_TIMEOUT)." }
    : { variable: "UPSTREAM_FIRST_BYTE_TIMEOUT", says: "The upstream did not start to answer within 1.5 s (UPSTREAM_FIRST_BYTE_TIMEOUT)." };
/** How many connections the kernel goes on to ask for when calls have left: Bun can't take one back. Those that follow are dialled, and taken back. */
const leftBy = (callsAtOnce: number): number => (process.versions["deno"] === undefined ? callsAtOnce : 0);
const ASIDE = process.platform === "linux" ? {} : { skip: "filling another program's queue of connections is done the Linux way" };

const hosts: DeafHost[] = [];
const upstream = await startUpstream();
if (process.platform === "linux") await build();
after(async () => {
  for (const host of hosts) host.stop();
  cleanUp();
  await upstream.stop();
});

async function deafHost(): Promise<DeafHost> {
  const host = await startDeafHost();
  hosts.push(host);
  return host;
}

interface Settings {
  readonly env: Readonly<Record<string, string>>;
  readonly models?: readonly object[];
}

function run(way: Way, host: DeafHost, { env, models = [] }: Settings): Running {
  const cwd = emptyFolder();
  writeFileSync(join(cwd, "models.json"), JSON.stringify({ models }));
  return start(way, {
    cwd,
    env: {
      FACTORY_BASE_URL: host.url,
      FACTORY_API_KEY: "fk-a-fake-key-of-factory",
      PROXY_API_KEY: CLIENT_KEY,
      CONFIG_PATH: "models.json",
      PORT: "0",
      ...env,
    },
  });
}

interface Asked {
  readonly id: string;
  readonly model?: string;
  readonly stream?: boolean;
  readonly signal?: AbortSignal;
}

function chat(url: string, { id, model = GLM, stream = false, signal }: Asked): Promise<Response> {
  const { path, body } = ask("openai-chat", { model, stream });
  return fetch(url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${CLIENT_KEY}`, "x-request-id": id },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function lineOf(program: Running, id: string): Promise<Line> {
  const find = (): Line | undefined => program.lines().find(({ event, requestId }) => event === "request" && requestId === id);
  await until(() => find() !== undefined, `the log line of ${id}`);
  return find() ?? {};
}

async function ends(program: Running): Promise<void> {
  program.signal("SIGTERM");
  assert.equal((await program.ended).code, 0);
}

for (const way of OWN_WAYS) {
  test(
    `${way.name}: a host that takes no connection is tried again, then left; the 504 names UPSTREAM_CONNECT_TIMEOUT`,
    ASIDE,
    async () => {
      const host = await deafHost();
      await host.deafen();
      const program = run(way, host, {
        env: { UPSTREAM_CONNECT_TIMEOUT: "0.3", RETRIES: "1" },
        models: [
          { id: "glm-4.6", timeouts: { connect: 0.1 } },
          { id: "claude-opus-4-8", fallback: ["glm-aside"] },
          { id: "glm-aside", protocol: "openai-chat", target: `${upstream.url}/api/llm/o/v1/chat/completions` },
        ],
      });
      const url = await program.url;
      upstream.script(() => ({ say: { text: "Here" } }));
      const refused = (wave: number, stream: boolean): Promise<void>[] =>
        [
          { model: GLM, seconds: "0.3" },
          { model: "glm-4.6", seconds: "0.1" },
        ].map(async ({ model, seconds }) => {
          const id = `${model}-${stream}-${wave}`;
          const { status, message } = await errorIn("openai-chat", await chat(url, { id, model, stream }));
          const says = `The upstream did not accept a connection within ${seconds} s (UPSTREAM_CONNECT_TIMEOUT).`;
          assert.deepEqual({ status, message }, { status: 504, message: says });
          const line = await lineOf(program, id);
          assert.deepEqual([line["error"], line["message"], line["attempts"]], ["upstream-timeout", says, 2]);
        });
      const answered = async (wave: number, stream: boolean): Promise<void> => {
        const response = await chat(url, { id: `fallback-${stream}-${wave}`, model: "claude-opus-4-8", stream });
        const text = await response.text();
        assert.equal(stream ? told("openai-chat", text).text : textOf("openai-chat", text), "Here");
        assert.deepEqual(
          [response.headers.get("x-factory-proxy-fallback"), response.headers.get("x-factory-proxy-attempts")],
          ["claude-opus-4-8 -> glm-aside", "3"],
        );
      };
      for (const wave of [1, 2]) {
        const calls = [false, true].flatMap((stream) => [...refused(wave, stream), answered(wave, stream)]);
        await Promise.all(calls);
        await until(() => host.knocks().length <= leftBy(calls.length), "the host to be left alone");
      }
      await ends(program);
    },
  );

  test(`${way.name}: a client that leaves while no connection comes about ends the attempt, and no other follows`, ASIDE, async () => {
    const host = await deafHost();
    await host.deafen();
    const program = run(way, host, { env: { UPSTREAM_CONNECT_TIMEOUT: "60", RETRIES: "2" } });
    const url = await program.url;
    for (const stream of [false, true]) {
      const known = host.knocks();
      const leaving = new AbortController();
      const id = `leaves-${stream}`;
      const called = chat(url, { id, stream, signal: leaving.signal });
      called.catch(() => {});
      await until(() => host.knocks().some((knock) => !known.includes(knock)), "the gateway to ask for a connection");
      leaving.abort();
      const { error, status, attempts, inputTokens } = await lineOf(program, id);
      // Nothing went out, so nothing is charged.
      const expected = { error: "cancelled", status: 499, attempts: undefined, inputTokens: undefined };
      assert.deepEqual({ error, status, attempts, inputTokens }, expected);
      await until(() => host.knocks().length <= leftBy(1), "the host to be left alone");
    }
    await ends(program);
    assert.equal(program.lines().filter(({ event }) => event === "request").length, 2);
  });

  test(`${way.name}: a host that answered a moment ago and now takes no connection: the 504 names ${LIMIT.variable}`, ASIDE, async () => {
    const host = await deafHost();
    const program = run(way, host, { env: { UPSTREAM_CONNECT_TIMEOUT: "0.2", UPSTREAM_FIRST_BYTE_TIMEOUT: "1.5", RETRIES: "0" } });
    const url = await program.url;
    let first = await chat(url, { id: "first" });
    // A program that has only just started on a busy machine can be too slow for limits as short as these.
    for (let calls = 1; first.status === 504 && calls < 20; calls++) first = await chat(url, { id: `again-${calls}` });
    assert.equal(textOf("openai-chat", await first.text()), "Still here");
    await host.deafen();
    for (const stream of [false, true]) {
      const id = `deaf-${stream}`;
      const { status, message } = await errorIn("openai-chat", await chat(url, { id, stream }));
      assert.deepEqual({ status, message }, { status: 504, message: LIMIT.says });
      assert.equal((await lineOf(program, id))["message"], LIMIT.says);
      await until(() => host.knocks().length <= leftBy(1), "the host to be left alone");
    }
    await ends(program);
  });
}
