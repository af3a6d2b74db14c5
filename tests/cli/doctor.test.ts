// The doctor, in front of a scripted host that plays every failure: what it finds, what it says to do, how it ends.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { StoreError } from "../../src/access/store.ts";
import { CommandError, readInput, type Context } from "../../src/cli/command.ts";
import { DOCTOR } from "../../src/cli/doctor.ts";
import type { Check, DoctorWorld } from "../../src/cli/doctor-check.ts";
import { doctor } from "../../src/cli/doctor-examination.ts";
import { portOwner } from "../../src/cli/port-owner.ts";
import { readConfig } from "../../src/config/config.ts";
import { PRICE_DATE } from "../../src/models/prices.ts";
import { Redactor } from "../../src/telemetry/redaction.ts";
import { billing } from "../support/billing.ts";
import { startGateway } from "../support/gateway.ts";

const NOW_MS = Date.parse(PRICE_DATE) + 24 * 3_600_000;
const KEY = "fk-0123456789abcdefghij";
const folder = mkdtempSync(join(tmpdir(), "factory-proxy-doctor-"));
const servers: Server[] = [];
after(() => {
  rmSync(folder, { recursive: true, force: true });
  for (const server of servers) server.close();
});

interface Call {
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
}

interface Setting {
  readonly environment?: Readonly<Record<string, string>>;
  /** Only the shell's, not the server's. */
  readonly shell?: Readonly<Record<string, string>>;
  /** Null: as a host does with which all is well. */
  readonly host?: (call: Call) => Response | Error | null;
  readonly store?: () => Promise<MemoryStore>;
  readonly version?: string;
  readonly nowMs?: number;
  readonly fetch?: DoctorWorld["fetch"];
}

interface Examined {
  readonly code: number;
  readonly checks: readonly Check[];
  readonly text: string;
  readonly notes: readonly string[];
  readonly calls: readonly Call[];
  readonly check: (id: Check["id"]) => Check;
}

const isLive = ({ url }: Call): boolean => url.pathname.startsWith("/api/llm/");
const isPrompted = ({ body }: Call): boolean => body.includes("You are Droid");
const factory = (status: number, detail: string): Response => Response.json({ detail, status }, { status });

async function examined(words: readonly string[], setting: Setting = {}): Promise<Examined> {
  const { environment = {}, shell = {}, host = () => null, store, version = "1.2.3", nowMs = NOW_MS } = setting;
  const variables = { FACTORY_API_KEY: KEY, PORT: "1", PROXY_API_KEY: "client-key-0123456789", ...environment };
  const calls: Call[] = [];
  const world: DoctorWorld = {
    fetch:
      setting.fetch ??
      ((url, init) => {
        const call: Call = { url: new URL(url), headers: new Headers(init.headers), body: typeof init.body === "string" ? init.body : "" };
        calls.push(call);
        const answer = host(call) ?? wellBehaved(call, nowMs);
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      }),
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    monotonic: () => performance.now(),
    platform: "linux",
    shell: { HOME: folder, PATH: join(folder, "bin"), ...shell },
    variables: () => ({ HOME: folder, ...variables, ...shell }),
    dataDir: folder,
    runtime: "bun 1.4.5",
    outputOf: () => Promise.resolve(`agent ${version}\n`),
  };
  const [command] = DOCTOR;
  assert.ok(command !== undefined);
  const input = readInput(words, command);
  const [out, notes]: [string[], string[]] = [[], []];
  const memory = new MemoryStore();
  let value: unknown = null;
  const context: Context = {
    now: () => nowMs,
    isJson: input.has("json"),
    config: () => readConfig({ environment: variables, arguments: [], file: () => null, redactor: new Redactor([]) }),
    envHere: () => null,
    store: store ?? (() => Promise.resolve(memory)),
    print: (text) => out.push(text),
    show: (shown, text) => {
      value = shown;
      out.push(input.has("json") ? JSON.stringify(shown) : text());
    },
    note: (text) => notes.push(text),
    ask: null,
    style: (_, text) => text,
    read: () => "",
  };
  const code = await doctor(input, context, world);
  const { checks } = value as { readonly checks: readonly Check[] };
  const check = (id: Check["id"]): Check => checks.find((one) => one.id === id) ?? assert.fail(`There is no check ${id}.`);
  return { code, checks, text: out.join("\n"), notes, calls, check };
}

