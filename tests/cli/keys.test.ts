// The keys commands over a store in memory: what each prints, keeps and refuses.

import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyRecord } from "../../src/access/key-changes.ts";
import { StoreError, type Store } from "../../src/access/store.ts";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { CommandError, commandOf, readInput, type Context } from "../../src/cli/command.ts";
import { KEYS } from "../../src/cli/keys.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { read } from "../support/configuration.ts";

const NOW_MS = Date.UTC(2026, 10, 28, 14);
const DAY_MS = 86_400_000;
const KEY = /^fp-[0-9A-Za-z]{32}$/;

interface Said {
  readonly code: number;
  readonly out: string;
  readonly note: string;
}

class Desk {
  nowMs = NOW_MS;
  readonly store: Store;
  files: Record<string, string> = {};

  constructor(store: Store = new MemoryStore()) {
    this.store = store;
  }

  /** Runs a command line; values with spaces stand in single quotes. */
  async run(line: string): Promise<Said> {
    const words = ["keys", ...[...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word)];
    const [out, notes]: [string[], string[]] = [[], []];
    const isJson = words.includes("--json");
    const context: Context = {
      now: () => this.nowMs,
      isJson,
      config: () => read({ environment: { PROXY_API_KEY: "secret-one,bruno=secret-two", PORT: "1" } }),
      envHere: () => null,
      store: () => Promise.resolve(this.store),
      print: (text) => void out.push(text),
      show: (value, text) => void out.push(isJson ? JSON.stringify(value) : text()),
      note: (text) => void notes.push(text),
      ask: null,
      style: (_, text) => text,
      read: (path) => this.files[path] ?? assert.fail(`no file ${path}`),
    };
    const command = commandOf(KEYS, words) ?? assert.fail(line);
    try {
      const code = (await command.run(readInput(words.slice(2), command), context)) ?? 0;
      return { code, out: out.join("\n"), note: notes.join("\n") };
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return { code: error.exitCode, out: out.join("\n"), note: error.message };
    }
  }

  async json(line: string): Promise<Record<string, unknown>> {
    return JSON.parse((await this.run(`${line} --json`)).out) as Record<string, unknown>;
  }
}

test("keys add prints the key alone, keeps its hash, and refuses a name that exists", async () => {
  const desk = new Desk();
  const { code, out, note } = await desk.run("add alice --budget 5usd/day --budget 1M-tokens/5h --rpm 60 --note 'The boss'");
  assert.match(out, KEY);
  assert.deepEqual([code, note], [0, "The key for alice, shown only once:"]);
  const [record] = await desk.store.keys();
  assert.equal(record?.hash, runtime.sha256(out).toHex());
  assert.ok(!JSON.stringify(record).includes(out));
  assert.deepEqual(await desk.run("add alice"), {
    code: 1,
    out: "",
    note: 'A key named "alice" already exists. Use keys set to change it, or keys rotate to replace its value.',
  });
  assert.deepEqual(await desk.run("add bruno"), { code: 1, out: "", note: 'PROXY_API_KEY already has a key named "bruno".' });
  assert.equal((await desk.run("add x --budget 5usd")).code, 2);
  assert.equal((await desk.store.keys()).length, 1);
});

test("keys add --link prints lines for a shell with the key in them, and a link for cc-switch", async () => {
  const { out } = await new Desk().run("add alice --link claude --url https://llm.example.org/ --model sonnet");
  const key = /AUTH_TOKEN='(.*)'/.exec(out)?.[1] ?? "";
  assert.match(key, KEY);
  const [, host] = ["https://llm.example.org", "https%3A%2F%2Fllm.example.org"];
  const name = "Factory%20Proxy%20%28alice%29";
  assert.deepEqual(out.split("\n"), [
    "export ANTHROPIC_BASE_URL='https://llm.example.org'",
    `export ANTHROPIC_AUTH_TOKEN='${key}'`,
    "export ANTHROPIC_API_KEY=''",
    "export ANTHROPIC_MODEL='claude-sonnet-5'",
    "# Then: claude",
    `# For cc-switch: ccswitch://v1/import?resource=provider&app=claude&name=${name}&homepage=${host}&endpoint=${host}&apiKey=${key}&model=claude-sonnet-5`,
  ]);
});

