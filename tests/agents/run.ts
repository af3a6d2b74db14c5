// `bun run agents [NAME ...]`: agents as people install them run one tool task on each model behind the gateway; prints the table of
// tests/README.md. With `--empty-budget` their key has used up its budget, and each has to stop at once and say so. They come from npm into the system's temporary folder, once; each run has a home folder of its own.
// Does not run in the suite (it needs the network to install), call a model, or leave a process behind.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import type { Store } from "../../src/access/store.ts";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { FACTORY_KEY, startGateway, type RunningGateway } from "../support/gateway.ts";
import { keyRecord } from "../support/stored.ts";
import { startUpstream } from "../support/upstream.ts";
import type { Agent } from "./agent.ts";
import { CLAUDE_CODE } from "./claude-code.ts";
import { CLINE } from "./cline.ts";
import { CODEX_BUILT_IN } from "./codex-built-in.ts";
import { CODEX } from "./codex.ts";
import { COPILOT } from "./copilot.ts";
import { GEMINI_CLI } from "./gemini-cli.ts";
import { OPENCODE } from "./opencode.ts";
import { install, print, run } from "./packages.ts";
import { PI } from "./pi.ts";
import { QWEN_CODE } from "./qwen-code.ts";
import { conversation } from "./upstream.ts";

const AGENTS: readonly Agent[] = [CLAUDE_CODE, CODEX, CODEX_BUILT_IN, GEMINI_CLI, OPENCODE, QWEN_CODE, COPILOT, CLINE, PI];
const ALL_MODELS = ["claude-sonnet-5", "gpt-5.5", "glm-5", "gemini-3.1-pro-preview"];
const PROTOCOL_NAMES: Readonly<Record<ProtocolId, string>> = {
  "openai-chat": "Chat",
  "openai-responses": "Responses",
  "anthropic-messages": "Messages",
  gemini: "Gemini",
};
const RUN_LIMIT_MS = 120_000;
const AT_ONCE = 2;
const SHOWN_CHARACTERS = 1500;

interface Case {
  /** Agent and protocol. */
  readonly title: string;
  readonly agent: Agent;
  readonly protocol: ProtocolId;
  readonly model: string;
}

const EMPTY_BUDGET = "--empty-budget";
/** How often an agent may ask whose budget is used up. */
const MOST_REFUSED = 2;
const hasBudget = !process.argv.includes(EMPTY_BUDGET);
const asked = process.argv
  .slice(2)
  .filter((word) => word !== EMPTY_BUDGET)
  .map((word) => word.toLowerCase());
const rows = AGENTS.flatMap((agent) =>
  agent.protocols.map((protocol) => ({ agent, protocol, title: `${agent.name}, ${PROTOCOL_NAMES[protocol]}` })),
);
const chosen = rows.filter(({ title }) => asked.length === 0 || asked.some((word) => title.toLowerCase().startsWith(word)));
/** What is refused is refused whatever the model. */
const MODELS = hasBudget ? ALL_MODELS : ALL_MODELS.slice(0, 1);
const programs = new Map<Agent, string>();
for (const { agent } of chosen) programs.set(agent, programs.get(agent) ?? (await install(agent)));

const cases = chosen.flatMap((row) => MODELS.map((model): Case => ({ ...row, model })));
const faults = new Map<Case, string | null>();
const queue = cases.filter((one) => unfit(one) === null);
await Promise.all(Array.from({ length: AT_ONCE }, work));
print(`\n${table()}`);
process.exitCode = [...faults.values()].every((fault) => fault === null) ? 0 : 1;

function unfit({ agent, protocol, model }: Case): string | null {
  return agent.unfit?.(protocol, model) ?? null;
}

async function work(): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const startedMs = performance.now();
    const fault = await faultOf(next);
    faults.set(next, fault);
    print(`${next.title}, ${next.model}: ${fault ?? "ok"} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`);
  }
}