function wellBehaved({ url }: Call, nowMs: number): Response {
  const headers = { date: new Date(nowMs).toUTCString() };
  if (url.pathname === "/api/billing/limits") return new Response(billing({ standard: [12, 3, 1] }), { headers });
  return url.pathname === "/" ? new Response("", { status: 404, headers }) : Response.json({ content: [] }, { headers });
}

const statesOf = (checks: readonly Check[], ids: string): string[] =>
  checks.filter(({ id }) => id.startsWith(ids)).map(({ id, state }) => `${id} ${state}`);

test("where all is well nothing fails, no call is made, and no key goes anywhere but to the billing endpoint", async () => {
  const { code, checks, text, calls, notes } = await examined([]);
  assert.equal(code, 0);
  assert.deepEqual(
    checks.filter(({ state }) => state === "fail" || state === "warn").map(({ id }) => id),
    [],
  );
  assert.deepEqual(
    calls.map(({ url, headers }) => [url.href, headers.get("authorization")]),
    [
      ["https://api.factory.ai/", null],
      ["https://api.factory.ai/api/billing/limits", `Bearer ${KEY}`],
    ],
  );
  assert.match(text, /^Configuration\n {2}ok {4}The configuration is valid\.\n/);
  assert.match(text, /\n0 failed, \d+ passed, 0 warnings, \d+ skipped\.$/);
  assert.deepEqual(notes, []);
});

test("every check has an id of its own group, a state, a sentence, and a fix where it fails", async () => {
  const { text, checks, code } = await examined(["--json"], {
    environment: { FACTORY_API_KEY: "sk-ant-api03-0123456789", HOST: "0.0.0.0" },
  });
  assert.equal(code, 1);
  const printed = JSON.parse(text) as { readonly object: string; readonly ok: boolean; readonly checks: readonly Check[] };
  assert.deepEqual([printed.object, printed.ok, printed.checks], ["doctor", false, checks]);
  assert.equal(new Set(checks.map(({ id }) => id)).size, checks.length);
  for (const { id, state, what, fix } of checks) {
    assert.match(id, /^(?:configuration|keys|host|models|quota|clients|network|store)\.[a-z0-9-]+$/);
    assert.match(what, /\.$/);
    if (state === "fail" || state === "warn") assert.notEqual(fix, null, id);
  }
});

test("a wrong configuration is one failure with every fault, and what needs none is looked at all the same", async () => {
  const { code, check } = await examined([], { environment: { PORT: "many", RETRIES: "x" } });
  assert.equal(code, 1);
  const { state, why } = check("configuration.valid");
  assert.equal(state, "fail");
  assert.match(why ?? "", /^PORT .*\nRETRIES /);
  assert.deepEqual([check("host.reachable").state, check("clients.credentials").state], ["skip", "ok"]);
});

const KEYS: readonly (readonly [key: string, state: string, what: RegExp])[] = [
  [KEY, "ok", /looks valid/],
  ["fk-...", "fail", /placeholder/],
  ["sk-ant-api03-0123456789abcdef", "fail", /looks like a key from Anthropic/],
  ["sk-proj-0123456789abcdef", "fail", /looks like a key from OpenAI/],
  ["fp-0123456789abcdef", "fail", /a key from this server/],
  ["0123456789abcdef0123", "warn", /does not look like a Factory key/],
  ["", "warn", /not set/],
];
for (const [key, state, what] of KEYS) {
  test(`the Factory key ${key === "" ? "that is missing" : `${key.slice(0, 6)}...`} is told by its shape: ${state}`, async () => {
    const { check } = await examined([], { environment: { FACTORY_API_KEY: key } });
    const found = check("keys.factory");
    assert.equal(found.state, state);
    assert.match(found.what, what);
  });
}

test("without client keys, and with one that can be guessed on an open port", async () => {
  const none = await examined([], { environment: { PROXY_API_KEY: "" } });
  assert.match(none.check("keys.clients").what, /no client keys/);
  const open = await examined([], { environment: { PROXY_API_KEY: "secret", HOST: "0.0.0.0" } });
  assert.deepEqual([open.check("keys.clients").state, open.check("network.open").state], ["warn", "warn"]);
});