test("keys link has a placeholder for the key, since only its hash is kept", async () => {
  const desk = new Desk();
  await desk.run("add alice");
  const lines = async (app: string): Promise<string[]> =>
    (await desk.run(`link alice --for ${app}`)).out.split("\n").filter((line) => !line.includes("cc-switch"));
  assert.deepEqual(await lines("codex"), [
    "export CODEX_API_KEY='fp-YOUR-KEY'",
    `# Then: codex -c 'openai_base_url="http://127.0.0.1:1/v1"'`,
  ]);
  assert.deepEqual(await lines("gemini"), [
    "export GOOGLE_GEMINI_BASE_URL='http://127.0.0.1:1'",
    "export GEMINI_API_KEY='fp-YOUR-KEY'",
    "# Then: gemini",
    '# Once: choose "Use Gemini API Key" in its sign-in dialog; "gemini -p" works from then on.',
  ]);
  assert.deepEqual(await desk.run("link alice --link codex"), await desk.run("link alice --for codex"));
  assert.match((await desk.run("add bob --for codex")).out, /^export CODEX_API_KEY='fp-/);
  assert.deepEqual(await lines("openai"), ["export OPENAI_BASE_URL='http://127.0.0.1:1/v1'", "export OPENAI_API_KEY='fp-YOUR-KEY'"]);
  assert.deepEqual(
    [await desk.run("link alice"), await desk.run("link alice --for cursor"), await desk.run("link carol --for codex")].map(
      ({ code }) => code,
    ),
    [2, 2, 1],
  );
});

test("keys list shows every key with its state, those of PROXY_API_KEY too, and default first", async () => {
  const desk = new Desk();
  assert.match((await new Desk().run("list")).out, /^NAME/);
  await desk.run("add alice --expires 30d --models 'claude-*'");
  await desk.run("add carol");
  await desk.run("off carol");
  await desk.run("set default --parallel 4");
  desk.nowMs += 30 * DAY_MS;
  const { out } = await desk.run("list");
  const rows = out.split("\n").map((line) => line.replace(/fp-..…../, "fp-…").split(/\s{2,}/));
  assert.deepEqual(rows, [
    ["NAME", "KEY", "STATE", "LIMITS", "EXPIRES", "NOTE"],
    ["default", "-", "-", "4 concurrent calls", "never"],
    ["alice", "fp-…", "expired", "claude-*", "2026-12-28T14:00:00Z"],
    ["carol", "fp-…", "off", "-", "never"],
    ["env-1", "PROXY_API_KEY", "active", "-", "never"],
    ["bruno", "PROXY_API_KEY", "active", "-", "never"],
  ]);
});

test("keys list tells a key whose budget is used up from one that works, and keys of the playground from those of PROXY_API_KEY", async () => {
  const desk = new Desk();
  await desk.run("add alice --budget 5usd/day");
  await desk.store.insertKey({ ...emptyRecord("playground", NOW_MS), lent: [{ hash: "0".repeat(64), untilMs: NOW_MS + DAY_MS }] });
  await spendToday(desk);
  const rows = async (): Promise<string[][]> => {
    const { out } = await desk.run("list");
    return out.split("\n").map((line) =>
      line
        .replace(/fp-..…../, "fp-…")
        .split(/\s{2,}/)
        .slice(0, 3),
    );
  };
  assert.deepEqual(await rows(), [
    ["NAME", "KEY", "STATE"],
    ["alice", "fp-…", "budget used up"],
    ["playground", "stored", "active"],
    ["env-1", "PROXY_API_KEY", "active"],
    ["bruno", "PROXY_API_KEY", "active"],
  ]);
  assert.equal((await desk.json("show alice"))["state"], "spent");
  assert.equal((await desk.run("on alice")).out, "alice is on, but a budget is used up.");
  desk.nowMs += DAY_MS;
  assert.deepEqual((await rows())[1], ["alice", "fp-…", "active"]);
});

test("keys show says what counts and where the budgets stand, with what was raised", async () => {
  const desk = new Desk();
  await desk.run("set default --parallel 4");
  await desk.run("add alice --budget 5usd/day --zone Asia/Shanghai");
  const account = { budgets: { "usd/day": { startMs: NOW_MS - 3_600_000, used: 1.5 } }, requests: [], tokens: [], running: 0, ahead: null };
  const id = { key: "alice", scope: "" };
  await desk.store.transact({ accounts: [id], reservations: [] }, () => ({
    accounts: [[id, account]],
    opened: [],
    closed: [],
    result: null,
  }));
  assert.equal((await desk.run("raise alice 2usd --today")).out, "alice has 2usd more until 2026-11-29T00:00:00+08:00.");
  const { out } = await desk.run("show alice");
  assert.deepEqual(
    out.split("\n").map((line) => line.replace(/fp-..…../, "fp-…")),
    [
      "Key         alice  fp-…",
      "State       active",
      "Created     2026-11-28T22:00:00+08:00",
      "First used  not yet",
      "Expires     never",
      "Limits      5usd/day",
      "            4 concurrent calls (from default)",
      "            Asia/Shanghai",
      "Budgets     5usd/day: 1.5 of 7usd used until 2026-11-29T00:00:00+08:00",
      "Raised      by 2usd until 2026-11-29T00:00:00+08:00",
    ],
  );
  const { standing, effective } = await desk.json("show alice");
  assert.deepEqual(standing, [{ budget: "5usd/day", amount: 7, unit: "usd", used: 1.5, resets: "2026-11-28T16:00:00Z" }]);
  assert.deepEqual((effective as { readonly parallel: number }).parallel, 4);
});

test("keys set changes what it names, for keys of PROXY_API_KEY and default too, and models by any of their names", async () => {
  const desk = new Desk();
  await desk.run("add alice --rpm 60 --budget 5usd/day");
  const { rpm, models, budgets, soft } = await desk.json("set alice --models '!opus,sonnet,@core' --soft 80:haiku --rpm none");
  assert.deepEqual(
    { rpm, models, budgets, soft },
    { rpm: 0, models: ["!claude-opus-5", "claude-sonnet-5", "@core"], budgets: ["5usd/day"], soft: "80:claude-haiku-4-5-20251001" },
  );
  assert.equal((await desk.json("set env-1 --rpm 10"))["rpm"], 10);
  assert.equal((await desk.json("set env-1 --tpm 10k"))["rpm"], 10);
  assert.equal((await desk.json("set anonymous --rpm 5"))["rpm"], 5);
  const faults = await Promise.all(
    ["set alice", "set alice --models minimx-m2.5", "set alcie --rpm 5", "set default --expires 5d"].map((line) => desk.run(line)),
  );
  assert.deepEqual(
    faults.map(({ code }) => code),
    [2, 2, 1, 2],
  );
  assert.match(faults[1]?.note ?? "", /Did you mean "minimax-m2\.5"/);
  const unknown = await desk.run("set alice --models '!claude-opsu-5,gpt-99-*'");
  assert.match(unknown.note, /^Unknown model claude-opsu-5\. Did you mean "claude-opus-5".*\nUnknown model gpt-99-\*\./);
  assert.match(faults[2]?.note ?? "", /Did you mean "alice"\?/);
});

test("keys rotate gives a new key, off and on switch, rm removes", async () => {
  const desk = new Desk();
  const old = (await desk.run("add alice --rpm 60")).out;
  const { out: fresh, note } = await desk.run("rotate alice --grace 24h");
  assert.equal(note, "The key for alice, shown only once:\nThe old key works until 2026-11-29T14:00:00Z.");
  const [record] = await desk.store.keys();
  assert.deepEqual(
    [record?.hash, record?.previous, record?.rules.requestsPerMinute],
    [runtime.sha256(fresh).toHex(), { hash: runtime.sha256(old).toHex(), untilMs: NOW_MS + DAY_MS }, 60],
  );
  assert.equal((await desk.run("rotate alice")).note, "The key for alice, shown only once:\nThe old key no longer works.");
  assert.deepEqual(
    [await desk.run("off alice"), await desk.run("on alice"), await desk.run("rm alice"), await desk.run("rm alice")].map(
      ({ code, out }) => [code, out],
    ),
    [
      [0, "alice is off."],
      [0, "alice is on."],
      [0, "Removed alice."],
      [1, ""],
    ],
  );
  assert.deepEqual(
    [await desk.run("rotate env-1"), await desk.run("off default"), await desk.run("raise env-1 2usd"), await desk.run("rotate bob")].map(
      ({ code }) => code,
    ),
    [2, 1, 1, 1],
  );
});

test("keys rm removes no key of PROXY_API_KEY, only what the store says of it, and says so", async () => {
  const desk = new Desk();
  const stands = '"bruno" is set in PROXY_API_KEY. Remove it there.';
  await desk.run("set bruno --rpm 5");
  await desk.run("set default --rpm 9");
  const lines = ["rm bruno", "rm bruno", "rm default", "rm default"];
  const said: unknown[] = [];
  for (const line of lines) {
    const { code, out, note } = await desk.run(line);
    said.push([code, out, note]);
  }
  assert.deepEqual(said, [
    [0, "Removed the limits of bruno. The key itself is in PROXY_API_KEY.", ""],
    [1, "", stands],
    [0, "Removed the limits of default.", ""],
    [1, "", '"default" has no limits to remove.'],
  ]);
  assert.equal((await desk.run("show bruno")).out, "Key      bruno  PROXY_API_KEY\nState    active\nExpires  never\nLimits   none");
});

/** Asks `keys check` for a model on behalf of alice: code and words. */
function checking(desk: Desk): (model: string) => Promise<unknown> {
  return async (model) => {
    const { code, out } = await desk.run(`check alice --model ${model}`);
    return [code, out];
  };
}

test("keys check says whether a model is allowed, under every name that it has, or why not", async () => {
  const desk = new Desk();
  await desk.run("add alice --models '!opus' --budget 5usd/day --expires 30d");
  const said = checking(desk);
  const denied = "its models are !claude-opus-5, and this one is claude-opus-5 of @standard.";
  assert.deepEqual(await said("sonnet"), [0, "alice may use sonnet."]);
  for (const model of ["opus", "claude-opus-5", "Claude-Opus-5[1m]"])
    assert.deepEqual(await said(model), [1, `alice may not use ${model}: ${denied}`]);
  await spendToday(desk);
  assert.deepEqual(await said("sonnet"), [
    1,
    "alice may not use sonnet: it has used its budget of 5usd/day, which resets at 2026-11-29T00:00:00Z.",
  ]);
  await desk.run("off alice");
  assert.deepEqual(await said("sonnet"), [1, "alice may not use sonnet: the key is switched off."]);
  await desk.run("on alice");
  desk.nowMs += 30 * DAY_MS;
  assert.deepEqual(await said("sonnet"), [1, "alice may not use sonnet: the key has expired."]);
});

test("keys check names the budget that the next call would not fit into, or that can't cover the model", async () => {
  const desk = new Desk();
  await desk.run("add alice --budget 1usd/day --soft 80:glm-5.2");
  const said = checking(desk);
  const resets = "which resets at 2026-11-29T00:00:00Z";
  await spendToday(desk, 0.98);
  // The cheaper model answers.
  assert.deepEqual(await said("gpt-5.5"), [0, "alice may use gpt-5.5."]);
  await desk.run("set alice --soft none");
  assert.deepEqual(await said("gpt-5.5"), [
    1,
    `alice may not use gpt-5.5: a call may take about 0.03 usd, and 0.02 is left of its budget of 1usd/day, ${resets}.`,
  ]);
  assert.deepEqual(await said("sonnet"), [0, "alice may use sonnet."]);
  assert.deepEqual(await said("gpt-99"), [1, "alice may not use gpt-99: it has a budget in usd, and what this model costs is not known."]);
});

test("keys export holds hashes and no key, and import makes the same keys elsewhere, all or none", async () => {
  const [desk, other] = [new Desk(), new Desk()];
  const key = (await desk.run("add alice --budget 5usd/day --expires '30d after first use'")).out;
  await desk.run("set default --rpm 60");
  await desk.run("rotate alice --grace 24h");
  const { out } = await desk.run("export");
  assert.ok(!out.includes(key) && out.includes(runtime.sha256(key).toHex()));
  other.files = { "keys.json": out };
  assert.equal((await other.run("import keys.json")).out, "2 imported.");
  assert.deepEqual(await other.store.keys(), await desk.store.keys());
  assert.equal((await other.run("import keys.json")).out, "0 imported; 2 unchanged.");
  await other.run("set alice --rpm 1");
  await other.run("rm default");
  assert.match((await other.run("import keys.json")).note, /^A different key named "alice" already exists\. .* Nothing was changed\.$/);
  assert.equal((await other.store.keys()).length, 1);
  assert.equal((await other.run("import keys.json --replace")).code, 0);
  assert.deepEqual(await other.store.keys(), await desk.store.keys());
});

test("keys import refuses what is no such file, and a key that goes by another name", async () => {
  const desk = new Desk();
  await desk.run("add alice");
  const { out } = await desk.run("export");
  desk.files = {
    a: "{",
    b: "[]",
    c: '{"keys": [{}]}',
    d: out.replace('"alice"', '"bob"'),
    e: out.replace('"keys": [', `"keys": [${out.slice(out.indexOf("[") + 1, out.lastIndexOf("]"))},`),
  };
  const said = await Promise.all(Object.keys(desk.files).map((file) => desk.run(`import ${file}`)));
  assert.deepEqual(
    said.map(({ code }) => code),
    [1, 1, 2, 1, 1],
  );
  assert.match(said[3]?.note ?? "", /another name/);
  assert.match(said[4]?.note ?? "", /two keys named "alice"/);
  assert.equal((await desk.store.keys()).length, 1);
});

test("a store that is away ends every command with its own sentence", async () => {
  const store = new MemoryStore();
  store.keys = () => Promise.reject(new StoreError("The database can't be reached."));
  await assert.rejects(new Desk(store).run("list"), StoreError);
});

/** Of alice, 5 usd. */
async function spendToday(desk: Desk, used = 5): Promise<void> {
  const id = { key: "alice", scope: "" };
  const account = { budgets: { "usd/day": { startMs: NOW_MS, used } }, requests: [], tokens: [], running: 0, ahead: null };
  await desk.store.transact({ accounts: [id], reservations: [] }, () => ({
    accounts: [[id, account]],
    opened: [],
    closed: [],
    result: null,
  }));
}