/** One task: null where the tool ran and the last text came. */
async function faultOf({ agent, protocol, model }: Case): Promise<string | null> {
  const home = mkdtempSync(join(tmpdir(), "agent-home-"));
  const folder = join(home, "project");
  const proof = join(folder, "proof.txt");
  const word = `ran-${crypto.randomUUID().slice(0, 8)}`;
  const text = `All done, ${word} is written.`;
  mkdirSync(folder);
  const upstream = await startUpstream({ key: FACTORY_KEY, converse: conversation({ command: `echo ${word} > proof.txt`, proof, text }) });
  const gateway = await startGateway({ upstream, ...(hasBudget ? {} : { store: await storeOfEmptyBudget() }) });
  try {
    const { url, key } = gateway;
    const task = "Write the file proof.txt with your shell, then say that you are done.";
    const { words, environment = {}, files = {} } = agent.launch({ url, key, model, protocol, task });
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), content);
    }
    const { code, printed } = await run([programs.get(agent) ?? agent.program, ...words], {
      folder,
      limitMs: RUN_LIMIT_MS,
      environment: { HOME: home, XDG_CONFIG_HOME: join(home, ".config"), XDG_DATA_HOME: join(home, ".local/share"), ...environment },
    });
    if (!hasBudget) return refusedFault(gateway, printed);
    const hasRun = existsSync(proof) && readFileSync(proof, "utf8").trim() === word;
    const hasSaid = agent.said?.(printed, text) ?? printed.includes(text);
    if (code === 0 && hasRun && hasSaid) return null;
    const calls = gateway.lines
      .filter(({ event }) => event === "request")
      .map((line) => `${String(line["path"])} ${String(line["status"])}`);
    const refusals = gateway.lines.flatMap((line) => (line["message"] === undefined ? [] : [String(line["message"])]));
    const end = printed.slice(-SHOWN_CHARACTERS);
    const story = [`exit ${code}`, hasRun ? "the tool ran" : "the tool did not run", hasSaid ? "the text came" : "the text did not come"];
    return `${story.join(", ")}\n  ${calls.join("\n  ")}\n  ${refusals.join("\n  ")}\n${end}\n`;
  } finally {
    await gateway.stop();
    await upstream.stop();
    rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function storeOfEmptyBudget(): Promise<Store> {
  const store = new MemoryStore();
  const record = keyRecord("env-1", { hash: null });
  await store.insertKey({
    ...record,
    rules: { ...record.rules, budgets: [{ amount: 0, unit: "usd", period: "day" }], zone: "Asia/Shanghai" },
  });
  return store;
}

/** One refusal, at most two, and what it said in front of whoever sits there. Codex says the time in its own words. */
function refusedFault({ lines }: RunningGateway, printed: string): string | null {
  const calls = lines.filter(({ event }) => event === "request").map((line) => `${String(line["path"])} ${String(line["status"])}`);
  const refused = calls.filter((call) => / (?:402|429)$/.test(call));
  const hasSaid = /has used 0\.00 of 0\.00 USD|hit your usage limit/.test(printed);
  print(
    `  ${refused.length} refused; ${/[^\n]*(?:has used 0\.00|hit your usage limit)[^\n]*/.exec(printed)?.[0].trim().slice(0, 300) ?? "nothing shown"}`,
  );
  if (refused.length > 0 && refused.length <= MOST_REFUSED && hasSaid) return null;
  return `${refused.length} refused, ${hasSaid ? "shown" : "not shown"}\n  ${calls.join("\n  ")}\n${printed.slice(-SHOWN_CHARACTERS)}\n`;
}

function table(): string {
  const head = `| Agent | Version | Protocol | ${MODELS.join(" | ")} |\n| --- | --- | --- |${" --- |".repeat(MODELS.length)}`;
  const lines = chosen.map(({ agent, protocol }) => {
    const results = cases
      .filter((one) => one.agent === agent && one.protocol === protocol)
      .map((one) => (unfit(one) !== null ? "n/a" : faults.get(one) === null ? "ok" : "fails"));
    return `| ${agent.name} | ${agent.version} | ${PROTOCOL_NAMES[protocol]} | ${results.join(" | ")} |`;
  });
  const notes = cases.flatMap((one) => unfit(one) ?? []);
  const marked = [...new Set(notes)].map((note) => `\nn/a: ${note}.`);
  return [head, ...lines, ...marked].join("\n");
}