test("a file of variables that others can read is a warning", { skip: process.platform === "win32" }, async () => {
  const path = join(folder, "open.env");
  writeFileSync(path, "PORT=1\n");
  chmodSync(path, 0o644);
  const { check } = await examined(["--env-file", path]);
  assert.deepEqual([check("keys.file").state, check("keys.file").fix], ["warn", `chmod 600 ${path}`]);
});

const coded = (message: string, code: string): Error => Object.assign(new Error(message), { code });
const HOSTS: readonly { readonly what: string; readonly error: Error; readonly found: RegExp; readonly base?: string }[] = [
  {
    what: "no host",
    error: coded("Unable to connect. Is the computer able to access the url?", "ConnectionRefused"),
    found: /has no address/,
    base: "https://nothing.invalid",
  },
  {
    what: "nobody on the port",
    error: coded("Unable to connect.", "ConnectionRefused"),
    found: /refuses connections/,
    base: "http://127.0.0.1:9",
  },
  {
    what: "TLS untrusted, on Bun",
    error: coded("self signed certificate", "DEPTH_ZERO_SELF_SIGNED_CERT"),
    found: /does not trust/,
  },
  {
    what: "TLS untrusted, on Deno",
    error: new TypeError("error sending request", { cause: new Error("invalid peer certificate: UnknownIssuer") }),
    found: /does not trust/,
  },
  { what: "a broken connection", error: coded("socket hang up", "ECONNRESET"), found: /can't be reached/, base: "http://127.0.0.1:9" },
];
for (const { what, error, found, base } of HOSTS) {
  test(`the host can't be reached: ${what}`, async () => {
    const { code, check } = await examined([], { host: () => error, environment: base === undefined ? {} : { FACTORY_BASE_URL: base } });
    const { state, what: said, fix } = check("host.reachable");
    assert.deepEqual([code, state], [1, "fail"]);
    assert.match(said, found);
    assert.notEqual(fix, null);
  });
}

const REGIONS: readonly (readonly [base: string, state: string, what: RegExp])[] = [
  ["https://api.factory.ai", "ok", /api\.factory\.ai/],
  ["https://api.eu.factory.ai", "ok", /organisations in the EU/],
  ["https://app.factory.ai", "warn", /app\.factory\.ai/],
  ["https://llm.staging.factory.ai", "ok", /^Calls go to llm\.staging\.factory\.ai\.$/],
  ["https://relay.example.com", "warn", /not a Factory host/],
];
for (const [base, state, what] of REGIONS) {
  test(`the region is told by the host: ${base}`, async () => {
    const { check } = await examined([], { environment: { FACTORY_BASE_URL: base } });
    assert.equal(check("host.region").state, state);
    assert.match(check("host.region").what, what);
  });
}

test("a host that sends callers to the EU's is named, and that one is not asked", async () => {
  const away = { status: 307, headers: { location: "https://api.eu.factory.ai/" } };
  const { code, check, calls } = await examined([], { host: ({ url }) => (url.pathname === "/" ? new Response("", away) : null) });
  assert.equal(code, 1);
  assert.deepEqual([check("host.region").state, check("host.region").fix], ["fail", "Set FACTORY_BASE_URL=https://api.eu.factory.ai"]);
  assert.ok(calls.every(({ url }) => url.hostname === "api.factory.ai"));
});

for (const [skewMs, state] of [
  [10_000, "ok"],
  [60_000, "warn"],
  [-60_000, "warn"],
  [3_600_000, "fail"],
] as const) {
  test(`a clock that is wrong by ${skewMs / 1000} s: ${state}`, async () => {
    const headers = { date: new Date(NOW_MS - skewMs).toUTCString() };
    const { check } = await examined([], { host: ({ url }) => (url.pathname === "/" ? new Response("", { headers }) : null) });
    assert.equal(check("host.clock").state, state);
    if (state !== "ok") assert.match(check("host.clock").what, skewMs > 0 ? /ahead of/ : /behind/);
  });
}

const MODELS = ["models.messages", "models.responses", "models.chat", "models.gemini"] as const;

test("--live says the cost first, then makes two small calls to each endpoint, as a server would", async () => {
  const { code, check, calls, notes } = await examined(["--live"]);
  assert.equal(code, 0);
  assert.match(notes[0] ?? "", /^--live makes 8 small calls: about \d+ credits, or \$0\.\d{4} at list prices\.$/);
  const live = calls.filter(isLive);
  assert.deepEqual(live.map((call) => `${call.url.pathname} ${call.headers.get("x-api-provider")} ${isPrompted(call)}`).sort(), [
    "/api/llm/a/v1/messages anthropic false",
    "/api/llm/a/v1/messages anthropic true",
    "/api/llm/g/v1/generate google false",
    "/api/llm/g/v1/generate google true",
    "/api/llm/o/v1/chat/completions fireworks false",
    "/api/llm/o/v1/chat/completions fireworks true",
    "/api/llm/o/v1/responses openai false",
    "/api/llm/o/v1/responses openai true",
  ]);
  assert.ok(
    live.every(({ headers, body }) => headers.get("authorization") === `Bearer ${KEY}` && /max_?(?:output_?)?tokens":16/i.test(body)),
  );
  for (const id of MODELS) assert.equal(check(id).state, "ok");
});

interface Failure {
  readonly what: string;
  readonly answer: (call: Call) => Response | Error | null;
  readonly environment?: Readonly<Record<string, string>>;
  readonly state: string;
  readonly found: RegExp;
  readonly fix?: RegExp;
}

const FAILURES: readonly Failure[] = [
  {
    what: "the gate, which the prompt passes",
    answer: (call) => (isPrompted(call) ? null : factory(403, "Forbidden")),
    state: "ok",
    found: /Factory refuses it \(403\)/,
  },
  {
    what: "the gate, with the prompt switched off",
    answer: (call) => (isPrompted(call) ? null : factory(403, "Forbidden")),
    environment: { SYSTEM_PROMPT: "" },
    state: "fail",
    found: /Factory refuses \S+ \(403\) because SYSTEM_PROMPT is off/,
    fix: /^Unset SYSTEM_PROMPT\.$/,
  },
  {
    what: "the gate, whatever is sent",
    answer: () => factory(403, "Forbidden"),
    state: "fail",
    found: /\(403\) even with the system prompt/,
  },
  {
    what: "a prompt that is refused",
    answer: (call) => (isPrompted(call) ? factory(403, "Forbidden") : null),
    state: "fail",
    found: /gets 403 with it/,
    fix: /empty value/,
  },
  {
    what: "a model that the organisation does not allow",
    answer: () => factory(403, "This model is not available due to your organization's security settings."),
    state: "warn",
    found: /organisation does not allow/,
  },
  {
    what: "the plan",
    answer: () => factory(402, "You have reached your weekly limit."),
    state: "fail",
    found: /plan has reached a limit \(402\)/,
  },
  {
    what: "the provider",
    answer: () => factory(400, "Invalid x-api-provider header"),
    state: "fail",
    found: /wrong provider or endpoint \(400\)/,
  },
  { what: "the endpoint", answer: () => factory(405, "Method Not Allowed"), state: "fail", found: /wrong provider or endpoint \(405\)/ },
  {
    what: "the key",
    answer: () => factory(401, "Unauthorized"),
    state: "fail",
    found: /rejects the key \(401\)/,
    fix: /api\.eu\.factory\.ai/,
  },
  { what: "the path", answer: () => new Response("<h1>Not found</h1>", { status: 404 }), state: "fail", found: /does not exist \(404\)/ },
  { what: "an unknown model", answer: () => factory(400, "Unknown model"), state: "warn", found: /rejects the call \(400\)/ },
  { what: "a throttle", answer: () => factory(429, "Slow down"), state: "warn", found: /rate-limited or overloaded \(429\)/ },
  { what: "an overload", answer: () => new Response("oops", { status: 529 }), state: "warn", found: /rate-limited or overloaded \(529\)/ },
  {
    what: "a redirect",
    answer: () => new Response("", { status: 308, headers: { location: "https://api.eu.factory.ai/x" } }),
    state: "fail",
    found: /redirects \(308\)/,
  },
  {
    what: "silence",
    answer: () => coded("socket hang up", "ECONNRESET"),
    state: "fail",
    found: /api\.factory\.ai can't be (?:reached|found)/,
  },
];
for (const { what, answer, environment = {}, state, found, fix } of FAILURES) {
  test(`--live names what refuses a call: ${what}`, async () => {
    const { check, code } = await examined(["--live"], { host: (call) => (isLive(call) ? answer(call) : null), environment });
    for (const id of MODELS) {
      const one = check(id);
      assert.equal(one.state, state, `${one.what} ${one.why}`);
      assert.match(one.what, found);
      if (fix !== undefined) assert.match(one.fix ?? "", fix);
    }
    assert.equal(code, state === "fail" ? 1 : 0);
  });
}

test("what Factory says is shown, without the key that it repeats", async () => {
  const { check, text } = await examined(["--live"], {
    host: (call) => (isLive(call) ? factory(402, `The key ${KEY} is used up.`) : null),
  });
  assert.equal(check("models.chat").why, "Factory says: The key fk-01234… is used up.");
  assert.ok(!text.includes(KEY.slice(9)));
});

test("the plan: what is used, nearly full, for people only, and a form that has changed", async () => {
  const at = (answer: Response): Setting => ({ host: ({ url }) => (url.pathname === "/api/billing/limits" ? answer : null) });
  const used = (await examined([])).check("quota.plan");
  assert.deepEqual(
    [used.state, used.what],
    ["ok", "Used of the plan: standard 5h 12%, standard 7d 3%, standard 30d 1%, core 5h 0%, core 7d 0%, core 30d 0%."],
  );
  assert.equal((await examined([], at(new Response(billing({ standard: [95, 3, 1] }))))).check("quota.plan").state, "warn");
  const people = (await examined([], at(new Response("{}", { status: 401 })))).check("quota.plan");
  assert.match(people.what, /does not show this key/);
  const drift = (await examined([], at(Response.json({ windows: [] })))).check("quota.plan");
  assert.deepEqual([drift.state, drift.why], ["warn", "Factory's billing endpoint sent an answer in an unknown format."]);
});

function install(name: string): void {
  mkdirSync(join(folder, "bin"), { recursive: true });
  writeFileSync(join(folder, "bin", name), "#!/bin/sh\n");
  chmodSync(join(folder, "bin", name), 0o755);
}

function writeHome(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

test(
  "agents: installed or not, the version, and where each points by its variables and its files",
  { skip: process.platform === "win32" },
  async () => {
    for (const name of ["claude", "codex", "gemini", "droid", "opencode"]) install(name);
    writeHome(".codex/config.toml", '[model_providers.factory-proxy]\nbase_url = "http://localhost:8123/v1"\n');
    writeHome(
      ".factory/settings.json",
      '{"customModels": [{"model": "m", "baseUrl": "https://user:secret-word@relay.example.com/v1?key=abc"}]} // mine\n',
    );
    writeHome(".config/opencode/opencode.json", "{ broken");
    const { check } = await examined([], { environment: { PORT: "8123" }, shell: { GOOGLE_GEMINI_BASE_URL: "http://127.0.0.1:8123" } });
    assert.deepEqual(
      (["claude", "codex", "gemini", "droid", "opencode", "missing"] as const).map((id) => [
        check(`clients.${id}`).state,
        check(`clients.${id}`).what,
      ]),
      [
        ["ok", "Claude Code 1.2.3 (tested: 2.1.332) uses its vendor's own service."],
        ["ok", "Codex 1.2.3 (tested: 0.171.0) points at this server: http://localhost:8123/v1."],
        ["ok", "Gemini CLI 1.2.3 (tested: 0.61.0) points at this server: http://127.0.0.1:8123."],
        ["ok", "Droid 1.2.3 (tested: 0.215.0) points at https://…@relay.example.com/v1?…."],
        ["ok", "OpenCode 1.2.3 (tested: 1.18.33) uses its vendor's own service."],
        ["skip", "Not installed: Qwen Code, Copilot CLI, Pi, Cline."],
      ],
    );
  },
);

test(
  "the version of an agent from npm is that of the package around its program, which need not run",
  { skip: process.platform === "win32" },
  async () => {
    writeHome("lib/pi/package.json", '{"name": "@mariozechner/pi-coding-agent", "version": "0.73.1"}');
    writeHome("lib/pi/dist/cli.js", "#!/bin/sh\n");
    chmodSync(join(folder, "lib/pi/dist/cli.js"), 0o755);
    mkdirSync(join(folder, "npm"));
    symlinkSync("../lib/pi/dist/cli.js", join(folder, "npm", "pi"));
    const { check } = await examined([], { shell: { PATH: join(folder, "npm") } });
    assert.equal(check("clients.pi").what, "Pi 0.73.1 uses its vendor's own service.");
  },
);

const LEAKS: readonly (readonly [id: Check["id"], environment: Readonly<Record<string, string>>, state: string, what: RegExp])[] = [
  [
    "clients.credentials",
    { ANTHROPIC_API_KEY: "sk-ant-0123456789", ANTHROPIC_AUTH_TOKEN: "fp-0123456789" },
    "warn",
    /ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN are both set/,
  ],
  ["clients.credentials", { ANTHROPIC_API_KEY: "sk-ant-0123456789" }, "ok", /No environment variable redirects/],
  ["clients.credentials", { CLAUDE_CODE_USE_BEDROCK: "1" }, "warn", /redirect an agent: CLAUDE_CODE_USE_BEDROCK/],
  ["clients.proxy", { HTTPS_PROXY: "http://proxy.example:3128" }, "warn", /NO_PROXY does not include 127\.0\.0\.1/],
  ["clients.proxy", { https_proxy: "http://proxy.example:3128", no_proxy: "localhost,127.0.0.1" }, "ok", /NO_PROXY includes 127\.0\.0\.1/],
  ["configuration.proxy", { HTTPS_PROXY: "http://proxy.example:3128" }, "ok", /go through an HTTP proxy/],
  ["configuration.certificates", { NODE_TLS_REJECT_UNAUTHORIZED: "0" }, "warn", /certificates are not verified/],
  ["configuration.names", { FACTORY_API_KEZ: "x" }, "warn", /FACTORY_API_KEZ \(FACTORY_API_KEY\?\)/],
  ["configuration.runtime", { BUN_CONFIG_MAX_HTTP_REQUESTS: "256" }, "warn", /limits concurrent calls to 256/],
  ["configuration.runtime", { BUN_CONFIG_MAX_HTTP_REQUESTS: "65535" }, "ok", /allows 65535 concurrent calls/],
];
for (const [id, shell, state, what] of LEAKS) {
  test(`the environment: ${Object.keys(shell).join(" and ")}: ${state}`, async () => {
    const found = (await examined([], { shell })).check(id);
    assert.equal(found.state, state);
    assert.match(found.what, what);
  });
}

async function listening(answer: (text: string) => string): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => socket.end(answer(String(bytes))));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("a port that somebody else has is a failure that says who", async () => {
  const port = await listening(() => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi");
  const { check } = await examined([], { environment: { PORT: String(port) } });
  const { state, what } = check("network.port");
  assert.equal(state, "fail");
  if (process.platform === "linux") assert.match(what, new RegExp(String.raw`in use by .+ \(process ${process.pid}\)\.$`));
  assert.equal((await examined([])).check("network.port").what, "Port 1 is free: no server is running.");
});

test("who has a port is read from what other systems print", async () => {
  const lsof = "p4321\ncnginx\nf6\n";
  const netstat =
    "  Proto  Local Address\r\n  TCP    0.0.0.0:80     0.0.0.0:0   LISTENING       12\r\n  TCP    0.0.0.0:8000   0.0.0.0:0   LISTENING       77\r\n";
  assert.equal(await portOwner(8000, { platform: "darwin", outputOf: () => Promise.resolve(lsof) }), "nginx (process 4321)");
  assert.equal(await portOwner(8000, { platform: "win32", outputOf: () => Promise.resolve(netstat) }), "process 77");
  assert.equal(await portOwner(8000, { platform: "darwin", outputOf: () => Promise.resolve(null) }), null);
});

test("--url: a server without anything in front, one behind a proxy that holds streams back and swallows Upgrade, and another program", async () => {
  const gateway = await startGateway();
  try {
    const straight = { fetch: (url: string, init: RequestInit) => fetch(url, init), shell: { FACTORY_PROXY_KEY: gateway.key } };
    const direct = await examined(["--url", `${gateway.url}/`], straight);
    assert.deepEqual(statesOf(direct.checks, "network.").slice(2), ["network.url ok", "network.streams ok", "network.websocket ok"]);

    // It asks again with a head of its own, and answers when it has all of the answer.
    const waiting: string[] = [];
    const port = await new Promise<number>((resolve) => {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.on("data", (bytes) => {
          const [, path = "/"] = /^GET (\S+)/.exec(String(bytes)) ?? [];
          waiting.push(path);
          void fetch(gateway.url + path).then(async (answer) => {
            const text = await answer.text();
            socket.end(`HTTP/1.1 ${answer.status} X\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`);
          });
        });
      });
      servers.push(server);
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
    const behind = await examined(["--url", `http://127.0.0.1:${port}`], straight);
    assert.deepEqual(waiting, ["/", "/health/stream", "/v1/responses"]);
    assert.deepEqual(statesOf(behind.checks, "network.").slice(2), ["network.url ok", "network.streams fail", "network.websocket skip"]);
    assert.match(behind.check("network.streams").what, /buffered/);

    const deaf = await listening((text) =>
      text.startsWith("GET /v1/responses")
        ? "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        : text.startsWith("GET /health/stream")
          ? "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
          : 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 24\r\n\r\n{"name":"factory-proxy"}',
    );
    const swallowed = await examined(["--url", `http://127.0.0.1:${deaf}`], straight);
    assert.deepEqual(statesOf(swallowed.checks, "network.").slice(2), ["network.url ok", "network.streams skip", "network.websocket warn"]);
    assert.match(swallowed.check("network.websocket").what, /the answer is 400/);

    const other = await listening(() => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi");
    assert.equal((await examined(["--url", `http://127.0.0.1:${other}`], straight)).check("network.url").state, "fail");
    assert.equal((await examined(["--url", "http://127.0.0.1:9"], straight)).check("network.url").state, "fail");
  } finally {
    await gateway.stop();
  }
});

test("the store: in memory, out of reach, and prices that are old", async () => {
  assert.equal((await examined([], { environment: { DATABASE_URL: "memory:" } })).check("store.writable").state, "warn");
  const gone = await examined([], { store: () => Promise.reject(new StoreError("The file can't be opened.")) });
  assert.deepEqual(
    [gone.code, gone.check("store.writable").state, gone.check("store.writable").why],
    [1, "fail", "The file can't be opened."],
  );
  const old = await examined([], { nowMs: NOW_MS + 200 * 24 * 3_600_000 });
  assert.match(old.check("store.prices").what, /201 days ago\.$/);
  assert.equal(old.check("store.prices").state, "warn");
});

test("a report is one file without keys and without the name of the home folder, and writes over no other file", async () => {
  const path = join(folder, "report.json");
  const secrets = {
    FACTORY_API_KEY: "fk-canary1-0123456789abcdef",
    FACTORY_API_KEYS: "fk-canary2-0123456789abcdef",
    PROXY_API_KEY: "alice=px-canary3-0123456789,px-canary4-0123456789",
    UPSTREAM_HEADERS: '{"x-tenant": "hd-canary5-0123456789"}',
    DATABASE_URL: "postgres://user:pw-canary6-0123456789@db.example/x",
    CHAT_TARGET_URL: "https://api.factory.ai/api/llm/o/v1/chat/completions?token=qu-canary7-0123456789",
  };
  const shell = { GITHUB_TOKEN: "gh-canary8-0123456789", HTTPS_PROXY: "http://me:pr-canary9-0123456789@proxy.example:3128" };
  const all = [...Object.values(secrets), ...Object.values(shell)].join(" ");
  const setting: Setting = { environment: secrets, shell, host: (call) => (isLive(call) ? factory(402, `${all} ${folder}`) : null) };
  const { text, notes } = await examined(["--live", "--report", path], setting);
  const report = readFileSync(path, "utf8");
  for (const out of [report, text, notes.join("\n")]) assert.doesNotMatch(out, /canary\d-0123456789|0123456789abcdef/);
  assert.ok(!report.includes(folder), "the home folder");
  const { object, checks, variables } = JSON.parse(report) as { object: string; checks: Check[]; variables: Record<string, string> };
  assert.equal(object, "factory-proxy-report");
  assert.equal(checks.find(({ id }) => id === "models.chat")?.state, "fail");
  assert.equal(variables["DATABASE_URL"], "postgres://…@db.example/x");
  await examined(["--report", path]);
  writeFileSync(path, "my notes");
  await assert.rejects(examined(["--report", path]), /exists and is not a report/);
  assert.equal(readFileSync(path, "utf8"), "my notes");
});

test("wrong use ends with 2", async () => {
  for (const words of [["report.json"], ["--url", "example.com"]]) {
    await assert.rejects(examined(words), (error) => error instanceof CommandError && error.exitCode === 2);
  }
});
