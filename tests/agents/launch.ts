// `bun run agents:launch [AGENT ...]`: agents as people install them run one tool task through `factory-proxy launch`, with one model of each
// protocol; prints the table of src/cli/README.md. Each run has a home folder of its own, empty at first.
// Does not run in the suite (it needs the network to install), or call a model.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Agent } from "../../src/cli/agents/agent.ts";
import { AGENTS } from "../../src/cli/agents/agents.ts";
import { FACTORY_KEY } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";
import { install, print, run } from "./packages.ts";
import { conversation } from "./upstream.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const MODELS = ["claude-sonnet-5", "gpt-5.5", "glm-5", "gemini-3.1-pro-preview"];
const RUN_LIMIT_MS = 180_000;
const AT_ONCE = 2;
const SHOWN_CHARACTERS = 1500;
const TASK = "Write the file proof.txt with your shell, then say that you are done.";

/** How each does a task without a person: what stands behind `--`. */
const TASK_WORDS: Readonly<Record<string, readonly string[]>> = {
  claude: ["-p", TASK, "--allowedTools", "Bash"],
  codex: ["exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", TASK],
  gemini: ["-p", TASK, "--yolo", "-o", "json", "--skip-trust"],
  opencode: ["run", "--format", "json", TASK],
  qwen: ["-p", TASK, "--yolo", "-o", "json"],
  copilot: ["-p", TASK, "--allow-all-tools", "--no-auto-update"],
  droid: ["exec", "--skip-permissions-unsafe", TASK],
  pi: ["--no-session", "-p", TASK],
  cline: ["--json", "-t", "60", TASK],
};
/** A test asks nobody for a newer version. */
const QUIET = {
  CLINE_NO_AUTO_UPDATE: "1",
  DISABLE_AUTOUPDATER: "1",
  OPENCODE_DISABLE_AUTOUPDATE: "1",
  OPENCODE_DISABLE_MODELS_FETCH: "1",
  PI_OFFLINE: "1",
};

const asked = process.argv.slice(2);
const chosen = AGENTS.filter(({ id }) => asked.length === 0 || asked.includes(id));
const programs = new Map<Agent, string>();
for (const agent of chosen) programs.set(agent, await install(agent));
const cases = chosen.flatMap((agent) => MODELS.map((model) => ({ agent, model })));
type Case = (typeof cases)[number];
const faults = new Map<Case, string | null>();
const queue = [...cases];
await Promise.all(Array.from({ length: AT_ONCE }, work));
print(`\n${table()}`);
process.exitCode = [...faults.values()].every((fault) => fault === null) ? 0 : 1;

async function work(): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const fault = await faultOf(next);
    faults.set(next, fault);
    print(`${next.agent.id}, ${next.model}: ${fault ?? "ok"}`);
  }
}

/** Null where the tool ran, the last text came, and the line about usage stands at the end. */
async function faultOf({ agent, model }: Case): Promise<string | null> {
  const home = mkdtempSync(join(tmpdir(), "agent-home-"));
  const folder = join(home, "project");
  const proof = join(folder, "proof.txt");
  const word = `ran-${crypto.randomUUID().slice(0, 8)}`;
  const text = `All done, ${word} is written.`;
  mkdirSync(folder);
  const upstream = await startUpstream({ key: FACTORY_KEY, converse: conversation({ command: `echo ${word} > proof.txt`, proof, text }) });
  try {
    const words = [process.execPath, MAIN, "launch", agent.id, "--model", model, "--", ...(TASK_WORDS[agent.id] ?? [])];
    const { code, printed } = await run(words, {
      folder,
      limitMs: RUN_LIMIT_MS,
      environment: {
        PATH: [dirname(programs.get(agent) ?? ""), process.env["PATH"] ?? ""].join(delimiter),
        HOME: home,
        PORT: "0",
        DATABASE_URL: "memory:",
        FACTORY_BASE_URL: upstream.url,
        FACTORY_API_KEY: FACTORY_KEY,
        ...QUIET,
      },
    });
    const hasRun = existsSync(proof) && readFileSync(proof, "utf8").trim() === word;
    const hasSaid = printed.includes(text);
    const hasCounted = new RegExp(`launch-${agent.id}-\\w+: \\d+ calls?, `).test(printed);
    if (code === 0 && hasRun && hasSaid && hasCounted) return null;
    return `exit ${code}, ${JSON.stringify({ hasRun, hasSaid, hasCounted })}\n${printed.slice(-SHOWN_CHARACTERS)}\n`;
  } finally {
    await upstream.stop();
    rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

function table(): string {
  const head = `| Agent | Version | ${MODELS.join(" | ")} |\n| --- | --- |${" --- |".repeat(MODELS.length)}`;
  const lines = chosen.map((agent) => {
    const results = cases.filter((one) => one.agent === agent).map((one) => (faults.get(one) === null ? "ok" : "fails"));
    return `| ${agent.title} | ${agent.version} | ${results.join(" | ")} |`;
  });
  return [head, ...lines].join("\n");
}
