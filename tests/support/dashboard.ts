// A server with the dashboard, as a user starts it, in front of a scripted upstream: the executable under Bun, the program on Deno under Deno.

import assert from "node:assert/strict";
import { AwakeClock } from "./awake.ts";
import { startUpstream, type ScriptedUpstream } from "./upstream.ts";
import { build, cleanUp, emptyFolder, OWN_WAYS, start } from "./program.ts";

export const ADMIN_KEY = "an-admin-key-of-the-tests";
/** A client key. */
export const CLIENT_KEY = "ck-a-client-key-of-the-tests";

const JSON_TYPE = { "content-type": "application/json" };

export interface DashboardServer {
  /** Without a trailing slash. */
  readonly origin: string;
  readonly upstream: ScriptedUpstream;
  /** `name=value` of a new session of an administrator, or of the holder of the given key. */
  signIn(key?: string): Promise<string>;
  /** The one-time link that the command `ui` prints. */
  link(): Promise<string>;
  /** A call of a client. */
  call(path: string, body: object, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** The admin API as scripts use it. A POST if there is a body. */
  admin<Value>(path: string, body?: object): Promise<Value>;
  stop(): Promise<void>;
}

export async function startDashboard(env: Readonly<Record<string, string>> = {}): Promise<DashboardServer> {
  await build();
  const way = OWN_WAYS.at(-1);
  if (way === undefined) throw new Error("There is no way to start the program.");
  const upstream = await startUpstream();
  const folder = emptyFolder();
  const environment = {
    FACTORY_API_KEY: "fk-a-fake-key-of-factory",
    FACTORY_BASE_URL: upstream.url,
    PROXY_API_KEY: `ops=${CLIENT_KEY}`,
    ADMIN_KEY,
    DATABASE_URL: "sqlite:",
    DATA_DIR: folder,
    INSPECT: "bodies",
    ...env,
  };
  const program = start(way, { cwd: folder, env: { PORT: "0", ...environment } });
  const origin = (await program.url).replace(/\/$/, "");
  return {
    origin,
    upstream,
    signIn: async (key = ADMIN_KEY) => {
      const response = await fetch(`${origin}/api/admin/session`, { method: "POST", headers: JSON_TYPE, body: JSON.stringify({ key }) });
      assert.equal(response.status, 200, await response.text());
      return response.headers.get("set-cookie")?.split(";")[0] ?? "";
    },
    link: async () => {
      const command = start(way, { cwd: folder, env: environment, arguments: ["ui", "--print", "--url", origin] });
      return (await command.ended).stdout.trim();
    },
    call: (path, body, headers = {}) =>
      fetch(origin + path, {
        method: "POST",
        headers: { authorization: `Bearer ${CLIENT_KEY}`, ...JSON_TYPE, ...headers },
        body: JSON.stringify(body),
      }),
    admin: async <Value>(path: string, body?: object) => {
      const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
      const headers = { ...JSON_TYPE, authorization: `Bearer ${ADMIN_KEY}` };
      const response = await fetch(`${origin}/api/admin/${path}`, { ...sent, headers });
      assert.ok(response.ok, path);
      return (await response.json()) as Value;
    },
    stop: async () => {
      program.signal("SIGKILL");
      await upstream.stop();
      cleanUp();
    },
  };
}

/** A streamed tool call of an Anthropic client to a model that speaks another protocol, with a field that can't be carried. */
export async function convertedCall(server: DashboardServer): Promise<string> {
  const response = await server.call(
    "/v1/messages",
    {
      model: "gpt-5",
      max_tokens: 100,
      top_k: 5,
      stream: true,
      tools: [
        {
          name: "get_weather",
          description: "Says the weather.",
          input_schema: { type: "object", properties: { place: { type: "string" } } },
        },
      ],
      messages: [{ role: "user", content: "What is the weather like?" }],
    },
    { "user-agent": "claude-cli/2.0.1 (external, cli)" },
  );
  await response.text();
  return callOf(server, response);
}

/** The ledger's id of an answered call, once it is in the ledger. */
export async function callOf(server: DashboardServer, response: Response): Promise<string> {
  const [id = ""] = await callsOf(server, `q=${response.headers.get("x-request-id") ?? ""}`, 1);
  return id;
}

/** The ledger's ids of the calls that a query finds, once there are so many. */
export async function callsOf(server: DashboardServer, query: string, count: number): Promise<readonly string[]> {
  const clock = new AwakeClock();
  for (;;) {
    const { rows } = await server.admin<{ readonly rows: readonly { readonly id: string }[] }>(`requests?${query}`);
    if (rows.length >= count) return rows.map(({ id }) => id);
    await clock.pause(50);
  }
}
