// The plan through the whole program: asked about while there are calls, told to clients, and kept for conversations that run.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { KeyRules } from "../../src/access/client-key.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { billing } from "../support/billing.ts";
import { ask, errorIn, MODELS } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { CLIENT_KEY, FACTORY_KEY, startGateway, until, type GatewayOptions, type RunningGateway } from "../support/gateway.ts";
import { SharedStore } from "../support/limits.ts";
import { SocketClient } from "../support/socket.ts";
import { keyRecord } from "../support/stored.ts";
import type { Answer } from "../support/upstream.ts";

const BILLING = "/api/billing/limits";
const CLAUDE = MODELS["anthropic-messages"];
const CODEX = { originator: "codex_cli_rs" };
/** Two hours from now, in whole seconds. */
const END_MS = Math.ceil(Date.now() / 1000) * 1000 + 2 * 3_600_000;
const RESET = `${new Date(END_MS).toISOString().slice(0, 19)}Z`;

const gateways: RunningGateway[] = [];
after(async () => {
  for (const one of gateways) await one.stop();
});

interface Planned {
  readonly gateway: RunningGateway;
  /** What Factory says of the plan from now on. */
  readonly says: (answer: Answer) => void;
  /** How often Factory was asked. */
  readonly asked: () => number;
}

async function planned(environment: Record<string, string>, options: GatewayOptions = {}): Promise<Planned> {
  let said: Answer = { body: billing({ standard: [40, 0, 0], endMs: END_MS }) };
  const gateway = await startGateway({ environment: { SYSTEM_PROMPT: "", QUOTA_INTERVAL: "0.05", ...environment }, ...options });
  gateways.push(gateway);
  gateway.upstream.script((seen) => (seen.path === BILLING ? said : null));
  const asked = (): number => gateway.upstream.requests.filter(({ path }) => path === BILLING).length;
  return {
    gateway,
    says: (answer) => void (said = answer),
    asked,
  };
}

interface Asking {
  readonly model?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text?: string;
}

function call(
  gateway: RunningGateway,
  protocol: ProtocolId,
  { model = CLAUDE, headers = {}, text = "Hello there" }: Asking = {},
): Promise<Response> {
  const { path, body } = ask(protocol, { model, stream: false, text });
  return gateway.call(path, { body, headers });
}

const headersOf = (response: Response, ...names: string[]): (string | null)[] => names.map((name) => response.headers.get(name));

test("the first call goes out as ever, and Factory is asked with its key alone", async () => {
  const { gateway, asked } = await planned({ QUOTA_INTERVAL: "60" });
  const first = await call(gateway, "openai-chat");
  assert.deepEqual([first.status, first.headers.get("x-factory-proxy-quota")], [200, null]);
  await until(() => asked() === 1, "the question");
  const seen = gateway.upstream.requests.find(({ path }) => path === BILLING);
  assert.equal(seen?.method, "GET");
  assert.deepEqual([seen?.headers["authorization"], seen?.headers["x-factory-client"], seen?.body], [`Bearer ${FACTORY_KEY}`, "cli", ""]);
  assert.ok(!JSON.stringify(seen.headers).includes(CLIENT_KEY));
  await gateway.call("/quota", { method: "GET" });
  assert.equal(asked(), 1);
});

test("everybody is told of the pool that answers; Codex in its own headers too, and nobody else", async () => {
  const { gateway, says } = await planned({ QUOTA_INTERVAL: "60" });
  says({ body: billing({ standard: [40, 10, 0], core: [3, 0, 0], endMs: END_MS }) });
  await gateway.call("/quota", { method: "GET" });
  const standard = `5h;standard;used=40;reset=${RESET}, 7d;standard;used=10;reset=${RESET}, 30d;standard;used=0`;
  for (const protocol of PROTOCOLS) {
    const response = await call(gateway, protocol);
    assert.deepEqual(headersOf(response, "x-factory-proxy-quota", "x-codex-primary-used-percent"), [standard, null], protocol);
  }
  const core = await call(gateway, "openai-chat", { model: "glm-5.2" });
  assert.equal(core.headers.get("x-factory-proxy-quota"), `5h;core;used=3;reset=${RESET}, 7d;core;used=0, 30d;core;used=0`);
  const codex = await call(gateway, "openai-responses", { model: MODELS["openai-responses"], headers: CODEX });
  const found = Object.fromEntries([...codex.headers].filter(([name]) => name.startsWith("x-codex-")));
  assert.deepEqual(found, {
    "x-codex-primary-used-percent": "40",
    "x-codex-primary-window-minutes": "300",
    "x-codex-primary-reset-at": String(END_MS / 1000),
    "x-codex-secondary-used-percent": "10",
    "x-codex-secondary-window-minutes": "10080",
    "x-codex-secondary-reset-at": String(END_MS / 1000),
    "x-codex-credits-has-credits": "true",
    "x-codex-credits-unlimited": "false",
    "x-codex-credits-balance": "12.50",
  });
  const client = await new SocketClient(gateway, { headers: CODEX }).opened();
  const [frame, first] = await client.ask({ model: MODELS["openai-responses"], input: "Hello" });
  client.close();
  const window = { used_percent: 40, window_minutes: 300, reset_at: END_MS / 1000 };
  assert.deepEqual(frame, {
    type: "codex.rate_limits",
    rate_limits: { primary: window, secondary: { ...window, used_percent: 10, window_minutes: 10_080 } },
    credits: { has_credits: true, unlimited: false, balance: "12.50" },
  });
  assert.equal(first?.["type"], "response.created");
  assert.match(JSON.stringify(await (await gateway.call("/quota", { method: "GET" })).json()), /"state":"works"/);
});

test("whatever the billing endpoint does, calls are answered, and no headers are made up", async () => {
  const answers: readonly Answer[] = [
    { status: 401, body: "{}" },
    { status: 404, body: "<html>" },
    { status: 500, body: "" },
    { body: "<html>" },
    { body: '{"limits":{"standard":{"fiveHour":{"used":"some"}}}}' },
    { reset: true },
    { body: billing().slice(0, 50), cut: { after: { bytes: 20 }, how: "destroy" } },
  ];
  for (const answer of answers) {
    const { gateway, says, asked } = await planned({ QUOTA_GUARD: "1" });
    says(answer);
    for (let count = 0; count < 3; count++) {
      const response = await call(gateway, "openai-responses", { headers: CODEX });
      assert.equal(response.status, 200);
      assert.deepEqual(
        [...response.headers.keys()].filter((name) => /codex|quota/.test(name)),
        [],
        JSON.stringify(answer),
      );
      await response.text();
      await until(() => asked() > 0, "the question");
    }
    assert.ok(gateway.lines.every(({ level }) => level === "info"));
  }
});

test("GET /quota needs a key, asks where nobody has asked yet, and says which of three states it is", async () => {
  const { gateway, says } = await planned({});
  assert.equal((await gateway.call("/quota", { method: "GET", key: null })).status, 401);
  says({ status: 401, body: "{}" });
  const body: unknown = await (await gateway.call("/quota", { method: "GET" })).json();
  assert.match(JSON.stringify(body), /"state":"sign-in only","reason":"Factory answers 401: /);
});

test("a client with a Factory key of its own is told of its own plan", async () => {
  const { gateway } = await planned({ FACTORY_API_KEY: "", PROXY_API_KEY: "" });
  gateway.upstream.script((seen) =>
    seen.path === BILLING ? { body: billing({ standard: [seen.headers["authorization"] === "Bearer fk-mine" ? 7 : 80, 0, 0] }) } : null,
  );
  const body: unknown = await (await gateway.call("/quota", { method: "GET", key: "fk-mine" })).json();
  assert.match(JSON.stringify(body), /"used_percent":7/);
});

// ---- The guard ---------------------------------------------------------------------------------------------------

const NEARLY_FULL: Answer = { body: billing({ standard: [10, 96.24, 0], core: [3, 0, 0], endMs: END_MS }) };
const FULL: Answer = { body: billing({ standard: [10, 96.24, 0], core: [99, 0, 0], endMs: END_MS }) };

/** The key has rules of its own. */
async function guarded(environment: Record<string, string> = {}, rules: Partial<KeyRules> = {}): Promise<Planned> {
  const store = new SharedStore();
  const record = keyRecord("alice", { hash: null });
  await store.insertKey({ ...record, rules: { ...record.rules, budgets: null, ...rules } });
  const made = await planned({ PROXY_API_KEY: `alice=${CLIENT_KEY}`, QUOTA_GUARD: "95", QUOTA_INTERVAL: "2", ...environment }, { store });
  return made;
}

async function learn({ gateway }: Planned): Promise<void> {
  await gateway.call("/quota", { method: "GET" });
}

test("above the guard new conversations go to the first Core model that the key may use, named in the answer", async () => {
  const plan = await guarded({}, { models: ["claude-*", "glm-5.2"] });
  plan.says(NEARLY_FULL);
  await learn(plan);
  for (const protocol of PROTOCOLS) {
    const response = await call(plan.gateway, protocol);
    assert.deepEqual([response.status, response.headers.get("x-factory-proxy-fallback")], [200, `${CLAUDE} -> glm-5.2`], protocol);
    assert.match(response.headers.get("x-factory-proxy-quota") ?? "", /^5h;core;used=3/);
    const line = await plan.gateway.lineOf(response);
    assert.deepEqual([line["model"], line["upstreamModel"]], [CLAUDE, "glm-5.2"]);
  }
});

test("QUOTA_GUARD_MODEL names another one; a Core model that is asked for answers itself", async () => {
  const plan = await guarded({ QUOTA_GUARD_MODEL: "kimi-k2.6" });
  plan.says(NEARLY_FULL);
  await learn(plan);
  assert.equal((await call(plan.gateway, "openai-chat")).headers.get("x-factory-proxy-fallback"), `${CLAUDE} -> kimi-k2.6`);
  assert.equal((await call(plan.gateway, "openai-chat", { model: "glm-5.2" })).headers.get("x-factory-proxy-fallback"), null);
});

test("a QUOTA_GUARD_MODEL that nobody knows is warned of at the start", async () => {
  const { gateway } = await guarded({ QUOTA_GUARD_MODEL: "kimi-k9" });
  assert.deepEqual(
    gateway.lines.filter(({ level }) => level === "warning").map(({ event, model }) => [event, model]),
    [["unknown QUOTA_GUARD_MODEL", "kimi-k9"]],
  );
});

const REFUSED: Readonly<Record<ProtocolId, { readonly type: string; readonly code: string | null }>> = {
  "anthropic-messages": { type: "billing_error", code: null },
  "openai-chat": { type: "insufficient_quota", code: "insufficient_quota" },
  "openai-responses": { type: "insufficient_quota", code: "insufficient_quota" },
  gemini: { type: "FAILED_PRECONDITION", code: null },
};
const MESSAGE = `The plan's weekly window for standard models is 96.2% used, and from 95% on (QUOTA_GUARD) the key "alice" can't start new conversations; it resets at ${RESET}.`;

test("where no model is left the call is refused with the time, in the words at which each client stops, and nothing goes out", async () => {
  const plan = await guarded();
  plan.says(FULL);
  await learn(plan);
  const { gateway } = plan;
  const before = gateway.upstream.requests.filter(({ path }) => path !== BILLING).length;
  for (const protocol of PROTOCOLS) {
    const response = await call(gateway, protocol);
    const names = ["x-factory-proxy-reason", "x-factory-proxy-limit", "x-should-retry", "retry-after"];
    assert.deepEqual(headersOf(response, ...names), ["quota", `7d;standard;limit=95;used=96.2;reset=${RESET}`, "false", null], protocol);
    assert.deepEqual(await errorIn(protocol, response), { status: 402, message: MESSAGE, param: null, ...REFUSED[protocol] });
  }
  const error = { message: MESSAGE, type: "usage_limit_reached", param: null, code: "usage_limit_reached", resets_at: END_MS / 1000 };
  const codex = await call(gateway, "openai-responses", { headers: CODEX });
  assert.deepEqual([codex.status, await codex.json()], [429, { error }]);
  const client = await new SocketClient(gateway, { headers: CODEX }).opened();
  const [frame] = await client.ask({ model: CLAUDE, input: "Hello" });
  client.close();
  assert.deepEqual([frame?.["status"], frame?.["error"]], [429, error]);
  assert.equal((await gateway.lineOf(codex))["error"], "quota");
  assert.equal(gateway.upstream.requests.filter(({ path }) => path !== BILLING).length, before);
});

test("native routes keep their model, so a new conversation is refused there; counting tokens and /explain go on", async () => {
  const plan = await guarded();
  plan.says(NEARLY_FULL);
  await learn(plan);
  const { path, body } = ask("anthropic-messages", { model: CLAUDE, stream: false });
  assert.equal((await plan.gateway.call(`/anthropic${path}`, { body })).status, 402);
  assert.equal((await plan.gateway.call(`${path}/count_tokens`, { body })).status, 200);
  assert.equal((await plan.gateway.call(`/explain${path}`, { body })).status, 200);
});

test("conversations that were let in before go on, by their beginning or the client's session", async () => {
  const plan = await guarded();
  const { gateway } = plan;
  await learn(plan);
  const session = { "x-claude-code-session-id": "5f0c" };
  for (const asking of [{ text: "The first." }, { text: "Another.", headers: session }])
    await (await call(gateway, "openai-chat", asking)).text();
  plan.says(FULL);
  const before = plan.asked();
  while (plan.asked() === before) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    await learn(plan);
  }
  const statuses: number[] = [];
  for (const asking of [{ text: "The first." }, { text: "Something else.", headers: session }, { text: "New." }]) {
    const response = await call(gateway, "openai-chat", asking);
    statuses.push(response.status);
    await response.text();
  }
  assert.deepEqual(statuses, [200, 200, 402]);
});

test("a fallback does not lead into a pool that is kept", async () => {
  const made = await planned(
    { QUOTA_GUARD: "95", QUOTA_INTERVAL: "60" },
    { modelTable: JSON.stringify({ models: [{ id: "glm-5.2", fallback: [CLAUDE] }] }) },
  );
  made.says(NEARLY_FULL);
  await learn(made);
  made.gateway.upstream.script((seen) =>
    seen.path === BILLING ? NEARLY_FULL : seen.body.includes("glm-5.2") ? { error: { status: 503, message: "Busy." } } : null,
  );
  assert.equal((await call(made.gateway, "openai-chat", { model: "glm-5.2" })).status, 503);
});
